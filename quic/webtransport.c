/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Makes WebTransport look like raw QUIC: step 5 of a frame's walk. Passes the first bytes of a
 * peer's stream to HTTP/3 until that says who gets the rest, keeps early streams until the session
 * is established, and sends what HTTP/3 writes.
 * Tested by tests/sim/test_closing.c and tests/sim/test_chaos.c. */
#include "quic/webtransport.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "quic/app_protocol.h"
#include "quic/conn.h"
#include "quic/endpoint.h"
#include "quic/stream.h"
#include "quic/wt_session.h"

#define SESSION_CLOSE_MIN_NS (250 * NS_PER_MS)
#define SESSION_CLOSE_MAX_NS (2 * NS_PER_S)
/* How long a page that is refused keeps its session after it has opened a stream. Chromium often
 * loses the code and the words of a session's end, but not the code of the stream's reset. */
#define TURNING_AWAY_NS (300 * NS_PER_MS)

enum {
    STATUS_OK = 200,
    STATUS_UNAUTHORIZED = 401,
    STATUS_FORBIDDEN = 403,
    STATUS_NOT_FOUND = 404,
    STATUS_NOT_ACCEPTABLE = 406,
    STATUS_BUSY = 503,
    STATUS_FAILED = 500
};

static struct quic_stream *stream_by_id(const struct quic_conn *conn, int64_t id)
{
    return ngtcp2_conn_get_stream_user_data(conn->quic, id);
}

/* ---- What HTTP/3 asks for -------------------------------------------------------------------- */

static int64_t on_open(void *self, bool is_bidi)
{
    struct quic_conn *conn = self;
    struct quic_stream *stream = stream_new(conn, -1, STREAM_INTERNAL);
    if (!stream)
        return -1;
    stream->urgency = UINT64_MAX; /* it is only a few bytes, and everything else waits for them */
    int rv = is_bidi ? ngtcp2_conn_open_bidi_stream(conn->quic, &stream->id, stream)
                     : ngtcp2_conn_open_uni_stream(conn->quic, &stream->id, stream);
    if (rv == 0)
        return stream->id;
    stream_free(stream);
    return -1;
}

static int on_write(void *self, int64_t id, const uint8_t *data, size_t n, bool is_end)
{
    struct quic_stream *stream = stream_by_id(self, id);
    struct stream_internal *internal = stream ? stream_internal(stream) : NULL;
    if (!internal)
        return stream ? MOQ_ERR_NOMEM : MOQ_ERR_CLOSED;
    if (bytes_log_length(&internal->out) + n > INTERNAL_OUT_MAX_BYTES)
        return MOQ_ERR_BOUNDS;
    int rv = bytes_log_append(&internal->out, data, n);
    if (rv != 0)
        return rv;
    internal->is_out_ended = is_end;
    stream_schedule(stream);
    return 0;
}

static void on_reset(void *self, int64_t id, uint64_t h3_code)
{
    struct quic_conn *conn = self;
    struct quic_stream *stream = stream_by_id(conn, id);
    if (stream) {
        stream->is_write_over = stream->is_cut = true;
        stream_unschedule(stream);
    }
    ngtcp2_conn_shutdown_stream_write(conn->quic, 0, id, h3_code);
    conn_wake(conn);
}

static void on_stop(void *self, int64_t id, uint64_t h3_code)
{
    struct quic_conn *conn = self;
    ngtcp2_conn_shutdown_stream_read(conn->quic, 0, id, h3_code);
    conn_wake(conn);
}

static void on_fail(void *self, uint64_t h3_code, const char *reason)
{
    conn_end_local(self, MOQ_ERR_PROTOCOL, FAREWELL_APP, h3_code, reason);
}

static int status_of(int error)
{
    switch (error) {
    case 0:
        return STATUS_OK;
    case MOQ_ERR_UNAUTHORIZED:
        return STATUS_UNAUTHORIZED;
    case MOQ_ERR_REFUSED:
        return STATUS_FORBIDDEN;
    case MOQ_ERR_NOT_FOUND:
    case MOQ_ERR_OFFLINE:
        return STATUS_NOT_FOUND;
    case MOQ_ERR_VERSION:
        return STATUS_NOT_ACCEPTABLE;
    case MOQ_ERR_BOUNDS:
    case MOQ_ERR_AGAIN:
        return STATUS_BUSY;
    default:
        return STATUS_FAILED;
    }
}

static int copy_request(struct quic_conn *conn, const struct wt_request *request)
{
    conn->authority = strdup(request->authority);
    conn->path = strdup(request->path);
    conn->origin = strdup(request->origin);
    return conn->authority && conn->path && conn->origin ? 0 : MOQ_ERR_NOMEM;
}

/* Chooses the protocol. A peer that offers nothing, or nothing that we have, gets the application's
 * default protocol, if there is one. Otherwise returns MOQ_ERR_VERSION. */
static int choose_protocol(struct quic_conn *conn, const char *field,
                           char item[SUBPROTOCOL_MAX_BYTES])
{
    conn->app_protocol = subprotocol_choose(conn->offered, field, item);
    if (!conn->app_protocol)
        conn->app_protocol = subprotocol_default(conn->offered);
    return conn->app_protocol || conn->offered->count == 0 ? 0 : MOQ_ERR_VERSION;
}

static void on_request(void *self, const struct wt_request *request)
{
    struct quic_conn *conn = self;
    char protocol[SUBPROTOCOL_MAX_BYTES];
    if (conn->state != CONN_HANDSHAKE ||
        conn->path) { /* refused before, so the connection is about to end */
        wt_session_respond(conn->wt, STATUS_BUSY, "");
        return;
    }
    int rv = choose_protocol(conn, request->protocols, protocol);
    if (rv == 0)
        rv = copy_request(conn, request);
    if (rv == 0)
        rv = conn_accept_session(conn);
    if (!conn_is_alive(conn))
        return;
    if (rv == 0) {
        wt_session_respond(conn->wt, STATUS_OK, protocol);
        return;
    }
    bool is_page = *request->origin;
    if (is_page)
        wt_session_turn_away(conn->wt);
    else
        wt_session_respond(conn->wt, status_of(rv), conn_reason(conn));
    conn_note_refusal(conn, rv);
    /* The client closes when it has the answer; if it does not, we close. */
    conn->state = is_page ? CONN_TURNING_AWAY : CONN_SESSION_CLOSING;
    conn->close_at_ns = endpoint_now(conn->endpoint) + SESSION_CLOSE_MAX_NS;
}

/* ---- Streams of the peer --------------------------------------------------------------------- */

static void park_stream(struct quic_stream *stream, const uint8_t *data, size_t n, bool is_end)
{
    struct quic_conn *conn = stream->conn;
    struct stream_internal *internal = stream_internal(stream);
    stream->kind = STREAM_PARKED;
    if (!internal || conn->parked_bytes + n > WT_PARKED_MAX_BYTES ||
        byte_buf_append(&internal->parked, data, n) != 0) {
        stream_refuse(stream, H3_WT_BUFFERED_STREAM_REJECTED);
        return;
    }
    conn->parked_bytes += n;
    internal->is_parked_end = is_end;
}

/* Tells a page that is refused the code first; code and words follow with the session's end. */
static void turn_stream_away(struct quic_conn *conn, struct quic_stream *stream)
{
    uint64_t close_at_ns = endpoint_now(conn->endpoint) + TURNING_AWAY_NS;
    stream_refuse(stream, h3_code_from_app(conn->end.code));
    if (close_at_ns < conn->close_at_ns)
        conn->close_at_ns = close_at_ns;
}

static void hand_stream_over(struct quic_stream *stream, const uint8_t *data, size_t n, bool is_end)
{
    struct quic_conn *conn = stream->conn;
    if (conn->state == CONN_TURNING_AWAY) {
        turn_stream_away(conn, stream);
        return;
    }
    if (conn->state != CONN_OPEN) {
        stream_refuse(stream, H3_WT_SESSION_GONE);
        return;
    }
    stream_introduce(stream);
    if (stream->kind == STREAM_APPLICATION && stream->is_known && (n > 0 || is_end))
        conn->endpoint->app->on_data(stream, data, n, is_end);
}

void webtransport_received(struct quic_stream *stream, const uint8_t *data, size_t n, bool is_end)
{
    struct quic_conn *conn = stream->conn;
    size_t used = 0;
    if (stream->kind == STREAM_PARKED) {
        park_stream(stream, data, n, is_end);
        return;
    }
    if (!conn->wt || !conn_is_alive(conn))
        return;

    enum wt_stream_kind kind = wt_session_received(conn->wt, stream->id, data, n, is_end, &used);
    if (stream->kind == STREAM_DISCARDED)
        return;
    switch (kind) {
    case WT_STREAM_MORE:
        break;
    case WT_STREAM_INTERNAL:
        stream->kind = STREAM_INTERNAL;
        break;
    case WT_STREAM_APPLICATION:
        hand_stream_over(stream, data + used, n - used, is_end);
        break;
    case WT_STREAM_PARKED:
        park_stream(stream, data + used, n - used, is_end);
        break;
    case WT_STREAM_REJECTED:
        stream->kind = STREAM_DISCARDED;
        break;
    }
}

/* Tells the application that the stream was reset or stopped while it was parked. */
static void tell_what_it_missed(struct quic_stream *stream)
{
    const struct quic_app *app = stream->conn->endpoint->app;
    const struct stream_internal *internal = stream->internal;
    if (internal->is_parked_reset && stream->is_known)
        app->on_reset(stream, stream_code_from_wire(stream->conn, internal->parked_reset_code));
    if (internal->is_parked_stopped && stream->is_known)
        app->on_stopped(stream, stream_code_from_wire(stream->conn, internal->parked_stop_code));
}

static void unpark_stream(struct quic_stream *stream)
{
    struct quic_conn *conn = stream->conn;
    struct stream_internal *internal = stream->internal;
    size_t used = 0;
    enum wt_stream_kind kind = wt_session_received(conn->wt, stream->id, NULL, 0, false, &used);
    if (kind == WT_STREAM_APPLICATION) {
        hand_stream_over(stream, internal->parked.data, internal->parked.size,
                         internal->is_parked_end);
        tell_what_it_missed(stream);
    } else {
        stream->kind = STREAM_DISCARDED;
    }
    conn->parked_bytes -= internal->parked.size;
    byte_buf_deinit(&internal->parked);
    if (internal->is_parked_closed)
        stream_close(stream);
}

static void unpark_all(struct quic_conn *conn)
{
    list_for_each_safe (node, &conn->streams) {
        struct quic_stream *stream = container_of(node, struct quic_stream, link);
        if (stream->kind == STREAM_PARKED && conn_is_alive(conn))
            unpark_stream(stream);
    }
}

void webtransport_stream_reset(struct quic_stream *stream, uint64_t wire_code)
{
    struct quic_conn *conn = stream->conn;
    if (stream->kind == STREAM_PARKED) {
        stream->internal->is_parked_reset = true;
        stream->internal->parked_reset_code = wire_code;
        return;
    }
    if (stream->kind != STREAM_DISCARDED && conn->wt && conn_is_alive(conn))
        wt_session_stream_reset(conn->wt, stream->id, wire_code);
}

static void note_parked_stop(struct quic_stream *stream, uint64_t wire_code)
{
    stream->internal->is_parked_stopped = true;
    stream->internal->parked_stop_code = wire_code;
}

void webtransport_stream_stopped(struct quic_stream *stream, uint64_t wire_code)
{
    struct quic_conn *conn = stream->conn;
    if (stream->kind == STREAM_PARKED)
        note_parked_stop(stream, wire_code);
    else if (stream->kind != STREAM_DISCARDED && conn->wt && conn_is_alive(conn))
        wt_session_stream_stopped(conn->wt, stream->id, wire_code);
}

/* ---- The session ----------------------------------------------------------------------------- */

/* Client: takes over the protocol that the server has chosen. A server has chosen it before. */
static int learn_protocol(struct quic_conn *conn, const char *field)
{
    char item[SUBPROTOCOL_MAX_BYTES];
    if (conn->is_server)
        return 0;
    int rv = choose_protocol(conn, field, item);
    return *field && !*item ? MOQ_ERR_VERSION : rv;
}

static void on_established(void *self, const char *protocol)
{
    struct quic_conn *conn = self;
    if (learn_protocol(conn, protocol) != 0) {
        conn_end_local(conn, MOQ_ERR_VERSION, FAREWELL_APP, H3_GENERAL_PROTOCOL_ERROR,
                       *protocol ? "the server chose a protocol that was not offered"
                                 : "the server speaks none of the protocols that were offered");
        return;
    }
    conn_session_up(conn);
    unpark_all(conn);
}

static void on_refused(void *self, int status, const char *words)
{
    char reason[CLOSE_REASON_MAX_BYTES];
    snprintf(reason, sizeof reason, "the server answered with status %d%s%s", status,
             *words ? ": " : "", words);
    struct quic_conn *conn = self;
    conn->end.is_remote = true;
    conn_end_local(conn, status == STATUS_UNAUTHORIZED ? MOQ_ERR_UNAUTHORIZED : MOQ_ERR_REFUSED,
                   FAREWELL_APP, H3_NO_ERROR, reason);
}

static void on_session_closed(void *self, uint32_t code, const char *reason)
{
    struct quic_conn *conn = self;
    conn_set_app_close(conn, code, reason, true);
    conn_end_session(conn);
}

static const struct wt_session_ops ops = {
    .open = on_open,
    .write = on_write,
    .reset = on_reset,
    .stop = on_stop,
    .fail = on_fail,
    .on_request = on_request,
    .on_established = on_established,
    .on_refused = on_refused,
    .on_session_closed = on_session_closed,
};

void webtransport_start(struct quic_conn *conn)
{
    conn->wt = wt_session_new(conn->is_server, &ops, conn);
    if (!conn->wt) {
        conn_end_local(conn, MOQ_ERR_NOMEM, FAREWELL_APP, H3_INTERNAL_ERROR, "out of memory");
        return;
    }
    const ngtcp2_transport_params *params = ngtcp2_conn_get_remote_transport_params(conn->quic);
    if (params && params->max_datagram_frame_size == 0)
        wt_session_set_no_datagrams(conn->wt);
    char protocols[ALPN_LIST_MAX_BYTES];
    int rv = subprotocol_list(conn->offered, protocols);
    if (rv == 0)
        rv = wt_session_start(conn->wt);
    if (rv == 0 && !conn->is_server)
        rv = wt_session_connect(conn->wt, conn->authority, conn->path, protocols);
    if (rv != 0)
        conn_end_local(conn, rv, FAREWELL_APP, H3_INTERNAL_ERROR, moq_error_words(rv));
}

void webtransport_close(struct quic_conn *conn, uint32_t code, const char *reason)
{
    if (wt_session_close(conn->wt, code, reason) != 0) {
        conn_end_session(conn);
        return;
    }
    uint64_t wait = 3 * ngtcp2_conn_get_pto(conn->quic);
    wait = wait < SESSION_CLOSE_MIN_NS ? SESSION_CLOSE_MIN_NS : wait;
    wait = wait > SESSION_CLOSE_MAX_NS ? SESSION_CLOSE_MAX_NS : wait;
    conn->state = CONN_SESSION_CLOSING;
    conn->close_at_ns = endpoint_now(conn->endpoint) + wait;
    conn_wake(conn);
}
