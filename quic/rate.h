/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Estimates the rate at which the network delivers what a connection sends, from what the peer
 * acknowledges while there is always more to send. It only computes, and sees neither packets nor a
 * clock.
 *
 * Times in which a connection has nothing more to send say little about the network and are left
 * out: a connection that pauses keeps its estimate, and one that never had to wait has none. While
 * the congestion window grows, the estimate grows with it. There is one exception: a burst, such as
 * a key frame, that arrives faster than the estimate raises it, so a network that has recovered is
 * known before there is more to send than it takes. Based on
 * draft-cheng-iccrg-delivery-rate-estimation-02, with time windows instead of a record per
 * packet. */
#ifndef MOQ_QUIC_RATE_H
#define MOQ_QUIC_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    RATE_SAMPLES = 10, /* the highest of this many windows is the estimate */
    /* A window has at least this many bytes and milliseconds, so that single acknowledgements,
     * which may come in bunches, carry little weight. */
    RATE_WINDOW_BYTES = 16 * 1200,
    RATE_WINDOW_MS = 10,
    /* Written at once. Fewer tell nothing, because a link may let some packets pass at once. */
    RATE_BURST_BYTES = 24 * 1200,
};

struct rate {             /* private; zeros: nothing is known */
    uint64_t from, until; /* range of sent bytes after which there was more to send, or a burst */
    uint64_t delivered;   /* bytes delivered at the last acknowledgement */
    uint64_t at_bytes, at_ns; /* where the window began; at_ns 0: there is none */
    uint32_t kbps[RATE_SAMPLES];
    uint8_t next;
    bool is_waiting; /* there is more to send than the network takes, so `until` still grows */
    bool is_burst;   /* the range is a burst: the network takes what is measured, or more */
};
/* Whether rate_acked() has anything to do. If not, it need not be called. */
static inline bool rate_is_busy(const struct rate *rate)
{
    return rate->is_waiting || rate->from < rate->until;
}

static inline bool rate_is_burst(uint64_t spent)
{
    return spent >= RATE_BURST_BYTES;
}

/* To be called after writing `spent` bytes. `sent`: all bytes sent so far, without lost ones.
 * `is_waiting`: congestion control holds back more. The call may be left out if it does not, did
 * not at the last call, and rate_is_burst() is false. */
void rate_sent(struct rate *rate, uint64_t sent, uint64_t spent, bool is_waiting);

/* To be called when acknowledgements have come: `delivered` bytes of those sent have arrived.
 * Returns whether there is a new estimate. */
bool rate_acked(struct rate *rate, uint64_t delivered, uint64_t rtt_ns, uint64_t now_ns);

/* The estimate in bits per second; 0: unknown. */
uint64_t rate_bps(const struct rate *rate);

#ifdef __cplusplus
}
#endif
#endif
