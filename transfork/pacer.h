/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A pacer lets bytes go at a rate. It is one number, the time at which all that was reserved will
 * have gone (GCRA), so viewers on several threads share one without a lock. Who needs bytes
 * reserves some and is told when they may go; everybody gets a turn in the order of asking.
 *
 * The rate belongs to whoever reserves: where several rates meet, each has its share of the
 * time. */
#ifndef MOQ_PACER_H
#define MOQ_PACER_H

#include "base/clock.h"
#include "transfork/transfork.h"

/* What an idle pacer lets go at once: as much as in this time, but at least a few packets. */
#define PACER_BURST_NS (100 * NS_PER_MS)
enum { PACER_BURST_BYTES = 6000 };

/* How much is reserved at once: as much as in this time, within these limits. */
#define PACER_STEP_NS (10 * NS_PER_MS)
enum { PACER_STEP_MIN_BYTES = 1500, PACER_STEP_MAX_BYTES = 64 << 10 };
uint64_t pacer_step(uint64_t rate_bps);

/* Reserves `n` bytes, at most PACER_STEP_MAX_BYTES, at a rate of at least MOQ_RATE_MIN_BPS. Returns
 * the time from which on they may go. Any thread. */
uint64_t pacer_reserve(struct moq_pacer *pacer, uint64_t rate_bps, uint64_t n, uint64_t now_ns);

/* Gives back what was reserved at this rate and not used. Any thread. */
void pacer_give_back(struct moq_pacer *pacer, uint64_t rate_bps, uint64_t n);

/* For a pacer that nobody shares, when its rate has changed: what the burst of a lower rate took in
 * advance is no more than the burst of the new rate. */
void pacer_change_rate(struct moq_pacer *pacer, uint64_t rate_bps, uint64_t now_ns);

#endif
