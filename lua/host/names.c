/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Withheld is what leaves the sandbox (files, processes, C, bytecode), what its time and memory
 * cannot bound, and what gets behind it (environments, debug, finalizers).
 * Tested by tests/unit/lua/test_names.c. */
#include "lua/host/names.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "lua/host/bounded.h"

struct library {
    const char *name;
    lua_CFunction open;             /* NULL: nothing of it is offered */
    const char *offered, *withheld; /* words */
};

static const struct library libraries[] = {
    {"_G", luaopen_base,
     "_G _VERSION assert bit coroutine error getmetatable ipairs math next os pairs pcall print "
     "rawequal rawget rawlen require select setmetatable string table tonumber tostring type "
     "unpack "
     "xpcall",
     "arg collectgarbage debug dofile ffi gcinfo getfenv io jit load loadfile loadstring module "
     "newproxy package rawset setfenv"},
    {"string", luaopen_string,
     "byte char find format gmatch gsub len lower match rep reverse sub upper", "buffer dump"},
    {"table", luaopen_table, "concat insert maxn move pack remove sort unpack",
     "clear foreach foreachi getn new"},
    {"math", luaopen_math,
     "abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge ldexp log log10 max min "
     "modf pi pow rad random randomseed sin sinh sqrt tan tanh",
     "mod"},
    {"coroutine", NULL /* comes with the basic functions */,
     "create isyieldable resume running status wrap yield", "close"},
    {"bit", luaopen_bit, "arshift band bnot bor bswap bxor lshift rol ror rshift tobit tohex", ""},
    {"os", luaopen_os, "clock time",
     "date difftime execute exit getenv remove rename setlocale tmpname"},
    {"io", NULL, "",
     "close flush input lines open output popen read stderr stdin stdout tmpfile type write"},
    {"debug", NULL, "",
     "debug getfenv gethook getinfo getlocal getmetatable getregistry getupvalue getuservalue "
     "setcstacklimit setfenv sethook setlocal setmetatable setupvalue setuservalue traceback "
     "upvalueid upvaluejoin"},
    {"package", NULL, "",
     "config cpath loaded loaders loadlib path preload searchers searchpath seeall"},
    {"jit", NULL, "",
     "arch attach flush off on opt os prngstate security status util version version_num"},
};
enum { LIBRARIES = sizeof libraries / sizeof libraries[0] };

static bool has_word(const char *words, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = words; (at = strstr(at, word)); at += n)
        if ((at == words || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
            return true;
    return false;
}

enum names_kind names_kind_of(const char *library, const char *name)
{
    for (size_t i = 0; i < LIBRARIES; i++) {
        if (strcmp(libraries[i].name, library) != 0)
            continue;
        if (has_word(libraries[i].offered, name))
            return NAMES_OFFERED;
        return has_word(libraries[i].withheld, name) ? NAMES_WITHHELD : NAMES_UNKNOWN;
    }
    return NAMES_UNKNOWN;
}

/* Copies the offered functions of the table at the top into a new one, which takes its place. */
static void copy_offered(lua_State *lua, const char *library)
{
    lua_newtable(lua);
    lua_pushnil(lua);
    while (lua_next(lua, -3)) {
        bool is_name = lua_type(lua, -2) == LUA_TSTRING;
        if (is_name && names_kind_of(library, lua_tostring(lua, -2)) == NAMES_OFFERED) {
            lua_pushvalue(lua, -2);
            lua_insert(lua, -2);
            lua_rawset(lua, -4);
        } else {
            lua_pop(lua, 1);
        }
    }
    lua_replace(lua, -2);
}

static void open_library(lua_State *lua, const struct library *library)
{
    if (!library->open)
        return;
    lua_pushcfunction(lua, library->open);
    lua_pushstring(lua, strcmp(library->name, "_G") == 0 ? "" : library->name);
    lua_call(lua, 1, 0);
}

/* Texts share a metatable, by which scripts could change what `("x"):rep()` means in C. */
static void hide_metatable_of_strings(lua_State *lua)
{
    lua_pushliteral(lua, "");
    lua_getmetatable(lua, -1);
    lua_getglobal(lua, "string");
    lua_setfield(lua, -2, "__index");
    lua_pushboolean(lua, 0);
    lua_setfield(lua, -2, "__metatable");
    lua_pop(lua, 2);
}

/* LuaJIT calls the handler of xpcall before it unwinds. If the error is that of the budget's hook,
 * hooks do not run in the handler, and nothing would stop it. This one unwinds first. */
static void replace_xpcall(lua_State *lua)
{
    static const char text[] = "local pcall = pcall "
                               "local function finish(handler, is_good, ...) "
                               "if is_good then return true, ... end "
                               "return false, handler(...) end "
                               "return function(run, handler, ...) "
                               "return finish(handler, pcall(run, ...)) end";
    if (luaL_loadbuffer(lua, text, sizeof text - 1, "=xpcall") != 0)
        lua_error(lua);
    lua_call(lua, 0, 1);
    lua_setglobal(lua, "xpcall");
}

void names_push(lua_State *lua)
{
    for (size_t i = 0; i < LIBRARIES; i++)
        open_library(lua, &libraries[i]);
    bounded_install(lua);
    replace_xpcall(lua);
    for (size_t i = 1; i < LIBRARIES; i++) {
        if (!libraries[i].offered[0])
            continue;
        lua_getglobal(lua, libraries[i].name);
        copy_offered(lua, libraries[i].name);
        lua_setglobal(lua, libraries[i].name);
    }
    hide_metatable_of_strings(lua);
    lua_pushvalue(lua, LUA_GLOBALSINDEX);
    copy_offered(lua, "_G");
}
