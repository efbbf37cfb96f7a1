/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Plain data from one Lua state to another: nil, booleans, numbers, texts, and tables of these.
 * Whatever else is in a table is left out, and so are metatables. A table that is there twice
 * becomes two. */
#ifndef LUA_HOST_COPY_H
#define LUA_HOST_COPY_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

enum { COPY_DEPTH_MAX = 6, COPY_ENTRY_BYTES = 40 };

struct copy {
    lua_State *from, *to;
    size_t room; /* in: how many bytes may be copied; out: how many may still be */
    bool is_cut; /* something was left out for want of room or depth */
};

/* Pushes a copy of the value at the top of `from` to `to`. False: it is nothing that can be copied,
 * and nothing is pushed. To be used in a call of `to`, where it may raise errors; in `from` it
 * never does. */
bool copy_top(struct copy *copy);
/* Copies what is in the table at the top of `from` into the one at the top of `to`, but entries
 * for which `is_left`, which looks at a key that is a text, says so. NULL: all. */
void copy_entries(struct copy *copy, bool (*is_left)(const char *key));

#endif
