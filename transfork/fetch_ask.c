/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Fetches of ours: the bytes of one group, passed on as they arrive.
 * Tested by tests/unit/transfork/test_ask.c. */
#include <stdlib.h>

#include "base/objects.h"
#include "transfork/message.h"
#include "transfork/query.h"

struct moq_fetch {
    struct query query;
    const struct moq_fetch_events *events;
    void *user;
};

static struct moq_fetch *fetch_of(struct query *query)
{
    return container_of(query, struct moq_fetch, query);
}

static void tell_fetch_end(struct query *query, int error)
{
    struct moq_fetch *fetch = fetch_of(query);
    if (fetch->events->on_closed)
        fetch->events->on_closed(fetch, error);
}

static void fetch_free(struct grave *grave)
{
    free(container_of(grave, struct moq_fetch, query.grave));
    object_died(OBJECT_fetch);
}

static const struct query_kind fetch_kind = {.tell_end = tell_fetch_end, .free = fetch_free};

static long read_data(struct moq_stream *stream, const uint8_t *data, size_t n)
{
    struct moq_fetch *fetch = fetch_of(stream->owner);
    if (fetch->events->on_data)
        fetch->events->on_data(fetch, data, n);
    return (long)n;
}

static int fetch_ended(struct moq_stream *stream, const uint8_t *left, size_t n)
{
    struct query *query = stream->owner;
    (void)left, (void)n;
    stream_detach(stream);
    stream_finish(stream);
    query_end(query, 0);
    return 0;
}

static const struct stream_ops fetch_ops = {
    .read = read_data, .on_end = fetch_ended, .on_over = query_stream_over};

static int write_fetch(struct moq_fetch *fetch, struct moq_path *path,
                       const struct moq_fetch_wish *wish)
{
    struct msg_fetch msg = {path, wish->priority, wish->group, wish->offset};
    struct stream_message message;
    int error = message_encode_fetch(fetch->query.session->version, stream_compose(&message), &msg);
    return stream_send(fetch->query.stream, &message, error);
}

struct moq_fetch *moq_session_fetch(struct moq_session *session, struct moq_path *path,
                                    const struct moq_fetch_wish *wish,
                                    const struct moq_fetch_events *events, void *user)
{
    if (!session_is_ready(session))
        return NULL;
    struct moq_fetch *fetch = calloc(1, sizeof *fetch);
    if (!fetch)
        return NULL;
    fetch->query.kind = &fetch_kind;
    fetch->query.session = session;
    fetch->events = events;
    fetch->user = user;
    object_born(OBJECT_fetch);
    if (query_open(&fetch->query, BIDI_FETCH, &fetch_ops) || write_fetch(fetch, path, wish))
        moq_fetch_close(&fetch);
    return fetch;
}

void moq_fetch_set_priority(struct moq_fetch *fetch, uint8_t priority)
{
    if (!fetch->query.stream)
        return;
    struct stream_message message;
    int error = message_encode_fetch_update(stream_compose(&message), priority);
    stream_send(fetch->query.stream, &message, error);
}

void moq_fetch_close(struct moq_fetch **fetch_ref)
{
    struct moq_fetch *fetch = *fetch_ref;
    *fetch_ref = NULL;
    if (fetch)
        query_cancel(&fetch->query);
}

void *moq_fetch_user(const struct moq_fetch *fetch)
{
    return fetch->user;
}
