/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A mix from the inside, and how groups come into it. See mix.h. */
#ifndef MOQ_CORE_MIX_GROUPS_H
#define MOQ_CORE_MIX_GROUPS_H

#include "server/core/mix_part.h"
#include "server/core/soon.h"

/* At most one turn in this time: the hysteresis of the relay, whatever hooks ask for. */
#define MIX_QUIET_NS (2 * NS_PER_S)
/* How long a group waits for its twin, beyond what the other rendition was seen to be behind: those
 * of one encoder come within a few frames. */
#define MIX_HOLD_NS (200 * NS_PER_MS)
#define MIX_HOLD_MAX_NS (1000 * NS_PER_MS) /* however far it is behind */
/* How long to look for twins, before the viewer stays where it is. */
#define MIX_TRIES_NS (10 * NS_PER_S)

struct mix {
    struct list node; /* router.mixes */
    struct router *router;
    struct core_viewer *viewer;        /* NULL: it has none yet, or it is gone */
    struct core_ladder *ladder;        /* a reference */
    struct moq_track *track;           /* what the viewer is served */
    struct mix_part *old, *now, *next; /* each may be NULL, but `now` only while it is made */
    size_t wanted;           /* the rendition to turn to when MIX_QUIET_NS is over, or none */
    const char *wanted_by;   /* who wanted that, or `next` */
    uint64_t held_from;      /* groups of `now` from this sequence on wait for their twins */
    uint64_t quiet_until_ns; /* no turn before */
    uint64_t tries_until_ns; /* of `next` */
    struct soon soon;        /* settles what a turn has left to do */
    int end_error;           /* of the rendition that it lost */
    bool is_orphan;          /* `now` has ended, and it looks for another rendition */
    uint32_t lost;           /* renditions that it does not try then, because they failed; by bit */
    uint32_t holds;          /* callers that go on to use it */
    bool is_closed;          /* it is freed when nobody holds it any more */
};

#define MIX_HELD_NONE UINT64_MAX

/* Each of these may close the mix, so its caller holds it. */

/* Adds a group of `part`, unless it is there. */
void mix_adopt_group(struct mix *mix, const struct mix_part *part, const struct moq_group *group);
/* Adds the groups that the part has from `sequence` on, or puts them in the place of those that
 * wait to be sent. */
void mix_take_from(struct mix *mix, const struct mix_part *part, uint64_t sequence);
/* Whether a new group of `now` should wait for its twin in `next`, which has not come to it. */
bool mix_is_worth_waiting(const struct mix *mix, const struct moq_group *group);
/* Turns to `next` if it can, and takes the groups of `now` that have waited long enough. */
void mix_look_for_twins(struct mix *mix);
/* Gives up `next`: groups that waited for it are taken. */
void mix_stop_trying(struct mix *mix);
/* Lets go of a part and sets it to NULL, which it may be already. */
void mix_drop_part(struct mix_part **part);

#endif
