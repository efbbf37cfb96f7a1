/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Fetch streams that the peer opened: FETCH becomes a request, and the request becomes a cursor in
 * a group that may still grow. The answer consists of the group's bytes from the offset on, without
 * a header.
 * Tested by tests/unit/transfork/test_ask.c. */
#include <stdlib.h>

#include "base/objects.h"
#include "base/varint.h"
#include "transfork/dialect.h"
#include "transfork/group.h"
#include "transfork/message.h"
#include "transfork/request.h"
#include "transfork/version.h"

enum { PRIORITY_SHIFT = 56 };

struct fetch_reply {
    struct grave grave;
    struct moq_stream *stream; /* NULL once the stream is over */
    struct moq_track *track;
    struct moq_watcher watcher;
    struct moq_group *group;
    struct bytes_cursor cursor;
    uint64_t skip_bytes, skip_frames; /* how much is still to be skipped */
};

static uint64_t urgency_of(uint8_t priority)
{
    return (uint64_t)priority << PRIORITY_SHIFT;
}

/* ---- The offset ------------------------------------------------------------------------------ */

static void skip_some_bytes(struct fetch_reply *reply)
{
    uint64_t available = bytes_cursor_available(&reply->cursor);
    uint64_t part = reply->skip_bytes < available ? reply->skip_bytes : available;
    bytes_cursor_advance(&reply->cursor, part);
    reply->skip_bytes -= part;
}

/* Takes the size of the next frame as the bytes to skip. Returns false if that size has not arrived
 * completely. */
static bool skip_size(struct fetch_reply *reply)
{
    struct iovec first;
    if (bytes_cursor_peek(&reply->cursor, &first, 1, 1) == 0)
        return false;
    uint8_t size[VARINT_MAX_BYTES];
    size_t n = (size_t)1 << (*(const uint8_t *)first.iov_base >> 6);
    if (!bytes_cursor_read(&reply->cursor, size, n))
        return false;
    varint_decode(size, n, &reply->skip_bytes);
    reply->skip_frames--;
    return true;
}

/* Skips bytes that have arrived, up to the offset. Returns whether the offset is reached. */
static bool reach_offset(struct fetch_reply *reply)
{
    do {
        skip_some_bytes(reply);
        if (reply->skip_bytes > 0)
            return false;
    } while (reply->skip_frames > 0 && skip_size(reply));
    return reply->skip_frames == 0 && reply->skip_bytes == 0;
}

/* ---- The answer ------------------------------------------------------------------------------ */

static size_t pull_fetched(struct moq_stream *stream, struct iovec *vec, size_t max, bool *is_end)
{
    struct fetch_reply *reply = stream->source_object;
    bool has_ended = group_has_ended(reply->group);
    if (!reach_offset(reply))
        return 0;
    size_t count = bytes_cursor_peek(&reply->cursor, vec, max, SIZE_MAX);
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += vec[i].iov_len;
    *is_end = has_ended && !reply->group->error && bytes == bytes_cursor_available(&reply->cursor);
    return count;
}

static void fetched_sent(struct moq_stream *stream, size_t n, bool is_end)
{
    struct fetch_reply *reply = stream->source_object;
    (void)is_end;
    bytes_cursor_advance(&reply->cursor, n);
}

static void reply_free(struct grave *grave)
{
    struct fetch_reply *reply = container_of(grave, struct fetch_reply, grave);
    moq_group_unref(&reply->group);
    moq_track_unref(&reply->track);
    free(reply);
    object_died(OBJECT_fetch_reply);
}

static void fetched_closed(struct moq_stream *stream)
{
    struct fetch_reply *reply = stream->source_object;
    session_bury(stream->session, &reply->grave, reply_free);
}

static const struct stream_source reply_source = {
    .pull = pull_fetched, .on_sent = fetched_sent, .on_closed = fetched_closed};

static long read_update(struct moq_stream *stream, const uint8_t *data, size_t n)
{
    uint64_t priority;
    size_t used;
    int error = message_decode_fetch_update(data, n, &used, &priority);
    if (error)
        return error;
    stream_set_urgency(stream, urgency_of(message_priority_from_wire(priority)));
    return (long)used;
}

/* The peer ended its direction, which is normal; the answer continues. */
static int request_ended(struct moq_stream *stream, const uint8_t *left, size_t n)
{
    (void)stream, (void)left;
    return n > 0 ? MOQ_ERR_DECODE : 0;
}

static void reply_over(struct moq_stream *stream, int error)
{
    struct fetch_reply *reply = stream->owner;
    (void)error;
    reply->stream = NULL;
    moq_track_unwatch(reply->track, &reply->watcher);
}

static const struct stream_ops reply_ops = {
    .read = read_update, .on_end = request_ended, .on_over = reply_over};

/* Sends what has arrived. If the group was cut short or ended before the offset, fails the stream
 * instead. */
static void proceed_reply(struct fetch_reply *reply)
{
    const struct moq_group *group = reply->group;
    bool is_there = reach_offset(reply);
    if (group_has_ended(group) && group->error)
        stream_fail(reply->stream, group->error);
    else if (group_has_ended(group) && !is_there)
        stream_fail(reply->stream, MOQ_ERR_BOUNDS);
    else if (is_there)
        stream_wake(reply->stream);
}

static void fetched_grew(struct moq_watcher *watcher, struct moq_group *group)
{
    struct fetch_reply *reply = container_of(watcher, struct fetch_reply, watcher);
    if (group == reply->group && reply->stream)
        proceed_reply(reply);
}

static const struct moq_watcher_ops watcher_ops = {.on_growth = fetched_grew};

static struct fetch_reply *reply_new(const struct moq_request *asked, struct moq_track *track,
                                     struct moq_group *group)
{
    struct fetch_reply *reply = calloc(1, sizeof *reply);
    if (!reply)
        return NULL;
    reply->track = moq_track_ref(track);
    reply->group = moq_group_ref(group);
    reply->watcher.ops = &watcher_ops;
    bytes_cursor_init(&reply->cursor, &group->body->log);
    if (asked->is_offset_frames)
        reply->skip_frames = asked->offset;
    else
        reply->skip_bytes = asked->offset;
    object_born(OBJECT_fetch_reply);
    return reply;
}

int moq_request_send_group(struct moq_request *asked, struct moq_track *track,
                           struct moq_group *group)
{
    struct request *request = request_of(asked);
    struct moq_stream *stream = request->stream;
    if (!stream || asked->kind != MOQ_REQUEST_FETCH)
        return MOQ_ERR_INVALID;
    struct fetch_reply *reply = reply_new(asked, track, group);
    if (!reply) {
        moq_request_refuse(asked, MOQ_ERR_NOMEM);
        return MOQ_ERR_NOMEM;
    }
    reply->stream = stream;
    stream->source = &reply_source;
    stream->source_object = reply;
    stream_attach(stream, &reply_ops, reply);
    stream_set_urgency(stream, urgency_of(asked->wish.priority));
    moq_track_watch(track, &reply->watcher);
    request_done(request);
    proceed_reply(reply);
    return reply->stream ? 0 : group->error ? group->error : MOQ_ERR_BOUNDS;
}

/* ---- The request ----------------------------------------------------------------------------- */

static long read_early_update(struct moq_stream *stream, const uint8_t *data, size_t n)
{
    struct request *request = stream->owner;
    uint64_t priority;
    size_t used;
    int error = message_decode_fetch_update(data, n, &used, &priority);
    if (error)
        return error;
    request->asked.wish.priority = message_priority_from_wire(priority);
    request_updated(request);
    return (long)used;
}

static void request_over(struct moq_stream *stream, int error)
{
    (void)error;
    request_gone(stream->owner);
}

static const struct stream_ops request_ops = {
    .read = read_early_update, .on_end = request_ended, .on_over = request_over};

static long read_fetch(struct moq_stream *stream, const uint8_t *data, size_t n)
{
    uint32_t version = stream->session->version;
    struct msg_fetch msg;
    size_t used;
    int error = message_decode_fetch(version, data, n, &used, &msg);
    if (error)
        return dialect_check(stream, KIND_FETCH, data, n, error);
    struct request *request = request_new(stream, MOQ_REQUEST_FETCH, &msg.path);
    if (!request)
        return MOQ_ERR_BOUNDS;
    request->asked.wish.priority = message_priority_from_wire(msg.priority);
    request->asked.group = msg.group;
    request->asked.offset = msg.offset;
    request->asked.is_offset_frames = version_row(version)->is_offset_in_frames;
    stream_attach(stream, &request_ops, request);
    request_deliver(request);
    return (long)used;
}

static const struct stream_ops read_ops = {.read = read_fetch, .on_end = stream_ends_too_early};

void fetch_answer_begin(struct moq_stream *stream)
{
    stream_attach(stream, &read_ops, NULL);
}
