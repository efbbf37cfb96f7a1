/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A source: one track that somebody watches, and the feed that fills it. */
#ifndef MOQ_CORE_SOURCE_H
#define MOQ_CORE_SOURCE_H

#include "server/core/feed.h"
#include "server/core/route.h"
#include "server/core/router.h"
#include "server/core/viewer.h"

struct source_listener;

/* A source without viewers keeps its feed this long: a viewer that comes back finds it warm. */
#define CORE_LINGER_NS (2 * NS_PER_S)
/* After its path was withdrawn a publisher has this long to finish the track in order. */
#define CORE_FAREWELL_NS (500 * NS_PER_MS)
/* How long a publisher may take to bring groups of the past that a viewer wishes for. */
#define CORE_HISTORY_NS (2 * NS_PER_S)

/* Whoever else hears what its track tells: other workers. Counts like one viewer. */
struct source_listener_ops {
    void (*on_ready)(struct source_listener *listener);  /* see source_ready */
    void (*on_origin)(struct source_listener *listener); /* its origin is another */
    /* Its origin has failed, and one of another worker takes its place. May leave the list. */
    void (*on_failed)(struct source_listener *listener);
    void (*on_end)(struct source_listener *listener, int error); /* leaves the list */
};

struct source_listener {
    struct list node; /* source.listeners */
    const struct source_listener_ops *ops;
    struct moq_wish wish;
    bool has_wish; /* `wish` counts */
};

struct source {
    struct list node; /* router.sources */
    struct router *router;
    struct route *route;         /* NULL: ended; only lives on for its viewers */
    struct announcement *origin; /* NULL while there is none */
    struct feed *feed;           /* NULL while there is none; outlives its origin by a farewell */
    struct moq_track *track;
    struct list viewers;   /* core_viewer.node */
    struct list listeners; /* source_listener.node */
    struct route_follower follower;
    struct chain_member member; /* in the chain while it is live */
    bool is_continued;          /* the origin took another's place: its numbers may be raised */
    bool is_resting;            /* its feed was told that nobody watches */
    bool is_live;               /* hooks were told that somebody watches */
    bool is_asking;             /* its feed's adjust is at work */
    bool is_begun;          /* it has begun in there: whoever waits for that is served afterwards */
    uint64_t origin_from;   /* the first group that is this origin's */
    uint64_t idle_since_ns; /* CLOCK_NEVER while it has viewers */
    uint64_t farewell_ns;   /* when to give up a withdrawn track; CLOCK_NEVER: not withdrawn */
};

/* Of a route with an announcement; NULL: out of memory. */
struct source *source_get(struct router *router, struct route *route);
void source_free(struct source *source);

/* Takes over `viewer`, which may be gone when this returns. */
void source_add_viewer(struct source *source, struct core_viewer *viewer);
void source_remove_viewer(struct core_viewer *viewer); /* frees it */

void source_adjust(struct source *source); /* what is asked of the feed follows what viewers want */
/* Somebody with this wish waits for what the feed will tell: it is asked, unless it is already.
 * False: it cannot be asked, or there is nothing to wait for any more. */
bool source_wait(struct source *source, const struct moq_wish *wish);
/* Whether a viewer can be served, or must wait for what the feed will tell first. */
bool source_is_ready(const struct source *source);
/* Before somebody with this wish is served: what it lacks of the past is on its way. */
void source_expect(struct source *source, const struct moq_wish *wish);
/* Whether numbers of groups mean the same here and at the origin, and it obeys ranges. */
bool source_can_ask_ranges(const struct source *source);
struct source *source_of(const struct route *route);   /* NULL: nobody watches */
void source_dismiss(struct source *source, int error); /* its listeners hear the end */

/* For feeds. */
void source_ready(struct source *source);           /* whoever waits for it to begin is served */
void source_lost(struct source *source, int error); /* it brings no more; closes the feed */

void sources_sweep(struct router *router);
/* Adds what the viewers there are have got so far; those that left were added when they did. */
void sources_add_totals(const struct router *router, struct core_counters *counters);

#endif
