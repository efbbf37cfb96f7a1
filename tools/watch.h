/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Looking for a broadcast: which of its instances is the newest that is announced, and what its
 * catalog says. */
#ifndef MOQ_TOOLS_WATCH_H
#define MOQ_TOOLS_WATCH_H

#include "karp/karp.h"
#include "tools/tool.h"

struct watch;

struct watch_events {
    /* The newest instance is another one now; NULL: there is none. Never told for a lost session:
     * see watch_on_lost. */
    void (*on_instance)(struct watch *watch, const char *id);
    /* A version of the newest instance's catalog. The callee owns it. */
    void (*on_catalog)(struct watch *watch, struct karp_catalog *catalog);
};

struct watch {
    struct tool *tool;                 /* private */
    struct moq_path *broadcast;        /* read-only */
    const struct watch_events *events; /* private */
    void *user;                        /* read-only */
    char id[KARP_ID_MAX_BYTES];        /* read-only: of the newest; "": none */
    bool is_from_start;                /* read-only: it appeared while we looked on */
    uint64_t refused_ns; /* read-only: since when its catalog cannot be had; 0: it can */
    int refusal;         /* read-only: why */
    bool has_waited;     /* private, as all below: all that was there before us is known */
    char fresh_id[KARP_ID_MAX_BYTES]; /* of the last instance that appeared after that; "": none */
    struct moq_announced *announced;
    struct karp_instances instances;
    struct moq_track *track; /* of the catalog; NULL: not subscribed */
    struct moq_subscription *subscription;
    struct moq_watcher watcher;
    uv_timer_t catalog_timer; /* subscribes to the catalog again */
    bool is_refusal_told;
    unsigned delays;  /* times that the next instance waited for the catalog of this one */
    bool has_version; /* `version` was read */
    uint64_t version; /* sequence of the group that was read last */
    uv_timer_t timer;
    bool is_timer_open;
};

/* `broadcast` and `events` outlive it. */
void watch_init(struct watch *watch, struct tool *tool, struct moq_path *broadcast,
                const struct watch_events *events, void *user);
void watch_open(struct watch *watch); /* when the tool has its loop */
void watch_close(struct watch *watch);

/* From the tool's events of these names. After a reconnect the instance is told again, even if it
 * is the same. */
void watch_on_connected(struct watch *watch, struct moq_session *session);
void watch_on_lost(struct watch *watch);

/* The path of a track of the newest instance; NULL for `name`: of its catalog. 0; MOQ_ERR_BOUNDS:
 * the name makes it too long; MOQ_ERR_NOMEM. */
int watch_track_path(const struct watch *watch, const char *name, struct moq_path **path);

#endif
