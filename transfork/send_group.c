/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sends a group stream: a header of its own, then pointers straight into the group, whose bytes are
 * the same for every viewer. Steps 13 and 16 of a frame's walk. The reference to the group is kept
 * until the stream is closed, because QUIC may have to send any byte again.
 * Tested by tests/unit/transfork/test_serve.c. */
#include "transfork/send_group.h"

#include <stdlib.h>

#include "base/objects.h"
#include "transfork/group.h"
#include "transfork/message.h"
#include "transfork/viewer.h"

/* A group stays in memory until its stream is closed, so a peer that reads and never acknowledges
 * would fill ours. No honest peer takes this long to acknowledge. */
#define UNACKNOWLEDGED_NS (60 * NS_PER_S)

static struct send_group *sending_of(struct moq_stream *stream)
{
    return container_of(stream, struct send_group, stream);
}

static size_t pull_group_bytes(struct moq_stream *stream, struct iovec *vec, size_t max,
                               bool *is_end)
{
    struct send_group *sending = sending_of(stream);
    /* Look at the end before the bytes: if the group has ended, all of its bytes are there. */
    bool has_ended = group_has_ended(sending->group);
    size_t count = 0, room = SIZE_MAX;
    uint64_t body = 0;
    if (sending->viewer && sending->viewer->pace.is_capped && send_group_unsent(sending) > 0 &&
        (room = viewer_pace_room(sending->viewer)) == 0)
        return 0;

    if (sending->header_sent < sending->header_size && max > 0)
        vec[count++] = (struct iovec){sending->header + sending->header_sent,
                                      (size_t)(sending->header_size - sending->header_sent)};
    size_t header_count = count;
    count += bytes_cursor_peek(&sending->cursor, vec + count, max - count, room);
    for (size_t i = header_count; i < count; i++)
        body += vec[i].iov_len;
    *is_end = has_ended && !sending->group->error && max > 0 &&
              body == bytes_cursor_available(&sending->cursor);
    return count;
}

/* Everything is sent or given up, and only acknowledgements are missing. */
static void await_acknowledgements(struct send_group *sending)
{
    struct moq_session *session = sending->stream.session;
    if (!list_is_empty(&sending->over_node))
        return;
    sending->over_ns = session_now(session);
    list_push_back(&session->unacknowledged, &sending->over_node);
    session_wait_until(session, time_after(sending->over_ns, UNACKNOWLEDGED_NS));
}

void send_groups_tick(struct moq_session *session)
{
    if (list_is_empty(&session->unacknowledged))
        return;
    const struct send_group *oldest =
        container_of(session->unacknowledged.next, struct send_group, over_node);
    uint64_t due_ns = time_after(oldest->over_ns, UNACKNOWLEDGED_NS);
    if (session_now(session) < due_ns)
        session_wait_until(session, due_ns);
    else
        session_fail(session, MOQ_ERR_TIMEOUT, "the peer stopped acknowledging a group");
}

static void group_bytes_sent(struct moq_stream *stream, size_t n, bool is_end)
{
    struct send_group *sending = sending_of(stream);
    bool is_begin = sending->header_sent == 0;
    size_t header = (size_t)(sending->header_size - sending->header_sent);
    if (header > n)
        header = n;
    sending->header_sent = (uint8_t)(sending->header_sent + header);
    bytes_cursor_advance(&sending->cursor, n - header);
    if (is_end)
        await_acknowledgements(sending);

    struct moq_viewer *viewer = sending->viewer;
    if (!viewer)
        return;
    viewer->stats.bytes_sent += n;
    sending->is_sent = is_end;
    if (viewer->pace.is_capped)
        viewer_pace_sent(viewer, sending, n);
    if (is_begin)
        viewer_group_begun(viewer, sending);
    if (is_end)
        viewer_group_sent(viewer);
}

static void send_group_free(struct grave *grave)
{
    struct send_group *sending = container_of(grave, struct send_group, grave);
    list_remove(&sending->over_node);
    stream_deinit(&sending->stream);
    moq_group_unref(&sending->group);
    free(sending);
    object_died(OBJECT_send_group);
}

static void group_stream_closed(struct moq_stream *stream)
{
    list_remove(&stream->node);
    list_remove(&sending_of(stream)->over_node);
    session_bury(stream->session, &sending_of(stream)->grave, send_group_free);
}

static const struct stream_source group_source = {.pull = pull_group_bytes,
                                                  .on_sent = group_bytes_sent,
                                                  .on_closed = group_stream_closed,
                                                  .is_whole = true};

/* The peer stopped the stream, or it is acknowledged and closed, or the connection died. */
static void group_stream_over(struct moq_stream *stream, int error)
{
    struct send_group *sending = sending_of(stream);
    struct moq_viewer *viewer = sending->viewer;
    (void)error;
    if (stream->handle)
        await_acknowledgements(sending);
    if (!viewer)
        return;
    sending->viewer = NULL;
    list_remove(&sending->node);
    if (!sending->is_sent)
        viewer->unsent--;
    if (stream->handle)
        viewer_group_refused(viewer, sending->group->sequence);
    else if (sending->is_sent)
        viewer_group_closed(viewer);
}

static const struct stream_ops group_ops = {.on_over = group_stream_over};

static int write_header(struct send_group *sending, uint64_t id)
{
    struct byte_buf buf;
    byte_buf_init_over(&buf, sending->header, sizeof sending->header);
    struct msg_group msg = {id, sending->group->sequence};
    int error = message_encode_stream_type(&buf, UNI_GROUP);
    if (!error)
        error = message_encode_group(&buf, &msg);
    if (!error)
        sending->header_size = (uint8_t)buf.size;
    return error;
}

struct send_group *send_group_open(struct moq_viewer *viewer, struct moq_group *group)
{
    struct moq_session *session = viewer->session;
    struct send_group *sending = calloc(1, sizeof *sending);
    if (!sending)
        return NULL;
    stream_init(&sending->stream, session);
    sending->stream.source = &group_source;
    sending->stream.is_ours = true;
    sending->stream.is_in_over = true;
    sending->viewer = viewer;
    sending->opened_ns = session_now(session);
    sending->group = moq_group_ref(group);
    bytes_cursor_init(&sending->cursor, &group->body->log);
    list_init(&sending->node);
    list_init(&sending->over_node);
    object_born(OBJECT_send_group);

    if (!write_header(sending, viewer->id))
        sending->stream.handle =
            session->transport.ops->open(session->transport.self, false, &sending->stream);
    if (!sending->stream.handle) {
        send_group_free(&sending->grave);
        return NULL;
    }
    stream_attach(&sending->stream, &group_ops, NULL);
    list_push_back(&session->streams, &sending->stream.node);
    stream_wake(&sending->stream);
    return sending;
}

void send_group_restart(struct send_group *sending)
{
    bytes_cursor_init(&sending->cursor, &sending->group->body->log);
}

bool send_group_has_begun(const struct send_group *sending)
{
    return sending->header_sent > 0;
}

uint64_t send_group_unsent(const struct send_group *sending)
{
    return bytes_cursor_available(&sending->cursor) +
           (uint64_t)(sending->header_size - sending->header_sent);
}

void send_group_cut(struct send_group *sending, int error)
{
    sending->viewer = NULL;
    list_remove(&sending->node);
    if (sending->is_sent) {
        stream_detach(&sending->stream);
        return;
    }
    await_acknowledgements(sending);
    stream_abort(&sending->stream, error);
    /* QUIC has none of its bytes, and a silent peer may take long to close the stream. */
    if (sending->cursor.position == 0)
        moq_group_unref(&sending->group);
}
