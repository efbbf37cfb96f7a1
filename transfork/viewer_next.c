/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The skip rule: which group a viewer gets now, and which ones it never will. On the path of a
 * frame, policy consists of this rule and the urgency of streams. The functions are pure. */
#include "transfork/group.h"
#include "transfork/track.h"
#include "transfork/viewer.h"

static uint64_t ms_to_ns(uint64_t ms)
{
    return ms > CLOCK_NEVER / NS_PER_MS ? CLOCK_NEVER : ms * NS_PER_MS;
}

/* When a group that has ended expires: by the smaller of both sides' limits. */
static uint64_t expires_at(const struct viewer_view *view, const struct moq_group *group)
{
    uint64_t ours = view->track->config.expires_ms, theirs = view->wish->expires_ms;
    uint64_t limit = ours && theirs ? (ours < theirs ? ours : theirs) : ours + theirs;
    if (limit == 0 || !group_has_ended(group))
        return CLOCK_NEVER;
    return time_after(group->ended_ns, ms_to_ns(limit));
}

/* When a superseded group is late. To a viewer that wants history, groups that were superseded
 * before it came are not late. */
static uint64_t late_at(const struct viewer_view *view, const struct moq_group *group)
{
    bool is_history = view->has_history && group->superseded_ns <= view->started_ns;
    if (group->superseded_ns == 0 || is_history)
        return CLOCK_NEVER;
    return time_after(group->superseded_ns, view->policy->latency_ns);
}

bool viewer_group_is_late(const struct viewer_view *view, const struct moq_group *group,
                          uint64_t *until_ns)
{
    uint64_t expires_ns = expires_at(view, group), late_ns = late_at(view, group);
    uint64_t due_ns = expires_ns < late_ns ? expires_ns : late_ns;
    if (view->now_ns >= due_ns)
        return true;
    if (due_ns < *until_ns)
        *until_ns = due_ns;
    return false;
}

int viewer_group_fault(const struct viewer_view *view, const struct moq_group *group,
                       uint64_t *until_ns)
{
    if (group_has_ended(group) && group->error)
        return group->error;
    return viewer_group_is_late(view, group, until_ns) ? MOQ_ERR_EXPIRED : 0;
}

struct moq_group *viewer_next_group(const struct viewer_view *view)
{
    struct moq_group *best = NULL;
    const struct list *head = &view->track->groups;
    for (struct list *node = head->prev; node != head; node = node->prev) {
        struct moq_group *group = track_group_at(node);
        uint64_t until_ns = CLOCK_NEVER;
        if (group->sequence < view->done->floor)
            break;
        if (view->wish->max != MOQ_NO_GROUP && group->sequence > view->wish->max)
            continue;
        if (sequences_has(view->done, group->sequence) ||
            viewer_group_fault(view, group, &until_ns))
            continue;
        best = group;
        if (view->policy->order == MOQ_ORDER_NEWEST)
            break;
    }
    return best;
}

/* The lowest group in the track that is not below the floor, done or not. */
static const struct moq_group *first_above(const struct viewer_view *view)
{
    const struct moq_group *lowest = NULL;
    const struct list *head = &view->track->groups;
    for (struct list *node = head->prev; node != head; node = node->prev) {
        if (track_group_at(node)->sequence < view->done->floor)
            break;
        lowest = track_group_at(node);
    }
    return lowest;
}

/* Until when missing groups may still come. Streams overtake each other, so they get as long as if
 * `next`, the group after the hole, had superseded them. */
static uint64_t hole_closes_at(const struct viewer_view *view, const struct moq_group *next,
                               uint64_t end)
{
    const struct moq_track *track = view->track;
    if (track->has_ended)
        return 0;
    if (view->wish->min != MOQ_NO_GROUP && track->expected_from < end &&
        view->now_ns < track->expected_until_ns)
        return track->expected_until_ns;
    if (!next || next->sequence != end)
        return 0;
    return time_after(next->started_ns, view->policy->latency_ns);
}

bool viewer_next_loss(const struct viewer_view *view, struct sequence_run *lost, int *error,
                      uint64_t *until_ns)
{
    uint64_t floor = view->done->floor;
    if (view->wish->max != MOQ_NO_GROUP && floor > view->wish->max)
        return false;
    const struct moq_group *next = first_above(view);
    uint64_t end = sequences_first_done(view->done);
    if (next && next->sequence < end)
        end = next->sequence;
    if (end == SEQUENCE_NONE)
        return false;

    if (end > floor) {
        uint64_t due_ns = hole_closes_at(view, next, end);
        if (view->now_ns < due_ns) {
            *until_ns = due_ns < *until_ns ? due_ns : *until_ns;
            return false;
        }
        *lost = (struct sequence_run){floor, end - 1};
        *error = MOQ_ERR_NOT_FOUND;
        return true;
    }
    *lost = (struct sequence_run){floor, floor};
    *error = viewer_group_fault(view, next, until_ns);
    return *error != 0;
}
