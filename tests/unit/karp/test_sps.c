/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sequence parameter sets, written field by field: the size of pictures, their reorder depth and
 * the form of their pixels, whatever stands before these; and sets that are cut or make no
 * sense. */
#include "tests/unit/prologue.h"

#include <stdlib.h>
#include <string.h>

#include "karp/nal.h"
#include "tests/unit/karp/bit_writer.h"

enum { BASELINE = 66, HIGH = 100, HIGH_444 = 244 };

/* An SPS of H.264; zeros are the simplest there is: 16x16, frames only. */
struct h264 {
    uint8_t profile, chroma_format;
    bool has_scaling_lists;
    uint32_t order_type, references;
    uint32_t more_across, more_down; /* blocks beside the first */
    bool is_interlaced;
    uint32_t crop[4]; /* left, right, top, bottom; all 0: no cropping */
    bool has_vui;
    uint32_t aspect; /* 255: followed by */
    uint32_t aspect_across, aspect_down;
    bool has_all_else; /* that may stand in the VUI before the reorder depth */
    bool has_restrictions;
    uint32_t reorder;
};

/* Every other one is there: one that is broken off for the default, and whole ones. */
static void put_scaling_lists(struct bit_writer *to, unsigned lists)
{
    for (unsigned i = 0; i < lists; i++) {
        put_bits(to, i % 2, 1);
        if (i == 1)
            put_se(to, -8);
        for (unsigned j = 0; i > 1 && i % 2 && j < (i < 6 ? 16 : 64); j++)
            put_se(to, j % 2 ? 3 : -3);
    }
}

static void put_hrd(struct bit_writer *to)
{
    put_ue(to, 1);
    put_bits(to, 0xff, 8);
    for (int i = 0; i < 2; i++) {
        put_ue(to, 1000);
        put_ue(to, 7);
        put_bits(to, 1, 1);
    }
    put_bits(to, 0xfffff, 20);
}

static void put_vui(struct bit_writer *to, const struct h264 *h264)
{
    bool all = h264->has_all_else;
    put_bits(to, h264->aspect > 0, 1);
    put_bits(to, h264->aspect, h264->aspect > 0 ? 8 : 0);
    if (h264->aspect == 255)
        put_bits(to, h264->aspect_across << 16 | h264->aspect_down, 32);
    put_bits(to, all ? 3 : 0, all ? 2 : 1);    /* overscan */
    put_bits(to, all ? 0x3f : 0, all ? 6 : 1); /* format, range, colours: */
    put_bits(to, 0x010203, all ? 24 : 0);
    put_bits(to, all, 1); /* places of chroma */
    for (int i = 0; all && i < 2; i++)
        put_ue(to, 5);
    put_bits(to, all, 1); /* time scale */
    for (int i = 0; all && i < 2; i++)
        put_bits(to, 0xffffffff, 32);
    put_bits(to, 1, all ? 1 : 0);
    for (int i = 0; i < 2; i++) {
        put_bits(to, all, 1);
        if (all)
            put_hrd(to);
    }
    put_bits(to, 1, all ? 1 : 0); /* low delay */
    put_bits(to, 1, 1);
    put_bits(to, h264->has_restrictions, 1);
    if (!h264->has_restrictions)
        return;
    put_bits(to, 1, 1);
    for (int i = 0; i < 4; i++)
        put_ue(to, 16);
    put_ue(to, h264->reorder);
    put_ue(to, 16);
}

static void put_order(struct bit_writer *to, uint32_t type)
{
    put_ue(to, type);
    if (type == 0)
        put_ue(to, 4);
    if (type != 1)
        return;
    put_bits(to, 1, 1);
    put_se(to, -2);
    put_se(to, 3);
    put_ue(to, 2);
    put_se(to, 4);
    put_se(to, -5);
}

static void put_crop(struct bit_writer *to, const uint32_t crop[4])
{
    bool is_there = crop[0] || crop[1] || crop[2] || crop[3];
    put_bits(to, is_there, 1);
    for (int i = 0; is_there && i < 4; i++)
        put_ue(to, crop[i]);
}

/* Returns how many bits there are up to the usability information. */
static unsigned put_h264(struct bit_writer *to, const struct h264 *h264)
{
    put_bits(to, 0x67, 8);
    put_bits(to, h264->profile, 8);
    put_bits(to, 0x001e, 16);
    put_ue(to, 0);
    if (h264->profile != BASELINE) {
        put_ue(to, h264->chroma_format);
        put_zeros(to, h264->chroma_format == 3 ? 1 : 0);
        put_ue(to, 2);
        put_ue(to, 1);
        put_zeros(to, 1);
        put_bits(to, h264->has_scaling_lists, 1);
        if (h264->has_scaling_lists)
            put_scaling_lists(to, h264->chroma_format == 3 ? 12 : 8);
    }
    put_ue(to, 0);
    put_order(to, h264->order_type);
    put_ue(to, h264->references);
    put_zeros(to, 1);
    put_ue(to, h264->more_across);
    put_ue(to, h264->more_down);
    put_bits(to, h264->is_interlaced ? 0 : 1, h264->is_interlaced ? 2 : 1);
    put_bits(to, 1, 1);
    put_crop(to, h264->crop);
    unsigned end = to->at;
    put_bits(to, h264->has_vui, 1);
    if (h264->has_vui)
        put_vui(to, h264);
    put_bits(to, 1, 1);
    return end;
}

/* Parses the first `size` bytes, with emulation prevention, in memory that ends there. */
static bool parse(const struct bit_writer *from, size_t size, bool is_h265, struct nal_sps *sps)
{
    uint8_t *data = malloc(2 * size + 1);
    size_t n = 0, zeros = 0;
    for (size_t i = 0; i < size; i++) {
        if (zeros >= 2 && from->bytes[i] <= 3) {
            data[n++] = 3;
            zeros = 0;
        }
        data[n++] = from->bytes[i];
        zeros = from->bytes[i] == 0 ? zeros + 1 : 0;
    }
    data = realloc(data, n + (n == 0));
    bool is_parsed = nal_sps_parse(&(struct nal){data, n}, is_h265, sps);
    free(data);
    return is_parsed;
}

static struct nal_sps h264_sps(const struct h264 *h264)
{
    struct bit_writer bits = {.at = 0};
    struct nal_sps sps;
    put_h264(&bits, h264);
    assert_true(parse(&bits, bytes_written(&bits), false, &sps));
    return sps;
}

static void pictures_are_as_large_as_what_is_not_cropped(void **state)
{
    (void)state;
    static const struct {
        struct h264 h264;
        uint32_t width, height;
    } rows[] = {
        {{.profile = BASELINE, .more_across = 9, .more_down = 8}, 160, 144},
        {{.profile = HIGH, 1, .more_across = 119, .more_down = 67, .crop = {0, 0, 0, 4}},
         1920,
         1080},
        {{.profile = HIGH,
          1,
          .more_across = 119,
          .more_down = 33,
          .is_interlaced = true,
          .crop = {0, 0, 0, 2}},
         1920,
         1080},
        {{.profile = HIGH, 2, .more_across = 9, .more_down = 8, .crop = {1, 2, 3, 4}}, 154, 137},
        {{.profile = HIGH_444, 3, .more_across = 9, .more_down = 8, .crop = {1, 2, 3, 4}},
         157,
         137},
        {{.profile = HIGH, 0, .more_across = 9, .more_down = 8, .crop = {1, 2, 3, 4}}, 157, 137},
        {{.profile = BASELINE, .crop = {4, 4, 9, 0}}, 0, 0},                /* all of it */
        {{.profile = BASELINE, .more_across = 4096, .more_down = 8}, 0, 0}, /* too large */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct nal_sps sps = h264_sps(&rows[i].h264);
        assert_int_equal(sps.width, rows[i].width);
        assert_int_equal(sps.height, rows[i].height);
        bool is_high = rows[i].h264.profile != BASELINE;
        assert_int_equal(sps.chroma_format, is_high ? rows[i].h264.chroma_format : 1);
        assert_int_equal(sps.luma_depth, is_high ? 10 : 8);
        assert_int_equal(sps.chroma_depth, is_high ? 9 : 8);
    }
}

static void the_reorder_depth_is_told_or_follows(void **state)
{
    (void)state;
    static const struct {
        struct h264 h264;
        uint32_t reorder;
    } rows[] = {
        {{.profile = BASELINE, .references = 4}, 4},
        {{.profile = BASELINE, .references = 4, .order_type = 1}, 4},
        {{.profile = BASELINE, .references = 4, .order_type = 2}, 0},
        {{.profile = BASELINE, .references = 4, .has_vui = true}, 4},
        {{.profile = BASELINE, .references = 4, .has_vui = true, .order_type = 2}, 0},
        {{.profile = BASELINE, .references = 4, .has_vui = true, .has_restrictions = true}, 0},
        {{BASELINE, .references = 4, .has_vui = true, .has_restrictions = true, .reorder = 2}, 2},
        {{BASELINE, .has_vui = true, .has_restrictions = true, .reorder = 1000}, NAL_MAX_REORDER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(h264_sps(&rows[i].h264).reorder, rows[i].reorder);
}

static void whatever_stands_before_is_passed_over(void **state)
{
    (void)state;
    for (uint8_t chroma = 0; chroma <= 3; chroma++) {
        const struct h264 h264 = {.profile = chroma == 3 ? HIGH_444 : HIGH,
                                  .chroma_format = chroma,
                                  .has_scaling_lists = true,
                                  .order_type = 1,
                                  .references = 5,
                                  .more_across = 9,
                                  .more_down = 8,
                                  .has_vui = true,
                                  .aspect = 255,
                                  .aspect_across = 4,
                                  .aspect_down = 3,
                                  .has_all_else = true,
                                  .has_restrictions = true,
                                  .reorder = 3};
        struct nal_sps sps = h264_sps(&h264);
        assert_int_equal(sps.width, 160);
        assert_int_equal(sps.height, 144);
        assert_int_equal(sps.reorder, 3);
        assert_true(sps.is_stretched);
    }
}

static void pixels_are_square_unless_told_otherwise(void **state)
{
    (void)state;
    static const struct {
        uint32_t aspect, across, down;
        bool is_stretched;
    } rows[] = {{0, 0, 0, false},   {1, 0, 0, false},   {14, 0, 0, true},  {255, 4, 3, true},
                {255, 7, 7, false}, {255, 0, 3, false}, {255, 4, 0, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct h264 h264 = {.profile = BASELINE,
                                  .has_vui = true,
                                  .aspect = rows[i].aspect,
                                  .aspect_across = rows[i].across,
                                  .aspect_down = rows[i].down};
        assert_int_equal(h264_sps(&h264).is_stretched, rows[i].is_stretched);
    }
}

static void a_set_that_is_cut_before_its_size_is_refused(void **state)
{
    (void)state;
    const struct h264 h264 = {.profile = HIGH,
                              .chroma_format = 1,
                              .has_scaling_lists = true,
                              .order_type = 1,
                              .more_across = 119,
                              .more_down = 67,
                              .crop = {0, 0, 0, 4},
                              .has_vui = true,
                              .has_all_else = true,
                              .has_restrictions = true};
    struct bit_writer bits = {.at = 0};
    unsigned end = put_h264(&bits, &h264);
    for (size_t size = 0; size <= bytes_written(&bits); size++) {
        struct nal_sps sps;
        bool is_parsed = parse(&bits, size, false, &sps);
        assert_int_equal(is_parsed, 8 * size >= end);
        assert_true(!is_parsed || (sps.width == 1920 && sps.height == 1080));
    }
}

/* Of H.265, with three temporal layers of which each tells something else. Returns how many bits
 * there are up to the end of what is parsed. */
static unsigned put_h265(struct bit_writer *to, bool has_order_of_each)
{
    put_bits(to, 0x4201, 16);
    put_bits(to, 0, 4);
    put_bits(to, 2, 3);
    put_bits(to, 1, 1);
    for (int i = 0; i < 3; i++)
        put_bits(to, 0x01600000, 32);
    put_bits(to, 2, 2); /* the first layer has a profile, */
    put_bits(to, 3, 2); /* the second a level too */
    put_zeros(to, 12);
    put_zeros(to, 88 + 88 + 8);
    put_ue(to, 0);
    put_ue(to, 1);
    put_ue(to, 1920);
    put_ue(to, 1088);
    put_crop(to, (const uint32_t[4]){0, 0, 1, 3});
    put_ue(to, 2);
    put_ue(to, 0);
    put_ue(to, 4);
    put_bits(to, has_order_of_each, 1);
    for (uint32_t i = has_order_of_each ? 0 : 2; i <= 2; i++) {
        put_ue(to, 4);
        put_ue(to, i + 1);
        put_ue(to, 0);
    }
    unsigned end = to->at;
    put_bits(to, 1, 1);
    return end;
}

static void a_set_of_h265_tells_of_its_highest_layer(void **state)
{
    (void)state;
    for (int has_order_of_each = 0; has_order_of_each < 2; has_order_of_each++) {
        struct bit_writer bits = {.at = 0};
        unsigned end = put_h265(&bits, has_order_of_each);
        for (size_t size = 0; size <= bytes_written(&bits); size++) {
            struct nal_sps sps;
            assert_int_equal(parse(&bits, size, true, &sps), 8 * size >= end);
            if (8 * size < end)
                continue;
            assert_int_equal(sps.width, 1920);
            assert_int_equal(sps.height, 1080);
            assert_int_equal(sps.chroma_format, 1);
            assert_int_equal(sps.luma_depth, 10);
            assert_int_equal(sps.chroma_depth, 8);
            assert_int_equal(sps.reorder, 3);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_are_as_large_as_what_is_not_cropped),
        cmocka_unit_test(the_reorder_depth_is_told_or_follows),
        cmocka_unit_test(whatever_stands_before_is_passed_over),
        cmocka_unit_test(pixels_are_square_unless_told_otherwise),
        cmocka_unit_test(a_set_that_is_cut_before_its_size_is_refused),
        cmocka_unit_test(a_set_of_h265_tells_of_its_highest_layer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
