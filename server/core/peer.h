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
    struct moq_session *session;     /* NULL until it is agreed */
    struct moq_announced *announced; /* what it publishes */
    struct list announcements;       /* announcement.owner_node */
    struct core_request *request;    /* owned: hooks decide whether it may come in; else NULL */
    bool is_denied;
    bool has_starved; /* the log has said that it allows too few streams */
    char address[64];
    /* In one piece of memory with the peer, as long as they are: see peer_new for their bounds. */
    const char *path, *query, *origin, *server_name;
    struct chain_member member;
};

/* A request to it waited too long for one more stream: counts it, and says so once. */
void peer_note_starved(struct core_peer *peer);

/* It may not come in: counts it, and says so once. */
void peer_refuse(struct core_peer *peer, const char *reason);

/* One whose session is not there yet, with an empty request; hooks hear of its birth. NULL: out of
 * memory. */
struct core_peer *peer_new(struct router *router, const struct moq_peer *info);
/* Its session is gone, and it announces nothing any more; hooks hear of its death. */
void peer_free(struct core_peer *peer);

#endif
