/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The hook choose_source: which of several publishers feeds a track. */
#ifndef LUA_HOST_CHOOSE_H
#define LUA_HOST_CHOOSE_H

#include <relay/module.h>

/* As relay_hooks.choose_source. */
int choose_source(struct relay_worker *worker, const struct relay_choice *choice);

#endif
