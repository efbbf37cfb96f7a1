/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One or several inputs become a ladder: names, times, bitrates, the automatic track, warnings. */
#include "karp/karp.h"

#include "tests/unit/prologue.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { SECOND = 1000000, KILO = 1000 };

/* What is handed out: catalogs as "[name:codec:bitrate/ladder ...]" lines, frames as "name time"
 * with '+' in front if a group begins, and warnings as "! line". */
struct heard {
    char text[16384];
    size_t used;
    struct karp_catalog *catalog;
    int error; /* returned for frames */
};

static void add_text(struct heard *heard, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    heard->used += (size_t)vsnprintf(heard->text + heard->used, sizeof heard->text - heard->used,
                                     format, args);
    va_end(args);
    assert_true(heard->used < sizeof heard->text);
}

static int on_catalog(void *user, const struct karp_catalog *catalog)
{
    struct heard *heard = user;
    karp_catalog_free(heard->catalog);
    heard->catalog = karp_catalog_copy(catalog);
    add_text(heard, "[");
    for (size_t i = 0; i < catalog->track_count; i++) {
        const struct karp_track *track = &catalog->tracks[i];
        add_text(heard, "%s%s", i ? " " : "", track->name);
        if (track->has_bitrate)
            add_text(heard, ":%d", (int)track->bitrate_bps);
        if (track->ladder[0])
            add_text(heard, "/%s", track->ladder);
    }
    add_text(heard, "]\n");
    return 0;
}

static int on_frame(void *user, const struct karp_frame *frame)
{
    struct heard *heard = user;
    add_text(heard, "%s%s %u\n", frame->is_group_start ? "+" : "",
             heard->catalog->tracks[frame->track].name, (unsigned)frame->timestamp_us);
    return heard->error;
}

static void on_warning(void *user, const char *line)
{
    add_text(user, "! %.60s\n", line);
}

static const struct karp_import_events events = {on_catalog, on_frame};

static struct karp_renditions *start(struct heard *heard, size_t inputs, bool is_in_band,
                                     bool has_auto)
{
    const struct karp_renditions_options options = {inputs, is_in_band, has_auto, on_warning};
    *heard = (struct heard){.used = 0};
    struct karp_renditions *renditions = karp_renditions_new(&events, heard, &options);
    assert_non_null(renditions);
    return renditions;
}

static void stop(struct heard *heard, struct karp_renditions *renditions)
{
    karp_renditions_free(renditions);
    karp_catalog_free(heard->catalog);
}

/* Compares what was heard since the last call. */
static void assert_heard(struct heard *heard, const char *text)
{
    assert_string_equal(heard->text, text);
    heard->text[heard->used = 0] = '\0';
}

static struct karp_track video(const char *name, const char *codec, uint64_t bps, uint32_t height)
{
    struct karp_track track = {.kind = KARP_VIDEO, .priority = 2, .height = height};
    snprintf(track.name, sizeof track.name, "%s", name);
    snprintf(track.codec, sizeof track.codec, "%s", codec);
    track.width = height * 16 / 9;
    track.has_bitrate = bps > 0;
    track.bitrate_bps = bps;
    return track;
}

static int give_catalog(struct karp_renditions *renditions, size_t input,
                        const struct karp_track *tracks, size_t count, uint64_t start_us)
{
    struct karp_catalog *catalog = karp_catalog_new();
    for (size_t i = 0; i < count; i++)
        assert_int_equal(karp_catalog_add(catalog, &tracks[i]), 0);
    catalog->has_start = start_us > 0;
    catalog->start_us = start_us;
    int error =
        karp_renditions_events.on_catalog(karp_renditions_input(renditions, input), catalog);
    karp_catalog_free(catalog);
    return error;
}

static int give_frame(struct karp_renditions *renditions, size_t input, size_t track,
                      uint64_t timestamp_us, size_t size, bool is_start)
{
    static const uint8_t payload[1 << 16];
    const struct karp_frame frame = {track, is_start, timestamp_us, payload, size};
    assert_true(size <= sizeof payload);
    return karp_renditions_events.on_frame(karp_renditions_input(renditions, input), &frame);
}

#define H264 "avc1.64001f"

static void without_options_nothing_changes(void **state)
{
    const struct karp_track two[] = {video("video1", H264, 0, 360), video("video2", H264, 0, 720)};
    struct heard heard;
    struct karp_renditions *renditions = start(&heard, 1, false, false);
    (void)state;
    assert_int_equal(give_catalog(renditions, 0, two, 2, 0), 0);
    assert_int_equal(give_frame(renditions, 0, 1, 7, 1, true), 0);
    assert_int_equal(give_frame(renditions, 0, 0, 9, 1, false), 0);
    assert_heard(&heard, "[video1 video2]\n+video2 7\nvideo1 9\n");
    heard.error = MOQ_ERR_IO;
    assert_int_equal(give_frame(renditions, 0, 0, 10, 1, false), MOQ_ERR_IO);
    stop(&heard, renditions);
}

static void several_inputs_wait_for_each_other(void **state)
{
    const struct karp_track one = video("video1", "vp8", KILO, 360);
    const struct karp_track both[] = {video("video1", "vp8", 2 * KILO, 720),
                                      {.kind = KARP_AUDIO, .name = "audio2", .codec = "opus"}};
    struct heard heard;
    struct karp_renditions *renditions = start(&heard, 2, false, false);
    (void)state;
    assert_int_equal(give_catalog(renditions, 1, both, 2, 0), 0);
    assert_int_equal(give_frame(renditions, 1, 0, 5, 1, true), 0);
    assert_int_equal(give_frame(renditions, 1, 1, 6, 1, true), 0);
    assert_heard(&heard, "");
    assert_int_equal(give_catalog(renditions, 0, &one, 1, 0), 0);
    assert_int_equal(give_frame(renditions, 0, 0, 5, 1, true), 0);
    assert_heard(&heard, "[video1.1:1000 video2.1:2000 audio2.2]\n"
                         "+video2.1 5\n+audio2.2 6\n+video1.1 5\n");
    stop(&heard, renditions);
}

static void inputs_get_the_same_zero(void **state)
{
    const struct karp_track one = video("video1", "vp8", KILO, 360);
    struct heard heard;
    struct karp_renditions *renditions = start(&heard, 3, false, false);
    (void)state;
    assert_int_equal(give_catalog(renditions, 0, &one, 1, 0), 0);
    assert_int_equal(give_catalog(renditions, 1, &one, 1, 21333), 0);
    assert_int_equal(give_catalog(renditions, 2, &one, 1, 1333), 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(give_frame(renditions, i, 0, 40000, 1, true), 0);
    assert_heard(&heard, "[video1.1:1000 video2.1:1000 video3.1:1000]\n"
                         "+video1.1 61333\n+video2.1 40000\n+video3.1 60000\n");
    assert_true(heard.catalog->has_start);
    assert_int_equal(heard.catalog->start_us, 21333);
    stop(&heard, renditions);
}

static void an_input_that_changes_changes_the_catalog(void **state)
{
    const struct karp_track low = video("video1", "vp8", KILO, 360);
    const struct karp_track high = video("video9", "vp8", 2 * KILO, 720);
    struct heard heard;
    struct karp_renditions *renditions = start(&heard, 2, false, false);
    (void)state;
    assert_int_equal(give_catalog(renditions, 0, &low, 1, 0), 0);
    assert_int_equal(give_catalog(renditions, 1, &low, 1, 0), 0);
    assert_int_equal(give_catalog(renditions, 0, &high, 1, 0), 0);
    assert_int_equal(give_frame(renditions, 1, 0, 5, 1, true), 0);
    assert_heard(&heard, "[video1.1:1000 video2.1:1000]\n[video1.9:2000 video2.1:1000]\n"
                         "+video2.1 5\n");
    stop(&heard, renditions);
}

static void an_input_may_begin_again_before_the_others_begin(void **state)
{
    const struct karp_track two[] = {video("video1", "vp8", KILO, 360),
                                     video("video2", "vp8", KILO, 360)};
    struct heard heard;
    struct karp_renditions *renditions = start(&heard, 2, false, false);
    (void)state;
    assert_int_equal(give_catalog(renditions, 0, two, 2, 0), 0);
    assert_int_equal(give_frame(renditions, 0, 1, 5, 1, true), 0);
    assert_int_equal(give_catalog(renditions, 0, two, 1, 0), 0);
    assert_heard(&heard, "! input 1 began again before input 2 had any media; what came \n");
    assert_int_equal(give_frame(renditions, 0, 0, 7, 1, true), 0);
    assert_int_equal(give_catalog(renditions, 1, two, 1, 0), 0);
    assert_heard(&heard, "[video1.1:1000 video2.1:1000]\n+video1.1 7\n");
    stop(&heard, renditions);
}

static void an_input_without_media_is_named(void **state)
{
    const struct karp_track one = video("video1", "vp8", KILO, 360);
    struct heard heard;
    struct karp_renditions *renditions = start(&heard, 2, false, false);
    int error = 0;
    (void)state;
    assert_int_equal(give_catalog(renditions, 0, &one, 1, 0), 0);
    for (size_t i = 0; i <= KARP_QUEUE_MAX_BYTES >> 16 && !error; i++)
        error = give_frame(renditions, 0, 0, i, 1 << 16, i == 0);
    assert_int_equal(error, MOQ_ERR_BOUNDS);
    assert_heard(&heard, "! input 2 has no media yet, and 64 MiB of the others wait\n");
    stop(&heard, renditions);
}

static void too_many_tracks_are_refused(void **state)
{
    struct karp_track tracks[40];
    struct heard heard;
    struct karp_renditions *renditions = start(&heard, 2, false, false);
    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        tracks[i] = video("", "vp8", KILO, 360);
        snprintf(tracks[i].name, sizeof tracks[i].name, "video%u", i);
    }
    assert_int_equal(give_catalog(renditions, 0, tracks, 40, 0), 0);
    assert_int_equal(give_catalog(renditions, 1, tracks, 40, 0), MOQ_ERR_BOUNDS);
    assert_heard(&heard, "! all inputs together have too many tracks for a catalog\n");
    stop(&heard, renditions);
}

static void bitrates_are_measured_over_whole_groups(void **state)
{
    const struct karp_track two[] = {video("video1", "vp8", 0, 360),
                                     video("video2", "vp8", 5 * KILO, 720)};
    struct heard heard;
    struct karp_renditions *renditions = start(&heard, 1, true, false);
    (void)state;
    assert_int_equal(give_catalog(renditions, 0, two, 2, 0), 0);
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(
            give_frame(renditions, 0, 0, 100 + i * SECOND / 2, i ? 10 : 470, i % 4 == 0), 0);
    assert_heard(&heard, "");
    assert_int_equal(give_frame(renditions, 0, 0, 100 + 2 * SECOND, 9999, true), 0);
    assert_heard(&heard, "[video1:2000 video2:5000]\n+video1 100\nvideo1 500100\nvideo1 1000100\n"
                         "video1 1500100\n+video1 2000100\n");
    stop(&heard, renditions);
}

static void measuring_ends_after_a_while(void **state)
{
    const struct karp_track two[] = {video("video1", "vp8", 0, 360),
                                     video("video2", "vp8", 0, 720)};
    struct heard heard;
    struct karp_renditions *renditions = start(&heard, 1, true, false);
    (void)state;
    assert_int_equal(give_catalog(renditions, 0, two, 2, 0), 0);
    assert_int_equal(give_frame(renditions, 0, 0, 0, 3000, true), 0);
    assert_heard(&heard, "");
    assert_int_equal(give_frame(renditions, 0, 0, 3 * SECOND, 3000, false), 0);
    assert_heard(&heard, "[video1:16000 video2]\n+video1 0\nvideo1 3000000\n");
    stop(&heard, renditions);
}

static void measuring_ends_with_the_input(void **state)
{
    const struct karp_track two[] = {video("video1", "vp8", 0, 360),
                                     video("video2", "vp8", 0, 720)};
    struct heard heard;
    struct karp_renditions *renditions = start(&heard, 1, true, false);
    (void)state;
    assert_int_equal(give_catalog(renditions, 0, two, 2, 0), 0);
    assert_int_equal(give_frame(renditions, 0, 0, 0, 300, true), 0);
    assert_int_equal(give_frame(renditions, 0, 0, SECOND, 200, false), 0);
    assert_int_equal(give_frame(renditions, 0, 1, 0, 300, true), 0);
    assert_int_equal(karp_renditions_finish(renditions), 0);
    assert_heard(&heard, "[video1:4000 video2]\n+video1 0\nvideo1 1000000\n+video2 0\n");
    assert_int_equal(karp_renditions_finish(renditions), 0);
    assert_heard(&heard, "");
    stop(&heard, renditions);
}

static void a_catalog_that_is_measured_comes_before_the_next(void **state)
{
    const struct karp_track two[] = {video("video1", "vp8", 0, 360),
                                     video("video2", "vp8", 0, 720)};
    struct heard heard;
    struct karp_renditions *renditions = start(&heard, 1, true, false);
    (void)state;
    assert_int_equal(give_catalog(renditions, 0, two, 2, 0), 0);
    assert_int_equal(give_frame(renditions, 0, 1, 0, 300, true), 0);
    assert_int_equal(give_catalog(renditions, 0, two, 1, 0), 0);
    assert_int_equal(give_frame(renditions, 0, 0, 5, 300, true), 0);
    assert_heard(&heard, "[video1 video2]\n+video2 0\n[video1]\n+video1 5\n");
    stop(&heard, renditions);
}

static void the_automatic_track_has_the_frames_of_the_middle(void **state)
{
    const struct karp_track four[] = {video("video1", "avc1.42c01e", 2 * KILO, 360),
                                      video("video2", "avc1.4d4028", 3 * KILO, 720),
                                      video("video3", "vp8", 9 * KILO, 720),
                                      video("video4", "avc1.64001f", KILO, 180)};
    struct heard heard;
    struct karp_renditions *renditions = start(&heard, 1, false, true);
    struct karp_ladder ladder;
    (void)state;
    assert_int_equal(give_catalog(renditions, 0, four, 4, 0), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(give_frame(renditions, 0, i, 0, 1, true), 0);
    assert_heard(&heard, "[auto video1:2000/auto video2:3000/auto video3:9000 video4:1000/auto]\n"
                         "+video1 0\n+auto 0\n+video2 0\n+video3 0\n+video4 0\n");
    const struct karp_track *automatic = &heard.catalog->tracks[0];
    assert_string_equal(automatic->codec, "avc1.640028");
    assert_int_equal(automatic->height, 720);
    assert_int_equal(automatic->priority, 2);
    assert_int_equal(karp_ladder_read(heard.catalog, "auto", &ladder), 3);
    assert_string_equal(ladder.renditions[0]->name, "video4");
    stop(&heard, renditions);
}

static void of_two_the_automatic_track_has_the_lower(void **state)
{
    const struct karp_track two[] = {video("video1", "hev1.1.6.L120.B0", 3 * KILO, 720),
                                     video("video2", "hev1.1.6.H93.B0", KILO, 360)};
    struct heard heard;
    struct karp_renditions *renditions = start(&heard, 1, false, true);
    (void)state;
    assert_int_equal(give_catalog(renditions, 0, two, 2, 0), 0);
    assert_int_equal(give_frame(renditions, 0, 1, 0, 1, true), 0);
    assert_heard(&heard, "[auto video1:3000/auto video2:1000/auto]\n+video2 0\n+auto 0\n");
    assert_string_equal(heard.catalog->tracks[0].codec, "hev1.1.6.H120.B0");
    stop(&heard, renditions);
}

static void without_a_choice_there_is_no_automatic_track(void **state)
{
    const struct karp_track one = video("video1", H264, KILO, 360);
    struct karp_track many[KARP_CATALOG_MAX_TRACKS];
    struct heard heard;
    struct karp_renditions *renditions = start(&heard, 1, false, true);
    (void)state;
    assert_int_equal(give_catalog(renditions, 0, &one, 1, 0), 0);
    assert_int_equal(give_frame(renditions, 0, 0, 0, 1, true), 0);
    assert_heard(&heard, "! there are no two renditions that one decoder can follow, so \n"
                         "[video1:1000]\n+video1 0\n");
    for (unsigned i = 0; i < KARP_CATALOG_MAX_TRACKS; i++) {
        many[i] = one;
        snprintf(many[i].name, sizeof many[i].name, "video%u", i);
    }
    assert_int_equal(give_catalog(renditions, 0, many, KARP_CATALOG_MAX_TRACKS, 0), 0);
    assert_non_null(strstr(heard.text, "! there is no room for the track auto\n[video0:1000 vid"));
    stop(&heard, renditions);
}

static void the_automatic_track_goes_with_the_ladder(void **state)
{
    const struct karp_track two[] = {video("video1", H264, KILO, 360),
                                     video("video2", H264, 2 * KILO, 720)};
    struct heard heard;
    struct karp_renditions *renditions = start(&heard, 1, false, true);
    (void)state;
    assert_int_equal(give_catalog(renditions, 0, two, 2, 0), 0);
    assert_int_equal(give_catalog(renditions, 0, two, 1, 0), 0);
    assert_int_equal(give_frame(renditions, 0, 0, 0, 1, true), 0);
    assert_heard(&heard, "[auto video1:1000/auto video2:2000/auto]\n"
                         "! there are no two renditions that one decoder can follow, so \n"
                         "[video1:1000]\n+video1 0\n");
    stop(&heard, renditions);
}

static void renditions_that_are_not_aligned_are_named_once(void **state)
{
    const struct karp_track two[] = {video("video1", H264, KILO, 360),
                                     video("video2", H264, 2 * KILO, 720)};
    struct heard heard;
    struct karp_renditions *renditions = start(&heard, 1, true, false);
    (void)state;
    assert_int_equal(give_catalog(renditions, 0, two, 2, 0), 0);
    assert_int_equal(give_frame(renditions, 0, 0, 0, 1, true), 0);
    assert_int_equal(give_frame(renditions, 0, 1, 0, 1, true), 0);
    assert_int_equal(give_frame(renditions, 0, 0, 2 * SECOND, 1, true), 0);
    assert_int_equal(give_frame(renditions, 0, 1, 3 * SECOND, 1, true), 0);
    assert_int_equal(give_catalog(renditions, 0, two, 2, 0), 0);
    for (uint64_t i = 0; i < 9; i++) {
        assert_int_equal(give_frame(renditions, 0, 0, i * 2 * SECOND, 1, true), 0);
        assert_int_equal(give_frame(renditions, 0, 1, i * SECOND, 1, true), 0);
    }
    assert_non_null(strstr(heard.text, "! a group of video1 begins at 2.000 s and none of video2 "
                                       "does"));
    const char *first = strchr(heard.text, '!');
    assert_null(strchr(first + 1, '!'));
    stop(&heard, renditions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_options_nothing_changes),
        cmocka_unit_test(several_inputs_wait_for_each_other),
        cmocka_unit_test(inputs_get_the_same_zero),
        cmocka_unit_test(an_input_that_changes_changes_the_catalog),
        cmocka_unit_test(an_input_may_begin_again_before_the_others_begin),
        cmocka_unit_test(an_input_without_media_is_named),
        cmocka_unit_test(too_many_tracks_are_refused),
        cmocka_unit_test(bitrates_are_measured_over_whole_groups),
        cmocka_unit_test(measuring_ends_after_a_while),
        cmocka_unit_test(measuring_ends_with_the_input),
        cmocka_unit_test(a_catalog_that_is_measured_comes_before_the_next),
        cmocka_unit_test(the_automatic_track_has_the_frames_of_the_middle),
        cmocka_unit_test(of_two_the_automatic_track_has_the_lower),
        cmocka_unit_test(without_a_choice_there_is_no_automatic_track),
        cmocka_unit_test(the_automatic_track_goes_with_the_ladder),
        cmocka_unit_test(renditions_that_are_not_aligned_are_named_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
