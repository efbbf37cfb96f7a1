/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Peers and viewers that a script ends. Ending one calls hooks, so it is done when the script has
 * returned. */
#ifndef LUA_HOST_CLOSINGS_H
#define LUA_HOST_CLOSINGS_H

#include "lua/host/worker.h"

enum { CLOSINGS_MAX = 1024 }; /* that wait */

/* close(peer or viewer, reason, word): whether it was still there. */
int closings_add(lua_State *lua);
/* It is gone. */
void closings_forget(struct lua_worker *here, const struct view *view);
void closings_free(struct lua_worker *here);

#endif
