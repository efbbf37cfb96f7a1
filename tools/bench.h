/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The parts of moq-bench: publishers and viewers, spread over threads, and the sums that the
 * threads keep.
 *
 * Glossary
 *   flow     one track of one publisher; publisher p's track t is flow p * tracks + t
 *   viewer   one connection that watches all tracks of one publisher
 *   feed     one viewer's subscription to one flow
 *   kind     of a viewer; figures are kept per kind: ordinary, joined (in a burst), slow, stalled
 *   window   the time that is measured; frames and groups that were published in it count
 *   tally    the sums of one thread since its start; a period is the difference of two tallies
 *
 * Each thread has a loop, sockets, publishers and viewers of its own. The threads share numbers
 * (bench_shared), and data that does not change while they run. The main thread sends orders to
 * their mailboxes, and they return their tallies the same way. */
#ifndef MOQ_TOOLS_BENCH_H
#define MOQ_TOOLS_BENCH_H

#include "base/mailbox.h"
#include "tools/bench_frame.h"
#include "tools/bench_histogram.h"
#include "tools/bench_options.h"

/* ---- Sums ------------------------------------------------------------------------------------ */

enum bench_kind { BENCH_ORDINARY, BENCH_JOINED, BENCH_SLOW, BENCH_STALLED, BENCH_KINDS };

/* Counters of one kind of viewers. Those before `broken` count only what was published in the
 * window, the others everything. */
#define BENCH_COUNTS(X)                                                                            \
    X(frames)       /* delivered whole */                                                          \
    X(bytes)        /* in those frames */                                                          \
    X(late)         /* of those frames: took longer than --late */                                 \
    X(lost)         /* frames that never came */                                                   \
    X(groups)       /* delivered whole */                                                          \
    X(groups_lost)  /* nothing of them came */                                                     \
    X(groups_reset) /* cut short by the relay */                                                   \
    X(groups_short) /* ended normally, but without all their frames */                             \
    X(broken)       /* frames with wrong content */                                                \
    X(frames_ever)  /* delivered whole */                                                          \
    X(bytes_ever)                                                                                  \
    X(caught_up) /* of frames_ever: published before their viewer subscribed */                    \
    X(connects)                                                                                    \
    X(connect_failures)                                                                            \
    X(sessions_lost)                                                                               \
    X(subscribes)                                                                                  \
    X(refused) /* subscriptions that the relay ended */                                            \
    X(arrived) /* viewers that have received a first frame of each of their tracks */

enum bench_count {
#define BENCH_COUNT_ENUM(name) COUNT_##name,
    BENCH_COUNTS(BENCH_COUNT_ENUM)
#undef BENCH_COUNT_ENUM
        COUNT_KINDS
};
const char *bench_count_name(enum bench_count count);

struct bench_figures {
    uint64_t counts[COUNT_KINDS];
    struct histogram latency; /* of frames published after their viewer subscribed; ns, as below */
    struct histogram first_frame; /* from the subscription to the first frame */
    struct histogram connect;     /* from the first packet to the agreed session */
    uint64_t last_ns;             /* time of the last frame */
};

struct bench_traffic { /* of all connections, counted at our end */
    uint64_t packets_received, packets_sent, packets_lost, bytes_received, bytes_sent;
};

struct bench_tally {
    struct bench_figures kinds[BENCH_KINDS];
    struct bench_traffic traffic;
    uint64_t published_frames, published_bytes, published_groups;
    uint64_t cpu_ns;   /* CPU time of the thread */
    uint64_t wait_ns;  /* time it was ready to run but had no core; 0 if the system does not say */
    uint64_t taken_ns; /* when the tally was taken */
};
void bench_tally_merge(struct bench_tally *sum, const struct bench_tally *more);
void bench_figures_merge(struct bench_figures *sum, const struct bench_figures *more);

/* ---- What the threads share ------------------------------------------------------------------ */

struct bench_shared { /* a number that any thread may read and write */
    uint64_t value;   /* private: use the functions below */
};
static inline uint64_t bench_get(const struct bench_shared *shared)
{
    return __atomic_load_n(&shared->value, __ATOMIC_ACQUIRE);
}
static inline void bench_set(struct bench_shared *shared, uint64_t value)
{
    __atomic_store_n(&shared->value, value, __ATOMIC_RELEASE);
}
/* Returns the sum. */
static inline uint64_t bench_add(struct bench_shared *shared, uint64_t more)
{
    return __atomic_add_fetch(&shared->value, more, __ATOMIC_ACQ_REL);
}

#define BENCH_NOT_YET UINT64_MAX

struct bench_flow {                     /* written by its publisher's thread */
    struct bench_shared frames, groups; /* begun so far, which is the number of the next one */
    struct bench_shared first_frame, end_frame, first_group, end_group; /* of the window */
};

struct bench {
    struct bench_options options; /* read-only while threads run, as all down to `threads` */
    struct frame_pattern *pattern;
    struct bench_flow *flows;
    struct bench_thread *threads;
    struct sockaddr_storage relay; /* the address that links send to */
    bool is_pinned;                /* http: URL: the relay's fingerprint page has been read */
    uint8_t pinned_sha256[QUIC_FINGERPRINT_BYTES];
    struct mailbox mailbox;               /* of the main thread */
    struct bench_shared begin_ns, end_ns; /* of the window */
    struct bench_shared arrived;          /* viewers that have arrived, except those of --join */
    struct bench_shared announced;        /* flows that the watcher has seen */
    struct bench_shared storm_seen;       /* paths of --announce that the watcher has seen */
    struct bench_shared storm_ns;         /* from --announce to the last path seen; 0: not yet */
    struct bench_shared failures, has_failed;
    char reason[256]; /* of the first failure; valid when has_failed is set */
};

unsigned bench_flow_count(const struct bench *bench);
enum bench_kind bench_kind_of(const struct bench_options *options, unsigned viewer);

/* Ends the run, because its result would be meaningless. Any thread may call it. Only the first
 * reason is kept. */
void bench_fail(struct bench *bench, const char *format, ...) __attribute__((format(printf, 2, 3)));
void bench_fail_connection(struct bench *bench, const char *what, int error, const char *reason);

/* ---- Before the threads (bench_relay.c) ------------------------------------------------------ */

/* Finds the relay's address and process and, for an http: URL, its certificate. Returns an exit
 * status; an error has been printed. */
int bench_find_relay(struct bench *bench);
int bench_say_failed(const char *what, const char *why); /* prints it; returns TOOL_FAILED */

/* ---- Threads --------------------------------------------------------------------------------- */

enum bench_order {
    ORDER_REPORT,   /* copy the tally */
    ORDER_ARRIVE,   /* open the viewers, spread over --ramp */
    ORDER_CHURN,    /* resubscribe and reconnect until the window ends */
    ORDER_JOIN,     /* open the viewers of --join, all at once */
    ORDER_ANNOUNCE, /* announce the paths of --announce */
    ORDER_SETTLE,   /* count what is missing, then report */
    ORDER_STOP,     /* close everything and end the thread */
    ORDER_KINDS,
};

struct bench_thread;

struct bench_order_post {
    struct post post;
    enum bench_order order;
};

struct bench_natives { /* the sockets of a thread */
    struct moq_native *items[BENCH_SOCKETS_MAX];
    struct moq_native *links;  /* for viewers behind links, so that other viewers are not delayed */
    struct moq_native *prompt; /* with --spread: for connections that send without delay */
};

struct bench_thread {
    struct bench *bench;
    unsigned index;
    uv_thread_t id;
    uv_loop_t loop;
    uv_async_t async; /* wakes the loop for orders */
    uv_timer_t pulse; /* drives arrivals and churn */
    struct mailbox mailbox;
    struct bench_order_post orders[ORDER_KINDS];
    struct bench_natives natives;
    struct bench_publisher *publishers; /* publisher p is on thread p % threads */
    unsigned publisher_count;
    struct bench_viewer *viewers; /* likewise; those of --join are on further threads */
    unsigned viewer_count, joined_count;
    unsigned opened;                    /* viewers opened so far */
    uint64_t arrive_ns, churn_ns;       /* start of arrivals and churn; 0: not started */
    uint64_t resubscribed, reconnected; /* how often, for all viewers together */
    unsigned pulses;
    bool is_joined;
    struct bench_watch *watch; /* on thread 0 only */
    struct bench_tally tally;
    struct bench_tally report; /* a copy; the main thread reads it until its next order */
    struct post reply;
    bool is_stopping;
};

int bench_threads_start(struct bench *bench); /* 0 or a code of base/error.h */
/* Sends an order to all threads. Each kind of order may be under way only once. */
void bench_order(struct bench *bench, enum bench_order order);
void bench_threads_join(struct bench *bench); /* after ORDER_STOP */

/* The moq_native for the thread's connection `number`. Connections take turns on its sockets. */
struct moq_native *bench_native(struct bench_thread *thread, unsigned number);
/* The same for publishers and the watcher, which --spread does not delay. */
struct moq_native *bench_prompt_native(struct bench_thread *thread, unsigned number);
/* The path of a flow, which the caller owns. NULL: out of memory. */
struct moq_path *bench_flow_path(const struct bench *bench, unsigned flow);
void bench_client_config(const struct bench *bench, struct moq_client_config *config);

/* ---- Publishers (bench_publish.c) ------------------------------------------------------------ */

int bench_publishers_open(struct bench_thread *thread); /* 0 or MOQ_ERR_NOMEM */
void bench_publishers_announce(struct bench_thread *thread);
void bench_publishers_traffic(struct bench_thread *thread, struct bench_traffic *sum);
void bench_publishers_close(struct bench_thread *thread); /* closes handles and connections */
void bench_publishers_free(struct bench_thread *thread);  /* after the loop has ended */

/* ---- Viewers (bench_view.c, bench_feed.c) ---------------------------------------------------- */

int bench_viewers_init(struct bench_thread *thread); /* 0 or MOQ_ERR_NOMEM */
void bench_viewer_open(struct bench_thread *thread, unsigned number);
void bench_viewer_resubscribe(struct bench_thread *thread, unsigned number);
void bench_viewer_reconnect(struct bench_thread *thread, unsigned number);
void bench_viewers_retry(struct bench_thread *thread);
void bench_viewers_traffic(struct bench_thread *thread, struct bench_traffic *sum);
void bench_viewers_settle(struct bench_thread *thread);
void bench_viewers_close(struct bench_thread *thread);
void bench_viewers_free(struct bench_thread *thread);

void bench_traffic_add(struct bench_traffic *sum, const struct bench_traffic *more);
/* Sets `*seen` to the counters of the client's connection. Without a connection it stays as it
 * is. */
void bench_traffic_see(struct bench_traffic *seen, const struct moq_client *client);

/* ---- The watcher of announcements (bench_announce.c) ----------------------------------------- */

int bench_watch_open(struct bench_thread *thread); /* on thread 0 only */
void bench_watch_close(struct bench_thread *thread);
void bench_watch_free(struct bench_thread *thread);
struct moq_path *bench_storm_path(const struct bench *bench, unsigned number);
void bench_watch_storm(struct bench_thread *thread); /* the paths of --announce come from now on */

#endif
