/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* token/grants.c: what a prefix covers, and what may stand in an anonymous list. */
#include "token/token.h"

#include <string.h>

#include "tests/unit/prologue.h"

static void assert_prefix(const char *root, const char *path, const char *expected)
{
    struct token_prefixes list = {.count = 0};
    assert_int_equal(token_prefixes_add(&list, root, path), 0);
    assert_string_equal(list.items[0], expected);
    token_prefixes_clear(&list);
}

static void slashes_at_the_ends_and_double_ones_mean_nothing(void **state)
{
    (void)state;
    assert_prefix("", "", "");
    assert_prefix("/", "//", "");
    assert_prefix("demo", "", "demo");
    assert_prefix("", "demo", "demo");
    assert_prefix("demo", "bbb", "demo/bbb");
    assert_prefix("/demo/", "/bbb/", "demo/bbb");
    assert_prefix("//a///b//", "c", "a/b/c");
}

static void dots_and_escapes_are_names(void **state)
{
    struct token_prefixes list = {.count = 0};
    (void)state;
    assert_prefix("demo", "..", "demo/..");
    assert_prefix("demo/../x", "%2e%2e", "demo/../x/%2e%2e");
    assert_int_equal(token_prefixes_add(&list, "demo", ".."), 0);
    assert_false(token_prefixes_cover(&list, "other"));
    assert_false(token_prefixes_cover(&list, ""));
    assert_true(token_prefixes_cover(&list, "demo/../other"));
    token_prefixes_clear(&list);
}

static void a_prefix_ends_where_a_part_ends(void **state)
{
    struct token_prefixes list = {.count = 0};
    (void)state;
    assert_false(token_prefixes_cover(&list, ""));
    assert_int_equal(token_prefixes_add(&list, "", "demo/bbb"), 0);
    assert_true(token_prefixes_cover(&list, "demo/bbb"));
    assert_true(token_prefixes_cover(&list, "demo/bbb/video"));
    assert_false(token_prefixes_cover(&list, "demo/bbbb"));
    assert_false(token_prefixes_cover(&list, "demo"));
    assert_false(token_prefixes_cover(&list, "demo/"));
    assert_false(token_prefixes_cover(&list, ""));
    assert_false(token_prefixes_cover(&list, "Demo/bbb"));
    assert_int_equal(token_prefixes_add(&list, "", ""), 0);
    assert_true(token_prefixes_cover(&list, "anything"));
    token_prefixes_clear(&list);
}

static void lists_and_prefixes_have_bounds(void **state)
{
    struct token_prefixes list = {.count = 0};
    char path[TOKEN_PREFIX_MAX_BYTES + 2];
    (void)state;
    memset(path, 'a', sizeof path);
    path[TOKEN_PREFIX_MAX_BYTES + 1] = '\0';
    assert_int_equal(token_prefixes_add(&list, "", path), TOKEN_ERR_SIZE);
    path[TOKEN_PREFIX_MAX_BYTES] = '\0';
    assert_int_equal(token_prefixes_add(&list, "", path), 0);
    assert_int_equal(token_prefixes_add(&list, "r", path), TOKEN_ERR_SIZE);
    path[TOKEN_PREFIX_MAX_BYTES - 2] = '\0';
    assert_int_equal(token_prefixes_add(&list, "r", path), 0);
    assert_int_equal(strlen(list.items[1]), TOKEN_PREFIX_MAX_BYTES);
    while (list.count < TOKEN_PREFIXES_MAX)
        assert_int_equal(token_prefixes_add(&list, "", "a"), 0);
    assert_int_equal(token_prefixes_add(&list, "", "a"), TOKEN_ERR_SIZE);
    token_prefixes_clear(&list);
    assert_int_equal(list.count, 0);
}

static void assert_pattern(const char *pattern, const char *expected)
{
    struct token_prefixes list = {.count = 0};
    char why[TOKEN_WHY_BYTES] = "";
    assert_int_equal(token_prefixes_add_pattern(&list, pattern, why), 0);
    assert_string_equal(list.items[0], expected);
    token_prefixes_clear(&list);
}

static void assert_no_pattern(const char *pattern, const char *words)
{
    struct token_prefixes list = {.count = 0};
    char why[TOKEN_WHY_BYTES] = "";
    assert_int_equal(token_prefixes_add_pattern(&list, pattern, why), TOKEN_ERR_CLAIM);
    if (!strstr(why, words))
        fail_msg("%s: %s", pattern, why);
    assert_int_equal(list.count, 0);
}

static void stars_stand_at_the_end_alone(void **state)
{
    (void)state;
    assert_pattern("**", "");
    assert_pattern("demo", "demo");
    assert_pattern("demo/**", "demo");
    assert_pattern("/demo/bbb/**", "demo/bbb");
    assert_pattern("demo/", "demo");
    static const char *const wrong[] = {"*",        "demo/*",    "demo*",     "*/demo",
                                        "**/demo",  "demo/**/x", "demo**",    "/**",
                                        "demo/***", "***",       "demo/**/**"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_no_pattern(wrong[i], "'*'");
}

static void everything_is_never_granted_by_accident(void **state)
{
    (void)state;
    assert_no_pattern("", "names no path");
    assert_no_pattern("/", "names no path");
    assert_no_pattern("//", "names no path");
    assert_no_pattern("//"
                      "/**",
                      "names no path");
}

static void a_list_of_patterns_has_bounds(void **state)
{
    struct token_prefixes list = {.count = 0};
    char why[TOKEN_WHY_BYTES], pattern[TOKEN_PREFIX_MAX_BYTES + 8];
    (void)state;
    memset(pattern, 'a', sizeof pattern);
    pattern[sizeof pattern - 1] = '\0';
    assert_int_equal(token_prefixes_add_pattern(&list, pattern, why), TOKEN_ERR_SIZE);
    assert_non_null(strstr(why, "longer than 1024 bytes"));
    while (list.count < TOKEN_PREFIXES_MAX)
        assert_int_equal(token_prefixes_add_pattern(&list, "a", why), 0);
    assert_int_equal(token_prefixes_add_pattern(&list, "a", why), TOKEN_ERR_SIZE);
    assert_non_null(strstr(why, "more than 64"));
    token_prefixes_clear(&list);
}

static void grants_of_a_token_come_on_top_of_those_of_everybody(void **state)
{
    struct token_grants anonymous = {.publish.count = 0}, grants = {.publish.count = 0};
    char why[TOKEN_WHY_BYTES];
    (void)state;
    assert_int_equal(token_prefixes_add_pattern(&anonymous.subscribe, "demo/**", why), 0);
    assert_int_equal(token_prefixes_add_pattern(&anonymous.subscribe, "news", why), 0);
    assert_int_equal(token_prefixes_add(&grants.publish, "demo", "alice"), 0);
    assert_int_equal(token_prefixes_add(&grants.subscribe, "", "news"), 0);
    assert_int_equal(token_grants_add(&grants, &anonymous), 0);
    assert_int_equal(grants.publish.count, 1);
    assert_int_equal(grants.subscribe.count, 2);
    assert_true(token_prefixes_cover(&grants.subscribe, "demo/bbb"));
    assert_false(token_prefixes_cover(&grants.publish, "demo/bbb"));
    token_grants_clear(&grants);
    token_grants_clear(&anonymous);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slashes_at_the_ends_and_double_ones_mean_nothing),
        cmocka_unit_test(dots_and_escapes_are_names),
        cmocka_unit_test(a_prefix_ends_where_a_part_ends),
        cmocka_unit_test(lists_and_prefixes_have_bounds),
        cmocka_unit_test(stars_stand_at_the_end_alone),
        cmocka_unit_test(everything_is_never_granted_by_accident),
        cmocka_unit_test(a_list_of_patterns_has_bounds),
        cmocka_unit_test(grants_of_a_token_come_on_top_of_those_of_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
