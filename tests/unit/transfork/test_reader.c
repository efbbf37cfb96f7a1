/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reading a group frame by frame, while it grows and after it has ended in every way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/objects.h"
#include "base/varint.h"
#include "tests/unit/transfork/bytes_of_hex.h"
#include "transfork/group.h"

static int nothing_lives(void **state)
{
    (void)state;
    return objects_report(stderr);
}

static void append_hex(struct moq_group *group, const char *text)
{
    struct hex hex = bytes_of_hex(text);
    assert_int_equal(group_append(group, hex.data, hex.size), 0);
}

static void assert_frame(struct moq_group_reader *reader, const char *expected)
{
    const uint8_t *data;
    size_t size;
    assert_int_equal(moq_group_reader_next(reader, &data, &size), 0);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(data, expected, size);
}

static void assert_none(struct moq_group_reader *reader, int error)
{
    const uint8_t *data;
    size_t size;
    assert_int_equal(moq_group_reader_next(reader, &data, &size), error);
    assert_int_equal(moq_group_reader_next(reader, &data, &size), error);
}

/* A reader of its own group, which it alone keeps alive. */
static struct moq_group *reader_start(struct moq_group_reader *reader)
{
    struct moq_group *group = group_new(1, 1), *kept = group;
    moq_group_reader_init(reader, group);
    moq_group_unref(&group);
    return kept;
}

static void a_group_gives_its_frames_and_then_its_end(void **state)
{
    (void)state;
    struct moq_group_reader reader;
    struct moq_group *group = reader_start(&reader);
    append_hex(group, "05 68656c6c6f 00 03 616263");
    assert_frame(&reader, "hello");
    assert_frame(&reader, "");
    assert_frame(&reader, "abc");
    assert_none(&reader, MOQ_ERR_AGAIN);
    group_end(group, 0, 5);
    assert_none(&reader, MOQ_ERR_END);
    moq_group_reader_deinit(&reader);
}

static void an_empty_group_is_just_its_end(void **state)
{
    (void)state;
    struct moq_group_reader reader;
    struct moq_group *group = reader_start(&reader);
    assert_none(&reader, MOQ_ERR_AGAIN);
    group_end(group, 0, 5);
    assert_none(&reader, MOQ_ERR_END);
    moq_group_reader_deinit(&reader);
}

static void a_frame_comes_when_its_last_byte_is_there(void **state)
{
    (void)state;
    struct hex hex = bytes_of_hex("4005 68656c6c6f");
    struct moq_group_reader reader;
    struct moq_group *group = reader_start(&reader);
    for (size_t i = 0; i < hex.size; i++) {
        assert_none(&reader, MOQ_ERR_AGAIN);
        assert_int_equal(group_append(group, hex.data + i, 1), 0);
    }
    assert_frame(&reader, "hello");
    moq_group_reader_deinit(&reader);
}

static void a_cut_group_gives_its_frames_and_then_the_error(void **state)
{
    (void)state;
    struct moq_group_reader reader;
    struct moq_group *group = reader_start(&reader);
    append_hex(group, "02 6869 05 6865");
    group_end(group, MOQ_ERR_EXPIRED, 5);
    assert_frame(&reader, "hi");
    assert_none(&reader, MOQ_ERR_EXPIRED);
    moq_group_reader_deinit(&reader);
}

static void a_clean_end_inside_a_frame_is_a_wrong_size(void **state)
{
    (void)state;
    static const char *const endings[] = {"05 68656c6c", "05", "40", "c0000000000000"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        struct moq_group_reader reader;
        struct moq_group *group = reader_start(&reader);
        append_hex(group, endings[i]);
        group_end(group, 0, 5);
        assert_none(&reader, MOQ_ERR_WRONG_SIZE);
        moq_group_reader_deinit(&reader);
    }
}

static void a_size_that_lies_costs_nothing(void **state)
{
    (void)state;
    struct moq_group_reader reader;
    struct moq_group *group = reader_start(&reader);
    append_hex(group, "81000000 aa");
    assert_none(&reader, MOQ_ERR_AGAIN);
    assert_int_equal(reader.frame_bytes, 0);
    moq_group_reader_deinit(&reader);

    group = reader_start(&reader);
    append_hex(group, "ffffffffffffffff aa");
    assert_none(&reader, MOQ_ERR_BOUNDS);
    moq_group_reader_deinit(&reader);
}

/* Frames of many sizes over many chunks: whether in one piece or put together, the bytes are the
 * same. */
static void frames_survive_the_borders_of_chunks(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 1019, 1020, 1021, 5000, 63, 64, 100000, 0, 300000, 2, 65536};
    enum { COUNT = sizeof sizes / sizeof sizes[0] };
    struct moq_group_reader reader;
    struct moq_group *group = reader_start(&reader);
    uint8_t *data = malloc(300000);
    for (size_t i = 0; i < COUNT; i++) {
        uint8_t header[VARINT_MAX_BYTES];
        memset(data, (int)i + 1, sizes[i] ? sizes[i] : 1);
        assert_int_equal(group_append(group, header, varint_encode(header, sizes[i])), 0);
        assert_int_equal(group_append(group, data, sizes[i]), 0);
    }
    for (size_t i = 0; i < COUNT; i++) {
        const uint8_t *frame;
        size_t size;
        assert_int_equal(moq_group_reader_next(&reader, &frame, &size), 0);
        assert_int_equal(size, sizes[i]);
        for (size_t k = 0; k < size; k++)
            if (frame[k] != i + 1)
                fail_msg("frame %zu is wrong at %zu", i, k);
    }
    assert_none(&reader, MOQ_ERR_AGAIN);
    free(data);
    moq_group_reader_deinit(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_gives_its_frames_and_then_its_end),
        cmocka_unit_test(an_empty_group_is_just_its_end),
        cmocka_unit_test(a_frame_comes_when_its_last_byte_is_there),
        cmocka_unit_test(a_cut_group_gives_its_frames_and_then_the_error),
        cmocka_unit_test(a_clean_end_inside_a_frame_is_a_wrong_size),
        cmocka_unit_test(a_size_that_lies_costs_nothing),
        cmocka_unit_test(frames_survive_the_borders_of_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, nothing_lives);
}
