/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A bucket is as wide as 1/64 of its power of two. Values below 128 have a bucket each. */
#include "tools/bench_histogram.h"

#include <string.h>

enum { SPLIT = 1 << HISTOGRAM_SPLIT_BITS };

static const uint64_t value_max = (UINT64_C(1) << HISTOGRAM_VALUE_BITS) - 1;

/* The number of bits by which `value` is shifted right to lie in 64..127; 0 below 128. */
static unsigned shift_of(uint64_t value)
{
    if (value < 2 * SPLIT)
        return 0;
    return 63 - (unsigned)__builtin_clzll(value) - HISTOGRAM_SPLIT_BITS;
}

static size_t bucket_of(uint64_t value)
{
    unsigned shift = shift_of(value);
    return (size_t)(value >> shift) + (size_t)shift * SPLIT;
}

static uint64_t middle_of(size_t bucket)
{
    if (bucket < 2 * SPLIT)
        return bucket;
    unsigned shift = (unsigned)(bucket / SPLIT) - 1;
    uint64_t lowest = (uint64_t)(bucket - (size_t)shift * SPLIT) << shift;
    return lowest + (UINT64_C(1) << shift) / 2;
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
    if (value > value_max)
        value = value_max;
    histogram->buckets[bucket_of(value)]++;
    histogram->count++;
    histogram->sum += value;
    if (value > histogram->max)
        histogram->max = value;
}

void histogram_merge(struct histogram *sum, const struct histogram *more)
{
    sum->count += more->count;
    sum->sum += more->sum;
    if (more->max > sum->max)
        sum->max = more->max;
    if (more->count == 0)
        return;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        sum->buckets[i] += more->buckets[i];
}

void histogram_between(struct histogram *out, const struct histogram *later,
                       const struct histogram *earlier)
{
    memset(out, 0, sizeof *out);
    out->count = later->count - earlier->count;
    out->sum = later->sum - earlier->sum;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        out->buckets[i] = later->buckets[i] - earlier->buckets[i];
        if (out->buckets[i])
            out->max = middle_of(i);
    }
    if (later->max > earlier->max) /* so it was added in between */
        out->max = later->max;
}

uint64_t histogram_at(const struct histogram *histogram, double share)
{
    if (histogram->count == 0)
        return 0;
    double exact = share * (double)histogram->count;
    uint64_t wanted = (uint64_t)exact, seen = 0;
    if ((double)wanted < exact || wanted == 0)
        wanted++;
    size_t bucket = 0;
    while ((seen += histogram->buckets[bucket]) < wanted && bucket < HISTOGRAM_BUCKETS - 1)
        bucket++;
    uint64_t value = middle_of(bucket);
    return value < histogram->max ? value : histogram->max;
}

double histogram_mean(const struct histogram *histogram)
{
    return histogram->count ? (double)histogram->sum / (double)histogram->count : 0;
}
