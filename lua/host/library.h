/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What scripts call: `require`, `print`, and the library `relay`. */
#ifndef LUA_HOST_LIBRARY_H
#define LUA_HOST_LIBRARY_H

#include "lua/host/script.h"

/* In a call: puts them where the script finds them. */
void library_open(lua_State *lua);

#endif
