/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Time as our code sees it: a number that the driver of a loop sets once per turn. Protocol code
 * reads it through a pointer and never asks the system, so a test can run hours of it in a moment.
 * The time is monotonic, and its zero is arbitrary. */
#ifndef MOQ_BASE_NOW_H
#define MOQ_BASE_NOW_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct moq_clock {
    uint64_t now_ns; /* written by the driver only */
};

#ifdef __cplusplus
}
#endif
#endif
