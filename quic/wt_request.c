/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Handles requests at a server and the answer at a client. One CONNECT becomes the session; every
 * other request is answered with a status and forgotten.
 * Tested by tests/unit/quic/test_wt_session.c. */
#include "base/log.h"
#include "quic/wt_internal.h"

/* ---- server ---------------------------------------------------------------------------------- */

static void refuse_request(struct wt_session *session, struct wt_stream *stream, int status)
{
    uint8_t frame[H3_RESPONSE_MAX_BYTES];
    struct h3_span bytes = {frame, h3_response_encode(frame, status)};
    log_debug(LOG_H3, "request on stream %lld answered with %d", (long long)stream->id, status);
    stream->role = WT_ROLE_DISCARD;
    if (wt_session_write(session, stream->id, bytes, true) == 0)
        session->ops->stop(session->self, stream->id, H3_NO_ERROR);
}

static const char *or_nothing(const char *value)
{
    return value ? value : "";
}

static void begin_session(struct wt_session *session, struct wt_stream *stream,
                          const struct h3_fields *fields)
{
    const char *protocols = fields->value[H3_FIELD_PROTOCOLS];
    stream->has_capsules = true;
    session->session_id = stream->id;
    session->state = WT_STATE_REQUESTED;
    session->is_draft_09 = !protocols;
    if (!protocols)
        protocols = fields->value[H3_FIELD_PROTOCOLS_09];
    const struct wt_request request = {.authority = fields->value[H3_FIELD_AUTHORITY],
                                       .path = fields->value[H3_FIELD_PATH],
                                       .origin = or_nothing(fields->value[H3_FIELD_ORIGIN]),
                                       .protocols = or_nothing(protocols)};
    session->ops->on_request(session->self, &request);
}

static void take_request(struct wt_session *session, struct wt_stream *stream,
                         const struct h3_fields *fields)
{
    int status = h3_fields_judge_request(fields);
    if (status == 0)
        wt_stream_reject(session, stream, H3_MESSAGE_ERROR);
    else if (status != 200)
        refuse_request(session, stream, status);
    else if (session->state != WT_STATE_IDLE)
        refuse_request(session, stream, 429);
    else
        begin_session(session, stream, fields);
}

/* ---- client ---------------------------------------------------------------------------------- */

static void take_refusal(struct wt_session *session, struct wt_stream *stream, int status,
                         const char *words)
{
    stream->role = WT_ROLE_DISCARD;
    session->state = WT_STATE_OVER;
    wt_session_write(session, stream->id, (struct h3_span){0}, true);
    session->ops->on_refused(session->self, status, words);
}

static void take_response(struct wt_session *session, struct wt_stream *stream,
                          const struct h3_fields *fields)
{
    int status = h3_fields_status(fields);
    if (status == 0) {
        wt_stream_break(session, stream, H3_MESSAGE_ERROR);
    } else if (status < 200) {
        stream->has_headers = false; /* informational (1xx): the final answer is still to come */
    } else if (session->state != WT_STATE_REQUESTED) {
        stream->role = WT_ROLE_DISCARD;
    } else if (status >= 300) {
        take_refusal(session, stream, status, or_nothing(fields->value[H3_FIELD_REASON]));
    } else {
        stream->has_capsules = true;
        session->state = WT_STATE_ESTABLISHED;
        const char *protocol = fields->value[H3_FIELD_SUBPROTOCOL];
        session->ops->on_established(
            session->self,
            or_nothing(protocol ? protocol : fields->value[H3_FIELD_SUBPROTOCOL_09]));
    }
}

/* ---- both ------------------------------------------------------------------------------------ */

void wt_headers_received(struct wt_session *session, struct wt_stream *stream)
{
    struct h3_span block = {stream->payload.data, stream->payload.size};
    struct h3_fields fields;
    uint64_t code = h3_fields_decode(block, session->is_server, &fields);

    stream->has_headers = true;
    if (code == H3_MESSAGE_ERROR || code == H3_EXCESSIVE_LOAD)
        wt_stream_break(session, stream, code);
    else if (code)
        wt_session_fail(session, code, "a header block cannot be decoded");
    else if (session->is_server)
        take_request(session, stream, &fields);
    else
        take_response(session, stream, &fields);
    h3_fields_deinit(&fields);
}
