/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ladders: the same picture at several bitrates, as tracks of one catalog. One decoder can follow
 * from one of them to another at a keyframe, without being told: parameter sets travel in band (see
 * in_band.h), and groups of all of them begin at the same times. So whoever serves a viewer may
 * give it groups of any of them under one subscription.
 *
 * A publisher says which tracks belong together with the member `ladder` of each, a name that they
 * share. A track that has this name itself is the automatic one: a player that asks for it leaves
 * the choice to whoever serves it. Tracks without that member belong together as far as a decoder
 * can follow. */
#ifndef MOQ_KARP_LADDER_H
#define MOQ_KARP_LADDER_H

#include <stdbool.h>
#include <stddef.h>

#include "karp/catalog.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* What the publishers of this library call the automatic track. */
#define KARP_AUTO_NAME "auto"

/* Of more, the lowest, the highest, the one that was asked for and some in between are kept. */
enum { KARP_LADDER_MAX_RENDITIONS = 16 };

struct karp_ladder {
    /* Lowest bitrate first; those of the same bitrate by size, then as in the catalog. Borrowed
     * from the catalog, as the next. */
    const struct karp_track *renditions[KARP_LADDER_MAX_RENDITIONS];
    size_t count;
    size_t left_out; /* further ones that could be followed as well */
    /* Stands for all of them; never one of `renditions`. NULL: there is none. */
    const struct karp_track *automatic;
};

/* Finds the renditions that a decoder can follow which was set up for the track `name`, a rendition
 * or the automatic track. Each is video of the same codec and kind of profile, has a bitrate and no
 * description, is not turned or mirrored differently, and has the same timescale where both say
 * one.
 *
 * Returns their number. 0: there is no such track, it is not video, or nothing can follow it, not
 * even itself: it lacks a bitrate or has a description. 1: there is nothing to choose from. */
size_t karp_ladder_read(const struct karp_catalog *catalog, const char *name,
                        struct karp_ladder *ladder);

/* The largest ladder in a catalog; of several, the first. Returns as karp_ladder_read(). */
size_t karp_ladder_largest(const struct karp_catalog *catalog, struct karp_ladder *ladder);

/* Whether `track` is the automatic track of a ladder in the catalog. */
bool karp_ladder_is_automatic(const struct karp_catalog *catalog, const struct karp_track *track);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
