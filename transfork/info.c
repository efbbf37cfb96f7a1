/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Info streams, opened by either side: one request, one answer.
 * Tested by tests/unit/transfork/test_ask.c. */
#include <stdlib.h>

#include "base/objects.h"
#include "transfork/message.h"
#include "transfork/query.h"
#include "transfork/request.h"

/* ---- The peer asks --------------------------------------------------------------------------- */

/* The peer ended its direction, which is normal; the answer may come later. */
static int info_request_end(struct moq_stream *stream, const uint8_t *left, size_t n)
{
    (void)stream, (void)left, (void)n;
    return 0;
}

static void info_request_over(struct moq_stream *stream, int error)
{
    (void)error;
    request_gone(stream->owner);
}

static const struct stream_ops asked_ops = {
    .read = stream_refuses_more, .on_end = info_request_end, .on_over = info_request_over};

int moq_request_send_info(struct moq_request *asked, const struct moq_info *info)
{
    struct request *request = request_of(asked);
    struct moq_stream *stream = request->stream;
    if (!stream || asked->kind != MOQ_REQUEST_INFO)
        return MOQ_ERR_INVALID;
    uint32_t version = asked->session->version;
    struct msg_info msg = {info->priority, message_order_to_wire(version, info->order),
                           info->expires_ms, info->latest};
    struct stream_message message;
    int error = message_encode_info(version, stream_compose(&message), &msg);
    error = stream_send(stream, &message, error);
    if (error) {
        moq_request_refuse(asked, error);
        return error;
    }
    stream_detach(stream);
    stream_finish(stream);
    request_done(request);
    return 0;
}

static long read_info_please(struct moq_stream *stream, const uint8_t *data, size_t n)
{
    struct moq_path *path;
    size_t used;
    int error = message_decode_info_please(data, n, &used, &path);
    if (error)
        return error;
    struct request *request = request_new(stream, MOQ_REQUEST_INFO, &path);
    if (!request)
        return MOQ_ERR_BOUNDS;
    stream_attach(stream, &asked_ops, request);
    request_deliver(request);
    return (long)used;
}

static const struct stream_ops please_ops = {.read = read_info_please,
                                             .on_end = stream_ends_too_early};

void info_answer_begin(struct moq_stream *stream)
{
    stream_attach(stream, &please_ops, NULL);
}

/* ---- We ask ---------------------------------------------------------------------------------- */

struct moq_info_query {
    struct query query;
    const struct moq_info *info; /* NULL: no answer came */
    moq_on_info *on_info;
    void *user;
};

static void tell_info(struct query *query, int error)
{
    struct moq_info_query *asking = container_of(query, struct moq_info_query, query);
    asking->on_info(asking->user, error, asking->info);
}

static void info_query_free(struct grave *grave)
{
    free(container_of(grave, struct moq_info_query, query.grave));
    object_died(OBJECT_info_query);
}

static const struct query_kind info_kind = {.tell_end = tell_info, .free = info_query_free};

static long read_info(struct moq_stream *stream, const uint8_t *data, size_t n)
{
    struct query *query = stream->owner;
    uint32_t version = stream->session->version;
    struct msg_info msg;
    size_t used;
    int error = message_decode_info(version, data, n, &used, &msg);
    if (error)
        return error;
    struct moq_info info = message_info_from_wire(version, &msg);
    stream_detach(stream);
    container_of(query, struct moq_info_query, query)->info = &info;
    query_end(query, 0);
    return (long)used;
}

static int answer_end(struct moq_stream *stream, const uint8_t *left, size_t n)
{
    (void)stream, (void)left;
    return n > 0 ? MOQ_ERR_DECODE : MOQ_ERR_NOT_FOUND;
}

static const struct stream_ops answer_ops = {
    .read = read_info, .on_end = answer_end, .on_over = query_stream_over, .ignores_stop = true};

static int write_info_please(struct query *query, struct moq_path *path)
{
    struct stream_message message;
    int error = message_encode_info_please(stream_compose(&message), path);
    error = stream_send(query->stream, &message, error);
    stream_finish(query->stream);
    return error;
}

struct moq_info_query *moq_session_info(struct moq_session *session, struct moq_path *path,
                                        moq_on_info *on_info, void *user)
{
    if (!session_is_ready(session))
        return NULL;
    struct moq_info_query *asking = calloc(1, sizeof *asking);
    if (!asking)
        return NULL;
    asking->query.kind = &info_kind;
    asking->query.session = session;
    asking->on_info = on_info;
    asking->user = user;
    object_born(OBJECT_info_query);
    if (query_open(&asking->query, BIDI_INFO, &answer_ops) ||
        write_info_please(&asking->query, path))
        moq_info_query_close(&asking);
    return asking;
}

void moq_info_query_close(struct moq_info_query **query_ref)
{
    struct moq_info_query *asking = *query_ref;
    *query_ref = NULL;
    if (asking)
        query_cancel(&asking->query);
}
