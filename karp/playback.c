/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Of the next frames of all tracks, the earliest is delivered. A track that has no next frame yet
 * makes the others wait, but no longer than the latency. */
#include "karp/playback.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "karp/karp.h"

enum { LINE_BYTES = KARP_TRACK_NAME_MAX_BYTES + 256 };
/* How long to wait for a group that a newer one has overtaken: streams arrive in any order. */
#define GAP_PATIENCE_NS (2 * NS_PER_S)
/* A broadcast that has ended is over when nothing has arrived for this long. */
#define QUIET_NS NS_PER_S
/* The longest time that frames of one track wait for those of another. */
#define WEAVE_PATIENCE_NS (2 * NS_PER_S)
/* After a wait in vain, other tracks do not wait for a track again for this long. It may be silent,
 * or have a picture only every few seconds. */
#define WEAVE_PAUSE_NS (30 * NS_PER_S)
/* The pause before a failed subscription is made again. It doubles each time. */
#define RETRY_FIRST_NS NS_PER_S
#define RETRY_MOST_NS (30 * NS_PER_S)

enum found { FOUND_FRAME, FOUND_NOTHING_YET, FOUND_END };

static uint64_t now_of(const struct karp_playback *playback)
{
    return playback->clock->now_ns;
}

static uint64_t smaller_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ---- One track: groups to frames ------------------------------------------------------------- */

static struct karp_playback_mark *mark_of_track(const struct karp_playback_track *track)
{
    return &track->playback->marks[track->index];
}

/* The group after the current one, or the first one. False: none has arrived. */
static bool peek_group(const struct karp_playback_track *track, struct karp_input_group *group)
{
    const struct karp_playback *playback = track->playback;
    return playback->input->next_group(playback->input_user, track->handle, group);
}

/* Whether the end of the current group is still to come, or a group before one that has arrived. */
static bool is_part_missing(const struct karp_playback_track *track)
{
    struct karp_input_group next;
    if (track->over_ns)
        return false;
    if (track->is_reading && !track->is_group_over && !mark_of_track(track)->is_finished)
        return true;
    return track->expected != KARP_ANY_GROUP && peek_group(track, &next) &&
           next.sequence > track->expected;
}

/* Whether what has not arrived after karp_playback_end() is no longer waited for. If something is
 * known to be missing and no other instance waits, it may take the whole latency. Otherwise
 * QUIET_NS of silence is enough. */
static bool is_past_end(const struct karp_playback_track *track)
{
    const struct karp_playback *playback = track->playback;
    if (!playback->ended_ns)
        return false;
    uint64_t now = now_of(playback);
    uint64_t since =
        playback->grown_ns > playback->ended_ns ? playback->grown_ns : playback->ended_ns;
    bool is_silent = now - since > QUIET_NS;
    bool is_complete = playback->has_successor || !is_part_missing(track);
    return (is_silent && is_complete) || now - playback->ended_ns > playback->latency_ns + QUIET_NS;
}

static void start_reading(struct karp_playback_track *track, const struct karp_input_group *group)
{
    struct karp_playback *playback = track->playback;
    struct karp_playback_mark *mark = mark_of_track(track);
    bool is_known = mark->has_begun && group->sequence <= mark->group;
    uint64_t first = track->expected;
    if (mark->has_begun && !is_known && !mark->is_finished) {
        playback->groups_cut++;
        first = first == mark->group ? first + 1 : first;
    }
    bool is_missed = mark->has_begun || !playback->start.may_lack_start;
    if (is_missed && first != KARP_ANY_GROUP && group->sequence > first)
        playback->groups_skipped += group->sequence - first;
    playback->input->begin_group(playback->input_user, track->handle);
    track->is_reading = true;
    track->sequence = group->sequence;
    track->is_group_over = is_known && group->sequence < mark->group;
    track->to_pass = is_known ? mark->frames : 0;
    track->is_group_start = track->to_pass == 0;
    track->expected = group->sequence + 1;
    if (is_known)
        return;
    mark->has_begun = true;
    mark->is_finished = false;
    mark->group = group->sequence;
    mark->frames = 0;
}

/* Finds the group to read next. False: there is none, or an earlier one may still come. */
static bool find_group(const struct karp_playback_track *track, struct karp_input_group *next)
{
    const struct karp_playback *playback = track->playback;
    if (!peek_group(track, next))
        return false;
    if (track->expected == KARP_ANY_GROUP || next->sequence <= track->expected)
        return true;
    bool is_told = track->lost_first <= track->expected && track->lost_last >= next->sequence - 1;
    uint64_t patience = smaller_of(GAP_PATIENCE_NS, playback->latency_ns);
    return is_told || track->over_ns || now_of(playback) - next->began_ns > patience;
}

static int read_frame(struct karp_playback_track *track)
{
    struct karp_playback *playback = track->playback;
    const uint8_t *data = NULL;
    size_t size = 0, payload = 0;
    int error = 0;
    do {
        error = playback->input->read_frame(playback->input_user, track->handle, &data, &size);
    } while (!error && track->to_pass > 0 && track->to_pass--);
    if (error)
        return error;
    error = karp_frame_parse(data, size, &track->frame.timestamp_us, &payload);
    if (error)
        return error;
    track->frame.track = track->index;
    track->frame.is_group_start = track->is_group_start;
    track->frame.payload = data + payload;
    track->frame.size = size - payload;
    track->frame.timestamp_us =
        karp_timeline_place(&playback->timeline, playback->catalog->tracks[track->index].kind,
                            &track->frame, track->sequence);
    track->is_group_start = false;
    track->has_frame = true;
    return 0;
}

/* Whether the rest of the current group is given up, because newer groups have superseded it for
 * longer than the latency. */
static bool is_too_late(const struct karp_playback_track *track)
{
    const struct karp_playback *playback = track->playback;
    if (is_past_end(track))
        return true;
    uint64_t superseded_ns = playback->input->superseded_ns(playback->input_user, track->handle);
    return superseded_ns && now_of(playback) - superseded_ns > playback->latency_ns;
}

static enum found found_nothing(const struct karp_playback_track *track)
{
    bool is_over = track->over_ns || is_past_end(track);
    return is_over ? FOUND_END : FOUND_NOTHING_YET;
}

static void leave_group(struct karp_playback_track *track, int error)
{
    const struct karp_playback *playback = track->playback;
    track->is_group_over = true;
    playback->input->leave_group(playback->input_user, track->handle, error);
}

/* Reads the next frame of the current group. Returns false if there is none at the moment. */
static bool read_next_frame(struct karp_playback_track *track)
{
    int error = read_frame(track);
    if (error == 0)
        return true;
    if (error == MOQ_ERR_END)
        mark_of_track(track)->is_finished = true;
    track->is_group_over = error != MOQ_ERR_AGAIN || is_too_late(track);
    if (track->is_group_over && error != MOQ_ERR_END)
        leave_group(track, error);
    return false;
}

static enum found find_frame(struct karp_playback_track *track)
{
    struct karp_input_group next;
    while (!track->has_frame) {
        bool is_at_group = track->is_reading && !track->is_group_over;
        if (is_at_group && read_next_frame(track))
            break;
        if (is_at_group && !track->is_group_over)
            return FOUND_NOTHING_YET;
        if (!find_group(track, &next))
            return found_nothing(track);
        start_reading(track, &next);
    }
    return FOUND_FRAME;
}

/* ---- All tracks: frames in order ------------------------------------------------------------- */

static void pass_frames_on(struct karp_playback *playback, struct karp_playback_track *track)
{
    struct karp_frame frame = track->frame;
    track->has_frame = false;
    mark_of_track(track)->frames++;
    mark_of_track(track)->failures = 0;
    int error = playback->events->on_frame(playback->user, &frame);
    if (error == MOQ_ERR_EXPIRED) {
        leave_group(track, error);
        return;
    }
    playback->error = error;
    playback->frames++;
    playback->bytes += frame.size;
}

/* Whether other tracks wait for this one, which has no next frame at the moment. */
static bool is_waited_for(struct karp_playback_track *track)
{
    uint64_t now = now_of(track->playback);
    if (now - track->idle_since_ns >= smaller_of(WEAVE_PATIENCE_NS, track->playback->latency_ns))
        track->vain_ns = now;
    return !track->vain_ns || now - track->vain_ns > WEAVE_PAUSE_NS;
}

/* The track with the earliest frame. NULL: there is none, or another track may still have an
 * earlier one. */
static struct karp_playback_track *choose_track(struct karp_playback *playback)
{
    struct karp_playback_track *best = NULL;
    bool is_one_behind = false;
    for (size_t i = 0; i < playback->catalog->track_count; i++) {
        struct karp_playback_track *track = &playback->tracks[i];
        enum found found = track->handle ? find_frame(track) : FOUND_END;
        if (found == FOUND_FRAME)
            track->idle_since_ns = 0;
        else if (!track->idle_since_ns)
            track->idle_since_ns = now_of(playback);
        is_one_behind |= found == FOUND_NOTHING_YET && is_waited_for(track);
        if (found == FOUND_FRAME && (!best || track->frame.timestamp_us < best->frame.timestamp_us))
            best = track;
    }
    return is_one_behind ? NULL : best;
}

static bool is_full(const struct karp_playback *playback)
{
    return playback->events->is_full && playback->events->is_full(playback->user);
}

void karp_playback_pump(struct karp_playback *playback)
{
    struct karp_playback_track *track = NULL;
    if (!playback->is_playing || playback->is_pumping)
        return;
    playback->is_pumping = true;
    while (!playback->error && !is_full(playback) && (track = choose_track(playback)) != NULL)
        pass_frames_on(playback, track);
    playback->is_pumping = false;
}

static bool is_track_over(const struct karp_playback_track *track)
{
    struct karp_input_group next;
    if (!track->handle)
        return true;
    if (track->has_frame || (!track->over_ns && !is_past_end(track)))
        return false;
    return !peek_group(track, &next);
}

bool karp_playback_is_over(const struct karp_playback *playback)
{
    if (is_full(playback))
        return false; /* frames that have arrived wait for room */
    for (size_t i = 0; i < playback->catalog->track_count; i++)
        if (!is_track_over(&playback->tracks[i]))
            return false;
    return true;
}

/* ---- The input ------------------------------------------------------------------------------- */

void karp_playback_on_growth(struct karp_playback_track *track)
{
    track->playback->grown_ns = now_of(track->playback);
    karp_playback_pump(track->playback);
}

void karp_playback_on_gap(struct karp_playback_track *track, uint64_t first, uint64_t last)
{
    bool is_touching = track->lost_first <= track->lost_last && first == track->lost_last + 1;
    track->lost_first = is_touching ? track->lost_first : first;
    track->lost_last = last;
}

/* Notes that the input brings nothing more of it. */
static void end_track(struct karp_playback_track *track, int error)
{
    uint64_t now = now_of(track->playback);
    track->over_ns = now ? now : 1;
    track->error = error;
}

void karp_playback_on_end(struct karp_playback_track *track, int error)
{
    end_track(track, error);
    karp_playback_pump(track->playback);
}

static void close_track(struct karp_playback_track *track)
{
    const struct karp_playback *playback = track->playback;
    if (track->handle)
        playback->input->close_track(playback->input_user, track->handle);
    track->handle = NULL;
    track->is_reading = track->has_frame = false;
}

/* Opens a track: from the start that playback was given, or from where it was delivered up to. */
static int open_track(struct karp_playback *playback, size_t index)
{
    const struct karp_track *described = &playback->catalog->tracks[index];
    struct karp_playback_track *track = &playback->tracks[index];
    const struct karp_playback_mark *mark = &playback->marks[index];
    uint64_t next =
        mark->has_begun ? mark->group + (mark->is_finished ? 1 : 0) : playback->start.first;
    const struct karp_wanted wanted = {described->name, described->priority, next};
    *track = (struct karp_playback_track){
        .playback = playback, .index = index, .lost_first = 1, .expected = next};
    int error = playback->input->open_track(playback->input_user, track, &wanted, &track->handle);
    if (error == MOQ_ERR_CLOSED)
        end_track(track, error);
    return error == MOQ_ERR_CLOSED ? 0 : error;
}

/* ---- What fails ------------------------------------------------------------------------------ */

static bool has_begun(const struct karp_playback *playback)
{
    for (size_t i = 0; i < KARP_CATALOG_MAX_TRACKS; i++)
        if (playback->marks[i].has_begun)
            return true;
    return false;
}

static void note_failure(struct karp_playback_track *track)
{
    struct karp_playback_mark *mark = mark_of_track(track);
    if (!track->error || track->is_error_noted)
        return;
    track->is_error_noted = true;
    mark->failures++;
    mark->was_refused |= !mark->has_begun;
}

static void tell_failure(const struct karp_playback_track *track, const char *what_then)
{
    const struct karp_playback *playback = track->playback;
    char line[LINE_BYTES];
    snprintf(line, sizeof line, "track %s: its subscription failed (%s)%s",
             playback->catalog->tracks[track->index].name, moq_error_words(track->error),
             what_then);
    playback->events->on_warning(playback->user, line);
}

static void retry_track(struct karp_playback_track *track)
{
    struct karp_playback *playback = track->playback;
    struct karp_playback_mark *mark = mark_of_track(track);
    bool is_whole_asked =
        playback->start.first != KARP_ANY_GROUP && !playback->start.may_lack_start;
    uint64_t vain_ns = track->vain_ns;
    if (mark->failures == 1)
        tell_failure(track, "; trying again");
    mark->is_late |= !mark->has_begun && !is_whole_asked && has_begun(playback);
    close_track(track);
    int error = open_track(playback, track->index);
    track->vain_ns = vain_ns;
    if (error)
        end_track(track, error);
}

static uint64_t pause_after(unsigned failures)
{
    uint64_t pause_ns = RETRY_FIRST_NS;
    for (unsigned i = 1; i < failures && pause_ns < RETRY_MOST_NS; i++)
        pause_ns *= 2;
    return smaller_of(pause_ns, RETRY_MOST_NS);
}

void karp_playback_retry(struct karp_playback *playback)
{
    if (playback->ended_ns || playback->error)
        return;
    for (size_t i = 0; i < playback->catalog->track_count; i++) {
        struct karp_playback_track *track = &playback->tracks[i];
        note_failure(track);
        bool is_due = now_of(playback) - track->over_ns >= pause_after(playback->marks[i].failures);
        if (track->error && is_due && is_track_over(track))
            retry_track(track);
    }
}

bool karp_playback_has_broken_off(const struct karp_playback *playback)
{
    for (size_t i = 0; i < playback->catalog->track_count; i++)
        if (playback->tracks[i].error && playback->marks[i].has_begun)
            return true;
    return false;
}

/* Counts the groups after the last one read that will never come. */
static void count_last_gap(struct karp_playback_track *track)
{
    struct karp_playback_mark *mark = mark_of_track(track);
    bool is_missed = mark->has_begun || !track->playback->start.may_lack_start;
    bool is_gap = track->lost_first <= track->lost_last && track->lost_last >= track->expected;
    if (!track->handle || !is_missed || !is_gap || track->expected == KARP_ANY_GROUP)
        return;
    uint64_t first = track->lost_first > track->expected ? track->lost_first : track->expected;
    bool is_cut_one = mark->has_begun && !mark->is_finished && first == mark->group;
    track->playback->groups_skipped += track->lost_last - first + !is_cut_one;
    track->lost_first = track->lost_last + 1;
    track->expected = track->lost_last + 1;
}

/* Counts what was still under way as missing. */
static void settle_marks(struct karp_playback *playback)
{
    for (size_t i = 0; i < KARP_CATALOG_MAX_TRACKS; i++) {
        struct karp_playback_mark *mark = &playback->marks[i];
        playback->groups_cut += mark->has_begun && !mark->is_finished;
        playback->tracks_refused += mark->was_refused && !mark->has_begun;
        playback->tracks_late += mark->is_late && mark->has_begun;
        mark->is_finished = true;
        mark->was_refused = mark->is_late = false;
    }
}

void karp_playback_settle(struct karp_playback *playback)
{
    for (size_t i = 0; playback->catalog && i < playback->catalog->track_count; i++) {
        struct karp_playback_track *track = &playback->tracks[i];
        if (track->error && !track->is_error_noted && !playback->marks[i].has_begun)
            tell_failure(track, "");
        note_failure(track);
        count_last_gap(track);
    }
    settle_marks(playback);
}

/* ---- One instance ---------------------------------------------------------------------------- */

static void forget_marks(struct karp_playback *playback)
{
    settle_marks(playback);
    memset(playback->marks, 0, sizeof playback->marks);
    playback->timeline = (struct karp_timeline){.has_begun = false};
}

int karp_playback_open(struct karp_playback *playback, struct karp_catalog *catalog,
                       const struct karp_playback_start *start)
{
    playback->catalog = catalog;
    playback->start = *start;
    playback->is_playing = playback->has_successor = false;
    playback->ended_ns = playback->grown_ns = 0;
    playback->error = 0;
    if (!start->is_resuming)
        forget_marks(playback);
    for (size_t i = 0; i < catalog->track_count; i++) {
        int error = open_track(playback, i);
        if (error) {
            karp_playback_close(playback);
            return error;
        }
    }
    return 0;
}

void karp_playback_close(struct karp_playback *playback)
{
    for (size_t i = 0; playback->catalog && i < playback->catalog->track_count; i++)
        close_track(&playback->tracks[i]);
    karp_catalog_free(playback->catalog);
    playback->catalog = NULL;
    playback->is_playing = false;
}

bool karp_playback_is_open(const struct karp_playback *playback)
{
    return playback->catalog != NULL;
}

void karp_playback_play(struct karp_playback *playback)
{
    playback->is_playing = true;
    karp_playback_pump(playback);
}

void karp_playback_end(struct karp_playback *playback, bool has_successor)
{
    playback->has_successor |= has_successor;
    if (!playback->ended_ns)
        playback->ended_ns = now_of(playback);
}

bool karp_playback_differs(const struct karp_playback *playback, const struct karp_catalog *catalog)
{
    for (size_t i = 0; i < catalog->track_count; i++) {
        const struct karp_track *known =
            karp_catalog_find(playback->catalog, catalog->tracks[i].name);
        if (!known || !karp_track_equals(known, &catalog->tracks[i]))
            return true;
    }
    return false;
}
