/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Functions of Lua's libraries that work in C for as long as their arguments say, where no budget
 * can stop them. These have bounds of their own. */
#ifndef LUA_HOST_BOUNDED_H
#define LUA_HOST_BOUNDED_H

#include <lua.h>

enum {
    BOUNDED_PIECE_MAX_BYTES = 4 << 20, /* of one text, or one table: what C works on at once */
    BOUNDED_SORT_MAX = 10000,          /* entries that table.sort takes */
};

/* Puts them into the open libraries `string` and `table`. May raise an error for want of memory. */
void bounded_install(lua_State *lua);

#endif
