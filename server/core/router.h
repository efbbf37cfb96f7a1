/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The router: what one worker knows of peers, paths and tracks. It has no sockets and no loop:
 * worker.c gives it both, tests give it a simulated network.
 *
 *   router ─ peers      one per session; each holds the announcements it made
 *          ─ foreign    announcements of other workers
 *          ─ routes     one per path that is announced or asked for: who announces it, newest
 *          first; requests that wait
 *          ─ sources    one per track with viewers: the track, the feed that fills it, its viewers,
 *          its outlets
 *
 * A route refers to its source and a source to the announcement that feeds it; viewers refer to
 * their source. Each worker has a router of its own and touches no other. What routers tell each
 * other goes through mailboxes: bulletins (who announces what) and links (a mirror here, an outlet
 * there).
 *
 * Three words, used everywhere in core:
 *   request   what a peer asks of the relay: a session, an announcement, a track, a group. Hooks
 *             decide on it.
 *   wish      how a subscriber wants its groups: priority, order, range. Policy turns it into
 *             numbers.
 *   query     what the relay asks of a publisher, or of another worker, to answer a request: an
 *             INFO, a group. */
#ifndef MOQ_CORE_ROUTER_H
#define MOQ_CORE_ROUTER_H

#include "base/list.h"
#include "base/mailbox.h"
#include "server/config/config.h"
#include "server/core/chain.h"
#include "server/core/core.h"

/* How often tracks are swept and waiting requests are checked. */
#define CORE_SWEEP_MS UINT64_C(100)

/* In how many steps of this length the viewers are sampled within CORE_SAMPLE_NS. */
#define CORE_SAMPLE_STEP_MS UINT64_C(10)

/* What the routers of one relay have in common; atomic. */
struct router_commons {
    uint64_t last_stamp;    /* of announcements: a later one wins, on every worker */
    uint64_t cache_bytes;   /* of all caches, as of their last sweeps */
    uint32_t waiting_count; /* requests that wait for a publisher, on all workers */
    uint32_t cache_cuts; /* how often a worker cut its cache: mirrors of it hold the same bytes */
};

struct router_config {
    const struct clock *clock;
    const struct relay_config *config; /* borrowed; replaced by a reload */
    struct router_commons *commons;    /* NULL: this router is alone */
    /* Of all workers by their number, their owners the routers; may be filled in after router_init,
     * before anything is served. */
    struct mailbox *const *mailboxes;
    uint32_t worker, workers; /* 0, 1: alone */
};

struct router {
    const struct clock *clock;
    const struct relay_config *config; /* borrowed; replaced by a reload */
    struct moq_offers *offers;
    struct core_hooks hooks;
    struct core_counters counters;
    struct list peers;   /* core_peer.node */
    struct list sources; /* source.node */
    struct list fetches; /* fetch.node */
    struct list foreign; /* announcement.owner_node: of other workers */
    struct list outlets; /* outlet.node: those that belong to no source */
    struct list viewers; /* core_viewer.router_node: whose next sample is due first in front */
    struct bulletin *bulletins; /* one per worker; NULL: alone */
    struct route *routes;       /* uthash */
    uint32_t waiting_count, fetch_count, viewer_count, cache_cuts;
    uint64_t next_peer;
    uint32_t worker, workers;         /* read-only: which of how many */
    struct mailbox *const *mailboxes; /* of all of them */
    struct router_commons *commons;   /* never NULL: alone it is `own` */
    struct router_commons own;
};

int router_init(struct router *router, const struct router_config *config); /* 0 or MOQ_ERR_NOMEM */

/* Brought up to date. */
void router_counters(const struct router *router, struct core_counters *counters);
void router_sweep(struct router *router); /* every CORE_SWEEP_MS */
/* Shows hooks the numbers of some viewers; every CORE_SAMPLE_STEP_MS while router_wants_samples. */
void router_sample(struct router *router);
bool router_wants_samples(const struct router *router);

/* The end, when the last session of all workers is gone: router_stop for each, in any order; then
 * their mailboxes are run, round and round, until all are empty; then router_deinit for each. All
 * of it in one thread, after the others have ended. */
void router_stop(struct router *router);
void router_deinit(struct router *router);

/* Of the requests that wait, on all workers: whether one more may. */
bool router_may_wait(const struct router *router);
void router_count_waiting(struct router *router, int change);

#endif
