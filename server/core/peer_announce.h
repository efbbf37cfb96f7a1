/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a peer announces: its grants and hooks decide on each announcement, which then joins its
 * route. */
#ifndef MOQ_CORE_PEER_ANNOUNCE_H
#define MOQ_CORE_PEER_ANNOUNCE_H

#include "server/core/peer.h"
#include "server/core/route.h"

/* Adds an announcement to those of the peer, and has it decided on. */
void peer_announce(struct core_peer *peer, struct announcement *announcement);
/* After its grants have changed: withdraws the announcements that they do not cover any more, and
 * asks hooks about those that they cover now. */
void peer_review_announcements(struct core_peer *peer);
/* Removes all of them. */
void peer_forget_announcements(struct core_peer *peer);

#endif
