/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The functions of `relay` that change what the relay does return at once and never lead back into
 * the script.
 * Tested by tests/e2e/test_lua.py. */
#include "lua/host/library.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lua/host/closings.h"
#include "lua/host/look.h"
#include "lua/host/params.h"
#include "lua/host/require.h"
#include "lua/host/view.h"

enum { DELAY_MAX_S = 86400 };

/* ---- Hooks, log, counters -------------------------------------------------------------------- */

static int on_hook(lua_State *lua)
{
    const char *name = luaL_checkstring(lua, 1);
    luaL_checktype(lua, 2, LUA_TFUNCTION);
    script_set_hook(lua, name, 2);
    return 0;
}

static int write_log(lua_State *lua)
{
    static const char *const words[] = {"error", "warn", "info", "debug", "trace", NULL};
    const char *word = luaL_checkstring(lua, 1);
    int level = RELAY_ERROR;
    while (words[level - RELAY_ERROR] && strcmp(words[level - RELAY_ERROR], word) != 0)
        level++;
    if (!words[level - RELAY_ERROR])
        return luaL_error(lua,
                          "relay.log: there is no level \"%s\"; they are error, warn, info, debug "
                          "and trace",
                          word);
    const char *text = luaL_checkstring(lua, 2);
    struct relay_self *self = script_self(script_of(lua));
    if (self)
        relay_log_write(self, script_log_site(lua), level, "%.400s", text);
    return 0;
}

static int print_all(lua_State *lua)
{
    luaL_Buffer line;
    int count = lua_gettop(lua);
    struct relay_self *self = script_self(script_of(lua));
    luaL_buffinit(lua, &line);
    for (int i = 1; i <= count; i++) {
        if (i > 1)
            luaL_addchar(&line, ' ');
        if (lua_isstring(lua, i))
            lua_pushvalue(lua, i);
        else if (lua_isboolean(lua, i))
            lua_pushstring(lua, lua_toboolean(lua, i) ? "true" : "false");
        else
            lua_pushstring(lua, luaL_typename(lua, i));
        luaL_addvalue(&line);
    }
    luaL_pushresult(&line);
    if (self)
        relay_log_write(self, script_log_site(lua), RELAY_INFO, "%.400s", lua_tostring(lua, -1));
    return 0;
}

/* Upvalue: the counter. */
static int add_to_counter(lua_State *lua)
{
    double change = luaL_optnumber(lua, 1, 1);
    const struct script *script = script_of(lua);
    luaL_argcheck(lua, fabs(change) <= 9e15, 1, "a number that can be counted is expected");
    if (script_worker(script))
        relay_count(script_worker(script), (int)lua_tointeger(lua, lua_upvalueindex(1)),
                    (int64_t)change);
    return 0;
}

static int make_counter(lua_State *lua)
{
    const char *name = luaL_checkstring(lua, 1);
    struct relay_self *self = script_self(script_of(lua));
    int counter = self ? relay_counter(self, name) : 0;
    if (counter < 0)
        return luaL_error(lua, "no counter \"%s\" can be had: %s", name,
                          relay_error_words(counter));
    lua_pushinteger(lua, counter);
    lua_pushcclosure(lua, add_to_counter, 1);
    return 1;
}

static int get_now(lua_State *lua)
{
    const struct relay_worker *worker = script_worker(script_of(lua));
    lua_pushnumber(lua, worker ? (double)relay_worker_now_ns(worker) / 1e9 : 0);
    return 1;
}

/* ---- Timers ---------------------------------------------------------------------------------- */

static int add_timer(lua_State *lua, bool is_repeated)
{
    double seconds = luaL_checknumber(lua, 1);
    luaL_argcheck(lua, seconds >= 0.001 && seconds <= DELAY_MAX_S, 1,
                  "seconds from 0.001 to 86400 are expected");
    luaL_checktype(lua, 2, LUA_TFUNCTION);
    lua_pushinteger(lua, script_add_timer(lua, 2, seconds, is_repeated));
    return 1;
}

static int call_every(lua_State *lua)
{
    return add_timer(lua, true);
}

static int call_after(lua_State *lua)
{
    return add_timer(lua, false);
}

static int cancel_call(lua_State *lua)
{
    script_cancel_timer(lua, (uint32_t)luaL_checkinteger(lua, 1));
    return 0;
}

/* ---- What all workers share ------------------------------------------------------------------ */

/* A key, or a value. What is too long, or would be cut at a zero byte, is an error that says so. */
static const char *text_for_shared(lua_State *lua, int index, const char *what, int least, int most)
{
    size_t n;
    const char *text = luaL_checklstring(lua, index, &n);
    if (n < (size_t)least || n > (size_t)most || strlen(text) != n)
        luaL_error(lua, "relay.shared: a %s has %d to %d bytes, none of them zero", what, least,
                   most);
    return text;
}

static const char *key_for_shared(lua_State *lua)
{
    return text_for_shared(lua, 1, "key", 1, RELAY_KEY_BYTES - 1);
}

static int fail_full(lua_State *lua)
{
    return luaL_error(lua,
                      "relay.shared: it has %d keys, the most there can be; remove some with "
                      "relay.shared.set(key, nil), relay.shared.keys(prefix) lists them",
                      RELAY_SHARED_MAX);
}

static int get_shared(lua_State *lua)
{
    char value[RELAY_VALUE_BYTES];
    struct relay_self *self = script_self(script_of(lua));
    const char *key = key_for_shared(lua);
    int n = self ? relay_shared_get(self, key, value, sizeof value) : RELAY_ERR_NOT_FOUND;
    lua_pushstring(lua, n < 0 ? NULL : value); /* NULL: a nil */
    return 1;
}

static int set_shared(lua_State *lua)
{
    struct relay_self *self = script_self(script_of(lua));
    const char *key = key_for_shared(lua), *value = NULL;
    if (!lua_isnoneornil(lua, 2))
        value = text_for_shared(lua, 2, "value", 0, RELAY_VALUE_BYTES - 1);
    int error = self ? relay_shared_set(self, key, value) : 0;
    if (error == RELAY_ERR_BOUNDS)
        return fail_full(lua);
    return error ? luaL_error(lua, "relay.shared: %s", relay_error_words(error)) : 0;
}

static int fail_add(lua_State *lua, struct relay_self *self, const char *key, int error)
{
    bool is_there = relay_shared_get(self, key, NULL, 0) >= 0;
    if (error == RELAY_ERR_BOUNDS && !is_there)
        return fail_full(lua);
    if (error == RELAY_ERR_BOUNDS)
        return luaL_error(lua, "relay.shared: the sum of \"%s\" has more than 63 bits", key);
    if (error == RELAY_ERR_INVALID)
        return luaL_error(lua, "relay.shared: \"%s\" is no whole number that can be added to", key);
    return luaL_error(lua, "relay.shared: %s", relay_error_words(error));
}

static int add_shared(lua_State *lua)
{
    struct relay_self *self = script_self(script_of(lua));
    const char *key = key_for_shared(lua);
    double change = luaL_optnumber(lua, 2, 1);
    int64_t sum = 0;
    luaL_argcheck(lua, fabs(change) <= 9e15 && change == floor(change), 2,
                  "a whole number is expected");
    int error = self ? relay_shared_add(self, key, (int64_t)change, &sum) : 0;
    if (error)
        return fail_add(lua, self, key, error);
    lua_pushnumber(lua, (double)sum);
    return 1;
}

/* The room for the keys is Lua's, so that nothing leaks. */
static int list_shared(lua_State *lua)
{
    struct relay_self *self = script_self(script_of(lua));
    const char *prefix = luaL_optstring(lua, 1, "");
    double limit = luaL_optnumber(lua, 2, RELAY_SHARED_MAX);
    luaL_argcheck(lua, limit >= 1 && limit <= RELAY_SHARED_MAX, 2, "a number from 1 to 4096");
    size_t size = (size_t)limit * RELAY_KEY_BYTES;
    char *key = lua_newuserdata(lua, size);
    int count = self ? relay_shared_keys(self, prefix, key, size) : 0;
    lua_newtable(lua);
    for (int i = 0; i < count && i < (int)limit; i++) {
        lua_pushstring(lua, key);
        lua_rawseti(lua, -2, i + 1);
        key += strlen(key) + 1;
    }
    return 1;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static const luaL_Reg relay_functions[] = {
    {"on", on_hook},          {"log", write_log},           {"counter", make_counter},
    {"now", get_now},         {"every", call_every},        {"after", call_after},
    {"cancel", cancel_call},  {"close", closings_add},      {"stats", look_at_stats},
    {"track", look_at_track}, {"viewers", look_at_viewers}, {NULL, NULL}};
static const luaL_Reg shared_functions[] = {{"get", get_shared},
                                            {"set", set_shared},
                                            {"add", add_shared},
                                            {"keys", list_shared},
                                            {NULL, NULL}};

static void add_functions(lua_State *lua, const luaL_Reg *functions)
{
    for (; functions->name; functions++) {
        lua_pushcfunction(lua, functions->func);
        lua_setfield(lua, -2, functions->name);
    }
}

static void push_relay(lua_State *lua)
{
    lua_newtable(lua);
    add_functions(lua, relay_functions);
    lua_newtable(lua);
    add_functions(lua, shared_functions);
    lua_setfield(lua, -2, "shared");
    params_push(lua, script_config(script_of(lua))->params);
    lua_setfield(lua, -2, "params");
}

void library_open(lua_State *lua)
{
    view_open(lua);
    sandbox_push_globals(lua);
    lua_newtable(lua);
    push_relay(lua);
    lua_setfield(lua, -2, "relay");
    require_push(lua, script_require(script_of(lua)));
    lua_setfield(lua, -2, "require");
    lua_pushcfunction(lua, print_all);
    lua_setfield(lua, -2, "print");
    lua_pop(lua, 1);
}
