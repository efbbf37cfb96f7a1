/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How long media that has been handed on lasts, against a clock that the test sets. */
#include "karp/karp.h"

#include "tests/unit/prologue.h"

#include "base/clock.h"

static void media_is_due_when_its_time_has_come(void **state)
{
    struct karp_pace pace = {.is_running = false};
    (void)state;
    assert_int_equal(karp_pace_ahead_ns(&pace, 77), 0);
    karp_pace_note(&pace, 5000000, NS_PER_S);
    assert_int_equal(karp_pace_ahead_ns(&pace, NS_PER_S), 0);
    karp_pace_note(&pace, 5040000, NS_PER_S);
    assert_int_equal(karp_pace_ahead_ns(&pace, NS_PER_S), 40 * NS_PER_MS);
    assert_int_equal(karp_pace_ahead_ns(&pace, NS_PER_S + 30 * NS_PER_MS), 10 * NS_PER_MS);
    assert_int_equal(karp_pace_ahead_ns(&pace, NS_PER_S + 40 * NS_PER_MS), 0);
    assert_int_equal(karp_pace_ahead_ns(&pace, 9 * NS_PER_S), 0);
}

static void frames_that_go_back_change_nothing(void **state)
{
    struct karp_pace pace = {.is_running = false};
    (void)state;
    karp_pace_note(&pace, 100000, 0);
    karp_pace_note(&pace, 180000, 0);
    karp_pace_note(&pace, 140000, 0);
    karp_pace_note(&pace, 0, 0); /* before the first one */
    assert_int_equal(karp_pace_length_us(&pace), 80000);
    assert_int_equal(karp_pace_ahead_ns(&pace, 0), 80 * NS_PER_MS);
}

static void a_restart_takes_the_next_frame_as_due(void **state)
{
    struct karp_pace pace = {.is_running = false};
    (void)state;
    karp_pace_note(&pace, 0, 0);
    karp_pace_note(&pace, 3600000000, 0);
    karp_pace_restart(&pace);
    assert_int_equal(karp_pace_ahead_ns(&pace, 1), 0);
    karp_pace_note(&pace, 10, NS_PER_S);
    assert_int_equal(karp_pace_ahead_ns(&pace, NS_PER_S), 0);
    assert_int_equal(karp_pace_length_us(&pace), 0);
}

static void times_without_end_do_not_wrap(void **state)
{
    struct karp_pace pace = {.is_running = false};
    (void)state;
    karp_pace_note(&pace, 0, 0);
    karp_pace_note(&pace, KARP_TIMESTAMP_MAX_US, 0);
    assert_true(karp_pace_ahead_ns(&pace, NS_PER_S) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(media_is_due_when_its_time_has_come),
        cmocka_unit_test(frames_that_go_back_change_nothing),
        cmocka_unit_test(a_restart_takes_the_next_frame_as_due),
        cmocka_unit_test(times_without_end_do_not_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
