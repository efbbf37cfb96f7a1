/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How many descriptors a configuration needs, and whether this process may have them. */
#ifndef MOQ_SERVER_DESCRIPTORS_H
#define MOQ_SERVER_DESCRIPTORS_H

#include <stdbool.h>

#include "server/config/config.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { DESCRIPTORS_TEXT_BYTES = 512 };

enum descriptors_verdict {
    DESCRIPTORS_SUFFICE,
    DESCRIPTORS_MAY_RUN_OUT, /* it starts, but not all that it allows fits at the same time */
    DESCRIPTORS_TOO_FEW,     /* a start would fail */
};

/* To be called before any loop is made. `text` says what is needed and what to do; "" where they
 * suffice. */
enum descriptors_verdict descriptors_judge(const struct relay_config *config,
                                           char text[DESCRIPTORS_TEXT_BYTES]);

#ifdef __cplusplus
}
#endif
#endif
