/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The hooks of the module: each of them calls that of the script, if it has one. */
#ifndef LUA_HOST_HOOKS_H
#define LUA_HOST_HOOKS_H

#include "lua/host/worker.h"

extern const struct relay_hooks lua_hooks;

#endif
