/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Bulletins: what this worker tells the others about its announcements, and hears about theirs. */
#ifndef MOQ_CORE_BULLETIN_H
#define MOQ_CORE_BULLETIN_H

#include "server/core/publisher.h"
#include "server/core/router.h"

/* What workers tell each other of an announcement. */
struct bulletin_notice {
    struct moq_path *path; /* borrowed */
    uint64_t stamp, newness, rank;
    uint32_t worker; /* the worker on which it was made */
    uint32_t can;    /* enum moq_can: what its publisher can do */
    bool has_failed;
    uint8_t marks;               /* enum announcement_mark */
    uint64_t silent_until_ns;    /* by the monotonic clock, which workers share; 0: not silent */
    struct publisher *publisher; /* borrowed; NULL: not a peer */
};

/* What other workers tell this one; called on this one's thread. */
struct bulletin_events {
    /* A worker has a new announcement, or one that was reported before has failed since, or has a
     * higher rank. */
    void (*on_notice)(struct router *router, const struct bulletin_notice *notice);
    void (*on_over)(struct router *router, const struct bulletin_notice *notice);
};

struct share; /* what the other workers know of one announcement */

/* Sets up the router's bulletins. Returns 0 or MOQ_ERR_NOMEM. */
int bulletins_init(struct router *router, const struct bulletin_events *events);
void bulletins_deinit(struct router *router);

/* Tells the other workers. *share is NULL if there are none. Returns 0 or MOQ_ERR_NOMEM. */
int bulletins_announce(struct router *router, const struct bulletin_notice *notice,
                       struct share **share);
void bulletins_fail(struct router *router, struct share *share); /* may be NULL */
void bulletins_raise(struct router *router, struct share *share, /* may be NULL */
                     uint64_t newness, uint64_t rank);
void bulletins_silence(struct router *router, struct share *share, /* may be NULL */
                       uint64_t until_ns);
void bulletins_withdraw(struct router *router, struct share **share); /* sets it to NULL */
void bulletins_sweep(struct router *router);

#endif
