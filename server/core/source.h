/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A source: one track that somebody watches, and the feed that fills it. */
#ifndef MOQ_CORE_SOURCE_H
#define MOQ_CORE_SOURCE_H

#include "server/core/feed.h"
#include "server/core/meter.h"
#include "server/core/route.h"
#include "server/core/router.h"
#include "server/core/soon.h"
#include "server/core/viewer.h"

struct source;
struct source_listener;

/* A source without viewers keeps its feed this long, so that a viewer that comes back need not
 * wait. */
#define CORE_LINGER_NS (2 * NS_PER_S)
/* How long a publisher that has withdrawn the path has to finish the track. */
#define CORE_FAREWELL_NS (500 * NS_PER_MS)
/* How long a publisher may take to bring older groups that a viewer asks for. */
#define CORE_HISTORY_NS (2 * NS_PER_S)

/* Calls to a listener, which counts like one viewer: another worker's outlet, or a watch of this
 * worker. Entries but on_end may be NULL. */
struct source_listener_ops {
    void (*on_ready)(struct source_listener *listener);  /* see source_ready */
    void (*on_origin)(struct source_listener *listener); /* the source has a new origin */
    /* The origin has failed, and an announcement of another worker takes its place. May leave the
     * list. */
    void (*on_failed)(struct source_listener *listener);
    void (*on_end)(struct source_listener *listener, int error); /* leaves the list */
};

/* What the source tells of its publishers; router.source_events. */
struct source_events {
    /* Others may be the right ones now. Nothing may happen before the call returns. */
    void (*on_candidates)(struct source *source, enum core_choice_cause cause);
};

struct source_listener {
    struct list node; /* source.listeners */
    const struct source_listener_ops *ops;
    struct moq_wish wish;
    bool has_wish;       /* `wish` counts */
    uint64_t latency_ns; /* groups are kept for it this long; 0: no longer than for others */
};

struct source {
    struct list node; /* router.sources */
    struct router *router;
    struct route *route;         /* NULL: the source has ended and only lives on for its viewers */
    struct announcement *origin; /* NULL while there is none */
    struct feed *feed;           /* NULL while there is none; may outlive its origin */
    struct moq_track *track;
    struct list viewers;   /* core_viewer.node */
    struct list listeners; /* source_listener.node */
    uint32_t viewer_count; /* of `viewers` */
    uint32_t watch_count;  /* how many of the listeners are watches */
    struct track_meter meter;
    struct soon choosing; /* hooks are asked for an origin */
    enum core_choice_cause cause;
    struct route_follower follower;
    struct chain_member member; /* in the chain while it is live */
    bool is_continued;          /* the origin took another's place: its sequences may be raised */
    bool is_resting;            /* its feed was told that nobody watches */
    bool is_live;               /* hooks were told that somebody watches */
    bool is_asking;             /* the feed's adjust is running */
    bool is_begun;              /* source_ready was called in there */
    uint64_t origin_from;       /* sequence of the first group of this origin */
    uint64_t idle_since_ns;     /* CLOCK_NEVER while it has viewers or watches */
    uint64_t farewell_ns;       /* when to give up a withdrawn track; CLOCK_NEVER: not withdrawn */
};

/* The source of a route that has an announcement, made if there is none. NULL: out of memory. */
struct source *source_get(struct router *router, struct route *route);
/* The same, and hooks are asked soon which publisher is to feed a new one. */
struct source *source_get_and_choose(struct router *router, struct route *route);
void source_free(struct source *source);

/* Takes over `viewer`, which may be gone when this returns. */
void source_add_viewer(struct source *source, struct core_viewer *viewer);
void source_remove_viewer(struct core_viewer *viewer); /* frees it */
/* It is served from a mix, which turned to this source, and leaves its present one. Hooks are told
 * of tracks that become live or idle, so it may be gone when this returns. */
void source_take_viewer(struct source *source, struct core_viewer *viewer);

/* A watch joins the listeners and counts as a viewer of this worker. It may be gone when this
 * returns. */
void source_add_watch(struct source *source, struct source_listener *listener);
void source_remove_watch(struct source *source, struct source_listener *listener);
/* The same, for on_end: tells nobody. */
void source_forget_watch(struct source *source, struct source_listener *listener);

void source_adjust(struct source *source); /* asks the feed for what viewers want now */
/* Asks the feed on behalf of a request that has to wait for it, unless it was asked already.
 * Returns false if the feed cannot be asked, or if there is nothing to wait for any more. */
bool source_wait(struct source *source, const struct moq_wish *wish);
/* Whether a viewer can be served now; if not, it waits for source_ready. */
bool source_is_ready(const struct source *source);
/* Call it before a viewer with this wish is served from `track`, the source's or a mix of it. If
 * older groups that it wants are on their way, tells the track to expect them. */
void source_expect(struct source *source, struct moq_track *track, const struct moq_wish *wish);
/* Whether the origin obeys ranges, and its sequences are the same as those here. */
bool source_can_ask_ranges(const struct source *source);
struct source *source_of(const struct route *route);   /* NULL: nobody watches */
void source_dismiss(struct source *source, int error); /* tells all listeners of the end */

void source_cut_track(struct moq_track *track); /* to its newest group, once */
/* After a reload: their caches as it says now; viewers keep what they had. */
void sources_take_configuration(struct router *router);
void sources_sweep(struct router *router);
/* This worker's tracks hold so many bytes, copies excluded: if all caches together are over their
 * limit, cuts what is kept. */
void sources_bound_cache(struct router *router, uint64_t bytes);
/* Whether its groups are those of another worker, whose cache counts them. */
bool source_is_copy(const struct source *source);
/* Adds the numbers of the present viewers; those of viewers that have left are in the counters
 * already. */
void sources_add_totals(const struct router *router, struct core_counters *counters);

#endif
