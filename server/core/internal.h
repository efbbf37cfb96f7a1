/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the files of core share: the objects of one router and how they hang together. A router has no sockets and no loop:
 * worker.c gives it both, tests give it a simulated network.
 *
 *   router ─ peers       one per session; each holds the announcements it made
 *        ─ foreign      announcements of other workers' peers
 *        ─ routes       one per path that is announced or asked for: announcements (newest first), requests that wait
 *        ─ sources      one per track that has viewers: the track, its subscriptions upstream (or its mirror, if another
 *                       worker has the publisher), its viewers, its outlets (viewers of other workers, so to speak)
 *
 * A route refers to its source and a source to the announcement that feeds it; viewers refer to their source.
 *
 * Each worker has a router of its own and touches no other. What they tell each other goes through mailboxes: bulletins
 * (who announces what) and links (a mirror here, an outlet there). */
#ifndef MOQ_CORE_INTERNAL_H
#define MOQ_CORE_INTERNAL_H

#include <uthash.h>

#include "base/mailbox.h"
#include "base/objects.h"

#include "server/config/config.h"
#include "server/core/core.h"
#include "server/core/link.h"

/* How often tracks are swept, waiting requests checked and viewers sampled at the most. */
#define CORE_SWEEP_MS UINT64_C(100)
/* A source without viewers keeps its subscription this long: a viewer that comes back finds it warm. */
#define CORE_LINGER_NS (2 * NS_PER_S)
/* How often hooks see a viewer's numbers. */
#define CORE_SAMPLE_NS (250 * NS_PER_MS)
/* After its path was withdrawn a publisher has this long to finish the track in order. */
#define CORE_FAREWELL_NS (500 * NS_PER_MS)
/* How long a publisher may take to bring groups of the past that a viewer wishes for. */
#define CORE_HISTORY_NS (2 * NS_PER_S)
/* How long a peer may take to answer INFO_PLEASE, or another worker anything, before the relay answers by itself. */
#define CORE_REPLY_TIMEOUT_NS (1 * NS_PER_S)
enum {
    CORE_LEGS_MAX = 4, /* subscriptions of one source at a time: ranges that viewers added later */
    CORE_FETCHES_MAX = 256, /* fetches from upstream at a time, of one worker */
};

/* What the routers of one relay have in common, one per worker; atomic. */
struct router_commons {
    uint64_t last_stamp;    /* of announcements: a later one wins, on every worker */
    uint64_t cache_bytes;   /* of all caches, as of their last sweeps */
    uint32_t waiting_count; /* requests that wait for a publisher, on all workers */
    uint32_t cache_cuts; /* how often a worker cut its cache: mirrors of it hold the same bytes */
};

struct router_config {
    const struct clock *clock;
    const struct relay_config *config; /* borrowed; replaced by a reload */
    struct router_commons *commons;    /* NULL: this router is alone */
    struct mailbox *const
        *mailboxes;           /* of all workers by their number, their owners the routers; may be
                                          filled in after router_init, before anything is served */
    uint32_t worker, workers; /* 0, 1: alone */
};

struct router {
    const struct clock *clock;
    const struct relay_config *config; /* borrowed; replaced by a reload */
    struct moq_offers *offers;
    struct core_hooks hooks;
    struct core_counters counters;
    struct list peers, sources, fetches;
    struct list foreign;        /* announcement.peer_node: of other workers */
    struct list outlets;        /* outlet.node: those that belong to no source */
    struct bulletin *bulletins; /* one per worker; NULL: alone */
    struct route *routes;       /* uthash */
    uint32_t waiting_count, fetch_count, cache_cuts;
    uint64_t next_peer, next_sample_ns;
    uint32_t worker, workers;         /* read-only: which of how many */
    struct mailbox *const *mailboxes; /* of all of them */
    struct router_commons *commons;   /* never NULL: alone it is `own` */
    struct router_commons own;
};

struct core_peer {
    struct list node; /* router.peers */
    struct router *router;
    uint64_t number;
    struct quic_conn *conn;
    struct moq_session *session;     /* NULL until it is agreed */
    struct moq_announced *announced; /* what it publishes */
    struct list announcements;       /* announcement.peer_node */
    struct core_ask ask;
    bool is_asking, is_denied;
    char address[64];
    char path[]; /* of the URL, as long as it is: at most MOQ_URL_PATH_BYTES with its end */
};

/* "This peer publishes that path." */
struct announcement {
    struct list peer_node, route_node;
    struct router *router;
    struct core_peer *peer; /* NULL: a peer of another worker */
    struct route *route;    /* NULL while hooks are asked */
    struct moq_path *path;  /* as the peer named it */
    struct share *share;    /* what other workers know of it */
    uint64_t stamp;         /* of all announcements of a path the highest is the newest */
    uint32_t worker;        /* whose peer it is */
    bool is_versed;         /* see announcement_is_versed */
    struct core_ask ask;
    bool is_asking;
    bool has_failed; /* ended a track that it still announces: nothing switches to it any more */
};

struct route {
    UT_hash_handle hh;
    struct moq_path *path;
    struct list announcements;         /* newest first */
    struct list waiting;               /* demand.node, oldest first */
    struct source *source;             /* NULL: nobody watches */
    const struct announcement *leader; /* who published it last; only to be compared */
};

/* A subscription upstream, for a range of groups. */
struct leg {
    struct source *source;
    struct moq_subscription *subscription; /* NULL: free slot */
    struct moq_wish wish;
};

/* A track of another worker, followed. */
struct mirror {
    struct link *link; /* NULL: none */
    uint32_t home;     /* the worker */
    struct moq_wish wish;
    bool is_ending; /* its end is being told */
    bool is_resting;
    bool has_heard;                  /* what the home had when the link was opened */
    struct moq_sequence_raise raise; /* of the home's sequences */
};

struct source {
    struct list node; /* router.sources */
    struct router *router;
    struct route *route;         /* NULL: ended; only lives on for its viewers */
    struct announcement *origin; /* NULL while there is none */
    struct moq_track *track;
    struct list viewers; /* viewing.node */
    struct list outlets; /* outlet.node */
    struct leg legs[CORE_LEGS_MAX];
    struct mirror mirror;
    bool is_continued;      /* the origin took another's place: its numbers may be raised */
    uint64_t origin_from;   /* the first group that is this origin's */
    uint64_t idle_since_ns; /* CLOCK_NEVER while it has viewers */
    uint64_t farewell_ns;   /* when to give up a withdrawn track; CLOCK_NEVER: not withdrawn */
};

/* One viewer of a source. */
struct viewing {
    struct list node; /* source.viewers */
    struct source *source;
    struct moq_viewer *viewer;
};

/* The home's end of a link. */
struct outlet {
    struct list node; /* source.outlets, or router.outlets */
    struct router *router;
    struct link *link;
    struct moq_path *path;
    struct source *source;   /* NULL: not LINK_TRACK */
    struct moq_track *track; /* a reference to what it watches; NULL: it is silent */
    struct moq_watcher watcher;
    struct moq_wish wish;
    bool has_wish; /* somebody watches at the other end */
    struct moq_info_query *query;
};

/* A request on its way: asking hooks, then perhaps waiting for a publisher. */
struct demand {
    struct list node; /* route.waiting */
    struct core_peer *peer;
    struct moq_request *request;
    struct core_ask ask;
    struct route *route;          /* while it waits */
    struct moq_info_query *query; /* while a peer is asked for INFO */
    struct link *link;            /* while another worker is */
    uint64_t deadline_ns;
};

/* route.c */
struct route *route_find(struct router *router, const struct moq_path *path);
struct route *route_get(struct router *router,
                        struct moq_path *path);                 /* makes it; NULL: out of memory */
void route_release(struct router *router, struct route *route); /* frees it if nothing holds it */
/* NULL: none. */
struct announcement *route_newest(const struct route *route);
struct announcement *route_announced_by(const struct route *route, const struct core_peer *peer);
struct announcement *route_next(const struct route *route); /* of those that have not failed */
struct announcement *route_newest_local(const struct route *route);
bool route_has_local(const struct route *route);
void route_note_failure(struct announcement *announcement); /* others are told */
bool announcement_is_local(const struct announcement *announcement);
/* Whether its peer obeys ranges and answers FETCH and INFO_PLEASE: only those of 03 are known to. The Rust publishers of 02
 * and 04 ignore the first, panic at the second, and pay with a track for the third. */
bool announcement_is_versed(const struct announcement *announcement);
void route_add(struct router *router, struct announcement *announcement, struct moq_path *path);
void route_remove(struct announcement *announcement); /* frees it */

/* What another worker tells of its peers. */
struct foreign_announcement {
    const struct moq_path *path;
    uint32_t worker;
    uint64_t stamp;
    bool is_versed, has_failed;
};
/* Also what was added before, when it has failed since. */
void route_add_foreign(struct router *router, const struct foreign_announcement *foreign);
void route_remove_foreign(struct router *router, const struct foreign_announcement *foreign);
void routes_forget_foreign(struct router *router);

/* bulletin.c */
int bulletins_init(struct router *router); /* 0 or MOQ_ERR_NOMEM */
void bulletins_deinit(struct router *router);
int bulletins_announce(struct router *router, struct announcement *announcement);
void bulletins_fail(struct router *router, struct announcement *announcement);
void bulletins_withdraw(struct router *router, struct announcement *announcement);
void bulletins_sweep(struct router *router);

/* outlet.c */
void outlet_open(struct router *router, struct link *link); /* takes over a reference to the link */
void outlet_adjust(struct outlet *outlet);
void outlet_close(struct outlet *outlet);
void outlets_listen(struct source *source); /* its origin is another */
void outlets_end(struct source *source, int error);
void outlets_stop(struct router *router);

/* legs.c */
bool legs_exist(const struct source *source);
int legs_adjust(struct source *source, const struct moq_wish *wish); /* 0 or MOQ_ERR_OFFLINE */
void legs_close(struct source *source);
/* Before somebody with this wish is served: what it lacks of the past is on its way. */
void legs_expect(struct source *source, const struct moq_wish *wish);

/* mirror.c */
int mirror_adjust(struct source *source, const struct moq_wish *wish); /* 0 or MOQ_ERR_NOMEM */
void mirror_rest(struct source *source);                               /* it has no viewers now */
/* Whether a viewer can be served already: what INFO tells it would be less than the home knows. */
bool mirror_is_ready(const struct source *source);
void mirror_close(struct source *source);

/* source.c */
struct source *source_get(struct router *router,
                          struct route *route); /* of a route with an announcement; NULL: cannot */
struct viewing *source_add_viewer(struct source *source, struct moq_viewer *viewer);
void source_remove_viewer(struct viewing *viewing);

void source_lost(struct source *source, int error); /* its origin feeds it no more */

/* Adds what the viewers there are have got so far; those that left were added when they did. */
void sources_add_totals(const struct router *router, struct core_counters *counters);
void source_adjust(struct source *source); /* upstream wishes follow the viewers' */
void source_switch(struct source *source,
                   struct announcement *origin); /* another publisher feeds it from now on */
void source_withdrawn(struct source *source, struct announcement *origin);
void source_end(struct source *source, int error);
void source_free(struct source *source);
void sources_sweep(struct router *router);

/* demand.c */
void demand_arrived(struct core_peer *peer, struct moq_request *request);
void demand_updated(struct moq_request *request); /* it has a new wish */
void demand_gone(struct moq_request *request);
void demand_refuse(struct demand *demand, int error);
/* Until somebody answers, and so long at most; then it is refused, or INFO gets what is always true. */
void demand_wait(struct demand *demand, struct route *route, uint64_t wait_ns);
void demands_wake(struct router *router, struct route *route); /* a publisher came */
void demands_sweep(struct router *router);

/* settings.c: what the configuration says, in transfork's terms */
struct moq_cache_limits core_cache_limits(const struct relay_config *config);
struct moq_policy core_policy(const struct relay_config *config, const struct moq_path *path,
                              const struct moq_wish *wish);
struct moq_session_limits core_session_limits(const struct relay_config *config);
struct quic_limits core_quic_limits(const struct relay_config *config);
enum quic_congestion core_congestion(int congestion); /* of enum config_congestion */

/* fetch.c, info.c */
struct fetch_wish {
    struct moq_path *path;
    uint64_t group;
    uint8_t priority;
    bool is_local_only; /* nothing is asked of other workers */
};
/* 0: the group, cached or on its way, and its track, both borrowed. MOQ_ERR_AGAIN: another worker is asked for it,
 * and those who wait on the route (demand_wait) are answered. MOQ_ERR_NOT_FOUND. */
int fetch_find(struct router *router, const struct fetch_wish *wish, struct moq_track **track,
               struct moq_group **group);
void fetch_request(struct demand *demand);
void fetches_stop(struct router *router);
void info_request(struct demand *demand);
/* What this worker knows of a track of its own peers: 0 and *info; MOQ_ERR_AGAIN: `on_info` follows, and *query is the
 * question until then; MOQ_ERR_NOT_FOUND. */
struct moq_info info_of(const struct moq_track *track);
struct info_question {
    struct moq_path *path;
    moq_on_info *on_info;
    void *user;
};
int info_ask(struct router *router, const struct info_question *question, struct moq_info *info,
             struct moq_info_query **query);
void info_timed_out(struct demand *demand);

/* peer.c */
int peer_accept(struct router *router, const struct moq_peer *info,
                struct moq_session_config *config);

/* router.c */
int router_init(struct router *router, const struct router_config *config);
/* Brought up to date. */
void router_counters(const struct router *router, struct core_counters *counters);
void router_sweep(struct router *router); /* every CORE_SWEEP_MS */

/* The end, when the last session of all workers is gone: router_stop for each, in any order; then their mailboxes are run,
 * round and round, until all are empty; then router_deinit for each. All of it in one thread, after the others have ended. */
void router_stop(struct router *router);
void router_deinit(struct router *router);

/* Of the requests that wait, on all workers. */
bool router_may_wait(const struct router *router);
void router_count_waiting(struct router *router, int change);

#endif
