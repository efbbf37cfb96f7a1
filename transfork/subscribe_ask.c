/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Subscriptions of ours: SUBSCRIBE goes out, INFO and GAPs come back, and recv_group.c fills the
 * track.
 * Tested by tests/unit/transfork/test_states.c. */
#include <stdlib.h>

#include "base/check.h"
#include "base/objects.h"
#include "transfork/message.h"
#include "transfork/subscription.h"

/* A publisher that has said "no more" gets this long to end the groups under way. */
#define END_WAIT_NS (5 * NS_PER_S)

/* Allocated by the first subscription: most sessions of a relay only watch. 0 or MOQ_ERR_NOMEM. */
static int make_buckets(struct moq_session *session)
{
    if (session->subscriptions)
        return 0;
    session->subscriptions = calloc(SUBSCRIPTION_BUCKETS, sizeof *session->subscriptions);
    if (!session->subscriptions)
        return MOQ_ERR_NOMEM;
    for (size_t i = 0; i < SUBSCRIPTION_BUCKETS; i++)
        list_init(&session->subscriptions[i]);
    return 0;
}

static struct list *bucket_of(const struct moq_session *session, uint64_t id)
{
    return &session->subscriptions[id % SUBSCRIPTION_BUCKETS];
}

struct moq_subscription *subscription_find(const struct moq_session *session, uint64_t id)
{
    if (!session->subscriptions)
        return NULL;
    struct list *bucket = bucket_of(session, id);
    list_for_each (node, bucket) {
        struct moq_subscription *subscription = container_of(node, struct moq_subscription, node);
        if (subscription->id == id)
            return subscription;
    }
    return NULL;
}

static struct moq_subscription *subscription_of(struct query *query)
{
    return container_of(query, struct moq_subscription, query);
}

/* Also cuts the groups that are still arriving. */
static void unlink_subscription(struct query *query, int error)
{
    struct moq_subscription *subscription = subscription_of(query);
    list_remove(&subscription->node);
    recv_groups_cut(subscription, error ? error : MOQ_ERR_CANCELLED);
}

static void tell_subscription_end(struct query *query, int error)
{
    struct moq_subscription *subscription = subscription_of(query);
    if (subscription->events->on_closed)
        subscription->events->on_closed(subscription, error);
}

static void subscription_free(struct grave *grave)
{
    struct moq_subscription *subscription =
        container_of(grave, struct moq_subscription, query.grave);
    moq_track_unref(&subscription->track);
    free(subscription);
    object_died(OBJECT_subscription);
}

static const struct query_kind subscription_kind = {
    .unlink = unlink_subscription, .tell_end = tell_subscription_end, .free = subscription_free};

void subscription_group_ended(struct moq_subscription *subscription)
{
    REQUIRE(subscription->receiving > 0);
    subscription->receiving--;
    if (subscription->is_ending && subscription->receiving == 0)
        query_end(&subscription->query, 0);
}

/* ---- The subscribe stream -------------------------------------------------------------------- */

static long read_info(struct moq_subscription *subscription, const uint8_t *data, size_t n)
{
    uint32_t version = subscription->query.session->version;
    struct msg_info msg;
    size_t used;
    int error = message_decode_info(version, data, n, &used, &msg);
    if (error)
        return error;
    subscription->has_info = true;
    struct moq_info info = message_info_from_wire(version, &msg);
    if (subscription->events->on_info)
        subscription->events->on_info(subscription, &info);
    return (long)used;
}

static long read_gap(struct moq_subscription *subscription, const uint8_t *data, size_t n)
{
    struct msg_gap msg;
    size_t used;
    int error = message_decode_gap(data, n, &used, &msg);
    if (error)
        return error;
    uint64_t first = msg.start, last = msg.start + msg.count;
    if (moq_sequence_raise_run(&subscription->raise, &first, &last))
        moq_track_gap(subscription->track, first, last, moq_error_from_wire(msg.code));
    return (long)used;
}

static long read_answer(struct moq_stream *stream, const uint8_t *data, size_t n)
{
    struct moq_subscription *subscription = subscription_of(stream->owner);
    return subscription->has_info ? read_gap(subscription, data, n)
                                  : read_info(subscription, data, n);
}

/* The publisher says that there is no more; groups under way may still end. */
static int subscription_ended(struct moq_stream *stream, const uint8_t *left, size_t n)
{
    struct moq_subscription *subscription = subscription_of(stream->owner);
    (void)left;
    if (!subscription->has_info)
        return MOQ_ERR_NOT_FOUND;
    if (n > 0)
        return MOQ_ERR_DECODE;
    subscription->query.stream = NULL;
    stream_detach(stream);
    stream_finish(stream);
    if (subscription->receiving == 0) {
        query_end(&subscription->query, 0);
        return 0;
    }
    subscription->is_ending = true;
    subscription->end_deadline_ns = session_now(stream->session) + END_WAIT_NS;
    session_wait_until(stream->session, subscription->end_deadline_ns);
    return 0;
}

static const struct stream_ops subscribe_ops = {
    .read = read_answer, .on_end = subscription_ended, .on_over = query_stream_over};

static struct moq_subscription *next_overdue(struct moq_session *session, struct list *bucket)
{
    list_for_each (node, bucket) {
        struct moq_subscription *subscription = container_of(node, struct moq_subscription, node);
        if (!subscription->is_ending)
            continue;
        if (session_now(session) >= subscription->end_deadline_ns)
            return subscription;
        session_wait_until(session, subscription->end_deadline_ns);
    }
    return NULL;
}

void subscriptions_tick(struct moq_session *session)
{
    for (size_t i = 0; session->subscriptions && i < SUBSCRIPTION_BUCKETS; i++) {
        struct moq_subscription *overdue;
        while ((overdue = next_overdue(session, &session->subscriptions[i])))
            query_end(&overdue->query, 0);
    }
}

/* ---- The owner's side ------------------------------------------------------------------------ */

static int write_subscribe(struct moq_subscription *subscription, struct moq_path *path)
{
    const struct moq_session *session = subscription->query.session;
    struct msg_subscribe msg = {
        .id = subscription->id,
        .path = path,
        .wish = message_wish_to_wire(session->version, &subscription->wish),
    };
    if (session->config.is_browser)
        msg.wish.priority >>= 2;
    struct stream_message message;
    int error = message_encode_subscribe(session->version, stream_compose(&message), &msg);
    return stream_send(subscription->query.stream, &message, error);
}

struct moq_subscription *moq_session_subscribe_as(struct moq_session *session,
                                                  struct moq_path *path, struct moq_track *track,
                                                  const struct moq_wish *wish,
                                                  const struct moq_subscription_events *events,
                                                  void *user)
{
    if (!session_is_ready(session) || make_buckets(session) != 0)
        return NULL;
    struct moq_subscription *subscription = calloc(1, sizeof *subscription);
    if (!subscription)
        return NULL;
    subscription->query.kind = &subscription_kind;
    subscription->query.session = session;
    subscription->track = moq_track_ref(track);
    subscription->wish = *wish;
    subscription->id = session->next_subscription++;
    subscription->events = events;
    subscription->user = user;
    list_push_back(bucket_of(session, subscription->id), &subscription->node);
    object_born(OBJECT_subscription);

    if (query_open(&subscription->query, BIDI_SUBSCRIBE, &subscribe_ops) ||
        write_subscribe(subscription, path))
        moq_subscription_close(&subscription);
    return subscription;
}

struct moq_subscription *moq_session_subscribe(struct moq_session *session, struct moq_track *track,
                                               const struct moq_wish *wish,
                                               const struct moq_subscription_events *events,
                                               void *user)
{
    return moq_session_subscribe_as(session, moq_track_path(track), track, wish, events, user);
}

void moq_subscription_continue_after(struct moq_subscription *subscription, uint64_t latest)
{
    moq_sequence_raise_after(&subscription->raise, latest);
}

/* A peer without MOQ_CAN_UPDATE is not told; the new range still applies to the groups that we
 * accept. */
void moq_subscription_update(struct moq_subscription *subscription, const struct moq_wish *wish)
{
    const struct moq_session *session = subscription->query.session;
    subscription->wish = *wish;
    if (!moq_session_can(session, MOQ_CAN_UPDATE) || !subscription->query.stream)
        return;
    struct msg_wish msg = message_wish_to_wire(session->version, wish);
    struct stream_message message;
    int error = message_encode_subscribe_update(session->version, stream_compose(&message), &msg);
    stream_send(subscription->query.stream, &message, error);
}

void moq_subscription_close(struct moq_subscription **subscription_ref)
{
    struct moq_subscription *subscription = *subscription_ref;
    *subscription_ref = NULL;
    if (subscription)
        query_cancel(&subscription->query);
}

void *moq_subscription_user(const struct moq_subscription *subscription)
{
    return subscription->user;
}
