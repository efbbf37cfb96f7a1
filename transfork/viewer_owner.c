/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The owner's side of a viewer: its policy and what that means for its streams, its end, and its
 * numbers.
 * Tested by tests/unit/transfork/test_states.c and tests/sim/relay/test_links.c. */
#include "transfork/send_group.h"
#include "transfork/viewer.h"

/* An urgency has the priority in its highest bits, and below it the place in the viewer's order,
 * which counts from its lowest open group, because publishers begin with any number.
 * The first group of each viewer has the same place, and heads are above the others. */
#define URGENCY_PRIORITY_SHIFT 56
#define URGENCY_HEAD (UINT64_C(1) << 55)
#define URGENCY_SEQUENCE_MAX (URGENCY_HEAD - 1)
#define URGENCY_FIRST (URGENCY_HEAD | URGENCY_SEQUENCE_MAX)

/* ---- Policy ---------------------------------------------------------------------------------- */

static uint64_t lowest_open(const struct moq_viewer *viewer)
{
    uint64_t lowest = UINT64_MAX;
    list_for_each (node, &viewer->groups) {
        uint64_t sequence = send_group_at(node)->group->sequence;
        lowest = sequence < lowest ? sequence : lowest;
    }
    return lowest;
}

static uint64_t place_of(const struct moq_viewer *viewer, const struct send_group *sending,
                         uint64_t lowest)
{
    uint64_t count = sending->group->sequence - lowest;
    uint64_t place = count < URGENCY_SEQUENCE_MAX ? count : URGENCY_SEQUENCE_MAX;
    if (viewer->policy.order == MOQ_ORDER_OLDEST)
        return URGENCY_SEQUENCE_MAX - place;
    return sending->is_head ? URGENCY_HEAD | (URGENCY_SEQUENCE_MAX - place) : place;
}

/* Oldest first goes by the number. Newest first decides which group to begin: a head goes on, the
 * older one first, until it is sent or late; of the others, the newest gets what heads leave. */
static const struct send_group *first_to_send(const struct moq_viewer *viewer, uint64_t lowest)
{
    const struct send_group *first = NULL;
    uint64_t highest_place = 0;
    list_for_each (node, &viewer->groups) {
        const struct send_group *sending = send_group_at(node);
        uint64_t place = place_of(viewer, sending, lowest);
        if (sending->is_sent || (first && place <= highest_place))
            continue;
        first = sending;
        highest_place = place;
    }
    return first;
}

void viewer_arrange(struct moq_viewer *viewer)
{
    uint64_t lowest = lowest_open(viewer);
    const struct send_group *first = first_to_send(viewer, lowest);
    uint64_t priority = (uint64_t)viewer->policy.priority << URGENCY_PRIORITY_SHIFT;
    list_for_each (node, &viewer->groups) {
        struct send_group *sending = send_group_at(node);
        uint64_t place = sending == first ? URGENCY_FIRST : place_of(viewer, sending, lowest);
        if (!sending->is_sent)
            stream_set_urgency(&sending->stream, priority | place);
    }
}

struct moq_policy moq_policy_of_wish(const struct moq_policy *defaults, const struct moq_wish *wish)
{
    struct moq_policy policy = *defaults;
    policy.priority = wish->priority;
    policy.order = wish->order == MOQ_ORDER_ANY ? defaults->order : wish->order;
    return policy;
}

void moq_viewer_follow_wish(struct moq_viewer *viewer)
{
    struct moq_policy policy = moq_policy_of_wish(&viewer->policy, &viewer->wish);
    moq_viewer_set_policy(viewer, &policy);
}

void moq_viewer_set_policy(struct moq_viewer *viewer, const struct moq_policy *policy)
{
    bool is_other_rate = policy->rate_bps != viewer->policy.rate_bps ||
                         policy->shared_rate_bps != viewer->policy.shared_rate_bps;
    if (is_other_rate)
        viewer_pace_drop(viewer);
    viewer->policy = *policy;
    if (policy->order == MOQ_ORDER_ANY)
        viewer->policy.order = MOQ_ORDER_NEWEST;
    if (is_other_rate)
        viewer_pace_renew(viewer);
    viewer_arrange(viewer);
    viewer_update(viewer);
}

/* ---- The end and the numbers ----------------------------------------------------------------- */

void moq_viewer_close(struct moq_viewer *viewer, int error)
{
    if (!viewer->stream)
        return;
    if (error) {
        stream_fail(viewer->stream, error);
        return;
    }
    const struct moq_group *newest = moq_track_newest(viewer->track);
    if (newest && newest->sequence < viewer->wish.max)
        viewer->wish.max = newest->sequence;
    viewer->is_ending = true;
    viewer_update(viewer);
}

/* Adds the unsent bytes of a group, and how long ago it was superseded if that is longer than for
 * the others. */
static void add_backlog(const struct moq_viewer *viewer, const struct send_group *sending,
                        struct moq_viewer_stats *stats)
{
    uint64_t unsent = sending->is_sent ? 0 : send_group_unsent(sending);
    uint64_t since_ns = sending->group->superseded_ns, now_ns = session_now(viewer->session);
    stats->backlog_bytes += unsent;
    if (unsent && since_ns && now_ns - since_ns > stats->backlog_ns)
        stats->backlog_ns = now_ns - since_ns;
}

void moq_viewer_stats(const struct moq_viewer *viewer, struct moq_viewer_stats *stats)
{
    *stats = viewer->stats;
    stats->open_groups = viewer->unsent;
    list_for_each (node, &viewer->groups)
        add_backlog(viewer, send_group_at(node), stats);
}

bool moq_viewer_has_begun(const struct moq_viewer *viewer, uint64_t sequence)
{
    if (!viewer->has_start || !sequences_has(&viewer->done, sequence))
        return false;
    list_for_each (node, &viewer->groups) {
        const struct send_group *sending = send_group_at(node);
        if (sending->group->sequence == sequence)
            return send_group_has_begun(sending);
    }
    return true;
}

const struct moq_policy *moq_viewer_policy(const struct moq_viewer *viewer)
{
    return &viewer->policy;
}

const struct moq_wish *moq_viewer_wish(const struct moq_viewer *viewer)
{
    return &viewer->wish;
}

struct moq_viewer *moq_session_next_viewer(const struct moq_session *session,
                                           const struct moq_viewer *after)
{
    const struct list *next = after ? after->node.next : session->viewers.next;
    return next == &session->viewers ? NULL : container_of(next, struct moq_viewer, node);
}

struct moq_session *moq_viewer_session(const struct moq_viewer *viewer)
{
    return viewer->session;
}

struct moq_track *moq_viewer_track(const struct moq_viewer *viewer)
{
    return viewer->track;
}

void moq_viewer_set_user(struct moq_viewer *viewer, void *user)
{
    viewer->user = user;
}

void *moq_viewer_user(const struct moq_viewer *viewer)
{
    return viewer->user;
}
