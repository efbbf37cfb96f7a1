/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* base/list.h: what the rest of the house takes for granted about intrusive lists. */
#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

struct item {
    int number;
    struct list node;
};

static int number_of(struct list *node)
{
    return container_of(node, struct item, node)->number;
}

static void a_fresh_list_is_empty_and_gives_nothing(void **state)
{
    (void)state;
    struct list list;
    list_init(&list);
    assert_true(list_is_empty(&list));
    assert_null(list_pop_front(&list));
}

static void back_and_front_keep_their_order(void **state)
{
    (void)state;
    struct list list;
    struct item one = {.number = 1}, two = {.number = 2}, three = {.number = 3};
    list_init(&list);
    list_push_back(&list, &two.node);
    list_push_back(&list, &three.node);
    list_push_front(&list, &one.node);

    int expected = 1;
    list_for_each (node, &list)
        assert_int_equal(number_of(node), expected++);
    assert_int_equal(expected, 4);
    assert_int_equal(number_of(list_pop_front(&list)), 1);
    assert_int_equal(number_of(list.prev), 3);
}

static void all_nodes_move_behind_those_of_another_list(void **state)
{
    (void)state;
    struct list from, to;
    struct item one = {.number = 1}, two = {.number = 2}, three = {.number = 3};
    list_init(&from);
    list_init(&to);
    list_move_all(&from, &to); /* nothing to nothing */
    assert_true(list_is_empty(&from) && list_is_empty(&to));
    list_push_back(&from, &one.node);
    list_move_all(&from, &to); /* something to nothing */
    assert_true(list_is_empty(&from));
    list_push_back(&from, &two.node);
    list_push_back(&from, &three.node);
    list_move_all(&from, &to); /* something to something */
    assert_true(list_is_empty(&from));
    list_move_all(&from, &to); /* nothing to something */

    int expected = 1;
    list_for_each (node, &to)
        assert_int_equal(number_of(node), expected++);
    assert_int_equal(expected, 4);
    for (expected = 3; expected > 0; expected--) { /* the links back, too */
        struct list *last = to.prev;
        assert_int_equal(number_of(last), expected);
        list_remove(last);
    }
    assert_true(list_is_empty(&to));
}

static void a_node_goes_between_two_others(void **state)
{
    (void)state;
    struct list list;
    struct item one = {.number = 1}, two = {.number = 2}, three = {.number = 3};
    list_init(&list);
    list_push_back(&list, &one.node);
    list_push_back(&list, &three.node);
    list_insert_between(&two.node, &one.node, &three.node);

    assert_ptr_equal(one.node.next, &two.node);
    assert_ptr_equal(three.node.prev, &two.node);
}

static void removing_twice_is_harmless_and_a_free_node_says_so(void **state)
{
    (void)state;
    struct list list;
    struct item one = {.number = 1};
    list_init(&list);
    list_push_back(&list, &one.node);
    assert_false(list_is_empty(&one.node));
    list_remove(&one.node);
    list_remove(&one.node);
    assert_true(list_is_empty(&one.node));
    assert_true(list_is_empty(&list));
}

static void a_safe_walk_allows_removing_the_node_at_hand(void **state)
{
    (void)state;
    struct list list;
    struct item items[4];
    list_init(&list);
    for (int i = 0; i < 4; i++) {
        items[i].number = i;
        list_push_back(&list, &items[i].node);
    }
    list_for_each_safe (node, &list)
        if (number_of(node) % 2 == 0)
            list_remove(node);
    assert_int_equal(number_of(list.next), 1);
    assert_int_equal(number_of(list.prev), 3);
    assert_ptr_equal(items[1].node.next, &items[3].node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_list_is_empty_and_gives_nothing),
        cmocka_unit_test(back_and_front_keep_their_order),
        cmocka_unit_test(all_nodes_move_behind_those_of_another_list),
        cmocka_unit_test(a_node_goes_between_two_others),
        cmocka_unit_test(removing_twice_is_harmless_and_a_free_node_says_so),
        cmocka_unit_test(a_safe_walk_allows_removing_the_node_at_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
