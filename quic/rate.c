/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Measures windows of acknowledged bytes of at least one round trip, and takes the highest of the
 * last ones. A window begins and ends with an acknowledgement, so the gap before the first one is
 * in no window. */
#include "quic/rate.h"

#include "base/clock.h"

static void start_range(struct rate *rate, uint64_t from, bool is_burst)
{
    /* Bytes still in flight from the last time may have been followed by a pause. */
    rate->from = from;
    rate->at_ns = 0;
    rate->is_burst = is_burst;
}

void rate_sent(struct rate *rate, uint64_t sent, uint64_t spent, bool is_waiting)
{
    uint64_t before = sent > spent ? sent - spent : 0;
    bool is_full = is_waiting || rate->is_waiting, is_measuring = rate->delivered < rate->until;
    bool is_burst = !is_full && !is_measuring && rate_is_burst(spent) && rate_bps(rate);
    if (is_burst || (is_waiting && !rate->is_waiting))
        start_range(rate, before, is_burst);
    if (is_burst || is_full)
        rate->until = sent;
    rate->is_waiting = is_waiting;
}

static void take_rate_sample(struct rate *rate, uint64_t bytes, uint64_t ns)
{
    uint64_t kbps = bytes * 8 * NS_PER_MS / ns;
    rate->kbps[rate->next] = kbps < UINT32_MAX ? (uint32_t)kbps : UINT32_MAX;
    rate->next = (uint8_t)((rate->next + 1) % RATE_SAMPLES);
}

/* The acknowledgements of a burst may come in a bunch, within less than a round trip. So its rate
 * is taken as if they had come in one, and counts only if it is the highest even so. */
static bool take_burst_sample(struct rate *rate, uint64_t bytes, uint64_t ns, uint64_t rtt_ns)
{
    uint64_t least_ns = rtt_ns > RATE_WINDOW_MS * NS_PER_MS ? rtt_ns : RATE_WINDOW_MS * NS_PER_MS;
    if (ns < least_ns)
        ns = least_ns;
    if (bytes * 8 * NS_PER_MS / ns * 1000 <= rate_bps(rate))
        return false;
    take_rate_sample(rate, bytes, ns);
    return true;
}

/* The window of a burst begins with its first acknowledgement and ends when all of it has arrived.
 * Bytes from after it have arrived in that time, too. */
static bool burst_acked(struct rate *rate, uint64_t rtt_ns, uint64_t now_ns)
{
    uint64_t bytes = rate->delivered - rate->at_bytes, ns = now_ns - rate->at_ns;
    bool has_window = rate->at_ns > 0, is_over = rate->delivered >= rate->until;
    if (!has_window) {
        rate->at_bytes = rate->delivered;
        rate->at_ns = now_ns;
    }
    if (!is_over)
        return false;
    rate->from = rate->until;
    return has_window && take_burst_sample(rate, bytes, ns, rtt_ns);
}

bool rate_acked(struct rate *rate, uint64_t delivered, uint64_t rtt_ns, uint64_t now_ns)
{
    if (delivered <= rate->from || delivered <= rate->delivered)
        return false;
    rate->delivered = delivered;
    if (rate->is_burst)
        return rate_is_busy(rate) && burst_acked(rate, rtt_ns, now_ns);
    if (delivered > rate->until) { /* it includes bytes from after the range */
        rate->from = rate->until;
        rate->at_ns = 0;
        return false;
    }
    uint64_t bytes = delivered - rate->at_bytes, ns = now_ns - rate->at_ns;
    bool is_enough = bytes >= RATE_WINDOW_BYTES && ns >= rtt_ns && ns >= RATE_WINDOW_MS * NS_PER_MS;
    bool has_window = rate->at_ns > 0;
    if (has_window && !is_enough)
        return false;
    if (has_window)
        take_rate_sample(rate, bytes, ns);
    rate->at_bytes = delivered;
    rate->at_ns = now_ns;
    return has_window;
}

uint64_t rate_bps(const struct rate *rate)
{
    uint64_t most = 0;
    for (int i = 0; i < RATE_SAMPLES; i++)
        most = rate->kbps[i] > most ? rate->kbps[i] : most;
    return most * 1000;
}
