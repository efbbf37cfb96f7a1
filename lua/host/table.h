/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sets fields of the table at the top of the stack. */
#ifndef LUA_HOST_TABLE_H
#define LUA_HOST_TABLE_H

#include <lua.h>
#include <stdbool.h>

/* NULL: nil. */
static inline void table_set_text(lua_State *lua, const char *field, const char *text)
{
    lua_pushstring(lua, text);
    lua_setfield(lua, -2, field);
}

static inline void table_set_number(lua_State *lua, const char *field, double number)
{
    lua_pushnumber(lua, number);
    lua_setfield(lua, -2, field);
}

static inline void table_set_flag(lua_State *lua, const char *field, bool is_set)
{
    lua_pushboolean(lua, is_set);
    lua_setfield(lua, -2, field);
}

#endif
