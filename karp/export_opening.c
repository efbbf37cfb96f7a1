/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The opening of a track that reorders its frames, for a viewer who is there when the broadcast
 * begins.
 *
 * The frames before the first ones, which decode times are otherwise taken from, do not exist. An
 * encoder counts them as far before the start as the reorder depth lasts, and it takes twice the
 * depth in frames to see how long that is. So many are held, once; all decode times that follow are
 * then spaced as the encoder had them.
 * Tested by tests/unit/karp/test_export_time.c. */
#include "karp/export_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"

enum {
    OPENING_MAX_US = 1000000, /* a track that begins later than this has been joined on the way */
    OPENING_SPAN_MAX_US = 60000000, /* of media to wait for: frames may last seconds */
    ROUNDING_US = 2,
    US_PER_MS = 1000,
};

bool export_opening_wants(const struct export_track *track, int64_t pts)
{
    return track->opening_count > 0 ||
           (!track->is_timed && track->reorder > 0 && pts < OPENING_MAX_US);
}

/* How long the first `reorder` frames last; of fewer frames, as far as they tell. */
static int64_t delay_of(const struct export_track *track)
{
    const int64_t *times = track->opening;
    size_t last = track->opening_count - 1, depth = track->reorder;
    if (last >= 2 * depth)
        return times[depth] - times[0];
    return last == 0 ? (int64_t)depth * EXPORT_FRAME_US
                     : (times[last] - times[0]) / (int64_t)last * (int64_t)depth;
}

/* Where an edit list takes it off again, the file's media begins as much later. Otherwise decode
 * times cannot lie before zero. They are spread over the time before the first frame: muxers
 * lengthen that frame instead of writing an edit list, and then the depth seems to last longer than
 * it does. Where there is no such time they begin at zero, and frames that are decoded after their
 * presentation time say so with a negative offset: that is what a publisher's encoder does in the
 * same place, so its times are met. */
static void set_times(const struct karp_exporter *exporter, struct export_track *track)
{
    int64_t delay = delay_of(track), first = track->opening[0];
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
    set_times(exporter, track);
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

static void note_time(struct export_track *track, int64_t pts)
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

/* Whether a frame comes too late for the opening: media is missing before it, or a viewer would
 * have to wait too long. A long step within a group is neither: an opening that ended there would
 * not know how far apart frames are. */
static bool is_beyond(const struct export_track *track, int64_t pts, bool is_group_start)
{
    int64_t span = track->newest_pts - track->opening[0];
    return pts - track->opening[0] > OPENING_SPAN_MAX_US ||
           export_is_jump(pts - track->newest_pts, span, is_group_start);
}

int export_opening_add(struct karp_exporter *exporter, struct export_track *track,
                       const struct karp_frame *frame, int64_t pts)
{
    if (track->opening_count > 0 && is_beyond(track, pts, frame->is_group_start)) {
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
    note_time(track, pts);
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
