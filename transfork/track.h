/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A track from the inside: its groups in order of sequence, its limits on memory, and its watchers.
 * Step 9.
 *
 * For writers: a group that moq_track_open_group gave may be ended by the track itself (too many
 * grow at once, the cache is over its bytes, the track was cut), so a writer that needs several
 * turns holds a reference of its own, and treats MOQ_ERR_CLOSED from moq_track_append as "nobody
 * wants the rest".
 *
 * A group that is no longer in its track has always ended. */
#ifndef MOQ_TRANSFORK_TRACK_H
#define MOQ_TRANSFORK_TRACK_H

#include "base/list.h"
#include "base/clock.h"
#include "transfork/group.h"

#ifdef __cplusplus
extern "C" {
#endif

/* These limits apply whatever the cache limits are, even "no limit"; the newest group is always
 * kept. */
enum { TRACK_MAX_GROUPS = 4096, TRACK_MAX_BYTES = 256 << 20 };

struct moq_track {
    struct moq_path *path;
    struct moq_track_config config;
    uint32_t refs;
    struct list groups;    /* kept_group.node, lowest sequence first */
    uint32_t group_count;  /* in `groups` */
    uint32_t open_count;   /* those of them that still grow */
    uint64_t cached_bytes; /* memory of the groups in `groups` */
    struct list followed;  /* kept_group.follow_node: those of `groups` that are adopted and grow */
    uint64_t latest;       /* highest sequence ever seen */
    uint64_t floor;        /* sequences below were dropped and do not come back */
    uint64_t dropped_count;                    /* how many groups were dropped */
    uint64_t expected_from, expected_until_ns; /* see moq_track_expect */
    struct moq_watcher watchers;               /* the head of their ring */
    int error;                                 /* see moq_track_end */
    bool has_ended;
};

/* The time for a group's stamps: 0 means "not yet" there, so the first tick of a clock that starts
 * at 0 counts as 1. */
static inline uint64_t track_stamp(const struct moq_track *track)
{
    uint64_t now_ns = track->config.clock->now_ns;
    return now_ns ? now_ns : 1;
}

static inline struct moq_group *track_group_at(const struct list *node)
{
    return &container_of(node, struct kept_group, node)->group;
}

/* Ends a group that still grows and tells the watchers. The caller holds a reference, because a
 * watcher may drop the last other one. */
void track_end_group(struct moq_track *track, struct moq_group *group, int error);

/* Removes a group that has ended from the track; it lives as long as somebody still reads it. */
void track_forget_group(struct moq_track *track, struct moq_group *group);

/* ---- What is kept (track_cache.c) ------------------------------------------------------------ */

/* Drops or cuts groups until count and bytes are within their limits. Watchers are told of the
 * cuts. */
void track_trim(struct moq_track *track);

/* Makes room for a new group at the expense of older ones. */
void track_make_room(struct moq_track *track);

/* Whether a new group of this sequence would have to be dropped at once. */
bool track_is_full_for(const struct moq_track *track, uint64_t sequence);

/* Cuts the lowest group that grows, the newest excepted. False: there is none. */
bool track_cut_lowest(struct moq_track *track, int error);

/* ---- Who watches (watchers.c) ---------------------------------------------------------------- */

void track_init_watchers(struct moq_track *track);
/* moq_track_unwatch may still be called afterwards. */
void track_drop_watchers(struct moq_track *track);

/* These tell all watchers. A watcher may remove itself, add others, which are not told, and drop
 * its reference to the track. */
void track_tell_group(struct moq_track *track, struct moq_group *group);
void track_tell_growth(struct moq_track *track, struct moq_group *group);
void track_tell_replaced(struct moq_track *track, struct moq_group *group);
void track_tell_end(struct moq_track *track, int error);

#ifdef __cplusplus
}
#endif
#endif
