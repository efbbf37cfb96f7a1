/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* server/admin/file_kind.c: types by endings, and names that builds make. */
#include "server/admin/file_kind.h"

#include "tests/unit/prologue.h"

static void types_go_by_the_last_ending(void **state)
{
    (void)state;
    assert_string_equal(file_kind_type("index.html"), "text/html; charset=utf-8");
    assert_string_equal(file_kind_type("a/b.min.JS"), "text/javascript; charset=utf-8");
    assert_string_equal(file_kind_type("a.js.map"), "application/json");
    assert_string_equal(file_kind_type("player.wasm"), "application/wasm");
    assert_string_equal(file_kind_type("main.ts"), "text/plain; charset=utf-8");
    assert_string_equal(file_kind_type("a.html/b"), "application/octet-stream");
    assert_string_equal(file_kind_type("html"), "application/octet-stream");
    assert_string_equal(file_kind_type("a.js.br"), "application/octet-stream");
    assert_true(file_kind_is_page("a/index.html"));
    assert_false(file_kind_is_page("a/index.htm"));
}

static void only_hashed_names_never_change(void **state)
{
    (void)state;
    assert_true(file_kind_is_hashed("assets/app-0123abcd.js"));
    assert_true(file_kind_is_hashed("assets/app-BkP3x_9f.js.map"));
    assert_true(file_kind_is_hashed("demo/assets/fonts/a--Xk-_aaa.woff2"));
    assert_false(file_kind_is_hashed("app-0123abcd.js"));
    assert_false(file_kind_is_hashed("myassets/app-0123abcd.js"));
    assert_false(file_kind_is_hashed("assets/-0123abcd.js"));
    assert_false(file_kind_is_hashed("assets/app-language.js"));
    assert_false(file_kind_is_hashed("assets/app-0123abc.js"));
    assert_false(file_kind_is_hashed("assets/app_0123abcd.js"));
    assert_false(file_kind_is_hashed("assets/app-0123ab d.js"));
    assert_false(file_kind_is_hashed("assets/app-0123abcd/x.js"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_go_by_the_last_ending),
        cmocka_unit_test(only_hashed_names_never_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
