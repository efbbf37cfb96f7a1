/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SESSION_UPDATE: each side tells the other how fast it can send, on the session stream. */
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

/* Whether the peer should hear of it: a tenth more or less than it knows, and not too often. */
static bool is_news(const struct moq_session *session, uint64_t bitrate_bps)
{
    uint64_t told = session->told_bitrate_bps;
    uint64_t change = bitrate_bps > told ? bitrate_bps - told : told - bitrate_bps;
    bool is_early = told && session_now(session) - session->told_bitrate_ns < MOQ_BITRATE_PAUSE_NS;
    return change > told / 10 && !is_early;
}

void moq_session_set_bitrate(struct moq_session *session, uint64_t bitrate_bps)
{
    struct moq_stream *stream = session->greeting;
    bool is_possible =
        session_is_ready(session) && moq_session_can(session, MOQ_CAN_BITRATE) && stream;
    if (bitrate_bps > VARINT_MAX)
        bitrate_bps = VARINT_MAX;
    if (!is_possible || !is_news(session, bitrate_bps))
        return;
    struct stream_message message;
    int error = message_encode_session_update(stream_compose(&message), bitrate_bps);
    if (stream_send(stream, &message, error))
        return;
    session->told_bitrate_bps = bitrate_bps;
    session->told_bitrate_ns = session_now(session);
}
