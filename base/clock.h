/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Time as our code sees it: a number that the driver of a loop sets once per turn. Protocol code
 * reads it through a pointer and never asks the system, so a test can run hours of it in a moment.
 * Monotonic; its zero means nothing. */
#ifndef MOQ_BASE_CLOCK_H
#define MOQ_BASE_CLOCK_H

#include <stdint.h>

#include "base/symbols.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

/* A deadline that never comes. */
#define CLOCK_NEVER UINT64_MAX

struct clock {
    uint64_t now_ns; /* read-only, but for the driver */
};

/* CLOCK_MONOTONIC in nanoseconds. For drivers only. */
uint64_t clock_monotonic_ns(void);

/* Wall-clock time in milliseconds since 1970, for names and dates, never for waiting. */
uint64_t clock_wall_ms(void);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
