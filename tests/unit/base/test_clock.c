/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* base/clock.h: the two system clocks tell plausible times. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>
#include <cmocka.h>

static void the_monotonic_clock_never_goes_back_and_counts_nanoseconds(void **state)
{
    (void)state;
    uint64_t start = clock_monotonic_ns(), last = start;
    for (int i = 0; i < 1000; i++) {
        uint64_t now = clock_monotonic_ns();
        assert_true(now >= last);
        last = now;
    }
    struct timespec pause = {.tv_nsec = 20 * (long)NS_PER_MS};
    nanosleep(&pause, NULL);
    assert_true(clock_monotonic_ns() - start >= 20 * NS_PER_MS);
}

static void the_wall_clock_is_in_milliseconds_since_1970(void **state)
{
    (void)state;
    int64_t here = (int64_t)(clock_wall_ms() / 1000), there = (int64_t)time(NULL);
    assert_true(here >= there - 2 && here <= there + 2);
}

static void never_is_behind_every_time(void **state)
{
    (void)state;
    assert_true(clock_monotonic_ns() < CLOCK_NEVER);
    assert_true(NS_PER_S == 1000 * NS_PER_MS && NS_PER_MS == 1000 * NS_PER_US);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_monotonic_clock_never_goes_back_and_counts_nanoseconds),
        cmocka_unit_test(the_wall_clock_is_in_milliseconds_since_1970),
        cmocka_unit_test(never_is_behind_every_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
