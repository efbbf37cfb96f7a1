/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Fetches: one group by its number, under way from a publisher or another worker. */
#ifndef MOQ_CORE_FETCH_H
#define MOQ_CORE_FETCH_H

#include "server/core/feed.h"
#include "server/core/route.h"
#include "server/core/router.h"

/* Fetches at a time: of one worker, and from one publisher, because it may never answer. */
enum { CORE_FETCHES_MAX = 256, CORE_FETCHES_PER_PEER_MAX = 64 };

struct fetch {
    struct list node; /* router.fetches */
    struct router *router;
    const struct feed_ops *feed; /* of the publisher that is asked */
    void *upstream;              /* the feed's handle; NULL: over */
    struct core_peer *peer;      /* the publisher; NULL: not a peer of this worker */
    bool is_local;               /* a publisher of this worker is asked */
    bool is_adopted;             /* the group's bytes are another worker's */
    struct moq_track *track;     /* holds just this group */
    struct moq_group *group;     /* a reference; NULL: unknown until the publisher answers */
    struct list waiters;         /* fetch_waiter.node: those that wait until the group is known */
    struct moq_path *path;
    uint64_t sequence;
    unsigned holds; /* callers that need it to stay */
    bool is_over;   /* it is freed when nobody holds it any more */
};

/* One that waits until the group is known. Remove it from the list if it gives up. */
struct fetch_waiter {
    struct list node; /* fetch.waiters */
    /* Called once, after it has been removed from the list. NULL, NULL: there is no such group, or
     * no answer. */
    void (*on_group)(struct fetch_waiter *waiter, struct moq_track *track, struct moq_group *group);
};

struct fetched { /* all borrowed */
    struct moq_track *track;
    struct moq_group *group;
    struct fetch *pending;
};

/* Finds a group in the cache or asks for it. Returns 0 and the group, which may still grow, with
 * its track; MOQ_ERR_AGAIN: it is asked for (`pending`), and fetch_wait tells when it is known;
 * MOQ_ERR_NOT_FOUND. */
int fetch_find(struct router *router, const struct fetch_wish *wish, struct fetched *fetched);
void fetch_wait(struct fetch *fetch, struct fetch_waiter *waiter);
void fetches_stop(struct router *router);

#endif
