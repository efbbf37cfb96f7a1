/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Frames of AAC, written bit by bit: every element is walked over to its end, whatever it holds, so
 * that the channels of all are counted; and data that is not a frame, or is cut, gives no
 * result. */
#include "tests/unit/prologue.h"

#include <stdlib.h>
#include <string.h>

#include "karp/aac_frame.h"
#include "tests/unit/karp/bit_writer.h"

enum { SINGLE = 0, PAIR = 1, COUPLING = 2, LOW = 3, DATA = 4, PROGRAM = 5, FILL = 6, END = 7 };
enum { LONG_WINDOWS = 0, SHORT_WINDOWS = 2, RATE = 48000, BANDS = 49, SHORT_BANDS = 14 };

static void put_element(struct bit_writer *to, unsigned kind)
{
    put_bits(to, kind, 3);
    put_zeros(to, kind == FILL || kind == END ? 0 : 4);
}

/* `grouping` has a one for each window that belongs to the group of the one before. */
static void put_windows(struct bit_writer *to, unsigned sequence, unsigned bands, unsigned grouping)
{
    put_bits(to, sequence << 1, 4);
    if (sequence == SHORT_WINDOWS)
        put_bits(to, bands << 7 | grouping, 4 + 7);
    else
        put_bits(to, bands << 1, 6 + 1);
}

/* Of a frame's only channel, which comes up to its sections. */
static void put_single(struct bit_writer *to, unsigned sequence, unsigned bands, unsigned grouping)
{
    put_element(to, SINGLE);
    put_bits(to, 0xff, 8);
    put_windows(to, sequence, bands, grouping);
}

static void put_section(struct bit_writer *to, unsigned book, unsigned length, bool is_short)
{
    put_bits(to, book, 4);
    put_bits(to, length, is_short ? 3 : 5);
}

/* No pulses, no filters, no gain control. */
static void put_no_tools(struct bit_writer *to)
{
    put_zeros(to, 3);
}

/* Ends the frame and counts its channels, in memory that ends there. */
static uint32_t channels_of(struct bit_writer *frame)
{
    put_element(frame, END);
    size_t size = bytes_written(frame);
    uint8_t *payload = malloc(size);
    memcpy(payload, frame->bytes, size);
    uint32_t channels = aac_frame_channels(payload, size, RATE);
    for (size_t cut = 0; channels && cut < size; cut++) {
        uint8_t *part = malloc(cut + 1);
        memcpy(part + 1, payload, cut);
        assert_int_equal(aac_frame_channels(part + 1, cut, RATE), 0);
        free(part);
    }
    if (channels)
        assert_int_equal(aac_frame_channels(frame->bytes, size + 1, RATE), 0);
    free(payload);
    return channels;
}

/* Four values, as the standard has them in each book: signs and escapes follow where the book
 * leaves them to that. */
static void each_book_of_values_is_read(void **state)
{
    (void)state;
    static const struct {
        unsigned book;
        uint32_t code;
        unsigned bits;
    } rows[] = {
        {1, 0x0, 1},                                           /* (0, 0, 0, 0) */
        {2, 0x0, 3},                                           /* the same */
        {3, 0x0, 1},                                           /* the same */
        {3, 0x8 << 1 | 1, 4 + 1},                              /* one value and its sign */
        {4, 0x0 << 4 | 0xf, 4 + 4},                            /* (1, 1, 1, 1) */
        {5, 0x0, 1 + 1},                                       /* (0, 0) twice */
        {7, 0x0, 1 + 1},                                       /* the same */
        {9, 0x0, 1 + 1},                                       /* the same */
        {11, 0x0, 4 + 4},                                      /* the same */
        {11, 0x1 << 6 | 0x3 << 4, 4 + 2 + 4},                  /* (1, 1), signs, (0, 0) */
        {11, (0x4 << 2 | 2) << 14 | 0x3 << 4, 5 + 2 + 10 + 4}, /* (16, 16), two escapes of 5 bits */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bit_writer frame = {.at = 0};
        put_single(&frame, LONG_WINDOWS, 1, 0);
        put_section(&frame, rows[i].book, 1, false);
        put_bits(&frame, 0, 1); /* the scale factor differs by 0 */
        put_no_tools(&frame);
        put_bits(&frame, rows[i].code, rows[i].bits);
        assert_int_equal(channels_of(&frame), 1);
    }
}

static void an_escape_has_as_many_bits_as_it_says(void **state)
{
    (void)state;
    for (unsigned ones = 0; ones <= 8; ones++) {
        struct bit_writer frame = {.at = 0};
        put_single(&frame, LONG_WINDOWS, 1, 0);
        put_section(&frame, 11, 1, false);
        put_bits(&frame, 0, 1);
        put_no_tools(&frame);
        put_bits(&frame, 0x4 << 2, 5 + 2); /* (16, 16) and signs */
        for (int i = 0; i < 2; i++) {
            put_bits(&frame, (1U << ones) - 1, ones);
            put_zeros(&frame, 1 + ones + 4);
        }
        put_bits(&frame, 0x0, 4);
        assert_int_equal(channels_of(&frame), 1);
    }
}

/* Eight windows: in one group their values follow one another, in eight each has sections and scale
 * factors of its own. */
static void short_windows_are_in_groups(void **state)
{
    (void)state;
    for (int is_grouped = 0; is_grouped < 2; is_grouped++) {
        unsigned groups = is_grouped ? 1 : 8;
        struct bit_writer frame = {.at = 0};
        put_single(&frame, SHORT_WINDOWS, 2, is_grouped ? 0x7f : 0);
        for (unsigned i = 0; i < groups; i++) {
            put_section(&frame, 1, 1, true);
            put_section(&frame, 0, 1, true);
        }
        put_bits(&frame, 0, groups);
        put_no_tools(&frame);
        put_bits(&frame, 0, 8); /* (0, 0, 0, 0) eight times */
        assert_int_equal(channels_of(&frame), 1);
    }
}

static void a_section_may_be_longer_than_its_field(void **state)
{
    (void)state;
    struct bit_writer frame = {.at = 0};
    put_single(&frame, LONG_WINDOWS, BANDS, 0);
    put_section(&frame, 0, 31, false);
    put_bits(&frame, BANDS - 31, 5);
    put_no_tools(&frame);
    assert_int_equal(channels_of(&frame), 1);

    frame = (struct bit_writer){.at = 0};
    put_single(&frame, SHORT_WINDOWS, SHORT_BANDS, 0x7f);
    put_section(&frame, 0, 7, true);
    put_bits(&frame, 7, 3);
    put_bits(&frame, 0, 3);
    put_no_tools(&frame);
    assert_int_equal(channels_of(&frame), 1);
}

static void noise_begins_with_a_number(void **state)
{
    (void)state;
    struct bit_writer frame = {.at = 0};
    put_single(&frame, LONG_WINDOWS, 3, 0);
    put_section(&frame, 13, 2, false);
    put_section(&frame, 15, 1, false); /* intensity */
    put_bits(&frame, 0x100, 9);
    put_bits(&frame, 0, 1 + 1);
    put_no_tools(&frame);
    assert_int_equal(channels_of(&frame), 1);
}

static void pulses_and_filters_are_passed_over(void **state)
{
    (void)state;
    struct bit_writer frame = {.at = 0};
    put_single(&frame, LONG_WINDOWS, 0, 0);
    put_bits(&frame, 1, 1);
    put_bits(&frame, 2, 2); /* three pulses */
    put_zeros(&frame, 6 + 3 * (5 + 4));
    put_bits(&frame, 1, 1);
    put_bits(&frame, 2, 2);     /* two filters: */
    put_bits(&frame, 1, 1);     /* of 4 bits */
    put_bits(&frame, 0, 6 + 5); /* of order 0 */
    put_bits(&frame, 12, 6 + 5);
    put_bits(&frame, 1, 2); /* compressed to 3 */
    put_bits(&frame, 0, 12);
    put_bits(&frame, 0, 12);
    put_bits(&frame, 0xfff, 12);
    put_zeros(&frame, 1);
    assert_int_equal(channels_of(&frame), 1);

    frame = (struct bit_writer){.at = 0};
    put_single(&frame, SHORT_WINDOWS, 0, 0);
    put_zeros(&frame, 1);
    put_bits(&frame, 1, 1);
    for (int i = 0; i < 8; i++) {
        put_bits(&frame, i == 3, 1);
        if (i == 3)
            put_bits(&frame, 0x0 << 9 | 7 << 2, 1 + 4 + 3 + 2); /* order 7 of 3 bits */
        put_bits(&frame, 0x1fffff, i == 3 ? 21 : 0);
    }
    put_zeros(&frame, 1);
    assert_int_equal(channels_of(&frame), 1);
}

static void a_pair_may_share_its_windows(void **state)
{
    (void)state;
    struct bit_writer frame = {.at = 0};
    put_element(&frame, PAIR);
    put_bits(&frame, 1, 1);
    put_windows(&frame, SHORT_WINDOWS, 3, 0x3f); /* two groups */
    put_bits(&frame, 1, 2);                      /* a bit for each band says what is joined */
    put_bits(&frame, 0x2a, 2 * 3);
    for (int i = 0; i < 2; i++) {
        put_bits(&frame, 0xff, 8);
        put_section(&frame, 0, 3, true);
        put_section(&frame, 0, 3, true);
        put_no_tools(&frame);
    }
    assert_int_equal(channels_of(&frame), 2);
}

static void put_silence(struct bit_writer *to, unsigned kind)
{
    put_element(to, kind);
    put_bits(to, 0, kind == PAIR ? 1 : 0);
    for (unsigned i = 0; i < (kind == PAIR ? 2 : 1); i++) {
        put_bits(to, 0xff, 8);
        put_windows(to, LONG_WINDOWS, 0, 0);
        put_no_tools(to);
    }
}

static void data_and_filling_count_for_nothing(void **state)
{
    (void)state;
    static const unsigned sizes[] = {0, 1, 14, 15, 100, 254, 255, 256};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned size = sizes[i];
        struct bit_writer frame = {.at = 0};
        put_silence(&frame, SINGLE);
        put_element(&frame, DATA);
        put_bits(&frame, 1, 1); /* its bytes are whole ones */
        put_bits(&frame, size < 255 ? size : 255, 8);
        put_bits(&frame, size - 255, size < 255 ? 0 : 8);
        put_zeros(&frame, (8 - frame.at % 8) % 8 + 8 * size);
        put_silence(&frame, PAIR);
        put_element(&frame, FILL);
        put_bits(&frame, size < 15 ? size : 15, 4);
        put_bits(&frame, size - 14, size < 15 ? 0 : 8);
        put_zeros(&frame, 8 * size);
        assert_int_equal(channels_of(&frame), 3);
    }
}

static void what_has_no_place_in_a_frame_tells_nothing(void **state)
{
    (void)state;
    struct bit_writer frame = {.at = 0};
    put_single(&frame, LONG_WINDOWS, BANDS + 1, 0); /* more bands than there are */
    put_section(&frame, 0, 31, false);
    put_bits(&frame, BANDS + 1 - 31, 5);
    put_no_tools(&frame);
    assert_int_equal(channels_of(&frame), 0);

    frame = (struct bit_writer){.at = 0};
    put_single(&frame, LONG_WINDOWS, 1, 0);
    put_section(&frame, 12, 1, false); /* a book that does not exist */
    put_bits(&frame, 0, 1);
    put_no_tools(&frame);
    assert_int_equal(channels_of(&frame), 0);

    frame = (struct bit_writer){.at = 0};
    put_single(&frame, LONG_WINDOWS, 1, 0);
    put_section(&frame, 0, 2, false); /* over the last band */
    put_no_tools(&frame);
    assert_int_equal(channels_of(&frame), 0);

    frame = (struct bit_writer){.at = 0};
    put_element(&frame, SINGLE);
    put_bits(&frame, 0xff, 8);
    put_bits(&frame, 1, 4 + 6 + 1); /* prediction */
    put_no_tools(&frame);
    assert_int_equal(channels_of(&frame), 0);

    frame = (struct bit_writer){.at = 0};
    put_single(&frame, LONG_WINDOWS, 0, 0);
    put_bits(&frame, 1, 3); /* gain control */
    assert_int_equal(channels_of(&frame), 0);
}

static void other_elements_and_orders_tell_nothing(void **state)
{
    (void)state;
    static const unsigned kinds[][2] = {
        {COUPLING, SINGLE}, {PROGRAM, SINGLE}, {SINGLE, SINGLE}, {LOW, SINGLE}, {PAIR, PAIR}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct bit_writer frame = {.at = 0};
        put_silence(&frame, kinds[i][0]);
        put_silence(&frame, kinds[i][1]);
        assert_int_equal(channels_of(&frame), 0);
    }
    struct bit_writer many = {.at = 0};
    for (int i = 0; i < 20; i++)
        put_silence(&many, SINGLE);
    assert_int_equal(channels_of(&many), 0);
}

static void what_no_decoder_takes_is_not_looked_at(void **state)
{
    (void)state;
    size_t size = (1 << 16) + 1;
    uint8_t *payload = calloc(1, size);
    assert_int_equal(aac_frame_channels(payload, size, RATE), 0);
    free(payload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_book_of_values_is_read),
        cmocka_unit_test(an_escape_has_as_many_bits_as_it_says),
        cmocka_unit_test(short_windows_are_in_groups),
        cmocka_unit_test(a_section_may_be_longer_than_its_field),
        cmocka_unit_test(noise_begins_with_a_number),
        cmocka_unit_test(pulses_and_filters_are_passed_over),
        cmocka_unit_test(a_pair_may_share_its_windows),
        cmocka_unit_test(data_and_filling_count_for_nothing),
        cmocka_unit_test(what_has_no_place_in_a_frame_tells_nothing),
        cmocka_unit_test(other_elements_and_orders_tell_nothing),
        cmocka_unit_test(what_no_decoder_takes_is_not_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
