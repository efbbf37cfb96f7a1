/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SESSION_UPDATE: each side tells the other how fast it can send, on the session stream.
 * Tested by tests/unit/transfork/test_greeting.c. */
#include "base/varint.h"
#include "transfork/message.h"
#include "transfork/session_state.h"

long bitrate_read(struct moq_stream *stream, const uint8_t *data, size_t n)
{
    size_t used;
    uint64_t bitrate_bps;
    int error = message_decode_session_update(data, n, &used, &bitrate_bps);
    if (error)
        return error;
    stream->session->peer_bitrate_bps = bitrate_bps;
    return (long)used;
}

uint64_t moq_session_peer_bitrate(const struct moq_session *session)
{
    return session->peer_bitrate_bps;
}

/* Whether the rate is a tenth more or less than the one that the peer was told. */
static bool is_bitrate_news(const struct moq_session *session)
{
    uint64_t told = session->told_bitrate_bps, known = session->bitrate_bps;
    uint64_t change = known > told ? known - told : told - known;
    return change > told / 10;
}

static void send_bitrate(struct moq_session *session)
{
    struct stream_message message;
    int error = message_encode_session_update(stream_compose(&message), session->bitrate_bps);
    if (stream_send(session->greeting, &message, error))
        return;
    session->told_bitrate_bps = session->bitrate_bps;
    session->told_bitrate_ns = session_now(session);
}

void bitrate_tick(struct moq_session *session)
{
    bool is_possible =
        session_is_ready(session) && moq_session_can(session, MOQ_CAN_BITRATE) && session->greeting;
    if (!is_possible || !is_bitrate_news(session))
        return;
    uint64_t may_ns = session->told_bitrate_ns + MOQ_BITRATE_PAUSE_NS;
    if (session->told_bitrate_bps && session_now(session) < may_ns)
        session_wait_until(session, may_ns);
    else
        send_bitrate(session);
}

void moq_session_set_bitrate(struct moq_session *session, uint64_t bitrate_bps)
{
    session->bitrate_bps = bitrate_bps < VARINT_MAX ? bitrate_bps : VARINT_MAX;
    bitrate_tick(session);
}
