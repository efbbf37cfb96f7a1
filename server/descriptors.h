/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How many descriptors a configuration needs, and whether this process may have them. */
#ifndef MOQ_SERVER_DESCRIPTORS_H
#define MOQ_SERVER_DESCRIPTORS_H

#include <stdbool.h>

#include "server/config/config.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    DESCRIPTORS_TEXT_BYTES = 512,
    DESCRIPTORS_FIRST_LOOP = 6, /* of main's loop: epoll, two pipes of signals, wake-ups */
};

enum descriptors_verdict {
    DESCRIPTORS_SUFFICE,
    DESCRIPTORS_MAY_RUN_OUT, /* a start works, but more may be needed later than the limit allows */
    DESCRIPTORS_TOO_FEW,     /* a start would fail */
};

/* Call it before any loop is made. `text` says what is needed and what to do; "" if the limit
 * suffices. */
enum descriptors_verdict descriptors_judge(const struct relay_config *config,
                                           char text[DESCRIPTORS_TEXT_BYTES]);

#ifdef __cplusplus
}
#endif
#endif
