/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Announce streams that we opened: what the peer announces below a prefix. When the stream ends, so
 * do all its announcements.
 * Tested by tests/unit/transfork/test_announce.c. */
#include <stdlib.h>

#include "base/log.h"
#include "base/objects.h"
#include "transfork/dialect.h"
#include "transfork/message.h"
#include "transfork/path_set.h"
#include "transfork/query.h"

/* A silence of this length stands for Live from peers that cannot send it (MOQ_CAN_LIVE). */
#define CAUGHT_UP_NS (300 * NS_PER_MS)

struct moq_announced {
    struct query query;
    struct list node; /* in its session's announced */
    struct moq_path *prefix;
    struct path_set active;
    uint64_t heard_ns; /* when the stream was opened or its last message came */
    bool is_live;
    const struct moq_announced_events *events;
    void *user;
};

static struct moq_announced *announced_of(struct query *query)
{
    return container_of(query, struct moq_announced, query);
}

static void unlink_announced(struct query *query, int error)
{
    (void)error;
    list_remove(&announced_of(query)->node);
}

static void tell_announced_end(struct query *query, int error)
{
    struct moq_announced *announced = announced_of(query);
    if (announced->events->on_closed)
        announced->events->on_closed(announced, error);
}

static void announced_free(struct grave *grave)
{
    struct moq_announced *announced = container_of(grave, struct moq_announced, query.grave);
    path_set_deinit(&announced->active);
    moq_path_unref(&announced->prefix);
    free(announced);
    object_died(OBJECT_announced);
}

static const struct query_kind announced_kind = {
    .unlink = unlink_announced, .tell_end = tell_announced_end, .free = announced_free};

/* Ends all active paths, then the query itself. The owner may close it in any of these
 * callbacks. */
static void end_announced(struct moq_announced *announced, int error)
{
    struct moq_session *session = announced->query.session;
    announced->query.stream = NULL;
    session_enter(session);
    for (struct moq_path *path; (path = path_set_pop(&announced->active));) {
        if (announced->events->on_ended && !announced->query.is_over)
            announced->events->on_ended(announced, path);
        moq_path_unref(&path);
    }
    query_end(&announced->query, error);
    session_leave(session);
}

static void become_live(struct moq_announced *announced)
{
    if (announced->is_live)
        return;
    announced->is_live = true;
    if (announced->events->on_live)
        announced->events->on_live(announced);
}

static int become_active(struct moq_announced *announced, struct moq_path *path)
{
    if (announced->active.count >= announced->query.session->config.limits.announced_paths)
        return MOQ_ERR_BOUNDS;
    int error = path_set_add(&announced->active, path);
    if (error == MOQ_ERR_DUPLICATE) {
        log_debug(LOG_SESSION, "a path was announced twice; the second time is ignored");
        return 0;
    }
    if (!error && announced->events->on_active)
        announced->events->on_active(announced, path);
    return error;
}

static int hear_announce(struct moq_announced *announced, const struct msg_announce *msg)
{
    if (msg->status == ANNOUNCE_LIVE) {
        become_live(announced);
        return 0;
    }
    struct moq_path *path = moq_path_join(announced->prefix, msg->suffix);
    if (!path || moq_path_count(path) == 0) {
        moq_path_unref(&path);
        return MOQ_ERR_BOUNDS;
    }
    int error = 0;
    if (msg->status == ANNOUNCE_ACTIVE)
        error = become_active(announced, path);
    else if (path_set_remove(&announced->active, path) && announced->events->on_ended)
        announced->events->on_ended(announced, path);
    moq_path_unref(&path);
    return error;
}

static long read_announce(struct moq_stream *stream, const uint8_t *data, size_t n)
{
    struct moq_announced *announced = announced_of(stream->owner);
    struct msg_announce msg;
    size_t used;
    int error = message_decode_announce(stream->session->version, data, n, &used, &msg);
    if (error)
        return dialect_check(stream, KIND_ANNOUNCE, data, n, error);
    announced->heard_ns = session_now(stream->session);
    error = hear_announce(announced, &msg);
    moq_path_unref(&msg.suffix);
    return error ? error : (long)used;
}

static int announced_ended(struct moq_stream *stream, const uint8_t *left, size_t n)
{
    (void)left;
    if (n > 0)
        return MOQ_ERR_DECODE;
    struct moq_announced *announced = announced_of(stream->owner);
    stream_detach(stream);
    stream_finish(stream);
    end_announced(announced, 0);
    return 0;
}

static void announced_stream_over(struct moq_stream *stream, int error)
{
    end_announced(announced_of(stream->owner), error);
}

static const struct stream_ops announced_ops = {.read = read_announce,
                                                .on_end = announced_ended,
                                                .on_over = announced_stream_over,
                                                .ignores_stop = true};

/* The first query that has been silent long enough to count as live. For the others, the session
 * asks for a tick in time. */
static struct moq_announced *find_caught_up(struct moq_session *session)
{
    list_for_each (node, &session->announced) {
        struct moq_announced *announced = container_of(node, struct moq_announced, node);
        uint64_t due_ns = announced->heard_ns + CAUGHT_UP_NS;
        if (announced->is_live)
            continue;
        if (session_now(session) >= due_ns)
            return announced;
        session_wait_until(session, due_ns);
    }
    return NULL;
}

void announce_ask_tick(struct moq_session *session)
{
    struct moq_announced *announced;
    if (moq_session_can(session, MOQ_CAN_LIVE))
        return;
    while ((announced = find_caught_up(session)))
        become_live(announced);
}

/* ---- The owner's side ------------------------------------------------------------------------ */

static int write_announce_please(struct moq_announced *announced)
{
    struct stream_message message;
    int error = message_encode_announce_please(stream_compose(&message), announced->prefix);
    return stream_send(announced->query.stream, &message, error);
}

struct moq_announced *moq_session_announced(struct moq_session *session, struct moq_path *prefix,
                                            const struct moq_announced_events *events, void *user)
{
    if (!session_is_ready(session))
        return NULL;
    struct moq_announced *announced = calloc(1, sizeof *announced);
    if (!announced)
        return NULL;
    announced->query.kind = &announced_kind;
    announced->query.session = session;
    announced->prefix = moq_path_ref(prefix);
    announced->events = events;
    announced->user = user;
    announced->heard_ns = session_now(session);
    path_set_init(&announced->active);
    list_push_back(&session->announced, &announced->node);
    object_born(OBJECT_announced);

    if (query_open(&announced->query, BIDI_ANNOUNCE, &announced_ops) ||
        write_announce_please(announced)) {
        moq_announced_close(&announced);
        return NULL;
    }
    announced->query.stream->credit_deadline_ns = CLOCK_NEVER; /* asked only once per session */
    if (!moq_session_can(session, MOQ_CAN_LIVE))
        session_wait_until(session, announced->heard_ns + CAUGHT_UP_NS);
    return announced;
}

void moq_announced_close(struct moq_announced **announced_ref)
{
    struct moq_announced *announced = *announced_ref;
    *announced_ref = NULL;
    if (!announced)
        return;
    struct moq_stream *stream = announced->query.stream;
    if (stream && stream->handle) {
        stream_detach(stream);
        stream_finish(stream);
        stream_stop(stream, MOQ_ERR_CANCELLED);
        announced->query.stream = NULL;
    }
    query_cancel(&announced->query);
}

void *moq_announced_user(const struct moq_announced *announced)
{
    return announced->user;
}
