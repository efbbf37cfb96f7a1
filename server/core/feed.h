/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Origins and their feeds: how tracks come into a worker. Part of core's door.
 *
 * A feed brings the groups of one source. Each kind of feed is a table of operations: legs
 * (subscriptions to a peer of this worker), mirror (a link to another worker), and the tables of
 * origins. An announcement names its kind; everything after that goes through the table.
 *
 * An *origin* is a publisher that is not a peer. It announces a path with a table of its own
 * (origin_add), and is asked for groups when somebody watches, on any worker. All of this happens
 * on the thread of the worker to which the origin was added. */
#ifndef MOQ_CORE_FEED_H
#define MOQ_CORE_FEED_H

#include "transfork/transfork.h"

#ifdef __cplusplus
extern "C" {
#endif

struct announcement; /* an announcement: this peer, worker or origin publishes that path */
struct fetch;        /* a fetch of one group by its number */
struct router;       /* a worker's peers, paths and tracks: see core_worker */
struct source;       /* a track that somebody watches */

/* The first member of each kind's own struct. */
struct feed {
    const struct feed_ops *ops;
    struct source *source;
};

struct fetch_wish {
    struct moq_path *path;
    uint64_t group;
    uint8_t priority;
    bool is_local_only; /* do not ask other workers */
};

/* Entries may be NULL where the comment says so. */
struct feed_ops {
    const char *name;
    /* Its groups belong to another worker, whose cache counts them. */
    bool is_copy;

    /* Makes a feed for a source whose origin is `origin`, without asking for anything and without
     * calling anything of core. The feed of an earlier source may still be closing. NULL: out of
     * memory. */
    struct feed *(*open)(struct source *source, struct announcement *origin);
    /* Somebody watches: asks the publisher for what all viewers together want, or changes what it
     * asked for. Returns 0, or the error with which the source must end. May write groups, call
     * source_ready, or call source_lost, which closes the feed. */
    int (*adjust)(struct feed *feed, const struct moq_wish *all);
    /* Nobody watches any more, on any worker. Called once until the next adjust. NULL: the feed
     * continues as before. */
    void (*rest)(struct feed *feed);
    /* Whether it has asked the publisher for something that is not over yet. */
    bool (*is_active)(const struct feed *feed);
    /* Whether a viewer can be served already; otherwise the feed calls source_ready later. NULL:
     * always. */
    bool (*is_ready)(const struct feed *feed);
    /* Whether what was asked for so far, together with what the track holds, begins at `group` or
     * earlier. */
    bool (*covers)(const struct feed *feed, uint64_t group);
    /* Whether it continues by itself when `origin` takes over. NULL: never. */
    bool (*goes_on)(const struct feed *feed, const struct announcement *origin);
    /* Ends everything, cuts groups that still grow, and frees the feed. */
    void (*close)(struct feed *feed);

    /* Asks for one group by its number, for a new fetch; the feed calls fetch_* functions after
     * this has returned. Returns a handle for fetch_close, or NULL: this publisher cannot be asked.
     * NULL as the entry: no publisher of this kind can. */
    void *(*fetch)(struct fetch *fetch, const struct announcement *origin,
                   const struct fetch_wish *wish);
    void (*fetch_close)(void *handle);
    /* Asks the publisher about its track; `on_info` follows after this has returned. Returns a
     * handle for info_close, or NULL as for `fetch`. */
    void *(*info)(const struct announcement *origin, moq_on_info *on_info, void *user);
    void (*info_close)(void *handle); /* no callback follows */
};

/* ---- For origins ----------------------------------------------------------------------------- */

struct origin_offer {
    struct moq_path *path; /* a reference is taken */
    const struct feed_ops *feed;
    void *self;    /* announcement_self */
    uint32_t can;  /* enum moq_can */
    bool is_quiet; /* nobody is told of it, but whoever knows the path may watch */
};

/* Announces `path` to peers and workers, until origin_remove. If the worker ends before, core
 * removes the origin and closes its feeds, on the thread of core_stop. NULL: out of memory. */
struct announcement *origin_add(struct router *router, const struct origin_offer *offer);
/* Withdraws and frees `announcement`; nothing more is asked of it. An open feed gets
 * CORE_FAREWELL_NS to finish its track, and is then closed. Do not call it inside `open`. */
void origin_remove(struct announcement *announcement);
void *announcement_self(const struct announcement *announcement); /* `self` of its offer */

/* ---- For feeds ------------------------------------------------------------------------------- */

struct moq_track *source_track(const struct source *source); /* where its groups go; borrowed */
void source_ready(struct source *source); /* the feed has begun: serves all that wait for it */
void source_lost(struct source *source, int error); /* the feed brings nothing more; closes it */

/* For a fetch. Either the feed brings the bytes: the group begins empty (0 or MOQ_ERR_NOMEM; may be
 * called inside `fetch`) ... */
int fetch_open_group(struct fetch *fetch);
void fetch_append(struct fetch *fetch, const uint8_t *data, size_t n);
/* ... or the bytes are another worker's: call fetch_follow when there are more of them. Both may
 * free the fetch. */
void fetch_adopt(struct fetch *fetch, struct moq_group_body *body);
void fetch_follow(struct fetch *fetch);
/* Nothing more will arrive. `error` 0: the group is complete. The handle is over; frees the
 * fetch. */
void fetch_over(struct fetch *fetch, int error);

/* ---- The kinds that core has ----------------------------------------------------------------- */

extern const struct feed_ops legs_feed;   /* legs.c: for announcements of this worker's peers */
extern const struct feed_ops mirror_feed; /* mirror.c: for those of other workers */

#ifdef __cplusplus
}
#endif
#endif
