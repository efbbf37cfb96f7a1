/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sets of sequences, against a plain table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "transfork/check.h"

enum { MODEL = 300 };

/* Marks what the set was told and what it gave up by itself. */
static void model_add(bool *model, uint64_t first, uint64_t last)
{
    for (uint64_t i = first; i <= last && i < MODEL; i++)
        model[i] = true;
}

static void compare(const struct sequences *set, const bool *model)
{
    for (uint64_t i = 0; i < MODEL; i++)
        assert_int_equal(sequences_has(set, i), model[i]);
    assert_false(model[set->floor]);
    struct sequence_run hole;
    uint64_t from = 0;
    while (from < MODEL && sequences_next_hole(set, from, MODEL - 1, &hole)) {
        for (; from < hole.first; from++)
            assert_true(model[from]);
        for (; from <= hole.last; from++)
            assert_false(model[from]);
    }
    for (; from < MODEL; from++)
        assert_true(model[from]);
}

/* The linker sends the library's allocations here; see CMakeLists.txt. */
void *__wrap_calloc(size_t count, size_t size);
void *__real_calloc(size_t count, size_t size);

/* The wrapper has no argument to carry it. */
static bool is_out_of_memory = false;

void *__wrap_calloc(size_t count, size_t size)
{
    return is_out_of_memory ? NULL : __real_calloc(count, size);
}

static void a_set_of_sequences_is_what_a_plain_table_says(void **state)
{
    (void)state;
    srand(1);
    for (int round = 0; round < 400; round++) {
        struct sequences set;
        bool model[MODEL + 1] = {false};
        uint64_t floor = (uint64_t)rand() % 20;
        sequences_init(&set, floor);
        if (floor)
            model_add(model, 0, floor - 1);
        for (int step = 0; step < 60; step++) {
            uint64_t first = (uint64_t)rand() % (MODEL - 10), last = first + (uint64_t)rand() % 6;
            struct sequence_run given_up;
            if (sequences_add(&set, first, last, &given_up))
                model_add(model, given_up.first, given_up.last);
            model_add(model, first, last);
            compare(&set, model);
            sequences_check(&set);
        }
        sequences_deinit(&set);
    }
}

static void without_memory_for_a_hole_the_hole_is_given_up(void **state)
{
    (void)state;
    struct sequences set;
    struct sequence_run given_up;
    sequences_init(&set, 5);
    is_out_of_memory = true;
    assert_true(sequences_add(&set, 9, 10, &given_up));
    is_out_of_memory = false;
    assert_int_equal(given_up.first, 5);
    assert_int_equal(given_up.last, 8);
    assert_int_equal(set.floor, 11);
    sequences_check(&set);

    /* Holes are kept again once there is memory. */
    assert_false(sequences_add(&set, 13, 13, &given_up));
    assert_false(sequences_has(&set, 12));
    sequences_check(&set);
    sequences_deinit(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_of_sequences_is_what_a_plain_table_says),
        cmocka_unit_test(without_memory_for_a_hole_the_hole_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
