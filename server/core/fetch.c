/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Fetches: one group by its number, from the cache or, if possible, from its publisher. A group on
 * its way from a publisher is shared by everybody who asks for it in the meantime.
 * Tested by tests/sim/relay/test_questions.c and tests/sim/relay/test_mirrors.c. */
#include "server/core/fetch.h"

#include <stdlib.h>

#include "server/core/source.h"

static struct fetch_waiter *pop_waiter(struct fetch *fetch)
{
    struct list *node = list_pop_front(&fetch->waiters);
    return node ? container_of(node, struct fetch_waiter, node) : NULL;
}

static void answer_waiting(struct fetch *fetch)
{
    struct fetch_waiter *waiter;
    while ((waiter = pop_waiter(fetch)))
        waiter->on_group(waiter, fetch->track, fetch->group);
}

static void refuse_waiting(struct fetch *fetch)
{
    struct fetch_waiter *waiter;
    while ((waiter = pop_waiter(fetch)))
        waiter->on_group(waiter, NULL, NULL);
}

/* Those who wait may be refused what they are answered, and then hooks may end the fetch. */
static void hold_fetch(struct fetch *fetch)
{
    fetch->holds++;
}

/* Returns false if it is gone afterwards. */
static bool release_fetch(struct fetch *fetch)
{
    if (--fetch->holds > 0 || !fetch->is_over)
        return !fetch->is_over;
    moq_group_unref(&fetch->group);
    moq_track_unref(&fetch->track);
    moq_path_unref(&fetch->path);
    free(fetch);
    return false;
}

static void fetch_free(struct fetch *fetch)
{
    list_remove(&fetch->node);
    fetch->router->fetch_count--;
    if (fetch->upstream)
        fetch->feed->fetch_close(fetch->upstream);
    fetch->upstream = NULL;
    fetch->is_over = true;
    hold_fetch(fetch);
    refuse_waiting(fetch);
    release_fetch(fetch);
}

/* ---- What the feed brings -------------------------------------------------------------------- */

static void free_if_complete(struct fetch *fetch)
{
    if (fetch->group && fetch->group->is_ended)
        fetch_free(fetch);
}

int fetch_open_group(struct fetch *fetch)
{
    struct moq_group *group;
    if (moq_track_open_group(fetch->track, fetch->sequence, &group))
        return MOQ_ERR_NOMEM;
    fetch->group = moq_group_ref(group);
    return 0;
}

void fetch_append(struct fetch *fetch, const uint8_t *data, size_t n)
{
    if (moq_track_append(fetch->track, fetch->group, data, n))
        moq_track_abort_group(fetch->track, fetch->group, MOQ_ERR_BOUNDS);
}

void fetch_adopt(struct fetch *fetch, struct moq_group_body *body)
{
    struct moq_group *group;
    if (fetch->group || moq_track_adopt_group(fetch->track, fetch->sequence, body, &group))
        return;
    fetch->is_adopted = true;
    fetch->group = moq_group_ref(group);
    hold_fetch(fetch);
    answer_waiting(fetch);
    if (release_fetch(fetch))
        free_if_complete(fetch);
}

void fetch_follow(struct fetch *fetch)
{
    moq_track_follow(fetch->track);
    free_if_complete(fetch);
}

void fetch_over(struct fetch *fetch, int error)
{
    fetch->upstream = NULL;
    if (fetch->group && !fetch->is_adopted)
        moq_track_abort_group(fetch->track, fetch->group, error);
    else
        moq_track_unfollow(fetch->track, error);
    fetch_free(fetch);
}

/* ---- Beginning ------------------------------------------------------------------------------- */

static struct fetch *fetch_new(struct router *router, const struct announcement *origin,
                               const struct fetch_wish *wish)
{
    struct moq_track_config config = {.clock = router->clock, .priority = 128};
    struct fetch *fetch = calloc(1, sizeof *fetch);
    if (!fetch)
        return NULL;

    fetch->router = router;
    fetch->feed = origin->feed;
    fetch->peer = origin->peer;
    fetch->is_local = announcement_is_local(origin);
    fetch->sequence = wish->group;
    fetch->path = moq_path_ref(wish->path);
    list_init(&fetch->waiters);
    list_push_back(&router->fetches, &fetch->node);
    router->fetch_count++;
    fetch->track = moq_track_new(origin->path, &config);
    if (fetch->track)
        fetch->upstream = origin->feed->fetch(fetch, origin, wish);
    if (fetch->upstream)
        return fetch;
    fetch_free(fetch);
    return NULL;
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

/* Whether one more fetch may be asked for. Each publisher of this worker has a limit; those of
 * other workers have it at their home. */
static bool may_ask(const struct router *router, const struct announcement *origin)
{
    uint32_t count = 0;
    if (!origin->feed->fetch || router->fetch_count >= CORE_FETCHES_MAX)
        return false;
    list_for_each (node, &router->fetches)
        count += container_of(node, struct fetch, node)->peer == origin->peer;
    return !origin->peer || count < CORE_FETCHES_PER_PEER_MAX;
}

static struct fetch *fetch_get(struct router *router, const struct route *route,
                               const struct fetch_wish *wish)
{
    struct announcement *origin =
        wish->is_local_only ? route_newest_local(route) : route_newest(route);
    struct fetch *running = find_running(router, wish);
    if (running && (running->is_local || !wish->is_local_only))
        return running;
    if (!origin || !may_ask(router, origin))
        return NULL;
    return fetch_new(router, origin, wish);
}

int fetch_find(struct router *router, const struct fetch_wish *wish, struct fetched *fetched)
{
    const struct route *route = route_find(router, wish->path);
    const struct source *source = route ? source_of(route) : NULL;
    *fetched = (struct fetched){.track = source ? source->track : NULL};
    fetched->group = source ? moq_track_find(source->track, wish->group) : NULL;
    if (fetched->group)
        return 0;
    fetched->pending = route ? fetch_get(router, route, wish) : NULL;
    if (!fetched->pending)
        return MOQ_ERR_NOT_FOUND;
    fetched->track = fetched->pending->track;
    fetched->group = fetched->pending->group;
    return fetched->group ? 0 : MOQ_ERR_AGAIN;
}

void fetch_wait(struct fetch *fetch, struct fetch_waiter *waiter)
{
    list_push_back(&fetch->waiters, &waiter->node);
}

void fetches_stop(struct router *router)
{
    while (!list_is_empty(&router->fetches))
        fetch_free(container_of(router->fetches.next, struct fetch, node));
}
