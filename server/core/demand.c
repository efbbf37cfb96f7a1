/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What peers ask for: hooks decide first, then the route is looked up, then the source answers. A subscription to a path
 * that nobody announces waits a little; the wait is bounded in time and number. */
#include "server/core/internal.h"

#include <stdlib.h>

static void demand_free(struct demand *demand)
{
    struct router *router = demand->peer->router;
    if (demand->route) {
        list_remove(&demand->node);
        router_count_waiting(router, -1);
        route_release(router, demand->route);
    }
    if (demand->ask.is_waiting)
        core_hooks_withdraw(&demand->ask);
    moq_info_query_close(&demand->query);
    link_close(&demand->link);
    moq_path_unref(&demand->ask.path);
    free(demand);
}

void demand_refuse(struct demand *demand, int error)
{
    struct moq_request *request = demand->request;
    demand->peer->router->counters.requests_refused++;
    demand_gone(request);
    moq_request_refuse(request, error);
}

void demand_wait(struct demand *demand, struct route *route, uint64_t wait_ns)
{
    struct router *router = demand->peer->router;
    demand->route = route;
    demand->deadline_ns = router->clock->now_ns + wait_ns;
    list_push_back(&route->waiting, &demand->node);
    router_count_waiting(router, 1);
}

/* A track of another worker is asked for first, and the viewer served when its home has said what it has. False: there
 * is nothing to wait for. */
static bool wait_for_home(struct demand *demand, struct source *source)
{
    struct router *router = demand->peer->router;
    if (mirror_is_ready(source) || (!demand->route && !router_may_wait(router)))
        return false;
    if (!source->mirror.link) {
        legs_expect(source, &demand->request->wish);
        if (mirror_adjust(source, &demand->request->wish))
            return false;
    }
    uint64_t wait_ns = router->config->limits.wait_ns;
    if (!demand->route)
        demand_wait(demand, source->route,
                    wait_ns > CORE_REPLY_TIMEOUT_NS ? wait_ns : CORE_REPLY_TIMEOUT_NS);
    return true;
}

static void serve(struct demand *demand, struct route *route)
{
    struct router *router = demand->peer->router;
    struct source *source = source_get(router, route);
    if (!source) {
        demand_refuse(demand, MOQ_ERR_NOMEM);
        return;
    }
    if (wait_for_home(demand, source))
        return;
    struct moq_request *request = demand->request;
    struct moq_policy policy = demand->ask.policy;
    if (policy.latency_ns > router->config->policy.max.latency_ns)
        policy.latency_ns = router->config->policy.max.latency_ns;
    demand_gone(request);
    legs_expect(source, &request->wish);
    struct moq_viewer *viewer = moq_request_serve(request, source->track, &policy);
    if (viewer && !source_add_viewer(source, viewer))
        moq_viewer_close(viewer, MOQ_ERR_NOMEM);
}

static void wait_for_publisher(struct demand *demand, struct route *route)
{
    struct router *router = demand->peer->router;
    if (!route || !router_may_wait(router)) {
        demand_refuse(demand, MOQ_ERR_NOT_FOUND);
        if (route)
            route_release(router, route);
        return;
    }
    demand_wait(demand, route, router->config->limits.wait_ns);
}

static void resolve(struct demand *demand)
{
    struct router *router = demand->peer->router;
    struct route *route = route_find(router, demand->ask.path);
    bool is_published = route && !list_is_empty(&route->announcements);

    switch (demand->request->kind) {
    case MOQ_REQUEST_SUBSCRIBE:
        if (is_published)
            serve(demand, route);
        else
            wait_for_publisher(demand, route_get(router, demand->ask.path));
        return;
    case MOQ_REQUEST_FETCH:
        fetch_request(demand);
        return;
    case MOQ_REQUEST_INFO:
        info_request(demand);
        return;
    }
}

static void on_decided(struct core_ask *ask, bool is_allowed)
{
    struct demand *demand = ask->user;
    if (is_allowed) {
        resolve(demand);
        return;
    }
    log_info(LOG_POLICY, "session %llu may not have this track: %s",
             (unsigned long long)demand->peer->number, ask->reason[0] ? ask->reason : "denied");
    demand_refuse(demand, MOQ_ERR_REFUSED);
}

void demand_arrived(struct core_peer *peer, struct moq_request *request)
{
    struct demand *demand = calloc(1, sizeof *demand);
    if (!demand) {
        moq_request_refuse(request, MOQ_ERR_NOMEM);
        return;
    }
    demand->peer = peer;
    demand->request = request;
    demand->deadline_ns = CLOCK_NEVER;
    list_init(&demand->node);
    demand->ask = (struct core_ask){
        .question = CORE_ASK_SUBSCRIBE,
        .peer = peer,
        .path = moq_path_ref(request->path),
        .policy = core_policy(peer->router->config, request->path, &request->wish),
        .on_decided = on_decided,
        .user = demand,
    };
    moq_request_set_user(request, demand);
    core_hooks_ask(&peer->router->hooks, &demand->ask);
}

/* What hooks chose for the latency stays. */
void demand_updated(struct moq_request *request)
{
    struct demand *demand = moq_request_user(request);
    const struct relay_config *config = demand->peer->router->config;
    struct moq_policy wished = core_policy(config, request->path, &request->wish);
    demand->ask.policy.priority = wished.priority;
    demand->ask.policy.order = wished.order;
}

void demand_gone(struct moq_request *request)
{
    struct demand *demand = moq_request_user(request);
    moq_request_set_user(request, NULL);
    if (demand)
        demand_free(demand);
}

void demands_wake(struct router *router, struct route *route)
{
    (void)router;
    list_for_each_safe (node, &route->waiting) {
        struct demand *demand = container_of(node, struct demand, node);
        if (demand->request->kind == MOQ_REQUEST_SUBSCRIBE)
            serve(demand, route);
    }
}

void demands_sweep(struct router *router)
{
    if (router->waiting_count == 0)
        return;
    struct route *route, *next;
    HASH_ITER(hh, router->routes, route, next)
    {
        while (!list_is_empty(&route->waiting)) {
            struct demand *demand = container_of(route->waiting.next, struct demand, node);
            bool is_last = route->waiting.prev == &demand->node;
            if (demand->deadline_ns > router->clock->now_ns)
                break;
            if (demand->request->kind == MOQ_REQUEST_INFO)
                info_timed_out(demand);
            else
                demand_refuse(demand, MOQ_ERR_NOT_FOUND);
            if (is_last)
                break; /* the route may be gone with it */
        }
    }
}
