/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tests of the order in which streams write. */
#include "tests/unit/prologue.h"

#include "quic/schedule.h"

enum { NODES = 200, STEPS = 20000 };

static void an_empty_schedule_has_nobody(void **state)
{
    (void)state;
    struct schedule schedule = {0};

    assert_null(schedule_first(&schedule));
}

static void the_most_urgent_is_first(void **state)
{
    (void)state;
    struct schedule schedule = {0};
    struct schedule_node low = {0}, high = {0}, middle = {0};

    schedule_join(&schedule, &low, 1);
    schedule_join(&schedule, &high, 9);
    schedule_join(&schedule, &middle, 5);

    assert_ptr_equal(schedule_first(&schedule), &high);
    schedule_leave(&schedule, &high);
    assert_ptr_equal(schedule_first(&schedule), &middle);
    schedule_leave(&schedule, &middle);
    assert_ptr_equal(schedule_first(&schedule), &low);
    schedule_leave(&schedule, &low);
    assert_null(schedule_first(&schedule));
}

static void equals_come_in_the_order_of_joining(void **state)
{
    (void)state;
    struct schedule schedule = {0};
    struct schedule_node nodes[5] = {0};
    for (size_t i = 0; i < 5; i++)
        schedule_join(&schedule, &nodes[i], 3);

    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < 5; i++) {
            assert_ptr_equal(schedule_first(&schedule), &nodes[i]);
            schedule_leave(&schedule, &nodes[i]);
            schedule_join(&schedule, &nodes[i], 3);
        }
    }
}

static void joining_and_leaving_twice_is_harmless(void **state)
{
    (void)state;
    struct schedule schedule = {0};
    struct schedule_node node = {0}, other = {0};
    schedule_join(&schedule, &other, 1);
    schedule_join(&schedule, &node, 2);
    schedule_join(&schedule, &node, 0);
    assert_ptr_equal(schedule_first(&schedule), &node);

    schedule_leave(&schedule, &node);
    schedule_leave(&schedule, &node);

    assert_ptr_equal(schedule_first(&schedule), &other);
    assert_false(node.is_in);
}

/* Against the plainest thing that could be right: a look at all of them. */
static const struct schedule_node *first_of(const struct schedule_node *nodes)
{
    const struct schedule_node *best = NULL;
    for (size_t i = 0; i < NODES; i++) {
        const struct schedule_node *node = &nodes[i];
        if (!node->is_in)
            continue;
        if (!best || node->urgency > best->urgency ||
            (node->urgency == best->urgency && node->turn < best->turn))
            best = node;
    }
    return best;
}

static void it_agrees_with_a_look_at_all(void **state)
{
    (void)state;
    static struct schedule_node nodes[NODES];
    struct schedule schedule = {0};
    uint64_t random = 7;
    for (int i = 0; i < STEPS; i++) {
        struct schedule_node *node = &nodes[next_random(&random) % NODES];
        if (next_random(&random) % 3 == 0)
            schedule_leave(&schedule, node);
        else
            schedule_join(&schedule, node, next_random(&random) % 10);
        if (next_random(&random) % 4 == 0 && schedule_first(&schedule))
            schedule_leave(&schedule, schedule_first(&schedule));

        assert_ptr_equal(schedule_first(&schedule), first_of(nodes));
        size_t count = 0;
        for (size_t k = 0; k < NODES; k++)
            count += nodes[k].is_in;
        assert_int_equal(schedule_is_alone(&schedule), count <= 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_schedule_has_nobody),
        cmocka_unit_test(the_most_urgent_is_first),
        cmocka_unit_test(equals_come_in_the_order_of_joining),
        cmocka_unit_test(joining_and_leaving_twice_is_harmless),
        cmocka_unit_test(it_agrees_with_a_look_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
