/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every name that the installed LuaJIT offers is a decision of ours. */
#include "tests/unit/prologue.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "lua/host/names.h"
#include "lua/host/sandbox.h"

static void check_library(lua_State *lua, const char *library)
{
    lua_pushnil(lua);
    while (lua_next(lua, -2)) {
        if (lua_type(lua, -2) == LUA_TSTRING &&
            names_kind_of(library, lua_tostring(lua, -2)) == NAMES_UNKNOWN)
            fail_msg("LuaJIT has %s.%s: offer or withhold it in lua/host/names.c", library,
                     lua_tostring(lua, -2));
        lua_pop(lua, 1);
    }
}

static void every_name_of_luajit_is_offered_or_withheld(void **state)
{
    lua_State *lua = luaL_newstate();
    (void)state;
    luaL_openlibs(lua);
    lua_pushvalue(lua, LUA_GLOBALSINDEX);
    check_library(lua, "_G");
    lua_pushnil(lua);
    while (lua_next(lua, -2)) {
        if (lua_istable(lua, -1) && strcmp(lua_tostring(lua, -2), "_G") != 0)
            check_library(lua, lua_tostring(lua, -2));
        lua_pop(lua, 1);
    }
    lua_close(lua);
}

static int look_around(lua_State *lua)
{
    static const char *const gone[] = {
        "io",      "debug",      "package",        "jit",      "ffi",
        "load",    "loadstring", "dofile",         "loadfile", "setfenv",
        "getfenv", "newproxy",   "collectgarbage", "rawset",   "module"};
    static const char *const there[] = {"pcall", "string", "table",    "math",
                                        "os",    "bit",    "coroutine"};
    lua_settop(lua, 0);
    sandbox_push_globals(lua);
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++) {
        lua_getfield(lua, 1, gone[i]);
        assert_true(lua_isnil(lua, -1));
    }
    for (size_t i = 0; i < sizeof there / sizeof there[0]; i++) {
        lua_getfield(lua, 1, there[i]);
        assert_false(lua_isnil(lua, -1));
    }
    lua_getfield(lua, 1, "os");
    lua_getfield(lua, -1, "execute");
    assert_true(lua_isnil(lua, -1));
    lua_getfield(lua, 1, "string");
    lua_getfield(lua, -1, "dump");
    assert_true(lua_isnil(lua, -1));
    return 0;
}

static void scripts_have_what_is_offered_and_no_more(void **state)
{
    char error[SANDBOX_ERROR_BYTES];
    struct sandbox *sandbox = sandbox_new(8 << 20);
    (void)state;
    assert_int_equal(sandbox_run(sandbox, UINT64_C(1000000000), look_around, NULL, error),
                     SANDBOX_OK);
    sandbox_free(&sandbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_of_luajit_is_offered_or_withheld),
        cmocka_unit_test(scripts_have_what_is_offered_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
