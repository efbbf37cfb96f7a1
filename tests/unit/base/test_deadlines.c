/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* base/deadlines.h: which entry is due first, after any insertions, moves and removals. */
#include "tests/unit/prologue.h"

#include "base/clock.h"
#include "base/deadlines.h"

enum { OWNERS = 300, STEPS = 20000 };

static void nobody_is_due_in_an_empty_heap(void **state)
{
    (void)state;
    struct deadlines deadlines = {0};

    assert_true(deadlines_earliest(&deadlines) == CLOCK_NEVER);
    assert_null(deadlines_pop(&deadlines, CLOCK_NEVER));
    deadlines_deinit(&deadlines);
}

static void who_is_due_comes_in_order_of_time(void **state)
{
    (void)state;
    struct deadlines deadlines = {0};
    struct deadline late = {0}, early = {0}, never = {0};
    assert_int_equal(deadlines_add(&deadlines, &late), 0);
    assert_int_equal(deadlines_add(&deadlines, &early), 0);
    assert_int_equal(deadlines_add(&deadlines, &never), 0);
    deadlines_set(&deadlines, &late, 20);
    deadlines_set(&deadlines, &early, 10);

    assert_int_equal(deadlines_earliest(&deadlines), 10);
    assert_null(deadlines_pop(&deadlines, 9));
    assert_ptr_equal(deadlines_pop(&deadlines, 30), &early);
    assert_ptr_equal(deadlines_pop(&deadlines, 30), &late);
    assert_null(deadlines_pop(&deadlines, 30));
    deadlines_deinit(&deadlines);
}

static void removing_twice_is_harmless(void **state)
{
    (void)state;
    struct deadlines deadlines = {0};
    struct deadline a = {0}, b = {0};
    assert_int_equal(deadlines_add(&deadlines, &a), 0);
    assert_int_equal(deadlines_add(&deadlines, &b), 0);
    deadlines_set(&deadlines, &b, 5);

    deadlines_remove(&deadlines, &a);
    deadlines_remove(&deadlines, &a);

    assert_ptr_equal(deadlines_pop(&deadlines, 5), &b);
    deadlines_deinit(&deadlines);
}

struct model {
    struct deadlines deadlines;
    struct deadline owners[OWNERS];
    uint64_t when[OWNERS];
    bool is_in[OWNERS];
    uint64_t random;
};

static uint64_t earliest_of(const struct model *model)
{
    uint64_t earliest = CLOCK_NEVER;
    for (size_t i = 0; i < OWNERS; i++)
        if (model->is_in[i] && model->when[i] < earliest)
            earliest = model->when[i];
    return earliest;
}

static void step(struct model *model)
{
    size_t i = next_random(&model->random) % OWNERS;
    if (!model->is_in[i]) {
        assert_int_equal(deadlines_add(&model->deadlines, &model->owners[i]), 0);
        model->is_in[i] = true;
        model->when[i] = CLOCK_NEVER;
    } else if (next_random(&model->random) % 8 == 0) {
        deadlines_remove(&model->deadlines, &model->owners[i]);
        model->is_in[i] = false;
    } else {
        model->when[i] = next_random(&model->random) % 1000;
        deadlines_set(&model->deadlines, &model->owners[i], model->when[i]);
    }
}

static void it_agrees_with_a_look_at_all(void **state)
{
    (void)state;
    static struct model model = {.random = 3};
    for (int i = 0; i < STEPS; i++) {
        step(&model);
        assert_int_equal(deadlines_earliest(&model.deadlines), earliest_of(&model));
        if (i % 5 > 0)
            continue;
        struct deadline *due = deadlines_pop(&model.deadlines, 500);
        uint64_t expected = earliest_of(&model);
        assert_true((due != NULL) == (expected <= 500));
        if (due) {
            assert_int_equal(model.when[due - model.owners], expected);
            model.when[due - model.owners] = CLOCK_NEVER;
        }
    }
    deadlines_deinit(&model.deadlines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_due_in_an_empty_heap),
        cmocka_unit_test(who_is_due_comes_in_order_of_time),
        cmocka_unit_test(removing_twice_is_harmless),
        cmocka_unit_test(it_agrees_with_a_look_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
