/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Routes: who publishes which path. The newest announcer of a path wins; when it leaves, the one before takes over. */
#include "server/core/internal.h"

#include <stdlib.h>

/* uthash compares keys through this: the keys are paths, not bytes. */
#undef HASH_KEYCMP
#define HASH_KEYCMP(a, b, length)                                                                  \
    moq_path_compare((const struct moq_path *)(a), (const struct moq_path *)(b))

static unsigned hash_of(const struct moq_path *path)
{
    return (unsigned)moq_path_hash(path);
}

struct route *route_find(struct router *router, const struct moq_path *path)
{
    struct route *route;
    HASH_FIND_BYHASHVALUE(hh, router->routes, path, 1, hash_of(path), route);
    return route;
}

struct route *route_get(struct router *router, struct moq_path *path)
{
    struct route *route = route_find(router, path);
    if (route)
        return route;

    route = calloc(1, sizeof *route);
    if (!route)
        return NULL;
    route->path = moq_path_ref(path);
    list_init(&route->announcements);
    list_init(&route->waiting);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, router->routes, route->path, 1, hash_of(path), route);
    object_born(OBJECT_route);
    return route;
}

void route_release(struct router *router, struct route *route)
{
    if (route->source || !list_is_empty(&route->announcements) || !list_is_empty(&route->waiting))
        return;
    HASH_DEL(router->routes, route);
    moq_path_unref(&route->path);
    free(route);
    object_died(OBJECT_route);
}

struct announcement *route_newest(const struct route *route)
{
    if (list_is_empty(&route->announcements))
        return NULL;
    return container_of(route->announcements.next, struct announcement, route_node);
}

struct announcement *route_next(const struct route *route)
{
    list_for_each (node, &route->announcements) {
        struct announcement *announcement = container_of(node, struct announcement, route_node);
        if (!announcement->has_failed)
            return announcement;
    }
    return NULL;
}

struct announcement *route_announced_by(const struct route *route, const struct core_peer *peer)
{
    list_for_each (node, &route->announcements) {
        struct announcement *announcement = container_of(node, struct announcement, route_node);
        if (announcement->peer == peer)
            return announcement;
    }
    return NULL;
}

bool announcement_is_versed(const struct announcement *announcement)
{
    return moq_session_version(announcement->peer->session) == MOQ_VERSION_03;
}

void route_add(struct router *router, struct announcement *announcement, struct moq_path *path)
{
    struct route *route = route_get(router, path);
    if (!route || moq_offers_add(router->offers, path, announcement->peer)) {
        log_error(LOG_ROUTE, "out of memory: an announcement of session %llu is lost",
                  (unsigned long long)announcement->peer->number);
        if (route)
            route_release(router, route);
        return;
    }
    announcement->route = route;
    list_push_front(&route->announcements, &announcement->route_node);
    router->counters.announcements++;
    core_hooks_event(&router->hooks, "announced", path);

    if (route->source)
        source_switch(route->source, announcement);
    demands_wake(router, route);
}

void route_remove(struct announcement *announcement)
{
    struct router *router = announcement->peer->router;
    struct route *route = announcement->route;

    if (announcement->is_asking)
        core_hooks_withdraw(&announcement->ask);
    list_remove(&announcement->peer_node);
    if (route) {
        list_remove(&announcement->route_node);
        router->counters.announcements--;
        moq_offers_remove(router->offers, route->path, announcement->peer);
        core_hooks_event(&router->hooks, "ended", route->path);
        if (route->source && route->source->origin == announcement)
            source_withdrawn(route->source, announcement); /* a source that ends frees its route */
        else
            route_release(router, route);
    }
    moq_path_unref(&announcement->path);
    moq_path_unref(&announcement->ask.path);
    free(announcement);
}
