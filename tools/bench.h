/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* moq-bench from the inside: a load of publishers and viewers, spread over threads, and the sums
 * that they keep.
 *
 * Glossary
 *   flow     one track of one publisher; publisher p's track t is flow p * tracks + t
 *   viewer   one connection that watches all tracks of one publisher
 *   feed     one viewer's subscription to one flow
 *   kind     of viewers, told apart in the figures: ordinary, joined in a burst, slow, stalled
 *   window   the time that is measured; frames and groups that were published in it count
 *   tally    the sums of one thread since its start; what happened in between is a difference
 *
 * Each thread has a loop, sockets, publishers and viewers of its own. The threads share numbers
 * (bench_shared), and what does not change any more once they run. Orders go to them by mailbox,
 * tallies come back the same way. */
#ifndef MOQ_TOOLS_BENCH_H
#define MOQ_TOOLS_BENCH_H

#include "base/mailbox.h"
#include "tools/bench_frame.h"
#include "tools/bench_histogram.h"
#include "tools/bench_options.h"

/* ---- Sums ------------------------------------------------------------------------------------ */

enum bench_kind { BENCH_ORDINARY, BENCH_JOINED, BENCH_SLOW, BENCH_STALLED, BENCH_KINDS };

/* Of one kind of viewers. The first ones count in the window only. */
#define BENCH_COUNTS(X)                                                                            \
    X(frames)       /* delivered whole */                                                          \
    X(bytes)        /* of those */                                                                 \
    X(late)         /* of those: took longer than --late */                                        \
    X(lost)         /* frames of the window that never came */                                     \
    X(groups)       /* delivered whole */                                                          \
    X(groups_lost)  /* nothing of them came */                                                     \
    X(groups_reset) /* cut short by the relay */                                                   \
    X(groups_short) /* ended in order, but without all their frames */                             \
    X(broken)       /* from here on at any time: frames of a wrong content */                      \
    X(frames_ever)  /* delivered whole */                                                          \
    X(bytes_ever)                                                                                  \
    X(caught_up) /* of frames_ever: published before their viewer subscribed */                    \
    X(connects)                                                                                    \
    X(connect_failures)                                                                            \
    X(sessions_lost)                                                                               \
    X(subscribes)                                                                                  \
    X(refused) /* subscriptions that the relay ended */                                            \
    X(arrived) /* viewers that have received what they wait for at first */

enum bench_count {
#define BENCH_COUNT_ENUM(name) COUNT_##name,
    BENCH_COUNTS(BENCH_COUNT_ENUM)
#undef BENCH_COUNT_ENUM
        COUNT_KINDS
};
const char *bench_count_name(enum bench_count count);

struct bench_figures {
    uint64_t counts[COUNT_KINDS];
    struct histogram latency;     /* of frames published after their viewer subscribed */
    struct histogram first_frame; /* from subscribe to it */
    struct histogram connect;     /* until the session is agreed */
    uint64_t last_ns;             /* when the last frame came */
};

struct bench_traffic { /* of all our connections, as we see them */
    uint64_t packets_received, packets_sent, packets_lost, bytes_received, bytes_sent;
};

struct bench_tally {
    struct bench_figures kinds[BENCH_KINDS];
    struct bench_traffic traffic;
    uint64_t published_frames, published_bytes, published_groups;
    uint64_t cpu_ns;  /* of the thread */
    uint64_t wait_ns; /* ready to run, but the core had others; 0 where the system does not tell */
    uint64_t taken_ns;
};
void bench_tally_merge(struct bench_tally *sum, const struct bench_tally *more);
void bench_figures_merge(struct bench_figures *sum, const struct bench_figures *more);

/* ---- What the threads share ------------------------------------------------------------------ */

struct bench_shared { /* a number that any thread may read and write */
    uint64_t value;   /* private */
};
static inline uint64_t bench_get(const struct bench_shared *shared)
{
    return __atomic_load_n(&shared->value, __ATOMIC_ACQUIRE);
}
static inline void bench_set(struct bench_shared *shared, uint64_t value)
{
    __atomic_store_n(&shared->value, value, __ATOMIC_RELEASE);
}
static inline uint64_t bench_add(struct bench_shared *shared, uint64_t more) /* the sum */
{
    return __atomic_add_fetch(&shared->value, more, __ATOMIC_ACQ_REL);
}

#define BENCH_NOT_YET UINT64_MAX

struct bench_flow {                     /* written by its publisher's thread */
    struct bench_shared frames, groups; /* begun so far: the next one's number */
    struct bench_shared first_frame, end_frame, first_group, end_group; /* of the window */
};

struct bench {
    struct bench_options options; /* read-only once threads run, as all down to `threads` */
    struct frame_pattern *pattern;
    struct bench_flow *flows;
    struct bench_thread *threads;
    struct sockaddr_storage relay; /* for links */
    bool is_pinned;                /* of an http: URL: what its fingerprint page said */
    uint8_t pinned_sha256[QUIC_FINGERPRINT_BYTES];
    struct mailbox mailbox;               /* of the main thread */
    struct bench_shared begin_ns, end_ns; /* the window */
    struct bench_shared arrived;          /* ordinary, slow and stalled viewers */
    struct bench_shared announced;        /* flows that the watcher has seen */
    struct bench_shared storm_seen;
    struct bench_shared storm_ns; /* from --announce to the last path seen; 0: not yet */
    struct bench_shared failures, has_failed;
    char reason[256]; /* of the first failure; to be read once has_failed is set */
};

unsigned bench_flow_count(const struct bench *bench);
enum bench_kind bench_kind_of(const struct bench_options *options, unsigned viewer);

/* Any thread: the run makes no sense any more. The first reason counts. */
void bench_fail(struct bench *bench, const char *format, ...) __attribute__((format(printf, 2, 3)));
void bench_fail_connection(struct bench *bench, const char *what, int error, const char *reason);

/* ---- Before the threads (bench_relay.c) ------------------------------------------------------ */

/* Where the relay is, which process, and of an http: URL which certificate. An exit status; what is
 * wrong has been said. */
int bench_find_relay(struct bench *bench);
int bench_say_failed(const char *what, const char *why); /* TOOL_FAILED */

/* ---- Threads --------------------------------------------------------------------------------- */

enum bench_order {
    ORDER_REPORT,   /* copy the tally */
    ORDER_ARRIVE,   /* open the viewers, over --ramp */
    ORDER_CHURN,    /* resubscribe and reconnect, until the window ends */
    ORDER_JOIN,     /* open those of --join, at once */
    ORDER_ANNOUNCE, /* --announce */
    ORDER_SETTLE,   /* count what is missing, then report */
    ORDER_STOP,     /* close everything and end */
    ORDER_KINDS,
};

struct bench_thread;

struct bench_order_post {
    struct post post;
    enum bench_order order;
};

struct bench_natives { /* the sockets of a thread */
    struct moq_native *items[BENCH_SOCKETS_MAX];
    struct moq_native *links;  /* for viewers behind links: nobody else waits with them */
    struct moq_native *prompt; /* with --spread: for those whose packets are not held back */
};

struct bench_thread {
    struct bench *bench;
    unsigned index;
    uv_thread_t id;
    uv_loop_t loop;
    uv_async_t async; /* orders have come */
    uv_timer_t pulse; /* arrivals and churn */
    struct mailbox mailbox;
    struct bench_order_post orders[ORDER_KINDS];
    struct bench_natives natives;
    struct bench_publisher *publishers; /* this thread's: p % threads == index */
    unsigned publisher_count;
    struct bench_viewer *viewers; /* likewise; or, on the last threads, those of --join */
    unsigned viewer_count, joined_count;
    unsigned opened;                    /* viewers that came */
    uint64_t arrive_ns, churn_ns;       /* since when; 0: not */
    uint64_t resubscribed, reconnected; /* how often, all viewers together */
    unsigned pulses;
    bool is_joined;
    struct bench_watch *watch; /* thread 0 */
    struct bench_tally tally;
    struct bench_tally report; /* the main thread's, from reply to the next order */
    struct post reply;
    bool is_stopping;
};

int bench_threads_start(struct bench *bench); /* 0 or a code of base/error.h */
/* To all; each has one under way at most. */
void bench_order(struct bench *bench, enum bench_order order);
void bench_threads_join(struct bench *bench); /* after ORDER_STOP */

/* The native of the thread's nth connection. */
struct moq_native *bench_native(struct bench_thread *thread, unsigned number);
/* The same for a publisher and the watcher: --spread is about viewers. */
struct moq_native *bench_prompt_native(struct bench_thread *thread, unsigned number);
/* NULL: out of memory. */
struct moq_path *bench_flow_path(const struct bench *bench, unsigned flow);
void bench_client_config(const struct bench *bench, struct moq_client_config *config);

/* ---- Publishers (bench_publish.c) ------------------------------------------------------------ */

int bench_publishers_open(struct bench_thread *thread); /* 0 or MOQ_ERR_NOMEM */
void bench_publishers_announce(struct bench_thread *thread);
void bench_publishers_traffic(struct bench_thread *thread, struct bench_traffic *sum);
void bench_publishers_close(struct bench_thread *thread); /* what hangs on the loop and sessions */
void bench_publishers_free(struct bench_thread *thread);  /* after the loop */

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
/* What the connection of `client` has counted; without one *seen stays as it is. */
void bench_traffic_see(struct bench_traffic *seen, const struct moq_client *client);

/* ---- The watcher of announcements (bench_announce.c) ----------------------------------------- */

int bench_watch_open(struct bench_thread *thread); /* thread 0 */
void bench_watch_close(struct bench_thread *thread);
void bench_watch_free(struct bench_thread *thread);
struct moq_path *bench_storm_path(const struct bench *bench, unsigned number);
void bench_watch_storm(struct bench_thread *thread); /* now it is announced */

#endif
