/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The life of a query: its stream is opened, it ends once, and it is freed after the turn.
 * Tested by tests/unit/transfork/test_ask.c. */
#include "transfork/query.h"

int query_open(struct query *query, uint64_t type, const struct stream_ops *ops)
{
    query->stream = stream_new_asking(query->session, type, ops, query);
    return query->stream ? 0 : MOQ_ERR_NOMEM;
}

/* Returns false if the query was over already. */
static bool bury_query(struct query *query, int error)
{
    if (query->is_over)
        return false;
    query->is_over = true;
    query->stream = NULL;
    if (query->kind->unlink)
        query->kind->unlink(query, error);
    session_bury(query->session, &query->grave, query->kind->free);
    return true;
}

void query_end(struct query *query, int error)
{
    if (bury_query(query, error) && !query->is_closed)
        query->kind->tell_end(query, error);
}

void query_stream_over(struct moq_stream *stream, int error)
{
    query_end(stream->owner, error);
}

void query_cancel(struct query *query)
{
    query->is_closed = true;
    if (query->stream)
        stream_abort(query->stream, MOQ_ERR_CANCELLED);
    bury_query(query, MOQ_ERR_CANCELLED);
}
