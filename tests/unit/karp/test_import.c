/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the importer makes of good files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/objects.h"
#include "sample_files.h"

static const char usual_frames[] = "+video1 100000 Key\nvideo1 180000 one\nvideo1 140000 two\n"
                                   "+audio2 100000 aa\naudio2 120000 bb\n";

static void assert_frames(const struct file *file, const char *frames)
{
    struct notes notes = {0};
    struct karp_failure failure;
    if (import_file(file->data, file->size, file->size, &notes, &failure) != 0)
        fail_msg("%s", failure.text);
    assert_string_equal(notes.text, frames);
}

/* The file up to the end of its moov. */
static void begin_file(struct file *file, const struct sample_track *tracks, size_t count)
{
    file->size = 0;
    file_ftyp(file);
    file_moov(file, tracks, count);
}

static void a_file_becomes_a_catalog_and_frames(void **state)
{
    (void)state;
    struct file file = {.size = 0};
    struct notes notes = {0};
    file_usual(&file);
    assert_int_equal(import_file(file.data, file.size, file.size, &notes, NULL), 0);
    assert_string_equal(notes.text, usual_frames);
    assert_string_equal(
        notes.catalog,
        "{\"video\":[{\"track\":{\"name\":\"video1\",\"priority\":2},\"codec\":\"avc1.64001f\","
        "\"description\":\"0164001fffe000\",\"resolution\":{\"width\":320,\"height\":180}}],"
        "\"audio\":[{\"track\":{\"name\":\"audio2\",\"priority\":1},\"codec\":\"opus\","
        "\"description\":\"0002013800000000000000\",\"sample_rate\":48000,\"channel_count\":2}]}");
    assert_int_equal(notes.catalogs, 1);
    assert_int_equal(object_count(OBJECT_importer), 0);
    assert_int_equal(object_count(OBJECT_catalog), 0);
}

static void pieces_of_any_size_give_the_same_frames(void **state)
{
    (void)state;
    struct file file = {.size = 0};
    file_usual(&file);
    for (size_t piece = 1; piece <= file.size; piece++) {
        struct notes notes = {0};
        assert_int_equal(import_file(file.data, file.size, piece, &notes, NULL), 0);
        assert_string_equal(notes.text, usual_frames);
    }
}

static void other_boxes_are_skipped(void **state)
{
    (void)state;
    static const char *const types[] = {"free", "sidx", "styp", "emsg",
                                        "prft", "mfra", "ftyp", "what"};
    struct file usual = {.size = 0}, file = {.size = 0};
    file_usual(&usual);
    for (size_t at = 0; at < usual.size;) {
        size_t size = (size_t)usual.data[at + 2] << 8 | usual.data[at + 3];
        memcpy(file.data + file.size, usual.data + at, size);
        file.size += size;
        at += size;
        for (size_t i = 0; memcmp(usual.data + at - size + 4, "moof", 4) != 0 && i < 8; i++) {
            size_t box = file_begin(&file, types[i]);
            file_zeros(&file, i);
            file_end(&file, box);
        }
    }
    assert_frames(&file, usual_frames);
}

static void a_repeated_moov_is_ignored_and_a_different_one_is_a_new_instance(void **state)
{
    (void)state;
    struct file file = {.size = 0};
    struct notes notes = {0};
    const struct sample_track tracks[] = {video_track, audio_track};
    file_usual(&file);
    file_moov(&file, tracks, 2);
    assert_frames(&file, usual_frames);

    file_moov(&file, tracks, 1);
    file_fragment(&file, &(struct sample_run){.track = 1, .texts = "new", .flags = 0x01010000});
    assert_int_equal(import_file(file.data, file.size, 5, &notes, NULL), 0);
    assert_int_equal(notes.catalogs, 2);
    assert_non_null(strstr(notes.text, "+video1 0 new\n"));
}

static void boxes_may_have_64_bit_sizes(void **state)
{
    (void)state;
    struct file usual = {.size = 0}, file = {.size = 0};
    file_usual(&usual);
    for (size_t at = 0; at < usual.size;) {
        size_t size = (size_t)usual.data[at + 2] << 8 | usual.data[at + 3];
        bool is_moof = memcmp(usual.data + at + 4, "moof", 4) == 0;
        file_put(&file, 1, 4);
        memcpy(file.data + file.size, usual.data + at + 4, 4);
        file.size += 4;
        file_put(&file, size + 8, 8);
        memcpy(file.data + file.size, usual.data + at + 8, size - 8);
        if (is_moof) /* both headers grow: the data lies 16 bytes further from the start of the moof
                      */
            file.data[file.size + 8 + 24 + 20 + 8 + 8 + 3] += 16;
        file.size += size - 8;
        at += size;
    }
    assert_frames(&file, usual_frames);
}

static void an_mdat_of_size_zero_reaches_to_the_end(void **state)
{
    (void)state;
    struct file file = {.size = 0};
    file_usual(&file);
    file_u32_at(&file, file.size - 12, 0);
    assert_frames(&file, usual_frames);
}

/* A moof whose single traf is written by hand: flags of tfhd and trun, an offset. */
static void put_moof(struct file *file, uint32_t tfhd_flags, uint64_t base, uint32_t trun_flags,
                     int32_t offset)
{
    size_t moof = file_begin(file, "moof"), traf = file_begin(file, "traf");
    size_t tfhd = file_begin(file, "tfhd");
    file_put(file, tfhd_flags, 4);
    file_put(file, 1, 4);
    if (tfhd_flags & 1)
        file_put(file, base, 8);
    file_end(file, tfhd);
    size_t tfdt = file_begin(file, "tfdt");
    file_zeros(file, 8); /* version 0 */
    file_end(file, tfdt);
    size_t trun = file_begin(file, "trun");
    file_put(file, trun_flags, 4);
    file_put(file, 2, 4);
    if (trun_flags & 1)
        file_put(file, (uint32_t)offset, 4);
    for (int i = 0; i < 2; i++) {
        file_put(file, 40, 4);
        file_put(file, 3, 4);
        if (trun_flags & 0x800)
            file_put(file, (uint32_t)-40 * (uint32_t)i, 4);
    }
    file_end(file, trun);
    file_end(file, traf);
    file_end(file, moof);
}

static void put_mdat(struct file *file, const char *text)
{
    size_t mdat = file_begin(file, "mdat");
    file_text(file, text);
    file_end(file, mdat);
}

static void offsets_count_from_where_the_standard_says(void **state)
{
    (void)state;
    static const char frames[] = "+video1 0 abc\n+video1 40000 def\n";
    struct file file = {.size = 0};
    begin_file(&file, &video_track, 1);
    size_t start = file.size;

    put_moof(&file, 0x20000, 0, 0x301, 8 + 8 + 16 + 16 + 36 + 8); /* from the moof, by its flag */
    put_mdat(&file, "abcdef");
    assert_frames(&file, frames);

    file.size = start;
    put_moof(&file, 0, 0, 0x301,
             8 + 8 + 16 + 16 + 36 + 8 + 2); /* from the moof, as the first traf */
    put_mdat(&file, "..abcdef");
    assert_frames(&file, frames);

    file.size = start;
    put_moof(&file, 0, 0, 0x300, 0); /* no offset: the start of the mdat */
    put_mdat(&file, "abcdef");
    assert_frames(&file, frames);

    file.size = start;
    put_moof(&file, 1, start + 200, 0x301, -200 + 8 + 8 + 24 + 16 + 36 + 8); /* absolute */
    put_mdat(&file, "abcdef");
    assert_frames(&file, frames);
}

static void samples_may_lie_in_several_mdats(void **state)
{
    (void)state;
    struct file file = {.size = 0};
    begin_file(&file, &video_track, 1);
    size_t start = file.size;
    put_moof(&file, 0x20000, 0, 0x301, 92);
    put_mdat(&file, "abcdef");
    size_t moof_size = file.size - start - 14;
    assert_int_equal(moof_size, 84);

    file.size = start;
    put_moof(&file, 0x20000, 0, 0x301, 84 + 8 + 5 + 8);
    put_mdat(&file, "gap..");
    put_mdat(&file, "abcdef");
    assert_frames(&file, "+video1 0 abc\n+video1 40000 def\n");
}

static void composition_offsets_may_be_negative_in_version_0(void **state)
{
    (void)state;
    struct file file = {.size = 0};
    begin_file(&file, &video_track, 1);
    put_moof(&file, 0x20000, 0, 0xb01, 84 + 8 + 8);
    put_mdat(&file, "abcdef");
    assert_frames(&file, "+video1 0 abc\n+video1 0 def\n");
}

static void edit_lists_are_applied_and_nothing_becomes_negative(void **state)
{
    (void)state;
    struct file file = {.size = 0};
    struct sample_track tracks[] = {video_track, audio_track};
    tracks[0].has_edit = true;
    tracks[0].media_time = 80; /* 80 ms, as much as the first frame is late */
    tracks[1].has_edit = true;
    tracks[1].media_time = 312; /* 6500 us of priming */
    begin_file(&file, tracks, 2);
    file_fragment(&file,
                  &(struct sample_run){
                      .track = 1, .texts = "Key", .first_flags = 0x02000000, .offsets = {80}});
    file_fragment(&file, &(struct sample_run){.track = 2, .texts = "aa bb", .duration = 960});
    assert_frames(&file, "+video1 6500 Key\n+audio2 0 aa\naudio2 20000 bb\n");

    tracks[1].empty_edit = 100; /* and the audio begins 100 ms late */
    begin_file(&file, tracks, 2);
    file_fragment(&file,
                  &(struct sample_run){
                      .track = 1, .texts = "Key", .first_flags = 0x02000000, .offsets = {80}});
    file_fragment(&file, &(struct sample_run){.track = 2, .texts = "aa", .duration = 960});
    assert_frames(&file, "+video1 0 Key\n+audio2 93500 aa\n");
}

static void the_catalog_of_a_file_with_edit_lists_tells_where_presentation_begins(void **state)
{
    (void)state;
    struct file file = {.size = 0};
    struct notes edited = {0}, plain = {0}, alone = {0};
    struct sample_track tracks[] = {video_track, audio_track};
    begin_file(&file, tracks, 2);
    assert_int_equal(import_file(file.data, file.size, 7, &plain, NULL), 0);
    assert_null(strstr(plain.catalog, "start"));

    tracks[1].has_edit = true;
    tracks[1].media_time = 312;
    begin_file(&file, tracks, 2);
    assert_int_equal(import_file(file.data, file.size, 7, &alone, NULL), 0);
    assert_int_equal(alone.catalogs, 1);
    file_fragment(&file, &(struct sample_run){.track = 2, .texts = "aa", .duration = 960});
    assert_int_equal(import_file(file.data, file.size, 7, &edited, NULL), 0);
    assert_int_equal(edited.catalogs, 1);
    assert_non_null(strstr(edited.catalog, "\"timescale\":1000}"));
    assert_non_null(strstr(edited.catalog, "],\"start\":6500}"));
}

static void times_are_rounded_down_and_large_ones_survive(void **state)
{
    (void)state;
    struct file file = {.size = 0};
    struct sample_track track = video_track;
    track.timescale = 15360;
    begin_file(&file, &track, 1);
    file_fragment(&file, &(struct sample_run){.track = 1, .time = 1024, .texts = "one"});
    file_fragment(&file,
                  &(struct sample_run){.track = 1, .time = UINT64_C(1) << 50, .texts = "far"});
    assert_frames(&file, "+video1 66666 one\n+video1 73300775185066666 far\n");
}

static void a_first_frame_and_each_keyframe_begin_a_group(void **state)
{
    (void)state;
    static const uint32_t flags[] = {0x01010000, 0x02000000, 0x00010000,
                                     0x02010000, 0x00000000, 0x02000000};
    struct file file = {.size = 0};
    begin_file(&file, &video_track, 1);
    for (uint32_t i = 0; i < 6; i++)
        file_fragment(&file, &(struct sample_run){
                                 .track = 1, .time = i, .texts = "x", .first_flags = flags[i]});
    assert_frames(&file, "+video1 0 x\n+video1 1000 x\nvideo1 2000 x\nvideo1 3000 x\nvideo1 4000 "
                         "x\n+video1 5000 x\n");
}

static void a_track_that_says_nothing_about_its_samples_is_all_keyframes(void **state)
{
    (void)state;
    struct file file = {.size = 0};
    begin_file(&file, &video_track, 1);
    file_fragment(&file, &(struct sample_run){.track = 1, .texts = "a b", .duration = 1});
    assert_frames(&file, "+video1 0 a\n+video1 1000 b\n");
}

static void audio_groups_follow_video_keyframes(void **state)
{
    (void)state;
    struct file file = {.size = 0};
    const struct sample_track tracks[] = {video_track, audio_track};
    begin_file(&file, tracks, 2);
    const struct sample_run key = {.track = 1, .texts = "K", .first_flags = 0x02000000};
    const struct sample_run delta = {.track = 1, .texts = "d", .first_flags = 0x01010000};
    const struct sample_run sound = {.track = 2, .texts = "a"};
    const struct sample_run *const order[] = {&sound, &key,   &sound, &sound,
                                              &delta, &sound, &key,   &sound};
    for (size_t i = 0; i < 8; i++)
        file_fragment(&file, order[i]);
    assert_frames(&file, "+audio2 0 a\n+video1 0 K\n+audio2 0 a\naudio2 0 a\nvideo1 0 d\naudio2 0 "
                         "a\n+video1 0 K\n+audio2 0 a\n");
}

static void keyframes_of_several_renditions_ask_for_one_audio_group(void **state)
{
    (void)state;
    struct file file = {.size = 0};
    struct sample_track tracks[] = {video_track, video_track, audio_track};
    tracks[1].id = 3;
    begin_file(&file, tracks, 3);
    for (uint64_t second = 0; second < 2; second++) {
        for (uint32_t id = 1; id <= 3; id += 2) {
            file_fragment(&file, &(struct sample_run){.track = id,
                                                      .time = second * 1000,
                                                      .texts = "K",
                                                      .first_flags = 0x02000000});
            file_fragment(&file, &(struct sample_run){
                                     .track = 2, .time = second * 48000 + id * 960, .texts = "a"});
        }
    }
    assert_frames(&file, "+video1 0 K\n+audio2 20000 a\n+video3 0 K\naudio2 40000 a\n"
                         "+video1 1000000 K\n+audio2 1020000 a\n+video3 1000000 K\n"
                         "audio2 1040000 a\n");
}

static void audio_alone_begins_a_group_after_ten_seconds(void **state)
{
    (void)state;
    struct file file = {.size = 0};
    begin_file(&file, &audio_track, 1);
    for (uint64_t second = 0; second <= 21; second += second == 10 ? 1 : 5)
        file_fragment(&file,
                      &(struct sample_run){.track = 2, .time = second * 48000, .texts = "a"});
    assert_frames(&file, "+audio2 0 a\naudio2 5000000 a\naudio2 10000000 a\n+audio2 11000000 a\n"
                         "audio2 16000000 a\naudio2 21000000 a\n");
}

static void aac_is_described_by_its_own_configuration(void **state)
{
    (void)state;
    struct file file = {.size = 0};
    struct notes notes = {0};
    struct sample_track track = audio_track;
    track.codec = "mp4a";
    begin_file(&file, &track, 1);
    assert_int_equal(import_file(file.data, file.size, 9, &notes, NULL), 0);
    assert_string_equal(
        notes.catalog,
        "{\"audio\":[{\"track\":{\"name\":\"audio2\",\"priority\":1},\"codec\":\"mp4a.40.2\","
        "\"description\":\"1188\",\"sample_rate\":44100,\"channel_count\":1,\"bitrate\":128000}]}");
}

/* What the catalog says of the display and language of a track. */
static struct karp_track entry_of(const struct sample_track *track)
{
    struct file file = {.size = 0};
    struct notes notes = {0};
    struct karp_catalog *catalog;
    begin_file(&file, track, 1);
    assert_int_equal(import_file(file.data, file.size, 100, &notes, NULL), 0);
    assert_int_equal(karp_catalog_parse(notes.catalog, strlen(notes.catalog), &catalog, NULL), 0);
    struct karp_track entry = catalog->tracks[0];
    karp_catalog_free(catalog);
    return entry;
}

static void turned_and_mirrored_pictures_are_told(void **state)
{
    (void)state;
    static const struct {
        int8_t turn[4];
        uint16_t rotation;
        bool is_flipped;
    } turns[] = {
        {{1, 0, 0, 1}, 0, false},    {{0, 1, -1, 0}, 90, false},  {{-1, 0, 0, -1}, 180, false},
        {{0, -1, 1, 0}, 270, false}, {{-1, 0, 0, 1}, 0, true},    {{0, 1, 1, 0}, 90, true},
        {{1, 0, 0, -1}, 180, true},  {{0, -1, -1, 0}, 270, true}, {{1, 1, -1, 1}, 0, false},
    };
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i++) {
        struct sample_track track = video_track;
        track.turn = turns[i].turn;
        struct karp_track entry = entry_of(&track);
        assert_int_equal(entry.display.rotation, turns[i].rotation);
        assert_int_equal(entry.display.is_flipped, turns[i].is_flipped);
        assert_int_equal(entry.display.aspect_width, 0);
    }
}

static void pixels_that_are_not_square_are_told(void **state)
{
    (void)state;
    static const uint8_t square[] = {0, 0, 0, 16, 'p', 'a', 's', 'p', 0, 0, 0, 7, 0, 0, 0, 7};
    static const uint8_t wide[] = {0, 0, 0, 16, 'p', 'a', 's', 'p', 0, 0, 0, 4, 0, 0, 0, 3};
    static const uint8_t nonsense[] = {0, 0, 0, 16, 'p', 'a', 's', 'p', 0, 0, 0, 4, 0, 0, 0, 0};
    static const int8_t doubled[] = {2, 0, 0, 1};
    const struct {
        const uint8_t *boxes;
        const int8_t *turn;
        uint32_t screen_width, screen_height, aspect_width, aspect_height;
    } shapes[] = {
        {NULL, NULL, 0, 0, 0, 0},     {square, NULL, 0, 0, 0, 0},   {wide, NULL, 0, 0, 64, 27},
        {nonsense, NULL, 0, 0, 0, 0}, {NULL, doubled, 0, 0, 32, 9}, {wide, doubled, 0, 0, 128, 27},
        {NULL, NULL, 321, 180, 0, 0}, {NULL, NULL, 320, 240, 4, 3}, {wide, NULL, 320, 240, 64, 27},
        {NULL, NULL, 180, 320, 0, 0},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct sample_track track = video_track;
        track.boxes = shapes[i].boxes;
        track.boxes_size = shapes[i].boxes ? 16 : 0;
        track.turn = shapes[i].turn;
        track.screen_width = shapes[i].screen_width;
        track.screen_height = shapes[i].screen_height;
        struct karp_track entry = entry_of(&track);
        assert_int_equal(entry.display.aspect_width, shapes[i].aspect_width);
        assert_int_equal(entry.display.aspect_height, shapes[i].aspect_height);
        assert_int_equal(entry.display.rotation, 0);
    }
}

static void the_colour_of_the_container_is_told(void **state)
{
    (void)state;
    uint8_t colr[] = {0, 0, 0, 19, 'c', 'o', 'l', 'r', 'n', 'c', 'l', 'x', 0, 9, 0, 16, 0, 9, 0x80};
    struct sample_track track = video_track;
    track.boxes = colr;
    track.boxes_size = sizeof colr;
    struct karp_track entry = entry_of(&track);
    assert_true(entry.display.has_colour);
    assert_int_equal(entry.display.colour.primaries, 9);
    assert_int_equal(entry.display.colour.transfer, 16);
    assert_int_equal(entry.display.colour.matrix, 9);
    assert_true(entry.display.colour.is_full_range && !entry.display.is_range_untold);

    memcpy(colr + 8, "nclc", 4); /* of QuickTime, which says nothing of the range */
    entry = entry_of(&track);
    assert_int_equal(entry.display.colour.primaries, 9);
    assert_true(!entry.display.colour.is_full_range && entry.display.is_range_untold);
    memcpy(colr + 8, "nclx", 4);

    colr[13] = colr[15] = colr[17] = 2; /* nothing is specified but the range */
    assert_true(entry_of(&track).display.has_colour);
    colr[18] = 0;
    assert_false(entry_of(&track).display.has_colour);
    memcpy(colr + 8, "prof", 4);
    assert_false(entry_of(&track).display.has_colour);
}

static void languages_are_told(void **state)
{
    (void)state;
    struct sample_track track = audio_track;
    track.language = "deu";
    assert_string_equal(entry_of(&track).language, "deu");
    track.language = "und";
    assert_string_equal(entry_of(&track).language, "");
    track.language = "\0\0\1"; /* of the Macintosh */
    assert_string_equal(entry_of(&track).language, "fra");
    track.language = "\x7f\x7f\x7f";
    assert_string_equal(entry_of(&track).language, "");
}

static void tracks_that_cannot_be_carried_are_left_out(void **state)
{
    (void)state;
    struct file file = {.size = 0};
    struct notes notes = {0};
    struct sample_track tracks[] = {
        video_track, audio_track, {.id = 3, .timescale = 1000, .handler = "sbtl", .codec = "tx3g"}};
    tracks[1].codec = "ac-3";
    begin_file(&file, tracks, 3);
    file_fragment(&file, &(struct sample_run){.track = 3, .texts = "text"});
    file_fragment(&file, &(struct sample_run){.track = 2, .texts = "sound"});
    file_fragment(&file, &(struct sample_run){.track = 1, .texts = "Key"});
    assert_int_equal(import_file(file.data, file.size, 7, &notes, NULL), 0);
    assert_string_equal(notes.text, "+video1 0 Key\n");
    assert_null(strstr(notes.catalog, "audio"));
}

static void priorities_can_be_chosen(void **state)
{
    (void)state;
    struct file file = {.size = 0};
    struct notes notes = {0};
    const struct karp_import_options options = {.video_priority = 2, .audio_priority = 3};
    struct karp_importer *importer = karp_importer_new(&note_events, &notes, &options);
    file_usual(&file);
    assert_int_equal(karp_importer_feed(importer, file.data, file.size), 0);
    assert_non_null(strstr(notes.catalog, "\"audio2\",\"priority\":3"));
    karp_importer_free(importer);
}

static void fragments_of_several_frames_are_told(void **state)
{
    (void)state;
    struct file file = {.size = 0};
    struct notes notes = {0};
    struct karp_importer *importer = karp_importer_new(&note_events, &notes, NULL);
    begin_file(&file, &video_track, 1);
    file_fragment(&file, &(struct sample_run){.track = 1, .texts = "a b c d", .duration = 40});
    assert_int_equal(karp_importer_feed(importer, file.data, file.size), 0);
    assert_int_equal(karp_importer_fragment_us(importer), 80000);
    karp_importer_free(importer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_becomes_a_catalog_and_frames),
        cmocka_unit_test(pieces_of_any_size_give_the_same_frames),
        cmocka_unit_test(other_boxes_are_skipped),
        cmocka_unit_test(a_repeated_moov_is_ignored_and_a_different_one_is_a_new_instance),
        cmocka_unit_test(boxes_may_have_64_bit_sizes),
        cmocka_unit_test(an_mdat_of_size_zero_reaches_to_the_end),
        cmocka_unit_test(offsets_count_from_where_the_standard_says),
        cmocka_unit_test(samples_may_lie_in_several_mdats),
        cmocka_unit_test(composition_offsets_may_be_negative_in_version_0),
        cmocka_unit_test(edit_lists_are_applied_and_nothing_becomes_negative),
        cmocka_unit_test(the_catalog_of_a_file_with_edit_lists_tells_where_presentation_begins),
        cmocka_unit_test(times_are_rounded_down_and_large_ones_survive),
        cmocka_unit_test(a_first_frame_and_each_keyframe_begin_a_group),
        cmocka_unit_test(a_track_that_says_nothing_about_its_samples_is_all_keyframes),
        cmocka_unit_test(audio_groups_follow_video_keyframes),
        cmocka_unit_test(keyframes_of_several_renditions_ask_for_one_audio_group),
        cmocka_unit_test(audio_alone_begins_a_group_after_ten_seconds),
        cmocka_unit_test(aac_is_described_by_its_own_configuration),
        cmocka_unit_test(turned_and_mirrored_pictures_are_told),
        cmocka_unit_test(pixels_that_are_not_square_are_told),
        cmocka_unit_test(the_colour_of_the_container_is_told),
        cmocka_unit_test(languages_are_told),
        cmocka_unit_test(tracks_that_cannot_be_carried_are_left_out),
        cmocka_unit_test(priorities_can_be_chosen),
        cmocka_unit_test(fragments_of_several_frames_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
