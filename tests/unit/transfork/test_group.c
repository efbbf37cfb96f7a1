/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Groups by themselves: added bytes stay, an end is final, and readers on other threads see neither
 * too early. */
#include "transfork/group.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/objects.h"

static int nothing_lives(void **state)
{
    (void)state;
    return objects_report(stderr);
}

static void a_group_takes_bytes_until_it_ends(void **state)
{
    (void)state;
    struct moq_group *group = group_new(7, 100);
    char out[5];
    struct bytes_cursor cursor;
    assert_int_equal(group->sequence, 7);
    assert_int_equal(group->started_ns, 100);
    assert_int_equal(group_append(group, "hel", 3), 0);
    assert_int_equal(group_append(group, "lo", 2), 0);
    group_end(group, 0, 200);
    assert_int_equal(group_append(group, "!", 1), MOQ_ERR_CLOSED);

    assert_true(group_has_ended(group));
    assert_int_equal(group->ended_ns, 200);
    assert_int_equal(moq_group_length(group), 5);
    bytes_cursor_init(&cursor, &group->body->log);
    assert_true(bytes_cursor_read(&cursor, out, 5));
    assert_memory_equal(out, "hello", 5);
    moq_group_unref(&group);
    assert_null(group);
}

static void only_the_first_end_counts(void **state)
{
    (void)state;
    struct moq_group *group = group_new(1, 1);
    group_end(group, MOQ_ERR_EXPIRED, 5);
    group_end(group, 0, 9);
    assert_int_equal(group->error, MOQ_ERR_EXPIRED);
    assert_int_equal(group->ended_ns, 5);
    moq_group_unref(&group);
}

static void a_group_is_bounded(void **state)
{
    (void)state;
    struct moq_group *group = group_new(1, 1);
    size_t piece = 8 << 20;
    uint8_t *data = calloc(1, piece);
    for (int i = 0; i < MOQ_GROUP_MAX_BYTES / (8 << 20); i++)
        assert_int_equal(group_append(group, data, piece), 0);
    assert_int_equal(group_append(group, data, 1), MOQ_ERR_BOUNDS);
    assert_int_equal(group_append(group, data, SIZE_MAX), MOQ_ERR_BOUNDS);
    assert_int_equal(group_append(group, data, 0), 0);
    assert_int_equal(moq_group_length(group), MOQ_GROUP_MAX_BYTES);
    free(data);
    moq_group_unref(&group);
}

static void the_last_reference_frees_it(void **state)
{
    (void)state;
    struct moq_group *group = group_new(1, 1), *reader = moq_group_ref(group);
    moq_group_unref(&group);
    assert_int_equal(object_count(OBJECT_group), 1);
    moq_group_unref(&reader);
    moq_group_unref(&reader);
    assert_int_equal(object_count(OBJECT_group), 0);
}

enum { PIECES = 20000, PIECE_BYTES = 37 };

/* Reads to the end as another worker would: asks for the end first, then takes what is there. */
static void *read_all(void *argument)
{
    struct moq_group_body *body = argument;
    struct bytes_cursor cursor;
    uint8_t piece[PIECE_BYTES];
    uint64_t wrong = 0;
    bool has_ended;
    bytes_cursor_init(&cursor, &body->log);
    do {
        has_ended = body_has_ended(body);
        while (bytes_cursor_read(&cursor, piece, sizeof piece))
            wrong += piece[0] != (uint8_t)(cursor.position / PIECE_BYTES - 1);
    } while (!has_ended);
    bool is_right =
        wrong == 0 && cursor.position == PIECES * PIECE_BYTES && body->error == MOQ_ERR_EXPIRED;
    moq_group_body_unref(&body);
    return is_right ? argument : NULL;
}

static void another_thread_sees_every_byte_before_the_end(void **state)
{
    (void)state;
    struct moq_group *group = group_new(1, 1);
    pthread_t readers[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            pthread_create(&readers[i], NULL, read_all, moq_group_body_ref(group->body)), 0);
    for (int i = 0; i < PIECES; i++) {
        uint8_t piece[PIECE_BYTES] = {(uint8_t)i};
        assert_int_equal(group_append(group, piece, sizeof piece), 0);
    }
    group_end(group, MOQ_ERR_EXPIRED, 77);
    for (int i = 0; i < 2; i++) {
        void *result;
        pthread_join(readers[i], &result);
        assert_non_null(result);
    }
    moq_group_unref(&group);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_takes_bytes_until_it_ends),
        cmocka_unit_test(only_the_first_end_counts),
        cmocka_unit_test(a_group_is_bounded),
        cmocka_unit_test(the_last_reference_frees_it),
        cmocka_unit_test(another_thread_sees_every_byte_before_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, nothing_lives);
}
