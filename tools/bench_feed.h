/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A feed: what one viewer receives of one flow, checked and counted. Groups may come side by
 * side. */
#ifndef MOQ_TOOLS_BENCH_FEED_H
#define MOQ_TOOLS_BENCH_FEED_H

#include "tools/bench.h"

struct bench_read { /* a group that is being received; free while reader.group is NULL */
    struct moq_group_reader reader;
    uint64_t first_number; /* of its frames; known with the first one */
    uint32_t position;     /* frames that came, whole or broken */
    uint32_t received, group_frames;
};

enum { BENCH_READS = MOQ_TRACK_OPEN_GROUPS + 1 };

struct bench_feed {
    struct bench *bench; /* public: set before _open, as all down to `user` */
    const struct moq_clock *clock;
    struct bench_figures *figures;
    unsigned flow;
    void (*on_first)(struct bench_feed *feed); /* the first frame; not to be closed in it */
    void (*on_over)(struct bench_feed *feed);  /* the relay ended it; it is closed */
    void *user;

    struct moq_track *track;               /* read-only: NULL: closed */
    struct moq_subscription *subscription; /* private, as all below */
    struct moq_watcher watcher;
    uint64_t subscribed_ns;
    uint64_t base, high;             /* frames: the lowest number seen, the highest + 1 */
    uint64_t counted;                /* of the window, delivered */
    uint64_t base_group, high_group; /* likewise */
    uint64_t groups_seen;            /* of the window, in whatever state */
    struct bench_read reads[BENCH_READS];
};

int bench_feed_open(struct bench_feed *feed, struct moq_session *session); /* 0 or MOQ_ERR_NOMEM */

/* Counts what is missing and unsubscribes; what is under way is not missing. Closed already: does
 * nothing. */
void bench_feed_close(struct bench_feed *feed);

/* Counts what is missing up to the end of the window, which has been a while ago; closes. */
void bench_feed_settle(struct bench_feed *feed);

bool bench_feed_has_begun(const struct bench_feed *feed); /* a frame has come */

#endif
