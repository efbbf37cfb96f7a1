/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Bulletins: what this worker tells the others about its announcements, and hears of theirs. */
#ifndef MOQ_CORE_BULLETIN_H
#define MOQ_CORE_BULLETIN_H

#include "server/core/router.h"

/* What workers tell each other of an announcement. */
struct bulletin_notice {
    struct moq_path *path; /* borrowed */
    uint64_t stamp;
    uint32_t worker; /* whose it is */
    uint32_t can;    /* enum moq_can: what its publisher does */
    bool has_failed;
};

/* What is heard of other workers, on this one's thread. */
struct bulletin_events {
    /* Somebody announces something; also what was told before, when it has failed since. */
    void (*on_notice)(struct router *router, const struct bulletin_notice *notice);
    void (*on_over)(struct router *router, const struct bulletin_notice *notice);
};

struct share; /* what the others know of one announcement */

/* 0 or MOQ_ERR_NOMEM. */
int bulletins_init(struct router *router, const struct bulletin_events *events);
void bulletins_deinit(struct router *router);

/* Tells the others. *share is NULL when there are none. 0 or MOQ_ERR_NOMEM. */
int bulletins_announce(struct router *router, const struct bulletin_notice *notice,
                       struct share **share);
void bulletins_fail(struct router *router, struct share *share);      /* may be NULL */
void bulletins_withdraw(struct router *router, struct share **share); /* sets it to NULL */
void bulletins_sweep(struct router *router);

#endif
