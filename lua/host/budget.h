/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Functions in C that may take long look at the clock themselves: the sandbox (sandbox.c) looks
 * only every so many instructions of Lua, and each of them may be such a call. */
#ifndef LUA_HOST_BUDGET_H
#define LUA_HOST_BUDGET_H

#include <lua.h>
#include <stdbool.h>

/* Whether the call has used up its budget or its memory. */
bool budget_is_over(lua_State *lua);
/* Raises an error if it has. */
void budget_look(lua_State *lua);

#endif
