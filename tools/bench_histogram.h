/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A histogram of times with a bounded relative error: a value is told at most 0.8 % beside what it
 * was, whatever its size. Its memory is fixed, and two of them are added bucket by bucket, so
 * threads count apart and are merged in the end. */
#ifndef MOQ_TOOLS_BENCH_HISTOGRAM_H
#define MOQ_TOOLS_BENCH_HISTOGRAM_H

#include <stdint.h>

enum {
    /* Each power of two in 64 buckets: half of one is 1/128 of the value. */
    HISTOGRAM_SPLIT_BITS = 6,
    HISTOGRAM_VALUE_BITS = 43, /* 2^43 ns is more than two hours; what is longer counts as that */
    HISTOGRAM_BUCKETS = (HISTOGRAM_VALUE_BITS - HISTOGRAM_SPLIT_BITS + 1) << HISTOGRAM_SPLIT_BITS,
};

struct histogram {
    uint64_t count, sum, max;            /* read-only; `max` is exact */
    uint64_t buckets[HISTOGRAM_BUCKETS]; /* private */
};

void histogram_add(struct histogram *histogram, uint64_t value);
void histogram_merge(struct histogram *sum, const struct histogram *more);

/* What came between two looks at one histogram: `later` less `earlier`; its max is that of a
 * bucket. */
void histogram_between(struct histogram *out, const struct histogram *later,
                       const struct histogram *earlier);

/* The smallest value that at least `share` (0 to 1) of all are not above, as the middle of its
 * bucket. 0: empty. */
uint64_t histogram_at(const struct histogram *histogram, double share);
double histogram_mean(const struct histogram *histogram); /* exact; 0: empty */

#endif
