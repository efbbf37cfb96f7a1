/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A ladder: the renditions of one picture, between which a viewer may be moved while it watches.
 * Part of core's door.
 *
 * Renditions are tracks of karp: each frame begins with its media time, a varint in microseconds.
 * Groups of different renditions that begin at the same time, within CORE_LADDER_SLACK_US, are
 * twins, and one may stand in for the other. */
#ifndef MOQ_CORE_LADDER_H
#define MOQ_CORE_LADDER_H

#include "transfork/transfork.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CORE_LADDER_MAX = 16 };              /* renditions */
#define CORE_LADDER_SLACK_US UINT64_C(5000) /* renditions round times to different clocks */
#define CORE_NO_RENDITION ((size_t)-1)

struct core_rendition {
    struct moq_path *path;
    uint64_t bitrate_bps; /* 0: unknown */
};

/* Immutable and reference-counted; all references stay on one thread. */
struct core_ladder;

/* References to the paths are taken. The order is the caller's: the lowest bit rate first. NULL:
 * out of memory, no rendition, or more than CORE_LADDER_MAX. */
struct core_ladder *core_ladder_new(const struct core_rendition *renditions, size_t count);
struct core_ladder *core_ladder_ref(struct core_ladder *ladder); /* NULL gives NULL */
void core_ladder_unref(struct core_ladder **ladder);             /* sets it to NULL */
size_t core_ladder_count(const struct core_ladder *ladder);      /* 0 for NULL */
const struct core_rendition *core_ladder_at(const struct core_ladder *ladder, size_t index);
/* CORE_NO_RENDITION: none has this path. */
size_t core_ladder_find(const struct core_ladder *ladder, const struct moq_path *path);

#ifdef __cplusplus
}
#endif
#endif
