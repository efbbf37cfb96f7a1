/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Included by unit tests: cmocka with the headers that it needs before it, and random numbers that
 * are the same in every run. */
#ifndef MOQ_TESTS_UNIT_PROLOGUE_H
#define MOQ_TESTS_UNIT_PROLOGUE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static inline uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

#endif
