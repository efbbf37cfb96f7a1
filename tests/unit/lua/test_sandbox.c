/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a script cannot do, however it tries: run on, fill the memory, hide its errors, get out. */
#include "tests/unit/lua/snippet.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MEMORY_BYTES = 8 << 20 };

static void endless_loops_end(void **state)
{
    static const char *const loops[] = {
        "while true do end",
        "pcall(function() while true do end end) while true do pcall(error) end",
        "while true do pcall(function() while true do end end) end",
        "xpcall(function() while true do end end, function() while true do end end)",
        "local f = coroutine.wrap(function() while true do pcall(error) end end) f()",
        "local f f = function() return pcall(f) end f() while true do end",
        "local t = setmetatable({}, {__index = function() while true do end end}) return t.x",
        "local t = setmetatable({}, {__eq = function() while true do end end}) "
        "return t == setmetatable({}, getmetatable(t))",
        "local t = {} for i = 1, 1000 do t[i] = i end "
        "table.sort(t, function() while true do end end)",
        "return (('x'):rep(100)):gsub('.', function() while true do end end)",
        "return tostring(setmetatable({}, {__tostring = function() while true do end end}))",
        "local function f() return f() end f()",
        "local s = ('x'):rep(1000000) while true do s:upper() end",
        "for i = 1, 1/0 do end",
        "goto again ::again:: goto again",
    };
    (void)state;
    for (size_t i = 0; i < sizeof loops / sizeof loops[0]; i++) {
        struct sandbox *sandbox = sandbox_new(MEMORY_BYTES);
        snippet_is_endless(sandbox, loops[i]);
        snippet_works(sandbox, "local x = 1 for i = 1, 1000 do x = x + i end");
        sandbox_free(&sandbox);
    }
}

/* Each call takes milliseconds in C, and the sandbox looks only every so many instructions. */
static void loops_of_slow_functions_end_soon(void **state)
{
    static const char *const loops[] = {
        "local s = ('x'):rep(4000000) while true do s:upper() end",
        "local s = ('a'):rep(4000) while true do pcall(s.match, s, '.-.-.-.-x') end",
        "local s = ('a'):rep(4000000) while true do s:find('b', 1, true) end",
        "local t = {} for i = 1, 20000 do t[i] = i end while true do table.insert(t, 1, 0) end",
    };
    (void)state;
    for (size_t i = 0; i < sizeof loops / sizeof loops[0]; i++) {
        struct sandbox *sandbox = sandbox_new(64 << 20);
        clock_t start = clock();
        snippet_is_endless(sandbox, loops[i]);
        if (clock() - start > CLOCKS_PER_SEC)
            fail_msg("it took %g s: %s", (double)(clock() - start) / CLOCKS_PER_SEC, loops[i]);
        sandbox_free(&sandbox);
    }
}

static void a_reference_is_given_up_in_full_memory(void **state)
{
    struct sandbox *sandbox = sandbox_new(MEMORY_BYTES);
    lua_State *lua = sandbox_lua(sandbox);
    (void)state;
    lua_newtable(lua);
    int reference = luaL_ref(lua, LUA_REGISTRYINDEX);
    snippet_works(sandbox, "kept = {} for i = 1, 25 do kept[i] = ('x'):rep(300000) .. i end");
    char error[SANDBOX_ERROR_BYTES];
    snippet_run(sandbox, "for i = 1, 1e9 do kept[#kept + 1] = {} end", error);
    sandbox_unref(sandbox, reference);
    lua_rawgeti(lua, LUA_REGISTRYINDEX, reference);
    assert_false(lua_istable(lua, -1));
    sandbox_free(&sandbox);
}

static void memory_is_bounded(void **state)
{
    static const char *const hogs[] = {
        "local t = {} while true do t[#t + 1] = {} end",
        "local s = 'x' while true do s = s .. s end",
        "local t = {} for i = 1, 1e9 do t[i] = i end",
        "local t = {} while true do t[#t + 1] = coroutine.create(function() end) end",
        "local t = {} while true do t[#t + 1] = function() return t end end",
    };
    (void)state;
    for (size_t i = 0; i < sizeof hogs / sizeof hogs[0]; i++) {
        struct sandbox *sandbox = sandbox_new(MEMORY_BYTES);
        char error[SANDBOX_ERROR_BYTES];
        assert_int_not_equal(snippet_run(sandbox, hogs[i], error), SANDBOX_OK);
        assert_true(sandbox_used_bytes(sandbox) <= MEMORY_BYTES);
        snippet_works(sandbox, "local t = {} for i = 1, 1000 do t[i] = {} end");
        sandbox_free(&sandbox);
    }
}

/* The end of a bound is the end of the call, whatever the script does about it. */
static void a_bound_that_is_caught_counts(void **state)
{
    static const char hog[] = "(function() local t = {} for i = 1, 1e9 do t[i] = {} end end)";
    static const char *const forms[] = {"pcall%s", "return pcall%s", "while true do pcall%s end"};
    struct sandbox *sandbox = sandbox_new(MEMORY_BYTES);
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, forms[i], hog);
        snippet_fails(sandbox, text, "its memory of 8 MiB is full");
        snippet_works(sandbox, "local t = {} for i = 1, 1000 do t[i] = {} end");
    }
    snippet_is_endless(sandbox, "return pcall(function() while true do end end)");
    sandbox_free(&sandbox);
}

static int forget_kept(lua_State *lua)
{
    sandbox_push_globals(lua);
    lua_pushnil(lua);
    lua_setfield(lua, -2, "kept");
    return 0;
}

static void a_script_that_keeps_too_much_is_not_called_until_there_is_room(void **state)
{
    struct sandbox *sandbox = sandbox_new(MEMORY_BYTES);
    (void)state;
    snippet_fails(sandbox, "kept = {} for i = 1, 1e9 do kept[i] = {} end", "8 MiB is full");
    for (int i = 0; i < 20; i++)
        snippet_fails(sandbox, "kept = nil", "keeps so much that its memory of 8 MiB is full");
    sandbox_clean(sandbox, forget_kept, NULL);
    char error[SANDBOX_ERROR_BYTES];
    for (int i = 0; i < 1000 && snippet_run(sandbox, "", error) != SANDBOX_OK; i++)
        usleep(10000);
    snippet_works(sandbox, "kept = {} for i = 1, 1000 do kept[i] = {} end");
    sandbox_free(&sandbox);
}

/* A full collection for each call would take minutes. */
static void a_call_in_a_memory_that_is_nearly_full_is_short(void **state)
{
    struct sandbox *sandbox = sandbox_new(64 << 20);
    (void)state;
    snippet_works(sandbox, "kept = {} for i = 1, 580 do local t = {} kept[i] = t "
                           "for j = 1, 1000 do t[j] = {i} end end");
    assert_in_range(sandbox_used_bytes(sandbox), 50 << 20, 62 << 20);
    clock_t start = clock();
    for (int i = 0; i < 5000; i++)
        snippet_works(sandbox, "local t = {} for i = 1, 20 do t[i] = {i} end");
    if (clock() - start > 10 * CLOCKS_PER_SEC)
        fail_msg("it took %g s", (double)(clock() - start) / CLOCKS_PER_SEC);
    sandbox_free(&sandbox);
}

static void every_error_has_words(void **state)
{
    struct sandbox *sandbox = sandbox_new(MEMORY_BYTES);
    (void)state;
    snippet_fails(sandbox, "\nerror('no')", "test.lua:2: no");
    snippet_fails(sandbox, "error({})", "test.lua:1: an error object that is a table");
    snippet_fails(sandbox, "\nerror()", "test.lua:2: an error object that is a nil");
    snippet_fails(sandbox, "error(setmetatable({}, {__tostring = function() error('x') end}))",
                  "an error object that is a table");
    snippet_fails(sandbox, "local x = nil + 1", "test.lua:1: attempt to perform arithmetic");
    snippet_fails(sandbox, "local function f() return 1 + f() end f()", "stack overflow");
    snippet_fails(sandbox, "error('a\\nb')", "a b");
    sandbox_free(&sandbox);
}

static void globals_can_be_locked(void **state)
{
    struct sandbox *sandbox = sandbox_new(MEMORY_BYTES);
    (void)state;
    snippet_works(sandbox, "counter = 1");
    snippet_works(sandbox, "assert(counter == 1 and _G.counter == 1) counter = 2");
    sandbox_lock_globals(sandbox);
    snippet_fails(sandbox, "counter = 3", "write \"local counter\"");
    snippet_fails(sandbox, "_G.fresh = 3", "write \"local fresh\"");
    snippet_works(sandbox, "assert(counter == 2)");
    sandbox_free(&sandbox);
}

static void nothing_leads_out(void **state)
{
    struct sandbox *sandbox = sandbox_new(MEMORY_BYTES);
    (void)state;
    snippet_works(sandbox, "assert(getmetatable('') == false and getmetatable(_G) == false)");
    snippet_fails(sandbox, "setmetatable(_G, {})", "protected metatable");
    snippet_fails(sandbox, "return io.open('/etc/passwd')", "nil value");
    snippet_fails(sandbox, "return os.execute('true')", "nil value");
    snippet_works(sandbox, "assert(os.time() > 0 and os.clock() >= 0)");
    sandbox_free(&sandbox);
}

static int load_path(lua_State *lua)
{
    const char *path = lua_touserdata(lua, 1);
    sandbox_push_file(lua, path);
    return 0;
}

static void files_that_are_no_scripts_are_errors(void **state)
{
    char path[] = "/tmp/moq-script-XXXXXX", error[SANDBOX_ERROR_BYTES];
    static const struct {
        const char *text, *words;
    } cases[] = {{"\033LJ\002\n", "it is compiled; scripts are"},
                 {"return return", ":1:"},
                 {"x = 'open", ":1:"}};
    struct sandbox *sandbox = sandbox_new(MEMORY_BYTES);
    int fd = mkstemp(path);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, cases[i].text, strlen(cases[i].text), 0),
                         strlen(cases[i].text));
        assert_int_equal(sandbox_run(sandbox, SNIPPET_BUDGET_NS, load_path, path, error),
                         SANDBOX_FAULT);
        assert_non_null(strstr(error, cases[i].words));
    }
    assert_int_equal(ftruncate(fd, SANDBOX_FILE_MAX_BYTES + 1), 0);
    assert_int_equal(sandbox_run(sandbox, SNIPPET_BUDGET_NS, load_path, path, error),
                     SANDBOX_FAULT);
    assert_non_null(strstr(error, "it is longer than"));
    close(fd);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(sandbox_run(sandbox, SNIPPET_BUDGET_NS, load_path, path, error),
                     SANDBOX_FAULT);
    assert_non_null(strstr(error, "not a regular file"));
    unlink(path);
    sandbox_free(&sandbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endless_loops_end),
        cmocka_unit_test(loops_of_slow_functions_end_soon),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(a_reference_is_given_up_in_full_memory),
        cmocka_unit_test(a_bound_that_is_caught_counts),
        cmocka_unit_test(a_script_that_keeps_too_much_is_not_called_until_there_is_room),
        cmocka_unit_test(a_call_in_a_memory_that_is_nearly_full_is_short),
        cmocka_unit_test(every_error_has_words),
        cmocka_unit_test(globals_can_be_locked),
        cmocka_unit_test(nothing_leads_out),
        cmocka_unit_test(files_that_are_no_scripts_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
