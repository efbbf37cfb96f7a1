/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Routes: who publishes which path. The newest announcer of a path wins, unless a hook chose
 * another; when it leaves, the next one takes over. Every worker knows the announcements of all
 * workers, and their ranks make all workers agree which one wins.
 * Tested by tests/sim/relay/test_publishers.c. */
#include "server/core/route.h"

#include <stdlib.h>

#include "base/objects.h"
#include "server/core/bulletin.h"
#include "server/core/path_key.h"
#include "server/core/peer.h"

struct route *route_find(struct router *router, const struct moq_path *path)
{
    struct route *route;
    HASH_FIND_BYHASHVALUE(hh, router->routes, path, 1, path_key_hash(path), route);
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
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, router->routes, route->path, 1, path_key_hash(path), route);
    if (!route->hh.tbl) {
        moq_path_unref(&route->path);
        free(route);
        return NULL;
    }
    object_born(OBJECT_route);
    return route;
}

void route_release(struct router *router, struct route *route)
{
    if (route->follower || !list_is_empty(&route->announcements) ||
        !list_is_empty(&route->waiting) || route->holds > 0)
        return;
    HASH_DEL(router->routes, route);
    moq_path_unref(&route->path);
    free(route);
    object_died(OBJECT_route);
}

bool announcement_is_given(const struct announcement *announcement)
{
    return (announcement->marks & ANNOUNCEMENT_GIVEN) != 0;
}

bool announcement_is_far(const struct announcement *announcement)
{
    if (announcement->peer)
        return core_peer_is_cluster(announcement->peer);
    return announcement->publisher && announcement->publisher->is_cluster;
}

bool announcement_is_local(const struct announcement *announcement)
{
    return announcement->worker == announcement->router->worker;
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

struct announcement *route_announced_by(const struct route *route, const struct core_peer *peer,
                                        bool is_given)
{
    list_for_each (node, &route->announcements) {
        struct announcement *announcement = container_of(node, struct announcement, route_node);
        if (announcement->peer == peer && announcement_is_given(announcement) == is_given)
            return announcement;
    }
    return NULL;
}

struct announcement *route_stamped(const struct route *route, uint64_t stamp)
{
    list_for_each (node, &route->announcements) {
        struct announcement *announcement = container_of(node, struct announcement, route_node);
        if (announcement->stamp == stamp)
            return announcement;
    }
    return NULL;
}

struct announcement *route_newest_local(const struct route *route)
{
    list_for_each (node, &route->announcements) {
        struct announcement *announcement = container_of(node, struct announcement, route_node);
        if (announcement_is_local(announcement))
            return announcement;
    }
    return NULL;
}

bool announcement_is_silent(const struct announcement *announcement)
{
    return announcement->silent_until_ns > announcement->router->clock->now_ns;
}

bool announcement_can(const struct announcement *announcement, uint32_t what)
{
    return (announcement->can & what) == what;
}

/* Notes who publishes the path now. A takeover counts once, on the worker of the new publisher. */
static void settle_leader(struct route *route)
{
    const struct announcement *leader = route_next(route);
    if (leader && route->leader && leader != route->leader && announcement_is_local(leader))
        leader->router->counters.takeovers++;
    route->leader = leader;
}

void announcement_note_failure(struct announcement *announcement)
{
    announcement->has_failed = true;
    settle_leader(announcement->route);
    if (announcement_is_local(announcement))
        bulletins_fail(announcement->router, announcement->share);
}

/* Keeps announcements in the order of their ranks, the highest first. */
static void insert_by_rank(struct route *route, struct announcement *announcement)
{
    struct list *node = route->announcements.next;
    while (node != &route->announcements &&
           container_of(node, struct announcement, route_node)->rank > announcement->rank)
        node = node->next;
    list_insert_between(&announcement->route_node, node->prev, node);
    announcement->route = route;
    settle_leader(route);
}

bool route_join(struct announcement *announcement, struct moq_path *path)
{
    struct router *router = announcement->router;
    struct route *route = route_get(router, path);
    bool is_quiet = (announcement->marks & ANNOUNCEMENT_QUIET) != 0;
    if (route && (is_quiet || moq_offers_add(router->offers, path, announcement) == 0)) {
        announcement->since_ns = router->clock->now_ns;
        insert_by_rank(route, announcement);
        return true;
    }
    if (route)
        route_release(router, route);
    return false;
}

/* ---- Waiting --------------------------------------------------------------------------------- */

bool route_may_wait(const struct router *router)
{
    return __atomic_load_n(&router->commons->waiting_count, __ATOMIC_RELAXED) <
           router->config->limits.waiting;
}

static void count_waiting(struct router *router, int change)
{
    router->waiting_count += (uint32_t)change;
    __atomic_add_fetch(&router->commons->waiting_count, (uint32_t)change, __ATOMIC_RELAXED);
}

void route_wait(struct router *router, struct route *route, struct route_waiter *waiter,
                uint64_t wait_ns)
{
    waiter->route = route;
    waiter->deadline_ns = router->clock->now_ns + wait_ns;
    list_push_back(&route->waiting, &waiter->node);
    count_waiting(router, 1);
}

void route_stop_waiting(struct router *router, struct route_waiter *waiter)
{
    struct route *route = waiter->route;
    if (!route)
        return;
    waiter->route = NULL;
    list_remove(&waiter->node);
    count_waiting(router, -1);
    route_release(router, route);
}

static size_t count_waiters(const struct route *route)
{
    size_t count = 0;
    list_for_each (node, &route->waiting)
        count++;
    return count;
}

/* Tells each waiter once. A callback may serve other waiters, or end the route. So each waiter is
 * moved to the back before it is told, which leaves the next one in front whoever has left, and the
 * route is kept until all are told. */
void route_wake(struct router *router, struct route *route)
{
    route->holds++;
    for (size_t count = count_waiters(route); count > 0; count--) {
        struct list *node = list_pop_front(&route->waiting);
        if (!node)
            break;
        struct route_waiter *waiter = container_of(node, struct route_waiter, node);
        list_push_back(&route->waiting, node);
        if (waiter->ops->on_ready)
            waiter->ops->on_ready(waiter);
    }
    route->holds--;
    route_release(router, route);
}

static void sweep_route(struct route *route, uint64_t now_ns)
{
    list_for_each_safe (node, &route->waiting) {
        struct route_waiter *waiter = container_of(node, struct route_waiter, node);
        bool is_last = route->waiting.next == route->waiting.prev;
        if (waiter->deadline_ns <= now_ns)
            waiter->ops->on_late(waiter);
        if (is_last)
            return; /* the route may be gone with its last waiter */
    }
}

void routes_sweep(struct router *router)
{
    if (router->waiting_count == 0)
        return;
    struct route *route, *next;
    HASH_ITER(hh, router->routes, route, next)
    {
        sweep_route(route, router->clock->now_ns);
    }
}

/* ---- Announcements --------------------------------------------------------------------------- */

/* The announcement may be removed in one of the callbacks. */
void route_lead(struct announcement *announcement)
{
    struct router *router = announcement->router;
    struct route *route = announcement->route;
    struct route_follower *follower = route->follower;
    route->holds++;
    if (follower && route_next(route) == announcement)
        follower->ops->on_newest(follower);
    else if (follower)
        follower->ops->on_candidate(follower);
    route->holds--;
    route_wake(router, route);
}

void route_raise(struct announcement *announcement, uint64_t rank)
{
    struct route *route = announcement->route;
    const struct announcement *before = route_next(route);
    announcement->rank = rank;
    list_remove(&announcement->route_node);
    insert_by_rank(route, announcement);
    if (route_next(route) == announcement && before != announcement)
        route_lead(announcement);
}

void route_promote(struct announcement *announcement)
{
    announcement->marks &= (uint8_t)~ANNOUNCEMENT_SPARE;
    if (!announcement->route)
        return;
    uint64_t newness = router_next_stamp(announcement->router) | ROUTE_REGULAR;
    uint64_t rank = newness > announcement->rank ? newness : announcement->rank;
    announcement->newness = newness;
    bulletins_raise(announcement->router, announcement->share, newness, rank);
    if (rank > announcement->rank)
        route_raise(announcement, rank);
}

/* Hooks are told first, and may have it removed. */
static void tell_and_lead(struct router *router, struct route *route, uint64_t stamp)
{
    struct moq_path *path = moq_path_ref(route->path);
    core_hooks_event(&router->hooks, "announced", path);
    route = route_find(router, path);
    struct announcement *announcement = route ? route_stamped(route, stamp) : NULL;
    if (announcement)
        route_lead(announcement);
    moq_path_unref(&path);
}

/* A path may be announced again, when grants have changed. */
static void take_publisher(struct announcement *announcement)
{
    publisher_unref(&announcement->publisher);
    announcement->publisher = publisher_ref(peer_publisher(announcement->peer));
}

/* Returns false if out of memory, and then undoes what it did. */
bool route_add(struct announcement *announcement, struct moq_path *path)
{
    struct router *router = announcement->router;
    char text[MOQ_PATH_LINE_BYTES];
    if (announcement->peer)
        take_publisher(announcement);
    announcement->stamp = router_next_stamp(router);
    bool is_spare = (announcement->marks & ANNOUNCEMENT_SPARE) != 0;
    announcement->newness = announcement->stamp | (is_spare ? 0 : ROUTE_REGULAR);
    announcement->rank = announcement->newness;
    if (!route_join(announcement, path)) {
        log_error(LOG_ROUTE, "out of memory: the announcement of %s is lost",
                  moq_path_text(path, text, sizeof text));
        return false;
    }
    const struct bulletin_notice notice = {.path = announcement->route->path,
                                           .stamp = announcement->stamp,
                                           .newness = announcement->newness,
                                           .rank = announcement->rank,
                                           .can = announcement->can,
                                           .marks = announcement->marks,
                                           .publisher = announcement->publisher};
    if (bulletins_announce(router, &notice, &announcement->share))
        log_error(LOG_ROUTE, "out of memory: other workers do not learn that %s is announced",
                  moq_path_text(path, text, sizeof text));
    router->counters.announcements++;
    tell_and_lead(router, announcement->route, announcement->stamp);
    return true;
}

void question_free(struct announcement_question **question)
{
    moq_path_unref(&(*question)->request.path);
    free(*question);
    *question = NULL;
}

void announcement_free(struct announcement *announcement)
{
    moq_path_unref(&announcement->path);
    moq_path_unref(&announcement->name);
    publisher_unref(&announcement->publisher);
    free(announcement);
}

/* Takes the announcement out of its route. A follower that loses its origin may end, which frees
 * the route. */
void route_leave(struct announcement *announcement)
{
    struct router *router = announcement->router;
    struct route *route = announcement->route;
    struct route_follower *follower = route->follower;
    announcement->route = NULL;
    list_remove(&announcement->route_node);
    moq_offers_remove(router->offers, route->path, announcement);
    settle_leader(route);
    if (!follower)
        route_release(router, route);
    else
        follower->ops->on_left(follower, announcement);
}

/* Hooks are told last, when the announcement can no longer be used. */
static void leave_and_tell(struct announcement *announcement)
{
    struct router *router = announcement->router;
    struct moq_path *path = moq_path_ref(announcement->route->path);
    router->counters.announcements--;
    bulletins_withdraw(router, &announcement->share);
    route_leave(announcement);
    core_hooks_event(&router->hooks, "ended", path);
    moq_path_unref(&path);
}

void route_suspend(struct announcement *announcement)
{
    announcement->is_revoked = true;
    if (announcement->route)
        leave_and_tell(announcement);
}

void announcement_hold(struct announcement *announcement)
{
    announcement->holds++;
}

void announcement_release(struct announcement *announcement)
{
    if (--announcement->holds > 0 || !announcement->is_leaving)
        return;
    list_remove(&announcement->owner_node);
    announcement_free(announcement);
}

/* What is called here may try to remove it again. */
void route_remove(struct announcement *announcement)
{
    if (announcement->is_leaving)
        return;
    announcement->is_leaving = true;
    announcement_hold(announcement);
    if (announcement->question) {
        core_hooks_withdraw(&announcement->question->request);
        question_free(&announcement->question);
    }
    if (announcement->route)
        leave_and_tell(announcement);
    announcement_release(announcement);
}

struct announcement *announcement_new(struct router *router, const struct feed_ops *feed,
                                      struct moq_path *path)
{
    struct announcement *announcement = calloc(1, sizeof *announcement);
    if (!announcement)
        return NULL;
    announcement->router = router;
    announcement->feed = feed;
    announcement->worker = router->worker;
    announcement->path = moq_path_ref(path);
    announcement->name = moq_path_ref(path);
    list_init(&announcement->owner_node);
    list_init(&announcement->route_node);
    return announcement;
}

/* ---- Origins --------------------------------------------------------------------------------- */

struct announcement *origin_add(struct router *router, const struct origin_offer *offer)
{
    struct announcement *announcement = announcement_new(router, offer->feed, offer->path);
    if (!announcement)
        return NULL;
    announcement->self = offer->self;
    announcement->can = offer->can;
    announcement->marks = offer->is_quiet ? ANNOUNCEMENT_QUIET : 0;
    list_push_back(&router->origins, &announcement->owner_node);
    if (route_add(announcement, offer->path))
        return announcement;
    list_remove(&announcement->owner_node);
    announcement_free(announcement);
    return NULL;
}

void origin_remove(struct announcement *announcement)
{
    route_remove(announcement);
}

void *announcement_self(const struct announcement *announcement)
{
    return announcement->self;
}

void origins_stop(struct router *router)
{
    while (!list_is_empty(&router->origins))
        route_remove(container_of(router->origins.next, struct announcement, owner_node));
}
