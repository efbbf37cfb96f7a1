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

/* NULL is allowed where it says so. */
struct feed_ops {
    const char *name;
    /* Its groups and its cache are another worker's, and are counted there. */
    bool is_copy;

    /* A feed for a source whose origin is `origin`; nothing is asked for yet. NULL: out of
     * memory. */
    struct feed *(*open)(struct source *source, struct announcement *origin);
    /* Somebody watches: asks for what all of them together want, or changes what was asked for. 0,
     * or why the source must end. It may call source_lost, which closes it. */
    int (*adjust)(struct feed *feed, const struct moq_wish *all);
    /* Nobody watches any more, on any worker; once, until the next adjust. NULL: it goes on as
     * before. */
    void (*rest)(struct feed *feed);
    /* Whether something is asked for and not over. */
    bool (*is_active)(const struct feed *feed);
    /* Whether a viewer can be served already; else `source_ready` follows. NULL: always. */
    bool (*is_ready)(const struct feed *feed);
    /* Whether what was asked for so far, with what the track holds, begins at `group` or before
     * it. */
    bool (*covers)(const struct feed *feed, uint64_t group);
    /* Whether it goes on by itself when `origin` takes over. NULL: never. */
    bool (*goes_on)(const struct feed *feed, const struct announcement *origin);
    /* Ends everything, cuts groups that grow, and frees. */
    void (*close)(struct feed *feed);

    /* One group by its number, for a fetch that is new: fetch_* calls follow. Returns a handle for
     * fetch_close, or NULL: it cannot be asked. NULL: none of this kind can. */
    void *(*fetch)(struct fetch *fetch, const struct announcement *origin,
                   const struct fetch_wish *wish);
    void (*fetch_close)(void *handle);
    /* What the publisher says of its track: `on_info` follows. Returns a handle for info_close, or
     * NULL: it cannot be asked. NULL: none of this kind can. */
    void *(*info)(const struct announcement *origin, moq_on_info *on_info, void *user);
    void (*info_close)(void *handle); /* no callback follows */
};

extern const struct feed_ops legs_feed;   /* legs.c: of announcements that a peer here made */
extern const struct feed_ops mirror_feed; /* mirror.c: of those of other workers */

#endif
