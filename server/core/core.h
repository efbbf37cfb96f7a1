/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* core: the relay itself. Listens, routes subscriptions by announced path, keeps one upstream
 * subscription per track, caches, and asks hooks. Needs a libuv loop and a configuration; knows no
 * files, no scripts.
 *
 * It serves on threads of its own, its workers, each with a loop, sockets, sessions and counters.
 * All functions here are for the thread of the loop that core_new was given, unless they say
 * otherwise. */
#ifndef MOQ_CORE_H
#define MOQ_CORE_H

#include <stdio.h>
#include <uv.h>

#include "base/clock.h"
#include "base/mailbox.h"
#include "native/native.h"
#include "server/core/dial.h"
#include "server/core/feed.h"
#include "server/core/guest.h"
#include "server/core/hooks.h"
#include "server/core/listing.h"
#include "server/core/offering.h"
#include "server/core/query.h"
#include "server/core/visit.h"
#include "server/core/watch.h"

#ifdef __cplusplus
extern "C" {
#endif

struct core;
struct relay_config;

/* X(name, help): what core counts, in the order in which /stats prints it. */
#define CORE_COUNTERS(X)                                                                           \
    X(sessions, "sessions open now")                                                               \
    X(sessions_total, "sessions accepted")                                                         \
    X(sessions_dialled_total, "sessions that the relay opened itself")                             \
    X(sessions_denied, "sessions that a hook or a limit refused")                                  \
    X(sessions_expired, "sessions and guests that were closed because their grants expired")       \
    X(guests, "publishers without a session that are here now")                                    \
    X(guests_total, "publishers without a session that were let in")                               \
    X(guests_denied, "publishers without a session that a hook refused")                           \
    X(announcements, "paths announced now, counted per publisher")                                 \
    X(announcements_denied, "announcements that a hook or grants refused")                         \
    X(tracks, "tracks that have a source now")                                                     \
    X(upstream_subscriptions, "subscriptions to publishers now")                                   \
    X(upstream_subscriptions_total, "subscriptions to publishers ever")                            \
    X(viewers, "subscriptions served now")                                                         \
    X(viewers_total, "subscriptions served")                                                       \
    X(requests_waiting, "subscriptions waiting for a publisher now")                               \
    X(requests_refused, "requests that were refused")                                              \
    X(streams_waiting, "requests to publishers that wait for them to allow more streams now")      \
    X(streams_refused, "requests to publishers that waited for that too long")                     \
    X(takeovers, "times another publisher of the same path took over")                             \
    X(fetches, "fetches answered from the cache")                                                  \
    X(fetches_upstream, "fetches passed on to a publisher")                                        \
    X(infos, "info requests answered")                                                             \
    X(groups_skipped, "groups that late viewers skipped")                                          \
    X(groups_reset, "groups cut short for late viewers")                                           \
    X(groups_sent, "groups delivered to viewers")                                                  \
    X(bytes_sent, "bytes of groups sent to viewers")                                               \
    X(watches, "tracks that code inside the relay watches now")                                    \
    X(switches_total, "times that viewers were moved to another rendition")                        \
    X(switches_failed_total, "times that they could not be moved")                                 \
    X(watches_total, "tracks that code inside the relay watched")                                  \
    X(watch_groups_read, "groups that it read to their ends")                                      \
    X(watch_groups_cut, "groups that it began and did not read to their ends")                     \
    X(watch_groups_skipped, "groups that it was too late for")                                     \
    X(watch_bytes_read, "bytes of frames that it read")                                            \
    X(cache_bytes, "bytes of groups held now")                                                     \
    X(cache_evictions, "times the cache was over its bound and was cut")

struct core_counters {
#define CORE_COUNTER_FIELD(name, help) uint64_t name;
    CORE_COUNTERS(CORE_COUNTER_FIELD)
#undef CORE_COUNTER_FIELD
};

enum { CORE_LISTENERS_MAX = 16, CORE_WORKERS_MAX = 64 };

/* How long to wait for a worker's report, which takes one of its turns. After that, its previous
 * report is used. */
#define CORE_REPORT_NS (200 * NS_PER_MS)

struct core_worker_stats {
    struct core_counters counters;
    struct quic_endpoint_stats listeners[CORE_LISTENERS_MAX];
    uint64_t cpu_ns;   /* of its thread */
    int system_thread; /* the ID of its thread, as the system's tools show it */
};

struct core_stats {
    struct core_counters total;                               /* of all workers */
    struct quic_endpoint_stats listeners[CORE_LISTENERS_MAX]; /* of all workers */
    size_t listener_count, worker_count;
    struct core_worker_stats workers[CORE_WORKERS_MAX];
};

/* The relay starts in two phases, so that hooks can be attached before the first session.
 *
 * core_new does everything that can fail: it loads certificates, binds and listens as `config` says
 * (kept: it must outlive the core or be replaced by core_reload) and makes the workers. Nothing is
 * served yet; clients wait in the sockets. On failure, it undoes everything and returns an error
 * code, and `error_text` (QUIC_ERROR_TEXT_BYTES) says what went wrong and what to do. */
int core_new(struct core **core, uv_loop_t *loop, const struct relay_config *config,
             char *error_text);

/* Lets the workers serve. Cannot fail. */
void core_run(struct core *core);

/* Loads the certificates, as core_new does before it binds. Errors as core_new. */
int core_check(const struct relay_config *config, char *error_text);

/* Applies what may change while the relay runs: certificates, cache, policy, limits. When it
 * returns, every worker uses `config`, and none the previous one. On error, nothing changes. */
int core_reload(struct core *core, const struct relay_config *config, char *error_text);

/* Ends all sessions cleanly, then the workers, then frees everything, whether or not core_run was
 * called. `on_stopped` (may be NULL) is called from the loop afterwards. Sets *core to NULL. */
void core_stop(struct core **core, void (*on_stopped)(void *user), void *user);

/* From now on, core_stop calls `on_silent` on the loop's thread when all sessions have ended and
 * the workers still run, so that what was attached to them can be removed. It is not called if
 * core_run was not. */
void core_on_silent(struct core *core, void (*on_silent)(void *user), void *user);

/* How many workers a core with this configuration has. */
uint32_t core_workers_of(const struct relay_config *config);
uv_loop_t *core_loop(const struct core *core);
size_t core_worker_count(const struct core *core);

/* One worker, as code that attaches hooks or origins to it sees it. Use all of it on that worker's
 * thread only. */
struct core_worker {
    size_t number;
    uv_loop_t *loop;            /* for handles of the caller's own, to be closed before core_stop */
    struct moq_native *native;  /* has its clock; begin each callback with moq_native_wake */
    struct core_hooks *hooks;   /* for core_hooks_add */
    struct router *router;      /* for origin_add, core_watch_open, core_announced_open */
    struct mailbox *mailbox;    /* for posts from any thread, until core_stop is done */
    const struct worker *whole; /* private */
};

/* Whether this is the thread on which things may be attached to the worker: any thread may ask. */
bool core_worker_is_here(const struct core_worker *worker);

/* What a worker carries, and what all of them do. */
struct core_load {
    uint64_t sessions, viewers;
    uint64_t tracks;     /* that its publishers feed */
    uint64_t bytes_sent; /* UDP payload, ever */
};
/* `all` is at most a sweep old (100 ms). On the worker's thread. */
void core_worker_load(const struct core_worker *worker, struct core_load *here,
                      struct core_load *all);

/* Runs `work` on the thread on which things may be attached to a worker or removed, and waits until
 * it is done. Before core_run that is the caller's thread, afterwards the worker's. What `worker`
 * points to exists until the worker ends. Do not call it on a worker's thread. */
void core_with_worker(struct core *core, size_t worker,
                      void (*work)(const struct core_worker *worker, void *user), void *user);

/* Asks all workers, and waits for them no longer than CORE_REPORT_NS. The result is valid until the
 * next call. */
const struct core_stats *core_stats(struct core *core);
size_t core_listener_count(const struct core *core);
int core_listener_address(const struct core *core, size_t index, struct sockaddr_storage *out,
                          socklen_t *size);
enum quic_congestion core_listener_congestion(const struct core *core, size_t index);
/* The SHA-256 of the first listener's certificate. Errors as quic_tls_fingerprint. */
int core_fingerprint(const struct core *core, uint8_t out[QUIC_FINGERPRINT_BYTES]);
/* The same certificate, and its key, for HTTPS. As quic_tls_pem. */
int core_pem(const struct core *core, struct quic_pem *pem);

#ifdef __cplusplus
}
#endif
#endif
