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
    struct moq_group_body *remote; /* what the link leads to: a reference */
    struct bytes_cursor cursor;    /* of that */
    struct moq_track *track;       /* holds just this group */
    struct moq_group *group;       /* a reference */
    struct moq_path *path;
    uint64_t sequence;
};

static void fetch_free(struct fetch *fetch)
{
    list_remove(&fetch->node);
    fetch->router->fetch_count--;
    moq_fetch_close(&fetch->upstream);
    link_close(&fetch->link);
    moq_group_body_unref(&fetch->remote);
    moq_group_unref(&fetch->group);
    moq_track_unref(&fetch->track);
    moq_path_unref(&fetch->path);
    free(fetch);
}

static void append(struct fetch *fetch, const uint8_t *data, size_t n)
{
    if (moq_track_append(fetch->track, fetch->group, data, n))
        moq_track_abort_group(fetch->track, fetch->group, MOQ_ERR_BOUNDS);
}

/* All of it is here, or as much as there will be. */
static void fetch_over(struct fetch *fetch, int error)
{
    if (error)
        moq_track_abort_group(fetch->track, fetch->group, error);
    else
        moq_track_finish_group(fetch->track, fetch->group);
    fetch_free(fetch);
}

/* ---- From a session -------------------------------------------------------------------------- */

static void on_data(struct moq_fetch *upstream, const uint8_t *data, size_t n)
{
    append(moq_fetch_user(upstream), data, n);
}

static void on_closed(struct moq_fetch *upstream, int error)
{
    struct fetch *fetch = moq_fetch_user(upstream);
    fetch->upstream = NULL;
    fetch_over(fetch, error);
}

static const struct moq_fetch_events fetch_events = {.on_data = on_data, .on_closed = on_closed};

/* ---- From another worker --------------------------------------------------------------------- */

/* Rare enough that a copy is simpler than a group with another's bytes. */
static void on_remote_growth(void *user)
{
    struct fetch *fetch = user;
    struct iovec piece;
    int error;
    if (!fetch->remote)
        return;
    bool has_ended = moq_group_body_has_ended(fetch->remote, &error); /* before the length */
    while (bytes_cursor_peek(&fetch->cursor, &piece, 1, SIZE_MAX) > 0) {
        append(fetch, piece.iov_base, piece.iov_len);
        bytes_cursor_advance(&fetch->cursor, piece.iov_len);
    }
    if (has_ended)
        fetch_over(fetch, error);
}

static void on_remote_group(void *user, uint64_t sequence, struct moq_group_body *body)
{
    struct fetch *fetch = user;
    (void)sequence;
    if (fetch->remote)
        return;
    fetch->remote = moq_group_body_ref(body);
    bytes_cursor_init(&fetch->cursor, moq_group_body_log(body));
}

static void on_remote_end(void *user, int error)
{
    struct fetch *fetch = user;
    fetch->link = NULL;
    fetch_over(fetch, error ? error : MOQ_ERR_OFFLINE);
}

static const struct link_events link_events = {
    .on_group = on_remote_group, .on_growth = on_remote_growth, .on_end = on_remote_end};

/* ---- Beginning ------------------------------------------------------------------------------- */

/* Asks whoever has the publisher. False: it cannot be asked. */
static bool ask(struct fetch *fetch, const struct announcement *origin,
                const struct fetch_wish *wish)
{
    const struct moq_fetch_wish upstream = {.group = wish->group, .priority = wish->priority};
    const struct link_ask away = {.kind = LINK_GROUP,
                                  .path = origin->path,
                                  .group = wish->group,
                                  .wish = {.priority = wish->priority}};
    if (announcement_is_local(origin))
        fetch->upstream =
            moq_session_fetch(origin->peer->session, origin->path, &upstream, &fetch_events, fetch);
    else
        fetch->link = link_open(fetch->router, origin->worker, &away, &link_events, fetch);
    return fetch->upstream || fetch->link;
}

static struct fetch *fetch_new(struct router *router, const struct announcement *origin,
                               const struct fetch_wish *wish)
{
    struct moq_track_config config = {.clock = router->clock, .priority = 128};
    struct moq_group *group;
    struct fetch *fetch = calloc(1, sizeof *fetch);
    if (!fetch)
        return NULL;

    fetch->router = router;
    fetch->sequence = wish->group;
    fetch->path = moq_path_ref(wish->path);
    list_push_back(&router->fetches, &fetch->node);
    router->fetch_count++;
    fetch->track = moq_track_new(origin->path, &config);
    if (!fetch->track || moq_track_open_group(fetch->track, wish->group, &group)) {
        fetch_free(fetch);
        return NULL;
    }
    fetch->group = moq_group_ref(group);
    if (!ask(fetch, origin, wish)) {
        fetch_free(fetch);
        return NULL;
    }
    router->counters.fetches_upstream += announcement_is_local(origin);
    return fetch;
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
 * group in its cache, whoever published it. */
static bool can_ask(const struct announcement *origin)
{
    return announcement_is_versed(origin) || !announcement_is_local(origin);
}

static struct fetch *fetch_get(struct router *router, const struct route *route,
                               const struct fetch_wish *wish)
{
    struct announcement *origin =
        wish->is_local_only ? route_newest_local(route) : route_newest(route);
    struct fetch *running = find_running(router, wish);
    if (running && !(wish->is_local_only && running->link))
        return running;
    if (!origin || router->fetch_count >= CORE_FETCHES_MAX || !can_ask(origin))
        return NULL;
    return fetch_new(router, origin, wish);
}

struct moq_group *fetch_find(struct router *router, const struct fetch_wish *wish,
                             struct moq_track **track)
{
    const struct route *route = route_find(router, wish->path);
    *track = route && route->source ? route->source->track : NULL;
    struct moq_group *group = *track ? moq_track_find(*track, wish->group) : NULL;
    if (group) {
        router->counters.fetches++;
        return group;
    }
    struct fetch *fetch = route ? fetch_get(router, route, wish) : NULL;
    *track = fetch ? fetch->track : NULL;
    return fetch ? fetch->group : NULL;
}

void fetch_request(struct router *router, struct moq_path *path, struct moq_request *request)
{
    const struct fetch_wish wish = {
        .path = path, .group = request->group, .priority = request->wish.priority};
    struct moq_track *track;
    struct moq_group *group = fetch_find(router, &wish, &track);
    if (group) {
        moq_request_send_group(request, track, group);
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
