/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Handles frames on control and request streams: checks which may come where (RFC 9114, section
 * 7.2), and does what they say.
 * Tested by tests/unit/quic/test_wt_errors.c and tests/unit/quic/test_wt_session.c. */
#include <stdlib.h>

#include "base/log.h"
#include "base/varint.h"
#include "quic/wt_internal.h"

enum {
    FRAME_DATA = 0x00,
    FRAME_HEADERS = 0x01,
    FRAME_CANCEL_PUSH = 0x03,
    FRAME_SETTINGS = 0x04,
    FRAME_PUSH_PROMISE = 0x05,
    FRAME_GOAWAY = 0x07,
    FRAME_MAX_PUSH_ID = 0x0d,
    FRAME_WEBTRANSPORT = 0x41, /* only valid as the first bytes of a stream */
};

/* ---- what may come where --------------------------------------------------------------------- */

static bool is_from_http2(uint64_t type)
{
    return type == 0x02 || type == 0x06 || type == 0x08 || type == 0x09;
}

/* Whether a frame of `type` may come on a control stream now. Returns 0, or the code of the
 * connection error. */
static uint64_t judge_on_control(const struct wt_session *session, uint64_t type)
{
    if (!session->has_settings && type != FRAME_SETTINGS)
        return H3_MISSING_SETTINGS;
    switch (type) {
    case FRAME_SETTINGS:
        return session->has_settings ? H3_FRAME_UNEXPECTED : 0;
    case FRAME_DATA:
    case FRAME_HEADERS:
    case FRAME_PUSH_PROMISE:
        return H3_FRAME_UNEXPECTED;
    case FRAME_MAX_PUSH_ID:
        return session->is_server ? 0 : H3_FRAME_UNEXPECTED;
    case FRAME_WEBTRANSPORT:
        return H3_FRAME_ERROR;
    default:
        return is_from_http2(type) ? H3_FRAME_UNEXPECTED : 0;
    }
}

static uint64_t judge_on_request(const struct wt_session *session, const struct wt_stream *stream,
                                 uint64_t type)
{
    switch (type) {
    case FRAME_DATA:
        return stream->has_headers ? 0 : H3_FRAME_UNEXPECTED;
    case FRAME_HEADERS:
        return stream->has_headers ? H3_FRAME_UNEXPECTED : 0;
    case FRAME_PUSH_PROMISE:
        return session->is_server ? H3_FRAME_UNEXPECTED : H3_ID_ERROR;
    case FRAME_CANCEL_PUSH:
    case FRAME_SETTINGS:
    case FRAME_GOAWAY:
    case FRAME_MAX_PUSH_ID:
        return H3_FRAME_UNEXPECTED;
    case FRAME_WEBTRANSPORT:
        return H3_FRAME_ERROR;
    default:
        return is_from_http2(type) ? H3_FRAME_UNEXPECTED : 0;
    }
}

static bool is_kept(uint64_t type)
{
    return type == FRAME_HEADERS || type == FRAME_SETTINGS || type == FRAME_GOAWAY;
}

static void begin_frame(struct wt_session *session, struct wt_stream *stream)
{
    const struct h3_record *frame = &stream->record;
    uint64_t code = stream->role == WT_ROLE_CONTROL
                        ? judge_on_control(session, frame->type)
                        : judge_on_request(session, stream, frame->type);
    if (!code && frame->type == FRAME_SETTINGS && frame->left > H3_SETTINGS_MAX_BYTES)
        code = H3_EXCESSIVE_LOAD;
    if (!code && frame->type == FRAME_GOAWAY && frame->left > VARINT_MAX_BYTES)
        code = H3_FRAME_ERROR;
    if (code)
        wt_session_fail(session, code, "an unexpected frame, or one that is too long");
    else if (frame->type == FRAME_HEADERS && frame->left > H3_HEADERS_MAX_BYTES)
        wt_stream_break(session, stream, H3_EXCESSIVE_LOAD);
}

/* ---- values ---------------------------------------------------------------------------------- */

static void keep_value(struct wt_session *session, struct wt_stream *stream, struct h3_span value)
{
    if (session->buffered_bytes + value.n > WT_BUFFERED_MAX_BYTES) {
        wt_stream_break(session, stream, H3_EXCESSIVE_LOAD);
        return;
    }
    if (byte_buf_append(&stream->payload, value.data, value.n)) {
        wt_session_fail(session, H3_INTERNAL_ERROR, "out of memory");
        return;
    }
    session->buffered_bytes += value.n;
}

/* The peer has sent CLOSE. The answer is a FIN, or a reset if the request itself has no answer
 * yet. */
static void closed_by_capsule(struct wt_session *session, struct wt_stream *stream)
{
    if (session->state == WT_STATE_ESTABLISHED)
        wt_session_write(session, stream->id, (struct h3_span){0}, true);
    else if (session->state == WT_STATE_REQUESTED)
        wt_stream_reject(session, stream, H3_REQUEST_CANCELLED);
    wt_session_peer_ended(session, stream->capsules->code, h3_capsules_reason(stream->capsules));
}

/* Makes the reader of capsules for the first one. Most sessions have none before their end. */
static bool begin_capsules(struct wt_stream *stream)
{
    if (stream->capsules)
        return true;
    stream->capsules = malloc(sizeof *stream->capsules);
    if (stream->capsules)
        h3_capsules_init(stream->capsules);
    return stream->capsules != NULL;
}

static void take_capsules(struct wt_session *session, struct wt_stream *stream,
                          struct h3_span value)
{
    if (!stream->has_capsules)
        return;
    if (!begin_capsules(stream)) {
        wt_session_fail(session, H3_INTERNAL_ERROR, "out of memory");
        return;
    }
    bool was_closed = stream->capsules->is_closed;
    uint64_t code = h3_capsules_feed(stream->capsules, value);
    if (stream->capsules->is_closed && !was_closed)
        closed_by_capsule(session, stream);
    if (stream->capsules->is_draining && !session->is_draining) {
        session->is_draining = true;
        log_debug(LOG_H3, "the peer asks to wind the session down");
    }
    if (code)
        wt_stream_break(session, stream, code);
}

static void take_value(struct wt_session *session, struct wt_stream *stream, struct h3_span value)
{
    if (is_kept(stream->record.type))
        keep_value(session, stream, value);
    else if (stream->record.type == FRAME_DATA)
        take_capsules(session, stream, value);
}

/* ---- complete frames ------------------------------------------------------------------------- */

static void take_settings(struct wt_session *session, const struct byte_buf *payload)
{
    uint64_t code = h3_settings_parse(payload->data, payload->size, &session->settings);
    if (!code && session->settings.has_rfc_datagrams && session->has_no_datagrams)
        code = H3_SETTINGS_ERROR;
    if (code) {
        wt_session_fail(session, code, "invalid SETTINGS");
        return;
    }
    session->has_settings = true;
    wt_session_try_connect(session);
}

/* Takes a GOAWAY. The ID from a client is that of a push, and there are none; from a server it is
 * that of a request. */
static void take_goaway(struct wt_session *session, const struct byte_buf *payload)
{
    uint64_t id;
    if (payload->size == 0 || varint_decode(payload->data, payload->size, &id) != payload->size) {
        wt_session_fail(session, H3_FRAME_ERROR, "a GOAWAY that is not one integer");
        return;
    }
    if (id > session->goaway_id || (!session->is_server && id % 4 != 0)) {
        wt_session_fail(session, H3_ID_ERROR, "a GOAWAY with an impossible id");
        return;
    }
    session->goaway_id = id;
    if (session->is_server)
        return;
    log_debug(LOG_H3, "the server takes no new requests");
    wt_session_try_connect(session); /* fails a request that waits, because it is too late for it */
}

static void end_frame(struct wt_session *session, struct wt_stream *stream)
{
    switch (stream->record.type) {
    case FRAME_SETTINGS:
        take_settings(session, &stream->payload);
        break;
    case FRAME_GOAWAY:
        take_goaway(session, &stream->payload);
        break;
    case FRAME_HEADERS:
        wt_headers_received(session, stream);
        break;
    default:
        return;
    }
    session->buffered_bytes -= stream->payload.size;
    byte_buf_deinit(&stream->payload);
}

static bool is_readable(const struct wt_session *session, const struct wt_stream *stream)
{
    return !session->is_failed && !stream->is_rejected && !stream->is_dead &&
           (stream->role == WT_ROLE_CONTROL || stream->role == WT_ROLE_REQUEST);
}

void wt_stream_feed(struct wt_session *session, struct wt_stream *stream, struct h3_span in)
{
    while (is_readable(session, stream)) {
        struct h3_span value = {0};
        switch (h3_record_next(&stream->record, &in, &value)) {
        case H3_EVENT_MORE:
            return;
        case H3_EVENT_BEGIN:
            begin_frame(session, stream);
            break;
        case H3_EVENT_VALUE:
            take_value(session, stream, value);
            break;
        case H3_EVENT_END:
            end_frame(session, stream);
            break;
        }
    }
}

/* ---- FIN ------------------------------------------------------------------------------------- */

static void connect_ended(struct wt_session *session, struct wt_stream *stream)
{
    if (stream->capsules && !h3_capsules_are_whole(stream->capsules)) {
        wt_stream_break(session, stream, H3_MESSAGE_ERROR);
        return;
    }
    if (session->state == WT_STATE_ESTABLISHED)
        wt_session_write(session, stream->id, (struct h3_span){0}, true);
    else if (session->state == WT_STATE_REQUESTED)
        wt_stream_reject(session, stream, H3_REQUEST_CANCELLED);
    wt_session_peer_ended(session, 0, "");
}

void wt_stream_ended(struct wt_session *session, struct wt_stream *stream)
{
    switch (stream->role) {
    case WT_ROLE_CONTROL:
    case WT_ROLE_QPACK_ENCODER:
    case WT_ROLE_QPACK_DECODER:
        wt_session_fail(session, H3_CLOSED_CRITICAL_STREAM, "a critical stream ended");
        return;
    case WT_ROLE_REQUEST:
        if (!h3_record_is_between(&stream->record))
            wt_session_fail(session, H3_FRAME_ERROR, "a frame is cut short");
        else if (wt_stream_is_connect(session, stream))
            connect_ended(session, stream);
        else
            wt_stream_reject(session, stream, H3_REQUEST_INCOMPLETE);
        return;
    default:
        return;
    }
}
