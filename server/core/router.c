/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What every file of core asks of a router. */
#include "server/core/router.h"

bool router_may_wait(const struct router *router)
{
    return __atomic_load_n(&router->commons->waiting_count, __ATOMIC_RELAXED) <
           router->config->limits.waiting;
}

void router_count_waiting(struct router *router, int change)
{
    router->waiting_count += (uint32_t)change;
    __atomic_add_fetch(&router->commons->waiting_count, (uint32_t)change, __ATOMIC_RELAXED);
}
