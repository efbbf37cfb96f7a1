/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One line of time for the tracks of a broadcast whose publisher starts its times again under the
 * same catalog, as an encoder that was restarted or a file in a loop does. A player or
 * recorder applies it before it orders the frames of several tracks by their times.
 *
 * Tracks that start again do so together: the first one to go back begins an epoch, the others join
 * it with the same offset, so that sound and picture stay in step. If the others go on instead, the
 * first one was alone: its next groups move to where they follow its own end. */
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
    uint64_t first_us, last_us, newest_us; /* of the epoch, as the frames have it */
    uint64_t step_us;                      /* between the last two frames */
    int64_t surplus_us;                    /* that is to be taken off the offset */
};

/* All zero: nothing has begun. */
struct karp_timeline {
    uint64_t restarts; /* read-only: how often times have started again */
    bool has_begun;    /* private, as all below */
    int64_t offset_us; /* of the newest epoch, as the next */
    uint64_t earliest_us;
    bool is_alone; /* `first_track` began the epoch, and no other has joined it yet */
    size_t first_track;
    int64_t start_us;   /* of the epoch, on the line */
    int64_t surplus_us; /* of the offset, if no other joins it */
    struct karp_timeline_track tracks[KARP_CATALOG_MAX_TRACKS];
};

/* The time on the line of a frame in the group with the sequence `group` of a track of that kind.
 * Frames come in order within a group; a group that was there before, and is given again after a
 * loss of the connection, keeps its place. At most KARP_TIMESTAMP_MAX_US; `frame->track` is below
 * KARP_CATALOG_MAX_TRACKS. */
uint64_t karp_timeline_place(struct karp_timeline *timeline, enum karp_track_kind kind,
                             const struct karp_frame *frame, uint64_t group);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
