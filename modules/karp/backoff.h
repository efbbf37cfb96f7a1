/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How long a source that has died waits before it is started again. */
#ifndef INGEST_BACKOFF_H
#define INGEST_BACKOFF_H

#include <stdint.h>

enum {
    BACKOFF_FIRST_MS = 1000,
    BACKOFF_MAX_MS = 60000,
    BACKOFF_JITTER_PERCENT = 25, /* up or down, so that sources that died together do not return
                                     together */
    BACKOFF_HEALTHY_MS = 30000,  /* whatever ran for this long begins with the first wait again */
};

struct backoff {
    unsigned failures; /* private: in a row */
    uint64_t random;   /* private: state of the jitter; set it to something of this source's own */
};

/* The time to wait before the next start, in milliseconds, after it ran for `ran_ms`. */
uint64_t backoff_next_ms(struct backoff *backoff, uint64_t ran_ms);

#endif
