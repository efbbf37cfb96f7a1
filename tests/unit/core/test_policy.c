/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Policy: who decides each number, and that the decider is recorded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/core/policy.h"

static struct policy_inputs plain(void)
{
    return (struct policy_inputs){
        .policy_class = {.latency_ns = NS_PER_S, .order = MOQ_ORDER_NEWEST, .priority = 128},
        .wish = {.priority = 100, .order = MOQ_ORDER_ANY, .min = MOQ_NO_GROUP},
        .max = {.latency_ns = 10 * NS_PER_S, .priority = 255, .start_ns = CONFIG_START_OLDEST},
    };
}

static void assert_decided(const struct policy_inputs *inputs, struct moq_policy policy)
{
    struct moq_policy got = policy_decide(inputs, NULL);
    assert_int_equal(got.latency_ns, policy.latency_ns);
    assert_int_equal(got.priority, policy.priority);
    assert_int_equal(got.order, policy.order);
}

static void the_class_gives_latency_and_order_the_wish_priority(void **state)
{
    (void)state;
    struct policy_inputs inputs = plain();
    struct core_policy_reasons why;
    assert_decided(
        &inputs,
        (struct moq_policy){.latency_ns = NS_PER_S, .priority = 100, .order = MOQ_ORDER_NEWEST});
    policy_decide(&inputs, &why);
    assert_int_equal(why.latency.decider, CORE_DECIDED_BY_CLASS);
    assert_int_equal(why.priority.decider, CORE_DECIDED_BY_WISH);
    assert_int_equal(why.order.decider, CORE_DECIDED_BY_CLASS);
}

static void a_class_moves_the_priority_and_stays_within_a_byte(void **state)
{
    (void)state;
    struct policy_inputs inputs = plain();
    struct core_policy_reasons why;
    inputs.policy_class.priority = 130;
    assert_int_equal(policy_decide(&inputs, &why).priority, 102);
    assert_int_equal(why.priority.decider, CORE_DECIDED_BY_CLASS);
    inputs.policy_class.priority = 255;
    inputs.wish.priority = 200;
    assert_int_equal(policy_decide(&inputs, NULL).priority, 255);
    inputs.policy_class.priority = 0;
    inputs.wish.priority = 100;
    assert_int_equal(policy_decide(&inputs, NULL).priority, 0);
}

static void a_wish_for_an_order_beats_the_class(void **state)
{
    (void)state;
    struct policy_inputs inputs = plain();
    struct core_policy_reasons why;
    inputs.wish.order = MOQ_ORDER_OLDEST;
    assert_int_equal(policy_decide(&inputs, &why).order, MOQ_ORDER_OLDEST);
    assert_int_equal(why.order.decider, CORE_DECIDED_BY_WISH);
}

static void a_hook_beats_all_but_the_limit(void **state)
{
    (void)state;
    struct policy_inputs inputs = plain();
    struct core_policy_reasons why;
    const struct core_override all = {
        .set = CORE_SET_ALL, .latency_ns = 20 * NS_PER_S, .priority = 7, .order = MOQ_ORDER_OLDEST};
    policy_override_set(&inputs.override, "ladder", &all);
    struct moq_policy policy = policy_decide(&inputs, &why);
    assert_int_equal(policy.latency_ns, 10 * NS_PER_S);
    assert_int_equal(policy.priority, 7);
    assert_int_equal(policy.order, MOQ_ORDER_OLDEST);
    assert_int_equal(why.latency.decider, CORE_DECIDED_BY_LIMIT);
    assert_string_equal(why.latency.hook, "ladder");
    assert_int_equal(why.priority.decider, CORE_DECIDED_BY_HOOK);
    assert_string_equal(why.priority.hook, "ladder");
    assert_string_equal(why.order.hook, "ladder");
}

static void the_limit_holds_for_classes_too(void **state)
{
    (void)state;
    struct policy_inputs inputs = plain();
    struct core_policy_reasons why;
    inputs.policy_class.latency_ns = 60 * NS_PER_S;
    assert_int_equal(policy_decide(&inputs, &why).latency_ns, 10 * NS_PER_S);
    assert_int_equal(why.latency.decider, CORE_DECIDED_BY_LIMIT);
    assert_null(why.latency.hook);
}

static void a_priority_is_no_higher_than_the_limit(void **state)
{
    (void)state;
    struct policy_inputs inputs = plain();
    struct core_policy_reasons why;
    inputs.max.priority = 140;
    inputs.wish.priority = 140;
    assert_int_equal(policy_decide(&inputs, &why).priority, 140);
    assert_int_equal(why.priority.decider, CORE_DECIDED_BY_WISH);
    inputs.wish.priority = 141;
    assert_int_equal(policy_decide(&inputs, &why).priority, 140);
    assert_int_equal(why.priority.decider, CORE_DECIDED_BY_LIMIT);
    assert_null(why.priority.hook);
    const struct core_override change = {.set = CORE_SET_PRIORITY, .priority = 200};
    policy_override_set(&inputs.override, "ladder", &change);
    assert_int_equal(policy_decide(&inputs, &why).priority, 140);
    assert_string_equal(why.priority.hook, "ladder");
}

static void rates_are_the_hooks_or_the_classes(void **state)
{
    (void)state;
    struct policy_inputs inputs = plain();
    struct core_policy_reasons why;
    inputs.policy_class.rate_bps = 1000000;
    inputs.policy_class.identity_rate_bps = 2000000;
    struct moq_policy policy = policy_decide(&inputs, &why);
    assert_int_equal(policy.rate_bps, 1000000);
    assert_int_equal(policy.shared_rate_bps, 2000000);
    assert_int_equal(why.rate.decider, CORE_DECIDED_BY_CLASS);
    assert_int_equal(why.identity_rate.decider, CORE_DECIDED_BY_CLASS);
    const struct core_override none = {.set = CORE_SET_RATE | CORE_SET_IDENTITY_RATE};
    policy_override_set(&inputs.override, "ladder", &none);
    policy = policy_decide(&inputs, &why);
    assert_int_equal(policy.rate_bps + policy.shared_rate_bps, 0);
    assert_string_equal(why.rate.hook, "ladder");
    assert_string_equal(why.identity_rate.hook, "ladder");
}

static void with_a_limit_nobody_is_without_a_cap(void **state)
{
    (void)state;
    struct policy_inputs inputs = plain();
    struct core_policy_reasons why;
    inputs.max.rate_bps = 3000000;
    assert_int_equal(policy_decide(&inputs, &why).rate_bps, 3000000);
    assert_int_equal(why.rate.decider, CORE_DECIDED_BY_LIMIT);
    assert_null(why.rate.hook);
    struct core_override change = {.set = CORE_SET_RATE, .rate_bps = 3000000};
    policy_override_set(&inputs.override, "ladder", &change);
    assert_int_equal(policy_decide(&inputs, &why).rate_bps, 3000000);
    assert_int_equal(why.rate.decider, CORE_DECIDED_BY_HOOK);
    change.rate_bps++;
    policy_override_set(&inputs.override, "ladder", &change);
    assert_int_equal(policy_decide(&inputs, &why).rate_bps, 3000000);
    assert_int_equal(why.rate.decider, CORE_DECIDED_BY_LIMIT);
    assert_string_equal(why.rate.hook, "ladder");
}

static void assert_start(const struct policy_inputs *inputs, uint64_t start_ns,
                         enum core_decider decider)
{
    struct core_policy_reasons why;
    assert_true(policy_decide(inputs, &why).start_ns == start_ns);
    assert_int_equal(why.start.decider, decider);
}

static void a_start_is_no_further_back_than_the_limit(void **state)
{
    (void)state;
    struct policy_inputs inputs = plain();
    inputs.policy_class.start_ns = MOQ_START_OLDEST;
    assert_start(&inputs, MOQ_START_OLDEST, CORE_DECIDED_BY_CLASS);
    inputs.max.start_ns = 5 * NS_PER_S;
    assert_start(&inputs, 5 * NS_PER_S, CORE_DECIDED_BY_LIMIT);
    struct core_override change = {.set = CORE_SET_START, .start_ns = 5 * NS_PER_S};
    policy_override_set(&inputs.override, "ladder", &change);
    assert_start(&inputs, 5 * NS_PER_S, CORE_DECIDED_BY_HOOK);
    change.start_ns++;
    policy_override_set(&inputs.override, "ladder", &change);
    assert_start(&inputs, 5 * NS_PER_S, CORE_DECIDED_BY_LIMIT);
    change.start_ns = MOQ_START_NEXT;
    policy_override_set(&inputs.override, "ladder", &change);
    assert_start(&inputs, MOQ_START_NEXT, CORE_DECIDED_BY_HOOK);
    inputs.wish.min = 7;
    assert_start(&inputs, MOQ_START_NEXT, CORE_DECIDED_BY_WISH);
}

static void a_hook_sets_only_what_it_names(void **state)
{
    (void)state;
    struct policy_inputs inputs = plain();
    struct core_policy_reasons why;
    const struct core_override priority = {.set = CORE_SET_PRIORITY, .priority = 9};
    const struct core_override latency = {.set = CORE_SET_LATENCY, .latency_ns = 5};
    policy_override_set(&inputs.override, "first", &priority);
    policy_override_set(&inputs.override, "second", &latency);
    assert_decided(&inputs,
                   (struct moq_policy){.latency_ns = 5, .priority = 9, .order = MOQ_ORDER_NEWEST});
    policy_decide(&inputs, &why);
    assert_string_equal(why.priority.hook, "first");
    assert_string_equal(why.latency.hook, "second");

    policy_override_clear(&inputs.override, CORE_SET_PRIORITY);
    assert_decided(
        &inputs, (struct moq_policy){.latency_ns = 5, .priority = 100, .order = MOQ_ORDER_NEWEST});
}

/* transfork knows no third order: the numbers say what it will do. */
static void any_order_of_a_hook_is_the_newest_first(void **state)
{
    (void)state;
    struct policy_inputs inputs = plain();
    const uint8_t orders[] = {MOQ_ORDER_ANY, 77};
    inputs.policy_class.order = MOQ_ORDER_OLDEST;
    for (size_t i = 0; i < 2; i++) {
        const struct core_override change = {.set = CORE_SET_ORDER, .order = orders[i]};
        policy_override_set(&inputs.override, "ladder", &change);
        assert_int_equal(policy_decide(&inputs, NULL).order, MOQ_ORDER_NEWEST);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_class_gives_latency_and_order_the_wish_priority),
        cmocka_unit_test(a_class_moves_the_priority_and_stays_within_a_byte),
        cmocka_unit_test(a_wish_for_an_order_beats_the_class),
        cmocka_unit_test(a_hook_beats_all_but_the_limit),
        cmocka_unit_test(the_limit_holds_for_classes_too),
        cmocka_unit_test(a_priority_is_no_higher_than_the_limit),
        cmocka_unit_test(rates_are_the_hooks_or_the_classes),
        cmocka_unit_test(with_a_limit_nobody_is_without_a_cap),
        cmocka_unit_test(a_start_is_no_further_back_than_the_limit),
        cmocka_unit_test(a_hook_sets_only_what_it_names),
        cmocka_unit_test(any_order_of_a_hook_is_the_newest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
