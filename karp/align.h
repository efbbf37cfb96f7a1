/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Watches whether the renditions of a ladder begin their groups at the same media times. If they do
 * not, a viewer that is moved from one to another sees the picture jump. */
#ifndef MOQ_KARP_ALIGN_H
#define MOQ_KARP_ALIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "karp/catalog.h"

enum {
    ALIGN_MAX_STARTS = 32,     /* of one track, until the other track has begun as many */
    ALIGN_TOLERANCE_US = 5000, /* clocks and rounding may differ, frames last longer */
};

struct align_track {
    bool has_met; /* a group has begun together with one of the first track */
    /* Before that: a group has begun alone, of the first track and of this one. One of them may
     * begin late, but not both. */
    bool has_first_alone, has_own_alone;
    size_t track; /* in the catalog */
    /* Starts that wait for their counterpart: of the first track, and of this one. */
    uint64_t first_us[ALIGN_MAX_STARTS], own_us[ALIGN_MAX_STARTS];
    size_t first_count, own_count;
};

/* All zero: nothing is watched. */
struct align {
    size_t first; /* the track that the others are compared with */
    struct align_track tracks[KARP_CATALOG_MAX_TRACKS];
    size_t count;
};

/* Two tracks that are apart, and where: a group of `early` begins at `early_us`, and none of `late`
 * does. */
struct align_fault {
    size_t early, late;
    uint64_t early_us;
};

/* Watches the tracks with these indices, at most KARP_CATALOG_MAX_TRACKS, from now on. */
void align_begin(struct align *align, const size_t *tracks, size_t count);

/* A group of `track` begins. Returns true and fills `fault` if that shows that two tracks are
 * apart; then nothing is watched any more. */
bool align_note(struct align *align, size_t track, uint64_t start_us, struct align_fault *fault);

#endif
