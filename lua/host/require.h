/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* `require`: files of Lua in directories, each run once. */
#ifndef LUA_HOST_REQUIRE_H
#define LUA_HOST_REQUIRE_H

#include <limits.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "lua/host/files.h"

enum { REQUIRE_NAME_MAX_BYTES = 64 };

struct require {
    const char *const *directories;
    size_t count;
    bool is_closed;      /* nothing new is required any more */
    struct files *files; /* all that are looked for are noted there; NULL: nowhere */
};

/* In a call: pushes the function. `require` must live as long as the state. The table at the top,
 * which is taken off, has what is there from the beginning, by its names. */
void require_push(lua_State *lua, const struct require *require);

/* The directory that belongs to the installation. */
void require_installed(char out[PATH_MAX]);
/* The installed policy that runs if relay.yaml names no script. */
void require_shipped_policy(char out[PATH_MAX]);

#endif
