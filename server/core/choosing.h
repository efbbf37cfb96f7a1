/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Choosing: when the publishers of a track, or what is known of them, change, hooks are asked which
 * one is to feed it. One worker asks, so that all agree: the one whose publisher feeds the track,
 * or is about to. It also notices when that publisher falls silent. */
#ifndef MOQ_CORE_CHOOSING_H
#define MOQ_CORE_CHOOSING_H

#include "server/core/router.h"

/* What entries are asked about. The candidates are those of the moment when they are asked. */
enum { CHOICE_MAX = 64 };
struct core_choice {
    struct router *router;
    struct moq_path *path;
    enum core_choice_cause cause;
    uint64_t stamps[CHOICE_MAX]; /* of announcements, by rank */
    size_t count;
};

/* Asks hooks now, if this worker decides and there are two candidates or more. Anything may happen
 * in here. True: they have chosen. */
bool choose_now(struct router *router, struct moq_path *path, enum core_choice_cause cause);

/* For router.source_events: hooks are asked in a turn of the loop that begins later. */
struct source_events;
extern const struct source_events choosing_events;

/* Looks for publishers of this worker that have fallen silent. */
void choosing_sweep(struct router *router);

#endif
