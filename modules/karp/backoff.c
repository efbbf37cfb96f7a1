/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Doubles with each failure in a row.
 * Tested by tests/unit/modules/test_karp_request.c. */
#include "modules/karp/backoff.h"

/* splitmix64: jitter needs no secrecy. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t backoff_next_ms(struct backoff *backoff, uint64_t ran_ms)
{
    if (ran_ms >= BACKOFF_HEALTHY_MS)
        backoff->failures = 0;
    uint64_t wait_ms = BACKOFF_FIRST_MS;
    for (unsigned i = 0; i < backoff->failures && wait_ms < BACKOFF_MAX_MS; i++)
        wait_ms *= 2;
    if (wait_ms > BACKOFF_MAX_MS)
        wait_ms = BACKOFF_MAX_MS;
    else
        backoff->failures++;
    uint64_t spread_ms = wait_ms * BACKOFF_JITTER_PERCENT / 100;
    return wait_ms - spread_ms + next_random(&backoff->random) % (2 * spread_ms + 1);
}
