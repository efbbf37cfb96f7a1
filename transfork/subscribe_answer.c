/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Subscribe streams that the peer opened: SUBSCRIBE becomes a request, the request becomes a
 * viewer.
 * Tested by tests/unit/transfork/test_states.c. */
#include "transfork/dialect.h"
#include "transfork/message.h"
#include "transfork/request.h"
#include "transfork/viewer.h"

/* ---- While it is served ---------------------------------------------------------------------- */

/* The wish of an update at the front of `data`. Returns as stream_ops.read. */
static long decode_update(struct moq_stream *stream, const uint8_t *data, size_t n, bool is_end,
                          struct moq_wish *wish)
{
    uint32_t version = stream->session->version;
    struct msg_wish msg;
    size_t used;
    int error = message_decode_subscribe_update(version, data, n, is_end, &used, &msg);
    if (error)
        return error;
    *wish = message_wish_from_wire(version, &msg);
    return (long)used;
}

static long read_viewer_update(struct moq_stream *stream, const uint8_t *data, size_t n)
{
    struct moq_wish wish;
    long used = decode_update(stream, data, n, false, &wish);
    if (used > 0)
        viewer_update_wish(stream->owner, &wish);
    return used;
}

/* The peer ends its subscription. An update right before the end has no effect any more, but must
 * be well-formed. Returns 0 or MOQ_ERR_DECODE. */
static int end_subscribe(struct moq_stream *stream, const uint8_t *left, size_t n)
{
    struct moq_wish wish;
    if (n > 0 && decode_update(stream, left, n, true, &wish) != (long)n)
        return MOQ_ERR_DECODE;
    stream_detach(stream);
    stream_finish(stream);
    return 0;
}

static int end_viewer(struct moq_stream *stream, const uint8_t *left, size_t n)
{
    struct moq_viewer *viewer = stream->owner;
    int error = end_subscribe(stream, left, n);
    if (!error)
        viewer_over(viewer);
    return error;
}

static void viewer_stream_over(struct moq_stream *stream, int error)
{
    (void)error;
    viewer_over(stream->owner);
}

static void viewer_sent(struct moq_stream *stream)
{
    viewer_info_sent(stream->owner);
}

static const struct stream_ops viewer_ops = {.read = read_viewer_update,
                                             .on_end = end_viewer,
                                             .on_over = viewer_stream_over,
                                             .on_sent = viewer_sent};

static int write_info(const struct request *request, struct moq_track *track)
{
    uint32_t version = request->asked.session->version;
    const struct moq_track_config *config = moq_track_config(track);
    struct msg_info info = {.priority = request->wire_priority,
                            .order = request->wire_order,
                            .expires_ms = config->expires_ms,
                            .latest = moq_track_latest(track)};
    struct stream_message message;
    int error = message_encode_info(version, stream_compose(&message), &info);
    return stream_send(request->stream, &message, error);
}

struct moq_viewer *moq_request_serve(struct moq_request *asked, struct moq_track *track,
                                     const struct moq_policy *policy)
{
    struct request *request = request_of(asked);
    struct moq_stream *stream = request->stream;
    if (!stream || asked->kind != MOQ_REQUEST_SUBSCRIBE)
        return NULL;
    int error = write_info(request, track);
    struct moq_viewer *viewer = error ? NULL : viewer_new(stream, request->id, track);
    if (!viewer) {
        moq_request_refuse(asked, MOQ_ERR_NOMEM);
        return NULL;
    }
    asked->session->subscription_count++;
    viewer->wish = asked->wish;
    viewer->user = asked->user;
    moq_viewer_set_policy(viewer, policy);
    stream_attach(stream, &viewer_ops, viewer);
    request_done(request);
    viewer_start(viewer);
    return viewer;
}

/* ---- Before ---------------------------------------------------------------------------------- */

static long read_request_update(struct moq_stream *stream, const uint8_t *data, size_t n)
{
    struct request *request = stream->owner;
    struct moq_wish wish;
    long used = decode_update(stream, data, n, false, &wish);
    if (used < 0)
        return used;
    int error = wish_update(&request->asked.wish, &wish);
    if (error)
        return error;
    request_updated(request);
    return used;
}

static int end_request(struct moq_stream *stream, const uint8_t *left, size_t n)
{
    struct request *request = stream->owner;
    int error = end_subscribe(stream, left, n);
    if (!error)
        request_gone(request);
    return error;
}

static void request_over(struct moq_stream *stream, int error)
{
    (void)error;
    request_gone(stream->owner);
}

static const struct stream_ops request_ops = {
    .read = read_request_update, .on_end = end_request, .on_over = request_over};

static int check_subscribe(const struct moq_session *session, uint64_t id,
                           const struct moq_wish *wish)
{
    if (request_has_id(session, id))
        return MOQ_ERR_DUPLICATE;
    return wish_has_groups(wish) ? 0 : MOQ_ERR_PROTOCOL;
}

static long read_subscribe(struct moq_stream *stream, const uint8_t *data, size_t n)
{
    struct moq_session *session = stream->session;
    struct msg_subscribe msg;
    size_t used;
    int error = message_decode_subscribe(session->version, data, n, &used, &msg);
    if (error)
        return dialect_check(stream, KIND_SUBSCRIBE, data, n, error);
    const struct moq_wish wish = message_wish_from_wire(session->version, &msg.wish);
    error = check_subscribe(session, msg.id, &wish);
    if (error) {
        moq_path_unref(&msg.path);
        return error;
    }
    struct request *request = request_new(stream, MOQ_REQUEST_SUBSCRIBE, &msg.path);
    if (!request)
        return MOQ_ERR_BOUNDS;
    request->id = msg.id;
    request->wire_priority = msg.wish.priority;
    request->wire_order = msg.wish.order;
    request->asked.wish = wish;
    stream_attach(stream, &request_ops, request);
    request_deliver(request);
    return (long)used;
}

static const struct stream_ops read_ops = {.read = read_subscribe, .on_end = stream_ends_too_early};

void subscribe_answer_begin(struct moq_stream *stream)
{
    stream_attach(stream, &read_ops, NULL);
}
