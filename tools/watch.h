/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Watches a broadcast: finds the newest instance that is announced, and reads its catalog. */
#ifndef MOQ_TOOLS_WATCH_H
#define MOQ_TOOLS_WATCH_H

#include "karp/karp.h"
#include "tools/tool.h"

struct watch;

struct watch_events {
    /* The newest instance has changed; NULL: there is none any more. Not called when the session is
     * lost. */
    void (*on_instance)(struct watch *watch, const char *id);
    /* A new version of the catalog of the newest instance. The callee owns it. */
    void (*on_catalog)(struct watch *watch, struct karp_catalog *catalog);
};

struct watch {
    struct tool *tool;                 /* private */
    struct moq_path *broadcast;        /* read-only */
    const struct watch_events *events; /* private */
    void *user;                        /* read-only */
    char id[KARP_ID_MAX_BYTES];        /* read-only: of the newest instance; "": none */
    bool is_from_start;                /* read-only: that instance began while we were watching */
    uint64_t passed_over; /* read-only: instances that began while we were watching, but were
                             replaced or withdrawn before they became the one in `id` */
    uint64_t refused_ns;  /* read-only: since when its catalog cannot be fetched; 0: it can */
    int refusal;          /* read-only: why */
    bool has_waited;      /* private, as all below: all earlier announcements have been received */
    char fresh_id[KARP_ID_MAX_BYTES]; /* the last instance announced after that; "": none */
    unsigned appeared; /* instances that were announced since the one in `id` was taken */
    struct moq_announced *announced;
    struct karp_instances instances;
    struct moq_track *track; /* of the catalog; NULL: not subscribed */
    struct moq_subscription *subscription;
    struct moq_watcher watcher;
    uv_timer_t catalog_timer; /* subscribes to the catalog again */
    bool is_refusal_told;
    unsigned delays;  /* how often a newer instance has been put off for this one's catalog */
    bool has_version; /* `version` has been read */
    uint64_t version; /* sequence of the catalog's group that was read last */
    uv_timer_t timer;
    bool is_timer_open;
};

/* `broadcast` and `events` must outlive the watch. */
void watch_init(struct watch *watch, struct tool *tool, struct moq_path *broadcast,
                const struct watch_events *events, void *user);
void watch_open(struct watch *watch); /* call it when the tool has its loop */
void watch_close(struct watch *watch);

/* To be called from the tool's events of these names. After a reconnect on_instance() is called
 * again, even if the instance is the same. */
void watch_on_connected(struct watch *watch, struct moq_session *session);
void watch_on_lost(struct watch *watch);

/* Makes the path of a track of the newest instance; `name` NULL: of its catalog. The caller owns
 * it. Returns 0, MOQ_ERR_BOUNDS if the name makes the path too long, or MOQ_ERR_NOMEM. */
int watch_track_path(const struct watch *watch, const char *name, struct moq_path **path);

#endif
