/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tested by tests/e2e/test_lua.py. */
#include "lua/host/require.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lua/host/sandbox.h"

/* Beside the program: PREFIX/bin/moq-relay has its Lua in PREFIX/share/moq-relay. */
static void find_from_program(const char *relative, char out[PATH_MAX])
{
    char program[PATH_MAX] = "", joined[PATH_MAX + 64];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    char *slash = n > 0 ? strrchr(program, '/') : NULL;
    if (slash)
        *slash = '\0';
    snprintf(joined, sizeof joined, "%s/%s", program, relative);
    if (!realpath(joined, out))
        snprintf(out, PATH_MAX, "%.*s", PATH_MAX - 1, joined);
}

void require_installed(char out[PATH_MAX])
{
    find_from_program(LUA_LIBRARY_FROM_PROGRAM, out);
}

void require_shipped_policy(char out[PATH_MAX])
{
    find_from_program(LUA_POLICIES_FROM_PROGRAM "/broadcast.lua", out);
}

static bool is_module_name(const char *name)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t n = strspn(name, letters);
    return n > 0 && n <= REQUIRE_NAME_MAX_BYTES && name[n] == '\0';
}

/* Also one that is not there is noted: it may come. */
static bool has_file(const struct require *require, const char *directory, const char *name,
                     char path[PATH_MAX])
{
    int n = snprintf(path, PATH_MAX, "%s/%s.lua", directory, name);
    if (n >= PATH_MAX)
        return false;
    if (require->files)
        files_add(require->files, path);
    return access(path, R_OK) == 0;
}

static bool find_module(const struct require *require, const char *name, char path[PATH_MAX])
{
    char installed[PATH_MAX];
    for (size_t i = 0; i < require->count; i++)
        if (has_file(require, require->directories[i], name, path))
            return true;
    require_installed(installed);
    return has_file(require, installed, name, path);
}

/* Upvalues: the table of modules that are there, and the struct. A module that is being run is
 * false in the table. */
static int require_module(lua_State *lua)
{
    char path[PATH_MAX];
    const char *name = luaL_checkstring(lua, 1);
    const struct require *require = lua_touserdata(lua, lua_upvalueindex(2));
    lua_settop(lua, 1);
    lua_getfield(lua, lua_upvalueindex(1), name);
    if (lua_toboolean(lua, -1))
        return 1;
    if (lua_isboolean(lua, -1))
        return luaL_error(lua, "the module \"%s\" requires itself", name);
    if (!is_module_name(name))
        return luaL_error(lua, "\"%s\" is no name of a module: letters, digits, _ and -", name);
    if (require->is_closed)
        return luaL_error(lua, "modules are required while the script loads, not later");
    if (!find_module(require, name, path))
        return luaL_error(lua,
                          "there is no %s.lua in the directories that relay.yaml names, nor in "
                          "those of the installation",
                          name);
    lua_pushboolean(lua, 0);
    lua_setfield(lua, lua_upvalueindex(1), name);
    sandbox_push_file(lua, path);
    lua_call(lua, 0, 1);
    if (lua_isnil(lua, -1)) {
        lua_pop(lua, 1);
        lua_pushboolean(lua, 1);
    }
    lua_pushvalue(lua, -1);
    lua_setfield(lua, lua_upvalueindex(1), name);
    return 1;
}

void require_push(lua_State *lua, const struct require *require)
{
    lua_pushlightuserdata(lua, (void *)(uintptr_t)require);
    lua_pushcclosure(lua, require_module, 2);
}
