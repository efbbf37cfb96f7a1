/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* base/objects.h: counts add up, over threads too, and a leak has a name. */
#include "base/objects.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static int report(char *out, size_t size)
{
    FILE *file = fmemopen(out, size, "w");
    int kinds = objects_report(file);
    fclose(file);
    return kinds;
}

static void nothing_lives_at_the_start(void **state)
{
    (void)state;
    char text[200] = "";
    for (int kind = 0; kind < OBJECT_KIND_COUNT; kind++)
        assert_int_equal(object_count((enum object_kind)kind), 0);
    assert_int_equal(report(text, sizeof text), 0);
}

static void a_leak_is_named_and_counted(void **state)
{
    (void)state;
    char text[200] = "";
    object_born(OBJECT_group);
    object_born(OBJECT_group);
    object_born(OBJECT_path);
    object_died(OBJECT_path);
    assert_int_equal(object_count(OBJECT_group), 2);
    assert_int_equal(report(text, sizeof text), 1);
    assert_non_null(strstr(text, "2 group"));
    object_died(OBJECT_group);
    object_died(OBJECT_group);
    assert_int_equal(object_count(OBJECT_group), 0);
}

enum { ROUNDS = 100000 };

static void *give_birth(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++)
        object_born(OBJECT_chunk);
    return NULL;
}

static void births_and_deaths_of_two_threads_add_up(void **state)
{
    (void)state;
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, give_birth, NULL), 0);
    for (int i = 0; i < ROUNDS; i++)
        object_died(OBJECT_chunk);
    pthread_join(other, NULL);
    assert_int_equal(object_count(OBJECT_chunk), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_lives_at_the_start),
        cmocka_unit_test(a_leak_is_named_and_counted),
        cmocka_unit_test(births_and_deaths_of_two_threads_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
