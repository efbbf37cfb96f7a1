/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The peer's streams at their beginning: the first varint names the type and sets the handler,
 * once. Step 6 of a frame's walk. A type we do not know costs the peer that stream alone, so that
 * later protocols can add some. */
#include "transfork/message.h"
#include "transfork/session_state.h"

/* The npm client of a later protocol generation greets with this type on the same URL. It would
 * wait for an answer for ever, so the whole session is told at once. */
enum { FOREIGN_SESSION_TYPE = 0x40 };

static int begin_bidi(struct moq_stream *stream, uint64_t type)
{
    struct moq_session *session = stream->session;
    switch (type) {
    case BIDI_SESSION:
        if (!session->config.is_server || session->greeting || session_is_ready(session))
            return MOQ_ERR_UNEXPECTED_STREAM;
        greeting_begin(stream);
        return 0;
    case BIDI_ANNOUNCE:
        announce_answer_begin(stream);
        return 0;
    case BIDI_SUBSCRIBE:
        subscribe_answer_begin(stream);
        return 0;
    case BIDI_FETCH:
        fetch_answer_begin(stream);
        return 0;
    case BIDI_INFO:
        info_answer_begin(stream);
        return 0;
    default:
        return MOQ_ERR_DECODE;
    }
}

static long read_type(struct moq_stream *stream, const uint8_t *data, size_t n)
{
    size_t used;
    uint64_t type;
    int error = message_decode_stream_type(data, n, &used, &type);
    if (error)
        return error == MOQ_ERR_AGAIN ? 0 : error;

    if (stream->is_bidi)
        error = begin_bidi(stream, type);
    else if (type == UNI_GROUP)
        recv_group_begin(stream);
    else
        error = MOQ_ERR_DECODE;
    return error ? error : (long)used;
}

static int end_before_type(struct moq_stream *stream, const uint8_t *left, size_t n)
{
    (void)stream, (void)left, (void)n;
    return MOQ_ERR_DECODE;
}

static const struct stream_ops accept_ops = {.read = read_type, .on_end = end_before_type};

void accept_begin(struct moq_stream *stream)
{
    stream_attach(stream, &accept_ops, NULL);
    if (session_is_ready(stream->session))
        return;
    stream->is_parked = true;
    stream->session->parked_streams++;
}

int accept_parked(struct moq_stream *stream, const uint8_t *data, size_t n)
{
    struct moq_session *session = stream->session;
    size_t used;
    uint64_t type;
    if (!stream->is_bidi || message_decode_stream_type(data, n, &used, &type))
        return 0;

    if (type == BIDI_SESSION)
        stream_unpark(stream);
    else if (type == FOREIGN_SESSION_TYPE && session->config.is_server && !session->greeting) {
        stream_abort(stream, MOQ_ERR_UNEXPECTED_STREAM);
        session_fail(session, MOQ_ERR_UNEXPECTED_STREAM, "this is another protocol than transfork");
    } else
        session->has_stranger = true;
    return 0;
}

struct moq_stream *moq_session_accept_stream(struct moq_session *session, void *handle,
                                             bool is_bidi)
{
    if (session->state >= SESSION_CLOSING)
        return NULL;
    if (!session_is_ready(session) && session->parked_streams >= PARKED_MAX_STREAMS)
        return NULL;
    struct moq_stream *stream = stream_new_accepted(session, handle, is_bidi);
    if (stream)
        accept_begin(stream);
    return stream;
}
