/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What moq-bench has found out: looks at the sums at some moments, and what follows from two of
 * them. */
#ifndef MOQ_TOOLS_BENCH_RESULT_H
#define MOQ_TOOLS_BENCH_RESULT_H

#include "tools/bench.h"
#include "tools/bench_process.h"

/* A thread of ours that was busy for more than this share of the time, or busy and waiting for a
 * core, or only waiting for more than the second one, cannot be trusted to have seen what came in
 * time. */
#define BENCH_BUSY_MAX 0.9
#define BENCH_WAITING_MAX 0.5
/* So do sockets of ours that overflowed by more than this share of what they received. */
#define BENCH_DROPPED_MAX 0.01
/* If for so long, and two frames more, nothing came at the end of the window, the relay may be
 * gone. */
#define BENCH_SILENCE_MAX_S 1.0

enum { BENCH_OWN_MAX = 2 * BENCH_THREADS_MAX };

struct bench_own { /* our threads, one by one */
    uint64_t cpu_ns[BENCH_OWN_MAX], wait_ns[BENCH_OWN_MAX], taken_ns[BENCH_OWN_MAX];
};

struct bench_moment {
    struct bench_tally sum; /* of all threads */
    struct bench_own own;
    struct process_sample relay;
    bool has_relay;
    uint64_t own_dropped,
        relay_dropped; /* datagrams, by the kernel; looked at around the window only */
};

struct bench_result {
    const struct bench_options *options;
    struct bench_moment begin, end; /* of the window */
    struct bench_tally total;       /* at the very end, when everything has arrived or never will */
    uint64_t resident_before;       /* of the relay, before viewers came; 0: not known */
    uint64_t storm_ns;              /* 0: not all were seen */
    unsigned storm_seen;
    unsigned arrived; /* of options->viewers, before the window */
    bool is_interrupted;
    const char *failure; /* what ended the window; NULL: nothing did */
};

struct bench_costs { /* 0: not known */
    double seconds;
    uint64_t viewer_frames, viewer_bytes; /* delivered in the window, to viewers of all kinds */
    double cpu_cores, kernel_share;
    double cpu_us_per_frame, cpu_us_per_packet, cpu_cores_per_gbps;
    double resident_bytes_per_viewer;
    double own_busiest; /* the busiest of our threads: share of its core */
    double own_waiting; /* the one that waited most for a core */
};

void bench_costs(const struct bench_result *result, struct bench_costs *costs);

/* The share of one core that our busiest thread had between two looks; `waiting`: that one was
 * ready but had none. */
double bench_own_busiest(const struct bench_own *before, const struct bench_own *after,
                         unsigned threads, double *waiting);

/* NULL: the figures are what they look like. Otherwise why they are not, in `text`. */
enum { BENCH_REASON_BYTES = 200 };
const char *bench_invalid(const struct bench_result *result, char text[BENCH_REASON_BYTES]);

#endif
