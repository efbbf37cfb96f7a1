/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The command line of moq-bench: reads and checks what it is asked to do. */
#ifndef MOQ_TOOLS_BENCH_OPTIONS_H
#define MOQ_TOOLS_BENCH_OPTIONS_H

#include "tools/tool.h"

/* Limits of one process; larger loads need several. */
enum {
    BENCH_PUBLISHERS_MAX = 1000,
    BENCH_TRACKS_MAX = 100,     /* per publisher */
    BENCH_FLOWS_MAX = 4096,     /* publishers times tracks */
    BENCH_VIEWERS_MAX = 100000, /* including those of --join */
    BENCH_FEEDS_MAX = 1000000,  /* viewers times tracks */
    BENCH_THREADS_MAX = 64,     /* as many again with --join */
    BENCH_SOCKETS_MAX = 64,     /* per thread */
    BENCH_ANNOUNCE_MAX = 5000,
    BENCH_SIZE_MIN = 32, /* the header of a frame, see bench_frame.h */
    BENCH_SIZE_MAX = 4 << 20,
    BENCH_FPS_MAX = 10000,
    BENCH_GROUP_FRAMES_MAX = 1000000,
    BENCH_GROUP_BYTES_MAX = 32 << 20, /* a group ends early rather than exceed this */
    BENCH_DURATION_MAX_S = 24 * 3600,
    BENCH_CHURN_MIN_MS = 10,
    BENCH_SPREAD_MAX_MS = 1000,
    BENCH_ANNOUNCE_AFTER_MS = 500, /* from the beginning of the window to --announce */
};
#define BENCH_LINK_BPS_MIN 1000
#define BENCH_LINK_BPS_MAX UINT64_C(10000000000)

struct bench_range {
    uint64_t least, most;
};

struct bench_options {
    struct tool_settings common;
    struct moq_url url;
    unsigned publishers, tracks, viewers, threads, sockets;
    struct bench_range size_bytes;
    struct bench_range fps;          /* 0: nothing is sent */
    struct bench_range group_ms;     /* 0: groups have `group_frames` frames */
    struct bench_range group_frames; /* 0: groups last `group_ms` */
    bool is_flood;                   /* --as-fast-as-it-goes */
    uint64_t ramp_ms;                /* time over which viewers arrive */
    uint64_t warm_up_ms, duration_ms, late_ms, patience_ms;
    unsigned slow, stalled; /* of `viewers` */
    uint64_t slow_bps;
    uint64_t resubscribe_ms, reconnect_ms; /* 0: never */
    uint64_t spread_ms;                    /* largest random delay of what viewers send */
    unsigned announce;
    unsigned join;
    uint64_t join_at_ms;
    int pid;          /* 0: none */
    bool is_pid_auto; /* `pid` is the process that has the relay's port */
    bool is_json;
};

/* The viewers of --join have as many threads of their own, so that opening hundreds of connections
 * at once does not delay the viewers that are measured meanwhile. */
static inline unsigned bench_thread_count(const struct bench_options *options)
{
    return options->join ? 2 * options->threads : options->threads;
}

/* Parses and checks the command line, and sets log levels. Returns what options_parse() returns. */
int bench_options_parse(struct bench_options *options, int argc, char *const *argv);

#endif
