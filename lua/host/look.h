/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What scripts ask the relay about: its numbers, tracks and viewers. Functions of `relay`. */
#ifndef LUA_HOST_LOOK_H
#define LUA_HOST_LOOK_H

#include <lua.h>

/* stats(): a table of numbers of all workers together, and `here`, of this one. */
int look_at_stats(lua_State *lua);
/* track(path): a table of numbers; nil: nobody watches it on this worker. */
int look_at_track(lua_State *lua);
/* viewers { path = pattern, limit = n, after = place }: a list of this worker's viewers, and the
 * place where to go on; nil: that were all. */
int look_at_viewers(lua_State *lua);

#endif
