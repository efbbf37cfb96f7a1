/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The first decode times of a track that reorders its frames, for a viewer who is there when the
 * broadcast begins.
 *
 * Decode times are otherwise taken from earlier frames, and here there are none. An encoder starts
 * decode times before the first presentation time, by the duration of as many frames as the reorder
 * depth. It takes twice that number of frames to measure the duration, so that many are held once,
 * at the beginning. All later decode times are then spaced as they were in the encoder.
 * Tested by tests/unit/karp/test_export_time.c. */
#include "karp/export_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"

enum {
    OPENING_MAX_US = 1000000,       /* if a track begins later, the viewer joined in mid-stream */
    OPENING_SPAN_MAX_US = 60000000, /* most media to hold: a frame may last for seconds */
    ROUNDING_US = 2,
    US_PER_MS = 1000,
};

bool export_opening_wants(const struct export_track *track, int64_t pts)
{
    return track->opening_count > 0 ||
           (!track->is_timed && track->reorder > 0 && pts < OPENING_MAX_US);
}

/* The duration of the first `reorder` frames, estimated if fewer are there. */
static int64_t reorder_delay_of(const struct export_track *track)
{
    const int64_t *times = track->opening;
    size_t last = track->opening_count - 1, depth = track->reorder;
    if (last >= 2 * depth)
        return times[depth] - times[0];
    return last == 0 ? (int64_t)depth * EXPORT_FRAME_US
                     : (times[last] - times[0]) / (int64_t)last * (int64_t)depth;
}

/* Fills the window with the decode times before the first frame. With an edit list they may lie
 * before zero, because media time begins `lead_us` early. Without one they may not:
 *
 * - If the first frame is shown late enough, the times are spread from zero to that frame. Some
 *   muxers lengthen the first frame instead of writing an edit list, so the measured delay is too
 *   long.
 * - Otherwise they begin at zero, and a frame that is decoded after its presentation time gets a
 *   negative composition offset. Encoders do the same, so the times match the original. */
static void set_opening_times(const struct karp_exporter *exporter, struct export_track *track)
{
    int64_t delay = reorder_delay_of(track), first = track->opening[0];
    int64_t room = exporter->has_start ? INT64_MAX : first + ROUNDING_US;
    bool is_spread = delay > room && first >= (int64_t)track->reorder * US_PER_MS;
    track->decode_shift = delay > room && !is_spread ? delay - first : 0;
    if (track->decode_shift > 0 && delay % US_PER_MS != 0)
        track->decode_shift++; /* it was rounded down */
    for (unsigned i = 0; i < track->reorder; i++) {
        int64_t time = i < track->opening_count ? track->opening[i] - delay : first;
        if (is_spread)
            time = first * i / track->reorder;
        if (time + track->decode_shift < -exporter->lead_us)
            time = -exporter->lead_us - track->decode_shift;
        track->window[i] = time;
    }
    track->window_count = track->reorder;
    track->is_timed = true;
}

int export_opening_end(struct karp_exporter *exporter, struct export_track *track)
{
    if (track->opening_count == 0)
        return 0;
    set_opening_times(exporter, track);
    int error = 0;
    for (struct list *node; (node = list_pop_front(&track->held)) != NULL;) {
        struct export_pending *held = container_of(node, struct export_pending, node);
        if (error)
            export_leave_out(exporter, KARP_EXPORT_LOSS_UNWRITTEN, 0);
        else
            error = export_fragment_add(exporter, track, &held->frame,
                                        (int64_t)held->frame.timestamp_us);
        free(held);
    }
    track->opening_count = track->opening_bytes = 0;
    return error;
}

static void note_opening_time(struct export_track *track, int64_t pts)
{
    REQUIRE(track->opening_count < sizeof track->opening / sizeof *track->opening);
    size_t at = track->opening_count++;
    while (at > 0 && track->opening[at - 1] > pts)
        at--;
    memmove(track->opening + at + 1, track->opening + at,
            (track->opening_count - 1 - at) * sizeof *track->opening);
    track->opening[at] = pts;
    if (!track->has_newest || pts > track->newest_pts)
        track->newest_pts = pts;
    track->has_newest = true;
}

/* Whether a frame is too late for the opening, because media is missing before it or because a
 * viewer would have to wait too long. A long step within a group does not end the opening: without
 * that step the distance between frames would be unknown. */
static bool is_beyond_opening(const struct export_track *track, int64_t pts, bool is_group_start)
{
    int64_t span = track->newest_pts - track->opening[0];
    return pts - track->opening[0] > OPENING_SPAN_MAX_US ||
           export_is_jump(pts - track->newest_pts, span, is_group_start);
}

int export_opening_add(struct karp_exporter *exporter, struct export_track *track,
                       const struct karp_frame *frame, int64_t pts)
{
    if (track->opening_count > 0 && is_beyond_opening(track, pts, frame->is_group_start)) {
        int error = export_opening_end(exporter, track);
        return error ? error : export_fragment_add(exporter, track, frame, pts);
    }
    if (track->opening_count == 0)
        list_init(&track->held);
    struct export_pending *held = export_pending_new(frame);
    if (!held)
        return MOQ_ERR_NOMEM;
    held->frame.timestamp_us = (uint64_t)pts;
    list_push_back(&track->held, &held->node);
    track->opening_bytes += frame->size;
    note_opening_time(track, pts);
    if (track->opening_count <= 2 * (size_t)track->reorder &&
        track->opening_bytes < KARP_EXPORT_OPENING_MAX_BYTES)
        return 0;
    return export_opening_end(exporter, track);
}

void export_opening_drop(struct export_track *track)
{
    while (track->opening_count > 0) {
        free(container_of(list_pop_front(&track->held), struct export_pending, node));
        track->opening_count--;
    }
    track->opening_bytes = 0;
}
