/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* When a quiet connection sends a PING. Who only receives learns by its own PING alone
 * that a server has been restarted: one that was just being sent something asks after a second of
 * silence, others as often as they are told to. Private to quic/. */
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

/* A server asks an eighth of that time earlier, so that its peers need not: it asks many of them in
 * one turn, they would ask one by one. */
enum { KEEP_ALIVE_SERVER_LEAD = 8 };

struct keep_alive {
    uint64_t quiet_ns;   /* private: of a connection that expects nothing; 0 or CLOCK_NEVER: off */
    uint64_t data_at_ns; /* private: when the peer last sent data of a stream */
    bool is_client, is_attentive; /* private */
};

void keep_alive_init(struct keep_alive *self, ngtcp2_conn *quic, uint64_t quiet_ns, bool is_client);

/* Data of a stream came. */
void keep_alive_heard(struct keep_alive *self, ngtcp2_conn *quic, uint64_t now_ns);

/* A timer of the connection went off, perhaps this one. */
void keep_alive_expired(struct keep_alive *self, ngtcp2_conn *quic, uint64_t now_ns);

#ifdef __cplusplus
}
#endif
#endif
