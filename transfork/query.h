/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A query: something that we ask of the peer on a stream of its own. This is the common part of
 * announce_ask.c, subscribe_ask.c, fetch_ask.c and info.c. A query ends once: by itself or by the
 * peer, and then its owner is told, or because its owner closes it. */
#ifndef MOQ_QUERY_H
#define MOQ_QUERY_H

#include "transfork/session_state.h"

#ifdef __cplusplus
extern "C" {
#endif

struct query;

struct query_kind {
    /* Removes it from the session's lists. May be NULL. */
    void (*unlink)(struct query *query, int error);
    /* Tells the owner that it has ended. Not called after query_cancel. */
    void (*tell_end)(struct query *query, int error);
    void (*free)(struct grave *grave); /* at the end of the turn */
};

struct query {
    struct grave grave;
    const struct query_kind *kind;
    struct moq_session *session;
    struct moq_stream *stream; /* its `owner` is the query; NULL: ended by the peer, or over */
    bool is_over;
    bool is_closed; /* by its owner, perhaps inside what its end causes */
};

/* Opens its stream and sends no message yet. Returns 0 or MOQ_ERR_NOMEM. */
int query_open(struct query *query, uint64_t type, const struct stream_ops *ops);

/* Ends it and tells the owner. Does nothing if it is over already. */
void query_end(struct query *query, int error);

/* For stream_ops.on_over: ends the query along with its stream. */
void query_stream_over(struct moq_stream *stream, int error);

/* The owner closes it, and is not told. Does nothing if it is already over. */
void query_cancel(struct query *query);

#ifdef __cplusplus
}
#endif
#endif
