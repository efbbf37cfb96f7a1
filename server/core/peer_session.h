/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The entrance of the router: a connection becomes a peer. */
#ifndef MOQ_CORE_PEER_SESSION_H
#define MOQ_CORE_PEER_SESSION_H

#include "server/core/peer.h"

/* As moq_listener_events.on_peer: returns 0 and fills in *config, or the error with which to refuse
 * the peer. */
int peer_accept(struct router *router, const struct moq_peer *info,
                struct moq_session_config *config);

/* The same for a session that the relay opens: nobody is asked about it. Takes a reference to
 * `grants` (NULL: none). *dialled is the peer until it dies, and then NULL. 0 or MOQ_ERR_NOMEM. */
int peer_dial(struct router *router, const struct moq_peer *info, struct grants *grants,
              struct moq_session_config *config, struct core_peer **dialled);
/* It gets no session. */
void peer_abandon(struct core_peer *peer);

#endif
