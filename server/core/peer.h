/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A peer from the inside: one accepted session, what it announces, what hooks know of it. */
#ifndef MOQ_CORE_PEER_H
#define MOQ_CORE_PEER_H

#include "server/core/chain.h"
#include "server/core/request.h"
#include "server/core/router.h"

struct core_peer {
    struct list node; /* router.peers */
    struct router *router;
    uint64_t number;
    struct quic_conn *conn;
    enum quic_protocol protocol;
    struct moq_session *session;     /* NULL until a version is agreed on */
    struct moq_announced *announced; /* the query for what it publishes */
    struct list announcements;       /* announcement.owner_node */
    struct core_request *request;    /* owned: what hooks decide on first; else NULL */
    bool is_denied;
    bool has_starved; /* it allows too few streams, and the log has said so */
    char address[64];
    /* Stored in the peer's own memory; peer.c has the limits of their lengths. */
    const char *path, *query, *origin, *server_name;
    struct chain_member member;
};

/* A query to this peer waited too long for a stream: counts it, and logs it the first time. */
void peer_note_starved(struct core_peer *peer);

/* Notes that the peer is refused: counts and logs it, once. */
void peer_refuse(struct core_peer *peer, const char *reason);

/* A peer without a session yet, with an empty request. Hooks are told of its birth. NULL: out of
 * memory. */
struct core_peer *peer_new(struct router *router, const struct moq_peer *info);
/* Frees a peer whose session is gone and that announces nothing any more. Hooks are told of its
 * death. */
void peer_free(struct core_peer *peer);

#endif
