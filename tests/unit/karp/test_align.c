/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Renditions that begin their groups together are told from those that do not, in whatever order
 * their media comes. */
#include "karp/align.h"

#include "tests/unit/prologue.h"

static const size_t three[] = {4, 7, 2};

/* Notes the beginning of a group that shows no fault. */
static void note(struct align *align, size_t track, uint64_t start_us)
{
    struct align_fault fault;
    assert_false(align_note(align, track, start_us, &fault));
}

static void assert_fault(struct align *align, size_t track, uint64_t start_us,
                         struct align_fault expected)
{
    struct align_fault fault;
    assert_true(align_note(align, track, start_us, &fault));
    assert_int_equal(fault.early, expected.early);
    assert_int_equal(fault.late, expected.late);
    assert_int_equal(fault.early_us, expected.early_us);
}

static void groups_that_begin_together_are_fine(void **state)
{
    struct align align;
    (void)state;
    align_begin(&align, three, 3);
    for (uint64_t i = 0; i < 1000; i++) {
        note(&align, 7, i * 2000000);
        note(&align, 4, i * 2000000 + ALIGN_TOLERANCE_US);
        note(&align, 2, i * 2000000 + 1);
        note(&align, 3, i * 700); /* not watched */
    }
}

static void media_of_one_track_may_come_much_earlier(void **state)
{
    struct align align;
    (void)state;
    align_begin(&align, three, 2);
    for (int round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < ALIGN_MAX_STARTS; i++)
            note(&align, 4, i * 2000000);
        for (uint64_t i = 0; i < ALIGN_MAX_STARTS; i++)
            note(&align, 7, i * 2000000);
    }
}

static void a_group_without_counterpart_is_told_once(void **state)
{
    struct align align;
    (void)state;
    align_begin(&align, three, 3);
    for (size_t i = 0; i < 3; i++)
        note(&align, three[i], 0);
    note(&align, 4, 2000000);
    note(&align, 7, 2000000);
    assert_fault(&align, 2, 1500000, (struct align_fault){2, 4, 1500000});
    note(&align, 7, 2100000);
    note(&align, 4, 9000000);
}

static void the_track_that_begins_early_is_named(void **state)
{
    struct align align;
    (void)state;
    align_begin(&align, three, 2);
    note(&align, 7, 0);
    note(&align, 4, 0);
    note(&align, 7, 2000000);
    assert_fault(&align, 4, 1000000, (struct align_fault){4, 7, 1000000});
}

static void a_track_may_begin_some_groups_late(void **state)
{
    struct align align;
    (void)state;
    align_begin(&align, three, 2);
    for (uint64_t i = 0; i < 10; i++)
        note(&align, 4, i * 2000000);
    note(&align, 7, 16000000);
    note(&align, 7, 18000000);
    note(&align, 7, 30000000); /* the other may still come there */
    assert_fault(&align, 4, 32000000, (struct align_fault){7, 4, 30000000});
}

static void groups_that_never_meet_are_told(void **state)
{
    struct align align;
    (void)state;
    align_begin(&align, three, 2);
    note(&align, 4, 0);
    note(&align, 7, 80000);
    assert_fault(&align, 4, 2000000, (struct align_fault){7, 4, 80000});
}

static void a_track_without_groups_is_told(void **state)
{
    struct align align;
    (void)state;
    align_begin(&align, three, 2);
    for (uint64_t i = 0; i < ALIGN_MAX_STARTS; i++)
        note(&align, 7, 1 + i * 1000000);
    assert_fault(&align, 7, 99000000, (struct align_fault){7, 4, 1});
}

static void one_track_or_none_is_always_aligned(void **state)
{
    struct align align;
    (void)state;
    for (size_t count = 0; count < 2; count++) {
        align_begin(&align, three, count);
        for (uint64_t i = 0; i < 100; i++)
            note(&align, 4, i * i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_that_begin_together_are_fine),
        cmocka_unit_test(media_of_one_track_may_come_much_earlier),
        cmocka_unit_test(a_group_without_counterpart_is_told_once),
        cmocka_unit_test(the_track_that_begins_early_is_named),
        cmocka_unit_test(a_track_may_begin_some_groups_late),
        cmocka_unit_test(groups_that_never_meet_are_told),
        cmocka_unit_test(a_track_without_groups_is_told),
        cmocka_unit_test(one_track_or_none_is_always_aligned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
