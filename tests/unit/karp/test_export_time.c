/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The times that the exporter writes: presentation times are kept, decode times are made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "export_sink.h"
#include "sample_files.h"

static struct karp_catalog *reordering_catalog(void)
{
    uint8_t record[64];
    return catalog_of("avc1.64000d", record, put_record(record), NULL);
}

/* Exports the times of `frames` ("k" before a group start is told by is_key) as the one track of
 * `catalog`. */
static void export_times(struct karp_catalog *catalog, const int64_t *times, const bool *is_key,
                         size_t count, const struct karp_export_options *options)
{
    struct karp_exporter *exporter = export_catalog(catalog, options);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(put(exporter, 0, is_key[i], (uint64_t)times[i], "x"), 0);
    finish(exporter);
    assert_int_equal(sink.count, count);
}

/* The longest time by which decoding comes after presentation; 0: never. */
static int64_t assert_times(const int64_t *times, size_t count, int64_t lead_us)
{
    int64_t late = 0;
    for (size_t i = 0; i < count; i++) {
        const struct packet *packet = &sink.packets[i];
        assert_int_equal(packet->pts, times[i] + lead_us);
        if (packet->dts - packet->pts > late)
            late = packet->dts - packet->pts;
    }
    return late;
}

/* The media time of the one edit in the init segment; -1 without one. */
static int64_t edit_of_file(void)
{
    const uint8_t *elst = memmem(sink.data, sink.size, "elst\1\0\0\0\0\0\0\1", 12);
    return elst ? (int64_t)number_at(elst + 20, 8) : -1;
}

static const int64_t b_frames[] = {0,      133333, 66666,  33333,  100000, 266666,
                                   200000, 166666, 233333, 300000, 433333, 366666,
                                   333333, 400000, 566666, 500000, 466666, 533333};
static const bool b_keys[] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0};

static void b_frames_that_begin_at_zero_are_decoded_as_late_as_they_were_encoded(void **state)
{
    (void)state;
    export_times(reordering_catalog(), b_frames, b_keys, 18, NULL);
    for (size_t i = 0; i < 17; i++)
        assert_in_range(sink.packets[i].duration, 33332, 33334);
    assert_int_equal(assert_times(b_frames, 18, 0), 66667);
    assert_int_equal(edit_of_file(), -1);
    assert_int_equal(sink.fragments, 18);
}

static void b_frames_that_begin_after_their_delay_are_decoded_before(void **state)
{
    (void)state;
    int64_t later[18];
    for (size_t i = 0; i < 18; i++)
        later[i] = b_frames[i] + 66666;
    export_times(reordering_catalog(), later, b_keys, 18, NULL);
    assert_int_equal(assert_times(later, 18, 0), 0);
    assert_in_range(sink.packets[0].dts, 0, 1);
}

static void a_start_becomes_an_edit_list_and_room_to_decode_before(void **state)
{
    (void)state;
    enum { LEAD_US = 200000 };
    struct karp_catalog *catalog = reordering_catalog();
    catalog->has_start = true;
    catalog->start_us = 23220;
    export_times(catalog, b_frames, b_keys, 18, NULL);
    assert_int_equal(edit_of_file(), 23220 + LEAD_US);
    assert_int_equal(assert_times(b_frames, 18, LEAD_US), 0);
    for (size_t i = 0; i < 17; i++)
        assert_in_range(sink.packets[i].duration, 33332, 33334);
}

static void times_are_in_the_ticks_of_the_file_that_was_published(void **state)
{
    (void)state;
    struct karp_catalog *catalog = reordering_catalog();
    catalog->has_start = true;
    catalog->tracks[0].timescale = 15360;
    export_times(catalog, b_frames, b_keys, 18, NULL);
    assert_int_equal(edit_of_file(), 3072);
    for (size_t i = 0; i < 17; i++) {
        assert_int_equal(sink.packets[i].duration, 512);
        assert_int_equal(sink.packets[i].pts, 3072 + (b_frames[i] + 1) / 33333 * 512);
    }
}

static void a_stream_that_ends_or_jumps_in_its_opening_is_written(void **state)
{
    (void)state;
    static const int64_t times[] = {0, 133333, 66666, 60000000, 60133333};
    static const bool keys[] = {1, 0, 0, 1, 0};
    for (size_t count = 1; count <= 5; count++) {
        export_times(reordering_catalog(), times, keys, count, NULL);
        assert_times(times, count, 0);
    }
}

static void frames_that_last_seconds_are_decoded_before_they_are_shown(void **state)
{
    (void)state;
    enum { S = 1000000, LEAD_US = 200000 };
    static const int64_t slow[] = {0, 3 * S, 1 * S, 2 * S, 6 * S, 4 * S, 5 * S, 7 * S, 10 * S};
    static const int64_t open_groups[] = {0 * S,  12 * S, 4 * S,  8 * S,  24 * S, 16 * S, 20 * S,
                                          36 * S, 28 * S, 32 * S, 48 * S, 40 * S, 44 * S};
    static const bool keys[] = {1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0};
    struct karp_catalog *catalog = reordering_catalog();
    catalog->has_start = true;
    export_times(catalog, slow, keys, 9, NULL);
    assert_int_equal(assert_times(slow, 9, LEAD_US), 0);

    catalog = reordering_catalog();
    catalog->has_start = true;
    export_times(catalog, open_groups, keys, 13, NULL);
    assert_int_equal(assert_times(open_groups, 13, LEAD_US), 0);
}

static void slow_frames_that_begin_at_zero_are_decoded_as_late_as_they_were_encoded(void **state)
{
    (void)state;
    int64_t slow[18];
    for (size_t i = 0; i < 18; i++)
        slow[i] = (b_frames[i] + 1) / 33333 * 1000000;
    export_times(reordering_catalog(), slow, b_keys, 18, NULL);
    assert_int_equal(assert_times(slow, 18, 0), 2000000);
}

static void a_first_frame_that_lasts_seconds_is_part_of_the_opening(void **state)
{
    (void)state;
    static const int64_t times[] = {80000, 3261406, 3141406, 3061406, 3101406, 3221406, 3181406};
    static const bool keys[] = {1, 0, 0, 0, 0, 0, 0};
    export_times(reordering_catalog(), times, keys, 7, NULL);
    assert_int_equal(assert_times(times, 7, 0), 0);
    assert_int_equal(sink.packets[0].dts, 0);
    assert_int_equal(sink.packets[1].dts, 40000);
}

static void an_opening_that_lasts_too_long_is_not_waited_for(void **state)
{
    (void)state;
    struct karp_exporter *exporter = export_catalog(reordering_catalog(), NULL);
    assert_int_equal(put(exporter, 0, true, 0, "x"), 0);
    assert_int_equal(put(exporter, 0, false, 40000000, "x"), 0);
    assert_int_equal(karp_exporter_counters(exporter).frames, 0);
    assert_int_equal(put(exporter, 0, false, 80000000, "x"), 0);
    assert_int_equal(karp_exporter_counters(exporter).frames, 2);
    finish(exporter);
    assert_int_equal(sink.count, 3);
}

static void a_group_can_be_one_fragment(void **state)
{
    (void)state;
    const struct karp_export_options options = {.is_fragment_per_group = true};
    export_times(reordering_catalog(), b_frames, b_keys, 18, &options);
    assert_int_equal(sink.fragments, 2);
}

static void a_late_viewer_who_joins_at_an_open_group_gets_it_in_order(void **state)
{
    (void)state;
    static const int64_t times[] = {5133333, 5066666, 5033333, 5100000, 5266666, 5200000, 5166666};
    static const bool keys[] = {1, 0, 0, 0, 0, 0, 0};
    export_times(reordering_catalog(), times, keys, 7, NULL);
    assert_int_equal(assert_times(times, 7, 0), 0);
}

static void lost_groups_jump_forward(void **state)
{
    (void)state;
    static const int64_t times[] = {0, 133333, 66666, 33333, 100000, 60000000, 60133333, 60066666};
    static const bool keys[] = {1, 0, 0, 0, 0, 1, 0, 0};
    export_times(reordering_catalog(), times, keys, 8, NULL);
    assert_times(times, 8, 0);
    assert_true(sink.packets[5].dts > 59000000);
}

static void sounds_of_the_same_time_are_a_microsecond_apart(void **state)
{
    (void)state;
    struct karp_exporter *exporter = exporter_of(NULL, "opus", NULL);
    static const uint64_t times[] = {0, 46439, 46439, 69659};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(put(exporter, 0, i == 0, times[i], "x"), 0);
    finish(exporter);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(sink.packets[i].pts, times[i] + (i == 2));
        assert_int_equal(sink.packets[i].dts, sink.packets[i].pts);
    }
}

static void a_depth_that_nobody_told_is_learned(void **state)
{
    (void)state;
    struct karp_exporter *exporter =
        exporter_of("vp8", NULL, NULL); /* VP8 never reorders, says the codec */
    for (size_t i = 0; i < 18; i++)
        assert_int_equal(put(exporter, 0, b_keys[i], (uint64_t)b_frames[i], "x"), 0);
    finish(exporter);
    for (size_t i = 0; i < 18; i++) {
        assert_int_equal(sink.packets[i].pts, b_frames[i]);
        assert_true(i < 9 || sink.packets[i].dts <= sink.packets[i].pts);
    }
}

static void an_offset_moves_the_beginning(void **state)
{
    (void)state;
    const struct karp_export_options options = {.offset_us = -5000000};
    struct karp_exporter *exporter = exporter_of("vp8", NULL, &options);
    assert_int_equal(put(exporter, 0, true, 4000000, "early"), 0);
    assert_int_equal(put(exporter, 0, true, 5040000, "key"), 0);
    finish(exporter);
    assert_int_equal(sink.count, 1);
    assert_int_equal(sink.packets[0].pts, 40000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(b_frames_that_begin_at_zero_are_decoded_as_late_as_they_were_encoded),
        cmocka_unit_test(b_frames_that_begin_after_their_delay_are_decoded_before),
        cmocka_unit_test(a_start_becomes_an_edit_list_and_room_to_decode_before),
        cmocka_unit_test(times_are_in_the_ticks_of_the_file_that_was_published),
        cmocka_unit_test(a_stream_that_ends_or_jumps_in_its_opening_is_written),
        cmocka_unit_test(a_group_can_be_one_fragment),
        cmocka_unit_test(a_late_viewer_who_joins_at_an_open_group_gets_it_in_order),
        cmocka_unit_test(lost_groups_jump_forward),
        cmocka_unit_test(frames_that_last_seconds_are_decoded_before_they_are_shown),
        cmocka_unit_test(slow_frames_that_begin_at_zero_are_decoded_as_late_as_they_were_encoded),
        cmocka_unit_test(a_first_frame_that_lasts_seconds_is_part_of_the_opening),
        cmocka_unit_test(an_opening_that_lasts_too_long_is_not_waited_for),
        cmocka_unit_test(sounds_of_the_same_time_are_a_microsecond_apart),
        cmocka_unit_test(a_depth_that_nobody_told_is_learned),
        cmocka_unit_test(an_offset_moves_the_beginning),
    };
    return cmocka_run_group_tests(tests, quiet, NULL);
}
