/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Announce streams that the peer opened: we tell it which offers are below its prefix, and then
 * every change. Nothing is queued for a peer that does not read: the next difference is computed
 * when the stream has room for it.
 * Tested by tests/unit/transfork/test_announce.c. */
#include <stdlib.h>

#include "base/objects.h"
#include "transfork/dialect.h"
#include "transfork/message.h"
#include "transfork/transfork.h"

/* The limit of unsent bytes in the stream's log. Further changes are told when there is room
 * again. */
enum { ANNOUNCE_BACKLOG_BYTES = 32 * 1024 };

struct announce_answer {
    struct grave grave;
    struct list node; /* in its session's announce_answers */
    struct moq_session *session;
    struct moq_stream *stream; /* NULL once the stream is over */
    struct moq_path *prefix;
    struct moq_offers_watcher *watcher; /* NULL: we offer nothing */
    bool has_told_live;
};

static void answer_free(struct grave *grave)
{
    struct announce_answer *answer = container_of(grave, struct announce_answer, grave);
    moq_path_unref(&answer->prefix);
    free(answer);
    object_died(OBJECT_announce_answer);
}

static void answer_over(struct announce_answer *answer)
{
    answer->stream = NULL;
    moq_offers_unwatch(&answer->watcher);
    list_remove(&answer->node);
    answer->session->announce_count--;
    session_bury(answer->session, &answer->grave, answer_free);
}

static int tell_announce(struct announce_answer *answer, enum message_announce status,
                         const struct moq_path *path)
{
    struct msg_announce msg = {.status = status};
    if (path) {
        msg.suffix = moq_path_suffix(path, moq_path_count(answer->prefix));
        if (!msg.suffix)
            return MOQ_ERR_NOMEM;
    }
    struct stream_message message;
    int error = message_encode_announce(answer->session->version, stream_compose(&message), &msg);
    moq_path_unref(&msg.suffix);
    return stream_send(answer->stream, &message, error);
}

/* Older Rust peers do not know Live: they would drop the stream and every path that it
 * announced. */
static int tell_live(struct announce_answer *answer)
{
    answer->has_told_live = true;
    return moq_session_can(answer->session, MOQ_CAN_LIVE)
               ? tell_announce(answer, ANNOUNCE_LIVE, NULL)
               : 0;
}

static void tell_differences(struct announce_answer *answer)
{
    struct moq_path *path = NULL;
    bool is_active = false, has_more = true;
    int error = 0;
    while (!error && stream_unsent(answer->stream) < ANNOUNCE_BACKLOG_BYTES) {
        has_more = answer->watcher && moq_offers_watcher_next(answer->watcher, &is_active, &path);
        if (!has_more)
            break;
        error = tell_announce(answer, is_active ? ANNOUNCE_ACTIVE : ANNOUNCE_ENDED, path);
    }
    if (!error && !has_more && !answer->has_told_live)
        error = tell_live(answer);
    if (error)
        stream_fail(answer->stream, error);
}

static void on_pending(struct moq_offers_watcher *watcher, void *user)
{
    struct announce_answer *answer = user;
    (void)watcher;
    if (answer->stream && session_is_ready(answer->session))
        tell_differences(answer);
}

static bool can_see(void *user, const struct moq_path *path, const void *owner)
{
    const struct announce_answer *answer = user;
    struct moq_session *session = answer->session;
    const struct moq_session_events *events = session->config.events;
    return !events->can_see || events->can_see(session, path, owner);
}

/* A difference that cannot be told ends its stream, and with it the answer. */
void moq_session_look_again(struct moq_session *session)
{
    session_enter(session);
    list_for_each_safe (node, &session->announce_answers) {
        struct announce_answer *answer = container_of(node, struct announce_answer, node);
        if (answer->watcher)
            moq_offers_look_again(session->config.offers, answer->watcher);
    }
    session_leave(session);
}

static const struct moq_offers_watcher_ops watcher_ops = {.on_pending = on_pending,
                                                          .can_see = can_see};

/* ---- The stream ------------------------------------------------------------------------------ */

static void answer_stream_over(struct moq_stream *stream, int error)
{
    (void)error;
    answer_over(stream->owner);
}

static void answer_sent(struct moq_stream *stream)
{
    struct announce_answer *answer = stream->owner;
    bool has_more = answer->watcher && moq_offers_watcher_has_pending(answer->watcher);
    if ((has_more || !answer->has_told_live) && session_is_ready(answer->session))
        tell_differences(answer);
}

static const struct stream_ops answer_ops = {
    .read = stream_refuses_more, .on_over = answer_stream_over, .on_sent = answer_sent};

static int begin_answer(struct moq_stream *stream, struct moq_path *prefix)
{
    struct moq_session *session = stream->session;
    if (session->announce_count >= session->config.limits.announces)
        return MOQ_ERR_BOUNDS;
    struct announce_answer *answer = calloc(1, sizeof *answer);
    if (!answer)
        return MOQ_ERR_NOMEM;
    answer->session = session;
    answer->stream = stream;
    answer->prefix = moq_path_ref(prefix);
    session->announce_count++;
    list_push_back(&session->announce_answers, &answer->node);
    stream_attach(stream, &answer_ops, answer);
    object_born(OBJECT_announce_answer);

    if (session->config.offers) {
        answer->watcher = moq_offers_watch(session->config.offers, prefix, &watcher_ops, answer);
        if (!answer->watcher)
            return MOQ_ERR_NOMEM;
    }
    tell_differences(answer);
    return 0;
}

static long read_announce_please(struct moq_stream *stream, const uint8_t *data, size_t n)
{
    struct moq_path *prefix;
    size_t used;
    int error = message_decode_announce_please(data, n, &used, &prefix);
    if (error)
        return dialect_check(stream, KIND_ANNOUNCE_PLEASE, data, n, error);
    error = begin_answer(stream, prefix);
    moq_path_unref(&prefix);
    return error ? error : (long)used;
}

static const struct stream_ops please_ops = {.read = read_announce_please,
                                             .on_end = stream_ends_too_early};

void announce_answer_begin(struct moq_stream *stream)
{
    stream_attach(stream, &please_ops, NULL);
}
