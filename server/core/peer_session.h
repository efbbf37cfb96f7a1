/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where sessions come in. */
#ifndef MOQ_CORE_PEER_SESSION_H
#define MOQ_CORE_PEER_SESSION_H

#include "server/core/peer.h"

/* As moq_listener_events.on_peer: 0, and *config is filled in, or why it is refused. */
int peer_accept(struct router *router, const struct moq_peer *info,
                struct moq_session_config *config);

#endif
