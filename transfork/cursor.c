/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Cursors: viewer_next.c decides which group comes next and which ones are lost, for cursors as for
 * viewers; this file turns that into items. */
#include "transfork/cursor.h"

#include <stdlib.h>
#include <string.h>

#include "base/objects.h"
#include "transfork/group.h"
#include "transfork/track.h"
#include "transfork/viewer.h"

/* Runs of lost groups that wait to be read. While there is no room, runs that the publisher reports
 * are not noted; they are found later, as holes. Marking a run as done can give up another one, so
 * each needs room for two. */
enum { CURSOR_GAPS_MAX = 16, CURSOR_GAPS_EACH = 2 };

struct cursor_gap {
    struct sequence_run run;
    int error;
};

struct moq_cursor {
    struct moq_cursor_config config;
    struct moq_track *track; /* NULL: it was let go */
    struct moq_watcher watcher;
    struct moq_wish wish; /* what the skip rule needs: where history begins */
    uint64_t started_ns, read_ns;

    bool has_start;        /* the first group is known, so `done` is valid */
    struct sequences done; /* groups that were begun, skipped or reported missing */
    struct cursor_gap gaps[CURSOR_GAPS_MAX];
    uint32_t gap_count;

    bool is_in_group; /* its beginning was read, its end was not */
    bool is_over;     /* END was read */
    uint64_t sequence;
    int cut_error; /* why the group was let go */
    int end_error; /* once the track was let go */
    /* Without a group: none, or it was let go. Its copy of the last frame is kept for the next
     * group. */
    struct moq_group_reader reader;
    struct moq_cursor_stats stats;
    uint64_t dropped_counted; /* see viewer_missed_in_hole */
};

static uint64_t now_of(const struct moq_cursor *cursor)
{
    return cursor->track ? cursor->track->config.clock->now_ns : 0;
}

static struct viewer_view view_of(const struct moq_cursor *cursor)
{
    return (struct viewer_view){&cursor->config.policy,
                                &cursor->wish,
                                cursor->track,
                                &cursor->done,
                                cursor->started_ns,
                                now_of(cursor),
                                cursor->wish.min != MOQ_NO_GROUP};
}

/* ---- Gaps ------------------------------------------------------------------------------------ */

static bool has_room_for_gaps(const struct moq_cursor *cursor)
{
    return cursor->gap_count + CURSOR_GAPS_EACH <= CURSOR_GAPS_MAX;
}

static void add_gap(struct moq_cursor *cursor, struct sequence_run run, int error)
{
    struct cursor_gap *last = cursor->gap_count ? &cursor->gaps[cursor->gap_count - 1] : NULL;
    if (last && last->error == error && last->run.last + 1 == run.first)
        last->run.last = run.last;
    else
        cursor->gaps[cursor->gap_count++] = (struct cursor_gap){run, error};
}

static void mark_done(struct moq_cursor *cursor, struct sequence_run run)
{
    struct sequence_run given_up;
    if (!sequences_add(&cursor->done, run.first, run.last, &given_up))
        return;
    cursor->stats.groups_skipped +=
        viewer_missed_in_hole(cursor->track, given_up, &cursor->dropped_counted);
    add_gap(cursor, given_up, MOQ_ERR_EXPIRED);
}

static void lose_groups(struct moq_cursor *cursor, struct sequence_run run, int error)
{
    cursor->stats.groups_skipped +=
        error == MOQ_ERR_NOT_FOUND
            ? viewer_missed_in_hole(cursor->track, run, &cursor->dropped_counted)
            : run.last - run.first + 1;
    mark_done(cursor, run);
    add_gap(cursor, run, error);
}

static void find_losses(struct moq_cursor *cursor)
{
    struct viewer_view view = view_of(cursor);
    uint64_t until_ns = CLOCK_NEVER;
    struct sequence_run lost;
    int error;
    while (has_room_for_gaps(cursor) && viewer_next_loss(&view, &lost, &error, &until_ns))
        lose_groups(cursor, lost, error);
}

/* Notes what of `run` is not done yet. */
static void note_lost(struct moq_cursor *cursor, struct sequence_run run, int error)
{
    struct sequence_run hole;
    while (has_room_for_gaps(cursor) &&
           sequences_next_hole(&cursor->done, run.first, run.last, &hole)) {
        mark_done(cursor, hole);
        add_gap(cursor, hole, error);
        if (hole.last == run.last)
            return;
        run.first = hole.last + 1;
    }
}

static void take_gap(struct moq_cursor *cursor, struct moq_cursor_item *item)
{
    const struct cursor_gap gap = cursor->gaps[0];
    cursor->gap_count--;
    memmove(&cursor->gaps[0], &cursor->gaps[1], cursor->gap_count * sizeof cursor->gaps[0]);
    *item = (struct moq_cursor_item){.kind = MOQ_CURSOR_GAP,
                                     .error = gap.error,
                                     .sequence = gap.run.first,
                                     .last = gap.run.last};
}

/* ---- The group that it is in ----------------------------------------------------------------- */

static uint64_t unread_of(const struct moq_cursor *cursor)
{
    const struct moq_group *group = cursor->reader.group;
    return group ? moq_group_length(group) - cursor->reader.position : 0;
}

static bool is_read_out(const struct moq_cursor *cursor)
{
    return group_has_ended(cursor->reader.group) && unread_of(cursor) == 0;
}

/* Keeps the copy of the last frame, which the reader of items may still use. */
static void let_go_of_group(struct moq_cursor *cursor)
{
    moq_group_unref(&cursor->reader.group);
    cursor->reader.chunk = NULL;
    cursor->reader.offset = 0;
    cursor->reader.position = 0;
}

static void cut_group(struct moq_cursor *cursor, int error)
{
    cursor->cut_error = error;
    let_go_of_group(cursor);
}

/* Why the group must not be read any more; 0: it may be. A group of which everything is read is
 * complete, however late its end comes. */
static int fault_of_group(const struct moq_cursor *cursor)
{
    const struct moq_group *group = cursor->reader.group;
    uint64_t limit = cursor->config.unread_max_bytes, until_ns = CLOCK_NEVER;
    struct viewer_view view = view_of(cursor);
    if (!group || is_read_out(cursor))
        return 0;
    if (limit && unread_of(cursor) > limit)
        return MOQ_ERR_BOUNDS;
    return viewer_group_is_late(&view, group, &until_ns) ? MOQ_ERR_EXPIRED : 0;
}

static void cut_if_faulty(struct moq_cursor *cursor)
{
    int error = fault_of_group(cursor);
    if (error)
        cut_group(cursor, error);
}

static void begin_group(struct moq_cursor *cursor, struct moq_group *group,
                        struct moq_cursor_item *item)
{
    cursor->reader.group = moq_group_ref(group);
    cursor->sequence = group->sequence;
    cursor->is_in_group = true;
    mark_done(cursor, (struct sequence_run){group->sequence, group->sequence});
    *item = (struct moq_cursor_item){.kind = MOQ_CURSOR_GROUP, .sequence = group->sequence};
    cut_if_faulty(cursor);
}

static int end_group(struct moq_cursor *cursor, int error, struct moq_cursor_item *item)
{
    if (error)
        cursor->stats.groups_cut++;
    else
        cursor->stats.groups_read++;
    let_go_of_group(cursor);
    cursor->is_in_group = false;
    *item = (struct moq_cursor_item){
        .kind = MOQ_CURSOR_GROUP_END, .error = error, .sequence = cursor->sequence};
    return 1;
}

/* Copies a frame that lies in the group, because the group may be let go before the frame is used.
 * False: out of memory. */
static bool own_frame(struct moq_group_reader *reader, struct moq_cursor_item *item)
{
    if (item->data == reader->frame || item->size == 0)
        return true;
    if (item->size > reader->frame_bytes) {
        uint8_t *frame = realloc(reader->frame, item->size);
        if (!frame)
            return false;
        reader->frame = frame;
        reader->frame_bytes = item->size;
    }
    memcpy(reader->frame, item->data, item->size);
    item->data = reader->frame;
    return true;
}

static int next_in_group(struct moq_cursor *cursor, struct moq_cursor_item *item)
{
    struct moq_group_reader *reader = &cursor->reader, before = *reader;
    if (!reader->group)
        return end_group(cursor, cursor->cut_error, item);
    *item = (struct moq_cursor_item){.kind = MOQ_CURSOR_FRAME, .sequence = cursor->sequence};
    int error = moq_group_reader_next(reader, &item->data, &item->size);
    if (error == MOQ_ERR_AGAIN)
        return 0;
    if (error == MOQ_ERR_NOMEM)
        return error;
    if (error)
        return end_group(cursor, error == MOQ_ERR_END ? 0 : error, item);
    if (!own_frame(reader, item)) {
        reader->chunk = before.chunk;
        reader->offset = before.offset;
        reader->position = before.position;
        return MOQ_ERR_NOMEM;
    }
    cursor->stats.bytes_read += item->size;
    return 1;
}

/* ---- Between groups -------------------------------------------------------------------------- */

/* Whether there will be no further group. */
static bool has_ended(const struct moq_cursor *cursor)
{
    return !cursor->track || cursor->track->has_ended;
}

static void let_go_of_track(struct moq_cursor *cursor, int error)
{
    if (!cursor->track)
        return;
    cursor->end_error = error;
    moq_track_unwatch(cursor->track, &cursor->watcher);
    moq_track_unref(&cursor->track);
}

static int end_all(struct moq_cursor *cursor, struct moq_cursor_item *item)
{
    if (cursor->track)
        let_go_of_track(cursor, cursor->track->error);
    cursor->is_over = true;
    *item = (struct moq_cursor_item){.kind = MOQ_CURSOR_END, .error = cursor->end_error};
    return 1;
}

/* Whether groups before `group` may still come, and are waited for. */
static bool is_overtaking(const struct moq_cursor *cursor, const struct moq_group *group)
{
    struct viewer_view view = view_of(cursor);
    uint64_t latency_ns = cursor->config.policy.latency_ns;
    uint64_t patience_ns = latency_ns < MOQ_CURSOR_HOLE_NS ? latency_ns : MOQ_CURSOR_HOLE_NS;
    bool is_in_order = cursor->config.policy.order == MOQ_ORDER_OLDEST;
    return is_in_order && group->sequence > cursor->done.floor && !cursor->track->has_ended &&
           view.now_ns < time_after(group->started_ns, patience_ns);
}

/* The group to read next. NULL: there is none, or one before it may still come. */
static struct moq_group *next_group(const struct moq_cursor *cursor)
{
    struct viewer_view view = view_of(cursor);
    struct moq_group *group = cursor->track && cursor->has_start ? viewer_next_group(&view) : NULL;
    return group && !is_overtaking(cursor, group) ? group : NULL;
}

static int next_between(struct moq_cursor *cursor, struct moq_cursor_item *item)
{
    if (cursor->track && cursor->has_start)
        find_losses(cursor);
    if (cursor->gap_count > 0) {
        take_gap(cursor, item);
        return 1;
    }
    struct moq_group *group = next_group(cursor);
    if (!group)
        return has_ended(cursor) ? end_all(cursor, item) : 0;
    begin_group(cursor, group, item);
    return 1;
}

int moq_cursor_next(struct moq_cursor *cursor, struct moq_cursor_item *item)
{
    if (cursor->is_over)
        return MOQ_ERR_CLOSED;
    if (cursor->track)
        cursor->read_ns = now_of(cursor);
    cut_if_faulty(cursor);
    return cursor->is_in_group ? next_in_group(cursor, item) : next_between(cursor, item);
}

static bool has_loss(const struct moq_cursor *cursor)
{
    struct viewer_view view = view_of(cursor);
    uint64_t until_ns = CLOCK_NEVER;
    struct sequence_run lost;
    int error;
    return cursor->track && cursor->has_start && viewer_next_loss(&view, &lost, &error, &until_ns);
}

bool moq_cursor_has_next(const struct moq_cursor *cursor)
{
    if (cursor->is_over)
        return true;
    if (cursor->is_in_group)
        return !cursor->reader.group || fault_of_group(cursor) ||
               group_reader_has_next(&cursor->reader);
    return cursor->gap_count > 0 || has_ended(cursor) || next_group(cursor) || has_loss(cursor);
}

/* ---- What the track tells -------------------------------------------------------------------- */

static struct moq_cursor *cursor_of(struct moq_watcher *watcher)
{
    return container_of(watcher, struct moq_cursor, watcher);
}

/* The cursor may be gone afterwards. */
static void tell_news(const struct moq_cursor *cursor)
{
    if (cursor->config.on_news)
        cursor->config.on_news(cursor->config.user);
}

static void start_at(struct moq_cursor *cursor, uint64_t sequence)
{
    cursor->has_start = true;
    sequences_init(&cursor->done, sequence);
}

static void on_track_group(struct moq_watcher *watcher, struct moq_group *group)
{
    struct moq_cursor *cursor = cursor_of(watcher);
    if (!cursor->has_start)
        start_at(cursor, group->sequence);
    find_losses(cursor); /* before the cache drops them, when nobody could tell why they are gone */
    tell_news(cursor);
}

static void on_track_growth(struct moq_watcher *watcher, struct moq_group *group)
{
    struct moq_cursor *cursor = cursor_of(watcher);
    if (group == cursor->reader.group && cursor->config.unread_max_bytes)
        cut_if_faulty(cursor);
    tell_news(cursor);
}

static void on_track_gap(struct moq_watcher *watcher, uint64_t first, uint64_t last, int error)
{
    struct moq_cursor *cursor = cursor_of(watcher);
    if (cursor->has_start)
        note_lost(cursor, (struct sequence_run){first, last}, error);
    tell_news(cursor);
}

static void on_track_end(struct moq_watcher *watcher, int error)
{
    (void)error;
    tell_news(cursor_of(watcher));
}

static const struct moq_watcher_ops watcher_ops = {.on_group = on_track_group,
                                                   .on_growth = on_track_growth,
                                                   .on_gap = on_track_gap,
                                                   .on_end = on_track_end};

/* ---- Letting go ------------------------------------------------------------------------------ */

/* Nobody has read for so long that nobody may ever read again. */
static bool is_stalled(const struct moq_cursor *cursor)
{
    uint64_t latency_ns = cursor->config.policy.latency_ns;
    uint64_t patience_ns = latency_ns > MOQ_CURSOR_STALL_NS ? latency_ns : MOQ_CURSOR_STALL_NS;
    return now_of(cursor) >= time_after(cursor->read_ns, patience_ns);
}

static uint64_t count_unread_groups(const struct moq_cursor *cursor)
{
    uint64_t count = 0;
    list_for_each (node, &cursor->track->groups)
        count += !sequences_has(&cursor->done, track_group_at(node)->sequence);
    return count;
}

/* What is left of a track that has ended is skipped. */
static void give_up_track(struct moq_cursor *cursor)
{
    const struct sequence_run rest = {cursor->done.floor, cursor->track->latest};
    if (cursor->has_start) {
        cursor->stats.groups_skipped += count_unread_groups(cursor);
        note_lost(cursor, rest, MOQ_ERR_EXPIRED);
    }
    let_go_of_track(cursor, cursor->track->error);
}

void moq_cursor_tend(struct moq_cursor *cursor)
{
    const struct moq_group *group = cursor->reader.group;
    if (!cursor->track || cursor->is_over)
        return;
    if (group && is_read_out(cursor))
        cut_group(cursor, group->error);
    cut_if_faulty(cursor);
    if (cursor->has_start)
        find_losses(cursor);
    if (!is_stalled(cursor))
        return;
    if (cursor->reader.group && (group->superseded_ns || cursor->track->has_ended))
        cut_group(cursor, MOQ_ERR_EXPIRED);
    if (cursor->track->has_ended)
        give_up_track(cursor);
}

void moq_cursor_abandon(struct moq_cursor *cursor, int error)
{
    if (cursor->reader.group)
        cut_group(cursor, error);
    let_go_of_track(cursor, error);
    cursor->gap_count = 0;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void find_start(struct moq_cursor *cursor)
{
    const struct moq_group *newest = moq_track_newest(cursor->track);
    if (!newest)
        return;
    uint64_t starts[] = {
        [MOQ_CURSOR_NEWEST] = newest->sequence,
        [MOQ_CURSOR_OLDEST] = moq_track_oldest(cursor->track)->sequence,
        [MOQ_CURSOR_NEXT] = moq_track_latest(cursor->track) + 1,
    };
    start_at(cursor, starts[cursor->config.start]);
    if (cursor->config.start == MOQ_CURSOR_OLDEST)
        cursor->wish.min = starts[MOQ_CURSOR_OLDEST];
}

struct moq_cursor *moq_cursor_new(struct moq_track *track, const struct moq_cursor_config *config)
{
    struct moq_cursor *cursor = calloc(1, sizeof *cursor);
    if (!cursor)
        return NULL;
    cursor->config = *config;
    if (config->policy.order != MOQ_ORDER_OLDEST)
        cursor->config.policy.order = MOQ_ORDER_NEWEST;
    cursor->track = moq_track_ref(track);
    cursor->started_ns = cursor->read_ns = now_of(cursor);
    cursor->wish = (struct moq_wish){.min = MOQ_NO_GROUP, .max = MOQ_NO_GROUP};
    cursor->dropped_counted = track->dropped_count;
    cursor->watcher.ops = &watcher_ops;
    find_start(cursor);
    moq_track_watch(track, &cursor->watcher);
    object_born(OBJECT_cursor);
    return cursor;
}

void moq_cursor_free(struct moq_cursor **cursor)
{
    struct moq_cursor *mine = *cursor;
    *cursor = NULL;
    if (!mine)
        return;
    moq_group_unref(&mine->reader.group);
    let_go_of_track(mine, 0);
    free(mine->reader.frame);
    sequences_deinit(&mine->done);
    free(mine);
    object_died(OBJECT_cursor);
}

/* The group that it is in, if some of that is unread, or else the oldest one that it has not begun.
 * NULL: there is none. */
static const struct moq_group *oldest_unread(const struct moq_cursor *cursor)
{
    if (unread_of(cursor) > 0)
        return cursor->reader.group;
    if (!cursor->track || !cursor->has_start)
        return NULL;
    list_for_each (node, &cursor->track->groups)
        if (!sequences_has(&cursor->done, track_group_at(node)->sequence))
            return track_group_at(node);
    return NULL;
}

void moq_cursor_stats(const struct moq_cursor *cursor, struct moq_cursor_stats *stats)
{
    const struct moq_group *group = oldest_unread(cursor);
    *stats = cursor->stats;
    stats->backlog_bytes = unread_of(cursor);
    if (group && group->superseded_ns)
        stats->backlog_ns = now_of(cursor) - group->superseded_ns;
}
