/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How fast the network takes what a connection sends, by what the peer acknowledged while there was
 * always more to send. Arithmetic only: no packets, no clock of its own.
 *
 * What a flow sends when it has nothing more to send says nothing about the network, so such times
 * are left out: a flow that pauses keeps the estimate it had, and one that never had to wait has
 * none. While the congestion window still grows, the estimate grows with it. After
 * draft-cheng-iccrg-delivery-rate-estimation-02, with windows of time in place of a record per
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
    RATE_SAMPLES = 10,             /* the highest of so many windows counts */
    RATE_WINDOW_BYTES = 16 * 1200, /* a window is at least so long: single acknowledgements, */
    RATE_WINDOW_MS = 10,           /* which may come in bunches, weigh little */
};

struct rate {                 /* zeros: nothing known; all private */
    uint64_t from, until;     /* of the sent bytes: those that had more after them */
    uint64_t delivered;       /* as of the last acknowledgement */
    uint64_t at_bytes, at_ns; /* where the window began; at_ns 0: there is none */
    uint32_t kbps[RATE_SAMPLES];
    uint8_t next;
    bool is_waiting; /* there is more to send than the network takes; `until` is open */
};

/* Whether rate_acked has anything to look at: otherwise there is no need to call it. */
static inline bool rate_is_busy(const struct rate *rate)
{
    return rate->is_waiting || rate->from < rate->until;
}

/* After a write of `spent` bytes: `sent` counts all that was, lost ones left out. `is_waiting`:
 * more would have been, but for congestion control. */
void rate_sent(struct rate *rate, uint64_t sent, uint64_t spent, bool is_waiting);

/* Acknowledgements came: `delivered` of the `sent` bytes have arrived. Returns whether there is a
 * new estimate. */
bool rate_acked(struct rate *rate, uint64_t delivered, uint64_t rtt_ns, uint64_t now_ns);

/* Bits per second; 0: unknown. */
uint64_t rate_bps(const struct rate *rate);

#ifdef __cplusplus
}
#endif
#endif
