/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A script under test: the module `lua` with it on a fake relay, and what a test does with that.
 * lua/lib/test.lua makes objects of these functions. */
#ifndef LUA_TEST_POLICY_H
#define LUA_TEST_POLICY_H

#include <lua.h>

/* In a call: pushes a table of functions. */
void policy_push_functions(lua_State *lua);

#endif
