/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Broken MP4 files: each is refused with a name and a sentence, in bounded memory and time, and
 * nothing is leaked. */
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

static void assert_refused(const struct file *file, enum karp_failure_kind kind)
{
    struct notes notes = {0};
    struct karp_failure failure = {0};
    assert_int_equal(import_file(file->data, file->size, 13, &notes, &failure), MOQ_ERR_MEDIA);
    assert_string_equal(karp_failure_word(failure.kind), karp_failure_word(kind));
    assert_memory_equal(failure.text, karp_failure_word(kind), strlen(karp_failure_word(kind)));
    assert_int_equal(object_count(OBJECT_importer), 0);
    assert_int_equal(object_count(OBJECT_catalog), 0);
}

/* Finds the nth box of `type`; the place of its header. */
static size_t place_of(const struct file *file, const char *type, int nth)
{
    for (size_t i = 4; i + 4 <= file->size; i++) {
        if (memcmp(file->data + i, type, 4) == 0 && nth-- == 0)
            return i - 4;
    }
    fail_msg("no box %s", type);
    return 0;
}

/* The usual file with the nth box of `type` renamed. */
static struct file without(const char *type, int nth)
{
    struct file file = {.size = 0};
    file_usual(&file);
    memcpy(file.data + place_of(&file, type, nth) + 4, "xxxx", 4);
    return file;
}

static void missing_boxes_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        enum karp_failure_kind kind;
    } boxes[] = {
        {"ftyp", KARP_FAILURE_EXPECTED_BOX}, {"moov", KARP_FAILURE_MISSING_INIT},
        {"moof", KARP_FAILURE_MISSING_BOX},  {"mdat", KARP_FAILURE_INVALID_OFFSET},
        {"mvhd", KARP_FAILURE_MISSING_BOX},  {"tfhd", KARP_FAILURE_MISSING_BOX},
        {"trun", KARP_FAILURE_MISSING_BOX},
    };
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++) {
        struct file file = without(boxes[i].type, 0);
        assert_refused(&file, boxes[i].kind);
    }
    struct file last = without("mdat", 1);
    assert_refused(&last, KARP_FAILURE_MISSING_BOX);
}

static void a_track_without_one_of_its_boxes_does_not_take_the_other_along(void **state)
{
    (void)state;
    static const char *const types[] = {"tkhd", "mdia", "mdhd", "hdlr",
                                        "minf", "stbl", "stsd", "avcC"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct file file = without(types[i], 0);
        struct notes notes = {0};
        assert_int_equal(import_file(file.data, file.size, 13, &notes, NULL), 0);
        assert_string_equal(notes.text, "+audio2 100000 aa\naudio2 120000 bb\n");
        enum karp_loss loss = i == 0 ? KARP_LOSS_UNKNOWN_TRACK : KARP_LOSS_TRACK;
        assert_int_equal(notes.counts.left_out[loss], 3);

        struct file lying = {.size = 0};
        file_usual(&lying);
        file_u32_at(&lying, place_of(&lying, types[i], 0), 0x7fffffff);
        notes = (struct notes){0};
        assert_int_equal(import_file(lying.data, lying.size, 13, &notes, NULL), 0);
        assert_string_equal(notes.text, "+audio2 100000 aa\naudio2 120000 bb\n");
    }
    struct file file = without("dOps", 0);
    struct notes notes = {0};
    assert_int_equal(import_file(file.data, file.size, 13, &notes, NULL), 0);
    assert_string_equal(notes.text, "+video1 100000 Key\nvideo1 180000 one\nvideo1 140000 two\n");
    assert_int_equal(notes.counts.left_out[KARP_LOSS_TRACK], 2);
}

/* Their samples cannot be told apart in fragments, and would all go into the first of them. */
static void tracks_of_the_same_id_are_left_out_together(void **state)
{
    (void)state;
    struct sample_track tracks[3] = {video_track, audio_track, audio_track};
    struct file file = {.size = 0};
    struct notes notes = {0};
    tracks[1].id = 1;
    file_ftyp(&file);
    file_moov(&file, tracks, 3);
    file_pictures(&file, 0, "Key");
    file_fragment(&file, &(struct sample_run){.track = 1, .texts = "sound"});
    file_sounds(&file, 0, "aa bb");
    import_well(&file, &notes);
    assert_string_equal(notes.text, "+audio2 0 aa\naudio2 20000 bb\n");
    assert_int_equal(notes.counts.left_out[KARP_LOSS_TRACK], 2);

    struct file alone = {.size = 0};
    file_ftyp(&alone);
    file_moov(&alone, tracks, 2);
    assert_failure(&alone, "DuplicateTrack: two tracks have the id 1");
}

static void files_without_a_beginning_are_named(void **state)
{
    (void)state;
    const struct sample_track subtitles = {
        .id = 1, .timescale = 1000, .handler = "text", .codec = "tx3g"};
    struct file file = {.size = 0};
    assert_refused(&file, KARP_FAILURE_EMPTY_INIT);
    file_ftyp(&file);
    assert_refused(&file, KARP_FAILURE_MISSING_INIT);
    size_t mdat = file_begin(&file, "mdat");
    file_end(&file, mdat);
    assert_refused(&file, KARP_FAILURE_MISSING_INIT);
    file_text(&file, "x");
    file_end(&file, mdat);
    assert_refused(&file, KARP_FAILURE_EXPECTED_BOX);

    file.size = 0;
    file_ftyp(&file);
    file_moov(&file, NULL, 0);
    assert_refused(&file, KARP_FAILURE_MISSING_TRACKS);
    file.size = 0;
    file_ftyp(&file);
    file_moov(&file, &subtitles, 1);
    assert_refused(&file, KARP_FAILURE_MISSING_TRACKS);
}

static void wrong_tracks_are_left_out(void **state)
{
    (void)state;
    const struct sample_track twins[] = {video_track, video_track};
    struct file file = {.size = 0};
    struct notes notes = {0};
    file_usual(&file);
    file_fragment(&file, &(struct sample_run){.track = 9, .texts = "x y"});
    assert_int_equal(import_file(file.data, file.size, 13, &notes, NULL), 0);
    assert_int_equal(notes.counts.left_out[KARP_LOSS_UNKNOWN_TRACK], 2);
    assert_int_equal(notes.counts.frames, 5);

    file.size = 0;
    notes = (struct notes){0};
    file_ftyp(&file);
    file_moov(&file, twins, 2);
    file_fragment(&file, &(struct sample_run){.track = 1, .texts = "x"});
    assert_int_equal(import_file(file.data, file.size, 13, &notes, NULL), 0);
    assert_string_equal(notes.text, "+video1 0 x\n");
}

/* The bound is ours, and so the words do not blame the file. */
static void tracks_after_the_64th_are_left_out(void **state)
{
    (void)state;
    static struct sample_track tracks[66];
    static struct file file;
    struct notes notes = {0};
    for (uint32_t i = 0; i < 66; i++) {
        tracks[i] = audio_track;
        tracks[i].id = i + 1;
    }
    file.size = 0;
    file_ftyp(&file);
    file_moov(&file, tracks, 66);
    file_fragment(&file, &(struct sample_run){.track = 64, .texts = "x"});
    file_fragment(&file, &(struct sample_run){.track = 66, .texts = "y z"});
    assert_int_equal(import_file(file.data, file.size, 9999, &notes, NULL), 0);
    assert_string_equal(notes.text, "+audio64 0 x\n");
    assert_int_equal(notes.counts.left_out[KARP_LOSS_FURTHER_TRACK], 2);
    assert_int_equal(notes.counts.left_out[KARP_LOSS_UNKNOWN_TRACK], 0);
}

/* Samples without a size or a known track are counted as well. */
static void samples_of_a_moof_have_a_bound_whatever_they_are(void **state)
{
    (void)state;
    for (uint32_t track = 1; track <= 9; track += 8) {
        for (uint32_t runs = 4; runs <= 5; runs++) {
            struct file file = {.size = 0};
            file_usual(&file);
            size_t moof = file_begin(&file, "moof"), traf = file_begin(&file, "traf");
            size_t tfhd = file_begin(&file, "tfhd");
            file_put(&file, 0x20000, 4);
            file_put(&file, track, 4);
            file_end(&file, tfhd);
            for (uint32_t i = 0; i < runs; i++) {
                size_t trun = file_begin(&file, "trun");
                file_put(&file, 0, 4);
                file_put(&file, KARP_IMPORT_MAX_SAMPLES / 4, 4);
                file_end(&file, trun);
            }
            file_end(&file, traf);
            file_end(&file, moof);
            struct notes notes = {0};
            struct karp_failure failure = {0};
            int error = import_file(file.data, file.size, 9999, &notes, &failure);
            assert_int_equal(error, runs == 4 ? 0 : MOQ_ERR_MEDIA);
            if (runs == 5)
                assert_int_equal(failure.kind, KARP_FAILURE_TOO_LARGE);
        }
    }
}

static void data_outside_its_mdat_is_refused(void **state)
{
    (void)state;
    static const int32_t offsets[] = {0, 8, 91, 99, -1, -100000, 1 << 30, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        struct file file = {.size = 0};
        file_usual(&file);
        file_u32_at(&file, place_of(&file, "trun", 0) + 16, (uint32_t)offsets[i]);
        assert_refused(&file, KARP_FAILURE_INVALID_OFFSET);
    }
}

static void huge_counts_and_sizes_are_refused(void **state)
{
    (void)state;
    struct file file = {.size = 0};
    file_usual(&file);
    file_u32_at(&file, place_of(&file, "trun", 0) + 12, UINT32_MAX);
    assert_refused(&file, KARP_FAILURE_TOO_LARGE);
    file.size = 0;
    file_usual(&file);
    file_u32_at(&file, place_of(&file, "trun", 0) + 24, UINT32_MAX);
    assert_refused(&file, KARP_FAILURE_TOO_LARGE);
    file.size = 0;
    file_usual(&file);
    file_u32_at(&file, place_of(&file, "moof", 0), KARP_IMPORT_MOOF_MAX_BYTES + 9);
    assert_refused(&file, KARP_FAILURE_TOO_LARGE);
    file.size = 0;
    file_usual(&file);
    file_u32_at(&file, place_of(&file, "moov", 0), 0x7fffffff);
    assert_refused(&file, KARP_FAILURE_TOO_LARGE);
    file.size = 0;
    file_usual(&file);
    file_u32_at(&file, place_of(&file, "tfdt", 0) + 12, INT32_MAX);
    assert_refused(&file, KARP_FAILURE_MP4);
}

/* As an encoder leaves it that is killed in a fragment, or whose messages end up in the pipe. A
 * live pipe may never end, so nobody waits for the end of what this says to be a box. */
static void what_is_no_box_is_told_at_once(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        bool is_box;
    } cases[] = {
        {"frame=  100 fps=", false}, {"\0\0\0\14\1\2\3\4", false}, {"\1\0\0\1abcd", false},
        {"\0\0\0\0abcd", false},     {"\0\0\0\0free", false},      {"\0\0\0\14abcd", true},
        {"\1\0\0\0abcd", true},      {"\177\0\0\0free", true},     {"\177\0\0\0uuid", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file file = {.size = 0};
        struct notes notes = {0};
        struct karp_importer *importer = karp_importer_new(&note_events, &notes, NULL);
        file_usual(&file);
        assert_int_equal(karp_importer_feed(importer, file.data, file.size), 0);
        int error = karp_importer_feed(importer, (const uint8_t *)cases[i].bytes, 8);
        assert_int_equal(error, cases[i].is_box ? 0 : MOQ_ERR_MEDIA);
        karp_importer_free(importer);
    }
}

/* Recorders that allocate in advance leave zeros after the last box. */
static void zeros_may_come_at_the_end_only(void **state)
{
    (void)state;
    struct file file = {.size = 0};
    struct notes notes = {0};
    file_usual(&file);
    file_zeros(&file, 100);
    assert_int_equal(import_file(file.data, file.size, 13, &notes, NULL), 0);
    assert_int_equal(notes.counts.frames, 5);
    file_fragment(&file, &(struct sample_run){.track = 1, .time = 1000, .texts = "x y"});
    assert_refused(&file, KARP_FAILURE_UNEXPECTED_BOX);
}

static void zero_time_scales_are_refused(void **state)
{
    (void)state;
    struct file file = {.size = 0};
    file_ftyp(&file);
    file_moov(&file, &video_track, 1);
    file_u32_at(&file, place_of(&file, "mdhd", 0) + 20, 0);
    assert_refused(&file, KARP_FAILURE_MISSING_TRACKS);
    file.size = 0;
    file_usual(&file);
    file_u32_at(&file, place_of(&file, "mvhd", 0) + 20, 0);
    assert_refused(&file, KARP_FAILURE_MP4);
}

static void a_refused_catalog_or_frame_ends_the_import(void **state)
{
    (void)state;
    struct file file = {.size = 0};
    struct karp_failure failure;
    const struct sample_track tracks[] = {video_track, audio_track};
    file_usual(&file);
    struct notes first = {.catalog_error = MOQ_ERR_CANCELLED},
                 second = {.frame_error = MOQ_ERR_CLOSED};
    assert_int_equal(import_file(file.data, file.size, 9, &first, &failure), MOQ_ERR_CANCELLED);
    assert_int_equal(failure.kind, KARP_FAILURE_CLOSED);
    assert_int_equal(import_file(file.data, file.size, 9, &second, &failure), MOQ_ERR_CLOSED);
    assert_int_equal(failure.kind, KARP_FAILURE_CLOSED);
    assert_string_equal(second.text, "+video1 100000 Key\n");

    struct notes third = {0};
    struct karp_importer *importer = karp_importer_new(&note_events, &third, NULL);
    assert_int_equal(karp_importer_feed(importer, file.data, file.size), 0);
    size_t end = file.size;
    file_moov(&file, tracks, 1);
    file_fragment(&file, &(struct sample_run){.track = 1, .texts = "x"});
    third.catalog_error = MOQ_ERR_DUPLICATE;
    assert_int_equal(karp_importer_feed(importer, file.data + end, file.size - end),
                     MOQ_ERR_DUPLICATE);
    assert_int_equal(karp_importer_failure(importer)->kind, KARP_FAILURE_MULTIPLE_INIT);
    karp_importer_free(importer);
}

/* Whether the file may end at `size`: between boxes and with all its media. */
static bool is_complete_at(const struct file *file, size_t size)
{
    bool is_media_complete = true, has_moov = false;
    size_t at = 0;
    while (at < size) {
        has_moov = has_moov || memcmp(file->data + at + 4, "moov", 4) == 0;
        is_media_complete = memcmp(file->data + at + 4, "moof", 4) != 0;
        at += (size_t)file->data[at + 2] << 8 | file->data[at + 3];
    }
    return at == size && has_moov && is_media_complete;
}

static void a_file_cut_at_any_byte_is_refused_unless_it_is_complete(void **state)
{
    (void)state;
    struct file file = {.size = 0};
    file_usual(&file);
    for (size_t size = 0; size <= file.size; size++) {
        struct notes notes = {0};
        struct karp_failure failure = {0};
        int error = import_file(file.data, size, 64, &notes, &failure);
        assert_int_equal(error, is_complete_at(&file, size) ? 0 : MOQ_ERR_MEDIA);
        assert_true(error == 0 || failure.text[0] != '\0');
    }
}

/* The little that there is may be the beginning of an MP4 file. */
static void a_file_cut_in_its_first_header_is_called_cut(void **state)
{
    (void)state;
    static const char long_header[] = "\0\0\0\1mdat\0\0\0\1\0\0\0";
    struct file file = {.size = 0};
    file_usual(&file);
    for (file.size = 7; file.size > 0; file.size--)
        assert_refused(&file, KARP_FAILURE_TRAILING_DATA);
    memcpy(file.data, long_header, 15);
    for (file.size = 15; file.size > 0; file.size--)
        assert_refused(&file, KARP_FAILURE_TRAILING_DATA);
    memcpy(file.data + 4, "text", 4);
    for (file.size = 15; file.size > 4; file.size--)
        assert_refused(&file, KARP_FAILURE_EXPECTED_BOX);
}

static void any_four_bytes_may_lie(void **state)
{
    (void)state;
    static const uint32_t lies[] = {0,       1,          2,          7,         8,     9,
                                    15,      16,         0x7f,       0xff,      0x100, 0xffff,
                                    0x10000, 0x7fffffff, 0x80000000, 0xffffffff};
    struct file good = {.size = 0};
    file_usual(&good);
    for (size_t place = 0; place + 4 <= good.size; place++) {
        for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
            struct file file = good;
            struct notes notes = {0};
            struct karp_failure failure = {0};
            file_u32_at(&file, place, lies[i]);
            int error = import_file(file.data, file.size, file.size, &notes, &failure);
            assert_true(error == 0 || (error == MOQ_ERR_MEDIA && failure.text[0] != '\0'));
        }
    }
    assert_int_equal(object_count(OBJECT_importer), 0);
}

static void any_box_may_be_cut_inside_its_parent(void **state)
{
    (void)state;
    struct file good = {.size = 0};
    file_usual(&good);
    for (size_t place = 0; place + 8 <= good.size; place++) {
        uint32_t size = (uint32_t)good.data[place + 2] << 8 | good.data[place + 3];
        for (uint32_t cut = 1; good.data[place] == 0 && size >= 8 && size < 200 && cut <= size;
             cut += 3) {
            struct file file = good;
            struct notes notes = {0};
            file_u32_at(&file, place, size - cut);
            int error = import_file(file.data, file.size, file.size, &notes, NULL);
            assert_true(error == 0 || error == MOQ_ERR_MEDIA);
        }
    }
}

static uint32_t random_of(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33);
}

static void random_flips_do_no_harm(void **state)
{
    (void)state;
    struct file good = {.size = 0};
    uint64_t seed = 20250115;
    file_usual(&good);
    for (int round = 0; round < 20000; round++) {
        struct file file = good;
        struct notes notes = {0};
        for (uint32_t flips = random_of(&seed) % 8 + 1; flips > 0; flips--)
            file.data[random_of(&seed) % file.size] ^= (uint8_t)(1 << random_of(&seed) % 8);
        int error = import_file(file.data, file.size, random_of(&seed) % 300 + 1, &notes, NULL);
        assert_true(error == 0 || error == MOQ_ERR_MEDIA);
    }
    assert_int_equal(object_count(OBJECT_importer), 0);
    assert_int_equal(object_count(OBJECT_catalog), 0);
}

static void deeply_nested_boxes_do_no_harm(void **state)
{
    (void)state;
    struct file file = {.size = 0};
    struct notes notes = {0};
    file_ftyp(&file);
    size_t moov = file_begin(&file, "moov"), inner = file.size;
    for (uint32_t left = 1000; left > 0; left--) {
        file_put(&file, 8 * left, 4);
        file_text(&file, "trak");
    }
    assert_int_equal(file.size - inner, 8000);
    file_end(&file, moov);
    assert_int_equal(import_file(file.data, file.size, 100, &notes, NULL), MOQ_ERR_MEDIA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_boxes_are_named),
        cmocka_unit_test(tracks_of_the_same_id_are_left_out_together),
        cmocka_unit_test(files_without_a_beginning_are_named),
        cmocka_unit_test(a_track_without_one_of_its_boxes_does_not_take_the_other_along),
        cmocka_unit_test(wrong_tracks_are_left_out),
        cmocka_unit_test(tracks_after_the_64th_are_left_out),
        cmocka_unit_test(samples_of_a_moof_have_a_bound_whatever_they_are),
        cmocka_unit_test(data_outside_its_mdat_is_refused),
        cmocka_unit_test(huge_counts_and_sizes_are_refused),
        cmocka_unit_test(what_is_no_box_is_told_at_once),
        cmocka_unit_test(zeros_may_come_at_the_end_only),
        cmocka_unit_test(zero_time_scales_are_refused),
        cmocka_unit_test(a_refused_catalog_or_frame_ends_the_import),
        cmocka_unit_test(a_file_cut_at_any_byte_is_refused_unless_it_is_complete),
        cmocka_unit_test(a_file_cut_in_its_first_header_is_called_cut),
        cmocka_unit_test(any_four_bytes_may_lie),
        cmocka_unit_test(any_box_may_be_cut_inside_its_parent),
        cmocka_unit_test(random_flips_do_no_harm),
        cmocka_unit_test(deeply_nested_boxes_do_no_harm),
    };
    return cmocka_run_group_tests(tests, quiet, NULL);
}
