/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A peer from the inside: one session, what it announces, what hooks know of it. */
#ifndef MOQ_CORE_PEER_H
#define MOQ_CORE_PEER_H

#include "server/core/chain.h"
#include "server/core/grants.h"
#include "server/core/guest.h"
#include "server/core/publisher.h"
#include "server/core/request.h"
#include "server/core/router.h"

struct core_peer {
    struct list node; /* router.peers */
    struct router *router;
    uint64_t number;
    struct quic_conn *conn;   /* NULL: a guest */
    struct core_guest *guest; /* NULL: a session */
    enum quic_protocol protocol;
    struct moq_session *session;     /* NULL until a version is agreed on */
    struct moq_announced *announced; /* the query for what it publishes */
    struct list announcements;       /* announcement.owner_node */
    struct core_request *request;    /* owned: what hooks decide on first; else NULL */
    struct grants *grants;           /* a reference; NULL: it may do everything */
    struct publisher *publisher;     /* a reference; NULL: not asked for since grants changed */
    int16_t refusal;                 /* the error with which it was refused; 0: it was not */
    bool has_starved;                /* it allows too few streams, and the log has said so */
    bool has_expired;                /* its grants have, so its session is being closed */
    bool is_dialled;                 /* the relay opened its session */
    uint8_t telling;                 /* enum core_telling */
    struct core_peer **dialled;      /* the dial's pointer to it, NULL when it dies; NULL: none */
    char address[64];
    /* Stored in the peer's own memory; peer.c has the limits of their lengths. */
    const char *path, *query, *origin, *server_name;
    struct chain_member member;
};

/* A query to this peer waited too long for a stream: counts it, and logs it the first time. */
void peer_note_starved(struct core_peer *peer);

/* Notes that the peer is refused: counts and logs it, once, and sets the words that it is
 * told. */
void peer_refuse(struct core_peer *peer, int error, const char *reason);

/* ---- Grants (peer_grants.c) ------------------------------------------------------------------ */

enum { PEER_NAME_BYTES = CORE_IDENTITY_BYTES + 40 };
/* "session 7 (alice)", for logs. Returns `out`. */
char *peer_name(const struct core_peer *peer, char out[PEER_NAME_BYTES]);

enum { PEER_LIMITS_BYTES = GRANTS_TEXT_BYTES + 32 };
/* Why it may not do more: "it may publish a/b only". Returns `out`. */
char *peer_limits(const struct core_peer *peer, enum core_action action,
                  char out[PEER_LIMITS_BYTES]);

/* Takes over the reference to `grants` (NULL: none) in place of the present ones. */
void peer_take_grants(struct core_peer *peer, struct grants *grants);
/* Sees to it that its grants expire in time. Also called when hooks have decided on the peer,
 * because grants that an entry set are undone if that entry goes. */
void peer_note_expiry(struct core_peer *peer);
/* Whether the peer may; logs it if not. */
bool peer_check_may(const struct core_peer *peer, enum core_action action,
                    const struct moq_path *path);
/* Closes the sessions whose grants have expired. Call it at each sweep. */
void peers_expire(struct router *router);

/* ---- Guests (peer_guest.c) ------------------------------------------------------------------- */

struct core_guest {
    struct list node; /* router.guests */
    struct core_peer *peer;
    const struct core_guest_ops *ops;
    void *user;
    bool is_allowed; /* hooks have let it in */
    bool is_over;    /* the next sweep frees it, and tells its owner if that is still to be done */
    enum core_denial end_denial; /* why it ends, with the reason */
    char end_reason[CORE_REASON_BYTES];
    char credential[];
};

/* Frees the guests that are over. Call it at each sweep. */
void guests_sweep(struct router *router);
void guests_stop(struct router *router); /* ends all, when the router ends */

/* ---- Life ------------------------------------------------------------------------------------ */

struct peer_text { /* part of a longer text; NULL: none */
    const char *data;
    size_t size;
};

/* What is known of a peer when it comes; borrowed. */
struct peer_card {
    struct peer_text path, query;
    const char *origin, *server_name; /* NULL: none */
    const char *address;
    enum quic_protocol protocol;
    struct quic_conn *conn;   /* NULL: a guest */
    struct core_guest *guest; /* NULL: a session */
};

/* A peer without a session yet, with an empty request. Hooks are told of its birth. NULL: out of
 * memory. */
struct core_peer *peer_new(struct router *router, const struct peer_card *card);
/* What other workers are told of it, borrowed. NULL: out of memory. */
struct publisher *peer_publisher(struct core_peer *peer);
/* Frees a peer whose session or guest is gone and that announces nothing any more. Hooks are told
 * of its death. */
void peer_free(struct core_peer *peer);

#endif
