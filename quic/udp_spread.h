/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Makes one socket look like many machines: each connection's packets are delayed by a time of
 * their own, as if the path were longer. Load generators need this, because the answers of a
 * thousand connections in one process leave in bursts, whereas from the Internet they trickle in.
 * Private to quic/udp.c, which uses it between the endpoint and the socket. It has no sockets and
 * no clock.
 *
 * The delay depends on the connection ID in the packets, so those of a connection keep their
 * order. */
#ifndef MOQ_QUIC_UDP_SPREAD_H
#define MOQ_QUIC_UDP_SPREAD_H

#include "quic/quic.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The most that may wait; more is refused with MOQ_ERR_AGAIN. */
enum { SPREAD_MAX_TRAINS = 16384, SPREAD_MAX_BYTES = 32 << 20 };

struct udp_spread;

/* Delays are from 0 to `most_ns`. NULL: out of memory. */
struct udp_spread *udp_spread_new(uint64_t most_ns);
void udp_spread_free(struct udp_spread **spread); /* with what waits; may point to NULL */

/* Takes a copy. 0; MOQ_ERR_AGAIN: too much waits; MOQ_ERR_NOMEM. */
int udp_spread_put(struct udp_spread *spread, uint64_t now_ns, const struct quic_datagram *train);

/* Returns the first train that is due at `now_ns` (CLOCK_NEVER: all are due), and the same one
 * again until udp_spread_drop() removes it. NULL: none is due. */
const struct quic_datagram *udp_spread_first(struct udp_spread *spread, uint64_t now_ns);
void udp_spread_drop(struct udp_spread *spread);

/* When the next train is due, apart from the one that udp_spread_first() has returned; CLOCK_NEVER:
 * none waits. */
uint64_t udp_spread_deadline(const struct udp_spread *spread);

#ifdef __cplusplus
}
#endif
#endif
