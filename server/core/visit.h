/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What code on a worker sees of its viewers together, of its tracks, and of their publishers. Part
 * of core's door. */
#ifndef MOQ_CORE_VISIT_H
#define MOQ_CORE_VISIT_H

#include "server/core/hooks.h"

#ifdef __cplusplus
extern "C" {
#endif

struct router; /* core_worker.router */

uint64_t core_viewer_watched_ns(const struct core_viewer *viewer); /* since it is served */
/* As core_viewer_close, with the error of a denial; the log says that `hook` did it, and why. */
void core_viewer_deny(struct core_viewer *viewer, const struct core_hook *hook,
                      enum core_denial denial, const char *reason);

/* How many viewers a call looks at, and how much it spends on comparing paths: a step is about a
 * nanosecond, and a comparison takes at most the product of the lengths. */
enum { CORE_VISIT_MAX = 1024, CORE_VISIT_STEPS = 4 << 20 };

/* Calls `each` for viewers of this worker that asked for a path that `pattern` matches (NULL: all),
 * in the order in which they came, from *place on (0: the first), until it returns false or enough
 * were looked at; *place then says where to go on, 0: all were visited. `each` may do anything,
 * also end viewers; those that are there all the time are visited once. Returns how many were. */
size_t core_viewers_visit(struct router *router, const char *pattern, uint64_t *place,
                          bool (*each)(void *user, struct core_viewer *viewer), void *user);

/* ---- Tracks ---------------------------------------------------------------------------------- */

/* What is known of a track on this worker. */
struct core_track_stats {
    uint64_t rate_bps;     /* smoothed over some seconds; 0: not known yet */
    uint64_t interval_ns;  /* between the beginnings of groups, smoothed; 0: not known yet */
    uint64_t cached_bytes; /* of the groups that are kept */
    uint64_t cached_ns;    /* from the beginning of the oldest of them to that of the newest */
    bool has_groups;       /* of the two below: there is one */
    uint64_t newest, newest_age_ns; /* its sequence; since it began */
    uint32_t viewers, all_viewers;  /* on this worker; on all workers */
    uint32_t origin_worker;         /* where the publisher is that feeds it */
    uint64_t origin, origin_peer;   /* core_candidate.number and .peer of that; 0: none now */
};

/* False: nobody watches it on this worker. */
bool core_track_stats(struct router *router, const struct moq_path *path,
                      struct core_track_stats *stats);
/* Of the track that it is served. */
void core_viewer_track_stats(const struct core_viewer *viewer, struct core_track_stats *stats);

/* ---- Choices: hooks.h, choose_source --------------------------------------------------------- */

/* Why entries are asked to choose. */
enum core_choice_cause {
    CORE_CHOICE_WATCHED,   /* the first viewer has come, or those of a worker that lost its own */
    CORE_CHOICE_CANDIDATE, /* another publisher has come */
    CORE_CHOICE_LOST,      /* the one that fed it has left or failed */
    CORE_CHOICE_SILENT,    /* that one has fallen silent; without a choice, the next one follows */
};
/* While an entry is asked. Texts of candidates are borrowed for as long. */
const struct moq_path *core_choice_path(const struct core_choice *choice);
enum core_choice_cause core_choice_cause(const struct core_choice *choice);
/* In the order in which they would follow each other. False: none has this index, or it is gone. */
bool core_choice_candidate(const struct core_choice *choice, size_t index,
                           struct core_candidate *candidate);

#ifdef __cplusplus
}
#endif
#endif
