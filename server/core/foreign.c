/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Announcements of other workers, known from their bulletins; a mirror brings the tracks here.
 * Tested by tests/sim/relay/test_mirrors.c and tests/unit/core/test_feed.c. */
#include "server/core/foreign.h"

#include "server/core/route.h"

static void forget_announcement(struct announcement *announcement)
{
    list_remove(&announcement->owner_node);
    if (announcement->route)
        route_leave(announcement);
    announcement_free(announcement);
}

static struct announcement *find_known(struct router *router, const struct bulletin_notice *notice)
{
    const struct route *route = route_find(router, notice->path);
    return route ? route_stamped(route, notice->stamp) : NULL;
}

/* The announcement's publisher ended a track. Its own worker continues with another announcement of
 * the path, if it has one; followers on this worker turn to the next one. */
static void note_failed(struct announcement *announcement)
{
    struct route *route = announcement->route;
    announcement_note_failure(announcement);
    if (route_next(route) && route->follower)
        route->follower->ops->on_failed(route->follower, announcement);
}

static void on_foreign_notice(struct router *router, const struct bulletin_notice *notice)
{
    struct announcement *known = find_known(router, notice);
    if (known) {
        known->silent_until_ns = notice->silent_until_ns;
        known->newness = notice->newness;
        if (notice->has_failed)
            note_failed(known);
        if (notice->rank > known->rank)
            route_raise(known, notice->rank);
        return;
    }
    /* A copy, because references are counted on one thread. */
    struct moq_path *path = moq_path_copy(notice->path);
    struct announcement *announcement = path ? announcement_new(router, &mirror_feed, path) : NULL;
    moq_path_unref(&path);
    if (!announcement) {
        log_error(LOG_ROUTE, "out of memory: an announcement of another worker is lost");
        return;
    }
    announcement->worker = notice->worker;
    announcement->stamp = notice->stamp;
    announcement->newness = notice->newness;
    announcement->rank = notice->rank;
    announcement->can = notice->can;
    announcement->marks = notice->marks;
    announcement->has_failed = notice->has_failed;
    announcement->silent_until_ns = notice->silent_until_ns;
    announcement->publisher = publisher_ref(notice->publisher);
    list_push_back(&router->foreign, &announcement->owner_node);
    if (route_join(announcement, announcement->path))
        route_lead(announcement);
    else
        forget_announcement(announcement);
}

static void on_foreign_over(struct router *router, const struct bulletin_notice *notice)
{
    struct announcement *announcement = find_known(router, notice);
    if (announcement)
        forget_announcement(announcement);
}

const struct bulletin_events foreign_events = {.on_notice = on_foreign_notice,
                                               .on_over = on_foreign_over};

void foreign_forget_all(struct router *router)
{
    while (!list_is_empty(&router->foreign))
        forget_announcement(container_of(router->foreign.next, struct announcement, owner_node));
}
