/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Decides when a quiet connection sends a PING. A client that only receives learns that its server
 * has been restarted only from its own PING. So it sends one after a second of silence if data was
 * arriving just before, otherwise after the configured time. Private to quic/. */
#ifndef MOQ_QUIC_KEEP_ALIVE_H
#define MOQ_QUIC_KEEP_ALIVE_H

#include <ngtcp2/ngtcp2.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KEEP_ALIVE_ATTENTIVE_NS NS_PER_S

/* A server sends its PING an eighth of the time earlier, so that its peers need not. It sends many
 * PINGs in one turn, whereas those of its peers would come one by one. */
enum { KEEP_ALIVE_SERVER_LEAD = 8 };

struct keep_alive {
    uint64_t quiet_ns;   /* private: silence before a PING as configured; 0 or CLOCK_NEVER: off */
    uint64_t data_at_ns; /* private: when stream data last came */
    bool is_client, is_attentive; /* private */
};

void keep_alive_init(struct keep_alive *self, ngtcp2_conn *quic, uint64_t quiet_ns, bool is_client);

/* To be called when stream data has come. */
void keep_alive_heard(struct keep_alive *self, ngtcp2_conn *quic, uint64_t now_ns);
/* To be called when a timer of the connection has gone off, which may be this one. */
void keep_alive_expired(struct keep_alive *self, ngtcp2_conn *quic, uint64_t now_ns);

#ifdef __cplusplus
}
#endif
#endif
