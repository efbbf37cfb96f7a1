/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What peers ask for: hooks decide first, then the route is looked up, then the source answers. A subscription to a path
 * that nobody announces waits a little; the wait is bounded in time and number. */
#include "server/core/internal.h"

#include <stdlib.h>

static void pending_free(struct pending *pending)
{
    struct router *router = pending->peer->router;
    if (pending->route) {
        list_remove(&pending->node);
        router->waiting_count--;
        route_release(router, pending->route);
    }
    if (pending->ask.is_waiting)
        core_hooks_withdraw(&pending->ask);
    moq_info_query_close(&pending->query);
    moq_path_unref(&pending->ask.path);
    free(pending);
}

static void refuse(struct pending *pending, int error)
{
    struct moq_request *request = pending->request;
    pending->peer->router->counters.requests_refused++;
    request_gone(request);
    moq_request_refuse(request, error);
}

static void serve(struct pending *pending, struct route *route)
{
    struct router *router = pending->peer->router;
    struct source *source = source_get(router, route);
    if (!source) {
        refuse(pending, MOQ_ERR_NOMEM);
        return;
    }
    struct moq_request *request = pending->request;
    struct moq_policy policy = pending->ask.policy;
    request_gone(request);
    struct moq_viewer *viewer = moq_request_serve(request, source->track, &policy);
    if (viewer && !source_add_viewer(source, viewer))
        moq_viewer_close(viewer, MOQ_ERR_NOMEM);
}

static void wait_for_publisher(struct pending *pending, struct route *route)
{
    struct router *router = pending->peer->router;
    if (!route || router->waiting_count >= router->config->limits.waiting) {
        refuse(pending, MOQ_ERR_NOT_FOUND);
        if (route)
            route_release(router, route);
        return;
    }
    pending->route = route;
    pending->deadline_ns = router->clock->now_ns + router->config->limits.wait_ns;
    list_push_back(&route->waiting, &pending->node);
    router->waiting_count++;
}

static void resolve(struct pending *pending)
{
    struct router *router = pending->peer->router;
    struct route *route = route_find(router, pending->ask.path);
    bool is_published = route && !list_is_empty(&route->announcements);

    switch (pending->request->kind) {
    case MOQ_REQUEST_SUBSCRIBE:
        if (is_published)
            serve(pending, route);
        else
            wait_for_publisher(pending, route_get(router, pending->ask.path));
        return;
    case MOQ_REQUEST_FETCH: {
        struct moq_request *request = pending->request;
        struct moq_path *path = moq_path_ref(pending->ask.path);
        request_gone(request);
        fetch_request(router, path, request);
        moq_path_unref(&path);
        return;
    }
    case MOQ_REQUEST_INFO:
        info_request(pending);
        return;
    }
}

static void on_decided(struct core_ask *ask, bool is_allowed)
{
    struct pending *pending = ask->user;
    if (is_allowed) {
        resolve(pending);
        return;
    }
    log_info(LOG_POLICY, "session %llu may not have this track: %s",
             (unsigned long long)pending->peer->number, ask->reason[0] ? ask->reason : "denied");
    refuse(pending, MOQ_ERR_REFUSED);
}

void request_arrived(struct core_peer *peer, struct moq_request *request)
{
    struct pending *pending = calloc(1, sizeof *pending);
    if (!pending) {
        moq_request_refuse(request, MOQ_ERR_NOMEM);
        return;
    }
    pending->peer = peer;
    pending->request = request;
    pending->deadline_ns = CLOCK_NEVER;
    list_init(&pending->node);
    pending->ask = (struct core_ask){
        .question = CORE_ASK_SUBSCRIBE,
        .peer = peer,
        .path = moq_path_ref(request->path),
        .policy = core_policy(peer->router->config, request->path, &request->wish),
        .on_decided = on_decided,
        .user = pending,
    };
    request->user = pending;
    core_hooks_ask(&peer->router->hooks, &pending->ask);
}

void request_gone(struct moq_request *request)
{
    struct pending *pending = request->user;
    request->user = NULL;
    if (pending)
        pending_free(pending);
}

void requests_wake(struct router *router, struct route *route)
{
    (void)router;
    list_for_each_safe(node, &route->waiting) {
        struct pending *pending = container_of(node, struct pending, node);
        if (!pending->query)
            serve(pending, route);
    }
}

void requests_sweep(struct router *router)
{
    if (router->waiting_count == 0)
        return;
    struct route *route, *next;
    HASH_ITER(hh, router->routes, route, next) {
        while (!list_is_empty(&route->waiting)) {
            struct pending *pending = container_of(route->waiting.next, struct pending, node);
            bool is_last = route->waiting.prev == &pending->node;
            if (pending->deadline_ns > router->clock->now_ns)
                break;
            if (pending->query)
                info_timed_out(pending);
            else
                refuse(pending, MOQ_ERR_NOT_FOUND);
            if (is_last)
                break; /* the route may be gone with it */
        }
    }
}
