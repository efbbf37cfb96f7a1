/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Audiences: how many viewers of all workers a track has. An audience is known while a viewer is in
 * it, so there are no more of them than viewers. */
#ifndef MOQ_CORE_AUDIENCE_H
#define MOQ_CORE_AUDIENCE_H

#include "server/core/router.h"

struct audience;

/* A viewer of the track of this path comes. NULL: out of memory, and it is not counted. Any
 * worker. */
struct audience *audience_join(struct router_commons *commons, const struct moq_path *path);
/* It goes. Sets *audience to NULL, and does nothing if it is that already. */
void audience_leave(struct router_commons *commons, struct audience **audience);

/* 0: nobody watches. */
uint32_t audience_size(struct router_commons *commons, const struct moq_path *path);

#endif
