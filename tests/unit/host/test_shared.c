/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The map that a module's workers share: its values and its bounds. */
#include "tests/unit/prologue.h"

#include <stdio.h>
#include <string.h>

#include "server/host/state.h"

struct stage {
    struct host host;
    struct relay_self self;
};

static int set_up(void **state)
{
    static struct stage stage;
    memset(&stage, 0, sizeof stage);
    stage.host.thread = uv_thread_self();
    stage.self.magic = HOST_SELF;
    stage.self.host = &stage.host;
    stage.self.shared = shared_new();
    *state = &stage.self;
    return 0;
}

static int tear_down(void **state)
{
    struct relay_self *self = *state;
    shared_free(&self->shared);
    return 0;
}

static void values_are_kept_replaced_and_removed(void **state)
{
    char out[8];
    assert_int_equal(relay_shared_get(*state, "a", out, sizeof out), RELAY_ERR_NOT_FOUND);
    assert_int_equal(relay_shared_set(*state, "a", "one"), 0);
    assert_int_equal(relay_shared_set(*state, "a", "a long value"), 0);
    assert_int_equal(relay_shared_get(*state, "a", out, sizeof out), 12);
    assert_string_equal(out, "a long ");
    assert_int_equal(relay_shared_set(*state, "a", NULL), 0);
    assert_int_equal(relay_shared_get(*state, "a", out, sizeof out), RELAY_ERR_NOT_FOUND);
}

static void numbers_are_added(void **state)
{
    int64_t sum = 0;
    assert_int_equal(relay_shared_add(*state, "n", 5, &sum), 0);
    assert_int_equal(relay_shared_add(*state, "n", -7, &sum), 0);
    assert_int_equal(sum, -2);
    assert_int_equal(relay_shared_set(*state, "text", "5 apples"), 0);
    assert_int_equal(relay_shared_add(*state, "text", 1, &sum), RELAY_ERR_INVALID);
    assert_int_equal(relay_shared_add(*state, "big", INT64_MAX, &sum), 0);
    assert_int_equal(relay_shared_add(*state, "big", 1, &sum), RELAY_ERR_BOUNDS);
}

static void keys_are_listed(void **state)
{
    char out[8];
    assert_int_equal(relay_shared_keys(*state, "", out, sizeof out), 0);
    assert_int_equal(relay_shared_set(*state, "a:1", "x"), 0);
    assert_int_equal(relay_shared_set(*state, "b:22", "x"), 0);
    assert_int_equal(relay_shared_keys(*state, "b:", out, 5), 1);
    assert_string_equal(out, "b:22");
    assert_int_equal(relay_shared_keys(*state, "c", out, sizeof out), 0);
    assert_int_equal(relay_shared_keys(*state, "b:22 and more", out, sizeof out), 0);
    assert_int_equal(relay_shared_keys(*state, "b:", out, 4), 0);
    assert_int_equal(relay_shared_keys(*state, "", out, sizeof out), 1);
    assert_string_equal(out, "a:1");
    assert_int_equal(relay_shared_keys(*state, "a", NULL, 0), 0);
    assert_int_equal(relay_shared_keys(*state, NULL, out, sizeof out), RELAY_ERR_INVALID);
    assert_int_equal(relay_shared_set(*state, "b:22", NULL), 0);
    assert_int_equal(relay_shared_keys(*state, "", out, sizeof out), 1);
}

static void it_is_bounded(void **state)
{
    char key[RELAY_KEY_BYTES + 1] = "", value[RELAY_VALUE_BYTES + 1] = "";
    memset(key, 'k', RELAY_KEY_BYTES);
    memset(value, 'v', RELAY_VALUE_BYTES);
    assert_int_equal(relay_shared_set(*state, key, "x"), RELAY_ERR_INVALID);
    assert_int_equal(relay_shared_set(*state, "", "x"), RELAY_ERR_INVALID);
    assert_int_equal(relay_shared_set(*state, "k", value), RELAY_ERR_BOUNDS);
    for (int i = 0; i < RELAY_SHARED_MAX; i++) {
        snprintf(key, sizeof key, "%d", i);
        assert_int_equal(relay_shared_set(*state, key, "x"), 0);
    }
    assert_int_equal(relay_shared_set(*state, "more", "x"), RELAY_ERR_BOUNDS);
    assert_int_equal(relay_shared_set(*state, "7", "y"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_are_kept_replaced_and_removed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_are_added, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_are_listed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_is_bounded, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
