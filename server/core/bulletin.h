/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Bulletins: what this worker tells the others about its announcements. */
#ifndef MOQ_CORE_BULLETIN_H
#define MOQ_CORE_BULLETIN_H

#include "server/core/route.h"
#include "server/core/router.h"

int bulletins_init(struct router *router); /* 0 or MOQ_ERR_NOMEM */
void bulletins_deinit(struct router *router);

int bulletins_announce(struct router *router, struct announcement *announcement);
void bulletins_fail(struct router *router, struct announcement *announcement);
void bulletins_withdraw(struct router *router, struct announcement *announcement);
void bulletins_sweep(struct router *router);

#endif
