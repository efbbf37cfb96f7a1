/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A publisher takes another's place: its sequences go on where the other's ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/varint.h"
#include "transfork/transfork.h"

static void assert_raised(struct moq_sequence_raise *raise, uint64_t theirs, uint64_t ours)
{
    assert_true(moq_sequence_raise(raise, &theirs));
    assert_int_equal(theirs, ours);
}

static void nothing_is_added_before_a_place_is_taken(void **state)
{
    (void)state;
    struct moq_sequence_raise raise = {0};
    uint64_t first = 3, last = 9;
    assert_raised(&raise, 0, 0);
    assert_raised(&raise, VARINT_MAX, VARINT_MAX);
    assert_true(moq_sequence_raise_run(&raise, &first, &last));
    assert_int_equal(first, 3);
    assert_int_equal(last, 9);
}

static void the_first_group_comes_after_the_latest_and_settles_the_others(void **state)
{
    (void)state;
    struct moq_sequence_raise raise;
    moq_sequence_raise_after(&raise, 41);
    assert_raised(&raise, 5, 42);
    assert_raised(&raise, 6, 43);
    assert_raised(&raise, 4, 41); /* it was overtaken: its old place stays its place */
    uint64_t first = 7, last = 8;
    assert_true(moq_sequence_raise_run(&raise, &first, &last));
    assert_int_equal(first, 44);
    assert_int_equal(last, 45);
}

static void the_latest_itself_is_raised_and_what_is_above_is_not(void **state)
{
    (void)state;
    struct moq_sequence_raise raise;
    moq_sequence_raise_after(&raise, 41);
    assert_raised(&raise, 41, 42);
    moq_sequence_raise_after(&raise, 41);
    assert_raised(&raise, 42, 42);
    assert_raised(&raise, 7, 7);
}

static void a_run_means_nothing_before_the_first_group(void **state)
{
    (void)state;
    struct moq_sequence_raise raise;
    uint64_t first = 1, last = 2;
    moq_sequence_raise_after(&raise, 41);
    assert_false(moq_sequence_raise_run(&raise, &first, &last));
    assert_int_equal(first, 1);
    assert_int_equal(last, 2);
}

static void numbers_run_out_and_are_not_wrapped(void **state)
{
    (void)state;
    struct moq_sequence_raise raise;
    moq_sequence_raise_after(&raise, VARINT_MAX - 1);
    assert_raised(&raise, 0, VARINT_MAX);
    uint64_t sequence = 1, first = 0, last = 1;
    assert_false(moq_sequence_raise(&raise, &sequence));
    assert_false(moq_sequence_raise_run(&raise, &first, &last));
    moq_sequence_raise_after(&raise, VARINT_MAX); /* none is left at all */
    sequence = 0;
    assert_false(moq_sequence_raise(&raise, &sequence));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_added_before_a_place_is_taken),
        cmocka_unit_test(the_first_group_comes_after_the_latest_and_settles_the_others),
        cmocka_unit_test(the_latest_itself_is_raised_and_what_is_above_is_not),
        cmocka_unit_test(a_run_means_nothing_before_the_first_group),
        cmocka_unit_test(numbers_run_out_and_are_not_wrapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
