/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sets of paths grow and shrink, and take each path once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/objects.h"
#include "transfork/path_set.h"

static void a_set_of_paths_grows_and_shrinks(void **state)
{
    (void)state;
    struct path_set set;
    path_set_init(&set);
    for (int i = 0; i < 1000; i++) {
        char text[32];
        snprintf(text, sizeof text, "a/%d", i);
        struct moq_path *path = moq_path_from_text(text);
        assert_int_equal(path_set_add(&set, path), 0);
        assert_int_equal(path_set_add(&set, path), MOQ_ERR_DUPLICATE);
        if (i % 2) {
            assert_true(path_set_remove(&set, path));
            assert_false(path_set_remove(&set, path));
        }
        moq_path_unref(&path);
    }
    assert_int_equal(set.count, 500);
    struct moq_path *path = path_set_pop(&set);
    assert_non_null(path);
    moq_path_unref(&path);
    path_set_deinit(&set);
    assert_int_equal(objects_report(stderr), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_of_paths_grows_and_shrinks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
