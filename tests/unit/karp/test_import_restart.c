/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tracks whose times start again: together they get the same offset, and a track that does so alone
 * stays in sync with the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sample_files.h"

static void put_audio(struct file *file, uint64_t ms, const char *texts)
{
    file_sounds(file, ms * 48, texts);
}

static void assert_frames(const struct file *file, uint64_t restarts, const char *frames)
{
    struct notes notes;
    import_well(file, &notes);
    assert_string_equal(notes.text, frames);
    assert_int_equal(notes.counts.restarts, restarts);
    assert_int_equal(notes.catalogs, 1);
}

static void assert_line(const struct notes *notes, const char *track, uint64_t us, const char *text)
{
    char line[64];
    snprintf(line, sizeof line, "%s %llu %s\n", track, (unsigned long long)us, text);
    if (!strstr(notes->text, line))
        fail_msg("no frame %sin\n%s", line, notes->text);
}

/* ---- Alone ----------------------------------------------------------------------------------- */

/* Sound lies ahead of picture in the file, and began before it. */
static void picture_that_starts_again_alone_goes_on_from_its_own_end(void **state)
{
    (void)state;
    struct file file;
    file_both(&file);
    put_audio(&file, 200, "a b a b a b");
    file_pictures(&file, 260, "K d");
    put_audio(&file, 320, "a b");
    file_pictures(&file, 0, "L d");
    put_audio(&file, 360, "a b a b");
    file_pictures(&file, 80, "M");
    put_audio(&file, 440, "a");
    assert_frames(&file, 1,
                  "+audio2 200000 a\naudio2 220000 b\naudio2 240000 a\naudio2 260000 b\n"
                  "audio2 280000 a\naudio2 300000 b\n+video1 260000 K\nvideo1 300000 d\n"
                  "+audio2 320000 a\naudio2 340000 b\n+video1 340000 L\nvideo1 380000 d\n"
                  "+audio2 360000 a\naudio2 380000 b\naudio2 400000 a\naudio2 420000 b\n"
                  "+video1 420000 M\n+audio2 440000 a\n");
}

static void so_does_sound(void **state)
{
    (void)state;
    struct file file;
    file_both(&file);
    file_pictures(&file, 1000, "K d d d");
    put_audio(&file, 1000, "a b a b");
    put_audio(&file, 20, "e f");
    file_pictures(&file, 1160, "L");
    put_audio(&file, 60, "b");
    assert_frames(&file, 1,
                  "+video1 1000000 K\nvideo1 1040000 d\nvideo1 1080000 d\nvideo1 1120000 d\n"
                  "+audio2 1000000 a\naudio2 1020000 b\naudio2 1040000 a\naudio2 1060000 b\n"
                  "audio2 1080000 e\naudio2 1100000 f\n+video1 1160000 L\n+audio2 1120000 b\n");
}

/* Whatever errors there were would add up. */
static void it_may_do_so_many_times(void **state)
{
    (void)state;
    struct file file;
    struct notes notes;
    file_both(&file);
    put_audio(&file, 0, "a b a b a b a b");
    file_pictures(&file, 100, "K d d d");
    for (uint64_t i = 0; i < 10; i++) {
        put_audio(&file, 160 + i * 160, "a b a b a b a b");
        file_pictures(&file, i % 2 ? 260 : 100, "L d d d");
    }
    put_audio(&file, 1760, "a");
    import_well(&file, &notes);
    assert_int_equal(notes.counts.restarts, 5);
    assert_line(&notes, "+video1", 1700000, "L");
    assert_line(&notes, "+audio2", 1760000, "a");
}

/* The pictures of five seconds are missing, as the sound tells. */
static void a_track_that_was_away_comes_back_in_step(void **state)
{
    (void)state;
    struct file file;
    struct notes notes;
    file_both(&file);
    for (uint64_t i = 0; i < 4; i++) {
        file_pictures(&file, i * 100, "K");
        put_audio(&file, i * 100, "a b a b a");
    }
    for (uint64_t i = 4; i < 54; i++)
        put_audio(&file, i * 100, "a b a b a");
    file_pictures(&file, 0, "L");
    put_audio(&file, 5400, "a b");
    import_well(&file, &notes);
    assert_int_equal(notes.counts.restarts, 1);
    assert_non_null(strstr(notes.text, "+video1 5400000 L\n+audio2 5400000 a\n"));
}

/* The muxer repeats its moov, which is no sign that all encoders were started again. */
static void a_moov_before_it_does_not_take_the_others_along(void **state)
{
    (void)state;
    struct file file;
    file_both(&file);
    file_pictures(&file, 5000, "K");
    put_audio(&file, 5000, "a b");
    file_moov(&file, both_tracks, 2);
    file_pictures(&file, 0, "L");
    put_audio(&file, 5040, "e f");
    file_moov(&file, both_tracks, 2);
    file_pictures(&file, 40, "M");
    put_audio(&file, 5080, "a b");
    assert_frames(&file, 1,
                  "+video1 5000000 K\n+audio2 5000000 a\naudio2 5020000 b\n"
                  "+video1 5040000 L\n+audio2 5040000 e\naudio2 5060000 f\n"
                  "+video1 5080000 M\n+audio2 5080000 a\naudio2 5100000 b\n");
}

/* A track that has continued does not join later because of jitter in its clock. */
static void a_small_step_back_of_another_afterwards_is_jitter(void **state)
{
    (void)state;
    struct file file;
    file_both(&file);
    put_audio(&file, 5000, "a b");
    file_pictures(&file, 5000, "K");
    put_audio(&file, 20, "e f");
    file_pictures(&file, 5040, "L");
    file_pictures(&file, 5030, "M");
    file_pictures(&file, 5080, "N");
    assert_frames(&file, 1,
                  "+audio2 5000000 a\naudio2 5020000 b\n+video1 5000000 K\n"
                  "+audio2 5040000 e\naudio2 5060000 f\n"
                  "+video1 5040000 L\n+video1 5030000 M\n+video1 5080000 N\n");
}

static void begin_traf(struct file *file, uint32_t track, uint64_t time)
{
    size_t tfhd = file_begin(file, "tfhd");
    file_put(file, 0x20000, 4);
    file_put(file, track, 4);
    file_end(file, tfhd);
    size_t tfdt = file_begin(file, "tfdt");
    file_put(file, 0x01000000, 4);
    file_put(file, time, 8);
    file_end(file, tfdt);
}

/* A fragment with both tracks, a frame of each. */
static void put_both(struct file *file, uint64_t video_ms, uint64_t audio_ms, const char *text)
{
    size_t moof = file_begin(file, "moof");
    for (uint32_t i = 0; i < 2; i++) {
        size_t traf = file_begin(file, "traf");
        begin_traf(file, i + 1, i ? audio_ms * 48 : video_ms);
        size_t trun = file_begin(file, "trun");
        file_put(file, 0x301, 4);
        file_put(file, 1, 4);
        file_put(file, 8 + 2 * (8 + 16 + 20 + 28) + 8 + i, 4);
        file_put(file, i ? 1920 : 40, 4);
        file_put(file, 1, 4);
        file_end(file, trun);
        file_end(file, traf);
    }
    file_end(file, moof);
    size_t mdat = file_begin(file, "mdat");
    file_text(file, text);
    file_end(file, mdat);
}

static void fragments_of_all_tracks_tell_at_once(void **state)
{
    (void)state;
    struct file file;
    file_both(&file);
    put_both(&file, 1000, 1000, "Ki"); /* sounds of 40 ms */
    put_both(&file, 200, 1040, "Lj");  /* picture alone */
    put_both(&file, 240, 900, "Mm");   /* sound alone */
    put_both(&file, 0, 10, "Nn");      /* both */
    assert_frames(&file, 3,
                  "+video1 1000000 K\n+audio2 1000000 i\n+video1 1040000 L\n+audio2 1040000 j\n"
                  "+video1 1080000 M\n+audio2 1080000 m\n+video1 1120000 N\n+audio2 1130000 n\n");
}

/* The clock of an encoder that runs on steps back between pictures that are reordered. */
static void a_step_within_a_group_keeps_the_order_of_pictures(void **state)
{
    (void)state;
    static const struct {
        uint64_t ms;
        int32_t offset;
        const char *text;
    } pictures[] = {
        {1000, 0, "K"}, {1040, 80, "P"}, {40, -40, "b"}, {80, -40, "b"}, {120, 80, "P"}};
    struct file file;
    file_both(&file);
    put_audio(&file, 1000, "a b");
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++)
        file_fragment(&file, &(struct sample_run){.track = 1,
                                                  .time = pictures[i].ms,
                                                  .texts = pictures[i].text,
                                                  .duration = 40,
                                                  .first_flags = i ? 0x01010000 : 0x02000000,
                                                  .offsets = {pictures[i].offset}});
    put_audio(&file, 1040, "a b");
    assert_frames(&file, 1,
                  "+audio2 1000000 a\naudio2 1020000 b\n+video1 1000000 K\nvideo1 1120000 P\n"
                  "video1 1040000 b\nvideo1 1080000 b\nvideo1 1240000 P\n"
                  "+audio2 1040000 a\naudio2 1060000 b\n");
}

/* ---- Clocks that wrap ------------------------------------------------------------------------ */

enum { WRAP_90K_S = 47721, WRAP_48K_S = 89478 }; /* 32 bits are full after 13 and 24 hours */

static const struct sample_track fast[] = {
    {.id = 1, .timescale = 90000, .handler = "vide", .codec = "avc1"},
    {.id = 2, .timescale = 48000, .handler = "soun", .codec = "Opus"},
};

/* Three pictures to reorder, shown from `ticks` + `offset` on. */
static void put_pictures(struct file *file, uint64_t ticks, bool is_wide, int32_t offset)
{
    file_fragment(file, &(struct sample_run){.track = 1,
                                             .time = is_wide ? ticks : ticks & UINT32_MAX,
                                             .width = is_wide ? TIME_64 : TIME_32,
                                             .texts = "K d d",
                                             .duration = 3600,
                                             .first_flags = 0x02000000,
                                             .flags = 0x01010000,
                                             .offsets = {offset, offset + 3600, offset - 3600}});
}

static void put_sounds(struct file *file, uint64_t ticks, bool is_wide)
{
    file_fragment(file, &(struct sample_run){.track = 2,
                                             .time = is_wide ? ticks : ticks & UINT32_MAX,
                                             .width = is_wide ? TIME_64 : TIME_32,
                                             .texts = "a b a",
                                             .duration = 960});
}

/* Picture wraps after 13 hours and sound after 24, whichever comes first in the file, and with
 * composition offsets that are negative. */
static void clocks_that_wrap_at_other_times_stay_in_step(void **state)
{
    (void)state;
    for (unsigned order = 0; order < 8; order++) {
        uint64_t base = (order & 1 ? WRAP_48K_S : WRAP_90K_S) - 20;
        int32_t offset = order & 2 ? 0 : 3600;
        static struct file file;
        struct notes notes;
        file.size = 0;
        file_ftyp(&file);
        file_moov(&file, fast, 2);
        for (uint64_t s = base; s < base + 40; s += 2) {
            if (order & 4)
                put_sounds(&file, s * 48000, s == base);
            put_pictures(&file, s * 90000, s == base, offset);
            if (!(order & 4))
                put_sounds(&file, s * 48000, s == base);
        }
        import_well(&file, &notes);
        assert_int_equal(notes.counts.restarts, 0);
        for (uint64_t s = base; s < base + 40; s += 2) {
            assert_line(&notes, "+video1", s * 1000000 + (uint64_t)offset * 100 / 9, "K");
            assert_line(&notes, "+audio2", s * 1000000, "a");
        }
    }
}

/* The clock of MPEG-TS has 33 bits at 90 kHz, in whichever ticks a muxer counts it then. */
static void the_clock_of_mpeg_ts_wraps_for_all_tracks(void **state)
{
    (void)state;
    static struct file file;
    struct notes notes;
    const uint64_t turn = UINT64_C(1) << 33, first = turn - UINT64_C(20) * 90000;
    file.size = 0;
    file_ftyp(&file);
    file_moov(&file, fast, 2);
    for (uint64_t ticks = first; ticks < first + UINT64_C(40) * 90000; ticks += 180000) {
        uint64_t time = ticks % turn;
        put_pictures(&file, time, true, 0);
        put_sounds(&file, time * 48 / 90, true);
    }
    import_well(&file, &notes);
    assert_int_equal(notes.counts.restarts, 0);
    for (uint64_t ticks = first; ticks < first + UINT64_C(40) * 90000; ticks += 180000) {
        assert_line(&notes, "+video1", ticks * 100 / 9, "K");
        assert_line(&notes, "+audio2", ticks * 48 / 90 * 1000 / 48, "a");
    }
}

/* ---- Together -------------------------------------------------------------------------------- */

static void an_encoder_that_restarts_takes_both_along_in_any_order(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        struct file file;
        struct notes notes;
        file_both(&file);
        file_pictures(&file, 5000, "K d");
        put_audio(&file, 4980, "a b a b");
        if (order == 0)
            file_pictures(&file, 0, "L");
        put_audio(&file, 10, "e f");
        if (order == 1)
            file_pictures(&file, 0, "L");
        file_pictures(&file, 40, "M");
        put_audio(&file, 50, "a b");
        import_well(&file, &notes);
        uint64_t offset = order == 0 ? 5100000 : 5080000 - 10000;
        assert_int_equal(notes.counts.restarts, 1);
        assert_line(&notes, "+video1", offset, "L");
        assert_line(&notes, "audio2", offset + 10000, "e");
        assert_line(&notes, "+video1", offset + 40000, "M");
        assert_line(&notes, "+audio2", offset + 50000, "a");
    }
}

/* Sound of before the restart comes after the first new picture. */
static void what_is_left_of_the_old_times_may_come_in_between(void **state)
{
    (void)state;
    struct file file;
    file_both(&file);
    file_pictures(&file, 5000, "K d");
    put_audio(&file, 5000, "a b");
    file_pictures(&file, 0, "L d");
    put_audio(&file, 5040, "a b");
    put_audio(&file, 10, "e f"); /* 10 ms are missing */
    file_pictures(&file, 80, "M");
    put_audio(&file, 50, "a b");
    assert_frames(&file, 2,
                  "+video1 5000000 K\nvideo1 5040000 d\n+audio2 5000000 a\naudio2 5020000 b\n"
                  "+video1 5080000 L\nvideo1 5120000 d\n+audio2 5040000 a\naudio2 5060000 b\n"
                  "audio2 5090000 e\naudio2 5110000 f\n+video1 5160000 M\n"
                  "+audio2 5130000 a\naudio2 5150000 b\n");
}

/* ---- Waiting --------------------------------------------------------------------------------- */

static void frames_wait_for_another_track_but_not_for_long(void **state)
{
    (void)state;
    struct file file;
    struct notes notes = {0};
    struct karp_importer *importer = karp_importer_new(&note_events, &notes, NULL);
    file_both(&file);
    file_pictures(&file, 5000, "K");
    put_audio(&file, 5000, "a b a");
    file_pictures(&file, 0, "L");
    file_pictures(&file, 1000, "M");
    assert_int_equal(karp_importer_feed(importer, file.data, file.size), 0);
    assert_null(strstr(notes.text, "L"));
    size_t end = file.size;
    file_pictures(&file, 1040, "N");
    assert_int_equal(karp_importer_feed(importer, file.data + end, file.size - end), 0);
    assert_non_null(strstr(notes.text, "+video1 5060000 L\n+video1 6060000 M\n"
                                       "+video1 6100000 N\n"));
    end = file.size;
    file_pictures(&file, 0, "O"); /* and what waits at the end is not lost */
    assert_int_equal(karp_importer_feed(importer, file.data + end, file.size - end), 0);
    assert_null(strstr(notes.text, "O"));
    assert_int_equal(karp_importer_finish(importer), 0);
    assert_non_null(strstr(notes.text, "+video1 6140000 O\n"));
    karp_importer_free(importer);
}

static void a_track_without_others_waits_for_none(void **state)
{
    (void)state;
    struct file file;
    struct notes notes = {0};
    struct karp_importer *importer = karp_importer_new(&note_events, &notes, NULL);
    file.size = 0;
    file_ftyp(&file);
    file_moov(&file, both_tracks, 1);
    file_pictures(&file, 5000, "K");
    file_pictures(&file, 0, "L");
    assert_int_equal(karp_importer_feed(importer, file.data, file.size), 0);
    assert_string_equal(notes.text, "+video1 5000000 K\n+video1 5040000 L\n");
    karp_importer_free(importer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(picture_that_starts_again_alone_goes_on_from_its_own_end),
        cmocka_unit_test(so_does_sound),
        cmocka_unit_test(it_may_do_so_many_times),
        cmocka_unit_test(a_track_that_was_away_comes_back_in_step),
        cmocka_unit_test(a_moov_before_it_does_not_take_the_others_along),
        cmocka_unit_test(a_small_step_back_of_another_afterwards_is_jitter),
        cmocka_unit_test(fragments_of_all_tracks_tell_at_once),
        cmocka_unit_test(a_step_within_a_group_keeps_the_order_of_pictures),
        cmocka_unit_test(clocks_that_wrap_at_other_times_stay_in_step),
        cmocka_unit_test(the_clock_of_mpeg_ts_wraps_for_all_tracks),
        cmocka_unit_test(an_encoder_that_restarts_takes_both_along_in_any_order),
        cmocka_unit_test(what_is_left_of_the_old_times_may_come_in_between),
        cmocka_unit_test(frames_wait_for_another_track_but_not_for_long),
        cmocka_unit_test(a_track_without_others_waits_for_none),
    };
    return cmocka_run_group_tests(tests, quiet, NULL);
}
