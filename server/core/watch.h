/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Watches: code inside the relay reads a track as a viewer does, and hears which paths are
 * announced. Part of core's door.
 *
 * A watch is to its track what a subscription of a peer is, and it is treated as one: it waits for
 * a publisher as long as a viewer may (limits.waiting, limits.wait), follows publishers on other
 * workers and takeovers, and keeps the publisher at work. Hooks hear of the track (track_live,
 * track_idle), but are not asked and do not see the watch: it is the relay's own code that watches,
 * and may watch everything.
 *
 * A watch is read, it does not push, and it has no queue: see transfork/cursor.h. If its reader
 * stalls, it skips by the rule that skips for viewers. What it holds is bounded by the cache of its
 * track, the group that it is in, and a copy of the last frame.
 *
 * Everything here is for the thread of the worker to which the router belongs. Callbacks are made
 * by that worker's loop, never inside the call of a publisher, nor inside functions of this header.
 * They may do anything, including to close what they are about. */
#ifndef MOQ_CORE_WATCH_H
#define MOQ_CORE_WATCH_H

#include "transfork/transfork.h"

#ifdef __cplusplus
extern "C" {
#endif

struct router;

/* ---- Tracks ---------------------------------------------------------------------------------- */

/* Watches of one worker at a time. */
enum { CORE_WATCHES_MAX = 1024 };

struct core_watch;

struct core_watch_wish {
    struct moq_path *path; /* of the track; a reference is taken */
    /* Latency and order decide what is skipped; whoever wants the oldest first gets groups in
     * order (MOQ_CURSOR_HOLE_NS). Priority (128 is neutral) and order are also what the publisher
     * is asked for. policy.max of the configuration limits the latency. */
    struct moq_policy policy;
    enum moq_cursor_start start;
    uint64_t unread_max_bytes; /* see struct moq_cursor_config; 0: no limit of its own */
};

struct core_watch_ops {
    /* There is something to read. After this call, no other one is made until core_watch_read has
     * returned 0. May be NULL. */
    void (*on_readable)(void *user, struct core_watch *watch);
};

/* Begins to watch; hooks (track_live) and the feed may be called in here. `ops` must outlive the
 * watch. Returns 0; MOQ_ERR_BOUNDS: there are CORE_WATCHES_MAX watches; MOQ_ERR_CLOSED: the worker
 * has ended; MOQ_ERR_NOMEM. Everything that happens later is told by the watch's END:
 * MOQ_ERR_NOT_FOUND, nobody published the track in time; MOQ_ERR_OFFLINE, its last publisher is
 * gone; MOQ_ERR_CANCELLED, the worker ends. */
int core_watch_open(struct router *router, const struct core_watch_wish *wish,
                    const struct core_watch_ops *ops, void *user, struct core_watch **watch);

/* The next item: 1. 0: nothing now, and on_readable follows. MOQ_ERR_NOMEM: try again;
 * MOQ_ERR_CLOSED: END was read before. Groups that were lost or skipped because time has passed are
 * noticed every CORE_SWEEP_MS. */
int core_watch_read(struct core_watch *watch, struct moq_cursor_item *item);

/* Frees the watch; no callback follows. May point to NULL; sets it to NULL. A watch that is open
 * when its worker ends can be read and closed at any time after that, on one thread. */
void core_watch_close(struct core_watch **watch);

/* What it has read and skipped, and how far it is behind. All zero before there is a publisher. */
void core_watch_stats(const struct core_watch *watch, struct moq_cursor_stats *stats);

/* ---- Announced paths ------------------------------------------------------------------------- */

/* Of one worker at a time. */
enum { CORE_ANNOUNCED_MAX = 256 };

struct core_announced;

struct core_announced_ops {
    /* Somebody announces `path`, or nobody does any more; once, however many publishers there are,
     * and on whichever worker. A path that ended and came back in the meantime gives both calls.
     * `path` is borrowed. */
    void (*on_path)(void *user, struct moq_path *path, bool is_announced);
    /* Once: all paths that were announced when it was opened have been told. NULL: not wanted. */
    void (*on_listed)(void *user);
    bool omits_given; /* announcements by core_peer_offer do not count */
};

/* Tells of all paths below `prefix` (a reference is taken) that are announced now, and then of each
 * change, until it is closed or the worker ends; then nothing more is told. `ops` must outlive it.
 * Returns 0; MOQ_ERR_BOUNDS: there are CORE_ANNOUNCED_MAX; MOQ_ERR_CLOSED: the worker has ended;
 * MOQ_ERR_NOMEM. */
int core_announced_open(struct router *router, struct moq_path *prefix,
                        const struct core_announced_ops *ops, void *user,
                        struct core_announced **announced);
/* No callback follows. May point to NULL; sets it to NULL. */
void core_announced_close(struct core_announced **announced);
/* Whether somebody offers this path now, as far as this worker knows. */
bool core_is_announced(const struct router *router, const struct moq_path *path);

#ifdef __cplusplus
}
#endif
#endif
