/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One worker from the inside: a thread with its own loop, sockets, sessions, router and counters.
 * Private to core.c and worker.c.
 *
 * Everything is made on the thread that starts the relay, where errors can still be reported; then
 * `worker_run` lets its own thread serve, and until `worker_join` others reach it only through its
 * mailbox. The end comes in three steps, each for all workers before the next:
 *   1. worker_end_sessions: on its thread, listeners and sessions end cleanly; posts of the others
 *      are still run;
 *   2. worker_leave, worker_join: the thread is gone, all that it had is the caller's again;
 *   3. by the caller alone: posts that are left are run, routers and loops are freed. */
#ifndef MOQ_CORE_WORKER_H
#define MOQ_CORE_WORKER_H

#include "server/core/router_turn.h"

struct worker_config {
    const struct relay_config *config; /* as router_config.config */
    uint32_t number, count;
    struct router_commons *commons;
    struct mailbox *const *mailboxes; /* of all workers */
    struct quic_commons *counts;      /* of all workers */
    void (*on_silent)(void *self);    /* on the worker's thread: its last session is gone */
    void *self;
};

/* A worker's last report, and whether it has been asked again since. */
struct worker_report {
    struct post post;
    uv_mutex_t mutex; /* protects the members below */
    uv_cond_t answered;
    struct core_worker_stats stats;
    bool is_asked;
};

struct worker {
    struct router router;
    struct mailbox mailbox; /* its owner is the router */
    struct worker_config config;
    struct core_worker door; /* for core_with_worker */
    uv_loop_t loop;
    uv_async_t wake; /* for the mailbox */
    uv_timer_t sweep, sampling;
    uv_thread_t thread;
    uv_sem_t gate;               /* the thread waits here until worker_run */
    uv_thread_t maker;           /* the thread that made this worker */
    bool is_started, is_running; /* the thread exists; worker_run has let it serve (atomic) */
    struct moq_native *native;
    bool is_native_open; /* worker_close was called, and its handles are still open */
    struct moq_listener *listeners[CORE_LISTENERS_MAX];
    size_t listener_count;
    uint32_t stray_count, stray_bytes; /* strays that wait in the mailbox; atomic */
    size_t open_ends; /* while sessions end: listeners that are left, and one for all dials */
    struct worker_report report;
    struct core_load told; /* what it has added to router_commons.load */
    struct post ending, leaving;
    int system_thread; /* gettid, atomic; 0: not there yet */
};

/* NULL: out of memory, or the system refuses something: `error_text` (QUIC_ERROR_TEXT_BYTES) says
 * what. */
struct worker *worker_new(const struct worker_config *config, char *error_text);

/* Binds a listener with the address, certificates and congestion control of `config`. Errors as
 * moq_listener_open. */
int worker_listen(struct worker *worker, const struct moq_listener_config *config,
                  char *error_text);

/* In stray.c, as moq_listener_events.on_stray: passes a packet on to the right worker. */
int stray_send(struct moq_listener *listener, uint8_t worker, const struct quic_datagram *packet);

int worker_start(struct worker *worker); /* makes its thread. 0 or MOQ_ERR_NOMEM */
void worker_run(struct worker *worker);  /* the thread begins to serve */

/* Whether the caller is on the worker's thread, or on the one that made it while that does not
 * serve. Any thread. */
bool worker_is_here(const struct worker *worker);

/* Runs `work` on the worker's thread, and waits until that is done. */
void worker_call(struct worker *worker, void (*work)(struct worker *worker, void *user),
                 void *user);

void worker_ask(struct worker *worker); /* asks for a report, unless one is due already */
/* The report, or the previous one if none arrives by `deadline_ns` (of clock_monotonic_ns). */
void worker_stats(struct worker *worker, uint64_t deadline_ns, struct core_worker_stats *out);

void worker_end_sessions(struct worker *worker); /* on_silent follows */
void worker_leave(struct worker *worker);        /* after on_silent: its thread ends */
void worker_join(struct worker *worker);         /* also if it never began to serve */

/* When the thread has ended and mailbox and router are empty: closes the sockets and listeners.
 * Then call worker_free. */
void worker_close(struct worker *worker);
void worker_free(struct worker **worker);

#endif
