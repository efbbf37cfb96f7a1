/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The list of the modules that are linked in. HOST_BUILTIN(X) comes from the build, which compiles
 * each of them with a RELAY_MODULE_SYMBOL of its own.
 * Tested by tests/e2e/test_modules.py. */
#include "server/host/builtin.h"

#include <stddef.h>

#ifndef HOST_BUILTIN
#define HOST_BUILTIN(X)
#endif

#define DECLARE(symbol) extern const struct relay_module symbol;
HOST_BUILTIN(DECLARE)
#undef DECLARE

#define POINT_TO(symbol) &symbol,
const struct relay_module *const host_builtin[] = {HOST_BUILTIN(POINT_TO) NULL};
