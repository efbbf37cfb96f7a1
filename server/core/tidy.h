/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Giving memory back when peers are gone. Handshakes leave long-lived objects between their own
 * short-lived ones, so the heap keeps nearly all pages it ever had, though most of them are free.
 * What a worker's cache held stays with that worker's heap, of no use to the others. */
#ifndef MOQ_CORE_TIDY_H
#define MOQ_CORE_TIDY_H

#include <stdbool.h>
#include <stdint.h>

/* How often to look; how often at most to do it; and how much there must have been to make it worth
 * while: peers that come and go must not keep the relay tidying. */
enum {
    TIDY_LOOK_MS = 5 * 1000,
    TIDY_REST_MS = 60 * 1000,
    TIDY_LEAST_CONNECTIONS = 256,
    TIDY_LEAST_CACHE_BYTES = 64 << 20,
};

struct tidy {                  /* zeroed is ready */
    uint32_t most_connections; /* private, as all: at a time, since memory went back */
    uint64_t most_cache_bytes;
    uint64_t done_ns;
};

/* Told what there is now, often enough to see the most: whether half of the connections left, or
 * half of what the caches held, since memory went back. */
bool tidy_is_due(struct tidy *tidy, uint64_t now_ns, uint32_t connections, uint64_t cache_bytes);

/* Gives the free pages of all threads' heaps back. A thread that needs memory waits meanwhile: 0.1
 * to 0.3 ms for each megabyte of its own that goes, which is why it is done when much has gone at
 * once. */
void tidy_up(void);

#endif
