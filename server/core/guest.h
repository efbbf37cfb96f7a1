/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Guests: publishers that reached the relay without a session, such as an encoder that sends its
 * media to a module by HTTP. Part of core's door.
 *
 * To hooks a guest is a peer like one with a session: it is born and dies, is asked about as a
 * session, gets grants, and its offers are announcements. It has no connection: its protocol is
 * QUIC_PROTOCOL_UNKNOWN, core_peer_session is NULL, its statistics are zero. Its session may be
 * closed (core_peer_close) and its grants may expire like any other.
 *
 * Everything here happens on the thread of the guest's worker. None of the callbacks is called from
 * inside the call of a hook that ends the guest; they may call anything here. */
#ifndef MOQ_CORE_GUEST_H
#define MOQ_CORE_GUEST_H

#include "server/core/feed.h"
#include "server/core/hooks.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    CORE_GUESTS_MAX = 1024,        /* of one worker at a time */
    CORE_CREDENTIAL_BYTES = 16384, /* the longest one */
};

struct core_guest;

/* What is known of a guest. Texts are copied; NULL: "". Path, query, origin and server name are cut
 * as those of sessions. */
struct core_guest_info {
    const char *address; /* of its other end, as text */
    const char *path, *query, *origin, *server_name;
    const char *credential; /* such as a bearer token, for hooks; never logged */
};

struct core_guest_ops { /* every entry may be NULL */
    /* Hooks have decided, perhaps before core_guest_open returns. If it is not allowed, this is the
     * last call, and the guest must not be used any more: `denial` and `reason` are for its other
     * end. */
    void (*on_decided)(void *user, bool is_allowed, enum core_denial denial, const char *reason);
    /* A hook closed the guest, its grants have expired, or the router ends. The last call; offers
     * that are left are removed after it. */
    void (*on_closed)(void *user, enum core_denial denial, const char *reason);
};

/* Asks hooks whether the guest may come in. `*guest` is set before they are asked, and is NULL on
 * return if they have denied it already. 0, MOQ_ERR_NOMEM, or MOQ_ERR_BOUNDS (the credential is too
 * long, or there are CORE_GUESTS_MAX guests); after an error nothing is called. */
int core_guest_open(struct router *router, const struct core_guest_info *info,
                    const struct core_guest_ops *ops, void *user, struct core_guest **guest);
/* Its other end has left: removes its offers and withdraws what hooks hold of it. No callback
 * follows. Hooks are told of its death at the next sweep. Sets *guest to NULL. */
void core_guest_close(struct core_guest **guest);
struct core_peer *core_guest_peer(struct core_guest *guest); /* as hooks see it */
/* Whether a guest that was let in is ending: then the next sweep calls on_closed with *denial and
 * *reason, which lives as long as the guest. */
bool core_guest_is_ending(const struct core_guest *guest, enum core_denial *denial,
                          const char **reason);

/* Whether an offer is announced. Told when hooks have decided on it, and again when other grants of
 * the guest change that. `self` is that of the offer. */
typedef void core_on_offer_decided(void *self, bool is_allowed, enum core_denial denial,
                                   const char *reason);

/* Like origin_add, on behalf of a guest that was let in: its grants and then hooks decide whether
 * the offer is announced, and hooks may rename it. `on_decided` (may be NULL) may be called before
 * this returns. The result is for origin_remove, which may be called in `on_decided` too, until the
 * guest is closed or its last call has returned. NULL: out of memory, or the guest was not let in,
 * or hooks had it closed. */
struct announcement *core_guest_offer(struct core_guest *guest, const struct origin_offer *offer,
                                      core_on_offer_decided *on_decided);

#ifdef __cplusplus
}
#endif
#endif
