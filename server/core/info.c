/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Info requests: answered from a track that is watched, else from the publisher, through its worker if that is another, else
 * with what is always true. */
#include "server/core/internal.h"

#include <stdlib.h>

static const struct moq_info nothing_known = {.priority = 128, .order = MOQ_ORDER_NEWEST};

struct moq_info info_of(const struct moq_track *track)
{
    const struct moq_track_config *config = moq_track_config(track);
    return (struct moq_info){
        .priority = config->priority,
        .order = config->order,
        .expires_ms = config->expires_ms,
        .latest = moq_track_latest(track),
    };
}

int info_ask(struct router *router, const struct info_question *question, struct moq_info *info,
             struct moq_info_query **query)
{
    const struct route *route = route_find(router, question->path);
    const struct announcement *origin = route ? route_newest_local(route) : NULL;
    if (route && route->source) {
        *info = info_of(route->source->track);
        return 0;
    }
    if (!origin)
        return MOQ_ERR_NOT_FOUND;
    if (announcement_is_versed(origin) && router_may_wait(router))
        *query = moq_session_info(origin->peer->session, origin->path, question->on_info,
                                  question->user);
    *info = nothing_known;
    return *query ? MOQ_ERR_AGAIN : 0;
}

/* ---- What a peer asks ------------------------------------------------------------------------ */

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

static void on_link_info(void *user, const struct moq_info *info)
{
    answer(user, info);
}

static void on_link_end(void *user, int error)
{
    struct demand *demand = user;
    (void)error;
    demand->link = NULL;
    answer(demand, &nothing_known);
}

static const struct link_events link_events = {.on_info = on_link_info, .on_end = on_link_end};

/* The worker whose publisher it is knows more. */
static bool ask_home(struct demand *demand, const struct announcement *origin)
{
    const struct link_ask ask = {.kind = LINK_INFO, .path = origin->path};
    struct router *router = demand->peer->router;
    if (router_may_wait(router))
        demand->link = link_open(router, origin->worker, &ask, &link_events, demand);
    return demand->link != NULL;
}

void info_request(struct demand *demand)
{
    struct router *router = demand->peer->router;
    struct route *route = route_find(router, demand->ask.path);
    const struct announcement *origin = route ? route_newest(route) : NULL;
    const struct info_question question = {demand->ask.path, on_info, demand};
    struct moq_info info = nothing_known;

    if (origin && !announcement_is_local(origin) && !route->source && ask_home(demand, origin)) {
        demand_wait(demand, route, CORE_REPLY_TIMEOUT_NS);
        return;
    }
    int error = info_ask(router, &question, &info, &demand->query);
    if (error == MOQ_ERR_AGAIN) {
        demand_wait(demand, route, CORE_REPLY_TIMEOUT_NS);
    } else if (error && !origin) {
        demand_refuse(demand, MOQ_ERR_NOT_FOUND);
    } else {
        answer(demand, &info);
    }
}

void info_timed_out(struct demand *demand)
{
    moq_info_query_close(&demand->query);
    answer(demand, &nothing_known);
}
