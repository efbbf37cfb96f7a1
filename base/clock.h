/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Units of time and the system's clocks. The system's clocks are for drivers of loops and for the
 * log; everything else reads a `struct moq_clock` (base/now.h). */
#ifndef MOQ_BASE_CLOCK_H
#define MOQ_BASE_CLOCK_H

#include <stdint.h>

#include "base/now.h"
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

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t clock_monotonic_ns(void);

/* Wall-clock time in milliseconds since 1970, for names and dates, never for waiting. */
uint64_t clock_wall_ms(void);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
