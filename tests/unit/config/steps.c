/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The counter, which compiled code increments at every basic block. */
#include "tests/unit/config/steps.h"

static uint64_t steps;

void __sanitizer_cov_trace_pc(void); /* the compiler's name for it */

void __sanitizer_cov_trace_pc(void)
{
    steps++;
}

uint64_t steps_taken(void)
{
    return steps;
}
