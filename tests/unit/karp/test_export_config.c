/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the exporter tells decoders: from the catalog, from the first frames, or by computation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "bit_writer.h"
#include "export_sink.h"
#include "sample_files.h"

static int refuse_write(void *user, const uint8_t *data, size_t size)
{
    (void)user;
    (void)data;
    (void)size;
    return MOQ_ERR_IO;
}

static void every_codec_that_imports_also_exports(void **state)
{
    (void)state;
    static const uint8_t avcc[] = {1, 0x64, 0, 0x1f, 0xff, 0xe0, 0};
    static const uint8_t hvcc[23] = {1, 1, 0x60, 0, 0, 0, 0xb0, 0, 0, 0, 0, 0, 93};
    static const uint8_t av1c[] = {0x81, 0x04, 0x4c, 0};
    static const struct {
        const char *video;
        const uint8_t *record;
        size_t size;
    } codecs[] = {{"avc1.64001f", avcc, sizeof avcc},        {"avc3.64001f", avcc, sizeof avcc},
                  {"hev1.1.6.L93.B0", hvcc, sizeof hvcc},    {"vp8", NULL, 0},
                  {"vp09.02.10.10.01.09.16.09.01", NULL, 0}, {"av01.0.04M.10", av1c, sizeof av1c}};
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++) {
        struct karp_catalog *catalog =
            catalog_of(codecs[i].video, codecs[i].record, codecs[i].size, "mp4a.40.2");
        struct karp_exporter *exporter = export_catalog(catalog, NULL);
        struct notes notes = {0};
        char codec[80];
        assert_int_equal(put(exporter, 0, true, 0, "key"), 0);
        finish(exporter);
        assert_int_equal(import_file(sink.data, sink.size, 100, &notes, NULL), 0);
        snprintf(codec, sizeof codec, "\"codec\":\"%s\"", codecs[i].video);
        assert_non_null(strstr(notes.catalog, codec));
        assert_non_null(strstr(notes.catalog, "\"codec\":\"mp4a.40.2\",\"description\":\"1190\","
                                              "\"sample_rate\":48000,\"channel_count\":2"));
    }
}

static void codecs_that_mp4_cannot_describe_are_left_out(void **state)
{
    (void)state;
    struct karp_catalog *catalog = catalog_of("theora", NULL, 0, "flac");
    struct karp_exporter *exporter;
    assert_int_equal(karp_exporter_new(&exporter, catalog, NULL, refuse_write, NULL),
                     MOQ_ERR_UNSUPPORTED);
    assert_null(exporter);
    karp_catalog_free(catalog);

    exporter = exporter_of("theora", "opus", NULL);
    assert_false(karp_exporter_has_track(exporter, 0));
    assert_true(karp_exporter_has_track(exporter, 1));
    assert_int_equal(put(exporter, 0, true, 0, "x"), 0);
    assert_int_equal(put(exporter, 1, true, 0, "x"), 0);
    finish(exporter);
    assert_int_equal(sink.count, 1);
}

/* A keyframe with parameter sets, in start codes. */
static size_t put_annex_b(uint8_t *out)
{
    static const uint8_t code[] = {0, 0, 0, 1}, slice[] = {0, 0, 1, 0x65, 0x88, 0x84};
    size_t size = 0;
    memcpy(out, code, 4);
    memcpy(out + 4, sps_reorder_2, sizeof sps_reorder_2);
    size = 4 + sizeof sps_reorder_2;
    memcpy(out + size, code, 4);
    memcpy(out + size + 4, pps_of_it, sizeof pps_of_it);
    size += 4 + sizeof pps_of_it;
    memcpy(out + size, slice, sizeof slice);
    return size + sizeof slice;
}

static void start_codes_become_lengths_and_a_record(void **state)
{
    (void)state;
    struct karp_exporter *exporter = exporter_of("avc3.64000d", "opus", NULL);
    uint8_t key[128], record[64];
    size_t record_size = put_record(record);
    struct karp_frame frame = {0, true, 40000, key, put_annex_b(key)};
    assert_int_equal(put(exporter, 1, true, 20000, "audio"), 0);
    assert_int_equal(sink.size, 0); /* the init segment waits */
    assert_int_equal(put(exporter, 0, false, 20000, "delta without sets"), 0);
    assert_int_equal(karp_exporter_frame(exporter, &frame), 0);
    assert_true(sink.size > 0);
    frame.timestamp_us = 80000;
    assert_int_equal(karp_exporter_frame(exporter, &frame), 0);
    finish(exporter);
    assert_int_equal(sink.count, 3);
    assert_non_null(memmem(sink.data, sink.size, record, record_size));
    assert_non_null(memmem(sink.data, sink.size, "\0\0\0\3\x65\x88\x84", 7));
    assert_null(memmem(sink.data, sink.size, "\0\0\1\x65", 4));
}

/* Writes one frame of a track of audio that the catalog describes so. */
static void export_audio(const char *codec, uint32_t channel_count, const uint8_t *record,
                         size_t size)
{
    struct karp_catalog *catalog = karp_catalog_new();
    struct karp_track track = {.kind = KARP_AUDIO, .name = "a", .sample_rate = 48000};
    track.channel_count = channel_count;
    track.description = (uint8_t *)(uintptr_t)record;
    track.description_size = size;
    snprintf(track.codec, sizeof track.codec, "%s", codec);
    assert_int_equal(karp_catalog_add(catalog, &track), 0);
    struct karp_exporter *exporter = export_catalog(catalog, NULL);
    assert_int_equal(put(exporter, 0, true, 0, "x"), 0);
    finish(exporter);
}

/* What a channel configuration has no number for, HE after LC, and frames of 960 samples. */
static void a_configuration_of_aac_comes_out_as_it_went_in(void **state)
{
    (void)state;
    static const uint8_t program[] = {0x11, 0x80, 0x04, 0xc8, 0x44, 0x00, 0x20, 0x00, 0xc4,
                                      0x0d, 0x4c, 0x61, 0x76, 0x63, 0x35, 0x39, 0x2e, 0x33,
                                      0x37, 0x2e, 0x31, 0x30, 0x30, 0x56, 0xe5, 0x00};
    static const uint8_t after_lc[] = {0x13, 0x10, 0x56, 0xe5, 0x98};
    static const uint8_t short_frames[] = {0x11, 0x94};
    uint8_t huge[300] = {0x11, 0x90};
    export_audio("mp4a.40.2", 6, program, sizeof program);
    assert_non_null(memmem(sink.data, sink.size, program, sizeof program));
    export_audio("mp4a.40.2", 2, after_lc, sizeof after_lc);
    assert_non_null(memmem(sink.data, sink.size, after_lc, sizeof after_lc));
    assert_int_equal(sink.packets[0].duration, 1024 * 1000000 / 24000);
    export_audio("mp4a.40.2", 2, short_frames, sizeof short_frames);
    assert_non_null(memmem(sink.data, sink.size, short_frames, sizeof short_frames));
    assert_int_equal(sink.packets[0].duration, 20000);
    export_audio("mp4a.40.2", 2, huge, sizeof huge);
    assert_non_null(memmem(sink.data, sink.size, "\5\x80\x80\x82\x2c\x11\x90", 7));
    export_audio("mp4a.40.2", 2, NULL, 0); /* of a stranger */
    assert_non_null(memmem(sink.data, sink.size, "\5\x80\x80\x80\2\x11\x90", 7));
}

/* A frame of silence: elements of one channel (S), two (P), or low frequency (L), each without a
 * band. */
static size_t put_silence(const char *elements, uint8_t out[64])
{
    struct bit_writer to = {.at = 0};
    for (; *elements; elements++) {
        put_bits(&to, *elements == 'S' ? 0 : *elements == 'P' ? 1 : 3, 3);
        put_zeros(&to, *elements == 'P' ? 4 + 1 + 2 * 22 : 4 + 22);
    }
    put_bits(&to, 7, 3);
    memcpy(out, to.bytes, 64);
    return bytes_written(&to);
}

/* A Rust publisher says two channels of whatever ffmpeg has written. */
static void the_first_frame_of_a_stranger_tells_its_channels(void **state)
{
    (void)state;
    static const struct {
        const char *elements;
        uint32_t channels;
        uint8_t config[2];
    } frames[] = {{"S", 1, {0x11, 0x88}},     {"P", 2, {0x11, 0x90}},   {"SP", 3, {0x11, 0x98}},
                  {"SPS", 4, {0x11, 0xa0}},   {"SPP", 5, {0x11, 0xa8}}, {"SPPL", 6, {0x11, 0xb0}},
                  {"SPPPL", 8, {0x11, 0xb8}}, {"SS", 2, {0x11, 0x90}},  {"SPLP", 2, {0x11, 0x90}}};
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        uint8_t payload[64], esds[7] = {5, 0x80, 0x80, 0x80, 2};
        const struct karp_frame frame = {0, true, 0, payload,
                                         put_silence(frames[i].elements, payload)};
        struct karp_exporter *exporter = exporter_of(NULL, "mp4a.40.2", NULL);
        assert_int_equal(karp_exporter_frame(exporter, &frame), 0);
        finish(exporter);
        memcpy(esds + 5, frames[i].config, 2);
        assert_non_null(memmem(sink.data, sink.size, esds, sizeof esds));
        const uint8_t *entry = memmem(sink.data, sink.size, "mp4a\0\0\0\0\0\0\0\1", 12);
        assert_non_null(entry);
        assert_int_equal(number_at(entry + 20, 2), frames[i].channels);
    }
}

/* Seven channels have no number; the frame has six, or tells nothing. */
static void channels_that_cannot_be_are_left_to_the_first_frame(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        uint8_t payload[64];
        const struct karp_frame frame = {0, true, 0, payload,
                                         put_silence(i == 0 ? "SPPL" : "LLLLLLL", payload)};
        struct karp_catalog *catalog = catalog_of(NULL, NULL, 0, "mp4a.40.2");
        catalog->tracks[0].channel_count = 7;
        struct karp_exporter *exporter = export_catalog(catalog, NULL);
        assert_int_equal(karp_exporter_frame(exporter, &frame), 0);
        assert_int_equal(karp_exporter_counters(exporter).left_out[KARP_EXPORT_LOSS_UNDESCRIBED],
                         i);
        finish(exporter);
        assert_int_equal(sink.count, 1 - i);
    }
}

static void opus_of_more_channels_keeps_its_mapping(void **state)
{
    (void)state;
    static const uint8_t record[] = {0, 6, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 7,
                                     1, 4, 2, 0,    4, 1, 2,    3,    5};
    static const uint8_t head[] = {'O', 'p',  'u', 's',  'H',  'e', 'a', 'd', 1,
                                   6,   0x38, 1,   0x80, 0xbb, 0,   0,   7,   0,
                                   1,   4,    2,   0,    4,    1,   2,   3,   5};
    export_audio("opus", 6, record, sizeof record);
    assert_non_null(memmem(sink.data, sink.size, record, sizeof record));
    export_audio("opus", 6, head, sizeof head);
    assert_non_null(memmem(sink.data, sink.size, record, sizeof record));
    export_audio("opus", 2, NULL, 0);
    assert_non_null(memmem(sink.data, sink.size, "dOps\0\2\1\x38\0\0\xbb\x80\0\0\0", 15));
}

static uint32_t width_in_entry(const char *type)
{
    const uint8_t *entry = memmem(sink.data, sink.size, type, 4);
    return entry ? (uint32_t)number_at(entry + 28, 2) << 16 | (uint32_t)number_at(entry + 30, 2)
                 : 0;
}

/* Frames of 640 x 360 under a catalog that says 320 x 180; what says nothing leaves that. */
static void the_first_keyframe_tells_the_size(void **state)
{
    (void)state;
    static const uint8_t vp8[] = {0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01};
    static const uint8_t vp9[] = {0x82, 0x49, 0x83, 0x42, 0x20, 0x27, 0xf0, 0x16, 0x70};
    static const struct {
        const char *codec, *entry;
        const uint8_t *frame;
        size_t size;
    } frames[] = {{"vp8", "vp08", vp8, sizeof vp8}, {"vp09.00.41.08", "vp09", vp9, sizeof vp9}};
    for (size_t i = 0; i < 2; i++) {
        struct karp_frame frame = {0, true, 0, frames[i].frame, frames[i].size};
        struct karp_exporter *exporter = exporter_of(frames[i].codec, NULL, NULL);
        assert_int_equal(karp_exporter_frame(exporter, &frame), 0);
        finish(exporter);
        assert_int_equal(width_in_entry(frames[i].entry), 640 << 16 | 360);
        for (frame.size = 1; frame.size < frames[i].size - 1; frame.size++) {
            exporter = exporter_of(frames[i].codec, NULL, NULL);
            assert_int_equal(karp_exporter_frame(exporter, &frame), 0);
            finish(exporter);
            assert_int_equal(width_in_entry(frames[i].entry), 320 << 16 | 180);
        }
    }
}

/* Begins a file with one track of VP8, 720 x 576, that the catalog shows so. */
static void export_shown(const struct karp_track *shown)
{
    struct karp_catalog *catalog = karp_catalog_new();
    struct karp_track track = *shown;
    track.width = 720;
    track.height = 576;
    snprintf(track.name, sizeof track.name, "v");
    snprintf(track.codec, sizeof track.codec, "%s", shown->codec[0] ? shown->codec : "vp8");
    assert_int_equal(karp_catalog_add(catalog, &track), 0);
    struct karp_exporter *exporter = export_catalog(catalog, NULL);
    assert_int_equal(put(exporter, 0, true, 0, "\x0a\x01x"), 0);
    finish(exporter);
}

static const uint8_t *find_box(const char *type)
{
    const uint8_t *box = memmem(sink.data, sink.size, type, 4);
    return box ? box + 4 : NULL;
}

static void pictures_are_turned_and_moved_into_sight(void **state)
{
    (void)state;
    static const struct {
        uint16_t rotation;
        bool is_flipped;
        int8_t turn[4];
        uint16_t x, y;
    } turns[] = {
        {0, false, {1, 0, 0, 1}, 0, 0},         {90, false, {0, 1, -1, 0}, 576, 0},
        {180, false, {-1, 0, 0, -1}, 720, 576}, {270, false, {0, -1, 1, 0}, 0, 720},
        {0, true, {-1, 0, 0, 1}, 720, 0},       {90, true, {0, 1, 1, 0}, 0, 0},
        {180, true, {1, 0, 0, -1}, 0, 576},     {270, true, {0, -1, -1, 0}, 576, 720},
    };
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i++) {
        export_shown(&(struct karp_track){
            .display = {.rotation = turns[i].rotation, .is_flipped = turns[i].is_flipped}});
        const uint8_t *matrix = find_box("tkhd") + 40;
        for (int j = 0; j < 4; j++)
            assert_int_equal((int32_t)number_at(matrix + j * 4 + j / 2 * 4, 4),
                             turns[i].turn[j] * 65536);
        assert_int_equal(number_at(matrix + 24, 4), turns[i].x << 16);
        assert_int_equal(number_at(matrix + 28, 4), turns[i].y << 16);
        assert_int_equal(number_at(matrix + 32, 4), 0x40000000);
        assert_int_equal(number_at(matrix + 36, 4), 720 << 16);
    }
}

static void pixels_languages_and_colours_are_written(void **state)
{
    (void)state;
    export_shown(&(struct karp_track){.language = "deu",
                                      .language_tag = "de-AT",
                                      .display = {.aspect_width = 16,
                                                  .aspect_height = 9,
                                                  .has_colour = true,
                                                  .colour = {9, 16, 9, true}}});
    assert_memory_equal(find_box("pasp"), "\0\0\0\x40\0\0\0\x2d", 8); /* 64:45 */
    assert_int_equal(number_at(find_box("tkhd") + 76, 4), 1024 << 16);
    assert_int_equal(number_at(find_box("mdhd") + 20, 2), 4 << 10 | 5 << 5 | 21);
    assert_memory_equal(find_box("elng"), "\0\0\0\0de-AT", 10);
    assert_memory_equal(find_box("colr"), "nclx\0\x09\0\x10\0\x09\x80", 11);

    export_shown(&(struct karp_track){.kind = KARP_VIDEO});
    assert_memory_equal(find_box("pasp"), "\0\0\0\1\0\0\0\1", 8);
    assert_int_equal(number_at(find_box("tkhd") + 76, 4), 720 << 16);
    assert_int_equal(number_at(find_box("mdhd") + 20, 2), 0x55c4);
    assert_null(find_box("elng"));
    assert_null(find_box("colr"));

    export_shown(&(struct karp_track){.codec = "av01.0.04M.10.0.110.09.16.09.0"});
    assert_memory_equal(find_box("colr"), "nclx\0\x09\0\x10\0\x09\0", 11);
    export_shown(&(struct karp_track){.codec = "av01.0.04M.10"});
    assert_null(find_box("colr"));
}

/* An hvcC with a set of each kind (`sps` as in an array), and one of SEI, which is never complete.
 */
static size_t put_hvcc(uint8_t out[96], bool is_complete, bool has_pps)
{
    static const uint8_t head[21] = {1, 1, 0x60, 0, 0, 0, 0xb0, 0, 0, 0, 0, 0, 93};
    static const uint8_t types[] = {32, 33, 34, 39};
    size_t size = sizeof head;
    memcpy(out, head, sizeof head);
    out[size++] = 0x0f;
    out[size++] = has_pps ? 4 : 2;
    for (int i = 0; i < (has_pps ? 4 : 2); i++) {
        uint8_t kind = (uint8_t)(types[i] | (is_complete && i < 3 ? 0x80 : 0));
        uint8_t array[] = {kind, 0, 1, 0, 3, (uint8_t)(types[i] << 1), 1, 0xaa};
        memcpy(out + size, array, sizeof array);
        size += sizeof array;
    }
    return size;
}

/* What hvc1 stands for: no parameter sets with the frames. */
static void h265_is_hvc1_where_the_record_says_that_it_is_complete(void **state)
{
    (void)state;
    static const struct {
        const char *codec, *entry;
        bool is_complete, has_pps;
    } cases[] = {{"hev1.1.6.L93.B0", "hvc1", true, true},
                 {"hev1.1.6.L93.B0", "hev1", false, true},
                 {"hev1.1.6.L93.B0", "hev1", true, false},
                 {"hvc1.1.6.L93.B0", "hvc1", false, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t record[96];
        size_t size = put_hvcc(record, cases[i].is_complete, cases[i].has_pps);
        struct karp_exporter *exporter =
            export_catalog(catalog_of(cases[i].codec, record, size, NULL), NULL);
        assert_int_equal(put(exporter, 0, true, 0, "key"), 0);
        finish(exporter);
        assert_int_equal(width_in_entry(cases[i].entry), 320 << 16 | 180);
        assert_non_null(memmem(sink.data, sink.size, record, size));
    }
}

static void av1_is_described_by_its_first_frame(void **state)
{
    (void)state;
    static const uint8_t key[] = {0x12, 0x00, 0x0a, 0x03, 0xaa, 0xbb, 0xcc, 0x32, 0x01, 0xdd};
    struct karp_exporter *exporter = exporter_of("av01.0.04M.10", NULL, NULL);
    const struct karp_frame frame = {0, true, 0, key, sizeof key};
    assert_int_equal(put(exporter, 0, true, 0, "\x32\x01x"), 0); /* no sequence header: dropped */
    assert_int_equal(karp_exporter_frame(exporter, &frame), 0);
    finish(exporter);
    assert_int_equal(sink.count, 1);
    assert_non_null(memmem(sink.data, sink.size, "av1C\x81\x04\x4c\0\x0a\x03\xaa\xbb\xcc", 13));
}

static void a_silent_track_does_not_hold_the_file_for_ever(void **state)
{
    (void)state;
    struct karp_exporter *exporter = exporter_of("av01.0.04M.10", "opus", NULL);
    for (uint64_t i = 0; i < KARP_EXPORT_PENDING_MAX_FRAMES; i++)
        assert_int_equal(put(exporter, 1, i == 0, i * 20000, "x"), 0);
    assert_true(sink.size > 0);
    assert_false(karp_exporter_has_track(exporter, 0));
    karp_exporter_free(exporter);
}

/* When it speaks at last, in start codes, it is part of the file. */
static void a_silent_track_that_is_described_holds_the_file_for_a_second(void **state)
{
    (void)state;
    uint8_t record[64], key[128];
    size_t key_size = put_annex_b(key);
    struct karp_catalog *catalog = catalog_of("avc1.64000d", record, put_record(record), "opus");
    struct karp_exporter *exporter = export_catalog(catalog, NULL);
    for (uint64_t i = 0; i < KARP_EXPORT_PENDING_MAX_US / 20000; i++)
        assert_int_equal(put(exporter, 1, i == 0, i * 20000, "x"), 0);
    assert_int_equal(sink.size, 0);
    assert_int_equal(put(exporter, 1, false, KARP_EXPORT_PENDING_MAX_US, "x"), 0);
    assert_true(sink.size > 0);
    assert_true(karp_exporter_has_track(exporter, 0));

    struct karp_frame frame = {0, true, 1500000, key, key_size};
    assert_int_equal(karp_exporter_frame(exporter, &frame), 0);
    finish(exporter);
    assert_int_equal(sink.count, KARP_EXPORT_PENDING_MAX_US / 20000 + 2);
    assert_non_null(memmem(sink.data, sink.size, "\0\0\0\3\x65\x88\x84", 7));
}

static void a_short_broadcast_of_a_silent_track_is_written_at_its_end(void **state)
{
    (void)state;
    struct karp_exporter *exporter = exporter_of("av01.0.04M.10", "opus", NULL);
    assert_int_equal(put(exporter, 1, true, 0, "x"), 0);
    finish(exporter);
    assert_int_equal(sink.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_codec_that_imports_also_exports),
        cmocka_unit_test(codecs_that_mp4_cannot_describe_are_left_out),
        cmocka_unit_test(start_codes_become_lengths_and_a_record),
        cmocka_unit_test(a_configuration_of_aac_comes_out_as_it_went_in),
        cmocka_unit_test(the_first_frame_of_a_stranger_tells_its_channels),
        cmocka_unit_test(channels_that_cannot_be_are_left_to_the_first_frame),
        cmocka_unit_test(opus_of_more_channels_keeps_its_mapping),
        cmocka_unit_test(the_first_keyframe_tells_the_size),
        cmocka_unit_test(pictures_are_turned_and_moved_into_sight),
        cmocka_unit_test(pixels_languages_and_colours_are_written),
        cmocka_unit_test(h265_is_hvc1_where_the_record_says_that_it_is_complete),
        cmocka_unit_test(av1_is_described_by_its_first_frame),
        cmocka_unit_test(a_silent_track_does_not_hold_the_file_for_ever),
        cmocka_unit_test(a_silent_track_that_is_described_holds_the_file_for_a_second),
        cmocka_unit_test(a_short_broadcast_of_a_silent_track_is_written_at_its_end),
    };
    return cmocka_run_group_tests(tests, quiet, NULL);
}
