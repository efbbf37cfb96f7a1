/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The entrance of the router: a new connection becomes a peer. */
#ifndef MOQ_CORE_PEER_SESSION_H
#define MOQ_CORE_PEER_SESSION_H

#include "server/core/peer.h"

/* As moq_listener_events.on_peer: returns 0 and fills in *config, or the error with which to refuse
 * the peer. */
int peer_accept(struct router *router, const struct moq_peer *info,
                struct moq_session_config *config);

#endif
