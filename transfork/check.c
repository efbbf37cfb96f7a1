/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Compares state that is kept in two places: counts and lists, lists and their members, members and
 * each other. */
#include "transfork/check.h"

#include "base/check.h"
#include "base/varint.h"
#include "transfork/group.h"
#include "transfork/request.h"
#include "transfork/send_group.h"
#include "transfork/subscription.h"
#include "transfork/track.h"
#include "transfork/viewer.h"

static size_t count_nodes(const struct list *list)
{
    size_t count = 0;
    const struct list *before = list;
    list_for_each (node, list) {
        REQUIRE(node->prev == before);
        before = node;
        count++;
    }
    return count;
}

/* ---- Tracks ---------------------------------------------------------------------------------- */

static void check_group(const struct moq_track *track, const struct moq_group *group)
{
    bool is_newest = kept_of(group)->node.next == &track->groups;
    bool is_followed = !list_is_empty(&kept_of(group)->follow_node);
    REQUIRE(group->refs > 0 && __atomic_load_n(&group->body->refs, __ATOMIC_RELAXED) > 0);
    REQUIRE(group->sequence <= track->latest);
    REQUIRE(group->is_ended == (group->ended_ns > 0));
    REQUIRE(is_newest == (group->superseded_ns == 0));
    REQUIRE(is_followed == (group->is_adopted && !group->is_ended));
    REQUIRE(!track->error || group->is_ended); /* an error of the track ends all of its groups */
}

static void check_watchers(const struct moq_watcher *ring)
{
    const struct moq_watcher *before = ring;
    do {
        REQUIRE(before->next && before->next->prev == before);
        before = before->next;
    } while (before != ring);
}

void track_check(const struct moq_track *track)
{
    const struct moq_group *before = NULL;
    uint64_t bytes = 0;
    uint32_t count = 0, open_count = 0;
    list_for_each (node, &track->groups) {
        const struct moq_group *group = track_group_at(node);
        check_group(track, group);
        REQUIRE(!before || before->sequence < group->sequence); /* in order */
        before = group;
        count++;
        open_count += !group->is_ended;
        bytes += group->counted_bytes;
    }
    REQUIRE(track->refs > 0);
    REQUIRE(!before || track->floor <= before->sequence); /* the newest is never dropped */
    REQUIRE(track->group_count == count && count <= TRACK_MAX_GROUPS);
    REQUIRE(track->open_count == open_count && open_count <= MOQ_TRACK_OPEN_GROUPS);
    REQUIRE(track->cached_bytes == bytes);
    REQUIRE(track->has_ended || !track->error);
    check_watchers(&track->watchers);
    list_for_each (node, &track->followed) {
        const struct kept_group *followed = container_of(node, struct kept_group, follow_node);
        REQUIRE(!list_is_empty(&followed->node)); /* groups outside the track are not followed */
    }
}

/* ---- Viewers --------------------------------------------------------------------------------- */

void sequences_check(const struct sequences *done)
{
    uint64_t end = done->floor; /* where the run before this one ended */
    REQUIRE(done->count <= SEQUENCES_MAX_RUNS);
    REQUIRE(done->count == 0 || done->runs);
    for (uint32_t i = 0; i < done->count; i++) {
        REQUIRE(done->runs[i].first > end); /* with a hole in between */
        REQUIRE(done->runs[i].last >= done->runs[i].first);
        end = done->runs[i].last + 1;
    }
}

static void check_sending(const struct moq_viewer *viewer, const struct send_group *sending)
{
    REQUIRE(sending->viewer == viewer);
    REQUIRE(sending->stream.handle && sending->stream.ops);
    REQUIRE(sending->header_sent <= sending->header_size);
    REQUIRE(sending->cursor.position <= moq_group_length(sending->group));
    REQUIRE(sequences_has(&viewer->done, sending->group->sequence)); /* never opened twice */
    REQUIRE(!sending->is_sent || send_group_unsent(sending) == 0);
}

void viewer_check(const struct moq_viewer *viewer)
{
    uint32_t unsent = 0;
    REQUIRE(viewer->stream && viewer->stream->owner == viewer);
    REQUIRE(viewer->watcher.next != &viewer->watcher); /* it watches its track */
    REQUIRE(viewer->policy.order != MOQ_ORDER_ANY);
    REQUIRE(!viewer->is_waiting_credit || viewer->is_waiting_turn);
    REQUIRE(list_is_empty(&viewer->groups) || (viewer->has_start && viewer->is_greeted));
    REQUIRE(viewer->gap.first > viewer->gap.last || viewer->gap.last <= VARINT_MAX);
    if (viewer->has_start)
        sequences_check(&viewer->done);
    list_for_each (node, &viewer->groups) {
        const struct send_group *sending = send_group_at(node);
        check_sending(viewer, sending);
        unsent += !sending->is_sent;
    }
    REQUIRE(viewer->unsent == unsent);
    REQUIRE(unsent <= viewer->session->config.limits.open_groups);
}

/* ---- Sessions -------------------------------------------------------------------------------- */

static void check_streams(const struct moq_session *session)
{
    size_t parked_bytes = 0;
    uint32_t parked_streams = 0;
    list_for_each (node, &session->streams) {
        const struct moq_stream *stream = container_of(node, struct moq_stream, node);
        REQUIRE(stream->session == session);
        REQUIRE(stream->handle); /* closed ones have left the list */
        parked_streams += stream->is_parked;
        parked_bytes += stream->is_parked ? stream->in.size : 0;
    }
    list_for_each (node, &session->waiting) {
        const struct moq_stream *stream = container_of(node, struct moq_stream, node);
        REQUIRE(stream->session == session);
        REQUIRE(stream->is_ours && !stream->handle);
    }
    REQUIRE(session->parked_streams == parked_streams && parked_streams <= PARKED_MAX_STREAMS);
    REQUIRE(session->parked_bytes == parked_bytes && parked_bytes <= PARKED_MAX_BYTES);
}

static void check_what_is_asked(const struct moq_session *session)
{
    size_t count = 0;
    list_for_each (node, &session->viewers) {
        const struct moq_viewer *viewer = container_of(node, struct moq_viewer, node);
        REQUIRE(viewer->session == session);
        viewer_check(viewer);
        count++;
    }
    list_for_each (node, &session->requests) {
        const struct request *request = container_of(node, struct request, node);
        REQUIRE(request->asked.session == session && request->asked.path);
        REQUIRE(request->stream && request->stream->owner == request);
        count++;
    }
    REQUIRE(session->subscription_count == count);
    REQUIRE(count <= session->config.limits.subscriptions);
    REQUIRE(session->announce_count == count_nodes(&session->announce_answers));
}

static uint32_t count_receiving(const struct moq_session *session,
                                const struct moq_subscription *subscription)
{
    uint32_t count = 0;
    list_for_each (node, &session->recv_groups)
        count += container_of(node, struct recv_group, node)->subscription == subscription;
    return count;
}

static void check_subscription(const struct moq_session *session,
                               const struct moq_subscription *subscription)
{
    REQUIRE(subscription->query.session == session);
    REQUIRE(!subscription->query.is_over);
    REQUIRE(subscription->id < session->next_subscription);
    REQUIRE(subscription_find(session, subscription->id) == subscription);
    REQUIRE(subscription->query.stream || subscription->is_ending);
    REQUIRE(!subscription->query.stream ||
            subscription->query.stream->owner == &subscription->query);
    REQUIRE(subscription->receiving == count_receiving(session, subscription));
}

static void check_what_we_ask(const struct moq_session *session)
{
    for (size_t i = 0; session->subscriptions && i < SUBSCRIPTION_BUCKETS; i++)
        list_for_each (node, &session->subscriptions[i])
            check_subscription(session, container_of(node, struct moq_subscription, node));
    list_for_each (node, &session->recv_groups) {
        const struct recv_group *receiving = container_of(node, struct recv_group, node);
        REQUIRE(receiving->stream->owner == receiving);
        REQUIRE(receiving->subscription->track == receiving->track);
    }
    count_nodes(&session->announced);
}

static void check_unacknowledged(const struct moq_session *session)
{
    uint64_t before_ns = 0;
    list_for_each (node, &session->unacknowledged) {
        const struct send_group *sending = container_of(node, struct send_group, over_node);
        REQUIRE(sending->over_ns >= before_ns); /* oldest first */
        before_ns = sending->over_ns;
    }
}

void session_check(const struct moq_session *session)
{
    if (session->state == SESSION_CLOSED)
        return;
    REQUIRE(session->depth == 0);
    count_nodes(&session->graves);
    REQUIRE(session->state != SESSION_READY || session->version != 0);
    REQUIRE(!session->greeting || session->state < SESSION_CLOSING);
    check_streams(session);
    check_what_is_asked(session);
    check_what_we_ask(session);
    check_unacknowledged(session);
}
