/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Invariants between the objects of a router, which hold whenever none of its functions is running.
 * Debug builds and the simulator check them after every turn, release builds never. */
#ifndef MOQ_CORE_ROUTER_CHECK_H
#define MOQ_CORE_ROUTER_CHECK_H

#include "server/core/router.h"

struct source;

/* Both abort the process at the first condition that does not hold. They visit everything. */
void router_check(struct router *router);
void source_check(const struct source *source);

#endif
