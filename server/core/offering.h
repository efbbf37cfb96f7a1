/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What peers are told of, and what is offered on their behalf, for entries that join relays. Part
 * of core's door. */
#ifndef MOQ_CORE_OFFERING_H
#define MOQ_CORE_OFFERING_H

#include "server/core/hooks.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The first part of paths with which relays tell each other of themselves. Whatever their grants
 * say, peers that are no relays are not told of them. */
#define CORE_INTERNAL "internal"
bool core_is_internal(const struct moq_path *path);

/* Which offers a peer is told of, of those that it may see; everything at first. */
enum core_telling {
    CORE_TELL_ALL,
    CORE_TELL_NEAR,    /* not of those that only other relays have announced */
    CORE_TELL_NOTHING, /* it learns by other ways */
};
/* Takes effect at once, as grants do. */
void core_peer_tell(struct core_peer *peer, enum core_telling telling);

/* What a peer has, although it has not announced it: an entry knows by other ways. */
struct core_peer_has {
    struct moq_path *path; /* as the peer knows it; references are taken to both */
    struct moq_path *name; /* under which it is offered; if it is internal, nobody is told */
    bool is_spare;         /* feeds a track only while no publisher does that is none */
};
/* Offers it until core_peer_withdraw or the end of the session. In all else it is an announcement
 * of the peer: its grants have to cover `path`, and hooks decide on it. An entry must not offer a
 * path twice. 0, MOQ_ERR_CLOSED (the peer has no session) or MOQ_ERR_NOMEM. */
int core_peer_offer(struct core_peer *peer, const struct core_peer_has *what);
/* What was offered as a spare is none any more, and newer than all others. */
int core_peer_promote(struct core_peer *peer, const struct moq_path *path);  /* or _NOT_FOUND */
int core_peer_withdraw(struct core_peer *peer, const struct moq_path *path); /* or _NOT_FOUND */

#ifdef __cplusplus
}
#endif
#endif
