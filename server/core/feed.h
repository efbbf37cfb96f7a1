/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A feed brings the groups of one source. There are kinds of feeds, each a table of operations:
 * legs (subscriptions to a peer of this worker), mirror (a link to another worker), and whatever
 * else publishes. An announcement names the kind; everything after that goes through the table. */
#ifndef MOQ_CORE_FEED_H
#define MOQ_CORE_FEED_H

#include "transfork/transfork.h"

struct announcement;
struct fetch;
struct fetch_wish;
struct source;

/* The first member of each kind's own struct. */
struct feed {
    const struct feed_ops *ops;
    struct source *source;
};

/* Entries may be NULL where the comment says so. */
struct feed_ops {
    const char *name;
    /* Its groups belong to another worker, whose cache counts them. */
    bool is_copy;

    /* Makes a feed for a source whose origin is `origin`, without asking for anything yet. NULL:
     * out of memory. */
    struct feed *(*open)(struct source *source, struct announcement *origin);
    /* Somebody watches: asks the publisher for what all viewers together want, or changes what it
     * asked for. Returns 0, or the error with which the source must end. May call source_lost,
     * which closes the feed. */
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

    /* Asks for one group by its number, for a new fetch; the feed then calls fetch_* functions.
     * Returns a handle for fetch_close, or NULL: this publisher cannot be asked. NULL as the entry:
     * no publisher of this kind can. */
    void *(*fetch)(struct fetch *fetch, const struct announcement *origin,
                   const struct fetch_wish *wish);
    void (*fetch_close)(void *handle);
    /* Asks the publisher about its track; `on_info` follows. Returns a handle for info_close, or
     * NULL as for `fetch`. */
    void *(*info)(const struct announcement *origin, moq_on_info *on_info, void *user);
    void (*info_close)(void *handle); /* no callback follows */
};

extern const struct feed_ops legs_feed;   /* legs.c: for announcements of this worker's peers */
extern const struct feed_ops mirror_feed; /* mirror.c: for those of other workers */

#endif
