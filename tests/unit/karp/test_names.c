/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ids of instances, and the header of a frame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "karp/karp.h"

static void ids_rise_although_the_clock_goes_back(void **state)
{
    (void)state;
    char text[KARP_ID_MAX_BYTES];
    assert_int_equal(karp_id_next(1736899200000, 0), 1736899200000);
    assert_int_equal(karp_id_next(1736899200000, 1736899200000), 1736899200001);
    assert_int_equal(karp_id_next(5, 1736899200000), 1736899200001);
    karp_id_print(1736899200000, text);
    assert_string_equal(text, "1736899200000");
}

static void ids_compare_as_numbers(void **state)
{
    (void)state;
    assert_true(karp_id_compare("9", "10") < 0);
    assert_true(karp_id_compare("1736899200", "1736899200000") < 0);
    assert_true(karp_id_compare("0010", "9") > 0);
    assert_int_equal(karp_id_compare("007", "7"), 0);
    assert_false(karp_id_is_valid("foo", 3));
    assert_false(karp_id_is_valid("12a", 3));
    assert_false(karp_id_is_valid("-1", 2));
    assert_false(karp_id_is_valid("", 0));
    assert_false(karp_id_is_valid("1234567890123456789012345678901234567890", 40));
    assert_true(karp_id_is_valid("123456789012345678901234567890", 30));
}

static void the_newest_instance_wins_and_the_older_one_takes_over(void **state)
{
    (void)state;
    struct karp_instances instances = {0};
    assert_null(karp_instances_newest(&instances));
    assert_true(karp_instances_add(&instances, "100", 3));
    assert_false(karp_instances_add(&instances, "foo", 3));
    assert_false(karp_instances_add(&instances, "99", 2));
    assert_true(karp_instances_add(&instances, "1000", 4));
    assert_false(karp_instances_add(&instances, "1000", 4));
    assert_string_equal(karp_instances_newest(&instances), "1000");

    assert_false(karp_instances_remove(&instances, "99", 2));
    assert_false(karp_instances_remove(&instances, "98", 2));
    assert_true(karp_instances_remove(&instances, "1000", 4));
    assert_string_equal(karp_instances_newest(&instances), "100");
    assert_true(karp_instances_remove(&instances, "100", 3));
    assert_null(karp_instances_newest(&instances));
}

static bool add_number(struct karp_instances *instances, uint64_t number)
{
    char id[KARP_ID_MAX_BYTES];
    karp_id_print(number, id);
    return karp_instances_add(instances, id, strlen(id));
}

static void check_ids(const struct karp_instances *instances, uint64_t first)
{
    assert_int_equal(instances->count, KARP_MAX_INSTANCES);
    for (uint64_t i = 0; i < KARP_MAX_INSTANCES; i++)
        assert_int_equal(strtoull(instances->ids[i], NULL, 10), first + i);
}

/* In whichever order they are announced. */
static void of_many_instances_the_newest_are_kept(void **state)
{
    (void)state;
    struct karp_instances rising = {0}, falling = {0}, mixed = {0};
    for (uint64_t i = 0; i < 2 * KARP_MAX_INSTANCES; i++) {
        assert_true(add_number(&rising, 1000 + i));
        assert_int_equal(add_number(&falling, 1000 + 2 * KARP_MAX_INSTANCES - 1 - i), i == 0);
        add_number(&mixed, 1000 + (i * 5) % (2 * KARP_MAX_INSTANCES));
    }
    check_ids(&rising, 1000 + KARP_MAX_INSTANCES);
    check_ids(&falling, 1000 + KARP_MAX_INSTANCES);
    check_ids(&mixed, 1000 + KARP_MAX_INSTANCES);
}

static void absurd_times_are_refused(void **state)
{
    (void)state;
    uint8_t header[KARP_FRAME_HEADER_MAX_BYTES];
    assert_int_equal(karp_frame_header(KARP_TIMESTAMP_MAX_US + 1, header), 0);
    assert_int_equal(karp_frame_header(KARP_TIMESTAMP_MAX_US, header), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_rise_although_the_clock_goes_back),
        cmocka_unit_test(ids_compare_as_numbers),
        cmocka_unit_test(the_newest_instance_wins_and_the_older_one_takes_over),
        cmocka_unit_test(of_many_instances_the_newest_are_kept),
        cmocka_unit_test(absurd_times_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
