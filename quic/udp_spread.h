/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Makes one socket look like many machines: what each connection sends leaves later by a time of
 * its own, as if its path were longer. Load generators need it, because what a thousand connections
 * of one process answer leaves in bursts, and from the Internet it trickles. Private to quic/udp.c,
 * which holds this between the endpoint and the socket; no sockets and no clock in here.
 *
 * A connection is known by the connection ID in its packets, so its packets keep their order. */
#ifndef MOQ_QUIC_UDP_SPREAD_H
#define MOQ_QUIC_UDP_SPREAD_H

#include "quic/quic.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What waits at most; more is MOQ_ERR_AGAIN. */
enum { SPREAD_MAX_TRAINS = 16384, SPREAD_MAX_BYTES = 32 << 20 };

struct udp_spread;

/* The times are from 0 to `most_ns`. NULL: out of memory. */
struct udp_spread *udp_spread_new(uint64_t most_ns);
void udp_spread_free(struct udp_spread **spread); /* with what waits; may point to NULL */

/* Takes a copy. 0; MOQ_ERR_AGAIN: too much waits; MOQ_ERR_NOMEM. */
int udp_spread_put(struct udp_spread *spread, uint64_t now_ns, const struct quic_datagram *train);

/* The first train that is due at `now_ns` (CLOCK_NEVER: all are), until udp_spread_drop takes it
 * away; NULL: none. */
const struct quic_datagram *udp_spread_first(struct udp_spread *spread, uint64_t now_ns);
void udp_spread_drop(struct udp_spread *spread);

/* When the next one is due, besides udp_spread_first; CLOCK_NEVER: none waits. */
uint64_t udp_spread_deadline(const struct udp_spread *spread);

#ifdef __cplusplus
}
#endif
#endif
