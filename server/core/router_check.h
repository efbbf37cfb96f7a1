/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What holds between the objects of a router whenever none of its functions is at work. Debug
 * builds and the simulator look after every turn, releases never. */
#ifndef MOQ_CORE_ROUTER_CHECK_H
#define MOQ_CORE_ROUTER_CHECK_H

#include "server/core/router.h"

struct source;

/* Both end the process at the first thing that does not hold. They look at everything. */
void router_check(struct router *router);
void source_check(const struct source *source);

#endif
