/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A request between its arrival and its answer: what subscribe_answer.c, fetch_answer.c and info.c
 * have in common. */
#ifndef MOQ_REQUEST_H
#define MOQ_REQUEST_H

#include "transfork/session_state.h"

#ifdef __cplusplus
extern "C" {
#endif

struct request {
    struct grave grave;
    struct list node;          /* in its session's requests */
    struct moq_request asked;  /* what the owner sees; its path is released with the request */
    struct moq_stream *stream; /* NULL once it is answered, refused or gone */
    uint64_t id;               /* SUBSCRIBE only: the id that the peer chose */
    uint64_t wire_priority, wire_order; /* INFO echoes them */
};

static inline struct request *request_of(struct moq_request *request)
{
    return container_of(request, struct request, asked);
}

/* A request that arrived on `stream`. Takes over the reference to the path, even if it fails. NULL:
 * the peer has too many requests, or out of memory. */
struct request *request_new(struct moq_stream *stream, enum moq_request_kind kind,
                            struct moq_path **path);

/* Passes it to the owner of the session, who may answer in the call; then the request is over on
 * return. */
void request_deliver(struct request *request);

/* The peer changed its wish: tells the owner, who may answer in the call. */
void request_updated(struct request *request);

/* The peer withdrew it: tells the owner. */
void request_gone(struct request *request);

/* It is answered, and its stream has another owner. */
void request_done(struct request *request);

/* Whether the range of the wish contains any group. */
bool wish_has_groups(const struct moq_wish *wish);

/* Applies an update. A range can only shrink. Returns 0, or MOQ_ERR_PROTOCOL if nothing is left of
 * it. */
int wish_update(struct moq_wish *wish, const struct moq_wish *update);

/* Whether the peer uses this id for a viewer, or for a request that may become one. */
bool request_has_id(const struct moq_session *session, uint64_t id);

#ifdef __cplusplus
}
#endif
#endif
