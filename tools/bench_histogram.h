/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A histogram of times in nanoseconds with a bounded relative error: a value is reported with an
 * error of at most 0.8 %, whatever its size. Its memory is fixed, and two histograms are added
 * bucket by bucket, so threads count separately and are merged in the end. */
#ifndef MOQ_TOOLS_BENCH_HISTOGRAM_H
#define MOQ_TOOLS_BENCH_HISTOGRAM_H

#include <stdint.h>

enum {
    /* Each power of two has 64 buckets, so half a bucket is at most 1/128 of a value. */
    HISTOGRAM_SPLIT_BITS = 6,
    HISTOGRAM_VALUE_BITS = 43, /* 2^43 ns is more than two hours; longer times count as that */
    HISTOGRAM_BUCKETS = (HISTOGRAM_VALUE_BITS - HISTOGRAM_SPLIT_BITS + 1) << HISTOGRAM_SPLIT_BITS,
};

struct histogram {
    uint64_t count, sum, max;            /* read-only; `max` is exact */
    uint64_t buckets[HISTOGRAM_BUCKETS]; /* private */
};

void histogram_add(struct histogram *histogram, uint64_t value);
void histogram_merge(struct histogram *sum, const struct histogram *more);

/* The values that were added between two copies of one histogram: `later` minus `earlier`. Its max
 * is exact if it is a new one, otherwise the middle of its bucket. */
void histogram_between(struct histogram *out, const struct histogram *later,
                       const struct histogram *earlier);

/* The quantile at `share` (0 to 1): at least that share of all values is not above the result,
 * which is the middle of a bucket. 0: empty. */
uint64_t histogram_at(const struct histogram *histogram, double share);
double histogram_mean(const struct histogram *histogram); /* exact; 0: empty */

#endif
