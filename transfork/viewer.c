/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Viewers: what happens to a peer's subscription when its track grows, its streams have room, or
 * time passes. viewer_next.c decides which group comes next; this file opens, cuts and reports.
 * When an open group grows, that costs one search of a short list and one wake: step 10 of a
 * frame's walk, in on_track_growth.
 * Tested by tests/unit/transfork/test_ranges.c and tests/unit/transfork/test_serve.c. */
#include "transfork/viewer.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/objects.h"
#include "transfork/group.h"
#include "transfork/request.h"
#include "transfork/send_group.h"
#include "transfork/track.h"

static struct viewer_view view_of(const struct moq_viewer *viewer)
{
    return (struct viewer_view){&viewer->policy,
                                &viewer->wish,
                                viewer->track,
                                &viewer->done,
                                viewer->started_ns,
                                session_now(viewer->session),
                                viewer->has_history || viewer->wish.min != MOQ_NO_GROUP};
}

/* ---- Groups ---------------------------------------------------------------------------------- */

static void cut_group(struct moq_viewer *viewer, struct send_group *sending, int error)
{
    uint64_t sequence = sending->group->sequence;
    if (!sending->is_sent) {
        viewer->unsent--;
        viewer->stats.groups_reset++;
        viewer->stats.groups_late += error == MOQ_ERR_EXPIRED;
        viewer_add_gap(viewer, (struct sequence_run){sequence, sequence}, error);
    }
    send_group_cut(sending, error);
}

/* A group all of whose bytes are sent is not late, even if its publisher never ends it. */
static void cut_what_is_late(struct moq_viewer *viewer)
{
    struct viewer_view view = view_of(viewer);
    uint64_t until_ns = CLOCK_NEVER;
    list_for_each_safe (node, &viewer->groups) {
        struct send_group *sending = send_group_at(node);
        if (sending->is_sent)
            continue;
        int error = viewer_group_fault(&view, sending->group, &until_ns);
        if (error && (sending->group->error || send_group_unsent(sending) > 0))
            cut_group(viewer, sending, error);
    }
    session_wait_until(viewer->session, until_ns);
}

void moq_viewer_skip(struct moq_viewer *viewer)
{
    const struct moq_group *newest = moq_track_newest(viewer->track);
    struct sequence_run hole;
    if (!newest || !viewer->has_start || newest->sequence == 0 || !viewer->stream)
        return;
    list_for_each_safe (node, &viewer->groups) {
        struct send_group *sending = send_group_at(node);
        if (!sending->is_sent && sending->group->sequence < newest->sequence)
            cut_group(viewer, sending, MOQ_ERR_EXPIRED);
    }
    while (sequences_next_hole(&viewer->done, viewer->done.floor, newest->sequence - 1, &hole))
        viewer_skip_run(viewer, hole);
    viewer_update(viewer);
}

static void report_losses(struct moq_viewer *viewer)
{
    struct viewer_view view = view_of(viewer);
    uint64_t until_ns = CLOCK_NEVER;
    struct sequence_run lost;
    int error;
    while (viewer_next_loss(&view, &lost, &error, &until_ns))
        viewer_lose(viewer, lost, error);
    session_wait_until(viewer->session, until_ns);
}

/* Whether `a` should be cut rather than `b`: idle ones first, then the lowest sequence. */
static bool is_better_to_cut(const struct send_group *a, const struct send_group *b)
{
    bool is_a_idle = send_group_unsent(a) == 0, is_b_idle = send_group_unsent(b) == 0;
    if (is_a_idle != is_b_idle)
        return is_a_idle;
    return a->group->sequence < b->group->sequence;
}

/* Groups opened in a turn are sent at its end: a group younger than this may not have had a chance
 * to be sent. */
#define FRESH_NS NS_PER_MS

/* Whether it was opened just now, so that nothing of it could be sent. */
static bool was_just_opened(const struct moq_viewer *viewer, const struct send_group *sending)
{
    return session_now(viewer->session) < sending->opened_ns + FRESH_NS &&
           send_group_unsent(sending) > 0;
}

/* Which open group to cut for `group`: an older one that has nothing to send or, if the newest goes
 * first, the oldest that is no head. NULL: none. */
static struct send_group *find_group_to_cut(const struct moq_viewer *viewer,
                                            const struct moq_group *group, bool may_be_fresh)
{
    struct send_group *victim = NULL;
    list_for_each (node, &viewer->groups) {
        struct send_group *sending = send_group_at(node);
        bool is_old =
            sending->group->superseded_ns > 0 && sending->group->sequence < group->sequence;
        bool may_wait = viewer->policy.order == MOQ_ORDER_OLDEST || sending->is_head;
        bool may_go = !may_wait || send_group_unsent(sending) == 0;
        may_go &= may_be_fresh || !was_just_opened(viewer, sending);
        if (!sending->is_sent && is_old && may_go && (!victim || is_better_to_cut(sending, victim)))
            victim = sending;
    }
    return victim;
}

/* Makes room for one more open group. In a burst, groups that were just opened get time to be sent
 * first. */
static bool make_room_for_group(struct moq_viewer *viewer, const struct moq_group *group)
{
    if (viewer->unsent < viewer->session->config.limits.open_groups)
        return true;
    struct send_group *victim = find_group_to_cut(viewer, group, false), *fresh;
    if (victim)
        cut_group(viewer, victim, MOQ_ERR_EXPIRED);
    else if ((fresh = find_group_to_cut(viewer, group, true)))
        session_wait_until(viewer->session, fresh->opened_ns + FRESH_NS);
    return victim != NULL;
}

/* The transport reports new credit, but nobody reports free memory. */
#define RETRY_NS NS_PER_S

static void open_groups(struct moq_viewer *viewer)
{
    struct viewer_view view = view_of(viewer);
    struct moq_group *group;
    viewer->is_waiting_turn = viewer->is_waiting_credit = false;
    while ((group = viewer_next_group(&view))) {
        viewer->is_waiting_turn = true;
        if (!make_room_for_group(viewer, group))
            return;
        struct send_group *sending = send_group_open(viewer, group);
        viewer->is_waiting_credit = !sending;
        if (!sending) {
            session_wait_until(viewer->session, session_now(viewer->session) + RETRY_NS);
            return;
        }
        viewer->is_waiting_turn = false;
        list_push_front(&viewer->groups, &sending->node);
        viewer->unsent++;
        viewer_mark_done(viewer, (struct sequence_run){group->sequence, group->sequence});
    }
}

/* ---- The end --------------------------------------------------------------------------------- */

static void viewer_free(struct grave *grave)
{
    struct moq_viewer *viewer = container_of(grave, struct moq_viewer, grave);
    moq_track_unref(&viewer->track);
    sequences_deinit(&viewer->done);
    free(viewer);
    object_died(OBJECT_viewer);
}

void viewer_over(struct moq_viewer *viewer)
{
    struct moq_session *session = viewer->session;
    list_for_each_safe (node, &viewer->groups)
        send_group_cut(send_group_at(node), MOQ_ERR_CANCELLED);
    viewer_pace_drop(viewer);
    viewer->unsent = 0;
    viewer->stream = NULL;
    viewer->is_waiting_credit = false;
    moq_track_unwatch(viewer->track, &viewer->watcher);
    list_remove(&viewer->node);
    session->subscription_count--;
    if (session->config.events->on_viewer_closed)
        session->config.events->on_viewer_closed(session, viewer);
    session_bury(session, &viewer->grave, viewer_free);
}

static bool is_viewer_complete(const struct moq_viewer *viewer)
{
    if (!list_is_empty(&viewer->groups))
        return false;
    bool has_all = viewer->has_start && viewer->wish.max != MOQ_NO_GROUP &&
                   viewer->done.floor > viewer->wish.max;
    return has_all || (viewer->is_ending && !viewer->is_waiting_turn);
}

/* The subscribe stream ends only when all groups are acknowledged, so that its end cannot overtake
 * them. */
static void end_if_complete(struct moq_viewer *viewer)
{
    struct moq_stream *stream = viewer->stream;
    if (viewer->failure) {
        stream_fail(stream, viewer->failure);
        return;
    }
    if (!is_viewer_complete(viewer))
        return;
    stream_detach(stream);
    stream_finish(stream);
    viewer_over(viewer);
}

/* ---- What happens ---------------------------------------------------------------------------- */

void viewer_update(struct moq_viewer *viewer)
{
    if (!viewer->stream || !viewer->is_greeted || !session_is_ready(viewer->session))
        return;
    if (viewer->has_start) {
        cut_what_is_late(viewer);
        report_losses(viewer);
        open_groups(viewer);
        report_losses(viewer);
        viewer_arrange(viewer);
    }
    viewer_tell_gap(viewer);
    end_if_complete(viewer);
}

static struct moq_viewer *viewer_of(struct moq_watcher *watcher)
{
    return container_of(watcher, struct moq_viewer, watcher);
}

static void start_viewer_at(struct moq_viewer *viewer, uint64_t sequence)
{
    viewer->has_start = true;
    sequences_init(&viewer->done, sequence);
}

static void on_track_group(struct moq_watcher *watcher, struct moq_group *group)
{
    struct moq_viewer *viewer = viewer_of(watcher);
    if (!viewer->has_start)
        start_viewer_at(viewer, group->sequence);
    viewer_update(viewer);
}

static struct send_group *find_sending(const struct moq_viewer *viewer,
                                       const struct moq_group *group)
{
    list_for_each (node, &viewer->groups)
        if (send_group_at(node)->group == group)
            return send_group_at(node);
    return NULL;
}

/* Step 10 of a frame's walk: the stream asks for its turn, and its connection joins the list of
 * those that have something to send, unless it is there already. */
static void on_track_growth(struct moq_watcher *watcher, struct moq_group *group)
{
    struct moq_viewer *viewer = viewer_of(watcher);
    struct send_group *sending = find_sending(viewer, group);
    if (sending && !viewer->pace.is_held)
        stream_wake(&sending->stream);
    if (group_has_ended(group) || group->superseded_ns)
        viewer_update(viewer); /* ended or superseded: rare enough to look at everything */
}

/* Nothing of it is in packets, so its stream simply points elsewhere. */
static void on_track_replaced(struct moq_watcher *watcher, struct moq_group *group)
{
    struct send_group *sending = find_sending(viewer_of(watcher), group);
    if (sending)
        send_group_restart(sending);
}

static void on_track_gap(struct moq_watcher *watcher, uint64_t first, uint64_t last, int error)
{
    struct moq_viewer *viewer = viewer_of(watcher);
    struct sequence_run hole;
    if (!viewer->has_start || !viewer->is_greeted)
        return;
    while (sequences_next_hole(&viewer->done, first, last, &hole)) {
        viewer_pass_on_loss(viewer, hole, error);
        if (hole.last == last)
            break;
        first = hole.last + 1;
    }
    viewer_update(viewer);
}

static void on_track_end(struct moq_watcher *watcher, int error)
{
    struct moq_viewer *viewer = viewer_of(watcher);
    if (error) {
        stream_fail(viewer->stream, error);
        return;
    }
    viewer->is_ending = true;
    viewer_update(viewer);
}

static const struct moq_watcher_ops watcher_ops = {.on_group = on_track_group,
                                                   .on_growth = on_track_growth,
                                                   .on_replaced = on_track_replaced,
                                                   .on_gap = on_track_gap,
                                                   .on_end = on_track_end};

/* A head keeps newer groups waiting until it is sent, so it has to begin early: in the first fifth
 * of its group, as long as the one before took. The first one of a viewer is always one. */
static bool begins_early(const struct moq_viewer *viewer, const struct moq_group *group)
{
    const struct list *before = kept_of(group)->node.prev;
    if (viewer->begun_end == 0 || before == &viewer->track->groups)
        return true;
    uint64_t interval_ns = group->started_ns - track_group_at(before)->started_ns;
    return session_now(viewer->session) - group->started_ns <= interval_ns / 5;
}

void viewer_group_begun(struct moq_viewer *viewer, struct send_group *sending)
{
    uint64_t sequence = sending->group->sequence;
    bool is_newest = sequence >= viewer->begun_end;
    sending->is_head = is_newest && begins_early(viewer, sending->group);
    if (is_newest)
        viewer->begun_end = sequence + 1;
    viewer_arrange(viewer);
}

void viewer_group_sent(struct moq_viewer *viewer)
{
    REQUIRE(viewer->unsent > 0);
    viewer->unsent--;
    viewer->stats.groups_sent++;
    if (viewer->is_waiting_turn)
        viewer_update(viewer);
    else
        viewer_arrange(viewer);
}

void viewer_group_closed(struct moq_viewer *viewer)
{
    if (viewer->is_ending || viewer->wish.max != MOQ_NO_GROUP)
        viewer_update(viewer);
}

void viewer_group_refused(struct moq_viewer *viewer, uint64_t sequence)
{
    viewer->stats.groups_reset++;
    viewer->stats.groups_refused++;
    viewer_add_gap(viewer, (struct sequence_run){sequence, sequence}, MOQ_ERR_CANCELLED);
    viewer_update(viewer);
}

/* Owners may close any viewer during the walk, and walk over all of them themselves. So each one
 * goes to the end of the list before it is looked at. If some are closed, others are looked at
 * twice, which does no harm. */
void viewers_tick(struct moq_session *session)
{
    size_t left = 0;
    list_for_each (node, &session->viewers)
        left++;
    for (struct list *node; left > 0 && (node = list_pop_front(&session->viewers)); left--) {
        struct moq_viewer *viewer = container_of(node, struct moq_viewer, node);
        list_push_back(&session->viewers, node);
        viewer_update(viewer);
        viewer_pace_tick(viewer);
    }
}

/* The viewer with the highest priority of those that wait for stream credit; NULL: none. */
static struct moq_viewer *most_important(const struct moq_session *session)
{
    struct moq_viewer *best = NULL;
    list_for_each (node, &session->viewers) {
        struct moq_viewer *viewer = container_of(node, struct moq_viewer, node);
        if (viewer->is_waiting_credit && (!best || viewer->policy.priority > best->policy.priority))
            best = viewer;
    }
    return best;
}

void viewers_credit(struct moq_session *session)
{
    struct moq_viewer *viewer;
    while ((viewer = most_important(session))) {
        viewer_update(viewer);
        if (viewer->is_waiting_credit)
            return; /* it used up the credit */
    }
}

/* ---- The beginning --------------------------------------------------------------------------- */

struct moq_viewer *viewer_new(struct moq_stream *stream, uint64_t id, struct moq_track *track)
{
    struct moq_viewer *viewer = calloc(1, sizeof *viewer);
    if (!viewer)
        return NULL;
    viewer->session = stream->session;
    viewer->stream = stream;
    viewer->id = id;
    viewer->track = moq_track_ref(track);
    viewer->dropped_counted = track->dropped_count;
    viewer->watcher.ops = &watcher_ops;
    list_init(&viewer->groups);
    viewer_clear_gap(viewer);
    moq_track_watch(track, &viewer->watcher);
    list_push_back(&viewer->session->viewers, &viewer->node);
    object_born(OBJECT_viewer);
    return viewer;
}

/* Reports, in one gap, the groups that the peer asked for by number and that are gone. */
static void report_gone(struct moq_viewer *viewer)
{
    const struct moq_track *track = viewer->track;
    const struct moq_group *oldest = moq_track_oldest(track);
    uint64_t min = viewer->wish.min, end = oldest ? oldest->sequence : 0;
    bool is_expected = session_now(viewer->session) < track->expected_until_ns;
    if (is_expected && track->expected_from < end)
        end = track->expected_from;
    if (min >= end)
        return;
    const struct sequence_run gone = {min, end - 1};
    viewer_pass_on_loss(viewer, gone, MOQ_ERR_NOT_FOUND);
}

/* The sequence with which a viewer without a range begins in a track that has groups. */
static uint64_t first_sequence(const struct moq_viewer *viewer)
{
    const struct moq_track *track = viewer->track;
    uint64_t start_ns = viewer->policy.start_ns, now_ns = session_now(viewer->session);
    if (start_ns == MOQ_START_NEXT)
        return moq_track_latest(track) + 1;
    const struct list *node = track->groups.prev; /* the newest began now or before */
    while (now_ns < time_after(track_group_at(node)->started_ns, start_ns) &&
           node->prev != &track->groups)
        node = node->prev;
    return track_group_at(node)->sequence;
}

void viewer_start(struct moq_viewer *viewer)
{
    const struct moq_group *newest = moq_track_newest(viewer->track);
    int error;
    viewer->started_ns = session_now(viewer->session);
    viewer->info_end = bytes_log_length(&viewer->stream->out);
    viewer->is_ending = moq_track_has_ended(viewer->track, &error);
    if (viewer->wish.min != MOQ_NO_GROUP) {
        start_viewer_at(viewer, viewer->wish.min);
        report_gone(viewer);
    } else if (newest) {
        uint64_t first = first_sequence(viewer);
        viewer->has_history = first < newest->sequence;
        start_viewer_at(viewer, first);
    }
}

void viewer_info_sent(struct moq_viewer *viewer)
{
    if (viewer->is_greeted || viewer->stream->cursor.position < viewer->info_end)
        return;
    viewer->is_greeted = true;
    viewer_update(viewer);
}

static void cut_what_is_outside(struct moq_viewer *viewer)
{
    list_for_each_safe (node, &viewer->groups) {
        struct send_group *sending = send_group_at(node);
        uint64_t sequence = sending->group->sequence;
        bool is_below = viewer->wish.min != MOQ_NO_GROUP && sequence < viewer->wish.min;
        bool is_above = viewer->wish.max != MOQ_NO_GROUP && sequence > viewer->wish.max;
        if (is_below || is_above)
            cut_group(viewer, sending, MOQ_ERR_CANCELLED);
    }
}

void viewer_update_wish(struct moq_viewer *viewer, const struct moq_wish *update)
{
    struct moq_session *session = viewer->session;
    if (wish_update(&viewer->wish, update)) {
        stream_fail(viewer->stream, MOQ_ERR_PROTOCOL);
        return;
    }
    uint64_t min = viewer->wish.min;
    if (min != MOQ_NO_GROUP && !viewer->has_start)
        start_viewer_at(viewer, min);
    if (min != MOQ_NO_GROUP && min > 0)
        viewer_mark_done(viewer, (struct sequence_run){0, min - 1});
    cut_what_is_outside(viewer);
    if (session->config.events->on_viewer_updated)
        session->config.events->on_viewer_updated(session, viewer);
    else
        moq_viewer_follow_wish(viewer);
    viewer_update(viewer);
}
