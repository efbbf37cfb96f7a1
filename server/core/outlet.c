/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Outlets: the home's end of a link. What happens to a track here is told to a follower on another
 * worker. Part of step 10 of a frame's walk: on_home_growth.
 *
 * Only groups of a publisher of this worker go out: while a source is fed by yet another worker,
 * its outlets are silent, because their followers know that publisher too, or will in a moment. So
 * a frame never crosses more than one link, and two workers never feed each other.
 * Tested by tests/sim/relay/test_mirrors.c and tests/sim/relay/test_chaos.c. */
#include "server/core/outlet.h"

#include <stdlib.h>

#include "server/core/choosing.h"

static void unwatch_track(struct outlet *outlet)
{
    if (!outlet->track)
        return;
    moq_track_unwatch(outlet->track, &outlet->watcher);
    moq_track_unref(&outlet->track);
}

static void outlet_free(struct outlet *outlet)
{
    unwatch_track(outlet);
    info_query_close(&outlet->query);
    list_remove(&outlet->node);
    list_remove(&outlet->listener.node);
    list_remove(&outlet->fetching.node);
    moq_path_unref(&outlet->path);
    outlet->link->outlet = NULL;
    link_unref(outlet->link);
    free(outlet);
}

static void outlet_end(struct outlet *outlet, int error)
{
    link_tell_end(outlet->link, error);
    outlet_free(outlet);
}

/* ---- What the track tells -------------------------------------------------------------------- */

static struct outlet *outlet_of_watcher(struct moq_watcher *watcher)
{
    return container_of(watcher, struct outlet, watcher);
}

static void tell_group(const struct outlet *outlet, const struct moq_group *group)
{
    link_tell_group(outlet->link, group->sequence, moq_group_body(group));
}

static void tell_history(const struct outlet *outlet, const struct moq_group *group)
{
    link_tell_history(outlet->link, group->sequence, moq_group_body(group));
}

static void on_home_group(struct moq_watcher *watcher, struct moq_group *group)
{
    const struct outlet *outlet = outlet_of_watcher(watcher);
    if (outlet->link->kind == LINK_TRACK)
        tell_group(outlet, group);
}

static void on_home_growth(struct moq_watcher *watcher, struct moq_group *group)
{
    (void)group;
    link_tell_growth(outlet_of_watcher(watcher)->link);
}

static void on_home_gap(struct moq_watcher *watcher, uint64_t first, uint64_t last, int error)
{
    const struct outlet *outlet = outlet_of_watcher(watcher);
    if (outlet->link->kind == LINK_TRACK)
        link_tell_gap(outlet->link, first, last, error);
}

static const struct moq_watcher_ops watcher_ops = {
    .on_group = on_home_group, .on_growth = on_home_growth, .on_gap = on_home_gap};

static void watch_track(struct outlet *outlet, struct moq_track *track)
{
    outlet->track = moq_track_ref(track);
    outlet->watcher.ops = &watcher_ops;
    moq_track_watch(track, &outlet->watcher);
}

/* ---- Tracks ---------------------------------------------------------------------------------- */

/* Tells the follower of existing groups, then of new ones. The newest group comes first, because
 * viewers who wait begin there; viewers who have seen another publisher's groups need them in
 * order. */
static void begin_to_tell(struct outlet *outlet, bool is_continued)
{
    const struct source *source = outlet->source;
    struct moq_track *track = source->track;
    uint64_t first = is_continued ? source->origin_from : 0;
    struct moq_group *newest = is_continued ? NULL : moq_track_newest(track);
    watch_track(outlet, track);
    if (newest)
        tell_history(outlet, newest);
    for (struct moq_group *group = moq_track_oldest(track); group;
         group = moq_track_after(track, group))
        if (is_continued && group->sequence >= first)
            tell_group(outlet, group);
        else if (!is_continued && group != newest)
            tell_history(outlet, group);
}

static bool can_speak(const struct source *source)
{
    return source->origin && announcement_is_local(source->origin);
}

/* A silent outlet has no wish. */
static void note_wish(struct outlet *outlet)
{
    bool has_wish = link_wish(outlet->link, &outlet->listener.wish);
    outlet->listener.has_wish = has_wish && outlet->track;
    outlet->listener.latency_ns = has_wish ? link_keep_ns(outlet->link) : 0;
    if (outlet->source)
        core_keep_groups(outlet->source->track, outlet->listener.latency_ns);
}

static struct outlet *outlet_of_listener(struct source_listener *listener)
{
    return container_of(listener, struct outlet, listener);
}

static void on_origin(struct source_listener *listener)
{
    struct outlet *outlet = outlet_of_listener(listener);
    if (!can_speak(outlet->source))
        unwatch_track(outlet);
    else if (!outlet->track)
        begin_to_tell(outlet, true);
    note_wish(outlet);
}

static void tell_info(struct outlet *outlet)
{
    struct moq_info info = info_of(outlet->source->track);
    link_tell_info(outlet->link, &info);
}

static void on_ready(struct source_listener *listener)
{
    if (outlet_of_listener(listener)->track)
        tell_info(outlet_of_listener(listener));
}

/* Otherwise its follower would wait for a publisher that has failed. */
static void on_failed(struct source_listener *listener)
{
    outlet_end(outlet_of_listener(listener), MOQ_ERR_OFFLINE);
}

static void on_source_end(struct source_listener *listener, int error)
{
    outlet_end(outlet_of_listener(listener), error);
}

static const struct source_listener_ops listener_ops = {
    .on_ready = on_ready, .on_origin = on_origin, .on_failed = on_failed, .on_end = on_source_end};

/* If this is what makes somebody watch the track here, hooks choose its publisher, unless they have
 * chosen this one already. */
static void choose_if_new(struct outlet *outlet)
{
    const struct route *route = route_find(outlet->router, outlet->path);
    const struct announcement *next = route ? route_next(route) : NULL;
    if (next && !route->follower && !(next->rank & ROUTE_CHOSEN))
        choose_now(outlet->router, outlet->path, CORE_CHOICE_WATCHED);
}

static void open_track(struct outlet *outlet)
{
    struct router *router = outlet->router;
    choose_if_new(outlet);
    struct route *route = route_find(router, outlet->path);
    struct source *source = route && route_newest_local(route) ? source_get(router, route) : NULL;
    if (!source) {
        outlet_end(outlet, MOQ_ERR_OFFLINE);
        return;
    }
    outlet->source = source;
    outlet->listener.ops = &listener_ops;
    list_push_back(&source->listeners, &outlet->listener.node);
    note_wish(outlet);
    if (!can_speak(source))
        return;
    begin_to_tell(outlet, outlet->link->is_continued);
    note_wish(outlet);
    if (source_is_ready(source))
        tell_info(outlet);
    source_adjust(source); /* which may end all of it */
}

/* ---- One group, one answer ------------------------------------------------------------------- */

static void on_fetched(struct fetch_waiter *waiter, struct moq_track *track,
                       struct moq_group *group)
{
    struct outlet *outlet = container_of(waiter, struct outlet, fetching);
    if (!track) {
        outlet_end(outlet, MOQ_ERR_NOT_FOUND);
        return;
    }
    watch_track(outlet, track);
    tell_group(outlet, group);
}

/* The follower gives up in time, and then the link closes. */
static void open_group(struct outlet *outlet)
{
    struct moq_wish wanted;
    link_wish(outlet->link, &wanted);
    const struct fetch_wish wish = {
        .path = outlet->path,
        .group = outlet->link->group,
        .priority = wanted.priority,
        .is_local_only = true,
    };
    struct fetched fetched;
    int error = fetch_find(outlet->router, &wish, &fetched);
    if (error == MOQ_ERR_AGAIN) {
        outlet->fetching.on_group = on_fetched;
        fetch_wait(fetched.pending, &outlet->fetching);
    } else {
        on_fetched(&outlet->fetching, error ? NULL : fetched.track, fetched.group);
    }
}

static void on_info(void *user, int error, const struct moq_info *info)
{
    struct outlet *outlet = user;
    if (!error)
        link_tell_info(outlet->link, info);
    outlet_end(outlet, error);
}

static void open_info(struct outlet *outlet)
{
    struct moq_info info;
    outlet->query = (struct info_query){.on_info = on_info, .user = outlet};
    int error = info_find(outlet->router, outlet->path, true, &info, &outlet->query);
    if (error == MOQ_ERR_AGAIN)
        return; /* on_info follows */
    if (!error)
        link_tell_info(outlet->link, &info);
    outlet_end(outlet, error);
}

/* ---- What the link wants --------------------------------------------------------------------- */

static void outlet_open(struct router *router, struct link *link)
{
    struct outlet *outlet = calloc(1, sizeof *outlet);
    if (!outlet) {
        link_tell_end(link, MOQ_ERR_NOMEM);
        link_unref(link);
        return;
    }
    outlet->router = router;
    outlet->link = link;
    outlet->path = link->path; /* from here on, only this thread uses it */
    link->path = NULL;
    link->outlet = outlet;
    list_init(&outlet->listener.node);
    list_init(&outlet->fetching.node);
    list_push_back(&router->outlets, &outlet->node);
    if (link->kind == LINK_TRACK)
        open_track(outlet);
    else if (link->kind == LINK_GROUP)
        open_group(outlet);
    else
        open_info(outlet);
}

static void outlet_adjust(struct outlet *outlet)
{
    if (!outlet->source)
        return;
    note_wish(outlet);
    source_adjust(outlet->source);
}

static void outlet_close(struct outlet *outlet)
{
    if (!outlet)
        return;
    struct source *source = outlet->source;
    outlet_free(outlet);
    if (source)
        source_adjust(source);
}

const struct link_home outlet_home = {
    .on_opened = outlet_open, .on_wish = outlet_adjust, .on_closed = outlet_close};

void outlets_stop(struct router *router)
{
    while (!list_is_empty(&router->outlets))
        outlet_end(container_of(router->outlets.next, struct outlet, node), MOQ_ERR_CANCELLED);
}
