/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A router as a whole: its beginning, its regular sweep, its end, and its counters.
 * Tested by tests/sim/relay/test_hooks.c. */
#include "server/core/router_turn.h"

#include "server/core/bulletin.h"
#include "server/core/choosing.h"
#include "server/core/fetch.h"
#include "server/core/dialling.h"
#include "server/core/foreign.h"
#include "server/core/mix.h"
#include "server/core/outlet.h"
#include "server/core/peer.h"
#include "server/core/router_check.h"
#include "server/core/source.h"
#include "server/core/watching.h"

void router_commons_init(struct router_commons *commons)
{
    *commons = (struct router_commons){0};
    pthread_mutex_init(&commons->identity_lock, NULL);
    pthread_mutex_init(&commons->audience_lock, NULL);
}

void router_commons_deinit(struct router_commons *commons)
{
    pthread_mutex_destroy(&commons->identity_lock);
    pthread_mutex_destroy(&commons->audience_lock);
}

int router_init(struct router *router, const struct router_config *config)
{
    *router = (struct router){
        .clock = config->clock,
        .config = config->config,
        .worker = config->worker,
        .workers = config->workers,
        .mailboxes = config->mailboxes,
        .commons = config->commons,
        .wall_ms = config->wall_ms,
        .wall_user = config->wall_user,
        .expiry_ms = UINT64_MAX,
    };
    list_init(&router->peers);
    list_init(&router->guests);
    list_init(&router->sources);
    list_init(&router->fetches);
    list_init(&router->foreign);
    list_init(&router->origins);
    list_init(&router->outlets);
    list_init(&router->viewers);
    roster_init(&router->roster);
    list_init(&router->watches);
    list_init(&router->announced);
    list_init(&router->mixes);
    list_init(&router->dials);
    list_init(&router->soon);
    router->next_peer = router->next_viewer = router->worker + 1;
    router_commons_init(&router->own);
    if (!router->commons)
        router->commons = &router->own;
    core_hooks_init(&router->hooks, config->clock);
    router->link_home = &outlet_home;
    router->source_events = &choosing_events;
    router->offers = moq_offers_new();
    if (!router->offers || bulletins_init(router, &foreign_events)) {
        moq_offers_free(&router->offers);
        router_commons_deinit(&router->own);
        return MOQ_ERR_NOMEM;
    }
    return 0;
}

void router_stop(struct router *router)
{
    router->is_stopped = true;
    announced_stop(router);
    watches_stop(router);
    guests_stop(router);
    fetches_stop(router);
    outlets_stop(router);
    origins_stop(router);
    while (!list_is_empty(&router->sources)) {
        struct source *source = container_of(router->sources.next, struct source, node);
        source_dismiss(source, MOQ_ERR_CANCELLED);
        source_free(source);
    }
}

uint64_t router_next_stamp(struct router *router)
{
    return __atomic_add_fetch(&router->commons->last_stamp, 1, __ATOMIC_RELAXED);
}

uint64_t router_wall_ms(const struct router *router)
{
    return router->wall_ms ? router->wall_ms(router->wall_user) : clock_wall_ms();
}

/* The last bulletins may have arrived after router_stop. */
void router_deinit(struct router *router)
{
    watches_deinit(router);
    dials_deinit(router);
    foreign_forget_all(router);
    bulletins_deinit(router);
    moq_offers_free(&router->offers);
    router_commons_deinit(&router->own);
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
    watches_add_totals(router, counters);
}

void router_sweep(struct router *router)
{
    core_hooks_tick(&router->hooks);
    peers_expire(router);
    guests_sweep(router);
    bulletins_sweep(router);
    routes_sweep(router);
    mixes_sweep(router);
    watches_sweep(router); /* they note what is late before the caches drop it */
    sources_sweep(router);
    choosing_sweep(router);
#ifndef NDEBUG
    router_check(router);
#endif
}

bool router_wants_samples(const struct router *router)
{
    return core_hooks_want_samples(&router->hooks) && !list_is_empty(&router->viewers);
}
