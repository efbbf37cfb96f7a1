/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A router's beginning, its regular sweep, and its end. */
#include "server/core/internal.h"

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
    core_hooks_init(&router->hooks, config->clock);
    router->offers = moq_offers_new();
    return router->offers ? 0 : MOQ_ERR_NOMEM;
}

void router_deinit(struct router *router)
{
    fetches_stop(router);
    while (!list_is_empty(&router->sources))
        source_free(container_of(router->sources.next, struct source, node));
    moq_offers_free(&router->offers);
}

static void sample_viewers(struct router *router)
{
    if (router->clock->now_ns < router->next_sample_ns || !core_hooks_want_samples(&router->hooks))
        return;
    router->next_sample_ns = router->clock->now_ns + CORE_SAMPLE_NS;
    list_for_each (node, &router->sources) {
        struct source *source = container_of(node, struct source, node);
        list_for_each_safe (inner, &source->viewers)
            core_hooks_viewer_sample(&router->hooks,
                                     container_of(inner, struct viewing, node)->viewer);
    }
}

void router_sweep(struct router *router)
{
    core_hooks_tick(&router->hooks);
    demands_sweep(router);
    sources_sweep(router);
    sample_viewers(router);
}
