/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Fetches of ours: one group's bytes, as they come. */
#include <stdlib.h>

#include "base/objects.h"
#include "transfork/message.h"
#include "transfork/session_state.h"

struct moq_fetch {
    struct grave grave;
    struct moq_session *session;
    struct moq_stream *stream; /* NULL once it is over */
    bool is_over;
    const struct moq_fetch_events *events;
    void *user;
};

static void fetch_free(struct grave *grave)
{
    free(container_of(grave, struct moq_fetch, grave));
    object_died(OBJECT_fetch);
}

static bool bury_fetch(struct moq_fetch *fetch)
{
    if (fetch->is_over)
        return false;
    fetch->is_over = true;
    fetch->stream = NULL;
    session_bury(fetch->session, &fetch->grave, fetch_free);
    return true;
}

static void end_fetch(struct moq_fetch *fetch, int error)
{
    if (bury_fetch(fetch) && fetch->events->on_closed)
        fetch->events->on_closed(fetch, error);
}

static long read_data(struct moq_stream *stream, const uint8_t *data, size_t n)
{
    struct moq_fetch *fetch = stream->owner;
    if (fetch->events->on_data)
        fetch->events->on_data(fetch, data, n);
    return (long)n;
}

static int fetch_ended(struct moq_stream *stream, const uint8_t *left, size_t n)
{
    struct moq_fetch *fetch = stream->owner;
    (void)left, (void)n;
    stream_detach(stream);
    stream_finish(stream);
    end_fetch(fetch, 0);
    return 0;
}

static void fetch_stream_over(struct moq_stream *stream, int error)
{
    end_fetch(stream->owner, error);
}

static const struct stream_ops fetch_ops = {
    .read = read_data, .on_end = fetch_ended, .on_over = fetch_stream_over};

static int write_fetch(struct moq_fetch *fetch, struct moq_path *path,
                       const struct moq_fetch_wish *wish)
{
    struct msg_fetch msg = {path, wish->priority, wish->group, wish->offset};
    struct stream_message message;
    int error = message_encode_fetch(fetch->session->version, stream_compose(&message), &msg);
    return stream_send(fetch->stream, &message, error);
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
    fetch->session = session;
    fetch->events = events;
    fetch->user = user;
    object_born(OBJECT_fetch);
    fetch->stream = stream_new_asking(session, BIDI_FETCH, &fetch_ops, fetch);
    if (!fetch->stream || write_fetch(fetch, path, wish))
        moq_fetch_close(&fetch);
    return fetch;
}

void moq_fetch_set_priority(struct moq_fetch *fetch, uint8_t priority)
{
    if (!fetch->stream)
        return;
    struct stream_message message;
    int error = message_encode_fetch_update(stream_compose(&message), priority);
    stream_send(fetch->stream, &message, error);
}

void moq_fetch_close(struct moq_fetch **fetch_ref)
{
    struct moq_fetch *fetch = *fetch_ref;
    *fetch_ref = NULL;
    if (!fetch || fetch->is_over)
        return;
    if (fetch->stream)
        stream_abort(fetch->stream, MOQ_ERR_CANCELLED);
    bury_fetch(fetch);
}

void *moq_fetch_user(const struct moq_fetch *fetch)
{
    return fetch->user;
}
