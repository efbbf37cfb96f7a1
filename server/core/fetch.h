/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Fetches: one group by its number, under way from a publisher or another worker. */
#ifndef MOQ_CORE_FETCH_H
#define MOQ_CORE_FETCH_H

#include "server/core/route.h"
#include "server/core/router.h"

/* Under way at a time, of one worker; and from one publisher, which may never answer. */
enum { CORE_FETCHES_MAX = 256, CORE_FETCHES_PER_PEER_MAX = 64 };

struct fetch {
    struct list node; /* router.fetches */
    struct router *router;
    const struct feed_ops *feed; /* of whoever is asked */
    void *upstream;              /* the feed's handle; NULL: over */
    struct core_peer *peer;      /* who is asked; NULL: no peer of this worker */
    bool is_local;               /* a publisher of this worker is asked */
    bool is_adopted;             /* the group's bytes are another worker's */
    struct moq_track *track;     /* holds just this group */
    struct moq_group *group;     /* a reference; NULL: not known yet */
    struct list waiters;         /* fetch_waiter.node: they wait until it is */
    struct moq_path *path;
    uint64_t sequence;
};

struct fetch_wish {
    struct moq_path *path;
    uint64_t group;
    uint8_t priority;
    bool is_local_only; /* nothing is asked of other workers */
};

/* Whoever waits until the group is known. To be taken out of its list when he gives up. */
struct fetch_waiter {
    struct list node; /* fetch.waiters */
    /* Once, and out of the list. NULL, NULL: there is no such group, or nobody answered. */
    void (*on_group)(struct fetch_waiter *waiter, struct moq_track *track, struct moq_group *group);
};

struct fetched { /* all borrowed */
    struct moq_track *track;
    struct moq_group *group;
    struct fetch *pending;
};

/* 0: the group, cached or on its way, and its track. MOQ_ERR_AGAIN: it is asked for (`pending`),
 * and fetch_wait tells when it is known. MOQ_ERR_NOT_FOUND. */
int fetch_find(struct router *router, const struct fetch_wish *wish, struct fetched *fetched);
void fetch_wait(struct fetch *fetch, struct fetch_waiter *waiter);
void fetches_stop(struct router *router);

/* For feeds. Either its bytes are brought: the group begins empty (0 or MOQ_ERR_NOMEM) ... */
int fetch_open_group(struct fetch *fetch);
void fetch_append(struct fetch *fetch, const uint8_t *data, size_t n);
/* ... or they are another worker's; fetch_follow when there are more of them. Both may free it. */
void fetch_adopt(struct fetch *fetch, struct moq_group_body *body);
void fetch_follow(struct fetch *fetch);
/* 0: all of it is here; else as much as there will be. The handle is over; frees the fetch. */
void fetch_over(struct fetch *fetch, int error);

#endif
