/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What scripts find in Lua: every name that LuaJIT has is either offered or withheld, so that a new
 * one is a decision. tests/unit/lua/test_names.c fails at a name in neither list. */
#ifndef LUA_HOST_NAMES_H
#define LUA_HOST_NAMES_H

#include <lua.h>
#include <stdbool.h>

/* Pushes a table with everything that is offered. Closes what leads around it: the metatable of
 * strings cannot be had. May raise an error for want of memory. */
void names_push(lua_State *lua);

enum names_kind { NAMES_UNKNOWN, NAMES_OFFERED, NAMES_WITHHELD };
/* `library` is "_G" for the basic functions. */
enum names_kind names_kind_of(const char *library, const char *name);

#endif
