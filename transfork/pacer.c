/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The generic cell rate algorithm on one atomic number. */
#include "transfork/pacer.h"

enum { BITS = 8 }; /* of a byte */

/* How long `n` bytes take. */
static uint64_t cost_ns(uint64_t rate_bps, uint64_t n)
{
    return n * BITS * NS_PER_S / rate_bps;
}

static uint64_t burst_ns(uint64_t rate_bps)
{
    uint64_t least_ns = cost_ns(rate_bps, PACER_BURST_BYTES);
    return least_ns > PACER_BURST_NS ? least_ns : PACER_BURST_NS;
}

uint64_t pacer_step(uint64_t rate_bps)
{
    uint64_t bytes = rate_bps / (NS_PER_S / PACER_STEP_NS) / BITS;
    if (bytes > PACER_STEP_MAX_BYTES)
        return PACER_STEP_MAX_BYTES;
    return bytes < PACER_STEP_MIN_BYTES ? PACER_STEP_MIN_BYTES : bytes;
}

uint64_t pacer_reserve(struct moq_pacer *pacer, uint64_t rate_bps, uint64_t n, uint64_t now_ns)
{
    uint64_t cost = cost_ns(rate_bps, n), burst = burst_ns(rate_bps), all_ns;
    uint64_t due_ns = __atomic_load_n(&pacer->due_ns, __ATOMIC_RELAXED);
    do
        all_ns = (due_ns > now_ns ? due_ns : now_ns) + cost;
    while (!__atomic_compare_exchange_n(&pacer->due_ns, &due_ns, all_ns, true, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED));
    return all_ns > now_ns + burst ? all_ns - burst : now_ns;
}

void pacer_give_back(struct moq_pacer *pacer, uint64_t rate_bps, uint64_t n)
{
    __atomic_fetch_sub(&pacer->due_ns, cost_ns(rate_bps, n), __ATOMIC_RELAXED);
}

void pacer_change_rate(struct moq_pacer *pacer, uint64_t rate_bps, uint64_t now_ns)
{
    uint64_t most_ns = now_ns + burst_ns(rate_bps);
    pacer->due_ns = pacer->due_ns < most_ns ? pacer->due_ns : most_ns;
}
