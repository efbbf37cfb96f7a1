/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The life of one WebTransport session over HTTP/3: control stream and SETTINGS, CONNECT and its
 * answer, CLOSE. wt_receive.c reads what a peer sends; wt_request.c answers its requests. */
#include "quic/wt_session.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/varint.h"
#include "quic/wt_internal.h"

enum { STREAM_TYPE_UNI = 0x54, STREAM_TYPE_BIDI = 0x41 };

struct wt_session *wt_session_new(bool is_server, const struct wt_session_ops *ops, void *self)
{
    struct wt_session *session = calloc(1, sizeof *session);
    if (!session)
        return NULL;
    session->ops = ops;
    session->self = self;
    session->is_server = is_server;
    session->control_id = session->session_id = session->refused_id = -1;
    session->goaway_id = UINT64_MAX;
    list_init(&session->streams);
    byte_buf_init(&session->request, H3_HEADERS_MAX_BYTES + 16);
    return session;
}

static void stream_free(struct wt_session *session, struct wt_stream *stream)
{
    list_remove(&stream->link);
    session->buffered_bytes -= stream->payload.size;
    byte_buf_deinit(&stream->payload);
    free(stream->capsules);
    free(stream);
}

void wt_session_free(struct wt_session **session)
{
    struct wt_session *old = *session;
    *session = NULL;
    if (!old)
        return;
    list_for_each_safe (node, &old->streams)
        stream_free(old, container_of(node, struct wt_stream, link));
    byte_buf_deinit(&old->request);
    free(old);
}

void wt_session_set_no_datagrams(struct wt_session *session)
{
    session->has_no_datagrams = true;
}

/* ---- what all parts use ---------------------------------------------------------------------- */

void wt_session_fail(struct wt_session *session, uint64_t h3_code, const char *reason)
{
    if (session->is_failed)
        return;
    session->is_failed = true;
    log_debug(LOG_H3, "connection error 0x%llx: %s", (unsigned long long)h3_code, reason);
    session->ops->fail(session->self, h3_code, reason);
}

int wt_session_write(struct wt_session *session, int64_t id, struct h3_span bytes, bool is_end)
{
    int error = session->ops->write(session->self, id, bytes.data, bytes.n, is_end);
    if (error)
        wt_session_fail(session, H3_INTERNAL_ERROR, moq_error_words(error));
    return error;
}

struct wt_stream *wt_stream_find(const struct wt_session *session, int64_t id)
{
    list_for_each (node, &session->streams) {
        struct wt_stream *stream = container_of(node, struct wt_stream, link);
        if (stream->id == id && !stream->is_dead)
            return stream;
    }
    return NULL;
}

struct wt_stream *wt_stream_new(struct wt_session *session, int64_t id, enum wt_role role)
{
    struct wt_stream *stream = calloc(1, sizeof *stream);
    if (!stream) {
        wt_session_fail(session, H3_INTERNAL_ERROR, "out of memory");
        return NULL;
    }
    stream->id = id;
    stream->session_id = -1;
    stream->role = role;
    byte_buf_init(&stream->payload, H3_HEADERS_MAX_BYTES);
    list_push_back(&session->streams, &stream->link);
    return stream;
}

void wt_stream_kill(struct wt_session *session, struct wt_stream *stream)
{
    if (stream->is_dead)
        return;
    if (stream->role == WT_ROLE_PARKED)
        session->parked_count--;
    stream->is_dead = true;
    if (session->depth == 0)
        stream_free(session, stream);
}

void wt_session_reject(struct wt_session *session, int64_t id, uint64_t h3_code)
{
    bool is_uni = id & 2;
    if (!is_uni)
        session->ops->reset(session->self, id, h3_code);
    session->ops->stop(session->self, id, h3_code);
}

void wt_stream_reject(struct wt_session *session, struct wt_stream *stream, uint64_t h3_code)
{
    if (stream->is_rejected || stream->is_dead)
        return;
    stream->is_rejected = true;
    wt_session_reject(session, stream->id, h3_code);
}

void wt_stream_break(struct wt_session *session, struct wt_stream *stream, uint64_t h3_code)
{
    wt_stream_reject(session, stream, h3_code);
    if (wt_stream_is_connect(session, stream))
        wt_session_peer_ended(session, 0, "");
}

bool wt_stream_is_connect(const struct wt_session *session, const struct wt_stream *stream)
{
    return session->session_id >= 0 && stream->id == session->session_id;
}

/* Frees streams that were closed during callbacks, when nothing on the stack refers to them any
 * more. */
void wt_session_leave(struct wt_session *session)
{
    if (--session->depth > 0)
        return;
    list_for_each_safe (node, &session->streams) {
        struct wt_stream *stream = container_of(node, struct wt_stream, link);
        if (stream->is_dead)
            stream_free(session, stream);
    }
}

/* ---- start and CONNECT ----------------------------------------------------------------------- */

static int open_control(struct wt_session *session)
{
    if (!session->is_started || session->control_id >= 0 || session->is_failed)
        return 0;
    session->control_id = session->ops->open(session->self, false);
    if (session->control_id < 0)
        return 0;
    return wt_session_write(session, session->control_id, h3_settings_bytes(session->is_server),
                            false);
}

int wt_session_start(struct wt_session *session)
{
    session->is_started = true;
    return open_control(session);
}

static bool can_connect(struct wt_session *session)
{
    if (session->state != WT_STATE_WANTED || session->is_failed || !session->has_settings ||
        session->control_id < 0)
        return false;
    if (session->goaway_id != UINT64_MAX) {
        session->state = WT_STATE_OVER;
        session->ops->on_refused(session->self, 503, "");
        return false;
    }
    if (!session->settings.has_webtransport) {
        wt_session_fail(session, H3_WT_REQUIREMENTS_NOT_MET,
                        "the server's SETTINGS do not enable WebTransport");
        return false;
    }
    if (!session->settings.has_datagrams) {
        wt_session_fail(session, H3_WT_REQUIREMENTS_NOT_MET,
                        "the server's SETTINGS do not enable HTTP/3 datagrams");
        return false;
    }
    return true;
}

void wt_session_try_connect(struct wt_session *session)
{
    if (!can_connect(session))
        return;
    int64_t id = session->ops->open(session->self, true);
    if (id < 0)
        return;
    session->session_id = id;
    session->state = WT_STATE_REQUESTED;
    struct wt_stream *stream = wt_stream_new(session, id, WT_ROLE_REQUEST);
    if (!stream)
        return;
    wt_session_write(session, id, (struct h3_span){session->request.data, session->request.size},
                     false);
    byte_buf_deinit(&session->request);
}

int wt_session_connect(struct wt_session *session, const char *authority, const char *path,
                       const char *protocols)
{
    if (session->is_server || session->state != WT_STATE_IDLE)
        return MOQ_ERR_INVALID;
    int error = h3_request_encode(&session->request, authority, path, protocols);
    if (error)
        return error;
    session->state = WT_STATE_WANTED;
    session->depth++;
    wt_session_try_connect(session);
    wt_session_leave(session);
    return 0;
}

void wt_session_credit(struct wt_session *session)
{
    session->depth++;
    if (open_control(session) == 0)
        wt_session_try_connect(session);
    wt_session_leave(session);
}

static int write_answer(struct wt_session *session, int64_t id, int status, const char *text)
{
    uint8_t frame[H3_RESPONSE_MAX_BYTES];
    bool is_accepted = status == 200;
    if (!*text) {
        struct h3_span bytes = {frame, h3_response_encode(frame, status)};
        return wt_session_write(session, id, bytes, !is_accepted);
    }
    struct byte_buf answer;
    byte_buf_init(&answer, H3_HEADERS_MAX_BYTES);
    int error = is_accepted ? h3_accept_encode(&answer, text, session->is_draft_09)
                            : h3_refuse_encode(&answer, status, text);
    if (error)
        wt_session_fail(session, H3_INTERNAL_ERROR, moq_error_words(error));
    else
        error =
            wt_session_write(session, id, (struct h3_span){answer.data, answer.size}, !is_accepted);
    byte_buf_deinit(&answer);
    return error;
}

static void forget_request(struct wt_session *session)
{
    struct wt_stream *stream = wt_stream_find(session, session->session_id);
    if (stream)
        stream->role = WT_ROLE_DISCARD;
    session->refused_id = session->session_id;
    session->session_id = -1;
}

int wt_session_respond(struct wt_session *session, int status, const char *text)
{
    if (!session->is_server || session->state != WT_STATE_REQUESTED || session->is_failed)
        return MOQ_ERR_CLOSED;
    int64_t id = session->session_id;
    bool is_accepted = status == 200;

    session->state = is_accepted ? WT_STATE_ESTABLISHED : WT_STATE_IDLE;
    if (!is_accepted)
        forget_request(session);
    session->depth++;
    int error = write_answer(session, id, status, text);
    if (!error && is_accepted)
        session->ops->on_established(session->self, "");
    else if (!error)
        session->ops->stop(session->self, id, H3_NO_ERROR);
    wt_session_leave(session);
    return error;
}

/* ---- the streams that are watched ------------------------------------------------------------ */

static bool is_critical(const struct wt_session *session, int64_t id)
{
    const struct wt_stream *stream = wt_stream_find(session, id);
    return id == session->control_id ||
           (stream && (stream->role == WT_ROLE_CONTROL || stream->role == WT_ROLE_QPACK_ENCODER ||
                       stream->role == WT_ROLE_QPACK_DECODER));
}

void wt_session_peer_ended(struct wt_session *session, uint32_t code, const char *reason)
{
    enum wt_state before = session->state;
    if (before == WT_STATE_IDLE || before == WT_STATE_OVER)
        return;
    session->state = WT_STATE_OVER;
    if (before == WT_STATE_CLOSING || session->is_failed)
        return;
    if (before == WT_STATE_REQUESTED && !session->is_server)
        session->ops->on_refused(session->self, 0, "");
    else
        session->ops->on_session_closed(session->self, code, reason);
}

/* One direction of `stream` was reset or stopped: ends the other direction, and the session or
 * request on it. */
static void cut_off_stream(struct wt_session *session, struct wt_stream *stream, uint64_t h3_code)
{
    session->depth++;
    if (wt_stream_is_connect(session, stream)) {
        int64_t code = h3_code_to_app(h3_code);
        wt_stream_reject(session, stream, H3_NO_ERROR);
        wt_session_peer_ended(session, code < 0 ? 0 : (uint32_t)code,
                              "the session's stream was reset");
    }
    if (stream->role == WT_ROLE_DISCARD || stream->id & 2)
        stream->is_rejected = true; /* our direction, if there is one, has ended before */
    else
        wt_stream_reject(session, stream, H3_REQUEST_CANCELLED);
    wt_session_leave(session);
}

void wt_session_stream_reset(struct wt_session *session, int64_t id, uint64_t h3_code)
{
    if (session->is_failed)
        return;
    if (is_critical(session, id)) {
        wt_session_fail(session, H3_CLOSED_CRITICAL_STREAM, "a critical stream was reset");
        return;
    }
    struct wt_stream *stream = wt_stream_find(session, id);
    bool is_ours = ((id & 1) != 0) == session->is_server;
    if (stream)
        cut_off_stream(session, stream, h3_code);
    else if (!is_ours && !(id & 2)) /* reset before its first byte: ours is open */
        wt_session_reject(session, id, H3_REQUEST_CANCELLED);
}

void wt_session_stream_stopped(struct wt_session *session, int64_t id, uint64_t h3_code)
{
    if (session->is_failed)
        return;
    if (is_critical(session, id)) {
        wt_session_fail(session, H3_CLOSED_CRITICAL_STREAM, "a critical stream was stopped");
        return;
    }
    /* A server that has answered does not need the rest of the request, and may stop it before its
     * answer has been read (RFC 9114, section 4.1). */
    if (!session->is_server && session->state == WT_STATE_REQUESTED && h3_code == H3_NO_ERROR)
        return;
    struct wt_stream *stream = wt_stream_find(session, id);
    if (stream && stream->role == WT_ROLE_REQUEST)
        cut_off_stream(session, stream, h3_code);
}

void wt_session_stream_closed(struct wt_session *session, int64_t id)
{
    if (is_critical(session, id)) {
        wt_session_fail(session, H3_CLOSED_CRITICAL_STREAM, "a critical stream was closed");
        return;
    }
    struct wt_stream *stream = wt_stream_find(session, id);
    if (!stream)
        return;

    session->depth++;
    if (wt_stream_is_connect(session, stream))
        wt_session_peer_ended(session, 0, "the session's stream was closed");
    wt_stream_kill(session, stream);
    wt_session_leave(session);
}

void wt_session_datagram(struct wt_session *session, const uint8_t *data, size_t n)
{
    uint64_t quarter_id;
    session->datagrams_dropped++;
    if (varint_decode(data, n, &quarter_id) == 0 || quarter_id >= UINT64_C(1) << 60)
        wt_session_fail(session, H3_DATAGRAM_ERROR, "a datagram without a valid session id");
}

uint64_t wt_session_datagrams_dropped(const struct wt_session *session)
{
    return session->datagrams_dropped;
}

bool wt_session_is_established(const struct wt_session *session)
{
    return session->state == WT_STATE_ESTABLISHED && !session->is_failed;
}

size_t wt_session_stream_header(const struct wt_session *session, bool is_bidi,
                                uint8_t out[WT_STREAM_HEADER_MAX_BYTES])
{
    if (session->session_id < 0)
        return 0;
    size_t size = varint_encode(out, is_bidi ? STREAM_TYPE_BIDI : STREAM_TYPE_UNI);
    return size + varint_encode(out + size, (uint64_t)session->session_id);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void cancel_request(struct wt_session *session)
{
    struct wt_stream *stream =
        session->session_id < 0 ? NULL : wt_stream_find(session, session->session_id);
    session->state = WT_STATE_OVER;
    if (stream)
        wt_stream_reject(session, stream,
                         session->is_server ? H3_REQUEST_REJECTED : H3_REQUEST_CANCELLED);
}

static int send_close(struct wt_session *session, uint32_t code, const char *reason)
{
    struct byte_buf bytes;
    byte_buf_init(&bytes, H3_REASON_MAX_BYTES + 32);
    int error = h3_close_encode(&bytes, code, reason ? reason : "");
    if (!error)
        error = wt_session_write(session, session->session_id,
                                 (struct h3_span){bytes.data, bytes.size}, true);
    byte_buf_deinit(&bytes);
    return error;
}

int wt_session_close(struct wt_session *session, uint32_t code, const char *reason)
{
    if (session->state == WT_STATE_OVER || session->state == WT_STATE_CLOSING || session->is_failed)
        return MOQ_ERR_CLOSED;

    session->depth++;
    int error = 0;
    if (session->state == WT_STATE_ESTABLISHED) {
        session->state = WT_STATE_CLOSING;
        error = send_close(session, code, reason);
    } else {
        cancel_request(session);
    }
    wt_session_leave(session);
    return error;
}

int wt_session_turn_away(struct wt_session *session)
{
    if (!session->is_server || session->state != WT_STATE_REQUESTED || session->is_failed)
        return MOQ_ERR_CLOSED;
    session->state = WT_STATE_ESTABLISHED;
    session->depth++;
    int error = write_answer(session, session->session_id, 200, "");
    wt_session_leave(session);
    return error;
}

bool wt_session_is_over(const struct wt_session *session)
{
    return session->state == WT_STATE_OVER || session->is_failed;
}
