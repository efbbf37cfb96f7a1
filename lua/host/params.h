/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* `params` of the configuration, as a script has them. */
#ifndef LUA_HOST_PARAMS_H
#define LUA_HOST_PARAMS_H

#include <lua.h>
#include <relay/module.h>

/* In a call: pushes them, a table if there are none. May raise an error for want of memory. */
void params_push(lua_State *lua, const struct relay_node *params);

#endif
