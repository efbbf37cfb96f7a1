/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Fetches: one group by its number, from the cache, or from the publisher if it is known to answer such a thing. A group that
 * comes from upstream is shared by everybody who asks for it while it is under way. */
#include "server/core/internal.h"

#include <stdlib.h>

struct fetch {
    struct list node; /* router.fetches */
    struct router *router;
    struct moq_fetch *upstream;
    struct moq_track *track; /* holds just this group */
    struct moq_group *group; /* a reference */
    struct moq_path *path;
    uint64_t sequence;
};

static void fetch_free(struct fetch *fetch)
{
    list_remove(&fetch->node);
    fetch->router->fetch_count--;
    moq_fetch_close(&fetch->upstream);
    moq_group_unref(&fetch->group);
    moq_track_unref(&fetch->track);
    moq_path_unref(&fetch->path);
    free(fetch);
}

static void on_data(struct moq_fetch *upstream, const uint8_t *data, size_t n)
{
    struct fetch *fetch = moq_fetch_user(upstream);
    if (moq_track_append(fetch->track, fetch->group, data, n))
        moq_track_abort_group(fetch->track, fetch->group, MOQ_ERR_BOUNDS);
}

static void on_closed(struct moq_fetch *upstream, int error)
{
    struct fetch *fetch = moq_fetch_user(upstream);
    if (error)
        moq_track_abort_group(fetch->track, fetch->group, error);
    else
        moq_track_finish_group(fetch->track, fetch->group);
    fetch->upstream = NULL;
    fetch_free(fetch);
}

static const struct moq_fetch_events fetch_events = {.on_data = on_data, .on_closed = on_closed};

/* Only our own publishers (03) are asked: the Rust ones of this time panic. */
static struct fetch *fetch_new(struct router *router, const struct announcement *origin,
                               const struct moq_request *request)
{
    struct moq_track_config config = {.clock = router->clock, .priority = 128};
    struct moq_fetch_wish wish = {.group = request->group, .priority = request->wish.priority};
    struct moq_group *group;
    struct fetch *fetch = calloc(1, sizeof *fetch);
    if (!fetch)
        return NULL;

    fetch->router = router;
    fetch->sequence = request->group;
    fetch->path = moq_path_ref(request->path);
    list_push_back(&router->fetches, &fetch->node);
    router->fetch_count++;
    fetch->track = moq_track_new(origin->path, &config);
    if (fetch->track && moq_track_open_group(fetch->track, request->group, &group) == 0) {
        fetch->group = moq_group_ref(group);
        fetch->upstream =
            moq_session_fetch(origin->peer->session, origin->path, &wish, &fetch_events, fetch);
    }
    if (!fetch->upstream) {
        fetch_free(fetch);
        return NULL;
    }
    router->counters.fetches_upstream++;
    return fetch;
}

static struct fetch *find(struct router *router, const struct moq_request *request)
{
    list_for_each (node, &router->fetches) {
        struct fetch *fetch = container_of(node, struct fetch, node);
        if (fetch->sequence == request->group && moq_path_equal(fetch->path, request->path))
            return fetch;
    }
    return NULL;
}

static struct fetch *fetch_get(struct router *router, const struct route *route,
                               const struct moq_request *request)
{
    struct fetch *running = find(router, request);
    struct announcement *origin = route ? route_newest(route) : NULL;
    if (running || !origin || router->fetch_count >= CORE_FETCHES_MAX)
        return running;
    if (!announcement_is_versed(origin))
        return NULL;
    return fetch_new(router, origin, request);
}

void fetch_request(struct router *router, struct moq_path *path, struct moq_request *request)
{
    struct route *route = route_find(router, path);
    struct moq_track *track = route && route->source ? route->source->track : NULL;
    struct moq_group *group = track ? moq_track_find(track, request->group) : NULL;
    if (group) {
        router->counters.fetches++;
        moq_request_send_group(request, track, group);
        return;
    }
    struct fetch *fetch = fetch_get(router, route, request);
    if (fetch) {
        moq_request_send_group(request, fetch->track, fetch->group);
        return;
    }
    router->counters.requests_refused++;
    moq_request_refuse(request, MOQ_ERR_NOT_FOUND);
}

void fetches_stop(struct router *router)
{
    while (!list_is_empty(&router->fetches))
        fetch_free(container_of(router->fetches.next, struct fetch, node));
}
