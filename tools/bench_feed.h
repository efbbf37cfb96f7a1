/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A feed: checks and counts what one viewer receives of one flow. Several groups may arrive at the
 * same time. */
#ifndef MOQ_TOOLS_BENCH_FEED_H
#define MOQ_TOOLS_BENCH_FEED_H

#include "tools/bench.h"

struct bench_read { /* a group that is being received; unused while reader.group is NULL */
    struct moq_group_reader reader;
    uint64_t first_number; /* number of its first frame; known after the first intact one */
    uint32_t position;     /* frames received, intact or broken */
    uint32_t received, group_frames;
};

enum { BENCH_READS = MOQ_TRACK_OPEN_GROUPS + 1 };

struct bench_feed {
    struct bench *bench; /* public: set before bench_feed_open(), as all down to `user` */
    const struct moq_clock *clock;
    struct bench_figures *figures;
    unsigned flow;
    void (*on_first)(struct bench_feed *feed); /* first frame; must not close the feed */
    void (*on_over)(struct bench_feed *feed);  /* the relay has ended it and it is closed */
    void *user;
    struct moq_track *track;               /* read-only; NULL: closed */
    struct moq_subscription *subscription; /* private, as all below */
    struct moq_watcher watcher;
    uint64_t subscribed_ns;
    uint64_t base, high;             /* lowest frame number seen, and highest + 1 */
    uint64_t counted;                /* frames of the window that were delivered */
    uint64_t base_group, high_group; /* lowest group seen, and highest + 1 */
    uint64_t groups_seen;            /* groups of the window seen, whole or not */
    struct bench_read reads[BENCH_READS];
};

int bench_feed_open(struct bench_feed *feed, struct moq_session *session); /* 0 or MOQ_ERR_NOMEM */

/* Counts what is missing and unsubscribes. What is still under way does not count as missing. Does
 * nothing if the feed is closed. */
void bench_feed_close(struct bench_feed *feed);

/* Counts what is missing up to the end of the window, which was long enough ago for everything to
 * have arrived, and closes the feed. */
void bench_feed_settle(struct bench_feed *feed);

bool bench_feed_has_begun(const struct bench_feed *feed); /* whether a frame has come */

#endif
