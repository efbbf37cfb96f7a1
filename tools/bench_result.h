/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The results of moq-bench: the sums at certain moments, and the figures that follow from two of
 * them. */
#ifndef MOQ_TOOLS_BENCH_RESULT_H
#define MOQ_TOOLS_BENCH_RESULT_H

#include "tools/bench.h"
#include "tools/bench_process.h"

/* Results are not valid if a thread of ours may have been late to see what had arrived: if it was
 * busy, or busy and waiting for a core together, for more than the first share of the time, or
 * waiting alone for more than the second. */
#define BENCH_BUSY_MAX 0.9
#define BENCH_WAITING_MAX 0.5
/* The same holds if our sockets dropped more than this share of what they received. */
#define BENCH_DROPPED_MAX 0.01
/* The relay may be gone if nothing came at the end of the window for this long plus the time of two
 * frames. */
#define BENCH_SILENCE_MAX_S 1.0

enum { BENCH_OWN_MAX = 2 * BENCH_THREADS_MAX };

struct bench_own { /* figures of each thread of ours */
    uint64_t cpu_ns[BENCH_OWN_MAX], wait_ns[BENCH_OWN_MAX], taken_ns[BENCH_OWN_MAX];
};

struct bench_moment {
    struct bench_tally sum; /* of all threads */
    struct bench_own own;
    struct process_sample relay;
    bool has_relay;
    uint64_t own_dropped;   /* datagrams that the kernel dropped at our sockets; only read at the */
    uint64_t relay_dropped; /* beginning and end of the window, as is the same at the relay's */
};

struct bench_result {
    const struct bench_options *options;
    struct bench_moment begin, end; /* of the window */
    struct bench_tally total;       /* at the very end, when nothing more can arrive */
    uint64_t resident_before;       /* the relay's memory before viewers came; 0: not known */
    uint64_t storm_ns;              /* 0: not all were seen */
    unsigned storm_seen;
    unsigned arrived; /* viewers that arrived before the window, of options->viewers */
    bool is_interrupted;
    const char *failure; /* why the window ended early; NULL: it did not */
};

struct bench_costs { /* 0: not known */
    double seconds;
    uint64_t viewer_frames, viewer_bytes; /* delivered in the window, to viewers of all kinds */
    double cpu_cores, kernel_share;
    double cpu_us_per_frame, cpu_us_per_packet, cpu_cores_per_gbps;
    double resident_bytes_per_viewer;
    double own_busiest; /* share of a core that our busiest thread used */
    double own_waiting; /* share of the time that our most delayed thread waited for a core */
};

void bench_costs(const struct bench_result *result, struct bench_costs *costs);

/* The share of a core that our busiest thread used between two moments. Sets `*waiting` to the
 * largest share of the time that any thread was ready to run but had no core. */
double bench_own_busiest(const struct bench_own *before, const struct bench_own *after,
                         unsigned threads, double *waiting);

enum { BENCH_REASON_BYTES = 200 };
/* Returns NULL if the figures are valid; otherwise `text`, which says why they are not. */
const char *bench_invalid(const struct bench_result *result, char text[BENCH_REASON_BYTES]);

#endif
