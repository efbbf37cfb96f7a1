/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A table of Lua as the tree that relay.yaml would have made: `params` of a script under test. */
#ifndef LUA_TEST_NODES_H
#define LUA_TEST_NODES_H

#include <lua.h>
#include <relay/module.h>

enum { NODES_DEPTH_MAX = 16 };

/* Of the value at the top, which is a table of texts, numbers, booleans and such tables, or nil.
 * NULL: it is something else, or out of memory. */
struct relay_node *nodes_new(lua_State *lua);
void nodes_free(struct relay_node **node);

#endif
