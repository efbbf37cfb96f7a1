/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The router: what one worker knows of peers, paths and tracks. It has no sockets and no loop:
 * worker.c gives it both, tests give it a simulated network.
 *
 *   router ─ peers      one per session or guest; each holds the announcements it made
 *          ─ guests     publishers that have no session
 *          ─ foreign    announcements of other workers
 *          ─ origins    announcements of origins: publishers here that are not peers
 *          ─ routes     one per path that is announced or asked for: who announces it, the
 *                       newest first; requests that wait
 *          ─ sources    one per track with viewers: the track, the feed that fills it, its
 *                       viewers, its listeners
 *          ─ mixes      tracks of viewers that may be moved between renditions
 *
 * A route refers to its source and a source to the announcement that feeds it; viewers refer to
 * their source. Each worker has a router of its own and touches no other. What routers tell each
 * other goes through mailboxes: bulletins (who announces what) and links (a mirror here, an outlet
 * there).
 *
 * Three words, used everywhere in core:
 *   request   what a peer asks of the relay: a session, an announcement, a track, a group. Hooks
 *             decide on it.
 *   wish      how a subscriber wants its groups: priority, order, range. Policy turns it into
 *             numbers.
 *   query     what the relay asks of a publisher, or of another worker, to answer a request: an
 *             INFO, a group. */
#ifndef MOQ_CORE_ROUTER_H
#define MOQ_CORE_ROUTER_H

#include <pthread.h>

#include "base/list.h"
#include "base/mailbox.h"
#include "server/config/config.h"
#include "server/core/chain.h"
#include "server/core/core.h"
#include "server/core/roster.h"

struct audience;
struct identity;

/* What the routers of one relay have in common; atomic, unless a lock protects it. */
struct router_commons {
    uint64_t last_stamp;    /* of announcements: the later one wins, on every worker */
    uint64_t cache_bytes;   /* of all caches, at their last sweeps */
    uint32_t waiting_count; /* requests that wait for a publisher, on all workers */
    uint32_t cache_cuts;    /* how often workers cut their caches: mirrors hold the same bytes */
    struct core_load load;  /* of all workers, at their last sweeps */
    pthread_mutex_t identity_lock; /* protects `identities` */
    struct identity *identities;   /* see identity.h */
    pthread_mutex_t audience_lock; /* protects `audiences` */
    struct audience *audiences;    /* see audience.h */
};

/* Before the first router, and after the last one. */
void router_commons_init(struct router_commons *commons);
void router_commons_deinit(struct router_commons *commons);

struct router {
    const struct moq_clock *clock;
    const struct relay_config *config; /* borrowed; replaced by a reload */
    uint32_t configuration;            /* how often it was replaced */
    struct moq_offers *offers;
    struct core_hooks hooks;
    struct core_counters counters;
    struct list peers;          /* core_peer.node */
    struct list guests;         /* core_guest.node */
    struct list sources;        /* source.node */
    struct list fetches;        /* fetch.node */
    struct list foreign;        /* announcement.owner_node: of other workers */
    struct list origins;        /* announcement.owner_node: of origins on this worker */
    struct list outlets;        /* outlet.node: those that belong to no source */
    struct list watches;        /* core_watch.node */
    struct list announced;      /* core_announced.node */
    struct list mixes;          /* mix.node */
    struct list dials;          /* core_dial.node */
    struct list soon;           /* soon.node: calls that are due */
    struct post soon_post;      /* under way while is_soon_sent */
    struct list viewers;        /* core_viewer.router_node, by the time of the next sample */
    struct roster roster;       /* the same viewers in the order in which they came */
    struct bulletin *bulletins; /* one per worker; NULL: only one worker */
    const struct bulletin_events *bulletin_events; /* calls for bulletins of other workers */
    const struct source_events *source_events;     /* calls of its sources */
    const struct link_home *link_home;             /* calls for links to tracks of this worker */
    struct route *routes;                          /* uthash */
    uint32_t waiting_count, fetch_count, viewer_count, cache_cuts, announced_count, dial_count;
    uint32_t dial_clients;             /* dials that are open, or closed but not gone */
    void (*on_dials_over)(void *user); /* the last of them is gone; NULL: nobody waits for it */
    void *dials_over_user;
    uint64_t track_count; /* fed by publishers here, at the last sweep */
    bool is_soon_sent, is_stopped;
    bool is_dialling_over; /* the worker ends its sessions: there are no new dials */
    uint64_t next_peer, next_viewer;
    uint64_t (*wall_ms)(void *user); /* the wall clock; NULL: the system's */
    void *wall_user;
    uint64_t expiry_ms;               /* no grants of a peer expire before, by the wall clock */
    uint32_t worker, workers;         /* read-only: this worker's number, and how many there are */
    struct mailbox *const *mailboxes; /* of all workers */
    struct router_commons *commons;   /* never NULL: `own` if there is only one worker */
    struct router_commons own;
};

uint64_t router_next_stamp(struct router *router);    /* higher than all before, on all workers */
uint64_t router_wall_ms(const struct router *router); /* now, in milliseconds since 1970 */

#endif
