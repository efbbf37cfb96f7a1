/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads the first integers of a peer's stream, which say what it is for. A stream of the session
 * goes to the application, or is parked if the session is not established yet; HTTP/3's own streams
 * go on to wt_frame.c. In the common case the header is in the first packet, and no memory is
 * allocated.
 * Tested by tests/unit/quic/test_wt_errors.c. */
#include <string.h>

#include "base/varint.h"
#include "quic/wt_internal.h"

enum {
    TYPE_CONTROL = 0x00,
    TYPE_PUSH = 0x01,
    TYPE_QPACK_ENCODER = 0x02,
    TYPE_QPACK_DECODER = 0x03,
    TYPE_WEBTRANSPORT_BIDI = 0x41,
    TYPE_WEBTRANSPORT_UNI = 0x54,
};

/* Received bytes, and how many of them have been used. */
struct input {
    int64_t id;
    const uint8_t *data;
    size_t n, used;
    bool is_end;
};

static bool is_uni(int64_t id)
{
    return id & 2;
}

static bool is_ours(const struct wt_session *session, int64_t id)
{
    return ((id & 1) != 0) == session->is_server;
}

/* ---- streams of the session ------------------------------------------------------------------ */

/* Why a stream of the session `session_id` can never become the application's, as an h3_code; 0: it
 * can. */
static uint64_t refusal_of(const struct wt_session *session, int64_t session_id)
{
    if (session->state == WT_STATE_CLOSING || session->state == WT_STATE_OVER ||
        session_id == session->refused_id)
        return H3_WT_SESSION_GONE;
    if (session->session_id >= 0 && session_id != session->session_id)
        return H3_WT_BUFFERED_STREAM_REJECTED;
    return 0;
}

static enum wt_stream_kind forget_stream(struct wt_session *session, struct wt_stream *stream,
                                         enum wt_stream_kind kind)
{
    if (stream)
        wt_stream_kill(session, stream);
    return kind;
}

/* Decides what to do with a stream of the session. `stream` is NULL if nothing about it was
 * kept. */
static enum wt_stream_kind place_stream(struct wt_session *session, struct wt_stream *stream,
                                        int64_t id, int64_t session_id)
{
    uint64_t refusal = refusal_of(session, session_id);
    bool is_parked = stream && stream->role == WT_ROLE_PARKED;

    if (!refusal && session->state == WT_STATE_ESTABLISHED)
        return forget_stream(session, stream, WT_STREAM_APPLICATION);
    if (!refusal && !is_parked && session->parked_count == WT_PARKED_MAX_STREAMS)
        refusal = H3_WT_BUFFERED_STREAM_REJECTED;
    if (refusal) {
        wt_session_reject(session, id, refusal);
        return forget_stream(session, stream, WT_STREAM_REJECTED);
    }
    if (is_parked)
        return WT_STREAM_PARKED;

    if (!stream)
        stream = wt_stream_new(session, id, WT_ROLE_PARKED);
    if (!stream)
        return WT_STREAM_REJECTED;
    stream->role = WT_ROLE_PARKED;
    stream->session_id = session_id;
    session->parked_count++;
    return WT_STREAM_PARKED;
}

/* ---- HTTP/3's own streams -------------------------------------------------------------------- */

static enum wt_stream_kind feed_stream(struct wt_session *session, struct wt_stream *stream,
                                       struct h3_span in, bool is_end)
{
    wt_stream_feed(session, stream, in);
    if (is_end && !session->is_failed && !stream->is_rejected && !stream->is_dead)
        wt_stream_ended(session, stream);
    return stream->is_rejected ? forget_stream(session, stream, WT_STREAM_REJECTED)
                               : WT_STREAM_INTERNAL;
}

/* Returns true for the first stream of its kind. A second one is a connection error. */
static bool claim_critical_stream(struct wt_session *session, bool *has_one)
{
    if (*has_one)
        wt_session_fail(session, H3_STREAM_CREATION_ERROR, "a second stream of a critical type");
    bool is_first = !*has_one;
    *has_one = true;
    return is_first;
}

/* Sets the role of a unidirectional stream of `type`. Returns false after a connection error. */
static bool choose_role(struct wt_session *session, uint64_t type, enum wt_role *role)
{
    switch (type) {
    case TYPE_CONTROL:
        *role = WT_ROLE_CONTROL;
        return claim_critical_stream(session, &session->has_peer_control);
    case TYPE_QPACK_ENCODER:
        *role = WT_ROLE_QPACK_ENCODER;
        return claim_critical_stream(session, &session->has_peer_encoder);
    case TYPE_QPACK_DECODER:
        *role = WT_ROLE_QPACK_DECODER;
        return claim_critical_stream(session, &session->has_peer_decoder);
    case TYPE_PUSH:
        wt_session_fail(session, session->is_server ? H3_STREAM_CREATION_ERROR : H3_ID_ERROR,
                        "a push stream");
        return false;
    default: /* greasing, or an extension that we do not know */
        *role = WT_ROLE_DISCARD;
        return true;
    }
}

/* ---- the first bytes ------------------------------------------------------------------------- */

struct opening {
    bool is_complete, is_webtransport;
    size_t size; /* of the integers in bytes */
    uint64_t type, session_id;
};

static struct opening read_opening(const uint8_t *head, size_t n, uint64_t webtransport_type)
{
    struct opening opening = {0};
    opening.size = varint_decode(head, n, &opening.type);
    if (opening.size == 0)
        return opening;
    opening.is_webtransport = opening.type == webtransport_type;
    opening.is_complete = true;
    if (!opening.is_webtransport)
        return opening;

    size_t more = varint_decode(head + opening.size, n - opening.size, &opening.session_id);
    opening.is_complete = more > 0;
    opening.size += more;
    return opening;
}

/* A stream has ended before its first integers were complete, which a unidirectional stream may do
 * (RFC 9114, section 6.2). */
static enum wt_stream_kind end_opening(struct wt_session *session, struct wt_stream *stream,
                                       int64_t id)
{
    if (!is_uni(id))
        wt_session_reject(session, id, H3_REQUEST_INCOMPLETE);
    return forget_stream(session, stream, WT_STREAM_REJECTED);
}

static enum wt_stream_kind keep_opening(struct wt_session *session, struct wt_stream *stream,
                                        int64_t id, struct h3_span head)
{
    if (!stream)
        stream = wt_stream_new(session, id, WT_ROLE_OPENING);
    if (!stream)
        return WT_STREAM_REJECTED;
    memcpy(stream->opening, head.data, head.n);
    stream->opening_size = (uint8_t)head.n;
    return WT_STREAM_MORE;
}

static enum wt_stream_kind open_internal(struct wt_session *session, struct wt_stream *stream,
                                         const struct input *input, const struct opening *opening)
{
    enum wt_role role = WT_ROLE_REQUEST;
    if (is_uni(input->id) && !choose_role(session, opening->type, &role))
        return WT_STREAM_REJECTED;
    if (!is_uni(input->id) && !session->is_server) {
        wt_session_fail(session, H3_STREAM_CREATION_ERROR, "the server sent a request");
        return WT_STREAM_REJECTED;
    }
    if (!stream)
        stream = wt_stream_new(session, input->id, role);
    if (!stream)
        return WT_STREAM_REJECTED;
    stream->role = role;

    /* The type of a unidirectional stream is stripped; a request begins with the type of a frame,
     * which is not. */
    size_t skip = is_uni(input->id) ? opening->size - stream->opening_size : 0;
    if (!is_uni(input->id))
        wt_stream_feed(session, stream, (struct h3_span){stream->opening, stream->opening_size});
    return feed_stream(session, stream, (struct h3_span){input->data + skip, input->n - skip},
                       input->is_end);
}

static enum wt_stream_kind read_first(struct wt_session *session, struct wt_stream *stream,
                                      struct input *input)
{
    uint8_t head[WT_STREAM_HEADER_MAX_BYTES];
    size_t had = stream ? stream->opening_size : 0;
    size_t room = sizeof head - had;
    size_t taken = input->n < room ? input->n : room;
    if (had > 0)
        memcpy(head, stream->opening, had);
    if (taken > 0)
        memcpy(head + had, input->data, taken);

    struct opening opening = read_opening(
        head, had + taken, is_uni(input->id) ? TYPE_WEBTRANSPORT_UNI : TYPE_WEBTRANSPORT_BIDI);
    if (!opening.is_complete)
        return input->is_end
                   ? end_opening(session, stream, input->id)
                   : keep_opening(session, stream, input->id, (struct h3_span){head, had + taken});
    if (!opening.is_webtransport)
        return open_internal(session, stream, input, &opening);

    input->used = opening.size - had;
    if (opening.session_id % 4 != 0) {
        wt_session_fail(session, H3_ID_ERROR, "a session ID that belongs to no request");
        return WT_STREAM_REJECTED;
    }
    return place_stream(session, stream, input->id, (int64_t)opening.session_id);
}

/* ---- the door -------------------------------------------------------------------------------- */

static enum wt_stream_kind receive_on_stream(struct wt_session *session, struct input *input)
{
    struct wt_stream *stream = wt_stream_find(session, input->id);
    if (!stream && is_ours(session, input->id)) {
        input->used = 0;
        return WT_STREAM_APPLICATION;
    }
    if (!stream || stream->role == WT_ROLE_OPENING)
        return read_first(session, stream, input);
    if (stream->role == WT_ROLE_PARKED) {
        input->used = 0;
        return place_stream(session, stream, input->id, stream->session_id);
    }
    return feed_stream(session, stream, (struct h3_span){input->data, input->n}, input->is_end);
}

enum wt_stream_kind wt_session_received(struct wt_session *session, int64_t id, const uint8_t *data,
                                        size_t n, bool is_end, size_t *used)
{
    struct input input = {.id = id, .data = data, .n = n, .used = n, .is_end = is_end};
    *used = n;
    if (session->is_failed)
        return WT_STREAM_REJECTED;

    session->depth++;
    enum wt_stream_kind kind = receive_on_stream(session, &input);
    wt_session_leave(session);
    if (session->is_failed)
        return WT_STREAM_REJECTED;
    if (kind == WT_STREAM_APPLICATION || kind == WT_STREAM_PARKED)
        *used = input.used;
    return kind;
}
