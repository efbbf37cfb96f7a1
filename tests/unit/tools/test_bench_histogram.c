/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* tools/bench_histogram.c: whatever was put in, percentiles are off by less than a hundredth. */
#include "tools/bench_histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define ERROR_MAX 0.008

static struct histogram *new_histogram(void)
{
    struct histogram *histogram = calloc(1, sizeof *histogram);
    assert_non_null(histogram);
    return histogram;
}

static void assert_near(uint64_t value, uint64_t known)
{
    double off = (double)value - (double)known, most = ERROR_MAX * (double)known;
    if (off < -most || off > most)
        fail_msg("%llu is not near %llu", (unsigned long long)value, (unsigned long long)known);
}

static void a_single_value_is_told_within_the_error(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < HISTOGRAM_VALUE_BITS; bits++)
        for (uint64_t step = 0; step < 200; step++) {
            uint64_t value = (UINT64_C(1) << bits) + (UINT64_C(1) << bits) / 200 * step;
            struct histogram *one = new_histogram();
            histogram_add(one, value);
            histogram_add(one, value + value / 2); /* so that the maximum does not tell */
            assert_near(histogram_at(one, 0.5), value);
            free(one);
        }
}

static void percentiles_of_an_even_spread_are_known(void **state)
{
    struct histogram *even = new_histogram();
    (void)state;
    for (uint64_t i = 1; i <= 100000; i++)
        histogram_add(even, i * 1000);
    assert_near(histogram_at(even, 0.5), 50000000);
    assert_near(histogram_at(even, 0.9), 90000000);
    assert_near(histogram_at(even, 0.99), 99000000);
    assert_near(histogram_at(even, 0.999), 99900000);
    assert_near(histogram_at(even, 0), 1000);
    assert_int_equal(even->max, 100000000);
    assert_int_equal(even->count, 100000);
    assert_true(histogram_mean(even) == 50000500.0);
    free(even);
}

static void a_percentile_is_never_below_what_it_needs(void **state)
{
    struct histogram *few = new_histogram();
    (void)state;
    for (unsigned i = 0; i < 99; i++)
        histogram_add(few, 5);
    histogram_add(few, 60);
    assert_int_equal(histogram_at(few, 0.99), 5);
    assert_int_equal(histogram_at(few, 0.991), 60);
    assert_int_equal(histogram_at(few, 1), 60);
    free(few);
}

static void nothing_has_no_percentiles(void **state)
{
    struct histogram *empty = new_histogram();
    (void)state;
    assert_int_equal(histogram_at(empty, 0.5), 0);
    assert_true(histogram_mean(empty) == 0);
    free(empty);
}

static void what_is_too_long_counts_as_the_longest(void **state)
{
    struct histogram *histogram = new_histogram();
    (void)state;
    histogram_add(histogram, UINT64_MAX);
    histogram_add(histogram, 0);
    assert_int_equal(histogram->count, 2);
    assert_near(histogram_at(histogram, 1), UINT64_C(1) << HISTOGRAM_VALUE_BITS);
    assert_int_equal(histogram_at(histogram, 0.5), 0);
    free(histogram);
}

static void merging_is_as_if_one_had_counted_all(void **state)
{
    struct histogram *one = new_histogram(), *a = new_histogram(), *b = new_histogram();
    (void)state;
    for (uint64_t i = 0; i < 10000; i++) {
        uint64_t value = i * i * 17 + 3;
        histogram_add(one, value);
        histogram_add(i % 3 ? a : b, value);
    }
    histogram_merge(a, b);
    assert_memory_equal(a, one, sizeof *one);
    free(one);
    free(a);
    free(b);
}

static void between_two_looks_is_what_came_meanwhile(void **state)
{
    struct histogram *all = new_histogram(), *before = new_histogram(), *out = new_histogram();
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        histogram_add(all, 1000000);
    *before = *all;
    for (unsigned i = 0; i < 10; i++)
        histogram_add(all, 2000 + i);
    histogram_between(out, all, before);
    assert_int_equal(out->count, 10);
    assert_near(histogram_at(out, 0.5), 2004);
    assert_near(out->max, 2009);
    histogram_add(all, 3000000);
    histogram_between(out, all, before);
    assert_int_equal(out->max, 3000000);
    free(all);
    free(before);
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_single_value_is_told_within_the_error),
        cmocka_unit_test(percentiles_of_an_even_spread_are_known),
        cmocka_unit_test(a_percentile_is_never_below_what_it_needs),
        cmocka_unit_test(nothing_has_no_percentiles),
        cmocka_unit_test(what_is_too_long_counts_as_the_longest),
        cmocka_unit_test(merging_is_as_if_one_had_counted_all),
        cmocka_unit_test(between_two_looks_is_what_came_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
