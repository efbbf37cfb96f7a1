/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Patterns of paths and of other texts. */
#include "tests/unit/config/loading.h"
#include "tests/unit/config/steps.h"

static void assert_matches(const char *pattern, const char *path)
{
    if (!config_pattern_matches(pattern, path))
        fail_msg("%s does not match %s", pattern, path);
}

static void assert_differs(const char *pattern, const char *path)
{
    if (config_pattern_matches(pattern, path))
        fail_msg("%s matches %s", pattern, path);
}

static void without_stars_a_pattern_is_a_path(void **state)
{
    (void)state;
    assert_matches("demo/bbb", "demo/bbb");
    assert_differs("demo/bbb", "demo/bb");
    assert_differs("demo/bbb", "demo/bbbb");
    assert_differs("demo/bbb", "demo");
    assert_differs("demo", "demo/bbb");
    assert_differs("demo/bbb", "demo/bbb/");
    assert_matches("a/", "a/");
    assert_differs("a", "");
}

static void a_star_stays_within_a_part(void **state)
{
    (void)state;
    assert_matches("demo/*", "demo/bbb");
    assert_differs("demo/*", "demo");
    assert_differs("demo/*", "demo/a/b");
    assert_matches("*", "a");
    assert_differs("*", "");
    assert_matches("*/b", "/b");
    assert_matches("a*c*e", "abcde");
    assert_matches("a*", "a");
    assert_differs("a*c", "acb");
    assert_matches("*.mp4/x", "a.mp4/x");
    assert_differs("a*/b", "a/c/b");
}

static void two_stars_are_any_number_of_parts(void **state)
{
    (void)state;
    assert_matches("**", "");
    assert_matches("**", "a");
    assert_matches("**", "a/b/c");
    assert_matches("meet/**", "meet");
    assert_matches("meet/**", "meet/a");
    assert_matches("meet/**", "meet/a/b");
    assert_differs("meet/**", "meeting/a");
    assert_matches("**/audio", "audio");
    assert_matches("**/audio", "a/b/audio");
    assert_differs("**/audio", "a/audio/b");
    assert_matches("a/**/z", "a/z");
    assert_matches("a/**/z", "a/z/y/z");
    assert_matches("a/**/b/**/c", "a/b/b/x/c/c");
    assert_differs("a/**/b/**/c", "a/x/c");
    assert_matches("**/**/x", "x");
}

static void a_pattern_is_written_as_in_a_url(void **state)
{
    (void)state;
    assert_matches("my room/*", "my%20room/a");
    assert_matches("my%20room", "my%20room");
    assert_matches("*\xc3\xb6\"*", "gr%C3%B6%22%C3%9Fe");
    assert_matches("a{20}b", "a{20}b");
    assert_differs("my room", "my%20");
    assert_differs("my room", "my{20}room");
    assert_differs("my room", "my room");
    assert_differs("a{20}b", "a%20b");
    assert_differs("\xc3\xb6", "%c3%b6"); /* another name: a URL has it as it is */
}

/* The definition, word for word and without regard to time. */
static bool model_part(const char *p, size_t pn, const char *t, size_t tn)
{
    if (pn == 0)
        return tn == 0;
    if (*p == '*')
        return model_part(p + 1, pn - 1, t, tn) || (tn > 0 && model_part(p, pn, t + 1, tn - 1));
    return tn > 0 && *p == *t && model_part(p + 1, pn - 1, t + 1, tn - 1);
}

static bool model(const char *pattern, const char *path)
{
    if (!pattern)
        return !path;
    size_t pn = strcspn(pattern, "/"), tn = path ? strcspn(path, "/") : 0;
    const char *pattern_rest = pattern[pn] ? pattern + pn + 1 : NULL;
    const char *path_rest = path && path[tn] ? path + tn + 1 : NULL;
    if (pn == 2 && memcmp(pattern, "**", 2) == 0)
        return model(pattern_rest, path) || (path && model(pattern, path_rest));
    return path && model_part(pattern, pn, path, tn) && model(pattern_rest, path_rest);
}

static void random_text(uint32_t *seed, char *out, const char *letters)
{
    size_t n = (*seed >> 8) % 9;
    for (size_t i = 0; i < n; i++) {
        *seed = *seed * 1664525u + 1013904223u;
        out[i] = letters[(*seed >> 16) % strlen(letters)];
    }
    out[n] = '\0';
    *seed = *seed * 1664525u + 1013904223u;
}

static void any_pattern_agrees_with_the_definition(void **state)
{
    (void)state;
    uint32_t seed = 7;
    for (int i = 0; i < 200000; i++) {
        char pattern[16], path[16];
        random_text(&seed, pattern, "ab**//");
        random_text(&seed, path, "aab//");
        if (config_pattern_matches(pattern, path) != model(pattern, path[0] ? path : NULL))
            fail_msg("pattern \"%s\", path \"%s\"", pattern, path);
    }
}

static void a_hostile_path_is_answered_quickly(void **state)
{
    (void)state;
    char pattern[1024], path[4096];
    for (size_t i = 0; i + 4 < sizeof pattern; i += 3)
        memcpy(pattern + i, "*a*", 3), pattern[i + 3] = '\0';
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    strcpy(path + sizeof path - 2, "c");
    uint64_t before = steps_taken();
    config_pattern_matches(pattern, path);
    strcpy(pattern, "**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/b");
    for (size_t i = 0; i + 2 < sizeof path; i += 2)
        memcpy(path + i, "a/", 2);
    assert_differs(pattern, path);
    /* Each of both, at most once for each byte of the pattern and the path. */
    assert_in_range(steps_taken() - before, 1, 2 * sizeof pattern * sizeof path);
}

static void a_value_has_stars_but_no_parts(void **state)
{
    (void)state;
    assert_true(config_value_matches("live", "live"));
    assert_false(config_value_matches("live", "Live"));
    assert_false(config_value_matches("live", "live1"));
    assert_true(config_value_matches("*", ""));
    assert_true(config_value_matches("", ""));
    assert_false(config_value_matches("", "a"));
    assert_true(config_value_matches("https://*/player*", "https://a.example/b/player?x"));
    assert_true(config_value_matches("**", "a/b"));
    assert_true(config_value_matches("a b\xc3\xb6", "a b\xc3\xb6")); /* it is as it was decoded */
    assert_false(config_value_matches("a b", "a%20b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_stars_a_pattern_is_a_path),
        cmocka_unit_test(a_star_stays_within_a_part),
        cmocka_unit_test(two_stars_are_any_number_of_parts),
        cmocka_unit_test(a_pattern_is_written_as_in_a_url),
        cmocka_unit_test(any_pattern_agrees_with_the_definition),
        cmocka_unit_test(a_hostile_path_is_answered_quickly),
        cmocka_unit_test(a_value_has_stars_but_no_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
