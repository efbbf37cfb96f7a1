/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Fetches: one group by its number, from the cache, or from the publisher if it is known to answer such a thing: over its
 * session, or over a link to the worker that has it. A group that comes from elsewhere is shared by everybody who asks for it
 * while it is under way. */
#include "server/core/internal.h"

#include <stdlib.h>

struct fetch {
    struct list node; /* router.fetches */
    struct router *router;
    struct moq_fetch *upstream; /* one of these two */
    struct link *link;
    struct moq_track *track; /* holds just this group */
    struct moq_group *group; /* a reference; NULL: the link has not told of it yet */
    struct moq_path *path;
    uint64_t sequence;
};

static void fetch_free(struct fetch *fetch)
{
    list_remove(&fetch->node);
    fetch->router->fetch_count--;
    moq_fetch_close(&fetch->upstream);
    link_close(&fetch->link);
    moq_group_unref(&fetch->group);
    moq_track_unref(&fetch->track);
    moq_path_unref(&fetch->path);
    free(fetch);
}

/* ---- From a session -------------------------------------------------------------------------- */

static void on_data(struct moq_fetch *upstream, const uint8_t *data, size_t n)
{
    struct fetch *fetch = moq_fetch_user(upstream);
    if (moq_track_append(fetch->track, fetch->group, data, n))
        moq_track_abort_group(fetch->track, fetch->group, MOQ_ERR_BOUNDS);
}

/* All of it is here, or as much as there will be. */
static void on_closed(struct moq_fetch *upstream, int error)
{
    struct fetch *fetch = moq_fetch_user(upstream);
    fetch->upstream = NULL;
    moq_track_abort_group(fetch->track, fetch->group, error);
    fetch_free(fetch);
}

static const struct moq_fetch_events fetch_events = {.on_data = on_data, .on_closed = on_closed};

/* ---- From another worker --------------------------------------------------------------------- */

/* Of those who wait on the route one who asked for this group. */
static struct demand *first_waiting(const struct fetch *fetch)
{
    const struct route *route = route_find(fetch->router, fetch->path);
    if (!route)
        return NULL;
    list_for_each (node, &route->waiting) {
        struct demand *demand = container_of(node, struct demand, node);
        if (demand->request->kind == MOQ_REQUEST_FETCH && demand->request->group == fetch->sequence)
            return demand;
    }
    return NULL;
}

/* The route may go with the last one who waits: each is looked for afresh. */
static void answer_waiting(struct fetch *fetch)
{
    struct demand *demand;
    while ((demand = first_waiting(fetch))) {
        struct moq_request *request = demand->request;
        demand_gone(request);
        fetch->router->counters.fetches++;
        moq_request_send_group(request, fetch->track, fetch->group);
    }
}

static void refuse_waiting(struct fetch *fetch)
{
    struct demand *demand;
    while ((demand = first_waiting(fetch)))
        demand_refuse(demand, MOQ_ERR_NOT_FOUND);
}

static void free_if_complete(struct fetch *fetch)
{
    if (fetch->group && fetch->group->is_ended)
        fetch_free(fetch);
}

/* Its bytes are the home's. */
static void on_remote_group(void *user, uint64_t sequence, struct moq_group_body *body)
{
    struct fetch *fetch = user;
    struct moq_group *group;
    (void)sequence;
    if (fetch->group || moq_track_adopt_group(fetch->track, fetch->sequence, body, &group))
        return;
    fetch->group = moq_group_ref(group);
    answer_waiting(fetch);
    free_if_complete(fetch);
}

static void on_remote_growth(void *user)
{
    struct fetch *fetch = user;
    moq_track_follow(fetch->track);
    free_if_complete(fetch);
}

static void on_remote_end(void *user, int error)
{
    struct fetch *fetch = user;
    fetch->link = NULL;
    moq_track_unfollow(fetch->track, error ? error : MOQ_ERR_OFFLINE);
    refuse_waiting(fetch);
    fetch_free(fetch);
}

static const struct link_events link_events = {
    .on_group = on_remote_group, .on_growth = on_remote_growth, .on_end = on_remote_end};

/* ---- Beginning ------------------------------------------------------------------------------- */

/* What a session sends is put into a group of our own, which is there from the start. False: there is no
 * memory for it, or it cannot be asked. */
static bool ask_session(struct fetch *fetch, const struct announcement *origin,
                        const struct fetch_wish *wish)
{
    const struct moq_fetch_wish upstream = {.group = wish->group, .priority = wish->priority};
    struct moq_group *group;
    if (moq_track_open_group(fetch->track, wish->group, &group))
        return false;
    fetch->group = moq_group_ref(group);
    fetch->upstream =
        moq_session_fetch(origin->peer->session, origin->path, &upstream, &fetch_events, fetch);
    fetch->router->counters.fetches_upstream += fetch->upstream != NULL;
    return fetch->upstream != NULL;
}

static bool ask_worker(struct fetch *fetch, const struct announcement *origin,
                       const struct fetch_wish *wish)
{
    const struct link_ask away = {.kind = LINK_GROUP,
                                  .path = origin->path,
                                  .group = wish->group,
                                  .wish = {.priority = wish->priority}};
    fetch->link = link_open(fetch->router, origin->worker, &away, &link_events, fetch);
    return fetch->link != NULL;
}

static struct fetch *fetch_new(struct router *router, const struct announcement *origin,
                               const struct fetch_wish *wish)
{
    struct moq_track_config config = {.clock = router->clock, .priority = 128};
    struct fetch *fetch = calloc(1, sizeof *fetch);
    if (!fetch)
        return NULL;

    fetch->router = router;
    fetch->sequence = wish->group;
    fetch->path = moq_path_ref(wish->path);
    list_push_back(&router->fetches, &fetch->node);
    router->fetch_count++;
    fetch->track = moq_track_new(origin->path, &config);
    bool is_asked =
        fetch->track && (announcement_is_local(origin) ? ask_session(fetch, origin, wish)
                                                       : ask_worker(fetch, origin, wish));
    if (!is_asked)
        fetch_free(fetch);
    return is_asked ? fetch : NULL;
}

static struct fetch *find_running(struct router *router, const struct fetch_wish *wish)
{
    list_for_each (node, &router->fetches) {
        struct fetch *fetch = container_of(node, struct fetch, node);
        if (fetch->sequence == wish->group && moq_path_equal(fetch->path, wish->path))
            return fetch;
    }
    return NULL;
}

/* Only our own publishers (03) are asked: the Rust ones of this time panic. Another worker may have the
 * group in its cache, whoever published it; unless its groups have other numbers there. */
static bool can_ask(const struct route *route, const struct announcement *origin)
{
    if (announcement_is_local(origin))
        return announcement_is_versed(origin);
    return !route->source || route->source->mirror.raise.added == 0;
}

static struct fetch *fetch_get(struct router *router, const struct route *route,
                               const struct fetch_wish *wish)
{
    struct announcement *origin =
        wish->is_local_only ? route_newest_local(route) : route_newest(route);
    struct fetch *running = find_running(router, wish);
    if (running && !(wish->is_local_only && running->link))
        return running;
    if (!origin || router->fetch_count >= CORE_FETCHES_MAX || !can_ask(route, origin))
        return NULL;
    return fetch_new(router, origin, wish);
}

int fetch_find(struct router *router, const struct fetch_wish *wish, struct moq_track **track,
               struct moq_group **group)
{
    const struct route *route = route_find(router, wish->path);
    *track = route && route->source ? route->source->track : NULL;
    *group = *track ? moq_track_find(*track, wish->group) : NULL;
    if (*group)
        return 0;
    const struct fetch *fetch = route ? fetch_get(router, route, wish) : NULL;
    if (!fetch)
        return MOQ_ERR_NOT_FOUND;
    *track = fetch->track;
    *group = fetch->group;
    return *group ? 0 : MOQ_ERR_AGAIN;
}

void fetch_request(struct demand *demand)
{
    struct router *router = demand->peer->router;
    struct moq_request *request = demand->request;
    const struct fetch_wish wish = {
        .path = demand->ask.path, .group = request->group, .priority = request->wish.priority};
    struct moq_track *track;
    struct moq_group *group;
    int error = fetch_find(router, &wish, &track, &group);
    if (error == MOQ_ERR_AGAIN && router_may_wait(router)) {
        demand_wait(demand, route_find(router, wish.path), CORE_REPLY_TIMEOUT_NS);
    } else if (error) {
        demand_refuse(demand, MOQ_ERR_NOT_FOUND);
    } else {
        router->counters.fetches++;
        demand_gone(request);
        moq_request_send_group(request, track, group);
    }
}

void fetches_stop(struct router *router)
{
    while (!list_is_empty(&router->fetches))
        fetch_free(container_of(router->fetches.next, struct fetch, node));
}
