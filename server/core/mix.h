/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A mix: the track of one viewer that may be moved between the renditions of a ladder. Its groups
 * share the bodies of one rendition's groups, and from some group on those of another one. The
 * viewer sees a single track: the same subscription, sequences that go on, media times without a
 * gap or a repetition. transfork serves it like any other track.
 *
 * A mix has up to three *parts*, each a rendition that it reads:
 *
 *   now    the rendition whose groups it takes; the viewer counts as a viewer of its source
 *   next   the one that it has been asked to turn to, while its groups are awaited
 *   old    the one that it turned from, until the groups that were taken of it have ended
 *
 * It turns at a group of `now` that has a twin in `next`: one that begins at the same media time.
 * While `next` brings groups, a new group of `now` waits a moment for its twin. Groups that
 * are in the mix already, but of which the viewer was sent nothing, are replaced by their twins, so
 * a viewer that is behind need not be sent them first. */
#ifndef MOQ_CORE_MIX_H
#define MOQ_CORE_MIX_H

#include "server/core/mix_groups.h"

/* Begins with the groups that the source's track has. NULL: out of memory. */
struct mix *mix_new(struct source *source, struct core_ladder *ladder);
struct moq_track *mix_track(const struct mix *mix); /* borrowed */
/* The viewer, which is served from the track, owns the mix from now on. */
void mix_attach(struct mix *mix, struct core_viewer *viewer);
/* Also inside calls that come from it. Sets it to NULL. */
void mix_free(struct mix **mix);

/* Turns to this rendition as soon as it can, or stays with it; the last call counts. `by`, which
 * must not end, is the viewer's rendition_by then. The viewer may be gone when this returns. 0,
 * MOQ_ERR_INVALID (there is no such rendition), MOQ_ERR_REFUSED (the viewer's peer may not watch
 * it), or MOQ_ERR_NOT_FOUND (nobody publishes it). */
int mix_turn_to(struct mix *mix, size_t rendition, const char *by);
size_t mix_rendition(const struct mix *mix); /* CORE_NO_RENDITION: the track is none of them */
/* The one that it is to turn to, or that it has. */
size_t mix_wanted(const struct mix *mix);
/* Turns to the rendition of this path, which it had first, without an entry that wants it. Errors
 * as mix_turn_to; MOQ_ERR_NOT_FOUND also if it has lost that one. */
int mix_turn_back(struct mix *mix, const struct moq_path *path);
/* Whether the viewer's peer may watch that, as its grants are now. */
bool mix_is_covered(const struct mix *mix);

void mixes_sweep(struct router *router);
void mixes_take_configuration(struct router *router); /* after a reload, as sources do */
/* Cuts each to its newest group, once. */
void mixes_cut(struct router *router);
void mix_check(const struct mix *mix);

#endif
