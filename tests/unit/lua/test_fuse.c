/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* When a fuse blows, and how it comes back. */
#include "tests/unit/prologue.h"

#include "lua/host/fuse.h"

#define SECOND UINT64_C(1000000000)
#define BUDGET UINT64_C(5000000)

static const struct fuse_limits own = {.faults = 5, .budget_ns = BUDGET};
static const struct fuse_limits peers = {.faults = 5, .budget_ns = BUDGET, .is_of_peers = true};

/* So many calls of 20 us, which all fail or all succeed. Returns the last event. */
static enum fuse_event call(struct fuse *fuse, const struct fuse_limits *limits, uint64_t now_ns,
                            int count, bool has_failed)
{
    enum fuse_event event = FUSE_SAME;
    for (int i = 0; i < count; i++)
        event = fuse_note(fuse, limits, now_ns, 20000, has_failed);
    return event;
}

static void what_always_fails_is_stopped(void **state)
{
    struct fuse fuse = {0};
    (void)state;
    assert_int_equal(call(&fuse, &own, 100 * SECOND, 4, true), FUSE_SAME);
    assert_true(fuse_lets_through(&fuse, 100 * SECOND));
    assert_int_equal(call(&fuse, &own, 100 * SECOND, 1, true), FUSE_BLOWN);
    assert_false(fuse_lets_through(&fuse, 100 * SECOND));
}

static void a_minority_of_cheap_faults_is_borne(void **state)
{
    struct fuse fuse = {0};
    (void)state;
    call(&fuse, &own, 100 * SECOND, 100, false);
    assert_int_equal(call(&fuse, &own, 100 * SECOND, 100, true), FUSE_SAME);
    assert_int_equal(call(&fuse, &own, 100 * SECOND, 1, true), FUSE_BLOWN);
}

static void peers_cannot_blow_it_by_cheap_faults(void **state)
{
    struct fuse fuse = {0};
    (void)state;
    assert_int_equal(call(&fuse, &peers, 100 * SECOND, 1000, true), FUSE_SAME);
    assert_true(fuse_lets_through(&fuse, 100 * SECOND));
    assert_int_equal(call(&fuse, &peers, 100 * SECOND, 250, true), FUSE_BLOWN); /* 25 ms */
}

static void whole_budgets_count_whatever_else_succeeds(void **state)
{
    const struct fuse_limits *all[] = {&own, &peers};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct fuse fuse = {0};
        for (int j = 0; j < 4; j++) {
            call(&fuse, all[i], 100 * SECOND, 1000, false);
            assert_int_equal(fuse_note(&fuse, all[i], 100 * SECOND, 3 * BUDGET, true), FUSE_SAME);
        }
        assert_int_equal(fuse_note(&fuse, all[i], 100 * SECOND, 3 * BUDGET, true), FUSE_BLOWN);
    }
}

static void faults_of_earlier_minutes_do_not_count(void **state)
{
    struct fuse fuse = {0};
    (void)state;
    call(&fuse, &own, 100 * SECOND, 4, true);
    assert_int_equal(call(&fuse, &own, 161 * SECOND, 4, true), FUSE_SAME);
    assert_int_equal(call(&fuse, &own, 162 * SECOND, 1, true), FUSE_BLOWN);
}

static void it_comes_back_when_a_try_succeeds(void **state)
{
    struct fuse fuse = {0};
    (void)state;
    call(&fuse, &own, 100 * SECOND, 5, true);
    assert_false(fuse_lets_through(&fuse, 110 * SECOND - 1));
    assert_true(fuse_lets_through(&fuse, 110 * SECOND));
    assert_int_equal(call(&fuse, &own, 110 * SECOND, 1, true), FUSE_BLOWN);
    assert_false(fuse_lets_through(&fuse, 130 * SECOND - 1));
    assert_int_equal(call(&fuse, &own, 130 * SECOND, 1, false), FUSE_MENDED);
    assert_int_equal(call(&fuse, &own, 130 * SECOND, 4, true), FUSE_SAME);
    assert_int_equal(call(&fuse, &own, 130 * SECOND, 1, true), FUSE_BLOWN);
    assert_true(fuse_lets_through(&fuse, 140 * SECOND));
    for (int i = 0; i < 20; i++)
        call(&fuse, &own, fuse.retry_ns, 1, true);
    assert_int_equal(fuse.wait_ns, FUSE_WAIT_MAX_NS);
}

static void peers_cannot_make_it_wait_longer(void **state)
{
    struct fuse fuse = {0};
    (void)state;
    call(&fuse, &peers, 100 * SECOND, 1250, true);
    for (int i = 0; i < 5; i++)
        assert_int_equal(call(&fuse, &peers, fuse.retry_ns, 1, true), FUSE_BLOWN);
    assert_int_equal(fuse.wait_ns, FUSE_WAIT_NS);
}

static void it_can_be_off(void **state)
{
    const struct fuse_limits off = {.faults = 0, .budget_ns = BUDGET};
    struct fuse fuse = {0};
    (void)state;
    assert_int_equal(call(&fuse, &off, 100 * SECOND, 10000, true), FUSE_SAME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_always_fails_is_stopped),
        cmocka_unit_test(a_minority_of_cheap_faults_is_borne),
        cmocka_unit_test(peers_cannot_blow_it_by_cheap_faults),
        cmocka_unit_test(whole_budgets_count_whatever_else_succeeds),
        cmocka_unit_test(faults_of_earlier_minutes_do_not_count),
        cmocka_unit_test(it_comes_back_when_a_try_succeeds),
        cmocka_unit_test(peers_cannot_make_it_wait_longer),
        cmocka_unit_test(it_can_be_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
