/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Parameter sets move from the description into keyframes, and lengths become start codes. */
#include "karp/in_band.h"

#include "tests/unit/prologue.h"

#include <string.h>

#include "base/error.h"
#include "karp/karp.h"

#define CODE "\0\0\0\1"
#define SPS "\x67\x4d\x40\x1f"
#define PPS "\x68\xee\x3c\x80"
#define SETS CODE SPS CODE PPS
#define IDR "\x65\x88\x81"
#define DELTA "\x41\x98\x81"
#define DELIMITER "\x09\xf0"
#define VPS_265 "\x40\x01\x0c"
#define SPS_265 "\x42\x01\x01"
#define PPS_265 "\x44\x01\xc1"
#define SEI_265 "\x4e\x01\x05"
#define IDR_265 "\x26\x01\xaf"

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

/* An avcC whose lengths have two bytes. */
#define AVCC "\1\x4d\x40\x1f\xfd\xe1\0\4" SPS "\1\0\4" PPS
#define HVCC_HEAD "\1\1\x60\0\0\0\x90\0\0\0\0\0\x5d\xf0\0\xfc\xfd\xf8\xf8\0\0\x0f"
#define HVCC                                                                                       \
    HVCC_HEAD "\4\x20\0\1\0\3" VPS_265 "\x21\0\1\0\3" SPS_265 "\x22\0\1\0\3" PPS_265               \
              "\x27\0\1\0\3" SEI_265

/* A catalog of one video track with this description. */
static struct karp_catalog *catalog_of(const char *codec, const uint8_t *description, size_t size)
{
    struct karp_catalog *catalog = karp_catalog_new();
    struct karp_track track = {.kind = KARP_VIDEO, .name = "v"};
    strcpy(track.codec, codec);
    track.description = (uint8_t *)(uintptr_t)description;
    track.description_size = size;
    assert_int_equal(karp_catalog_add(catalog, &track), 0);
    return catalog;
}

static void begin(struct in_band *in_band, const char *codec, const uint8_t *description,
                  size_t size, bool is_taken)
{
    struct karp_catalog *catalog = catalog_of(codec, description, size);
    *in_band = (struct in_band){.broken = 0};
    in_band_init(in_band);
    assert_int_equal(in_band_catalog(in_band, catalog), 0);
    assert_int_equal(catalog->tracks[0].description_size, is_taken ? 0 : size);
    karp_catalog_free(catalog);
}

static void assert_frame(struct in_band *in_band, bool is_key, const uint8_t *payload, size_t size,
                         const uint8_t *expected, size_t expected_size)
{
    struct karp_frame frame = {0, is_key, 7, payload, size};
    assert_int_equal(in_band_frame(in_band, &frame), 0);
    assert_int_equal(frame.size, expected_size);
    assert_memory_equal(frame.payload, expected, expected_size);
}

static void keyframes_get_the_sets_and_all_frames_start_codes(void **state)
{
    struct in_band in_band;
    (void)state;
    begin(&in_band, "avc1.4d401f", BYTES(AVCC), true);
    assert_frame(&in_band, true, BYTES("\0\3" IDR), BYTES(SETS CODE IDR));
    assert_frame(&in_band, false, BYTES("\0\3" DELTA "\0\3" DELTA), BYTES(CODE DELTA CODE DELTA));
    assert_frame(&in_band, true, BYTES(""), BYTES(""));
    in_band_deinit(&in_band);
}

static void a_delimiter_stays_in_front(void **state)
{
    struct in_band in_band;
    (void)state;
    begin(&in_band, "avc1.4d401f", BYTES(AVCC), true);
    assert_frame(&in_band, true, BYTES("\0\2" DELIMITER "\0\3" IDR),
                 BYTES(CODE DELIMITER SETS CODE IDR));
    in_band_deinit(&in_band);
}

static void a_keyframe_keeps_the_sets_that_it_brings(void **state)
{
    struct in_band in_band;
    (void)state;
    begin(&in_band, "avc3.4d401f", BYTES(AVCC), true);
    assert_frame(&in_band, true, BYTES("\0\2\x67\x42\0\2\x68\x42\0\3" IDR),
                 BYTES(CODE "\x67\x42" CODE "\x68\x42" CODE IDR));
    /* an SPS alone is not enough */
    assert_frame(&in_band, true, BYTES("\0\2\x67\x42\0\3" IDR),
                 BYTES(SETS CODE "\x67\x42" CODE IDR));
    in_band_deinit(&in_band);
}

static void h265_has_three_kinds_of_sets(void **state)
{
    struct in_band in_band;
    (void)state;
    begin(&in_band, "hev1.1.6.L93.B0", BYTES(HVCC), true);
    assert_frame(&in_band, true, BYTES("\0\0\0\3" IDR_265),
                 BYTES(CODE VPS_265 CODE SPS_265 CODE PPS_265 CODE SEI_265 CODE IDR_265));
    assert_frame(
        &in_band, true, BYTES("\0\0\0\3\x46\x01\x50\0\0\0\3" IDR_265),
        BYTES(CODE
              "\x46\x01\x50" CODE VPS_265 CODE SPS_265 CODE PPS_265 CODE SEI_265 CODE IDR_265));
    in_band_deinit(&in_band);
}

static void descriptions_without_all_sets_stay(void **state)
{
    struct in_band in_band;
    (void)state;
    static const struct {
        const char *codec, *record;
        size_t size;
    } others[] = {
        {"avc1.4d401f", "\1\x4d\x40\x1f\xff\xe0\0", 7},
        {"avc1.4d401f", "\1\x4d\x40\x1f\xff\xe1\0\4\x67", 9},
        {"avc1.4d401f", "\1", 1},
        {"hev1.1.6.L93.B0", HVCC_HEAD "\0", 23},
        {"av01.0.04M.08", "\x81\x04\x0c\0", 4},
        {"vvc1.1", "\1\2\3", 3},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const uint8_t *record = (const uint8_t *)others[i].record;
        begin(&in_band, others[i].codec, record, others[i].size, false);
        assert_frame(&in_band, true, BYTES("\0\3" IDR), BYTES("\0\3" IDR));
        in_band_deinit(&in_band);
    }
}

static void what_is_no_unit_is_left_out_and_counted(void **state)
{
    struct in_band in_band;
    (void)state;
    begin(&in_band, "avc1.4d401f", BYTES(AVCC), true);
    assert_frame(&in_band, false, BYTES("\0\3" DELTA "\x7f\xff\1"), BYTES(CODE DELTA));
    assert_int_equal(in_band.broken, 1);
    assert_frame(&in_band, false, BYTES(CODE DELTA), BYTES(CODE DELTA));
    assert_int_equal(in_band.broken, 1);
    in_band_deinit(&in_band);
}

static void the_next_catalog_brings_other_sets(void **state)
{
    struct in_band in_band;
    struct karp_catalog *catalog = catalog_of("vp8", NULL, 0);
    (void)state;
    begin(&in_band, "avc1.4d401f", BYTES(AVCC), true);
    assert_int_equal(in_band_catalog(&in_band, catalog), 0);
    assert_frame(&in_band, true, BYTES("\0\3" IDR), BYTES("\0\3" IDR));
    karp_catalog_free(catalog);
    in_band_deinit(&in_band);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keyframes_get_the_sets_and_all_frames_start_codes),
        cmocka_unit_test(a_delimiter_stays_in_front),
        cmocka_unit_test(a_keyframe_keeps_the_sets_that_it_brings),
        cmocka_unit_test(h265_has_three_kinds_of_sets),
        cmocka_unit_test(descriptions_without_all_sets_stay),
        cmocka_unit_test(what_is_no_unit_is_left_out_and_counted),
        cmocka_unit_test(the_next_catalog_brings_other_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
