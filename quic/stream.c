/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Streams: bytes of the application, after a header of ours on WebTransport. Bytes to send are
 * pulled from the application when there is room in a packet; only HTTP/3's own few bytes are kept
 * here.
 * Tested by tests/sim/test_streams.c. */
#include "quic/stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/objects.h"
#include "quic/conn.h"
#include "quic/endpoint.h"
#include "quic/wt_session.h"

/* ---- Life ------------------------------------------------------------------------------------ */

struct quic_stream *stream_new(struct quic_conn *conn, int64_t id, enum stream_kind kind)
{
    struct quic_stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return NULL;
    stream->conn = conn;
    stream->id = id;
    stream->kind = (uint8_t)kind;
    list_push_back(&conn->streams, &stream->link);
    object_born(OBJECT_quic_stream);
    return stream;
}

void stream_bury(struct quic_stream *stream)
{
    struct quic_conn *conn = stream->conn;
    schedule_leave(&conn->schedule, &stream->turn);
    if (stream->internal)
        conn->parked_bytes -= stream->internal->parked.size;
    list_remove(&stream->link);
    list_push_back(&conn->endpoint->dead_streams, &stream->link);
}

void stream_free(struct quic_stream *stream)
{
    list_remove(&stream->link);
    if (stream->internal) {
        bytes_log_deinit(&stream->internal->out);
        byte_buf_deinit(&stream->internal->parked);
        free(stream->internal);
    }
    free(stream);
    object_died(OBJECT_quic_stream);
}

struct stream_internal *stream_internal(struct quic_stream *stream)
{
    if (stream->internal)
        return stream->internal;
    struct stream_internal *internal = calloc(1, sizeof *internal);
    if (!internal)
        return NULL;
    bytes_log_init(&internal->out);
    bytes_cursor_init(&internal->out_cursor, &internal->out);
    byte_buf_init(&internal->parked, WT_PARKED_MAX_BYTES);
    stream->internal = internal;
    return internal;
}

bool stream_is_local(const struct quic_stream *stream)
{
    return ((stream->id & 1) != 0) == stream->conn->is_server;
}

bool stream_is_bidi(const struct quic_stream *stream)
{
    return (stream->id & 2) == 0;
}

void stream_introduce(struct quic_stream *stream)
{
    REQUIRE(!stream->is_known && stream->kind != STREAM_INTERNAL);
    struct quic_conn *conn = stream->conn;
    stream->kind = STREAM_APPLICATION;
    stream->is_known = true;
    stream->user = conn->endpoint->app->on_stream(conn, stream, stream_is_bidi(stream));
    if (stream->user || stream->kind != STREAM_APPLICATION)
        return;
    stream->is_known = false;
    stream_refuse(stream, h3_code_from_app(conn_code_of(conn, MOQ_ERR_BOUNDS)));
}

void stream_refuse(struct quic_stream *stream, uint64_t wire_code)
{
    stream->kind = STREAM_DISCARDED;
    stream->is_write_over = stream->is_cut = true;
    stream_unschedule(stream);
    if (stream->conn->quic)
        ngtcp2_conn_shutdown_stream(stream->conn->quic, 0, stream->id, wire_code);
    conn_wake(stream->conn);
}

void stream_close(struct quic_stream *stream)
{
    struct quic_conn *conn = stream->conn;
    if (conn->wt)
        wt_session_stream_closed(conn->wt, stream->id);
    if (stream->is_known)
        conn->endpoint->app->on_stream_closed(stream);
    stream->is_known = false;
    stream_bury(stream);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static bool is_header_acked(const struct quic_stream *stream)
{
    uint64_t first_byte = stream->written > stream->header_size ? 1 : 0;
    return stream->acked >= stream->header_size + first_byte;
}

/* Sends the reset that the application has asked for, once the peer has the stream's header. Peers
 * close the whole session if a stream is reset before its header has come. */
static void reset_if_allowed(struct quic_stream *stream)
{
    if (!stream->is_reset_wanted || stream->is_cut)
        return;
    if (stream->header_size > 0 && !is_header_acked(stream))
        return;
    stream->is_write_over = stream->is_cut = true;
    stream_unschedule(stream);
    ngtcp2_conn_shutdown_stream_write(stream->conn->quic, 0, stream->id,
                                      h3_code_from_app(stream->reset_code));
    conn_wake(stream->conn);
}

void stream_schedule(struct quic_stream *stream)
{
    struct quic_conn *conn = stream->conn;
    if (stream->is_write_over || stream->is_blocked || !conn->quic)
        return;
    schedule_join(&conn->schedule, &stream->turn, stream->urgency);
    if (!conn->is_held)
        conn_wake(conn);
}

void stream_unschedule(struct quic_stream *stream)
{
    schedule_leave(&stream->conn->schedule, &stream->turn);
}

static size_t pull_body(struct quic_stream *stream, struct iovec *vec, size_t max, bool *is_end)
{
    if (stream->kind == STREAM_INTERNAL) {
        struct stream_internal *internal = stream->internal;
        size_t n = internal
                       ? bytes_cursor_peek(&internal->out_cursor, vec, max, INTERNAL_OUT_MAX_BYTES)
                       : 0;
        *is_end = internal && internal->is_out_ended;
        return n;
    }
    if (stream->kind != STREAM_APPLICATION || stream->is_reset_wanted ||
        stream->conn->state != CONN_OPEN)
        return 0;
    return stream->conn->endpoint->app->on_pull(stream, vec, max, is_end);
}

size_t stream_pull(struct quic_stream *stream, struct iovec *vec, size_t max, bool *is_end)
{
    *is_end = false;
    size_t n = 0;
    if (stream->written < stream->header_size) {
        vec[n].iov_base = stream->header + stream->written;
        vec[n].iov_len = stream->header_size - stream->written;
        n++;
    }
    size_t body = pull_body(stream, vec + n, max - n, is_end);
    return n + body;
}

void stream_written(struct quic_stream *stream, size_t n, bool is_end)
{
    size_t header = 0;
    if (stream->written < stream->header_size) {
        header = stream->header_size - (size_t)stream->written;
        header = header < n ? header : n;
    }
    stream->written += n;
    if (is_end) {
        stream->is_write_over = true;
        stream_unschedule(stream);
    }

    if (stream->kind == STREAM_INTERNAL)
        bytes_cursor_advance(&stream->internal->out_cursor, n);
    else if (stream->is_known && (n > header || is_end))
        stream->conn->endpoint->app->on_sent(stream, n - header, is_end);
}

void stream_acked(struct quic_stream *stream, uint64_t offset)
{
    if (offset <= stream->acked)
        return;
    stream->acked = offset;
    reset_if_allowed(stream);
    if (stream->kind == STREAM_INTERNAL && offset == stream->internal->out_cursor.position)
        bytes_log_trim_read(&stream->internal->out, &stream->internal->out_cursor);
    else if (stream->is_known && offset > stream->header_size)
        stream->conn->endpoint->app->on_acked(stream, offset - stream->header_size);
}

uint32_t stream_code_from_wire(const struct quic_conn *conn, uint64_t wire_code)
{
    int64_t code = h3_code_to_app(wire_code);
    if (code >= 0)
        return (uint32_t)code;
    bool is_raw = conn->protocol == QUIC_PROTOCOL_RAW && wire_code <= UINT32_MAX;
    return is_raw ? (uint32_t)wire_code : 0;
}

/* ---- The door -------------------------------------------------------------------------------- */

void quic_stream_set_user(struct quic_stream *stream, void *user)
{
    stream->user = user;
}

void *quic_stream_user(const struct quic_stream *stream)
{
    return stream->user;
}

struct quic_conn *quic_stream_conn(const struct quic_stream *stream)
{
    return stream->conn;
}

int64_t quic_stream_id(const struct quic_stream *stream)
{
    return stream->id;
}

void quic_stream_wake(struct quic_stream *stream)
{
    if (stream->kind == STREAM_APPLICATION && !stream->is_reset_wanted)
        stream_schedule(stream);
}

void quic_stream_set_urgency(struct quic_stream *stream, uint64_t urgency)
{
    if (stream->urgency == urgency)
        return;
    stream->urgency = urgency;
    if (!stream->turn.is_in)
        return;
    stream_unschedule(stream);
    schedule_join(&stream->conn->schedule, &stream->turn, urgency);
}

void quic_stream_reset(struct quic_stream *stream, uint32_t code)
{
    if (stream->is_cut || stream->is_reset_wanted || !stream->conn->quic)
        return;
    stream->is_reset_wanted = true;
    stream->reset_code = code;
    reset_if_allowed(stream);
    if (!stream->is_write_over && stream->written < stream->header_size)
        stream_schedule(stream);
    else
        stream_unschedule(stream);
}

void quic_stream_stop(struct quic_stream *stream, uint32_t code)
{
    if (!stream->conn->quic || (stream_is_local(stream) && !stream_is_bidi(stream)))
        return;
    ngtcp2_conn_shutdown_stream_read(stream->conn->quic, 0, stream->id, h3_code_from_app(code));
    conn_wake(stream->conn);
}

struct quic_stream *quic_conn_open(struct quic_conn *conn, bool is_bidi, void *user)
{
    if (conn->state != CONN_OPEN)
        return NULL;
    int64_t id = -1;
    struct quic_stream *stream = stream_new(conn, id, STREAM_APPLICATION);
    if (!stream)
        return NULL;

    int rv = is_bidi ? ngtcp2_conn_open_bidi_stream(conn->quic, &id, stream)
                     : ngtcp2_conn_open_uni_stream(conn->quic, &id, stream);
    if (rv != 0) {
        stream_free(stream);
        return NULL;
    }
    stream->id = id;
    stream->user = user;
    stream->is_known = true;
    if (conn->wt)
        stream->header_size = (uint8_t)wt_session_stream_header(conn->wt, is_bidi, stream->header);
    return stream;
}
