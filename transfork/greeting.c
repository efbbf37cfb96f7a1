/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The session stream, in both roles: it settles the version, and the session ends when this stream
 * does. Its other messages are handled by bitrate.c. */
#include "transfork/dialect.h"
#include "transfork/message.h"
#include "transfork/session_state.h"
#include "transfork/version.h"

/* ---- After the versions are agreed ----------------------------------------------------------- */

static int session_stream_ended(struct moq_stream *stream, const uint8_t *left, size_t n)
{
    (void)left, (void)n;
    stream_finish(stream);
    stream_detach(stream);
    stream->session->greeting = NULL;
    session_fail(stream->session, MOQ_ERR_CANCELLED, "the peer ended the session");
    return 0;
}

/* Whether the transport closed the stream, and not the peer. Then moq_session_closed follows and
 * gives the reason. */
static bool is_connection_over(const struct moq_stream *stream)
{
    return !stream->handle;
}

static void session_stream_over(struct moq_stream *stream, int error)
{
    stream->session->greeting = NULL;
    if (error == MOQ_ERR_DECODE)
        session_fail(stream->session, error, "malformed message on the session stream");
    else if (!is_connection_over(stream))
        session_fail(stream->session, MOQ_ERR_CANCELLED, "the peer ended the session");
}

static const struct stream_ops session_ops = {
    .read = bitrate_read, .on_end = session_stream_ended, .on_over = session_stream_over};

static void agree_on_version(struct moq_stream *stream, uint32_t version)
{
    stream->in.limit = STREAM_MESSAGE_MAX_BYTES;
    stream->session->version = version;
    stream_attach(stream, &session_ops, NULL);
    session_become_ready(stream->session);
}

/* ---- Before ---------------------------------------------------------------------------------- */

static void server_greeting_over(struct moq_stream *stream, int error)
{
    stream->session->greeting = NULL;
    if (error == MOQ_ERR_VERSION)
        session_fail(stream->session, error, "unsupported version");
    else if (!is_connection_over(stream))
        session_fail(stream->session, MOQ_ERR_DECODE, "the session stream ended too early");
}

/* Answers the client: immediately, or when a held session is released. */
static int answer_client(struct moq_stream *stream, uint32_t version)
{
    struct msg_session_server answer = {.version = version_row(version)->wire};
    struct stream_message message;
    int error = message_encode_session_server(stream_compose(&message), &answer);
    error = stream_send(stream, &message, error);
    if (!error)
        agree_on_version(stream, version);
    return error;
}

void moq_session_release(struct moq_session *session)
{
    struct moq_stream *stream = session->greeting;
    session->config.is_held = false;
    if (!session->held_version || !stream || session->state != SESSION_GREETING)
        return;
    session_enter(session);
    int error = answer_client(stream, session->held_version);
    if (error)
        stream_fail(stream, error);
    else
        moq_stream_received(stream, NULL, 0, false); /* parses what arrived meanwhile */
    session_leave(session);
}

static long read_client_greeting(struct moq_stream *stream, const uint8_t *data, size_t n)
{
    size_t used;
    struct msg_session_client offer;
    if (stream->session->held_version)
        return MOQ_ERR_AGAIN; /* until moq_session_release */
    int error = message_decode_session_client(data, n, &used, &offer);
    if (error)
        return error;

    uint32_t version = message_pick_version(&offer, stream->session->config.versions);
    if (!version)
        return MOQ_ERR_VERSION;

    if (stream->session->config.is_held) {
        stream->session->held_version = version;
        return (long)used;
    }
    error = answer_client(stream, version);
    return error ? error : (long)used;
}

static const struct stream_ops server_ops = {
    .read = read_client_greeting, .on_end = stream_ends_too_early, .on_over = server_greeting_over};

void greeting_begin(struct moq_stream *stream)
{
    stream->in.limit = STREAM_GREETING_MAX_BYTES;
    stream->session->greeting = stream;
    stream_attach(stream, &server_ops, NULL);
}

static void client_greeting_over(struct moq_stream *stream, int error)
{
    struct moq_session *session = stream->session;
    session->greeting = NULL;
    if (error == MOQ_ERR_DECODE)
        session_fail(session, error, "malformed answer of the server");
    else if (!is_connection_over(stream))
        session_await_last_words(session);
}

static long read_server_greeting(struct moq_stream *stream, const uint8_t *data, size_t n)
{
    size_t used;
    struct msg_session_server answer;
    int error = message_decode_session_server(data, n, &used, &answer);
    if (error)
        return error;

    uint32_t version = version_from_wire(answer.version);
    if (!(version & stream->session->config.versions))
        return MOQ_ERR_VERSION;
    agree_on_version(stream, version);
    return (long)used;
}

static int server_greeting_ended(struct moq_stream *stream, const uint8_t *left, size_t n)
{
    (void)stream, (void)left;
    return n > 0 ? MOQ_ERR_DECODE : MOQ_ERR_VERSION;
}

static const struct stream_ops client_ops = {
    .read = read_server_greeting, .on_end = server_greeting_ended, .on_over = client_greeting_over};

/* Offers `versions`, the newest first. */
static struct msg_session_client offered_versions(uint32_t versions)
{
    struct msg_session_client offer = {.version_count = 0};
    for (uint32_t version = MOQ_VERSION_ALL + 1; version >>= 1;)
        if (versions & version)
            offer.versions[offer.version_count++] = version_row(version)->wire;
    return offer;
}

int greeting_open(struct moq_session *session)
{
    struct msg_session_client offer = offered_versions(session->config.versions);
    session->greeting = stream_new_asking(session, BIDI_SESSION, &client_ops, NULL);
    if (!session->greeting)
        return MOQ_ERR_NOMEM;
    session->greeting->in.limit = STREAM_GREETING_MAX_BYTES;
    struct stream_message message;
    int error = message_encode_session_client(stream_compose(&message), &offer);
    return stream_send(session->greeting, &message, error);
}
