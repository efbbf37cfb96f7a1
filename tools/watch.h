/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Watches a broadcast through a session: gives announcements and the catalog to a `karp_follower`,
 * which finds the newest instance. */
#ifndef MOQ_TOOLS_WATCH_H
#define MOQ_TOOLS_WATCH_H

#include "karp/karp.h"
#include "tools/tool.h"

struct watch {
    struct karp_follower follower;   /* its events are the owner's */
    struct tool *tool;               /* private */
    struct moq_path *broadcast;      /* read-only */
    struct moq_announced *announced; /* private, as all below */
    struct moq_track *track;         /* of the catalog; NULL: not subscribed */
    struct moq_subscription *subscription;
    struct moq_watcher watcher;
    uv_timer_t timer;       /* when the follower has something to do */
    uv_timer_t retry_timer; /* asks for announcements again */
    bool is_timer_open;
};

/* Call it when the tool has its loop, then set the events of the follower. `broadcast` must outlive
 * the watch. */
void watch_open(struct watch *watch, struct tool *tool, struct moq_path *broadcast);
void watch_close(struct watch *watch);

/* To be called from the tool's events of these names. */
void watch_on_connected(struct watch *watch, struct moq_session *session);
void watch_on_lost(struct watch *watch);

/* Makes the path of a track of the instance `id`. The caller owns it. Returns 0, MOQ_ERR_BOUNDS if
 * the name makes the path too long, or MOQ_ERR_NOMEM. */
int watch_track_path(const struct watch *watch, const char *id, const char *name,
                     struct moq_path **path);

#endif
