/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Makes decode times for frames that only have presentation times.
 *
 * With a reorder depth of R, at most R frames come before one that is shown earlier. So each frame
 * is among the R+1 frames so far that are shown latest. The earliest presentation time of those
 * R+1 serves as decode time: it is never after the frame's own presentation time, and it rises with
 * every frame. At the start, before there are R frames, made-up times before the first frame take
 * their places: those that the opening has found or, for a viewer who joins in mid-stream, times
 * that leave enough room. */
#include "karp/export_internal.h"

#include <string.h>

#include "base/check.h"

enum {
    /* Groups are missing if a step between groups exceeds JUMP_US plus JUMP_SPANS times the window.
     * Any step over JUMP_MAX_US counts as a jump, because composition offsets have 32 bits. */
    JUMP_US = 1000000,
    JUMP_SPANS = 8,
    JUMP_MAX_US = 600000000,
    LEADING_MAX = 16,
};

/* Fills the window with times before `pts`, far enough for the frames that are shown before the
 * keyframe of an open group. */
static void refill_window(struct export_track *track, int64_t pts)
{
    unsigned leading = track->reorder == 0 ? 0 : 1U << track->reorder;
    if (leading > LEADING_MAX)
        leading = LEADING_MAX;
    int64_t from = pts - (int64_t)(track->reorder + leading) * EXPORT_FRAME_US;
    for (unsigned i = 0; i < track->reorder; i++) {
        int64_t time = from + (int64_t)i * EXPORT_FRAME_US;
        track->window[i] = time > 0 ? time : 0;
    }
    track->window_count = track->reorder;
    track->is_timed = true;
}

static int64_t rounded_ticks(const struct export_track *track, int64_t us)
{
    __extension__ typedef __int128 wide_int;
    wide_int twice = (wide_int)us * track->timescale * 2;
    return (int64_t)((twice + (us < 0 ? -EXPORT_US_PER_S : EXPORT_US_PER_S)) /
                     (2 * EXPORT_US_PER_S));
}

int64_t export_edit_ticks(const struct karp_exporter *exporter, const struct export_track *track)
{
    return rounded_ticks(track, (int64_t)exporter->start_us + exporter->lead_us);
}

int64_t export_ticks(const struct karp_exporter *exporter, const struct export_track *track,
                     int64_t us)
{
    return rounded_ticks(track, us - (int64_t)exporter->start_us) +
           export_edit_ticks(exporter, track);
}

bool export_is_jump(int64_t step, int64_t span, bool is_group_start)
{
    return step > JUMP_MAX_US || (is_group_start && step > JUMP_US + JUMP_SPANS * span);
}

static bool is_jump(const struct export_track *track, int64_t pts, bool is_group_start)
{
    if (!track->has_newest || track->window_count == 0)
        return false;
    int64_t span = track->window[track->window_count - 1] - track->window[0];
    return export_is_jump(pts - track->newest_pts, span, is_group_start);
}

int64_t export_time_next(struct export_track *track, int64_t pts, bool is_group_start)
{
    unsigned *count = &track->window_count;
    if (!track->is_timed || is_jump(track, pts, is_group_start))
        refill_window(track, pts);
    if (!track->has_newest || pts > track->newest_pts)
        track->newest_pts = pts;
    track->has_newest = true;

    REQUIRE(*count <= track->reorder + 1 && track->reorder <= NAL_MAX_REORDER);
    unsigned at = *count;
    while (at > 0 && track->window[at - 1] > pts)
        at--;
    memmove(track->window + at + 1, track->window + at, (*count - at) * sizeof *track->window);
    track->window[at] = pts;
    (*count)++;
    if (*count > track->reorder + 1) {
        (*count)--;
        memmove(track->window, track->window + 1, *count * sizeof *track->window);
    }

    bool is_too_shallow = track->window[0] > pts && track->kind == KARP_VIDEO;
    if (is_too_shallow && track->reorder < NAL_MAX_REORDER)
        track->reorder++;
    return track->window[0] + track->decode_shift;
}
