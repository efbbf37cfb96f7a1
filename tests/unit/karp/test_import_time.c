/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Times that are missing, wrap, lie below zero or start again: they continue in sync, and nothing
 * is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "sample_files.h"

static void put_video_32(struct file *file, uint32_t time, const char *text)
{
    file_fragment(file, &(struct sample_run){.track = 1,
                                             .time = time,
                                             .width = TIME_32,
                                             .texts = text,
                                             .duration = 40,
                                             .first_flags = 0x02000000});
}

static void import_all(const struct file *file, struct notes *notes)
{
    import_well(file, notes);
    for (int i = 0; i < KARP_LOSS_COUNT; i++)
        assert_int_equal(notes->counts.left_out[i], 0);
}

static void assert_frames(const struct file *file, const char *frames)
{
    struct notes notes;
    import_all(file, &notes);
    assert_string_equal(notes.text, frames);
}

static void a_fragment_without_a_time_begins_where_the_one_before_ended(void **state)
{
    (void)state;
    struct file file;
    struct sample_run run = {.track = 1, .time = 500, .texts = "a b", .duration = 40};
    file_both(&file);
    file_fragment(&file, &run);
    run.width = TIME_NONE;
    run.texts = "c d";
    file_fragment(&file, &run);
    file_fragment(&file, &run);
    assert_frames(&file, "+video1 500000 a\n+video1 540000 b\n+video1 580000 c\n"
                         "+video1 620000 d\n+video1 660000 c\n+video1 700000 d\n");

    file_both(&file); /* and at zero when there is none before */
    file_fragment(&file, &run);
    assert_frames(&file, "+video1 0 c\n+video1 40000 d\n");
}

static void smooth_streaming_tells_times_in_a_box_of_its_own(void **state)
{
    (void)state;
    struct file file;
    file_both(&file);
    size_t moof = file_begin(&file, "moof"), traf = file_begin(&file, "traf");
    size_t tfhd = file_begin(&file, "tfhd");
    file_put(&file, 0x20000, 4);
    file_put(&file, 1, 4);
    file_end(&file, tfhd);
    size_t uuid = file_begin(&file, "uuid");
    file_put(&file, UINT64_C(0x6d1d9b0542d544e6), 8);
    file_put(&file, UINT64_C(0x80e2141daff757b2), 8);
    file_put(&file, 0x01000000, 4);
    file_put(&file, 7000, 8);
    file_put(&file, 40, 8);
    file_end(&file, uuid);
    size_t trun = file_begin(&file, "trun");
    file_put(&file, 0x200, 4);
    file_put(&file, 1, 4);
    file_put(&file, 3, 4);
    file_end(&file, trun);
    file_end(&file, traf);
    file_end(&file, moof);
    size_t mdat = file_begin(&file, "mdat");
    file_text(&file, "Key");
    file_end(&file, mdat);
    assert_frames(&file, "+video1 7000000 Key\n");
}

static void times_that_start_again_go_on_in_step(void **state)
{
    (void)state;
    struct file file;
    struct notes notes;
    file_both(&file);
    for (int round = 0; round < 3; round++) {
        if (round == 1)
            file_ftyp(&file);
        if (round > 0)
            file_moov(&file, both_tracks, 2);
        file_pictures(&file, 1000, "K1 d1");
        file_sounds(&file, 48000, "a1 a2 a3 a4 a5");
    }
    import_all(&file, &notes);
    assert_string_equal(notes.text, "+video1 1000000 K1\nvideo1 1040000 d1\n+audio2 1000000 a1\n"
                                    "audio2 1020000 a2\naudio2 1040000 a3\naudio2 1060000 a4\n"
                                    "audio2 1080000 a5\n"
                                    "+video1 1100000 K1\nvideo1 1140000 d1\n+audio2 1100000 a1\n"
                                    "audio2 1120000 a2\naudio2 1140000 a3\naudio2 1160000 a4\n"
                                    "audio2 1180000 a5\n"
                                    "+video1 1200000 K1\nvideo1 1240000 d1\n+audio2 1200000 a1\n"
                                    "audio2 1220000 a2\naudio2 1240000 a3\naudio2 1260000 a4\n"
                                    "audio2 1280000 a5\n");
    assert_int_equal(notes.catalogs, 1);
    assert_int_equal(notes.counts.restarts, 2);
    assert_int_equal(notes.counts.frames, 21);
}

/* As an encoder does that fragments without repeating its moov. */
static void they_do_so_without_a_moov_in_between(void **state)
{
    (void)state;
    struct file file;
    file_both(&file);
    file_pictures(&file, 5000, "K1 d1");
    file_sounds(&file, 240000, "a1");
    file_pictures(&file, 0, "K2");
    file_sounds(&file, 480, "a2"); /* 10 ms after its picture, as ever */
    file_pictures(&file, 40, "K3");
    file_sounds(&file, 1440, "a3");
    assert_frames(&file, "+video1 5000000 K1\nvideo1 5040000 d1\n+audio2 5000000 a1\n"
                         "+video1 5080000 K2\n+audio2 5090000 a2\n"
                         "+video1 5120000 K3\n+audio2 5110000 a3\n");
}

/* An encoder that comes back with another clock; without a moov a leap ahead is a gap. */
static void a_leap_after_a_moov_is_a_new_start_as_well(void **state)
{
    (void)state;
    struct file file;
    file_both(&file);
    file_pictures(&file, 0, "a");
    file_sounds(&file, 0, "b");
    file_pictures(&file, 100000, "c");
    file_sounds(&file, 4800000, "d");
    file_moov(&file, both_tracks, 2);
    file_pictures(&file, 1700000000000, "e");
    file_sounds(&file, UINT64_C(1700000000) * 48000 + 480, "f");
    assert_frames(&file, "+video1 0 a\n+audio2 0 b\n+video1 100000000 c\n+audio2 100000000 d\n"
                         "+video1 100040000 e\n+audio2 100050000 f\n");
}

static void a_track_that_begins_before_the_others_finds_room(void **state)
{
    (void)state;
    struct file file;
    file_both(&file);
    for (int round = 0; round < 2; round++) {
        file_pictures(&file, 60, "K d e f");
        file_sounds(&file, 0, "a b");
    }
    assert_frames(&file, "+video1 60000 K\nvideo1 100000 d\nvideo1 140000 e\nvideo1 180000 f\n"
                         "+audio2 0 a\naudio2 20000 b\n"
                         "+video1 280000 K\nvideo1 320000 d\nvideo1 360000 e\nvideo1 400000 f\n"
                         "+audio2 220000 a\naudio2 240000 b\n");
}

static void small_steps_back_are_jitter(void **state)
{
    (void)state;
    struct file file;
    struct notes notes;
    file_both(&file);
    file_pictures(&file, 1000, "a");
    file_pictures(&file, 990, "b");
    file_pictures(&file, 1020, "c");
    import_all(&file, &notes);
    assert_string_equal(notes.text, "+video1 1000000 a\n+video1 990000 b\n+video1 1020000 c\n");
    assert_int_equal(notes.counts.restarts, 0);
}

static void times_of_32_bits_wrap(void **state)
{
    (void)state;
    struct file file;
    struct notes notes;
    file_both(&file);
    put_video_32(&file, 0x80000000, "a");
    file_pictures(&file, UINT32_MAX - 39, "b"); /* after hours, which tell it from one below zero */
    put_video_32(&file, 0, "c");
    put_video_32(&file, 40, "d");
    put_video_32(&file, 0x80000000, "e");
    file_pictures(&file, UINT32_MAX - 79, "f");
    put_video_32(&file, 5, "g"); /* with two frames missing */
    import_all(&file, &notes);
    assert_string_equal(notes.text, "+video1 2147483648000 a\n+video1 4294967256000 b\n"
                                    "+video1 4294967296000 c\n+video1 4294967336000 d\n"
                                    "+video1 6442450944000 e\n+video1 8589934512000 f\n"
                                    "+video1 8589934597000 g\n");
    assert_int_equal(notes.counts.restarts, 0);
}

/* Video has wrapped and audio has not: from zero on, they are in sync again. */
static void a_start_from_zero_after_a_wrap_is_in_step(void **state)
{
    (void)state;
    struct file file;
    file_both(&file);
    put_video_32(&file, 0x80000000, "a");
    file_sounds(&file, UINT64_C(0x80000000) * 48, "b");
    file_pictures(&file, UINT32_MAX - 39, "c");
    file_sounds(&file, (UINT64_C(1) << 32) * 48 - 1920, "d");
    put_video_32(&file, 0, "e");
    file_sounds(&file, (UINT64_C(1) << 32) * 48, "f");
    put_video_32(&file, 400, "g");
    put_video_32(&file, 0, "h");
    file_sounds(&file, 480, "i");
    assert_frames(&file, "+video1 2147483648000 a\n+audio2 2147483648000 b\n"
                         "+video1 4294967256000 c\n+audio2 4294967256000 d\n"
                         "+video1 4294967296000 e\n+audio2 4294967296000 f\n"
                         "+video1 4294967696000 g\n+video1 4294967736000 h\n"
                         "+audio2 4294967746000 i\n");
}

static void a_start_from_zero_after_many_hours_is_no_wrap(void **state)
{
    (void)state;
    struct file file;
    struct notes notes;
    file_both(&file);
    put_video_32(&file, 0xf0000000, "a");
    put_video_32(&file, 0, "b");
    import_all(&file, &notes);
    assert_string_equal(notes.text, "+video1 4026531840000 a\n+video1 4026531880000 b\n");
    assert_int_equal(notes.counts.restarts, 1);
}

static void times_below_zero_move_all_tracks(void **state)
{
    (void)state;
    static const uint64_t below[] = {UINT64_MAX - 959, UINT32_MAX - 959};
    for (int i = 0; i < 2; i++) {
        struct file file;
        struct notes notes;
        struct sample_run audio = {.track = 2, .time = below[i], .texts = "a b", .duration = 960};
        audio.width = i == 0 ? TIME_64 : TIME_32;
        file_both(&file);
        file_fragment(&file, &audio);
        file_pictures(&file, 0, "K");
        file_sounds(&file, 960, "c");
        import_all(&file, &notes);
        assert_string_equal(notes.text, "+audio2 0 a\naudio2 20000 b\n+video1 20000 K\n"
                                        "+audio2 40000 c\n");
        assert_non_null(strstr(notes.catalog, "],\"start\":20000}"));
    }
}

/* Sound in fragments of its own begins below zero after the first picture has come. */
static void frames_wait_until_each_track_has_begun(void **state)
{
    (void)state;
    struct file file;
    struct notes notes;
    file_both(&file);
    file_pictures(&file, 0, "K d");
    file_pictures(&file, 80, "e f");
    file_sounds(&file, UINT64_MAX - 959, "a b");
    file_pictures(&file, 160, "K");
    import_all(&file, &notes);
    assert_string_equal(notes.text,
                        "+video1 20000 K\nvideo1 60000 d\n+video1 100000 e\nvideo1 140000 f\n"
                        "+audio2 0 a\naudio2 20000 b\n+video1 180000 K\n");
    assert_non_null(strstr(notes.catalog, "],\"start\":20000}"));
}

static void they_wait_a_second_for_a_track_that_stays_silent(void **state)
{
    (void)state;
    struct file file;
    struct notes notes = {0};
    struct karp_importer *importer = karp_importer_new(&note_events, &notes, NULL);
    file_both(&file);
    file_pictures(&file, 5000, "a");
    file_pictures(&file, 6000, "b");
    assert_int_equal(karp_importer_feed(importer, file.data, file.size), 0);
    assert_int_equal(notes.catalogs, 0);
    size_t end = file.size;
    file_pictures(&file, 6001, "c");
    assert_int_equal(karp_importer_feed(importer, file.data + end, file.size - end), 0);
    assert_int_equal(notes.catalogs, 1);
    assert_string_equal(notes.text, "+video1 5000000 a\n+video1 6000000 b\n+video1 6001000 c\n");
    karp_importer_free(importer);
}

static void frames_that_wait_are_not_lost_to_a_fault(void **state)
{
    (void)state;
    struct file file;
    file_both(&file);
    file_pictures(&file, 0, "K d");
    size_t end = file.size;
    file_text(&file, "cut");
    for (int i = 0; i < 2; i++) {
        struct notes notes = {0};
        struct karp_failure failure = {0};
        assert_int_equal(import_file(file.data, file.size, 100, &notes, &failure), MOQ_ERR_MEDIA);
        assert_string_equal(karp_failure_word(failure.kind), i ? "InvalidSize" : "TrailingData");
        assert_string_equal(notes.text, "+video1 0 K\nvideo1 40000 d\n");
        file.size = end;
        file_put(&file, 0x00000002, 4); /* a box that is smaller than its header */
        file_text(&file, "moof");
    }
}

/* Positions in the tables of a moov and in a tfhd count from the start of their file. */
static void files_with_absolute_positions_may_follow_each_other(void **state)
{
    (void)state;
    struct file file;
    file_both(&file);
    size_t moof = file.size;
    for (int round = 0; round < 2; round++) {
        if (round > 0) {
            file_ftyp(&file);
            file_moov(&file, both_tracks, 2);
        }
        size_t start = file_begin(&file, "moof"), traf = file_begin(&file, "traf");
        size_t tfhd = file_begin(&file, "tfhd");
        file_put(&file, 1, 4);
        file_put(&file, 1, 4);
        file_put(&file, moof, 8);
        file_end(&file, tfhd);
        size_t trun = file_begin(&file, "trun");
        file_put(&file, 0x201, 4);
        file_put(&file, 1, 4);
        file_put(&file, 8 + 8 + 24 + 24 + 8, 4);
        file_put(&file, 3, 4);
        file_end(&file, trun);
        file_end(&file, traf);
        file_end(&file, start);
        size_t mdat = file_begin(&file, "mdat");
        file_text(&file, "Key");
        file_end(&file, mdat);
    }
    assert_frames(&file, "+video1 0 Key\n+video1 0 Key\n");
}

static void a_moov_that_differs_in_dates_only_is_a_repetition(void **state)
{
    (void)state;
    struct file file;
    struct notes notes;
    file_both(&file);
    file_pictures(&file, 0, "K d");
    size_t moov = file.size;
    file_moov(&file, both_tracks, 2);
    for (size_t at = moov; at + 24 < file.size; at++) {
        bool is_dated = memcmp(file.data + at, "mvhd", 4) == 0 ||
                        memcmp(file.data + at, "mdhd", 4) == 0 ||
                        memcmp(file.data + at, "tkhd", 4) == 0;
        for (size_t i = 8; is_dated && i < 16; i++)
            file.data[at + i] = (uint8_t)(0x10 + i); /* created and modified */
    }
    file_pictures(&file, 80, "K d");
    import_all(&file, &notes);
    assert_string_equal(notes.text, "+video1 0 K\nvideo1 40000 d\n+video1 80000 K\n"
                                    "video1 120000 d\n");
    assert_int_equal(notes.catalogs, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fragment_without_a_time_begins_where_the_one_before_ended),
        cmocka_unit_test(smooth_streaming_tells_times_in_a_box_of_its_own),
        cmocka_unit_test(times_that_start_again_go_on_in_step),
        cmocka_unit_test(they_do_so_without_a_moov_in_between),
        cmocka_unit_test(a_leap_after_a_moov_is_a_new_start_as_well),
        cmocka_unit_test(a_track_that_begins_before_the_others_finds_room),
        cmocka_unit_test(small_steps_back_are_jitter),
        cmocka_unit_test(times_of_32_bits_wrap),
        cmocka_unit_test(a_start_from_zero_after_a_wrap_is_in_step),
        cmocka_unit_test(a_start_from_zero_after_many_hours_is_no_wrap),
        cmocka_unit_test(times_below_zero_move_all_tracks),
        cmocka_unit_test(frames_wait_until_each_track_has_begun),
        cmocka_unit_test(they_wait_a_second_for_a_track_that_stays_silent),
        cmocka_unit_test(frames_that_wait_are_not_lost_to_a_fault),
        cmocka_unit_test(files_with_absolute_positions_may_follow_each_other),
        cmocka_unit_test(a_moov_that_differs_in_dates_only_is_a_repetition),
    };
    return cmocka_run_group_tests(tests, quiet, NULL);
}
