/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One timeline for the tracks of a broadcast whose times start again under the same catalog,
 * because an encoder was restarted or a file is looped. A player or recorder applies it before it
 * orders the frames of several tracks by their times.
 *
 * Tracks usually start again together: the first one to go back begins an epoch, and the others
 * join it with the same offset, so that audio and video stay in sync. If the others continue
 * instead, only the first one has started again: its next groups are moved so that they follow its
 * own end. */
#ifndef MOQ_KARP_TIMELINE_H
#define MOQ_KARP_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "karp/catalog.h"
#include "karp/import.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct karp_timeline_track { /* private */
    bool has_begun;
    uint64_t epoch, group;
    int64_t offset_us;
    uint64_t first_us, last_us, newest_us; /* of the epoch, as in the frames */
    uint64_t step_us;                      /* between the last two frames */
    int64_t surplus_us;                    /* still to be subtracted from the offset */
};

/* All zero: nothing has begun. */
struct karp_timeline {
    uint64_t restarts; /* read-only: how often times have started again */
    bool has_begun;    /* private, as all below */
    int64_t offset_us; /* of the newest epoch, as the next */
    uint64_t earliest_us;
    bool is_alone; /* `first_track` began the epoch, and no other has joined it yet */
    size_t first_track;
    int64_t start_us;   /* of the epoch, on the timeline */
    int64_t surplus_us; /* of the offset, if no other joins it */
    struct karp_timeline_track tracks[KARP_CATALOG_MAX_TRACKS];
};

/* The timestamp in microseconds, on the timeline, of a frame in group `group` (its sequence) of a
 * track of that kind; at most KARP_TIMESTAMP_MAX_US. Give frames in order within a group. A group
 * that is given again after a lost connection keeps its place. `frame->track` must be less than
 * KARP_CATALOG_MAX_TRACKS. */
uint64_t karp_timeline_place(struct karp_timeline *timeline, enum karp_track_kind kind,
                             const struct karp_frame *frame, uint64_t group);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
