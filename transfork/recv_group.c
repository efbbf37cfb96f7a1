/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Receives a group stream: reads the GROUP header once, then appends what comes, in the middle of a
 * frame too. It notes where frames end, because a FIN does not prove that the last frame is whole.
 * Step 7 of a frame's walk.
 * Tested by tests/unit/transfork/test_states.c. */
#include <stdlib.h>

#include "base/objects.h"
#include "base/varint.h"
#include "transfork/group.h"
#include "transfork/message.h"
#include "transfork/subscription.h"

/* More frames than this in one group end it with MOQ_ERR_BOUNDS. */
enum { FRAMES_MAX = 1 << 20 };

/* Some publishers never end their groups. A group that is no longer the newest and has been silent
 * for this long since then is taken as ended. */
#define SILENCE_NS (30 * NS_PER_S)

static bool is_between_frames(const struct recv_group *receiving)
{
    return receiving->frame_left == 0 && receiving->size_count == 0;
}

static int note_size_byte(struct recv_group *receiving, uint8_t byte)
{
    receiving->size_bytes[receiving->size_count++] = byte;
    uint64_t size;
    if (varint_decode(receiving->size_bytes, receiving->size_count, &size) == 0)
        return 0;
    receiving->size_count = 0;
    receiving->frame_left = size;
    if (size > MOQ_FRAME_MAX_BYTES || ++receiving->frames > FRAMES_MAX)
        return MOQ_ERR_BOUNDS;
    return 0;
}

static int note_frames(struct recv_group *receiving, const uint8_t *data, size_t n)
{
    while (n > 0) {
        size_t part = 1;
        int error = 0;
        if (receiving->frame_left == 0)
            error = note_size_byte(receiving, *data);
        else {
            part = receiving->frame_left < n ? (size_t)receiving->frame_left : n;
            receiving->frame_left -= part;
        }
        if (error)
            return error;
        data += part;
        n -= part;
    }
    return 0;
}

static void recv_group_free(struct grave *grave)
{
    struct recv_group *receiving = container_of(grave, struct recv_group, grave);
    moq_group_unref(&receiving->group);
    moq_track_unref(&receiving->track);
    free(receiving);
    object_died(OBJECT_recv_group);
}

/* Ends the group for its viewers, and lets go of the stream. */
static void end_receiving(struct recv_group *receiving, int error)
{
    struct moq_subscription *subscription = receiving->subscription;
    receiving->stream = NULL;
    receiving->subscription = NULL;
    list_remove(&receiving->node);
    session_bury(subscription->query.session, &receiving->grave, recv_group_free);
    if (error)
        moq_track_abort_group(receiving->track, receiving->group, error);
    else
        moq_track_finish_group(receiving->track, receiving->group);
    subscription_group_ended(subscription);
}

static long read_frames(struct moq_stream *stream, const uint8_t *data, size_t n)
{
    struct recv_group *receiving = stream->owner;
    receiving->last_ns = session_now(stream->session);
    int error = note_frames(receiving, data, n);
    if (!error)
        error = moq_track_append(receiving->track, receiving->group, data, n);
    if (error == MOQ_ERR_CLOSED)
        error = MOQ_ERR_CANCELLED; /* the track does not want the rest */
    return error ? error : (long)n;
}

static int group_stream_ended(struct moq_stream *stream, const uint8_t *left, size_t n)
{
    struct recv_group *receiving = stream->owner;
    (void)left, (void)n;
    stream_detach(stream);
    end_receiving(receiving, is_between_frames(receiving) ? 0 : MOQ_ERR_WRONG_SIZE);
    return 0;
}

static void group_stream_over(struct moq_stream *stream, int error)
{
    end_receiving(stream->owner, error);
}

static const struct stream_ops frames_ops = {
    .read = read_frames, .on_end = group_stream_ended, .on_over = group_stream_over};

static bool is_wanted(const struct moq_subscription *subscription, uint64_t sequence)
{
    const struct moq_wish *wish = &subscription->wish;
    return (wish->min == MOQ_NO_GROUP || sequence >= wish->min) && sequence <= wish->max;
}

static int begin_group(struct moq_stream *stream, struct moq_subscription *subscription,
                       uint64_t sequence)
{
    struct recv_group *receiving = calloc(1, sizeof *receiving);
    if (!receiving)
        return MOQ_ERR_NOMEM;
    struct moq_group *group = NULL;
    int error = moq_track_open_group(subscription->track, sequence, &group);
    /* A watcher of the new group may have closed the subscription. */
    if (!error && subscription->query.is_over) {
        moq_track_abort_group(subscription->track, group, MOQ_ERR_CANCELLED);
        error = MOQ_ERR_CANCELLED;
    }
    if (error) {
        free(receiving);
        return error;
    }
    receiving->group = moq_group_ref(group);
    receiving->track = moq_track_ref(subscription->track);
    receiving->subscription = subscription;
    receiving->stream = stream;
    receiving->last_ns = session_now(stream->session);
    subscription->receiving++;
    list_push_back(&stream->session->recv_groups, &receiving->node);
    stream_attach(stream, &frames_ops, receiving);
    object_born(OBJECT_recv_group);
    session_wait_until(stream->session, receiving->last_ns + SILENCE_NS);
    return 0;
}

/* Stops a group whose subscription is over, or which is outside its range, seen before or too old.
 * None of these is the peer's fault: the group may have been under way when we changed our mind. */
static long read_header(struct moq_stream *stream, const uint8_t *data, size_t n)
{
    size_t used;
    struct msg_group msg;
    int error = message_decode_group(data, n, &used, &msg);
    if (error)
        return error;

    struct moq_subscription *subscription = subscription_find(stream->session, msg.subscription);
    if (!subscription || !is_wanted(subscription, msg.sequence) ||
        !moq_sequence_raise(&subscription->raise, &msg.sequence))
        return MOQ_ERR_CANCELLED;
    error = begin_group(stream, subscription, msg.sequence);
    if (error == MOQ_ERR_NOMEM)
        return error;
    return error ? MOQ_ERR_CANCELLED : (long)used;
}

static const struct stream_ops header_ops = {.read = read_header, .on_end = stream_ends_too_early};

void recv_group_begin(struct moq_stream *stream)
{
    stream_attach(stream, &header_ops, NULL);
}

static void stop_receiving(struct recv_group *receiving, int error)
{
    stream_abort(receiving->stream, MOQ_ERR_CANCELLED);
    end_receiving(receiving, error);
}

/* When a superseded group has been silent for too long. Its successor may have overtaken its last
 * bytes, so the silence begins with the later of the two. A group without a successor gets a time
 * at which to look again. */
static uint64_t silence_due_ns(const struct recv_group *receiving, uint64_t now_ns)
{
    uint64_t since_ns = receiving->group->superseded_ns;
    if (since_ns == 0)
        since_ns = now_ns;
    return time_after(since_ns > receiving->last_ns ? since_ns : receiving->last_ns, SILENCE_NS);
}

/* Returns a superseded group that was silent for too long; else has the session woken for the next
 * one. */
static struct recv_group *find_silent(struct moq_session *session)
{
    list_for_each (node, &session->recv_groups) {
        struct recv_group *receiving = container_of(node, struct recv_group, node);
        uint64_t due_ns = silence_due_ns(receiving, session_now(session));
        if (session_now(session) >= due_ns)
            return receiving;
        session_wait_until(session, due_ns);
    }
    return NULL;
}

void recv_groups_tick(struct moq_session *session)
{
    struct recv_group *silent;
    while ((silent = find_silent(session)))
        stop_receiving(silent, is_between_frames(silent) ? 0 : MOQ_ERR_EXPIRED);
}

static struct recv_group *find_receiving(const struct moq_subscription *subscription)
{
    list_for_each (node, &subscription->query.session->recv_groups) {
        struct recv_group *receiving = container_of(node, struct recv_group, node);
        if (receiving->subscription == subscription)
            return receiving;
    }
    return NULL;
}

void recv_groups_cut(struct moq_subscription *subscription, int error)
{
    struct recv_group *receiving;
    while ((receiving = find_receiving(subscription)))
        stop_receiving(receiving, error);
}
