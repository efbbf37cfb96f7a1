/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Routes and announcements: who publishes which path. */
#ifndef MOQ_CORE_ROUTE_H
#define MOQ_CORE_ROUTE_H

#define HASH_NONFATAL_OOM 1 /* then hh.tbl of what is added is NULL */
#include <uthash.h>

#include "server/core/guest.h"
#include "server/core/publisher.h"
#include "server/core/request.h"
#include "server/core/router.h"

struct route_follower;

/* An announcement: this peer, worker or module publishes that path. */
struct announcement {
    struct list owner_node; /* core_peer.announcements, or router.foreign, or router.origins */
    struct list route_node; /* route.announcements */
    struct router *router;
    const struct feed_ops *feed;       /* the kind of feed that brings its tracks */
    struct core_peer *peer;            /* the publisher; NULL: not a peer of this worker */
    void *self;                        /* for the feed: a publisher that is not a peer */
    struct route *route;               /* NULL while hooks are asked */
    struct moq_path *path;             /* as it was announced */
    struct moq_path *name;             /* under which others see it, unless hooks rename it */
    struct share *share;               /* what other workers know of it */
    struct publisher *publisher;       /* who it is, when it announced; NULL: not a peer */
    uint64_t stamp;                    /* the highest stamp of a path is the newest announcement */
    uint64_t newness;                  /* its rank if no hook has chosen it */
    uint64_t rank;                     /* the highest one feeds the track */
    uint64_t since_ns;                 /* when it joined its route */
    uint64_t silent_until_ns;          /* it fell silent, and counts as such until then */
    uint32_t worker;                   /* the worker on which it was made */
    uint32_t can;                      /* enum moq_can: what its publisher can do */
    bool has_failed;                   /* its publisher ended a track: no source switches to it */
    bool is_revoked;                   /* its peer may not publish it now: it has no route */
    uint8_t marks;                     /* enum announcement_mark */
    bool is_leaving;                   /* it is being removed */
    uint8_t holds;                     /* callers that need it to stay */
    core_on_offer_decided *on_decided; /* of a guest's offer; NULL: nobody is told */
    struct announcement_question *question; /* owned, while hooks decide; else NULL */
};

/* Many announcements live long, and few of them are being decided on. */
struct announcement_question {
    struct core_request request;
    struct announcement *announcement;
};
void question_free(struct announcement_question **question); /* sets it to NULL */

/* Calls to the source that is fed by the announcements of a route. It may end in each of them. */
struct route_follower_ops {
    void (*on_newest)(struct route_follower *follower); /* route_next has changed to a newer one */
    /* There is one more candidate, which does not take over. */
    void (*on_candidate)(struct route_follower *follower);
    /* `announcement` has left the route. */
    void (*on_left)(struct route_follower *follower, const struct announcement *announcement);
    /* `announcement` ended a track; there is another that has not failed. */
    void (*on_failed)(struct route_follower *follower, const struct announcement *announcement);
};

struct route_follower {
    const struct route_follower_ops *ops;
};

/* The rank of a spare announcement is its stamp. Added to that of any other one: it is above all
 * spares. */
#define ROUTE_REGULAR (UINT64_C(1) << 62)
/* Added to the rank of an announcement that a hook has chosen: it is above all that were not, and
 * the last choice is above earlier ones. */
#define ROUTE_CHOSEN (UINT64_C(1) << 63)

/* One that waits for a path. All zero: it does not wait. */
struct route_waiter {
    const struct route_waiter_ops *ops;
    struct list node;    /* route.waiting */
    struct route *route; /* NULL: it waits nowhere */
    uint64_t deadline_ns;
};

struct route_waiter_ops {
    /* There is a publisher, or its feed is ready. The waiter keeps waiting unless it calls
     * route_stop_waiting. NULL: it waits for something else. */
    void (*on_ready)(struct route_waiter *waiter);
    void (*on_late)(struct route_waiter *waiter); /* its time is over, and it must stop waiting */
};

struct route {
    UT_hash_handle hh;
    struct moq_path *path;
    struct list announcements;         /* by rank, the highest first */
    struct list waiting;               /* route_waiter.node */
    struct route_follower *follower;   /* the source of its track; NULL: nobody watches */
    const struct announcement *leader; /* the last publisher; only for comparing, it may be gone */
    uint32_t holds;                    /* callers that need the route to stay */
};

struct route *route_find(struct router *router, const struct moq_path *path); /* NULL: none */
/* The route of this path, which is made if there is none. NULL: out of memory. */
struct route *route_get(struct router *router, struct moq_path *path);
void route_release(struct router *router, struct route *route); /* frees it if nothing needs it */

/* Each returns NULL if there is none. */
struct announcement *route_newest(const struct route *route);
struct announcement *route_newest_local(const struct route *route);
struct announcement *route_next(const struct route *route); /* the first that has not failed */
struct announcement *route_stamped(const struct route *route, uint64_t stamp);
/* By the peer itself, or, if `is_given`, by an entry on its behalf. */
struct announcement *route_announced_by(const struct route *route, const struct core_peer *peer,
                                        bool is_given);
bool announcement_is_given(const struct announcement *announcement);
/* Whether another relay has brought it to this one, itself or by an entry on its behalf. */
bool announcement_is_far(const struct announcement *announcement);

/* Whether it was made on this worker. */
bool announcement_is_local(const struct announcement *announcement);
/* Whether its publisher is known to do all of `what` (enum moq_can, or-ed). */
bool announcement_can(const struct announcement *announcement, uint32_t what);
/* Whether it fell silent lately. */
bool announcement_is_silent(const struct announcement *announcement);
void announcement_note_failure(struct announcement *announcement); /* tells the other workers */

/* An announcement of this worker. `path` is the one that its publisher uses; a reference is taken.
 * NULL: out of memory. */
struct announcement *announcement_new(struct router *router, const struct feed_ops *feed,
                                      struct moq_path *path);
/* Adds an announcement that hooks allowed to the route of `path`, which a hook may have changed.
 * False: out of memory, and nothing has changed. */
bool route_add(struct announcement *announcement, struct moq_path *path);
/* Ends it, and frees it when nobody holds it any more. */
void route_remove(struct announcement *announcement);
void announcement_hold(struct announcement *announcement);
void announcement_release(struct announcement *announcement);
/* Takes it out of its route, if it has one, without freeing it. A track that it feeds ends, unless
 * another publisher takes over. */
void route_suspend(struct announcement *announcement);

void origins_stop(struct router *router); /* when the router ends: removes all */

/* Whether one more may wait; those that wait are counted over all workers. */
bool route_may_wait(const struct router *router);
/* Waits for at most `wait_ns`. */
void route_wait(struct router *router, struct route *route, struct route_waiter *waiter,
                uint64_t wait_ns);
/* Does nothing if it does not wait. */
void route_stop_waiting(struct router *router, struct route_waiter *waiter);
/* Calls on_ready of all that wait. */
void route_wake(struct router *router, struct route *route);
/* Calls on_late of those that have waited too long. */
void routes_sweep(struct router *router);

/* Raises its rank on this worker. The follower may turn to it. */
void route_raise(struct announcement *announcement, uint64_t rank);
/* A spare is a regular one from now on, as if it were new; on all workers. */
void route_promote(struct announcement *announcement);

/* For announcements of other workers: adds one to the route of `path`, in the order of ranks.
 * False: out of memory. */
bool route_join(struct announcement *announcement, struct moq_path *path);
void route_lead(struct announcement *announcement); /* tells the follower and all that wait */
void route_leave(struct announcement *announcement);
void announcement_free(struct announcement *announcement);

#endif
