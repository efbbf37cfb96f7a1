/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the exporter writes, read back by a scanner of its own and by the importer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/log.h"
#include "base/objects.h"
#include "sample_files.h"

enum { MAX_PACKETS = 256 };

struct packet {
    uint32_t track, duration, size, flags;
    int64_t dts, pts;
};

struct sink {
    uint8_t data[1 << 19];
    size_t size;
    int error; /* to be returned */
    struct packet packets[MAX_PACKETS];
    size_t count, fragments, moovs;
};

static int take(void *user, const uint8_t *data, size_t size)
{
    struct sink *sink = user;
    assert_true(sink->size + size <= sizeof sink->data);
    memcpy(sink->data + sink->size, data, size);
    sink->size += size;
    return sink->error;
}

static uint64_t number(const uint8_t *at, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

/* A moof has mfhd (16 bytes), then a traf with tfhd (16), tfdt (20) and trun. */
static void scan_moof(struct sink *sink, const uint8_t *moof)
{
    const uint8_t *tfhd = moof + 8 + 16 + 8, *tfdt = tfhd + 16, *trun = tfdt + 20;
    assert_memory_equal(tfhd + 4, "tfhd", 4);
    assert_memory_equal(trun + 4, "trun", 4);
    assert_int_equal(number(trun + 8, 4), 0x01000f01);
    assert_int_equal(number(trun + 16, 4), number(moof, 4) + 8);
    int64_t dts = (int64_t)number(tfdt + 12, 8);
    const uint8_t *at = trun + 20;
    for (uint64_t left = number(trun + 12, 4); left > 0; left--, at += 16) {
        struct packet *packet = &sink->packets[sink->count++];
        assert_true(sink->count < MAX_PACKETS);
        *packet = (struct packet){(uint32_t)number(tfhd + 12, 4),
                                  (uint32_t)number(at, 4),
                                  (uint32_t)number(at + 4, 4),
                                  (uint32_t)number(at + 8, 4),
                                  dts,
                                  0};
        packet->pts = dts + (int32_t)number(at + 12, 4);
        dts += packet->duration;
    }
    sink->fragments++;
}

/* Lists the packets, and checks what holds for every file: decode times rise and come before presentation. */
static void scan(struct sink *sink)
{
    int64_t last[8];
    memset(last, 0xff, sizeof last);
    sink->count = sink->fragments = sink->moovs = 0;
    for (size_t at = 0; at < sink->size; at += number(sink->data + at, 4)) {
        assert_true(number(sink->data + at, 4) >= 8);
        if (memcmp(sink->data + at + 4, "moof", 4) == 0)
            scan_moof(sink, sink->data + at);
        sink->moovs += memcmp(sink->data + at + 4, "moov", 4) == 0;
    }
    for (size_t i = 0; i < sink->count; i++) {
        const struct packet *packet = &sink->packets[i];
        assert_true(packet->dts > last[packet->track]);
        assert_true(packet->duration > 0);
        last[packet->track] = packet->dts;
    }
}

static struct karp_catalog *catalog_of(const char *video, const uint8_t *record, size_t size,
                                       const char *audio)
{
    struct karp_catalog *catalog = karp_catalog_new();
    struct karp_track track = {.kind = KARP_VIDEO, .name = "v", .width = 320, .height = 180};
    track.description = (uint8_t *)(uintptr_t)record;
    track.description_size = size;
    if (video) {
        snprintf(track.codec, sizeof track.codec, "%s", video);
        assert_int_equal(karp_catalog_add(catalog, &track), 0);
    }
    track = (struct karp_track){
        .kind = KARP_AUDIO, .name = "a", .sample_rate = 48000, .channel_count = 2};
    if (audio) {
        snprintf(track.codec, sizeof track.codec, "%s", audio);
        assert_int_equal(karp_catalog_add(catalog, &track), 0);
    }
    return catalog;
}

static struct karp_exporter *exporter_of(const char *video, const char *audio, struct sink *sink,
                                         const struct karp_export_options *options)
{
    struct karp_catalog *catalog = catalog_of(video, NULL, 0, audio);
    struct karp_exporter *exporter;
    memset(sink, 0, sizeof *sink);
    assert_int_equal(karp_exporter_new(&exporter, catalog, options, take, sink), 0);
    karp_catalog_free(catalog);
    return exporter;
}

static int put(struct karp_exporter *exporter, size_t track, bool is_group_start, uint64_t us,
               const char *text)
{
    const struct karp_frame frame = {track, is_group_start, us, (const uint8_t *)text,
                                     strlen(text)};
    return karp_exporter_frame(exporter, &frame);
}

/* Flushes, frees and scans. */
static void finish(struct karp_exporter *exporter, struct sink *sink)
{
    assert_int_equal(karp_exporter_flush(exporter), 0);
    karp_exporter_free(exporter);
    assert_int_equal(object_count(OBJECT_exporter), 0);
    assert_int_equal(object_count(OBJECT_catalog), 0);
    scan(sink);
}

static struct sink sink;

static void frames_survive_export_and_import(void **state)
{
    (void)state;
    struct karp_exporter *exporter = exporter_of("vp09.00.41.08", "opus", &sink, NULL);
    struct notes notes = {0};
    assert_int_equal(put(exporter, 0, true, 1000000, "KEY"), 0);
    assert_int_equal(put(exporter, 1, true, 1000000, "aa"), 0);
    assert_int_equal(put(exporter, 0, false, 1033333, "d1"), 0);
    assert_int_equal(put(exporter, 1, false, 1020000, "bb"), 0);
    assert_int_equal(put(exporter, 0, false, 1066666, "d2"), 0);
    finish(exporter, &sink);
    assert_int_equal(import_file(sink.data, sink.size, 11, &notes, NULL), 0);
    assert_string_equal(notes.text, "+video1 1000000 KEY\n+audio2 1000000 aa\nvideo1 1033333 d1\n"
                                    "video1 1066666 d2\naudio2 1020000 bb\n");
    assert_int_equal(sink.packets[0].duration, 33333);
    assert_int_equal(sink.packets[0].flags, 0x02000000);
    assert_int_equal(sink.packets[2].flags, 0x01010000);
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
        struct karp_exporter *exporter;
        struct notes notes = {0};
        char codec[80];
        memset(&sink, 0, sizeof sink);
        assert_int_equal(karp_exporter_new(&exporter, catalog, NULL, take, &sink), 0);
        karp_catalog_free(catalog);
        assert_int_equal(put(exporter, 0, true, 0, "key"), 0);
        finish(exporter, &sink);
        assert_int_equal(import_file(sink.data, sink.size, 100, &notes, NULL), 0);
        snprintf(codec, sizeof codec, "\"codec\":\"%s\"", codecs[i].video);
        assert_non_null(strstr(notes.catalog, codec));
        assert_non_null(strstr(
            notes.catalog, "\"codec\":\"mp4a.40.2\",\"sample_rate\":48000,\"channel_count\":2"));
    }
}

/* An SPS of high profile with one reference and a reorder depth of 2 in its usability information. */
static const uint8_t sps_reorder_2[] = {0x67, 0x64, 0x00, 0x0d, 0xac, 0xd9, 0x41, 0x41, 0x9f,
                                        0x9f, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00,
                                        0x00, 0x03, 0x03, 0xc0, 0xf1, 0x42, 0x99, 0x60};
static const uint8_t pps[] = {0x68, 0xef, 0x8f, 0xcb};

static size_t put_record(uint8_t *out)
{
    static const uint8_t head[] = {1, 0x64, 0, 0x0d, 0xff, 0xe1, 0, sizeof sps_reorder_2};
    static const uint8_t middle[] = {1, 0, sizeof pps};
    memcpy(out, head, 8);
    memcpy(out + 8, sps_reorder_2, sizeof sps_reorder_2);
    memcpy(out + 8 + sizeof sps_reorder_2, middle, 3);
    memcpy(out + 11 + sizeof sps_reorder_2, pps, sizeof pps);
    return 11 + sizeof sps_reorder_2 + sizeof pps;
}

static struct karp_catalog *reordering_catalog(void)
{
    uint8_t record[64];
    return catalog_of("avc1.64000d", record, put_record(record), NULL);
}

/* Exports the times of `frames` ("k" before a group start is told by is_key) as the one track of `catalog`. */
static void export_times(struct karp_catalog *catalog, const int64_t *times, const bool *is_key,
                         size_t count, const struct karp_export_options *options)
{
    struct karp_exporter *exporter;
    memset(&sink, 0, sizeof sink);
    assert_int_equal(karp_exporter_new(&exporter, catalog, options, take, &sink), 0);
    karp_catalog_free(catalog);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(put(exporter, 0, is_key[i], (uint64_t)times[i], "x"), 0);
    finish(exporter, &sink);
    assert_int_equal(sink.count, count);
}

/* How far decoding comes behind presentation, at most; 0 when it never does. */
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
    return elst ? (int64_t)number(elst + 20, 8) : -1;
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
    struct karp_exporter *exporter = exporter_of(NULL, "opus", &sink, NULL);
    static const uint64_t times[] = {0, 46439, 46439, 69659};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(put(exporter, 0, i == 0, times[i], "x"), 0);
    finish(exporter, &sink);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(sink.packets[i].pts, times[i] + (i == 2));
        assert_int_equal(sink.packets[i].dts, sink.packets[i].pts);
    }
}

static void a_depth_that_nobody_told_is_learned(void **state)
{
    (void)state;
    struct karp_exporter *exporter =
        exporter_of("vp8", NULL, &sink, NULL); /* VP8 never reorders, says the codec */
    for (size_t i = 0; i < 18; i++)
        assert_int_equal(put(exporter, 0, b_keys[i], (uint64_t)b_frames[i], "x"), 0);
    finish(exporter, &sink);
    for (size_t i = 0; i < 18; i++) {
        assert_int_equal(sink.packets[i].pts, b_frames[i]);
        assert_true(i < 9 || sink.packets[i].dts <= sink.packets[i].pts);
    }
}

static void a_track_begins_with_a_group(void **state)
{
    (void)state;
    struct karp_exporter *exporter = exporter_of("vp8", NULL, &sink, NULL);
    assert_int_equal(put(exporter, 0, false, 0, "late"), 0);
    assert_int_equal(put(exporter, 0, true, 40000, "key"), 0);
    assert_int_equal(karp_exporter_counters(exporter).dropped_frames, 1);
    finish(exporter, &sink);
    assert_int_equal(sink.count, 1);
    assert_int_equal(sink.packets[0].pts, 40000);
}

static void an_old_group_that_comes_late_is_refused_whole(void **state)
{
    (void)state;
    struct karp_exporter *exporter = exporter_of("vp8", NULL, &sink, NULL);
    assert_int_equal(put(exporter, 0, true, 4000000, "new"), 0);
    assert_int_equal(put(exporter, 0, true, 2000000, "old"), MOQ_ERR_EXPIRED);
    assert_int_equal(put(exporter, 0, false, 2040000, "old"), 0);
    assert_int_equal(put(exporter, 0, true, 6000000, "newer"), 0);
    finish(exporter, &sink);
    assert_int_equal(sink.count, 2);
}

static void impossible_frames_are_refused(void **state)
{
    (void)state;
    struct karp_exporter *exporter = exporter_of("vp8", NULL, &sink, NULL);
    const struct karp_frame huge = {0, true, 0, sink.data, KARP_FRAME_MAX_BYTES + 1};
    assert_int_equal(put(exporter, 1, true, 0, "x"), MOQ_ERR_NOT_FOUND);
    assert_int_equal(karp_exporter_frame(exporter, &huge), MOQ_ERR_BOUNDS);
    assert_int_equal(put(exporter, 0, true, KARP_TIMESTAMP_MAX_US + 1, "x"), 0);
    assert_int_equal(put(exporter, 0, true, 0, ""), 0);
    assert_int_equal(karp_exporter_counters(exporter).dropped_frames, 3);
    finish(exporter, &sink);
    assert_int_equal(sink.count, 0);
}

static void codecs_that_mp4_cannot_describe_are_left_out(void **state)
{
    (void)state;
    struct karp_catalog *catalog = catalog_of("theora", NULL, 0, "flac");
    struct karp_exporter *exporter;
    assert_int_equal(karp_exporter_new(&exporter, catalog, NULL, take, &sink), MOQ_ERR_UNSUPPORTED);
    assert_null(exporter);
    karp_catalog_free(catalog);

    exporter = exporter_of("theora", "opus", &sink, NULL);
    assert_false(karp_exporter_has_track(exporter, 0));
    assert_true(karp_exporter_has_track(exporter, 1));
    assert_int_equal(put(exporter, 0, true, 0, "x"), 0);
    assert_int_equal(put(exporter, 1, true, 0, "x"), 0);
    finish(exporter, &sink);
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
    memcpy(out + size + 4, pps, sizeof pps);
    size += 4 + sizeof pps;
    memcpy(out + size, slice, sizeof slice);
    return size + sizeof slice;
}

static void start_codes_become_lengths_and_a_record(void **state)
{
    (void)state;
    struct karp_exporter *exporter = exporter_of("avc3.64000d", "opus", &sink, NULL);
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
    finish(exporter, &sink);
    assert_int_equal(sink.count, 3);
    assert_non_null(memmem(sink.data, sink.size, record, record_size));
    assert_non_null(memmem(sink.data, sink.size, "\0\0\0\3\x65\x88\x84", 7));
    assert_null(memmem(sink.data, sink.size, "\0\0\1\x65", 4));
}

static void av1_is_described_by_its_first_frame(void **state)
{
    (void)state;
    static const uint8_t key[] = {0x12, 0x00, 0x0a, 0x03, 0xaa, 0xbb, 0xcc, 0x32, 0x01, 0xdd};
    struct karp_exporter *exporter = exporter_of("av01.0.04M.10", NULL, &sink, NULL);
    const struct karp_frame frame = {0, true, 0, key, sizeof key};
    assert_int_equal(put(exporter, 0, true, 0, "\x32\x01x"), 0); /* no sequence header: dropped */
    assert_int_equal(karp_exporter_frame(exporter, &frame), 0);
    finish(exporter, &sink);
    assert_int_equal(sink.count, 1);
    assert_non_null(memmem(sink.data, sink.size, "av1C\x81\x04\x4c\0\x0a\x03\xaa\xbb\xcc", 13));
}

static void a_silent_track_does_not_hold_the_file_for_ever(void **state)
{
    (void)state;
    struct karp_exporter *exporter = exporter_of("av01.0.04M.10", "opus", &sink, NULL);
    for (uint64_t i = 0; i < KARP_EXPORT_PENDING_MAX_FRAMES; i++)
        assert_int_equal(put(exporter, 1, i == 0, i * 20000, "x"), 0);
    assert_true(sink.size > 0);
    assert_false(karp_exporter_has_track(exporter, 0));
    karp_exporter_free(exporter);
}

static void a_short_broadcast_of_a_silent_track_is_written_at_its_end(void **state)
{
    (void)state;
    struct karp_exporter *exporter = exporter_of("av01.0.04M.10", "opus", &sink, NULL);
    assert_int_equal(put(exporter, 1, true, 0, "x"), 0);
    finish(exporter, &sink);
    assert_int_equal(sink.count, 1);
}

static void a_newer_instance_continues_behind_the_old_one(void **state)
{
    (void)state;
    struct karp_exporter *exporter = exporter_of("vp8", "opus", &sink, NULL);
    struct karp_catalog *same = catalog_of("vp8", NULL, 0, "opus");
    struct karp_catalog *other = catalog_of("vp09.00.41.08", NULL, 0, "opus");
    assert_int_equal(put(exporter, 0, true, 7000000, "old"), 0);
    assert_int_equal(karp_exporter_restart(exporter, same), 0);
    assert_int_equal(put(exporter, 0, true, 5000, "new"), 0);
    assert_int_equal(put(exporter, 1, true, 0, "new"), 0);
    assert_int_equal(karp_exporter_counters(exporter).init_segments, 1);
    assert_int_equal(karp_exporter_restart(exporter, other), 0);
    assert_int_equal(put(exporter, 0, true, 0, "newest"), 0);
    assert_int_equal(karp_exporter_counters(exporter).init_segments, 2);
    karp_catalog_free(same);
    karp_catalog_free(other);
    finish(exporter, &sink);

    assert_int_equal(sink.moovs, 2);
    assert_int_equal(sink.packets[1].pts, 7033333 + KARP_EXPORT_RESTART_GAP_US);
    assert_int_equal(sink.packets[2].pts, 7033333 + KARP_EXPORT_RESTART_GAP_US - 5000);
    assert_true(sink.packets[3].pts > sink.packets[1].pts);
}

static void an_offset_moves_the_beginning(void **state)
{
    (void)state;
    const struct karp_export_options options = {.offset_us = -5000000};
    struct karp_exporter *exporter = exporter_of("vp8", NULL, &sink, &options);
    assert_int_equal(put(exporter, 0, true, 4000000, "early"), 0);
    assert_int_equal(put(exporter, 0, true, 5040000, "key"), 0);
    finish(exporter, &sink);
    assert_int_equal(sink.count, 1);
    assert_int_equal(sink.packets[0].pts, 40000);
}

static void an_error_of_the_writer_comes_back(void **state)
{
    (void)state;
    struct karp_exporter *exporter = exporter_of("vp8", NULL, &sink, NULL);
    sink.error = MOQ_ERR_IO;
    assert_int_equal(put(exporter, 0, true, 0, "key"), MOQ_ERR_IO);
    karp_exporter_free(exporter);
    assert_int_equal(object_count(OBJECT_exporter), 0);
}

static int quiet(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_OFF);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_survive_export_and_import),
        cmocka_unit_test(every_codec_that_imports_also_exports),
        cmocka_unit_test(b_frames_that_begin_at_zero_are_decoded_as_late_as_they_were_encoded),
        cmocka_unit_test(b_frames_that_begin_after_their_delay_are_decoded_before),
        cmocka_unit_test(a_start_becomes_an_edit_list_and_room_to_decode_before),
        cmocka_unit_test(times_are_in_the_ticks_of_the_file_that_was_published),
        cmocka_unit_test(a_stream_that_ends_or_jumps_in_its_opening_is_written),
        cmocka_unit_test(a_group_can_be_one_fragment),
        cmocka_unit_test(a_late_viewer_who_joins_at_an_open_group_gets_it_in_order),
        cmocka_unit_test(lost_groups_jump_forward),
        cmocka_unit_test(sounds_of_the_same_time_are_a_microsecond_apart),
        cmocka_unit_test(a_depth_that_nobody_told_is_learned),
        cmocka_unit_test(a_track_begins_with_a_group),
        cmocka_unit_test(an_old_group_that_comes_late_is_refused_whole),
        cmocka_unit_test(impossible_frames_are_refused),
        cmocka_unit_test(codecs_that_mp4_cannot_describe_are_left_out),
        cmocka_unit_test(start_codes_become_lengths_and_a_record),
        cmocka_unit_test(av1_is_described_by_its_first_frame),
        cmocka_unit_test(a_silent_track_does_not_hold_the_file_for_ever),
        cmocka_unit_test(a_short_broadcast_of_a_silent_track_is_written_at_its_end),
        cmocka_unit_test(a_newer_instance_continues_behind_the_old_one),
        cmocka_unit_test(an_offset_moves_the_beginning),
        cmocka_unit_test(an_error_of_the_writer_comes_back),
    };
    return cmocka_run_group_tests(tests, quiet, NULL);
}
