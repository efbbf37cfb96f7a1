/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The matcher against LuaJIT's own, and what it does with patterns that would take for ever. */
#include "tests/unit/prologue.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "lua/host/pattern.h"
#include "lua/host/sandbox.h"

#define BUDGET_NS UINT64_C(60000000000)

/* Where ours is stricter, or says it in other words. */
static bool may_differ(const char *line)
{
    return strstr(line, "unfinished capture") || strstr(line, "unbalanced pattern") ||
           strstr(line, "malformed pattern") || strstr(line, "invalid capture index") ||
           strstr(line, "invalid pattern capture");
}

static const char *line_of(lua_State *lua, int i)
{
    lua_getglobal(lua, "result");
    lua_rawgeti(lua, -1, i);
    const char *line = lua_tostring(lua, -1);
    lua_pop(lua, 2);
    return line;
}

static int run_patterns(lua_State *lua)
{
    lua_State *own = lua_touserdata(lua, 1);
    lua_settop(lua, 0);
    sandbox_push_file(lua, TEST_FOLDER "/patterns.lua");
    lua_call(lua, 0, 0);
    sandbox_push_globals(lua);
    lua_getfield(lua, 1, "result");
    int count = (int)lua_objlen(lua, 2), compared = 0;
    assert_true(count > 1000);
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(lua, 2, i);
        const char *ours = lua_tostring(lua, -1), *theirs = line_of(own, i);
        if (may_differ(ours) || may_differ(theirs))
            assert_true(may_differ(ours));
        else
            assert_string_equal(ours, theirs);
        compared += !may_differ(ours);
        lua_pop(lua, 1);
    }
    assert_true(compared > count / 2);
    return 0;
}

static void patterns_mean_what_they_mean_in_luajit(void **state)
{
    char error[SANDBOX_ERROR_BYTES] = "";
    lua_State *own = luaL_newstate();
    struct sandbox *sandbox = sandbox_new(64 << 20);
    (void)state;
    luaL_openlibs(own);
    assert_int_equal(luaL_dofile(own, TEST_FOLDER "/patterns.lua"), 0);
    if (sandbox_run(sandbox, BUDGET_NS, run_patterns, own, error))
        fail_msg("%s", error);
    sandbox_free(&sandbox);
    lua_close(own);
}

static struct pattern_match match_of(const char *text, const char *pattern)
{
    return (struct pattern_match){.subject = text,
                                  .subject_end = text + strlen(text),
                                  .pattern = pattern,
                                  .pattern_end = pattern + strlen(pattern)};
}

static void a_search_has_a_bounded_number_of_steps(void **state)
{
    char text[4001];
    static const char *const patterns[] = {
        ".-.-.-.-.-x", "a*a*a*a*a*x",  "(.*)(.*)(.*)(.*)x", "a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?x",
        "%b()%b()",    ".*.*.*.*%f[x]"};
    (void)state;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        struct pattern_match match = match_of(text, patterns[i]);
        assert_null(pattern_match_at(&match, text));
        assert_true(match.steps <= PATTERN_STEPS_MAX + 1);
    }
}

static bool is_third_look(void *user)
{
    int *looks = (int *)user;
    return ++*looks == 3;
}

static void a_search_ends_when_time_is_over(void **state)
{
    static const char text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                      pattern[] = "a-a-a-a-a-a-a-b";
    int looks = 0;
    struct pattern_match match = {.subject = text,
                                  .subject_end = text + sizeof text - 1,
                                  .pattern = pattern,
                                  .pattern_end = pattern + sizeof pattern - 1,
                                  .look_at = PATTERN_STEPS_LOOK,
                                  .is_over = is_third_look,
                                  .user = &looks};
    (void)state;
    assert_null(pattern_match_at(&match, text));
    assert_string_equal(match.error, "the pattern takes too long with this text");
    assert_int_equal(looks, 3);
    assert_in_range(match.steps, 3 * PATTERN_STEPS_LOOK, 3 * PATTERN_STEPS_LOOK + 10);
}

static void a_long_set_takes_more_steps(void **state)
{
    char text[40001], pattern[40001];
    (void)state;
    memset(text, 'a', sizeof text - 1);
    memset(pattern, 'b', sizeof pattern - 1);
    text[sizeof text - 1] = pattern[sizeof pattern - 1] = '\0';
    memcpy(pattern, "[^", 2);
    memcpy(pattern + sizeof pattern - 3, "]*", 2);
    struct pattern_match match = match_of(text, pattern);
    assert_null(pattern_match_at(&match, text));
    assert_string_equal(match.error, "the pattern takes too long with this text");
}

static void a_deep_pattern_is_an_error(void **state)
{
    char pattern[1001];
    (void)state;
    memset(pattern, '.', sizeof pattern - 1);
    pattern[sizeof pattern - 1] = '\0';
    struct pattern_match match = match_of(pattern, pattern);
    assert_null(pattern_match_at(&match, pattern));
    assert_string_equal(match.error, "the pattern is too complex");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_mean_what_they_mean_in_luajit),
        cmocka_unit_test(a_search_has_a_bounded_number_of_steps),
        cmocka_unit_test(a_search_ends_when_time_is_over),
        cmocka_unit_test(a_long_set_takes_more_steps),
        cmocka_unit_test(a_deep_pattern_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
