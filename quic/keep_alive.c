/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sets how long ngtcp2 waits before it sends a PING (RFC 9000, section 10.1.2).
 * Tested by tests/sim/test_paths.c. */
#include "quic/keep_alive.h"

void keep_alive_init(struct keep_alive *self, ngtcp2_conn *quic, uint64_t quiet_ns, bool is_client)
{
    bool is_off = quiet_ns == 0 || quiet_ns == CLOCK_NEVER;
    if (!is_client && !is_off)
        quiet_ns -= quiet_ns / KEEP_ALIVE_SERVER_LEAD;
    *self = (struct keep_alive){.quiet_ns = quiet_ns, .is_client = is_client};
    ngtcp2_conn_set_keep_alive_timeout(quic, quiet_ns);
}

void keep_alive_heard(struct keep_alive *self, ngtcp2_conn *quic, uint64_t now_ns)
{
    bool is_off = self->quiet_ns == 0 || self->quiet_ns == CLOCK_NEVER;
    if (!self->is_client || is_off || self->quiet_ns <= KEEP_ALIVE_ATTENTIVE_NS)
        return;
    self->data_at_ns = now_ns;
    if (!self->is_attentive)
        ngtcp2_conn_set_keep_alive_timeout(quic, KEEP_ALIVE_ATTENTIVE_NS);
    self->is_attentive = true;
}

/* Goes back to the configured time when a PING has been answered but no data has come: the server
 * is alive and has nothing to send. */
void keep_alive_expired(struct keep_alive *self, ngtcp2_conn *quic, uint64_t now_ns)
{
    if (!self->is_attentive || now_ns < self->data_at_ns + 2 * KEEP_ALIVE_ATTENTIVE_NS)
        return;
    self->is_attentive = false;
    ngtcp2_conn_set_keep_alive_timeout(quic, self->quiet_ns);
}
