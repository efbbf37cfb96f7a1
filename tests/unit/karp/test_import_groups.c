/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Groups begin where decoding can begin, whatever the flags of the file say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "karp/picture.h"
#include "sample_files.h"

/* Units with lengths of one byte, without zeros and spaces. IDR, a slice of type P, one of type I,
 * a recovery point. */
#define IDR "\x03\x65\x88\x81"
#define P "\x03\x41\x98\x81"
#define I "\x03\x41\x88\x81"
#define SEI "\x05\x06\x06\x01\xc4\x80"
/* The same of H.265: IDR_W_RADL, CRA_NUT, TRAIL_R and a prefix SEI. */
#define IDR_265 "\x04\x26\x01\xaf\x81"
#define CRA_265 "\x04\x2a\x01\xaf\x81"
#define TRAIL_265 "\x04\x02\x01\xd0\x81"
#define SEI_265 "\x06\x4e\x01\x06\x01\xd0\x80"

enum { KEY = 0x02000000, DELTA = 0x01010000, NOTHING = 0 };

static void put_h265(struct file *file)
{
    file_video_entry(file, "hev1", 0);
    size_t entry = file->size - 86, record = file_begin(file, "hvcC");
    file_put(file, 1, 1);
    file_zeros(file, 20);
    file_put(file, 0x0c00, 2); /* lengths of one byte; no parameter sets */
    file_end(file, record);
    file_end(file, entry);
}

static void put_h264(struct file *file)
{
    file_video_entry(file, "avc1", 0x1f);
    file->data[file->size - 3] = 0xfc; /* lengths of one byte */
}

struct sample {
    const char *bytes;
    uint32_t flags;
    bool is_start;
};

/* Imports samples, `seconds` apart, and checks which begin groups. */
static void assert_groups(void (*put)(struct file *file), const struct sample *samples,
                          size_t count, uint32_t seconds)
{
    struct sample_track track = video_track;
    struct file *file = calloc(1, sizeof *file);
    struct notes *notes = calloc(1, sizeof *notes);
    track.put_entries = put;
    file_ftyp(file);
    file_moov(file, &track, 1);
    for (size_t i = 0; i < count; i++)
        file_fragment(file, &(struct sample_run){.track = 1,
                                                 .time = i * 1000 * seconds,
                                                 .texts = samples[i].bytes,
                                                 .first_flags = samples[i].flags});
    struct karp_failure failure;
    if (import_file(file->data, file->size, 100, notes, &failure) != 0)
        fail_msg("%s", failure.text);
    const char *line = notes->text;
    for (size_t i = 0; i < count; i++) {
        if ((line[0] == '+') != samples[i].is_start)
            fail_msg("sample %zu of %zu", i, count);
        line = strchr(line, '\n') + 1;
    }
    free(notes);
    free(file);
}

static void flags_that_call_every_sample_a_key_frame_are_not_believed(void **state)
{
    (void)state;
    const struct sample said[] = {{IDR, KEY, true}, {P, KEY, false},  {P, KEY, false},
                                  {I, KEY, false},  {IDR, KEY, true}, {P, KEY, false}};
    const struct sample unsaid[] = {{IDR, NOTHING, true},
                                    {P, NOTHING, false},
                                    {I, NOTHING, false},
                                    {IDR, NOTHING, true},
                                    {P, NOTHING, false}};
    assert_groups(put_h264, said, 6, 1);
    assert_groups(put_h264, unsaid, 5, 1);
}

static void flags_that_call_none_a_key_frame_are_not_believed(void **state)
{
    (void)state;
    const struct sample samples[] = {{IDR, DELTA, true},
                                     {P, DELTA, false},
                                     {IDR, DELTA, true},
                                     {SEI I, DELTA, true},
                                     {P, DELTA, false}};
    assert_groups(put_h264, samples, 5, 1);
}

static void a_recovery_point_begins_a_group_where_it_is_meant_to_be_entered(void **state)
{
    (void)state;
    const struct sample open[] = {{IDR, KEY, true},
                                  {P, DELTA, false},
                                  {SEI I, KEY, true},
                                  {P, DELTA, false},
                                  {SEI P, KEY, true}};
    const struct sample closed[] = {{IDR, KEY, true},
                                    {P, DELTA, false},
                                    {SEI I, DELTA, false},
                                    {P, DELTA, false},
                                    {IDR, KEY, true}};
    const struct sample rare[] = {{IDR, KEY, true},
                                  {P, DELTA, false},
                                  {SEI I, DELTA, false},
                                  {P, DELTA, false},
                                  {SEI I, DELTA, true}};
    assert_groups(put_h264, open, 5, 1);
    assert_groups(put_h264, closed, 5, 1);
    assert_groups(put_h264, rare, 5, 3); /* nothing to enter at for more than 10 s */
}

static void an_intra_picture_begins_a_group_where_flags_tell_them_apart(void **state)
{
    (void)state;
    const struct sample samples[] = {
        {IDR, KEY, true}, {P, DELTA, false}, {I, KEY, true}, {I, DELTA, false}};
    const struct sample rare[] = {
        {P, DELTA, true}, {I, DELTA, false}, {P, DELTA, false}, {I, DELTA, true}};
    assert_groups(put_h264, samples, 4, 1);
    assert_groups(put_h264, rare, 4, 4);
}

static void pictures_of_h265_are_known_by_their_types(void **state)
{
    (void)state;
    const struct sample samples[] = {{IDR_265, KEY, true},
                                     {TRAIL_265, KEY, false},
                                     {CRA_265, KEY, true},
                                     {CRA_265, DELTA, true},
                                     {SEI_265 TRAIL_265, DELTA, false},
                                     {SEI_265 TRAIL_265, KEY, true},
                                     {TRAIL_265, NOTHING, false}};
    assert_groups(put_h265, samples, 7, 1);
}

static void flags_decide_where_a_picture_cannot_be_read(void **state)
{
    (void)state;
    const struct sample samples[] = {{"\x09xyz", KEY, true},
                                     {"\x09xyz", DELTA, false},
                                     {"x", KEY, true},
                                     {"\x02\x09\xf0", NOTHING, false}};
    assert_groups(put_h264, samples, 4, 1);
}

static enum picture kind_of(enum karp_codec_kind kind, const uint8_t *bytes, size_t size)
{
    const struct picture_format format = {.kind = kind, .length_bytes = 4};
    return picture_of(&format, bytes, size);
}

static void vp8_and_vp9_tell_in_their_first_byte(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x10, 0x11, 0x82, 0x86, 0x8a, 0xb0, 0xb2, 0x02};
    assert_int_equal(kind_of(KARP_CODEC_VP8, bytes, 1), PICTURE_KEY);
    assert_int_equal(kind_of(KARP_CODEC_VP8, bytes + 1, 1), PICTURE_DELTA);
    assert_int_equal(kind_of(KARP_CODEC_VP9, bytes + 2, 1), PICTURE_KEY);
    assert_int_equal(kind_of(KARP_CODEC_VP9, bytes + 3, 1), PICTURE_DELTA);
    assert_int_equal(kind_of(KARP_CODEC_VP9, bytes + 4, 1), PICTURE_DELTA); /* shows an old one */
    assert_int_equal(kind_of(KARP_CODEC_VP9, bytes + 5, 1), PICTURE_KEY);   /* profile 3 */
    assert_int_equal(kind_of(KARP_CODEC_VP9, bytes + 6, 1), PICTURE_DELTA);
    assert_int_equal(kind_of(KARP_CODEC_VP9, bytes + 7, 1), PICTURE_UNKNOWN);
    assert_int_equal(kind_of(KARP_CODEC_VP9, bytes, 0), PICTURE_UNKNOWN);
    assert_int_equal(kind_of(KARP_CODEC_OPUS, bytes, 4), PICTURE_UNKNOWN);
}

static void av1_tells_in_its_first_frame(void **state)
{
    (void)state;
    static const uint8_t key[] = {0x12, 0, 0x0a, 1, 0x00, 0x32, 1, 0x10};
    static const uint8_t delta[] = {0x12, 0, 0x32, 1, 0x30}, old[] = {0x1a, 1, 0x80};
    static const uint8_t still[] = {0x0a, 1, 0x18, 0x32, 1, 0xff}, none[] = {0x12, 0};
    assert_int_equal(kind_of(KARP_CODEC_AV1, key, sizeof key), PICTURE_KEY);
    assert_int_equal(kind_of(KARP_CODEC_AV1, delta, sizeof delta), PICTURE_DELTA);
    assert_int_equal(kind_of(KARP_CODEC_AV1, old, sizeof old), PICTURE_DELTA);
    assert_int_equal(kind_of(KARP_CODEC_AV1, still, sizeof still), PICTURE_KEY);
    assert_int_equal(kind_of(KARP_CODEC_AV1, none, sizeof none), PICTURE_UNKNOWN);
}

static const uint8_t sequence_header[] = {0x0a, 6, 0x18, 0x11, 0x11, 0x11, 0x11, 0x11};

static void put_av1(struct file *file)
{
    file_video_entry(file, "av01", 0);
    size_t entry = file->size - 86, record = file_begin(file, "av1C");
    file_put(file, 0x81040c00, 4);
    for (size_t i = 0; i < sizeof sequence_header; i++)
        file_put(file, sequence_header[i], 1);
    file_end(file, record);
    file_end(file, entry);
}

/* Imports one sample of AV1 and checks what is handed out. */
static void assert_av1(const char *sample, const char *expected)
{
    struct sample_track track = video_track;
    struct file *file = calloc(1, sizeof *file);
    struct notes *notes = calloc(1, sizeof *notes);
    char line[64];
    track.put_entries = put_av1;
    file_ftyp(file);
    file_moov(file, &track, 1);
    file_fragment(file, &(struct sample_run){.track = 1, .texts = sample});
    import_well(file, notes);
    snprintf(line, sizeof line, "+video1 0 %s\n", expected);
    assert_string_equal(notes->text, line);
    free(notes);
    free(file);
}

static void a_keyframe_of_av1_gets_the_sequence_header_that_it_lacks(void **state)
{
#define HEADER "\x0a\x06\x18\x11\x11\x11\x11\x11"
#define FRAME "\x32\x02\x10\x11"
    (void)state;
    assert_av1(FRAME, HEADER FRAME);
    assert_av1("\x16\x01\x01\x01" FRAME, "\x16\x01\x01\x01" HEADER FRAME); /* a delimiter first */
    assert_av1("\x0a\x01\x01" FRAME, "\x0a\x01\x01" FRAME); /* it has one of its own */
    assert_av1("\x32\x02\x30\x11", "\x32\x02\x30\x11");     /* no keyframe */
}

/* Lengths from 256 to 511 look like a start code of three bytes. */
static void a_length_is_no_start_code(void **state)
{
    (void)state;
    uint8_t bytes[4 + 300] = {0, 0, 1, 300 - 256, 0x65, 0x88};
    assert_int_equal(kind_of(KARP_CODEC_H264, bytes, sizeof bytes), PICTURE_KEY);
    bytes[4] = 0x41;
    bytes[5] = 0x98;
    assert_int_equal(kind_of(KARP_CODEC_H264, bytes, sizeof bytes), PICTURE_DELTA);
    static const uint8_t annex_b[] = {0, 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x65, 0x88, 0x80};
    assert_int_equal(kind_of(KARP_CODEC_H264, annex_b, sizeof annex_b), PICTURE_KEY);
}

static void bytes_of_any_kind_do_no_harm(void **state)
{
    (void)state;
    static const enum karp_codec_kind kinds[] = {KARP_CODEC_H264, KARP_CODEC_H265, KARP_CODEC_AV1,
                                                 KARP_CODEC_VP9};
    uint64_t seed = 7;
    for (int round = 0; round < 20000; round++) {
        size_t size = (size_t)(seed >> 40) % 40 + 1;
        uint8_t *bytes = malloc(size); /* of exact size, so that reading beyond it is noticed */
        for (size_t i = 0; i < size; i++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            bytes[i] = (uint8_t)(seed >> 56) & (seed >> 50 & 1 ? 0xff : 0x07);
        }
        struct picture_format format = {.kind = kinds[round % 4],
                                        .length_bytes = (uint8_t)(round / 4 % 4 + 1)};
        assert_true(picture_of(&format, bytes, size) <= PICTURE_DELTA);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_that_call_every_sample_a_key_frame_are_not_believed),
        cmocka_unit_test(flags_that_call_none_a_key_frame_are_not_believed),
        cmocka_unit_test(a_recovery_point_begins_a_group_where_it_is_meant_to_be_entered),
        cmocka_unit_test(an_intra_picture_begins_a_group_where_flags_tell_them_apart),
        cmocka_unit_test(pictures_of_h265_are_known_by_their_types),
        cmocka_unit_test(flags_decide_where_a_picture_cannot_be_read),
        cmocka_unit_test(vp8_and_vp9_tell_in_their_first_byte),
        cmocka_unit_test(av1_tells_in_its_first_frame),
        cmocka_unit_test(a_keyframe_of_av1_gets_the_sequence_header_that_it_lacks),
        cmocka_unit_test(a_length_is_no_start_code),
        cmocka_unit_test(bytes_of_any_kind_do_no_harm),
    };
    return cmocka_run_group_tests(tests, quiet, NULL);
}
