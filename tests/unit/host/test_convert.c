/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Values that cross the border between modules and core. */
#include "tests/unit/prologue.h"

#include <string.h>

#include "server/host/internal.h"

static void errors_survive_the_way_there_and_back(void **state)
{
    (void)state;
    for (int error = RELAY_ERR_MEDIA; error <= 0; error++) {
        assert_int_equal(host_error(host_core_error(error)), error);
        assert_string_not_equal(relay_error_words(error), "unknown error");
    }
    assert_int_equal(host_error(MOQ_ERR_TLS), RELAY_ERR_FAILED);
    assert_int_equal(host_core_error(-1000), MOQ_ERR_CANCELLED);
    assert_string_equal(relay_error_words(-1000), "unknown error");
}

static void a_denial_that_is_none_is_a_refusal(void **state)
{
    (void)state;
    assert_int_equal(host_denial(RELAY_DENIED_EXPIRED), CORE_DENIAL_EXPIRED);
    assert_int_equal(core_denial_error(host_denial(RELAY_DENIED_BUSY)), MOQ_ERR_BOUNDS);
    assert_int_equal(host_denial((enum relay_denial)77), CORE_DENIAL_REFUSED);
    assert_int_equal(core_denial_error(host_denial((enum relay_denial) - 1)), MOQ_ERR_REFUSED);
}

static void prefixes_end_with_a_part(void **state)
{
    (void)state;
    assert_true(relay_path_has_prefix("demo/bbb", "demo"));
    assert_true(relay_path_has_prefix("demo", "demo"));
    assert_true(relay_path_has_prefix("demo", ""));
    assert_true(relay_path_has_prefix("a{20}b/c", "a{20}b"));
    assert_false(relay_path_has_prefix("demo2/bbb", "demo"));
    assert_false(relay_path_has_prefix("dem", "demo"));
    assert_false(relay_path_has_prefix("demo/bbb", "demo/b"));
}

static void a_path_has_parts_and_a_limit(void **state)
{
    char text[3 * RELAY_PATH_BYTES];
    (void)state;
    assert_true(relay_path_is_valid("demo/bbb"));
    assert_false(relay_path_is_valid(""));
    assert_false(relay_path_is_valid(NULL));
    memset(text, 'a', sizeof text);
    text[1023] = '\0';
    assert_true(relay_path_is_valid(text));
    text[1023] = 'a';
    text[1024] = '\0';
    assert_false(relay_path_is_valid(text));
}

static void patterns_match_by_parts(void **state)
{
    (void)state;
    assert_true(relay_path_matches("demo/**", "demo/bbb/1"));
    assert_true(relay_path_matches("demo/*", "demo/bbb"));
    assert_false(relay_path_matches("demo/*", "demo/bbb/1"));
}

static void a_policy_is_checked(void **state)
{
    struct core_override override;
    struct relay_policy policy = {.size = sizeof policy,
                                  .set = RELAY_SET_LATENCY | RELAY_SET_ORDER,
                                  .latency_ns = 7,
                                  .order = RELAY_ORDER_NEWEST};
    (void)state;
    assert_int_equal(host_override(&policy, &override), 0);
    assert_int_equal(override.set, CORE_SET_LATENCY | CORE_SET_ORDER);
    assert_int_equal(override.latency_ns, 7);
    assert_int_equal(override.order, MOQ_ORDER_NEWEST);
    policy.priority = 256;
    assert_int_equal(host_override(&policy, &override), RELAY_ERR_INVALID);
    policy.priority = 255;
    policy.order = 2;
    assert_int_equal(host_override(&policy, &override), RELAY_ERR_INVALID);
    policy.order = 0;
    policy.set = 1 << 30;
    assert_int_equal(host_override(&policy, &override), RELAY_ERR_INVALID);
}

static void a_rate_is_checked(void **state)
{
    struct core_override override;
    struct relay_policy policy = {
        .size = sizeof policy, .set = RELAY_SET_RATE | RELAY_SET_IDENTITY_RATE, .rate_bps = 8000};
    (void)state;
    assert_int_equal(host_override(&policy, &override), 0);
    assert_int_equal(override.rate_bps, 8000);
    assert_int_equal(override.identity_rate_bps, 0);
    policy.rate_bps = 7999;
    assert_int_equal(host_override(&policy, &override), RELAY_ERR_INVALID);
    policy.rate_bps = UINT64_C(1000000000000);
    policy.identity_rate_bps = policy.rate_bps + 1;
    assert_int_equal(host_override(&policy, &override), RELAY_ERR_INVALID);
    policy.identity_rate_bps--;
    assert_int_equal(host_override(&policy, &override), 0);
    assert_int_equal(override.identity_rate_bps, policy.rate_bps);
}

/* The struct of version 1.0 ended with the order. */
static void bits_without_a_field_are_refused(void **state)
{
    struct core_override override;
    struct relay_policy policy = {.size = offsetof(struct relay_policy, rate_bps),
                                  .set = RELAY_SET_LATENCY | RELAY_SET_PRIORITY | RELAY_SET_ORDER};
    (void)state;
    assert_int_equal(host_policy_bits(policy.size), policy.set);
    assert_int_equal(host_override(&policy, &override), 0);
    policy.size = offsetof(struct relay_policy, start_ns);
    policy.set = RELAY_SET_START;
    assert_int_equal(host_override(&policy, &override), RELAY_ERR_INVALID);
    policy.size = sizeof policy;
    policy.start_ns = RELAY_BEGIN_OLDEST;
    assert_int_equal(host_override(&policy, &override), 0);
    assert_true(override.start_ns == MOQ_START_OLDEST);
    policy.size = offsetof(struct relay_policy, rate_bps);
    policy.set = RELAY_SET_RATE;
    assert_int_equal(host_override(&policy, &override), RELAY_ERR_INVALID);
}

/* A module that was compiled with a shorter struct. */
static void what_a_caller_does_not_state_is_not_read(void **state)
{
    struct core_override override;
    const struct relay_policy policy = {.size = offsetof(struct relay_policy, priority),
                                        .set = RELAY_SET_LATENCY,
                                        .latency_ns = 5,
                                        .priority = 1000};
    (void)state;
    assert_int_equal(host_override(&policy, &override), 0);
    assert_int_equal(override.latency_ns, 5);
    assert_int_equal(override.priority, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_survive_the_way_there_and_back),
        cmocka_unit_test(a_denial_that_is_none_is_a_refusal),
        cmocka_unit_test(prefixes_end_with_a_part),
        cmocka_unit_test(a_path_has_parts_and_a_limit),
        cmocka_unit_test(patterns_match_by_parts),
        cmocka_unit_test(a_policy_is_checked),
        cmocka_unit_test(a_rate_is_checked),
        cmocka_unit_test(bits_without_a_field_are_refused),
        cmocka_unit_test(what_a_caller_does_not_state_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
