/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The modules that are linked into the relay (the CMake option MOQ_STATIC_MODULES). */
#ifndef MOQ_HOST_BUILTIN_H
#define MOQ_HOST_BUILTIN_H

#include "server/include/relay/module.h"

extern const struct relay_module *const host_builtin[]; /* ends with NULL */

#endif
