/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A part of a mix from the inside: a rendition's track, and what of it belongs to the mix. */
#ifndef MOQ_CORE_MIX_PART_H
#define MOQ_CORE_MIX_PART_H

#include "server/core/ladder.h"
#include "server/core/source.h"

struct mix_part;

struct mix_part_ops { /* what a part tells its mix, which may be closed in each of them */
    void (*on_group)(struct mix_part *part, struct moq_group *group);
    void (*on_growth)(struct mix_part *part);
    void (*on_gap)(struct mix_part *part, uint64_t first, uint64_t last, int error);
    void (*on_end)(struct mix_part *part, int error); /* of its track */
    void (*on_lost)(struct mix_part *part);           /* its source has ended: it listens no more */
};

struct mix_part {
    const struct mix_part_ops *ops;
    void *mix;
    size_t rendition;
    struct moq_track *track; /* a reference */
    struct moq_watcher watcher;
    struct source *source; /* whose listener it is; NULL: the viewer is there itself, or it ended */
    struct source_listener listener;
    uint64_t first, end; /* the groups of the track that belong to the mix; `end` is not included */
    uint64_t raise;      /* is added to their sequences, modulo 2^64 */
};

/* Watches the source's track. NULL: out of memory. */
struct mix_part *mix_part_new(struct source *source, size_t rendition,
                              const struct mix_part_ops *ops, void *mix);
/* Keeps the source at work, as a viewer with this wish does. Hooks are told, so the mix may be
 * closed when this returns. */
void mix_part_listen(struct mix_part *part, struct source *source, const struct moq_wish *wish);
/* The same for letting go of it. */
void mix_part_silence(struct mix_part *part);
void mix_part_free(struct mix_part **part); /* may point to NULL; sets it to NULL */

/* The media time with which a group begins. False: it is not there yet, or is no time. */
bool mix_time_of(const struct moq_group *group, uint64_t *time_us);
/* Whether groups that begin at these times are twins. */
bool mix_are_twins(uint64_t time_us, uint64_t other_us);
/* The group that begins at this time. NULL: there is none now. */
struct moq_group *mix_twin_at(const struct mix_part *part, uint64_t time_us);
/* Whether a group that begins at this time or later has come. */
bool mix_part_has_reached(const struct mix_part *part, uint64_t time_us);
/* The lowest group from `sequence` on. NULL: there is none now. */
struct moq_group *mix_part_from(const struct mix_part *part, uint64_t sequence);

extern const struct source_listener_ops mix_listening; /* calls for parts that listen to a source */

#endif
