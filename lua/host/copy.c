/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tested by tests/unit/lua/test_carry.c. */
#include "lua/host/copy.h"

#include <lauxlib.h>

static bool copy_at_depth(struct copy *copy, int depth);

static bool take_room(struct copy *copy, size_t bytes)
{
    if (bytes > copy->room) {
        copy->is_cut = true;
        return false;
    }
    copy->room -= bytes;
    return true;
}

/* Neither of them changes what is in `from`: a number that is a key must stay one. */
static bool copy_text(struct copy *copy)
{
    size_t size;
    const char *text = lua_tolstring(copy->from, -1, &size);
    if (!take_room(copy, size + COPY_ENTRY_BYTES))
        return false;
    lua_pushlstring(copy->to, text, size);
    return true;
}

static bool copy_scalar(struct copy *copy)
{
    switch (lua_type(copy->from, -1)) {
    case LUA_TBOOLEAN:
        lua_pushboolean(copy->to, lua_toboolean(copy->from, -1));
        return true;
    case LUA_TNUMBER:
        lua_pushnumber(copy->to, lua_tonumber(copy->from, -1));
        return true;
    case LUA_TSTRING:
        return copy_text(copy);
    default:
        return false;
    }
}

/* The entry whose key is below its value at the top of `from`. */
static void copy_entry(struct copy *copy, int depth)
{
    lua_State *from = copy->from, *to = copy->to;
    int top = lua_gettop(to);
    if (!take_room(copy, COPY_ENTRY_BYTES))
        return;
    lua_pushvalue(from, -2);
    bool is_key = copy_scalar(copy);
    lua_pop(from, 1);
    if (is_key && copy_at_depth(copy, depth))
        lua_rawset(to, -3);
    lua_settop(to, top);
}

static void copy_all_entries(struct copy *copy, int depth, bool (*is_left)(const char *key))
{
    lua_State *from = copy->from;
    lua_pushnil(from);
    while (lua_next(from, -2)) {
        bool is_text = lua_type(from, -2) == LUA_TSTRING;
        if (!is_left || !is_text || !is_left(lua_tostring(from, -2)))
            copy_entry(copy, depth);
        lua_pop(from, 1);
    }
}

static bool copy_at_depth(struct copy *copy, int depth)
{
    if (lua_type(copy->from, -1) != LUA_TTABLE)
        return copy_scalar(copy);
    if (depth == COPY_DEPTH_MAX) {
        copy->is_cut = true;
        return false;
    }
    luaL_checkstack(copy->to, 6, "a copy");
    lua_newtable(copy->to);
    copy_all_entries(copy, depth + 1, NULL);
    return true;
}

bool copy_top(struct copy *copy)
{
    if (!lua_isnil(copy->from, -1))
        return copy_at_depth(copy, 0);
    lua_pushnil(copy->to);
    return true;
}

void copy_entries(struct copy *copy, bool (*is_left)(const char *key))
{
    copy_all_entries(copy, 0, is_left);
}
