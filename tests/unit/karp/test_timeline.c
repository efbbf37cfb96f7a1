/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Times that start again under the same catalog continue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "karp/karp.h"

enum { VIDEO, AUDIO };
#define MS UINT64_C(1000)

static struct karp_timeline line;

static uint64_t place(size_t track, uint64_t group, bool is_group_start, uint64_t us)
{
    const struct karp_frame frame = {track, is_group_start, us, NULL, 0};
    return karp_timeline_place(&line, track == VIDEO ? KARP_VIDEO : KARP_AUDIO, &frame, group);
}

static int begin(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_OFF);
    line = (struct karp_timeline){.has_begun = false};
    return 0;
}

static void times_that_rise_stay(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 100; i++) {
        assert_int_equal(place(VIDEO, i / 10, i % 10 == 0, i * 40 * MS), i * 40 * MS);
        assert_int_equal(place(AUDIO, i / 10, i % 10 == 0, i * 40 * MS), i * 40 * MS);
    }
    assert_int_equal(place(VIDEO, 10, true, 60000 * MS), 60000 * MS); /* a gap */
    assert_int_equal(line.restarts, 0);
}

static void pictures_that_are_shown_in_another_order_stay(void **state)
{
    (void)state;
    static const uint64_t slow[] = {0, 3000, 2000, 1000, 6000, 5000, 4000};
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(place(VIDEO, 0, i == 0, slow[i] * MS), slow[i] * MS);
    assert_int_equal(place(VIDEO, 1, true, 7000 * MS), 7000 * MS);
    assert_int_equal(line.restarts, 0);
}

static void clocks_that_tremble_stay(void **state)
{
    (void)state;
    static const uint64_t times[] = {0, 46439, 46439, 69659, 69000, 116099};
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(place(AUDIO, i, true, times[i]), times[i]);
    assert_int_equal(line.restarts, 0);
}

/* Sound begins 20 ms before picture and ends as long before it, in each round. */
static void tracks_start_again_together_and_stay_in_step(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 3; round++) {
        uint64_t from = round * 1020 * MS;
        for (uint64_t i = 0; i < 25; i++)
            assert_int_equal(place(VIDEO, round * 5 + i / 5, i % 5 == 0, (20 + i * 40) * MS),
                             from + (20 + i * 40) * MS);
        for (uint64_t i = 0; i < 50; i++)
            assert_int_equal(place(AUDIO, round * 5 + i / 10, i % 10 == 0, i * 20 * MS),
                             from + i * 20 * MS);
        assert_int_equal(line.restarts, round);
    }
}

static void sound_alone_starts_again_within_a_group(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 50; i++)
        place(AUDIO, 0, i == 0, i * 20 * MS);
    assert_int_equal(place(AUDIO, 0, false, 0), 1000 * MS);
    assert_int_equal(place(AUDIO, 0, false, 20 * MS), 1020 * MS);
    assert_int_equal(line.restarts, 1);
}

static void a_group_that_is_given_again_keeps_its_place(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 50; i++)
        place(VIDEO, 7 + i / 25, i % 25 == 0, i * 40 * MS);
    for (uint64_t i = 0; i < 50; i++)
        assert_int_equal(place(VIDEO, 7 + i / 25, i % 25 == 0, i * 40 * MS), i * 40 * MS);
    for (uint64_t i = 0; i < 50; i++)
        place(AUDIO, 7, i == 0, i * 40 * MS);
    for (uint64_t i = 0; i < 50; i++)
        assert_int_equal(place(AUDIO, 7, i == 0, i * 40 * MS), i * 40 * MS);
    assert_int_equal(line.restarts, 0);
}

static void a_track_that_starts_again_at_another_time_goes_on(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 100; i++) {
        place(VIDEO, i / 10, i % 10 == 0, i * 100 * MS);
        place(AUDIO, i / 10, i % 10 == 0, i * 100 * MS);
    }
    assert_int_equal(place(VIDEO, 10, true, 5000 * MS), 10000 * MS);
    assert_int_equal(place(AUDIO, 10, true, 0), 10000 * MS);
    assert_int_equal(line.restarts, 1);
}

/* Sound begins 700 ms before picture, so picture that starts again leaves room for it. */
static void a_track_that_starts_again_alone_comes_back_into_step(void **state)
{
    (void)state;
    uint64_t end = 0;
    for (uint64_t i = 0; i < 200; i++) {
        uint64_t now = i * 40 * MS;
        assert_int_equal(place(AUDIO, i / 10, i % 10 == 0, now), now);
        bool is_again = i >= 100;
        uint64_t us = is_again ? (i - 100) * 40 * MS : now + 700 * MS;
        end = place(VIDEO, i / 10, i % 10 == 0, us);
        if (!is_again)
            assert_int_equal(end, now + 700 * MS);
    }
    assert_int_equal(end, 199 * 40 * MS + 700 * MS);
    assert_int_equal(line.restarts, 1);

    /* And once more, after it was away for five seconds. */
    for (uint64_t i = 200; i < 325; i++)
        place(AUDIO, i / 10, i % 10 == 0, i * 40 * MS);
    for (uint64_t i = 325; i < 425; i++) {
        end = place(VIDEO, i / 10, i % 10 == 5, (i - 325) * 40 * MS);
        assert_int_equal(place(AUDIO, i / 10, i % 10 == 0, i * 40 * MS), i * 40 * MS);
    }
    assert_true(end >= 424 * 40 * MS && end <= 424 * 40 * MS + 100 * MS);
    assert_int_equal(line.restarts, 2);
}

static void no_time_leaves_the_line(void **state)
{
    (void)state;
    uint64_t group = 0;
    for (int i = 0; i < 100; i++) {
        assert_true(place(VIDEO, group++, true, UINT64_MAX) <= KARP_TIMESTAMP_MAX_US);
        assert_true(place(VIDEO, group++, true, 0) <= KARP_TIMESTAMP_MAX_US);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(times_that_rise_stay, begin),
        cmocka_unit_test_setup(pictures_that_are_shown_in_another_order_stay, begin),
        cmocka_unit_test_setup(clocks_that_tremble_stay, begin),
        cmocka_unit_test_setup(tracks_start_again_together_and_stay_in_step, begin),
        cmocka_unit_test_setup(sound_alone_starts_again_within_a_group, begin),
        cmocka_unit_test_setup(a_group_that_is_given_again_keeps_its_place, begin),
        cmocka_unit_test_setup(a_track_that_starts_again_at_another_time_goes_on, begin),
        cmocka_unit_test_setup(a_track_that_starts_again_alone_comes_back_into_step, begin),
        cmocka_unit_test_setup(no_time_leaves_the_line, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
