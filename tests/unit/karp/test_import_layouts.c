/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Layouts that muxers write and other demuxers read: accepted, or refused with the true reason; a
 * track that is refused does not affect the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sample_files.h"

/* A file with one sound track whose entries `put` writes, and a frame of it. */
static struct file sound_file(void (*put)(struct file *file))
{
    struct sample_track track = audio_track;
    struct file file = {.size = 0};
    track.put_entries = put;
    file_ftyp(&file);
    file_moov(&file, &track, 1);
    file_fragment(&file, &(struct sample_run){.track = 2, .texts = "sound"});
    return file;
}

/* ---- Audio ----------------------------------------------------------------------------------- */

static void put_esds(struct file *file, uint8_t object_type, uint16_t config)
{
    size_t esds = file_begin(file, "esds");
    file_put(file, 0, 4);
    file_put(file, 0x0319000000, 5);
    file_put(file, 0x0411, 2);
    file_put(file, object_type, 1);
    file_put(file, 0x15000000, 4);
    file_put(file, 0, 8);
    if (config) {
        file_put(file, 0x0502, 2);
        file_put(file, config, 2);
    }
    file_put(file, 0x060102, 3);
    file_end(file, esds);
}

/* The fields of an audio sample entry of `version`, at 44100 Hz and with two channels. */
static size_t begin_mp4a(struct file *file, uint16_t version)
{
    size_t entry = file_begin(file, "mp4a");
    file_put(file, 1, 8);
    file_put(file, version, 2);
    file_zeros(file, 6);
    file_put(file, 0x00020010, 4);
    file_zeros(file, 4);
    file_put(file, UINT64_C(44100) << 16, 4);
    return entry;
}

static void put_wave(struct file *file)
{
    size_t wave = file_begin(file, "wave"), format = file_begin(file, "frma");
    file_text(file, "mp4a");
    file_end(file, format);
    size_t inner = file_begin(file, "mp4a");
    file_zeros(file, 4);
    file_end(file, inner);
    put_esds(file, 0x40, 0x1210);
    file_put(file, 8, 8); /* a terminator: a box without a type */
    file_end(file, wave);
}

static void put_quicktime_1(struct file *file)
{
    size_t entry = begin_mp4a(file, 1);
    file_zeros(file, 16);
    put_wave(file);
    file_end(file, entry);
}

static void put_quicktime_0(struct file *file)
{
    size_t entry = begin_mp4a(file, 0);
    put_wave(file);
    file_put(file, 0, 4);
    file_end(file, entry);
}

/* Rate and channels are where others have none, and what others have says nothing. */
static void put_quicktime_2(struct file *file)
{
    size_t entry = file_begin(file, "mp4a");
    file_put(file, 1, 8);
    file_put(file, 2, 2);
    file_zeros(file, 6);
    file_put(file, 0x00030010, 4);
    file_put(file, 0xfffe0000, 4);
    file_put(file, 0x00010000, 4);
    file_put(file, 72, 4);
    file_put(file, UINT64_C(0x40e5888000000000), 8); /* 44100 */
    file_put(file, 2, 4);
    file_put(file, 0x7f000000, 4);
    file_zeros(file, 16);
    put_wave(file);
    file_end(file, entry);
}

/* AudioSampleEntryV1 of ISO files has the number of QuickTime's version 1, and not its fields. */
static void put_iso_1(struct file *file)
{
    size_t entry = begin_mp4a(file, 1);
    put_esds(file, 0x40, 0x1210);
    file_end(file, entry);
}

static void aac_is_found_in_all_sample_entries(void **state)
{
    (void)state;
    void (*const entries[])(struct file *) = {put_quicktime_0, put_quicktime_1, put_quicktime_2,
                                              put_iso_1};
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        struct file file = sound_file(entries[i]);
        struct notes notes;
        import_well(&file, &notes);
        assert_string_equal(notes.text, "+audio2 0 sound\n");
        assert_non_null(strstr(notes.catalog, "\"codec\":\"mp4a.40.2\""));
        assert_non_null(strstr(notes.catalog, "\"sample_rate\":44100,\"channel_count\":2"));
        assert_non_null(strstr(notes.catalog, "\"description\":\"1210\""));
    }
}

static void put_mpeg2_main(struct file *file)
{
    size_t entry = begin_mp4a(file, 0);
    put_esds(file, 0x66, 0);
    file_end(file, entry);
}

static void put_mpeg2_lc(struct file *file)
{
    size_t entry = begin_mp4a(file, 0);
    put_esds(file, 0x67, 0x1210);
    file_end(file, entry);
}

static void aac_of_mpeg_2_is_aac(void **state)
{
    (void)state;
    struct notes notes;
    struct file file = sound_file(put_mpeg2_lc);
    import_well(&file, &notes);
    assert_non_null(strstr(notes.catalog, "\"codec\":\"mp4a.40.2\""));
    assert_non_null(strstr(notes.catalog, "\"description\":\"1210\""));

    file = sound_file(put_mpeg2_main); /* without a configuration */
    import_well(&file, &notes);
    assert_non_null(strstr(notes.catalog, "\"codec\":\"mp4a.40.1\""));
    assert_non_null(strstr(notes.catalog, "\"sample_rate\":44100,\"channel_count\":2"));
}

static void put_mp3(struct file *file)
{
    size_t entry = begin_mp4a(file, 0);
    put_esds(file, 0x6b, 0);
    file_end(file, entry);
}

static void put_encrypted(struct file *file)
{
    size_t entry = begin_mp4a(file, 0);
    put_esds(file, 0x40, 0x1210);
    file_end(file, entry);
    memcpy(file->data + entry + 4, "enca", 4);
}

static void put_aac_without_esds(struct file *file)
{
    file_end(file, begin_mp4a(file, 0));
}

static void put_aac_without_config(struct file *file)
{
    size_t entry = begin_mp4a(file, 0);
    put_esds(file, 0x40, 0);
    file_end(file, entry);
}

static void what_cannot_be_carried_is_refused_with_the_reason(void **state)
{
    (void)state;
    struct file file = sound_file(put_mp3);
    assert_failure(&file, "UnsupportedCodec(MP3): object type 0x6b is MPEG-1 audio");
    file = sound_file(put_encrypted);
    assert_failure(&file, "UnsupportedCodec(enca): encrypted media");
    file = sound_file(put_aac_without_esds);
    assert_failure(&file, "MissingBox(esds)");
    file = sound_file(put_aac_without_config);
    assert_failure(&file, "esds has no AudioSpecificConfig (ffmpeg: -bsf:a aac_adtstoasc)");
}

/* ---- Several sample entries ------------------------------------------------------------------ */

static void put_twins(struct file *file)
{
    file_u32_at(file, file->size - 4, 2);
    file_video_entry(file, "avc1", 0x1f);
    file_video_entry(file, "avc1", 0x1f);
}

static void put_small_and_large(struct file *file)
{
    file_u32_at(file, file->size - 4, 2);
    file_video_entry(file, "avc1", 0x1f);
    file_video_entry(file, "avc1", 0x28);
}

static void put_encrypted_and_clear(struct file *file)
{
    file_u32_at(file, file->size - 4, 2);
    file_video_entry(file, "encv", 0x1f);
    file_video_entry(file, "avc1", 0x1f);
}

/* A file with both tracks, where the picture has the entries that `put` writes: three fragments
 * under the entries 1, 2 and 1. */
static struct file entries_file(void (*put)(struct file *file))
{
    struct sample_track tracks[] = {video_track, audio_track};
    struct file file = {.size = 0};
    tracks[0].put_entries = put;
    file_ftyp(&file);
    file_moov(&file, tracks, 2);
    for (uint32_t i = 0; i < 3; i++) {
        file_fragment(&file, &(struct sample_run){.track = 1,
                                                  .time = i * 40,
                                                  .texts = "K",
                                                  .entry = i == 1 ? 2 : 1,
                                                  .duration = 40,
                                                  .first_flags = 0x02000000});
        file_fragment(&file, &(struct sample_run){
                                 .track = 2, .time = i * 1920, .texts = "a b", .duration = 960});
    }
    return file;
}

static void entries_that_say_the_same_are_one(void **state)
{
    (void)state;
    struct notes notes;
    struct file file = entries_file(put_twins);
    import_well(&file, &notes);
    assert_int_equal(notes.catalogs, 1);
    assert_int_equal(notes.counts.frames, 9);
}

static void another_entry_is_another_instance(void **state)
{
    (void)state;
    struct notes notes;
    struct file file = entries_file(put_small_and_large);
    import_well(&file, &notes);
    assert_int_equal(notes.catalogs, 3);
    assert_string_equal(notes.text, "+video1 0 K\n+audio2 0 a\naudio2 20000 b\n"
                                    "+video1 40000 K\n+audio2 40000 a\naudio2 60000 b\n"
                                    "+video1 80000 K\n+audio2 80000 a\naudio2 100000 b\n");
    assert_int_equal(notes.counts.left_out[KARP_LOSS_ENTRY], 0);
}

static void a_repeated_moov_keeps_the_entry_in_use(void **state)
{
    (void)state;
    struct sample_track track = video_track;
    struct notes notes;
    struct file file = {.size = 0};
    track.put_entries = put_small_and_large;
    file_ftyp(&file);
    for (uint32_t i = 0; i < 3; i++) {
        file_moov(&file, &track, 1);
        file_fragment(&file, &(struct sample_run){.track = 1,
                                                  .time = i * 40,
                                                  .texts = "K",
                                                  .entry = 2,
                                                  .duration = 40,
                                                  .first_flags = 0x02000000});
    }
    import_well(&file, &notes);
    assert_int_equal(notes.catalogs, 1);
    assert_non_null(strstr(notes.catalog, "avc1.640028"));
    assert_int_equal(notes.counts.frames, 3);
}

/* A repetition may come with further entries, which are then known. */
static void a_repeated_moov_may_add_entries(void **state)
{
    (void)state;
    struct sample_track track = video_track;
    struct notes notes;
    struct file file = {.size = 0};
    file_ftyp(&file);
    file_moov(&file, &track, 1);
    file_fragment(&file, &(struct sample_run){.track = 1, .texts = "K", .duration = 40});
    track.put_entries = put_small_and_large;
    file_moov(&file, &track, 1);
    for (uint32_t i = 1; i < 3; i++)
        file_fragment(&file,
                      &(struct sample_run){
                          .track = 1, .time = i * 40, .texts = "K", .entry = i, .duration = 40});
    import_well(&file, &notes);
    assert_int_equal(notes.catalogs, 2);
    assert_non_null(strstr(notes.catalog, "avc1.640028"));
    assert_string_equal(notes.text, "+video1 0 K\n+video1 40000 K\n+video1 80000 K\n");
}

static void samples_under_an_entry_that_cannot_be_carried_are_counted(void **state)
{
    (void)state;
    struct notes notes;
    struct file file = entries_file(put_encrypted_and_clear);
    import_well(&file, &notes);
    assert_int_equal(notes.catalogs, 1);
    assert_int_equal(notes.counts.left_out[KARP_LOSS_ENTRY], 2);
    assert_int_equal(notes.counts.frames, 7);
    assert_non_null(strstr(notes.text, "+video1 40000 K\n"));
}

static void put_table(struct file *file, const char *type, size_t count, const uint32_t *words)
{
    size_t table = file_begin(file, type);
    file_zeros(file, 4);
    for (size_t i = 0; i < count; i++)
        file_put(file, words[i], 4);
    file_end(file, table);
}

/* Four samples of a byte in four chunks, under the entries 1, 2, 2 and 1. */
static void put_tables_of_picture(struct file *file)
{
    put_table(file, "stts", 3, (const uint32_t[]){1, 4, 40});
    put_table(file, "stsz", 2, (const uint32_t[]){1, 4});
    put_table(file, "stsc", 10, (const uint32_t[]){3, 1, 1, 1, 2, 1, 2, 4, 1, 1});
    put_table(file, "stco", 5, (const uint32_t[]){4, 0, 2, 4, 6});
}

/* Four more samples after those. */
static void put_tables_of_sound(struct file *file)
{
    put_table(file, "stts", 3, (const uint32_t[]){1, 4, 1920});
    put_table(file, "stsz", 2, (const uint32_t[]){1, 4});
    put_table(file, "stsc", 4, (const uint32_t[]){1, 1, 1, 1});
    put_table(file, "stco", 5, (const uint32_t[]){4, 1, 3, 5, 7});
}

/* A whole file: its chunks lie where `file` ends now, after the header of the mdat. */
static void put_whole_media(struct file *file, const char *text)
{
    size_t base = file->size + 8;
    for (size_t at = 4; at < file->size; at++) {
        if (memcmp(file->data + at, "stco", 4) != 0)
            continue;
        for (size_t i = 0; i < 4; i++)
            file_u32_at(file, at + 12 + 4 * i, (uint32_t)base + file->data[at + 15 + 4 * i]);
    }
    size_t mdat = file_begin(file, "mdat");
    file_text(file, text);
    file_end(file, mdat);
}

static void entries_may_change_within_a_whole_file(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 1000; piece += 333) {
        struct sample_track tracks[] = {video_track, audio_track};
        struct file file = {.size = 0};
        struct notes notes = {0};
        tracks[0].put_entries = put_small_and_large;
        tracks[0].put_tables = put_tables_of_picture;
        tracks[1].put_tables = put_tables_of_sound;
        file_ftyp(&file);
        file_moov(&file, tracks, 2);
        put_whole_media(&file, "KiKjKmKn");
        assert_int_equal(import_file(file.data, file.size, piece, &notes, NULL), 0);
        assert_string_equal(notes.text,
                            "+video1 0 K\n+audio2 0 i\n+video1 40000 K\n+audio2 40000 j\n"
                            "+video1 80000 K\n+audio2 80000 m\n+video1 120000 K\n"
                            "+audio2 120000 n\n");
        assert_int_equal(notes.catalogs, 3);
        assert_int_equal(notes.counts.left_out[KARP_LOSS_ENTRY], 0);
    }
}

/* Two samples of the same track, each in a traf and under an entry of its own. */
static void entries_may_change_within_a_fragment(void **state)
{
    (void)state;
    struct sample_track track = video_track;
    struct file file = {.size = 0};
    struct notes notes;
    track.put_entries = put_small_and_large;
    file_ftyp(&file);
    file_moov(&file, &track, 1);
    for (int round = 0; round < 2; round++) {
        size_t moof = file_begin(&file, "moof");
        for (uint32_t i = 0; i < 2; i++) {
            size_t traf = file_begin(&file, "traf"), tfhd = file_begin(&file, "tfhd");
            file_put(&file, 0x2000a, 4);
            file_put(&file, 1, 4);
            file_put(&file, i + 1, 4);
            file_put(&file, 40, 4);
            file_end(&file, tfhd);
            size_t trun = file_begin(&file, "trun");
            file_put(&file, 0x201, 4);
            file_put(&file, 1, 4);
            file_put(&file, 8 + 2 * (8 + 24 + 24) + 8 + i, 4);
            file_put(&file, 1, 4);
            file_end(&file, trun);
            file_end(&file, traf);
        }
        file_end(&file, moof);
        size_t mdat = file_begin(&file, "mdat");
        file_text(&file, "KL");
        file_end(&file, mdat);
    }
    import_well(&file, &notes);
    assert_string_equal(notes.text, "+video1 0 K\n+video1 40000 L\n"
                                    "+video1 80000 K\n+video1 120000 L\n");
    assert_int_equal(notes.catalogs, 4);
    assert_int_equal(notes.counts.left_out[KARP_LOSS_ENTRY], 0);
}

/* ---- The top level --------------------------------------------------------------------------- */

static void a_file_may_begin_with_other_boxes(void **state)
{
    (void)state;
    static const char *const types[] = {"free", "styp", "uuid", "wide", "skip", "sidx", "mdat"};
    struct file usual = {.size = 0};
    struct notes notes;
    file_usual(&usual);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct file file = {.size = 0};
        file_end(&file, file_begin(&file, types[i]));
        memcpy(file.data + file.size, usual.data + 16, usual.size - 16);
        file.size += usual.size - 16;
        import_well(&file, &notes);
        assert_int_equal(notes.counts.frames, 5);
    }
    memmove(usual.data, usual.data + 16, usual.size -= 16); /* the moov itself */
    import_well(&usual, &notes);
    assert_int_equal(notes.counts.frames, 5);
}

static void a_fragment_may_have_no_samples(void **state)
{
    (void)state;
    struct file file = {.size = 0};
    struct notes notes;
    file_usual(&file);
    file_end(&file, file_begin(&file, "moof"));
    file_end(&file, file_begin(&file, "mdat"));
    size_t moof = file_begin(&file, "moof"), traf = file_begin(&file, "traf");
    size_t tfhd = file_begin(&file, "tfhd");
    file_put(&file, 0x10000, 4); /* the duration is empty */
    file_put(&file, 1, 4);
    file_end(&file, tfhd);
    file_end(&file, traf);
    file_end(&file, moof);
    file_fragment(&file, &(struct sample_run){.track = 1, .time = 300, .texts = "more"});
    import_well(&file, &notes);
    assert_int_equal(notes.counts.frames, 6);
}

static uint8_t *place_of(const struct file *file, const char *type, int nth)
{
    const uint8_t *at = file->data;
    for (int i = 0; i <= nth; i++) {
        at = memmem(at + 4, (size_t)(file->data + file->size - at - 4), type, 4);
        assert_non_null(at);
    }
    return (uint8_t *)at - 4;
}

/* Makes "moof mdat moof mdat" into "moof moof mdat mdat". */
static void put_moofs_first(struct file *file)
{
    uint8_t moved[4096], *mdat = place_of(file, "mdat", 0), *moof = place_of(file, "moof", 1);
    size_t mdat_size = (size_t)(moof - mdat);
    size_t moof_size = (size_t)(place_of(file, "mdat", 1) - moof);
    place_of(file, "trun", 0)[19] += (uint8_t)moof_size;
    place_of(file, "trun", 1)[19] += (uint8_t)mdat_size;
    assert_in_range(mdat_size, 8, sizeof moved);
    memcpy(moved, mdat, mdat_size);
    memmove(mdat, moof, moof_size);
    memcpy(mdat + moof_size, moved, mdat_size);
}

static void several_moofs_may_come_before_their_media(void **state)
{
    (void)state;
    struct file file = {.size = 0};
    struct notes usual, notes;
    file_usual(&file);
    import_well(&file, &usual);
    put_moofs_first(&file);
    import_well(&file, &notes);
    assert_string_equal(notes.text, usual.text);

    file_both(&file);
    file_pictures(&file, 0, "Key one");
    file_pictures(&file, 80, "two three");
    put_moofs_first(&file);
    import_well(&file, &notes);
    assert_string_equal(notes.text, "+video1 0 Key\nvideo1 40000 one\n+video1 80000 two\n"
                                    "video1 120000 three\n");

    file_both(&file);
    file_pictures(&file, 8000, "Key one");
    file_pictures(&file, 0, "Key two");
    put_moofs_first(&file);
    assert_failure(&file, "times start again, before the mdat");
}

static void what_is_left_out_may_lie_in_an_mdat_of_its_own(void **state)
{
    (void)state;
    struct sample_track tracks[] = {video_track, audio_track};
    struct file file = {.size = 0};
    struct notes notes;
    tracks[1].codec = "ac-3";
    file_ftyp(&file);
    file_moov(&file, tracks, 2);
    size_t moof = file_begin(&file, "moof");
    for (uint32_t id = 1; id <= 2; id++) {
        size_t traf = file_begin(&file, "traf"), tfhd = file_begin(&file, "tfhd");
        file_put(&file, 0, 4);
        file_put(&file, id, 4);
        file_end(&file, tfhd);
        size_t trun = file_begin(&file, "trun");
        file_put(&file, 0x201, 4);
        file_put(&file, 1, 4);
        file_put(&file, id == 1 ? 8 + 2 * 48 + 8 : 3 + 8, 4); /* of 2: from the end of 1 */
        file_put(&file, 3, 4);
        file_end(&file, trun);
        file_end(&file, traf);
    }
    file_end(&file, moof);
    for (int i = 0; i < 2; i++) {
        size_t mdat = file_begin(&file, "mdat");
        file_text(&file, i == 0 ? "Key" : "ac3");
        file_end(&file, mdat);
    }
    import_well(&file, &notes);
    assert_string_equal(notes.text, "+video1 0 Key\n");
    assert_int_equal(notes.counts.left_out[KARP_LOSS_TRACK], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aac_is_found_in_all_sample_entries),
        cmocka_unit_test(aac_of_mpeg_2_is_aac),
        cmocka_unit_test(what_cannot_be_carried_is_refused_with_the_reason),
        cmocka_unit_test(entries_that_say_the_same_are_one),
        cmocka_unit_test(another_entry_is_another_instance),
        cmocka_unit_test(a_repeated_moov_keeps_the_entry_in_use),
        cmocka_unit_test(a_repeated_moov_may_add_entries),
        cmocka_unit_test(entries_may_change_within_a_whole_file),
        cmocka_unit_test(entries_may_change_within_a_fragment),
        cmocka_unit_test(samples_under_an_entry_that_cannot_be_carried_are_counted),
        cmocka_unit_test(a_file_may_begin_with_other_boxes),
        cmocka_unit_test(a_fragment_may_have_no_samples),
        cmocka_unit_test(several_moofs_may_come_before_their_media),
        cmocka_unit_test(what_is_left_out_may_lie_in_an_mdat_of_its_own),
    };
    return cmocka_run_group_tests(tests, quiet, NULL);
}
