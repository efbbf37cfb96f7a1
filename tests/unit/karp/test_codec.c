/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Codec strings and configuration records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "karp/karp.h"

static void assert_prints(const char *text, const char *printed)
{
    struct karp_codec codec;
    char out[KARP_CODEC_MAX_BYTES];
    assert_int_equal(karp_codec_parse(text, &codec), 0);
    assert_int_equal(karp_codec_print(&codec, out), 0);
    assert_string_equal(out, printed);
}

static void known_strings_survive(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "avc1.42c01e",
        "avc1.64001f",
        "avc3.640028",
        "vp09.02.10.10.01.09.16.09.01",
        "vp09.00.41.08",
        "av01.0.04M.10.0.112.09.16.09.0",
        "av01.0.01M.08",
        "av01.1.15H.12",
        "mp4a.40.2",
        "mp4a.40.29",
        "opus",
        "vp8",
        "hev1.1.6.L93.B0",
        "hvc1.2.4.H153.90",
        "hev1.A4.10.L120.9D.8",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_prints(texts[i], texts[i]);
}

static void strings_are_printed_in_their_usual_form(void **state)
{
    (void)state;
    assert_prints("avc1.64001F", "avc1.64001f");
    assert_prints("avc1.64001f.x", "avc1.64001f");
    assert_prints("vp09.00.41.08.01.01.01.01.00", "vp09.00.41.08");
    assert_prints("av01.0.01M.08.0.110.01.01.01.0", "av01.0.01M.08");
    assert_prints("hev1.1.6.L93.B0.0.0.0.0.0", "hev1.1.6.L93.B0");
}

static void strings_of_others_pass_as_unknown(void **state)
{
    (void)state;
    static const char *const texts[] = {"flac",    "",       "AVC1.64001f", "opus2",  "vp80",
                                        "mp4a.69", "avc3.x", "hev1.what",   "hvc2.1", "ac-3"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct karp_codec codec;
        char out[KARP_CODEC_MAX_BYTES];
        assert_int_equal(karp_codec_parse(texts[i], &codec), 0);
        assert_int_equal(codec.kind, KARP_CODEC_UNKNOWN);
        assert_int_equal(karp_codec_print(&codec, out), MOQ_ERR_INVALID);
    }
}

static void malformed_strings_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "avc1.42c0",
        "avc1.42c01g",
        "avc1.42c01e1",
        "vp09.00.41",
        "vp09.00.41.08.01",
        "vp09.00.41.256",
        "vp09.00.41.08.01.01.01.01.00.00",
        "av01.0.4M.10",
        "av01.0.04X.10",
        "av01.0.04M.8",
        "av01.0.04M.10.0.11.09.16.09.0",
        "av01.3.04M.10",
        "av01.0.04M.10.",
        "mp4a.40.",
        "mp4a.40.256",
        "mp4a.40.2x",
        "hvc1.1.6",
        "hvc1.1.6.X93",
        "hvc1.32.6.L93",
        "hvc1.1.6.L256",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct karp_codec codec;
        assert_int_equal(karp_codec_parse(texts[i], &codec), MOQ_ERR_INVALID);
    }
}

static void a_publisher_can_tell_what_old_viewers_refuse(void **state)
{
    (void)state;
    static const char *const refused[] = {"avc1.42c0", "hvc1.1.6.L93.B0", "vp09.00.41",
                                          "av01.2.04M.10", "mp4a.40."};
    static const char *const taken[] = {"avc3.640028", "hev1.1.6.L93.B0", "flac", "avc1.64001f"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_false(karp_codec_suits_old_viewers(refused[i]));
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        assert_true(karp_codec_suits_old_viewers(taken[i]));
}

static void a_string_without_end_is_refused(void **state)
{
    (void)state;
    char text[200];
    struct karp_codec codec;
    memset(text, 'x', sizeof text);
    text[199] = '\0';
    assert_int_equal(karp_codec_parse(text, &codec), MOQ_ERR_INVALID);
}

static void assert_record(int error, const struct karp_codec *codec, const char *text)
{
    char out[KARP_CODEC_MAX_BYTES];
    assert_int_equal(error, 0);
    assert_int_equal(karp_codec_print(codec, out), 0);
    assert_string_equal(out, text);
}

static void records_become_strings(void **state)
{
    (void)state;
    static const uint8_t avcc[] = {1, 0x64, 0x00, 0x1f, 0xff, 0xe0, 0};
    static const uint8_t hvcc[23] = {1, 0x01, 0x60, 0, 0, 0, 0xb0, 0, 0, 0, 0, 0, 93};
    static const uint8_t main10[23] = {1, 0x22, 0x20, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 153};
    static const uint8_t vpcc[] = {1, 0, 0, 0, 2, 10, 0xa3, 9, 16, 9, 0, 0};
    static const uint8_t av1c[] = {0x81, 0x04, 0x4e, 0};
    static const uint8_t av1c_high[] = {0x81, 0x2f, 0xe0, 0};
    struct karp_codec codec;
    assert_record(karp_codec_from_avcc(avcc, sizeof avcc, false, &codec), &codec, "avc1.64001f");
    assert_record(karp_codec_from_avcc(avcc, sizeof avcc, true, &codec), &codec, "avc3.64001f");
    assert_record(karp_codec_from_hvcc(hvcc, sizeof hvcc, &codec), &codec, "hev1.1.6.L93.B0");
    assert_record(karp_codec_from_hvcc(main10, sizeof main10, &codec), &codec, "hev1.2.4.H153.90");
    assert_record(karp_codec_from_vpcc(vpcc, sizeof vpcc, &codec), &codec,
                  "vp09.02.10.10.01.09.16.09.01");
    assert_record(karp_codec_from_av1c(av1c, sizeof av1c, &codec), &codec,
                  "av01.0.04M.10.0.112.01.01.01.0");
    assert_record(karp_codec_from_av1c(av1c_high, sizeof av1c_high, &codec), &codec,
                  "av01.1.15H.12.0.000.01.01.01.0");
}

static void the_colour_of_av1_is_in_its_sequence_header(void **state)
{
    (void)state;
    static const uint8_t plain[] = {0x81, 0x00, 0x0c, 0x00, 0x0a, 0x0b, 0x00, 0x00, 0x00,
                                    0x04, 0x3c, 0xfe, 0xcc, 0xfb, 0xf9, 0x00, 0x40};
    static const uint8_t hdr[] = {0x81, 0x00, 0x4c, 0x00, 0x0a, 0x0e, 0x00, 0x00, 0x00, 0x04,
                                  0x3c, 0xfe, 0xcc, 0xfb, 0xf9, 0x50, 0x91, 0x00, 0x90, 0x40};
    struct karp_codec codec;
    assert_record(karp_codec_from_av1c(plain, sizeof plain, &codec), &codec, "av01.0.00M.08");
    for (size_t size = 4; size < sizeof plain; size++)
        assert_record(karp_codec_from_av1c(plain, size, &codec), &codec, "av01.0.00M.08");
    assert_record(karp_codec_from_av1c(hdr, sizeof hdr, &codec), &codec,
                  "av01.0.00M.10.0.110.09.16.09.0");
}

static void short_records_are_refused(void **state)
{
    (void)state;
    uint8_t record[23] = {1};
    struct karp_codec codec;
    for (size_t size = 0; size < 23; size++) {
        assert_int_equal(karp_codec_from_hvcc(record, size, &codec), MOQ_ERR_MEDIA);
        if (size < 7)
            assert_int_equal(karp_codec_from_avcc(record, size, false, &codec), MOQ_ERR_MEDIA);
        if (size < 12)
            assert_int_equal(karp_codec_from_vpcc(record, size, &codec), MOQ_ERR_MEDIA);
        if (size < 4)
            assert_int_equal(karp_codec_from_av1c(record, size, &codec), MOQ_ERR_MEDIA);
    }
}

static void audio_configurations_go_both_ways(void **state)
{
    (void)state;
    static const struct {
        uint8_t object_type;
        uint32_t sample_rate, channel_count;
        size_t size;
        uint8_t config[5];
    } vectors[] = {
        {2, 44100, 2, 2, {0x12, 0x10}},
        {2, 48000, 2, 2, {0x11, 0x90}},
        {2, 48000, 1, 2, {0x11, 0x88}},
        {2, 44100, 1, 2, {0x12, 0x08}},
        {2, 22050, 2, 2, {0x13, 0x90}},
        {2, 48000, 6, 2, {0x11, 0xb0}},
        {2, 37800, 2, 5, {0x17, 0x80, 0x49, 0xd4, 0x10}},
        {2, 48000, 8, 2, {0x11, 0xb8}},
        {5, 44100, 2, 4, {0x2b, 0x92, 0x08, 0x00}},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        uint8_t config[KARP_AAC_MAX_BYTES];
        struct karp_aac aac = {.object_type = vectors[i].object_type,
                               .sample_rate = vectors[i].sample_rate,
                               .channel_count = vectors[i].channel_count};
        assert_int_equal(karp_aac_print(&aac, config), vectors[i].size);
        assert_memory_equal(config, vectors[i].config, vectors[i].size);
        assert_int_equal(karp_aac_parse(config, vectors[i].size, &aac), 0);
        assert_int_equal(aac.object_type, vectors[i].object_type);
        assert_int_equal(aac.sample_rate, vectors[i].sample_rate);
        assert_int_equal(aac.channel_count, vectors[i].channel_count);
        assert_int_equal(karp_aac_parse(config, 1, &aac), MOQ_ERR_MEDIA);
    }
}

static void audio_that_cannot_be_configured_is_told(void **state)
{
    (void)state;
    static const uint32_t impossible[][3] = {{2, 0, 2},     {2, 1 << 24, 2}, {2, 48000, 7},
                                             {2, 48000, 9}, {0, 48000, 2},   {31, 48000, 2}};
    uint8_t config[KARP_AAC_MAX_BYTES];
    for (size_t i = 0; i < sizeof impossible / sizeof *impossible; i++) {
        const struct karp_aac aac = {.object_type = (uint8_t)impossible[i][0],
                                     .sample_rate = impossible[i][1],
                                     .channel_count = impossible[i][2]};
        assert_int_equal(karp_aac_print(&aac, config), 0);
    }
}

static void every_way_to_configure_aac_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *config; /* as text of hexadecimal digits */
        uint8_t object_type;
        uint32_t sample_rate, core_rate, channel_count;
        uint16_t frame_samples;
    } vectors[] = {
        {"1190", 2, 48000, 48000, 2, 1024},
        {"1194", 2, 48000, 48000, 2, 960},
        {"118856e500", 2, 48000, 48000, 1, 1024},
        {"1310", 2, 24000, 24000, 2, 1024},       /* HE that says nothing of it */
        {"131056e598", 2, 24000, 24000, 2, 1024}, /* HE after LC */
        {"2b118800", 5, 48000, 24000, 2, 1024},   /* HE before LC */
        {"eb098800", 29, 48000, 24000, 1, 1024},  /* HEv2: one channel becomes two */
        {"118004c844002000c40d4c61766335392e33372e31303056e500", 2, 48000, 48000, 6, 1024},
        {"11d8", 2, 48000, 48000, 7, 1024},
        {"b990", 23, 48000, 48000, 2, 512},
        {"f8e85020", 39, 44100, 44100, 2, 480},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        uint8_t config[32];
        size_t size = strlen(vectors[i].config) / 2;
        struct karp_aac aac;
        for (size_t j = 0; j < size; j++)
            sscanf(vectors[i].config + 2 * j, "%2hhx", &config[j]);
        assert_int_equal(karp_aac_parse(config, size, &aac), 0);
        assert_int_equal(aac.object_type, vectors[i].object_type);
        assert_int_equal(aac.sample_rate, vectors[i].sample_rate);
        assert_int_equal(aac.core_rate, vectors[i].core_rate);
        assert_int_equal(aac.channel_count, vectors[i].channel_count);
        assert_int_equal(aac.frame_samples, vectors[i].frame_samples);
    }
}

static void opus_records_need_a_mapping_for_more_than_two_channels(void **state)
{
    (void)state;
    static const uint8_t stereo[] = {0, 2, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0};
    uint8_t surround[] = {0, 6, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 1, 4, 2, 0, 4, 1, 2, 3, 5};
    struct karp_opus opus;
    assert_int_equal(karp_opus_parse(stereo, sizeof stereo, &opus), 0);
    assert_int_equal(opus.channel_count, 2);
    assert_int_equal(opus.mapping_family, 0);
    assert_int_equal(karp_opus_parse(surround, sizeof surround, &opus), 0);
    assert_int_equal(opus.channel_count, 6);
    assert_int_equal(opus.mapping_family, 1);
    for (size_t size = 0; size < sizeof surround; size++)
        assert_int_equal(karp_opus_parse(surround, size, &opus), MOQ_ERR_MEDIA);
    surround[10] = 0;
    assert_int_equal(karp_opus_parse(surround, sizeof surround, &opus), MOQ_ERR_MEDIA);
    surround[0] = surround[10] = 1;
    assert_int_equal(karp_opus_parse(surround, sizeof surround, &opus), MOQ_ERR_MEDIA);
    surround[0] = surround[1] = 0;
    assert_int_equal(karp_opus_parse(surround, sizeof surround, &opus), MOQ_ERR_MEDIA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_strings_survive),
        cmocka_unit_test(strings_are_printed_in_their_usual_form),
        cmocka_unit_test(strings_of_others_pass_as_unknown),
        cmocka_unit_test(malformed_strings_are_refused),
        cmocka_unit_test(a_publisher_can_tell_what_old_viewers_refuse),
        cmocka_unit_test(a_string_without_end_is_refused),
        cmocka_unit_test(records_become_strings),
        cmocka_unit_test(the_colour_of_av1_is_in_its_sequence_header),
        cmocka_unit_test(short_records_are_refused),
        cmocka_unit_test(audio_configurations_go_both_ways),
        cmocka_unit_test(audio_that_cannot_be_configured_is_told),
        cmocka_unit_test(every_way_to_configure_aac_is_read),
        cmocka_unit_test(opus_records_need_a_mapping_for_more_than_two_channels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
