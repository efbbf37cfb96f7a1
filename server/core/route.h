/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Routes and announcements: who publishes which path. */
#ifndef MOQ_CORE_ROUTE_H
#define MOQ_CORE_ROUTE_H

#include <uthash.h>

#include "server/core/feed.h"
#include "server/core/request.h"
#include "server/core/router.h"

struct route_follower;

/* "This peer (or worker, or module) publishes that path." */
struct announcement {
    struct list owner_node; /* core_peer.announcements, or router.foreign, or nothing */
    struct list route_node; /* route.announcements */
    struct router *router;
    const struct feed_ops *feed; /* how its tracks are brought here */
    struct core_peer *peer;      /* NULL: no peer's of this worker */
    void *self;                  /* the feed's: of whoever publishes without being a peer */
    struct route *route;         /* NULL while hooks are asked */
    struct moq_path *path;       /* as it was announced */
    struct share *share;         /* what other workers know of it */
    uint64_t stamp;              /* of all announcements of a path the highest is the newest */
    uint32_t worker;             /* whose it is */
    uint32_t can;                /* enum moq_can: what its publisher does */
    bool is_asking;              /* hooks have `request` */
    bool has_failed; /* ended a track that it still announces: nothing switches to it any more */
    struct core_request request;
};

/* Whoever is fed by the announcements of a route. May end in each of these. */
struct route_follower_ops {
    void (*on_newest)(struct route_follower *follower); /* route_next is another, and newer */
    /* `announcement` is there no more. */
    void (*on_left)(struct route_follower *follower, const struct announcement *announcement);
    /* `announcement` ended a track; there is another that has not failed. */
    void (*on_failed)(struct route_follower *follower, const struct announcement *announcement);
};

struct route_follower {
    const struct route_follower_ops *ops;
};

/* Whoever waits for a path; zeroed, it does not. */
struct route_waiter {
    const struct route_waiter_ops *ops;
    struct list node;    /* route.waiting */
    struct route *route; /* NULL: it waits nowhere */
    uint64_t deadline_ns;
};

struct route_waiter_ops {
    /* There is a publisher, or its feed is ready. Goes on waiting unless it stops. NULL: it waits
     * for something else. */
    void (*on_ready)(struct route_waiter *waiter);
    void (*on_late)(struct route_waiter *waiter); /* it has waited long enough, and has to stop */
};

struct route {
    UT_hash_handle hh;
    struct moq_path *path;
    struct list announcements;         /* newest first */
    struct list waiting;               /* route_waiter.node */
    struct route_follower *follower;   /* the source of its track; NULL: nobody watches */
    const struct announcement *leader; /* who published it last; only to be compared */
    uint32_t holds;                    /* by those who go on with it, whatever happens to it */
};

struct route *route_find(struct router *router, const struct moq_path *path); /* NULL: none */
/* Makes it if there is none. NULL: out of memory. */
struct route *route_get(struct router *router, struct moq_path *path);
void route_release(struct router *router, struct route *route); /* frees it if nothing holds it */

/* Each NULL: none. */
struct announcement *route_newest(const struct route *route);
struct announcement *route_newest_local(const struct route *route);
struct announcement *route_next(const struct route *route); /* the newest that has not failed */
struct announcement *route_announced_by(const struct route *route, const struct core_peer *peer);

/* Whether it was made on this worker. */
bool announcement_is_local(const struct announcement *announcement);
/* Whether its publisher is known to do all of `what` (enum moq_can, or-ed). */
bool announcement_can(const struct announcement *announcement, uint32_t what);
void announcement_note_failure(struct announcement *announcement); /* others are told */

/* Of this worker. `path` is as whoever publishes it says; a reference is taken. NULL: out of
 * memory. */
struct announcement *announcement_new(struct router *router, const struct feed_ops *feed,
                                      struct moq_path *path);
/* It is let in, as `path`: a hook may have chosen another. False: out of memory, and nothing has
 * changed. */
bool route_add(struct announcement *announcement, struct moq_path *path);
void route_remove(struct announcement *announcement); /* frees it */

/* What somebody publishes who is no peer: a module. */
struct origin_offer {
    struct moq_path *path; /* a reference is taken */
    const struct feed_ops *feed;
    void *self;   /* announcement.self */
    uint32_t can; /* enum moq_can */
};
/* Until route_remove. NULL: out of memory. */
struct announcement *route_add_origin(struct router *router, const struct origin_offer *offer);

/* Whether one more may wait: they are counted on all workers. */
bool route_may_wait(const struct router *router);
/* For `wait_ns` at most. */
void route_wait(struct router *router, struct route *route, struct route_waiter *waiter,
                uint64_t wait_ns);
void route_stop_waiting(struct router *router, struct route_waiter *waiter); /* if it does */
void route_wake(struct router *router, struct route *route);                 /* those who wait */
void routes_sweep(struct router *router); /* those who have waited long enough */

/* For announcements that are not of this worker: a place among the others of its path, by its
 * stamp. False: out of memory. */
bool route_join(struct announcement *announcement, struct moq_path *path);
void route_lead(struct announcement *announcement); /* whoever follows or waits is told */
void route_leave(struct announcement *announcement);
void announcement_free(struct announcement *announcement);

#endif
