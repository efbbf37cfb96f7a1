/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Watches and announced paths from the inside. */
#ifndef MOQ_CORE_WATCHING_H
#define MOQ_CORE_WATCHING_H

#include "server/core/soon.h"
#include "server/core/source.h"

/* In this order: it waits for a publisher (`waiting`), reads a track of a source (`source` and
 * `cursor`), reads what is left of a track that has ended (`cursor`), is over. */
struct core_watch {
    struct list node;      /* router.watches */
    struct router *router; /* NULL: it has ended */
    struct moq_path *path;
    struct moq_policy policy;
    enum moq_cursor_start start;
    uint64_t unread_max_bytes;
    const struct core_watch_ops *ops;
    void *user;
    struct soon soon; /* on_readable */
    struct route_waiter waiting;
    struct source_listener listener;
    struct source *source;     /* NULL: it is in no source's list of listeners */
    struct moq_cursor *cursor; /* NULL: there has been no track */
    int end_error;             /* without a cursor, once is_ended */
    bool is_ended;             /* nothing follows but what is left to read */
    bool is_over;              /* END was read */
    bool is_armed;             /* the last read returned 0: on_readable is to be called */
    bool is_closed;            /* it is freed when nobody holds it any more */
    uint32_t holds;            /* callers that go on to use it */
};

struct core_announced {
    struct list node;      /* router.announced */
    struct router *router; /* NULL: it has ended */
    struct moq_offers_watcher *watcher;
    const struct core_announced_ops *ops;
    void *user;
    struct soon soon;
    bool is_telling; /* `ops` are being called: it is freed afterwards if it is closed in there */
    bool is_closed;
    bool is_listed; /* on_listed is over */
};

extern const struct source_listener_ops watch_listening; /* calls for watches of a source */
extern const struct route_waiter_ops watch_waiting;      /* calls for watches that wait */

/* Lets go of groups that are late, and tells of what became readable as time passed. */
void watches_sweep(struct router *router);
void watches_add_totals(const struct router *router, struct core_counters *counters);

/* When the router ends: ends all watches, who are told so, and announced paths, who are not ... */
void watches_stop(struct router *router);
void announced_stop(struct router *router);
/* ... and when it is gone: leaves them to their owners. */
void watches_deinit(struct router *router);

#endif
