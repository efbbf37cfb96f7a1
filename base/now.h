/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Time as our code sees it: a number that the driver of a loop sets once per turn. Protocol code
 * reads it through a pointer and never asks the system, so a test can run hours of it in a moment.
 * Monotonic; its zero means nothing. */
#ifndef MOQ_BASE_NOW_H
#define MOQ_BASE_NOW_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct moq_clock {
    uint64_t now_ns; /* read-only, but for the driver */
};

#ifdef __cplusplus
}
#endif
#endif
