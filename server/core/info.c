/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Info requests: answered from a track that is watched, else from the publisher, else with what is always true. */
#include "server/core/internal.h"

#include <stdlib.h>

static const struct moq_info nothing_known = {.priority = 128, .order = MOQ_ORDER_NEWEST};

static void answer(struct demand *demand, const struct moq_info *info)
{
    struct moq_request *request = demand->request;
    demand->peer->router->counters.infos++;
    demand_gone(request); /* the wait is over: frees `demand` */
    moq_request_send_info(request, info);
}

static void on_info(void *user, int error, const struct moq_info *info)
{
    struct demand *demand = user;
    demand->query = NULL;
    answer(demand, error ? &nothing_known : info);
}

static struct moq_info info_of(const struct moq_track *track)
{
    const struct moq_track_config *config = moq_track_config(track);
    return (struct moq_info){
        .priority = config->priority,
        .order = config->order,
        .expires_ms = config->expires_ms,
        .latest = moq_track_latest(track),
    };
}

void info_request(struct demand *demand)
{
    struct router *router = demand->peer->router;
    struct route *route = route_find(router, demand->ask.path);
    struct announcement *origin = route ? route_newest(route) : NULL;

    if (route && route->source) {
        struct moq_info info = info_of(route->source->track);
        answer(demand, &info);
        return;
    }
    if (!origin) {
        struct moq_request *request = demand->request;
        demand_gone(request);
        router->counters.requests_refused++;
        moq_request_refuse(request, MOQ_ERR_NOT_FOUND);
        return;
    }
    if (announcement_is_versed(origin) && router->waiting_count < router->config->limits.waiting)
        demand->query = moq_session_info(origin->peer->session, origin->path, on_info, demand);
    if (!demand->query) {
        answer(demand, &nothing_known);
        return;
    }
    demand->deadline_ns = router->clock->now_ns + CORE_INFO_TIMEOUT_NS;
    demand->route = route;
    list_push_back(&route->waiting, &demand->node);
    router->waiting_count++;
}

void info_timed_out(struct demand *demand)
{
    moq_info_query_close(&demand->query);
    answer(demand, &nothing_known);
}
