/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A router from the outside: how the owner of a loop and sockets makes, runs and ends it. */
#ifndef MOQ_CORE_ROUTER_TURN_H
#define MOQ_CORE_ROUTER_TURN_H

#include "server/core/router.h"
#include "server/core/viewer.h"

/* How often tracks are swept and waiting requests are checked. */
#define CORE_SWEEP_MS UINT64_C(100)

struct router_config {
    const struct moq_clock *clock;
    const struct relay_config *config; /* borrowed; replaced by a reload */
    struct router_commons *commons;    /* NULL: this router is alone */
    /* Of all workers by their number, their owners the routers; may be filled in after router_init,
     * before anything is served. */
    struct mailbox *const *mailboxes;
    uint32_t worker, workers; /* 0, 1: alone */
};

int router_init(struct router *router, const struct router_config *config); /* 0 or MOQ_ERR_NOMEM */

/* Brought up to date. */
void router_counters(const struct router *router, struct core_counters *counters);
void router_sweep(struct router *router);               /* every CORE_SWEEP_MS */
bool router_wants_samples(const struct router *router); /* core_viewers_sample is to be called */

/* The end, when the last session of all workers is gone: router_stop for each, in any order; then
 * their mailboxes are run, round and round, until all are empty; then router_deinit for each. All
 * of it in one thread, after the others have ended. */
void router_stop(struct router *router);
void router_deinit(struct router *router);

#endif
