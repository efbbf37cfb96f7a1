/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A router's beginning, its regular sweep, and its end; what is counted for all workers
 * together. */
#include "server/core/router.h"

#include "server/core/bulletin.h"
#include "server/core/fetch.h"
#include "server/core/outlet.h"
#include "server/core/peer.h"
#include "server/core/router_check.h"
#include "server/core/source.h"
#include "server/core/track_request.h"

int router_init(struct router *router, const struct router_config *config)
{
    *router = (struct router){
        .clock = config->clock,
        .config = config->config,
        .worker = config->worker,
        .workers = config->workers,
        .mailboxes = config->mailboxes,
        .commons = config->commons,
    };
    list_init(&router->peers);
    list_init(&router->sources);
    list_init(&router->fetches);
    list_init(&router->foreign);
    list_init(&router->outlets);
    list_init(&router->viewers);
    router->next_peer = router->worker + 1;
    if (!router->commons)
        router->commons = &router->own;
    core_hooks_init(&router->hooks, config->clock);
    router->offers = moq_offers_new();
    if (!router->offers || bulletins_init(router)) {
        moq_offers_free(&router->offers);
        return MOQ_ERR_NOMEM;
    }
    return 0;
}

void router_stop(struct router *router)
{
    fetches_stop(router);
    outlets_stop(router);
    while (!list_is_empty(&router->sources)) {
        struct source *source = container_of(router->sources.next, struct source, node);
        outlets_end(source, MOQ_ERR_CANCELLED);
        source_free(source);
    }
}

/* What a bulletin said last may have come after the stop. */
void router_deinit(struct router *router)
{
    routes_forget_foreign(router);
    bulletins_deinit(router);
    moq_offers_free(&router->offers);
}

void router_counters(const struct router *router, struct core_counters *counters)
{
    *counters = router->counters;
    counters->requests_waiting = router->waiting_count;
    list_for_each (node, &router->peers) {
        const struct core_peer *peer = container_of(node, struct core_peer, node);
        counters->streams_waiting += peer->session ? moq_session_waiting(peer->session) : 0;
    }
    sources_add_totals(router, counters);
}

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

void router_sweep(struct router *router)
{
    core_hooks_tick(&router->hooks);
    bulletins_sweep(router);
    track_requests_sweep(router);
    sources_sweep(router);
#ifndef NDEBUG
    router_check(router);
#endif
}

bool router_wants_samples(const struct router *router)
{
    return core_hooks_want_samples(&router->hooks) && !list_is_empty(&router->viewers);
}

void router_sample(struct router *router)
{
    core_viewers_sample(router);
}
