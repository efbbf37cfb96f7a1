/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A session with one peer, from its first byte to its last. The first varint of a stream that the
 * peer opens names its type; this file reads it and attaches the handler. Step 6 of a frame's walk.
 * The handlers are in the files that session_state.h names.
 * Tested by tests/unit/transfork/test_greeting.c. */
#include "transfork/session_state.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "base/objects.h"
#include "transfork/check.h"
#include "transfork/message.h"
#include "transfork/version.h"

enum {
    DEFAULT_SUBSCRIPTIONS = 1024,
    DEFAULT_ANNOUNCES = 64,
    DEFAULT_ANNOUNCED_PATHS = 10000,
    DEFAULT_OPEN_GROUPS = 16,
};
#define DEFAULT_HANDSHAKE_NS (10 * NS_PER_S)
#define DEFAULT_CREDIT_NS (10 * NS_PER_S)

/* ---- Turns and graves ------------------------------------------------------------------------ */

void session_enter(struct moq_session *session)
{
    session->depth++;
}

static void free_graves(struct moq_session *session)
{
    for (struct list *node; (node = list_pop_front(&session->graves));) {
        struct grave *grave = container_of(node, struct grave, node);
        grave->free(grave);
    }
}

void session_leave(struct moq_session *session)
{
    REQUIRE(session->depth > 0);
    if (--session->depth == 0)
        free_graves(session);
}

void session_bury(struct moq_session *session, struct grave *grave,
                  void (*free_grave)(struct grave *grave))
{
    grave->free = free_grave;
    list_push_back(&session->graves, &grave->node);
}

static void tell_deadline(const struct moq_session *session)
{
    session->transport.ops->wake_at(session->transport.self, session->deadline_ns);
}

/* Within a tick this only collects the deadlines of all parts; the tick tells the transport the
 * earliest at its end. */
void session_wait_until(struct moq_session *session, uint64_t when_ns)
{
    if (when_ns >= session->deadline_ns || session->state >= SESSION_CLOSING)
        return;
    session->deadline_ns = when_ns;
    if (!session->is_ticking)
        tell_deadline(session);
}

static void clear_deadline(struct moq_session *session)
{
    session->deadline_ns = CLOCK_NEVER;
    tell_deadline(session);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void fill_defaults(struct moq_session_limits *limits)
{
    if (!limits->subscriptions)
        limits->subscriptions = DEFAULT_SUBSCRIPTIONS;
    if (!limits->announces)
        limits->announces = DEFAULT_ANNOUNCES;
    if (!limits->announced_paths)
        limits->announced_paths = DEFAULT_ANNOUNCED_PATHS;
    if (!limits->open_groups)
        limits->open_groups = DEFAULT_OPEN_GROUPS;
    if (!limits->credit_ns)
        limits->credit_ns = DEFAULT_CREDIT_NS;
    if (!limits->handshake_ns)
        limits->handshake_ns = DEFAULT_HANDSHAKE_NS;
}

static void init_lists(struct moq_session *session)
{
    list_init(&session->streams);
    list_init(&session->waiting);
    list_init(&session->graves);
    list_init(&session->viewers);
    list_init(&session->requests);
    list_init(&session->announce_answers);
    list_init(&session->announced);
    list_init(&session->recv_groups);
    list_init(&session->unacknowledged);
}

/* For an owner without events. */
static const struct moq_session_events no_events = {0};

struct moq_session *moq_session_alloc(void)
{
    struct moq_session *session = calloc(1, sizeof *session);
    if (!session)
        return NULL;
    session->state = SESSION_CLOSED;
    init_lists(session);
    object_born(OBJECT_session);
    return session;
}

void moq_session_start(struct moq_session *session, const struct moq_session_config *config,
                       struct moq_transport transport)
{
    REQUIRE(config->clock && transport.ops);
    session->state = SESSION_GREETING;
    session->transport = transport;
    session->config = *config;
    if (!config->events)
        session->config.events = &no_events;
    fill_defaults(&session->config.limits);
    session->greeting_deadline_ns =
        time_after(session_now(session), session->config.limits.handshake_ns);
    session->deadline_ns = session->dialect_deadline_ns = CLOCK_NEVER;
    session_wait_until(session, session->greeting_deadline_ns);
}

struct moq_session *moq_session_new(const struct moq_session_config *config,
                                    struct moq_transport transport)
{
    struct moq_session *session = moq_session_alloc();
    if (!session)
        return NULL;
    moq_session_start(session, config, transport);
    if (!config->is_server && greeting_open(session)) {
        session->state = SESSION_CLOSED;
        clear_deadline(session);
        moq_session_free(&session);
    }
    return session;
}

void moq_session_free(struct moq_session **session_ref)
{
    struct moq_session *session = *session_ref;
    if (!session)
        return;
    REQUIRE(session->state == SESSION_CLOSED && session->depth == 0);
    free_graves(session);
    free(session->subscriptions);
    free(session);
    object_died(OBJECT_session);
    *session_ref = NULL;
}

void *moq_session_user(const struct moq_session *session)
{
    return session->config.user;
}

uint32_t moq_session_version(const struct moq_session *session)
{
    return session->version;
}

bool moq_session_can(const struct moq_session *session, uint32_t what)
{
    return (version_row(session->version)->can & what) == what;
}

void session_become_ready(struct moq_session *session)
{
    session->state = SESSION_READY;
    session->greeting_deadline_ns = CLOCK_NEVER;
    if (session->config.events->on_ready)
        session->config.events->on_ready(session);

    list_for_each_safe (node, &session->streams) {
        struct moq_stream *stream = container_of(node, struct moq_stream, node);
        if (stream->is_parked && session_is_ready(session))
            stream_unpark(stream);
    }
}

/* ---- The peer's streams at their beginning --------------------------------------------------- */

/* A later generation of the protocol begins its session with this type, on the same URL. Its npm
 * client would wait forever for an answer, so the session is closed at once. */
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
        return error;

    if (stream->is_bidi)
        error = begin_bidi(stream, type);
    else if (type == UNI_GROUP)
        recv_group_begin(stream);
    else
        error = MOQ_ERR_DECODE;
    return error ? error : (long)used;
}

static const struct stream_ops accept_ops = {.read = read_type, .on_end = stream_ends_too_early};

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
    if (n == 0 || !stream->is_bidi || message_decode_stream_type(data, n, &used, &type))
        return 0;

    if (type == BIDI_SESSION)
        stream_unpark(stream);
    else if (type == FOREIGN_SESSION_TYPE && session->config.is_server && !session->greeting) {
        stream_abort(stream, MOQ_ERR_UNEXPECTED_STREAM);
        session_fail(session, MOQ_ERR_UNEXPECTED_STREAM, "the peer does not speak transfork");
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

/* ---- The end --------------------------------------------------------------------------------- */

static void close_session(struct moq_session *session, int error, const char *reason)
{
    if (session->state >= SESSION_CLOSING)
        return;
    session->state = SESSION_CLOSING;
    clear_deadline(session);
    session->error = error;
    snprintf(session->reason, sizeof session->reason, "%s",
             reason ? reason : moq_error_words(error));

    struct moq_stream *greeting = session->greeting;
    session->greeting = NULL;
    if (greeting) {
        stream_detach(greeting);
        stream_finish(greeting);
    }
    session->transport.ops->close(session->transport.self, moq_error_to_wire(error),
                                  session->reason);
}

void moq_session_close(struct moq_session *session, int error, const char *reason)
{
    close_session(session, error, reason);
}

void session_fail(struct moq_session *session, int error, const char *reason)
{
    if (error != MOQ_ERR_CANCELLED)
        log_debug(LOG_SESSION, "closing the session: %s (%s)", reason, moq_error_words(error));
    close_session(session, error, reason);
}

/* Fails the streams of ours that still wait for credit. The transport does not know of them, so it
 * will not close them. */
static void drop_waiting(struct moq_session *session)
{
    while (!list_is_empty(&session->waiting)) {
        struct moq_stream *stream = container_of(session->waiting.next, struct moq_stream, node);
        stream_fail(stream, MOQ_ERR_CLOSED);
    }
}

void moq_session_closed(struct moq_session *session, int error, const char *reason)
{
    if (session->state == SESSION_CLOSED)
        return;
    session_enter(session);
    if (session->state != SESSION_CLOSING) {
        session->error = error;
        snprintf(session->reason, sizeof session->reason, "%s",
                 reason ? reason : moq_error_words(error));
        session->greeting = NULL;
    }
    session->state = SESSION_CLOSED;
    clear_deadline(session);
    drop_waiting(session);
    if (session->config.events->on_closed)
        session->config.events->on_closed(session, session->error, session->reason);
    session_leave(session);
}

/* ---- Time and credit ------------------------------------------------------------------------- */

/* A server that lets nobody in ends the session stream and the connection. It says why with the
 * second, which may come a packet later. If it comes not at all, the version was the reason. */
#define LAST_WORDS_NS (500 * NS_PER_MS)

void session_await_last_words(struct moq_session *session)
{
    session->is_rejected = true;
    session->greeting_deadline_ns = time_after(session_now(session), LAST_WORDS_NS);
    session_wait_until(session, session->greeting_deadline_ns);
}

static void greeting_timed_out(struct moq_session *session)
{
    if (session->is_rejected)
        session_fail(session, MOQ_ERR_VERSION, "the server rejected our version");
    else if (session->has_stranger && !session->greeting)
        session_fail(session, MOQ_ERR_UNEXPECTED_STREAM,
                     "the first stream is not a session stream");
    else if (session->greeting && session->config.is_server)
        session_fail(session, MOQ_ERR_DECODE, "the greeting was not completed in time");
    else
        session_fail(session, MOQ_ERR_TIMEOUT, "no greeting came in time");
}

static void tick_parts(struct moq_session *session)
{
    session->deadline_ns = CLOCK_NEVER;
    if (session_now(session) >= session->greeting_deadline_ns)
        greeting_timed_out(session);
    else
        session_wait_until(session, session->greeting_deadline_ns);
    if (!session_is_ready(session))
        return;
    streams_expire(session);
    viewers_tick(session);
    recv_groups_tick(session);
    send_groups_tick(session);
    subscriptions_tick(session);
    announce_ask_tick(session);
    dialect_tick(session);
    bitrate_tick(session);
}

void moq_session_tick(struct moq_session *session)
{
    session_enter(session);
    session->is_ticking = true;
    if (session->state < SESSION_CLOSING && session_now(session) >= session->deadline_ns)
        tick_parts(session);
    session->is_ticking = false;
    tell_deadline(session);
    session_leave(session);
#ifndef NDEBUG
    if (session->depth == 0)
        session_check(session);
#endif
}

uint32_t moq_session_waiting(const struct moq_session *session)
{
    uint32_t count = 0;
    list_for_each (node, &session->waiting)
        count += container_of(node, struct moq_stream, node)->credit_deadline_ns != CLOCK_NEVER;
    return count;
}

void moq_session_credit(struct moq_session *session)
{
    session_enter(session);
    while (!list_is_empty(&session->waiting) && session->state < SESSION_CLOSING) {
        struct moq_stream *stream = container_of(session->waiting.next, struct moq_stream, node);
        if (!stream_open_waiting(stream))
            break;
    }
    if (session_is_ready(session))
        viewers_credit(session);
    session_leave(session);
}
