/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Decode times for frames that only know when they are shown.
 *
 * With a reorder depth of R, at most R frames come before one that is shown earlier. So every frame is among the R+1
 * latest-shown frames so far, and the earliest of those is a decode time that is at or before its own presentation
 * and rises with every frame. At the start, where there are no R frames yet, times before the first frame take their
 * places, or zero, below which the file format cannot count. */
#include "karp/export_internal.h"

#include <string.h>

enum { NOMINAL_FRAME_US = 33333, JUMP_US = 1000000, LEADING_MAX = 16 };

/* Fills the window with times before `pts`: room for the frames that an open group shows before its keyframe. */
static void refill(struct export_track *track, int64_t pts)
{
    unsigned leading = track->reorder == 0 ? 0 : 1U << track->reorder;
    if (leading > LEADING_MAX)
        leading = LEADING_MAX;
    int64_t from = pts - (int64_t)(track->reorder + leading) * NOMINAL_FRAME_US;
    for (unsigned i = 0; i < track->reorder; i++) {
        int64_t time = from + (int64_t)i * NOMINAL_FRAME_US;
        track->window[i] = time > 0 ? time : 0;
    }
    track->window_count = track->reorder;
}

int64_t export_time_next(struct export_track *track, int64_t pts)
{
    unsigned *count = &track->window_count;
    bool is_jump = track->has_newest && pts > track->newest_pts + JUMP_US;
    if (!track->has_newest || is_jump)
        refill(track, pts);
    if (!track->has_newest || pts > track->newest_pts)
        track->newest_pts = pts;
    track->has_newest = true;

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
    return track->window[0];
}
