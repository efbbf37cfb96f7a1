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
    /* The mailboxes of all workers, by number; each is owned by that worker's router. May be filled
     * in after router_init, before anything is served. */
    struct mailbox *const *mailboxes;
    uint32_t worker, workers; /* this worker's number, and how many there are */
    /* The wall clock, in milliseconds since 1970, for what expires. It may jump. NULL: the
     * system's. */
    uint64_t (*wall_ms)(void *user);
    void *wall_user;
};

int router_init(struct router *router, const struct router_config *config); /* 0 or MOQ_ERR_NOMEM */

/* Writes the counters as they are now. */
void router_counters(const struct router *router, struct core_counters *counters);
void router_sweep(struct router *router);               /* every CORE_SWEEP_MS */
bool router_wants_samples(const struct router *router); /* whether to call core_viewers_sample */

/* Call these at the end, when the last session of all workers is gone and one thread is left:
 * router_stop for each router, in any order; then run all mailboxes until all are empty; then
 * router_deinit for each. */
void router_stop(struct router *router);
void router_deinit(struct router *router);

#endif
