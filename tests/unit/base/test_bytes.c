/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* base/bytes.h: logs that grow under their readers, trimming, and bounded buffers. */
#include "base/bytes.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/error.h"
#include "base/objects.h"

enum { PATTERN_PERIOD = 251 };

/* Byte `i` of every log in here, so that a reader knows what to expect at any place. */
static uint8_t pattern_at(uint64_t i)
{
    return (uint8_t)(i % PATTERN_PERIOD);
}

static void append_pattern(struct bytes_log *log, size_t n)
{
    uint8_t *data = malloc(n + 1);
    uint64_t start = bytes_log_length(log);
    for (size_t i = 0; i < n; i++)
        data[i] = pattern_at(start + i);
    assert_int_equal(bytes_log_append(log, data, n), 0);
    free(data);
}

static void assert_pattern(const struct iovec *piece, uint64_t start)
{
    const uint8_t *bytes = piece->iov_base;
    for (size_t i = 0; i < piece->iov_len; i++)
        if (bytes[i] != pattern_at(start + i))
            fail_msg("wrong byte at %llu", (unsigned long long)(start + i));
}

/* Reads what is there in steps of at most `step` and checks every byte. */
static void read_pattern(struct bytes_cursor *cursor, size_t step)
{
    struct iovec vec[3];
    size_t pieces;
    while ((pieces = bytes_cursor_peek(cursor, vec, 3, step)) > 0) {
        size_t total = 0;
        for (size_t i = 0; i < pieces; i++) {
            assert_pattern(&vec[i], cursor->position + total);
            total += vec[i].iov_len;
        }
        assert_true(total > 0 && total <= step);
        bytes_cursor_advance(cursor, total);
    }
}

static void what_is_appended_can_be_read_in_any_steps(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 0, 7, 1000, 3, 5000, 100000, 200000, 1, 65536};
    static const size_t steps[] = {1, 3, 999, 70000, 1 << 20};
    for (size_t s = 0; s < sizeof steps / sizeof steps[0]; s++) {
        struct bytes_log log;
        struct bytes_cursor early, late;
        bytes_log_init(&log);
        bytes_cursor_init(&early, &log);
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            append_pattern(&log, sizes[i]);
            read_pattern(&early, steps[s]);
            assert_int_equal(early.position, bytes_log_length(&log));
        }
        bytes_cursor_init(&late, &log);
        read_pattern(&late, steps[s]);
        assert_int_equal(late.position, bytes_log_length(&log));
        bytes_log_deinit(&log);
    }
    assert_int_equal(object_count(OBJECT_chunk), 0);
}

static void an_empty_log_gives_nothing(void **state)
{
    (void)state;
    struct bytes_log log;
    struct bytes_cursor cursor;
    struct iovec vec;
    char byte;
    bytes_log_init(&log);
    bytes_cursor_init(&cursor, &log);
    assert_int_equal(bytes_cursor_available(&cursor), 0);
    assert_int_equal(bytes_cursor_peek(&cursor, &vec, 1, 100), 0);
    assert_false(bytes_cursor_read(&cursor, &byte, 1));
    assert_true(bytes_cursor_read(&cursor, &byte, 0));
    assert_int_equal(bytes_log_footprint(&log), 0);
    bytes_log_deinit(&log);
}

static void a_read_is_whole_or_does_not_move(void **state)
{
    (void)state;
    struct bytes_log log;
    struct bytes_cursor cursor;
    uint8_t out[3000];
    bytes_log_init(&log);
    bytes_cursor_init(&cursor, &log);
    append_pattern(&log, 2999);
    assert_false(bytes_cursor_read(&cursor, out, sizeof out));
    assert_int_equal(cursor.position, 0);
    append_pattern(&log, 1);
    assert_true(bytes_cursor_read(&cursor, out, sizeof out));
    for (size_t i = 0; i < sizeof out; i++)
        assert_int_equal(out[i], pattern_at(i));
    bytes_log_deinit(&log);
}

static void published_bytes_never_move(void **state)
{
    (void)state;
    struct bytes_log log;
    struct bytes_cursor cursor;
    struct iovec before, after;
    bytes_log_init(&log);
    append_pattern(&log, 100);
    bytes_cursor_init(&cursor, &log);
    bytes_cursor_peek(&cursor, &before, 1, 100);
    append_pattern(&log, 500000);
    bytes_cursor_peek(&cursor, &after, 1, 100);
    assert_ptr_equal(before.iov_base, after.iov_base);
    bytes_log_deinit(&log);
}

static void memory_stays_close_to_what_is_held(void **state)
{
    (void)state;
    struct bytes_log log;
    bytes_log_init(&log);
    for (int i = 0; i < 1000; i++) {
        append_pattern(&log, 997);
        assert_true(bytes_log_footprint(&log) >= bytes_log_length(&log));
        assert_true(bytes_log_footprint(&log) <= 2 * bytes_log_length(&log) + 65536);
    }
    bytes_log_deinit(&log);
}

static void trimming_frees_what_is_behind_and_harms_no_cursor(void **state)
{
    (void)state;
    struct bytes_log log;
    struct bytes_cursor cursor;
    bytes_log_init(&log);
    bytes_cursor_init(&cursor, &log);
    for (int i = 0; i < 2000; i++) {
        append_pattern(&log, 613);
        read_pattern(&cursor, 100);
        bytes_log_trim(&log, cursor.position);
        assert_true(bytes_log_footprint(&log) <= 3 * 65536);
    }
    assert_int_equal(bytes_log_length(&log), 2000 * 613);
    bytes_log_deinit(&log);
    assert_int_equal(object_count(OBJECT_chunk), 0);
}

static void a_log_that_is_read_to_its_end_holds_no_memory(void **state)
{
    (void)state;
    struct bytes_log log;
    struct bytes_cursor cursor;
    uint8_t some[50];
    bytes_log_init(&log);
    bytes_cursor_init(&cursor, &log);
    bytes_log_trim_read(&log, &cursor); /* nothing was ever written */
    for (uint64_t turn = 1; turn <= 50; turn++) {
        append_pattern(&log, 300);
        assert_true(bytes_cursor_read(&cursor, some, turn));
        bytes_log_trim_read(&log, &cursor); /* what is not read stays where it is */
        read_pattern(&cursor, 100);
        assert_true(bytes_log_footprint(&log) > 0);
        bytes_log_trim_read(&log, &cursor);
        assert_int_equal(bytes_log_footprint(&log), 0);
        assert_int_equal(object_count(OBJECT_chunk), 0);
        assert_int_equal(bytes_log_length(&log), turn * 300);
    }
    bytes_log_deinit(&log);
}

static void trimming_keeps_all_from_the_given_place_on(void **state)
{
    (void)state;
    for (uint64_t place = 0; place <= 20000; place += 97) {
        struct bytes_log log;
        struct bytes_cursor cursor;
        bytes_log_init(&log);
        append_pattern(&log, 20000);
        bytes_cursor_init(&cursor, &log);
        bytes_cursor_advance(&cursor, place);
        bytes_log_trim(&log, place);
        append_pattern(&log, 300);
        read_pattern(&cursor, 512);
        assert_int_equal(cursor.position, 20300);
        bytes_log_deinit(&log);
    }
}

enum { THREAD_BYTES = 4 << 20 };

static void *read_to_the_end(void *argument)
{
    struct bytes_cursor cursor;
    bytes_cursor_init(&cursor, argument);
    while (cursor.position < THREAD_BYTES)
        read_pattern(&cursor, 4096);
    return NULL;
}

static void other_threads_read_while_one_writes(void **state)
{
    (void)state;
    struct bytes_log log;
    pthread_t readers[2];
    bytes_log_init(&log);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_to_the_end, &log), 0);
    for (size_t left = THREAD_BYTES; left > 0;) {
        size_t n = left < 1499 ? left : 1499;
        append_pattern(&log, n);
        left -= n;
    }
    for (int i = 0; i < 2; i++)
        pthread_join(readers[i], NULL);
    bytes_log_deinit(&log);
}

static void a_buffer_grows_to_its_limit_and_not_beyond(void **state)
{
    (void)state;
    struct byte_buf buf;
    byte_buf_init(&buf, 100);
    assert_int_equal(byte_buf_append(&buf, "0123456789", 10), 0);
    uint8_t many[91] = {0};
    assert_int_equal(byte_buf_append(&buf, many, 91), MOQ_ERR_BOUNDS);
    assert_int_equal(buf.size, 10);
    assert_int_equal(byte_buf_append(&buf, many, 90), 0);
    assert_int_equal(byte_buf_append_byte(&buf, 1), MOQ_ERR_BOUNDS);
    assert_int_equal(byte_buf_append(&buf, many, 0), 0);
    assert_int_equal(buf.size, 100);
    byte_buf_deinit(&buf);
    assert_null(buf.data);
    assert_int_equal(buf.limit, 100);
}

static void a_buffer_over_memory_of_the_caller_stays_in_it(void **state)
{
    (void)state;
    struct byte_buf buf;
    uint8_t memory[9] = {[8] = 7};
    byte_buf_init_over(&buf, memory, 8);
    assert_int_equal(byte_buf_append(&buf, "01234", 5), 0);
    assert_int_equal(byte_buf_append(&buf, "5678", 4), MOQ_ERR_BOUNDS);
    assert_int_equal(byte_buf_append(&buf, "567", 3), 0);
    assert_ptr_equal(buf.data, memory);
    assert_memory_equal(memory, "01234567", 8);
    assert_int_equal(memory[8], 7);
}

static void a_buffer_gives_up_its_front(void **state)
{
    (void)state;
    struct byte_buf buf;
    byte_buf_init(&buf, 100);
    byte_buf_consume(&buf, 5);
    assert_int_equal(byte_buf_append(&buf, "hello world", 11), 0);
    byte_buf_consume(&buf, 6);
    assert_int_equal(buf.size, 5);
    assert_memory_equal(buf.data, "world", 5);
    byte_buf_consume(&buf, 99);
    assert_int_equal(buf.size, 0);
    byte_buf_deinit(&buf);
}

static void a_buffer_takes_varints(void **state)
{
    (void)state;
    struct byte_buf buf;
    byte_buf_init(&buf, 12);
    assert_int_equal(byte_buf_append_varint(&buf, 15293), 0);
    assert_int_equal(byte_buf_append_varint(&buf, UINT64_MAX), MOQ_ERR_INVALID);
    assert_int_equal(buf.size, 2);
    assert_memory_equal(buf.data, "\x7b\xbd", 2);
    byte_buf_deinit(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_appended_can_be_read_in_any_steps),
        cmocka_unit_test(an_empty_log_gives_nothing),
        cmocka_unit_test(a_read_is_whole_or_does_not_move),
        cmocka_unit_test(published_bytes_never_move),
        cmocka_unit_test(memory_stays_close_to_what_is_held),
        cmocka_unit_test(trimming_frees_what_is_behind_and_harms_no_cursor),
        cmocka_unit_test(a_log_that_is_read_to_its_end_holds_no_memory),
        cmocka_unit_test(trimming_keeps_all_from_the_given_place_on),
        cmocka_unit_test(other_threads_read_while_one_writes),
        cmocka_unit_test(a_buffer_grows_to_its_limit_and_not_beyond),
        cmocka_unit_test(a_buffer_over_memory_of_the_caller_stays_in_it),
        cmocka_unit_test(a_buffer_gives_up_its_front),
        cmocka_unit_test(a_buffer_takes_varints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
