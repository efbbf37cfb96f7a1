/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tracks: which groups are kept, which are refused, and what watchers are told. */
#include "transfork/track.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/objects.h"
#include "base/varint.h"
#include "transfork/group.h"

static struct moq_clock now = {.now_ns = 1000};

static struct moq_track *track_with(const struct moq_cache_limits *cache)
{
    struct moq_track_config config = {.clock = &now, .priority = 128, .cache = *cache};
    struct moq_path *path = moq_path_from_text("demo/bbb");
    struct moq_track *track = moq_track_new(path, &config);
    moq_path_unref(&path);
    assert_non_null(track);
    return track;
}

static struct moq_track *track_of(uint32_t groups)
{
    return track_with(&(struct moq_cache_limits){.groups = groups});
}

static int nothing_lives(void **state)
{
    (void)state;
    return objects_report(stderr);
}

static struct moq_group *open_group(struct moq_track *track, uint64_t sequence)
{
    struct moq_group *group = NULL;
    assert_int_equal(moq_track_open_group(track, sequence, &group), 0);
    assert_int_equal(group->sequence, sequence);
    return group;
}

static void put_group(struct moq_track *track, uint64_t sequence)
{
    moq_track_finish_group(track, open_group(track, sequence));
}

static int refusal(struct moq_track *track, uint64_t sequence)
{
    struct moq_group *group = NULL;
    int error = moq_track_open_group(track, sequence, &group);
    assert_true(error == 0 || group == NULL);
    return error;
}

/* The sequences kept, as words: "3 4 5". Walked in both directions. */
static void assert_kept(struct moq_track *track, const char *expected)
{
    char text[500] = "";
    size_t used = 0;
    struct moq_group *last = NULL;
    for (struct moq_group *group = moq_track_oldest(track); group;
         group = moq_track_after(track, group)) {
        used += (size_t)sprintf(text + used, used ? " %llu" : "%llu",
                                (unsigned long long)group->sequence);
        assert_ptr_equal(moq_track_find(track, group->sequence), group);
        last = group;
    }
    assert_ptr_equal(last, moq_track_newest(track));
    assert_string_equal(text, expected);
}

/* ---- What is kept ---------------------------------------------------------------------------- */

static void a_fresh_track_has_nothing(void **state)
{
    (void)state;
    struct moq_track *track = track_of(3);
    int error = 5;
    assert_null(moq_track_newest(track));
    assert_null(moq_track_oldest(track));
    assert_null(moq_track_find(track, 0));
    assert_int_equal(moq_track_latest(track), 0);
    assert_int_equal(moq_track_cached_bytes(track), 0);
    assert_int_equal(moq_track_sweep(track), CLOCK_NEVER);
    assert_false(moq_track_has_ended(track, &error));
    assert_int_equal(error, 0);
    assert_int_equal(moq_path_count(moq_track_path(track)), 2);
    moq_track_unref(&track);
}

static void the_newest_groups_are_kept_by_count(void **state)
{
    (void)state;
    struct moq_track *track = track_of(3);
    for (uint64_t i = 0; i < 10; i++)
        put_group(track, i);
    assert_kept(track, "7 8 9");
    assert_int_equal(moq_track_latest(track), 9);
    moq_track_unref(&track);
}

static void short_groups_outlive_their_number_for_the_grace(void **state)
{
    (void)state;
    struct moq_track *track =
        track_with(&(struct moq_cache_limits){.groups = 2, .grace_ns = NS_PER_S});
    for (uint64_t sequence = 1; sequence <= 40; sequence++)
        if (sequence != 20)
            put_group(track, sequence);
    assert_int_equal(moq_track_oldest(track)->sequence, 1);
    put_group(track, 20); /* late, but not too late */
    put_group(track, 0);
    assert_int_equal(moq_track_oldest(track)->sequence, 0);

    now.now_ns += NS_PER_S;
    moq_track_sweep(track);
    assert_int_equal(moq_track_oldest(track)->sequence, 39);
    assert_int_equal(refusal(track, 38), MOQ_ERR_EXPIRED);
    moq_track_unref(&track);
}

static void a_group_out_of_order_goes_to_its_place(void **state)
{
    (void)state;
    struct moq_track *track = track_of(10);
    put_group(track, 5);
    put_group(track, 7);
    put_group(track, 4);
    put_group(track, 6);
    assert_kept(track, "4 5 6 7");
    assert_int_equal(moq_track_latest(track), 7);
    moq_track_unref(&track);
}

static void a_group_comes_once(void **state)
{
    (void)state;
    struct moq_track *track = track_of(10);
    put_group(track, 5);
    open_group(track, 6);
    assert_int_equal(refusal(track, 5), MOQ_ERR_DUPLICATE);
    assert_int_equal(refusal(track, 6), MOQ_ERR_DUPLICATE);
    moq_track_unref(&track);
}

static void what_was_dropped_does_not_come_back(void **state)
{
    (void)state;
    struct moq_track *track = track_of(2);
    for (uint64_t i = 5; i < 9; i++)
        put_group(track, i);
    assert_kept(track, "7 8");
    assert_int_equal(refusal(track, 6), MOQ_ERR_EXPIRED);
    assert_int_equal(refusal(track, 0), MOQ_ERR_EXPIRED);
    moq_track_unref(&track);
}

static void a_lower_group_is_taken_only_if_it_would_stay(void **state)
{
    (void)state;
    struct moq_track *track = track_of(2);
    put_group(track, 8);
    put_group(track, 6);
    assert_kept(track, "6 8");
    assert_int_equal(refusal(track, 5), MOQ_ERR_EXPIRED);
    put_group(track, 7);
    assert_kept(track, "7 8");
    moq_track_unref(&track);
}

static void a_publisher_that_starts_again_lower_is_heard_when_it_catches_up(void **state)
{
    (void)state;
    struct moq_track *track = track_of(3);
    for (uint64_t i = 50; i < 60; i++)
        put_group(track, i);
    assert_int_equal(refusal(track, 0), MOQ_ERR_EXPIRED);
    assert_int_equal(refusal(track, 59), MOQ_ERR_DUPLICATE);
    put_group(track, 60);
    assert_kept(track, "58 59 60");
    moq_track_unref(&track);
}

static void sequences_jump_to_the_last_number(void **state)
{
    (void)state;
    struct moq_track *track = track_of(3);
    put_group(track, 1);
    put_group(track, VARINT_MAX);
    put_group(track, 2);
    assert_kept(track, "1 2 4611686018427387903");
    put_group(track, 3);
    put_group(track, 4);
    assert_kept(track, "3 4 4611686018427387903");
    assert_int_equal(refusal(track, VARINT_MAX + 1), MOQ_ERR_INVALID);
    assert_int_equal(refusal(track, UINT64_MAX), MOQ_ERR_INVALID);
    assert_int_equal(moq_track_latest(track), VARINT_MAX);
    moq_track_unref(&track);
}

static void old_groups_go_with_their_age_but_never_the_newest(void **state)
{
    (void)state;
    now.now_ns = 1000;
    struct moq_track *track = track_with(&(struct moq_cache_limits){.age_ns = 100});
    put_group(track, 1);
    now.now_ns = 1050;
    struct moq_group *growing = open_group(track, 2);
    put_group(track, 3);
    put_group(track, 4);
    assert_int_equal(moq_track_sweep(track), 1100);
    now.now_ns = 1100;
    assert_int_equal(moq_track_sweep(track), 1150);
    assert_kept(track, "2 3 4");
    now.now_ns = 9999;
    assert_int_equal(moq_track_sweep(track), CLOCK_NEVER);
    assert_kept(track, "2 4");
    moq_track_finish_group(track, growing);
    assert_int_equal(moq_track_sweep(track), 9999 + 100);
    moq_track_unref(&track);
}

static void expiry_ages_the_cache_too(void **state)
{
    (void)state;
    now.now_ns = 0;
    struct moq_track_config config = {
        .clock = &now, .expires_ms = 2, .cache = {.age_ns = NS_PER_S}};
    struct moq_path *path = moq_path_from_text("a");
    struct moq_track *track = moq_track_new(path, &config);
    put_group(track, 1);
    put_group(track, 2);
    assert_int_equal(moq_track_sweep(track), 1 + 2 * NS_PER_MS);
    moq_track_unref(&track);
    config.expires_ms = UINT64_MAX;
    track = moq_track_new(path, &config);
    put_group(track, 1);
    put_group(track, 2);
    assert_int_equal(moq_track_sweep(track), 1 + NS_PER_S);
    moq_track_unref(&track);
    moq_path_unref(&path);
    now.now_ns = 1000;
}

static void append_kilobytes(struct moq_track *track, struct moq_group *group, size_t kilobytes)
{
    static const uint8_t kilobyte[1024];
    for (size_t i = 0; i < kilobytes; i++)
        moq_track_append(track, group, kilobyte, sizeof kilobyte);
}

static void bytes_are_bounded_and_the_newest_stays_whatever_it_weighs(void **state)
{
    (void)state;
    struct moq_track *track = track_with(&(struct moq_cache_limits){.bytes = 300 << 10});
    for (uint64_t i = 0; i < 6; i++) {
        struct moq_group *group = open_group(track, i);
        append_kilobytes(track, group, 60);
        moq_track_finish_group(track, group);
        assert_true(moq_track_cached_bytes(track) <= 300 << 10);
    }
    assert_int_equal(moq_track_newest(track)->sequence, 5);
    assert_true(moq_track_oldest(track)->sequence > 0);
    append_kilobytes(track, open_group(track, 6), 1000);
    assert_kept(track, "6");
    assert_true(moq_track_cached_bytes(track) >= 1000 << 10);
    moq_track_unref(&track);
}

static void growing_groups_are_cut_when_nothing_else_can_go(void **state)
{
    (void)state;
    struct moq_track *track = track_with(&(struct moq_cache_limits){.bytes = 300 << 10});
    struct moq_group *old = moq_group_ref(open_group(track, 1));
    append_kilobytes(track, old, 100);
    append_kilobytes(track, open_group(track, 2), 290);
    assert_kept(track, "2");
    assert_true(old->is_ended);
    assert_int_equal(old->error, MOQ_ERR_EXPIRED);
    assert_int_equal(moq_track_append(track, old, "x", 1), MOQ_ERR_CLOSED);
    moq_group_unref(&old);
    moq_track_unref(&track);
}

static void a_writer_learns_that_its_own_bytes_were_too_many(void **state)
{
    (void)state;
    struct moq_track *track = track_with(&(struct moq_cache_limits){.bytes = 100 << 10});
    static const uint8_t many[90 << 10];
    struct moq_group *old = moq_group_ref(open_group(track, 1));
    assert_int_equal(moq_track_append(track, open_group(track, 2), many, 1000), 0);
    assert_int_equal(moq_track_append(track, old, many, sizeof many), MOQ_ERR_CLOSED);
    assert_int_equal(moq_track_append(track, old, many, 1), MOQ_ERR_CLOSED);
    assert_kept(track, "2");
    moq_group_unref(&old);
    moq_track_unref(&track);
}

static void without_limits_there_are_still_limits(void **state)
{
    (void)state;
    struct moq_track *track = track_of(0);
    for (uint64_t i = 0; i < TRACK_MAX_GROUPS + 10; i++)
        put_group(track, i);
    assert_int_equal(moq_track_oldest(track)->sequence, 10);
    assert_int_equal(track->group_count, TRACK_MAX_GROUPS);

    static const uint8_t piece[1 << 20];
    for (uint64_t i = 0; i < 6; i++) {
        struct moq_group *group = open_group(track, 10000 + i);
        for (int k = 0; k < 60; k++)
            assert_int_equal(moq_track_append(track, group, piece, sizeof piece), 0);
        moq_track_finish_group(track, group);
        assert_true(moq_track_cached_bytes(track) <= TRACK_MAX_BYTES);
    }
    moq_track_unref(&track);
}

static void smaller_limits_work_at_once(void **state)
{
    (void)state;
    struct moq_track *track = track_of(10);
    for (uint64_t i = 0; i < 10; i++)
        put_group(track, i);
    moq_track_set_cache(track, &(struct moq_cache_limits){.groups = 2});
    assert_kept(track, "8 9");
    assert_int_equal(moq_track_config(track)->cache.groups, 2);
    moq_track_unref(&track);
}

static void so_many_groups_grow_and_no_more(void **state)
{
    (void)state;
    struct moq_track *track = track_of(0);
    struct moq_group *first = open_group(track, 10);
    for (uint64_t i = 1; i < MOQ_TRACK_OPEN_GROUPS; i++)
        open_group(track, 10 + i);
    assert_false(first->is_ended);
    assert_int_equal(refusal(track, 9), MOQ_ERR_EXPIRED);
    open_group(track, 10 + MOQ_TRACK_OPEN_GROUPS);
    assert_true(first->is_ended);
    assert_int_equal(first->error, MOQ_ERR_EXPIRED);
    assert_int_equal(track->open_count, MOQ_TRACK_OPEN_GROUPS);
    assert_ptr_equal(moq_track_oldest(track), first);
    moq_track_unref(&track);
}

static void being_superseded_is_stamped_when_the_newer_one_starts(void **state)
{
    (void)state;
    struct moq_track *track = track_of(10);
    now.now_ns = 0;
    struct moq_group *five = open_group(track, 5);
    assert_int_equal(five->superseded_ns, 0);
    now.now_ns = 2000;
    struct moq_group *seven = open_group(track, 7);
    now.now_ns = 3000;
    struct moq_group *six = open_group(track, 6);
    assert_int_equal(five->superseded_ns, 2000);
    assert_int_equal(six->superseded_ns, 2000);
    assert_int_equal(seven->superseded_ns, 0);
    assert_int_equal(five->started_ns, 1);
    now.now_ns = 4000;
    moq_track_finish_group(track, seven);
    assert_int_equal(seven->ended_ns, 4000);
    moq_track_unref(&track);
    now.now_ns = 1000;
}

static void the_next_newer_group_is_found_from_one_that_was_dropped(void **state)
{
    (void)state;
    struct moq_track *track = track_of(2);
    put_group(track, 1);
    struct moq_group *old = moq_group_ref(moq_track_newest(track));
    put_group(track, 2);
    put_group(track, 3);
    assert_int_equal(moq_track_after(track, old)->sequence, 2);
    put_group(track, 9);
    assert_int_equal(moq_track_after(track, old)->sequence, 3);
    assert_null(moq_track_after(track, moq_track_newest(track)));
    moq_group_unref(&old);
    moq_track_unref(&track);
}

static void a_reader_keeps_a_group_that_the_track_dropped(void **state)
{
    (void)state;
    struct moq_track *track = track_of(1);
    struct moq_group *group = open_group(track, 1);
    struct moq_group_reader reader;
    const uint8_t *data;
    size_t size;
    assert_int_equal(moq_track_write_frame(track, group, "hello", 5), 0);
    moq_group_reader_init(&reader, group);
    moq_track_finish_group(track, group);
    put_group(track, 2);
    moq_track_unref(&track);
    assert_int_equal(moq_group_reader_next(&reader, &data, &size), 0);
    assert_memory_equal(data, "hello", 5);
    assert_int_equal(moq_group_reader_next(&reader, &data, &size), MOQ_ERR_END);
    moq_group_reader_deinit(&reader);
}

static void a_track_that_goes_cuts_its_groups(void **state)
{
    (void)state;
    struct moq_track *track = track_of(5);
    struct moq_group *group = moq_group_ref(open_group(track, 1));
    moq_track_unref(&track);
    assert_true(group_has_ended(group));
    assert_int_equal(group->error, MOQ_ERR_CANCELLED);
    moq_group_unref(&group);
}

/* ---- Frames ---------------------------------------------------------------------------------- */

static void a_frame_is_written_as_size_and_payload(void **state)
{
    (void)state;
    struct moq_track *track = track_of(5);
    struct moq_group *group = open_group(track, 1);
    struct bytes_cursor cursor;
    uint8_t out[9];
    assert_int_equal(moq_track_write_frame(track, group, "hello", 5), 0);
    assert_int_equal(moq_track_write_frame(track, group, NULL, 0), 0);
    assert_int_equal(moq_track_append(track, group, "\x01", 1), 0);
    assert_int_equal(moq_track_append(track, group, "x", 1), 0);
    bytes_cursor_init(&cursor, &group->body->log);
    assert_true(bytes_cursor_read(&cursor, out, sizeof out));
    assert_memory_equal(out, "\x05hello\x00\x01x", 9);
    moq_track_unref(&track);
}

static void frames_and_groups_over_their_bounds_are_refused(void **state)
{
    (void)state;
    struct moq_track *track = track_of(5);
    struct moq_group *group = open_group(track, 1);
    uint8_t *data = calloc(1, MOQ_FRAME_MAX_BYTES + 1);
    assert_int_equal(moq_track_write_frame(track, group, data, MOQ_FRAME_MAX_BYTES + 1),
                     MOQ_ERR_BOUNDS);
    for (int i = 0; i < 3; i++)
        assert_int_equal(moq_track_write_frame(track, group, data, MOQ_FRAME_MAX_BYTES), 0);
    assert_int_equal(moq_track_write_frame(track, group, data, MOQ_FRAME_MAX_BYTES),
                     MOQ_ERR_BOUNDS);
    assert_int_equal(moq_group_length(group), 3 * (MOQ_FRAME_MAX_BYTES + 4));
    assert_int_equal(moq_track_append(track, group, data, MOQ_FRAME_MAX_BYTES), MOQ_ERR_BOUNDS);
    moq_track_finish_group(track, group);
    assert_int_equal(moq_track_write_frame(track, group, "x", 1), MOQ_ERR_CLOSED);
    free(data);
    moq_track_unref(&track);
}

/* ---- The end --------------------------------------------------------------------------------- */

static void a_clean_end_lets_growing_groups_finish(void **state)
{
    (void)state;
    struct moq_track *track = track_of(5);
    struct moq_group *group = open_group(track, 1);
    int error = 1;
    moq_track_end(track, 0);
    moq_track_end(track, MOQ_ERR_TIMEOUT);
    assert_true(moq_track_has_ended(track, &error));
    assert_true(moq_track_has_ended(track, NULL));
    assert_int_equal(error, 0);
    assert_int_equal(moq_track_append(track, group, "x", 1), 0);
    assert_int_equal(refusal(track, 2), MOQ_ERR_CLOSED);
    moq_track_unref(&track);
}

static void an_end_with_an_error_cuts_them(void **state)
{
    (void)state;
    struct moq_track *track = track_of(5);
    put_group(track, 1);
    struct moq_group *two = open_group(track, 2), *three = open_group(track, 3);
    int error = 0;
    moq_track_end(track, MOQ_ERR_OFFLINE);
    assert_true(moq_track_has_ended(track, &error));
    assert_int_equal(error, MOQ_ERR_OFFLINE);
    assert_int_equal(two->error, MOQ_ERR_OFFLINE);
    assert_int_equal(three->error, MOQ_ERR_OFFLINE);
    assert_int_equal(moq_track_find(track, 1)->error, 0);
    assert_kept(track, "1 2 3");
    moq_track_unref(&track);
}

static void what_the_only_reader_has_read_can_be_dropped(void **state)
{
    struct moq_track *track = track_of(2);
    struct moq_group *group = open_group(track, 0);
    struct moq_group_reader reader;
    static uint8_t frame[100000];
    const uint8_t *data = NULL;
    size_t size = 0;
    (void)state;
    moq_group_reader_init(&reader, group);
    for (uint8_t i = 0; i < 100; i++) { /* 10 MB in all */
        frame[0] = i;
        assert_int_equal(moq_track_write_frame(track, group, frame, sizeof frame), 0);
        assert_int_equal(moq_group_reader_next(&reader, &data, &size), 0);
        assert_int_equal(data[0], i);
        assert_int_equal(size, sizeof frame);
        moq_track_drop_read(track, &reader);
        assert_true(moq_track_cached_bytes(track) < 4 * sizeof frame);
    }
    moq_track_finish_group(track, group);
    assert_int_equal(moq_group_reader_next(&reader, &data, &size), MOQ_ERR_END);
    for (uint64_t i = 1; i < 4; i++)
        put_group(track, i);
    moq_track_drop_read(track, &reader); /* it is not in the track any more */
    assert_true(moq_track_cached_bytes(track) < sizeof frame);
    moq_group_reader_deinit(&reader);
    moq_track_unref(&track);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_track_has_nothing),
        cmocka_unit_test(the_newest_groups_are_kept_by_count),
        cmocka_unit_test(short_groups_outlive_their_number_for_the_grace),
        cmocka_unit_test(a_group_out_of_order_goes_to_its_place),
        cmocka_unit_test(a_group_comes_once),
        cmocka_unit_test(what_was_dropped_does_not_come_back),
        cmocka_unit_test(a_lower_group_is_taken_only_if_it_would_stay),
        cmocka_unit_test(a_publisher_that_starts_again_lower_is_heard_when_it_catches_up),
        cmocka_unit_test(sequences_jump_to_the_last_number),
        cmocka_unit_test(old_groups_go_with_their_age_but_never_the_newest),
        cmocka_unit_test(expiry_ages_the_cache_too),
        cmocka_unit_test(bytes_are_bounded_and_the_newest_stays_whatever_it_weighs),
        cmocka_unit_test(growing_groups_are_cut_when_nothing_else_can_go),
        cmocka_unit_test(a_writer_learns_that_its_own_bytes_were_too_many),
        cmocka_unit_test(without_limits_there_are_still_limits),
        cmocka_unit_test(smaller_limits_work_at_once),
        cmocka_unit_test(so_many_groups_grow_and_no_more),
        cmocka_unit_test(being_superseded_is_stamped_when_the_newer_one_starts),
        cmocka_unit_test(the_next_newer_group_is_found_from_one_that_was_dropped),
        cmocka_unit_test(a_reader_keeps_a_group_that_the_track_dropped),
        cmocka_unit_test(a_track_that_goes_cuts_its_groups),
        cmocka_unit_test(a_frame_is_written_as_size_and_payload),
        cmocka_unit_test(frames_and_groups_over_their_bounds_are_refused),
        cmocka_unit_test(what_the_only_reader_has_read_can_be_dropped),
        cmocka_unit_test(a_clean_end_lets_growing_groups_finish),
        cmocka_unit_test(an_end_with_an_error_cuts_them),
    };
    return cmocka_run_group_tests(tests, NULL, nothing_lives);
}
