/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What peers ask for: hooks decide first, then the route is looked up, then the source answers. A
 * subscription to a path that nobody announces waits a little; the wait is bounded in time and
 * number. */
#include "server/core/track_request.h"

#include <stdlib.h>

#include "server/core/fetch.h"
#include "server/core/settings.h"
#include "server/core/source.h"

static struct router *router_of(const struct track_request *request)
{
    return request->request.peer->router;
}

static void track_request_free(struct track_request *request)
{
    struct router *router = router_of(request);
    if (request->route) {
        list_remove(&request->node);
        router_count_waiting(router, -1);
        route_release(router, request->route);
    }
    core_hooks_withdraw(&request->request);
    info_query_close(&request->query);
    moq_path_unref(&request->request.path);
    free(request);
}

void track_request_gone(struct moq_request *asked)
{
    struct track_request *request = moq_request_user(asked);
    moq_request_set_user(asked, NULL);
    if (request)
        track_request_free(request);
}

void track_request_refuse(struct track_request *request, int error)
{
    struct moq_request *asked = request->asked;
    router_of(request)->counters.requests_refused++;
    track_request_gone(asked);
    moq_request_refuse(asked, error);
}

void track_request_wait(struct track_request *request, struct route *route, uint64_t wait_ns)
{
    struct router *router = router_of(request);
    request->route = route;
    request->deadline_ns = router->clock->now_ns + wait_ns;
    list_push_back(&route->waiting, &request->node);
    router_count_waiting(router, 1);
}

/* ---- Subscriptions --------------------------------------------------------------------------- */

/* Some feeds are asked first, and the viewer is served when they have said what they have. False:
 * there is no room to wait, or they cannot be asked. */
static bool wait_for_feed(struct track_request *request, struct source *source)
{
    struct router *router = router_of(request);
    uint64_t wait_ns = router->config->limits.wait_ns;
    if (!request->route && !router_may_wait(router))
        return false;
    if (!source->feed->ops->is_active(source->feed)) {
        source_expect(source, &request->asked->wish);
        if (source->feed->ops->adjust(source->feed, &request->asked->wish))
            return false;
    }
    if (!request->route)
        track_request_wait(request, source->route,
                           wait_ns > CORE_REPLY_TIMEOUT_NS ? wait_ns : CORE_REPLY_TIMEOUT_NS);
    return true;
}

static void serve(struct track_request *request, struct route *route)
{
    struct source *source = source_get(router_of(request), route);
    if (!source) {
        track_request_refuse(request, MOQ_ERR_NOMEM);
        return;
    }
    if (!source_is_ready(source) && wait_for_feed(request, source))
        return;
    source_expect(source, &request->asked->wish);
    struct core_viewer *viewer = core_viewer_new(source, request);
    if (viewer)
        source_add_viewer(source, viewer);
}

static void wait_for_publisher(struct track_request *request, struct route *route)
{
    struct router *router = router_of(request);
    if (!route || !router_may_wait(router)) {
        track_request_refuse(request, MOQ_ERR_NOT_FOUND);
        if (route)
            route_release(router, route);
        return;
    }
    track_request_wait(request, route, router->config->limits.wait_ns);
}

static void subscribe(struct track_request *request)
{
    struct router *router = router_of(request);
    struct route *route = route_find(router, request->request.path);
    if (route && !list_is_empty(&route->announcements))
        serve(request, route);
    else
        wait_for_publisher(request, route_get(router, request->request.path));
}

/* ---- Their way ------------------------------------------------------------------------------- */

static void on_decided(struct core_request *decided, bool is_allowed)
{
    struct track_request *request = container_of(decided, struct track_request, request);
    if (!is_allowed) {
        log_info(LOG_POLICY, "session %llu may not have this track: %s",
                 (unsigned long long)core_peer_number(decided->peer),
                 decided->reason[0] ? decided->reason : "denied");
        track_request_refuse(request, MOQ_ERR_REFUSED);
    } else if (decided->kind == CORE_REQUEST_SUBSCRIBE) {
        subscribe(request);
    } else if (decided->kind == CORE_REQUEST_FETCH) {
        fetch_request(request);
    } else {
        info_request(request);
    }
}

static enum core_request_kind kind_of(const struct moq_request *asked)
{
    static const enum core_request_kind kinds[] = {
        [MOQ_REQUEST_SUBSCRIBE] = CORE_REQUEST_SUBSCRIBE,
        [MOQ_REQUEST_FETCH] = CORE_REQUEST_FETCH,
        [MOQ_REQUEST_INFO] = CORE_REQUEST_INFO,
    };
    return kinds[asked->kind];
}

void track_request_arrived(struct core_peer *peer, struct moq_request *asked)
{
    struct track_request *request = calloc(1, sizeof *request);
    if (!request) {
        moq_request_refuse(asked, MOQ_ERR_NOMEM);
        return;
    }
    request->asked = asked;
    request->policy_class = core_policy_class(peer->router->config, asked->path);
    request->deadline_ns = CLOCK_NEVER;
    list_init(&request->node);
    request->request = (struct core_request){
        .kind = kind_of(asked),
        .peer = peer,
        .path = moq_path_ref(asked->path),
        .wish = asked->kind == MOQ_REQUEST_SUBSCRIBE ? &asked->wish : NULL,
        .group = asked->group,
        .on_decided = on_decided,
    };
    moq_request_set_user(asked, request);
    core_hooks_ask(&peer->router->hooks, &request->request);
}

void track_requests_wake(struct route *route)
{
    list_for_each_safe (node, &route->waiting) {
        struct track_request *request = container_of(node, struct track_request, node);
        if (request->asked->kind == MOQ_REQUEST_SUBSCRIBE)
            serve(request, route);
    }
}

/* Refuses, or answers with what is always true, whoever has waited long enough. */
static void sweep_route(struct route *route, uint64_t now_ns)
{
    list_for_each_safe (node, &route->waiting) {
        struct track_request *request = container_of(node, struct track_request, node);
        bool is_last = route->waiting.next == route->waiting.prev;
        if (request->deadline_ns > now_ns)
            continue;
        if (request->asked->kind == MOQ_REQUEST_INFO)
            info_timed_out(request);
        else
            track_request_refuse(request, MOQ_ERR_NOT_FOUND);
        if (is_last)
            return; /* the route may be gone with it */
    }
}

void track_requests_sweep(struct router *router)
{
    if (router->waiting_count == 0)
        return;
    struct route *route, *next;
    HASH_ITER(hh, router->routes, route, next)
    {
        sweep_route(route, router->clock->now_ns);
    }
}
