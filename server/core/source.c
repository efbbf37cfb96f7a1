/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sources: one track that somebody watches, fed by one publisher at a time, through the kind of
 * feed that this publisher has.
 * Tested by tests/sim/relay/test_publishers.c and tests/sim/relay/test_mirrors.c. */
#include "server/core/source.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/objects.h"
#include "server/core/audience.h"
#include "server/core/settings.h"

/* ---- Its feed -------------------------------------------------------------------------------- */

static bool is_fed(const struct source *source)
{
    return source->feed && source->feed->ops->is_active(source->feed);
}

bool source_is_copy(const struct source *source)
{
    return source->feed && source->feed->ops->is_copy;
}

bool source_is_ready(const struct source *source)
{
    const struct feed *feed = source->feed;
    return !feed || !feed->ops->is_ready || feed->ops->is_ready(feed);
}

/* A publisher that took another's place counts its groups from elsewhere, so the numbers that
 * viewers ask for mean nothing to it. */
bool source_can_ask_ranges(const struct source *source)
{
    return announcement_can(source->origin, MOQ_CAN_RANGES) && !source->is_continued;
}

void source_expect(struct source *source, struct moq_track *track, const struct moq_wish *wish)
{
    if (wish->min == MOQ_NO_GROUP || !source->origin || !source_can_ask_ranges(source))
        return;
    if (!source->feed->ops->covers(source->feed, wish->min))
        moq_track_expect(track, wish->min, source->router->clock->now_ns + CORE_HISTORY_NS);
}

/* Gives up the origin first: cutting groups may close viewers, and then the origin must not be
 * asked for anything. */
static void cut_off(struct source *source)
{
    struct feed *feed = source->feed;
    source->origin = NULL;
    source->feed = NULL;
    if (feed)
        feed->ops->close(feed);
}

/* False: out of memory. */
static bool attach_feed(struct source *source, struct announcement *origin)
{
    source->origin = origin;
    source->is_resting = false;
    source->feed = origin->feed->open(source, origin);
    return source->feed != NULL;
}

void source_dismiss(struct source *source, int error)
{
    while (!list_is_empty(&source->listeners)) {
        struct source_listener *listener =
            container_of(source->listeners.next, struct source_listener, node);
        listener->ops->on_end(listener, error);
    }
}

static void tell_failed(struct source *source)
{
    list_for_each_safe (node, &source->listeners) {
        struct source_listener *listener = container_of(node, struct source_listener, node);
        if (listener->ops->on_failed)
            listener->ops->on_failed(listener);
    }
}

struct moq_track *source_track(const struct source *source)
{
    return source->track;
}

void source_ready(struct source *source)
{
    list_for_each_safe (node, &source->listeners) {
        struct source_listener *listener = container_of(node, struct source_listener, node);
        if (listener->ops->on_ready)
            listener->ops->on_ready(listener);
    }
    if (source->is_asking)
        source->is_begun = true;
    else if (source->route)
        route_wake(source->router, source->route);
}

struct source *source_of(const struct route *route)
{
    return route->follower ? container_of(route->follower, struct source, follower) : NULL;
}

static const struct route_follower_ops follower_ops;

static struct source *source_new(struct router *router, struct route *route,
                                 struct announcement *origin)
{
    struct source *source = calloc(1, sizeof *source);
    if (!source)
        return NULL;
    struct moq_track_config config = {
        .clock = router->clock,
        .priority = 128,
        .order = MOQ_ORDER_NEWEST,
        .cache = core_cache_limits(router->config),
    };
    source->router = router;
    source->track = moq_track_new(route->path, &config);
    if (!source->track || !attach_feed(source, origin)) {
        moq_track_unref(&source->track);
        free(source);
        return NULL;
    }
    source->route = route;
    source->member.object = moq_track_path(source->track);
    source->idle_since_ns = router->clock->now_ns;
    source->farewell_ns = CLOCK_NEVER;
    list_init(&source->viewers);
    list_init(&source->listeners);
    list_init(&source->choosing.node);
    source->follower.ops = &follower_ops;
    route->follower = &source->follower;
    list_push_back(&router->sources, &source->node);
    object_born(OBJECT_source);
    return source;
}

struct source *source_get(struct router *router, struct route *route)
{
    if (route->follower)
        return source_of(route);
    struct announcement *origin = route_next(route);
    if (!origin)
        origin = route_newest(route);
    return origin ? source_new(router, route, origin) : NULL;
}

static void tell_candidates(struct source *source, enum core_choice_cause cause)
{
    source->router->source_events->on_candidates(source, cause);
}

/* Nobody is asked again if a choice was made already: it made this worker the one that feeds it. */
struct source *source_get_and_choose(struct router *router, struct route *route)
{
    bool is_new = !route->follower;
    struct source *source = source_get(router, route);
    if (is_new && source && source->origin && !(source->origin->rank & ROUTE_CHOSEN))
        tell_candidates(source, CORE_CHOICE_WATCHED);
    return source;
}

/* From now on new viewers get a new source; the viewers of this one see its end. */
static void detach_from_route(struct source *source)
{
    struct route *route = source->route;
    if (!route)
        return;
    source->route = NULL;
    route->follower = NULL;
    route_release(source->router, route);
}

/* Whether the track has viewers or watches and has not ended. */
static bool is_watched(const struct source *source)
{
    return source->route && (!list_is_empty(&source->viewers) || source->watch_count > 0);
}

static void tell_live_or_idle(struct source *source)
{
    struct core_hooks *hooks = &source->router->hooks;
    if (source->is_live == is_watched(source))
        return;
    source->is_live = !source->is_live;
    if (source->is_live)
        core_hooks_track_live(hooks, &source->member);
    else
        core_hooks_track_idle(hooks, &source->member);
}

/* Detaches the source first, so that nothing that happens while the feed ends can open another feed
 * for it. */
static void source_end(struct source *source, int error)
{
    char text[MOQ_PATH_LINE_BYTES];
    uint32_t viewers = source->viewer_count;
    /* Every worker has a source of its own, and most of them have no viewers to tell. */
    log_at(LOG_ROUTE, viewers ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG,
           "%s has ended: %s; %u viewer%s told",
           moq_path_text(moq_track_path(source->track), text, sizeof text),
           error ? moq_error_words(error) : "its publisher finished it", viewers,
           viewers == 1 ? " is" : "s are");
    source->farewell_ns = CLOCK_NEVER;
    detach_from_route(source);
    cut_off(source);
    if (!moq_track_has_ended(source->track, NULL))
        moq_track_end(source->track, error);
    source_dismiss(source, error);
    tell_live_or_idle(source);
}

void source_free(struct source *source)
{
    REQUIRE(list_is_empty(&source->viewers) && list_is_empty(&source->listeners));
    cut_off(source);
    detach_from_route(source);
    list_remove(&source->choosing.node);
    list_remove(&source->node);
    moq_track_unref(&source->track);
    free(source);
    object_died(OBJECT_source);
}

static void add_wish(struct moq_wish *all, const struct moq_wish *wish)
{
    all->priority = wish->priority > all->priority ? wish->priority : all->priority;
    all->order = wish->order == all->order ? all->order : MOQ_ORDER_NEWEST;
    bool is_endless = wish->expires_ms == 0 || all->expires_ms == 0;
    if (is_endless || wish->expires_ms > all->expires_ms)
        all->expires_ms = is_endless ? 0 : wish->expires_ms;
    all->min = wish->min < all->min ? wish->min : all->min; /* MOQ_NO_GROUP is the highest number */
    all->max = wish->max > all->max ? wish->max : all->max;
}

/* Combines the wishes of all viewers, those on other workers included: the widest range, the
 * highest priority, the longest expiry. Returns false if there are none. */
static bool combine_wishes(const struct source *source, struct moq_wish *all)
{
    bool has_any = false;
    list_for_each (node, &source->viewers) {
        const struct core_viewer *viewer = container_of(node, struct core_viewer, node);
        const struct moq_wish wish = core_viewer_source_wish(viewer);
        if (has_any)
            add_wish(all, &wish);
        else
            *all = wish;
        has_any = true;
    }
    list_for_each (node, &source->listeners) {
        const struct source_listener *listener = container_of(node, struct source_listener, node);
        if (!listener->has_wish)
            continue;
        if (has_any)
            add_wish(all, &listener->wish);
        else
            *all = listener->wish;
        has_any = true;
    }
    return has_any;
}

static int ask_feed(struct source *source, const struct moq_wish *wish)
{
    bool was_asking = source->is_asking;
    if (source->is_resting)
        meter_pause(&source->meter);
    source->is_resting = false;
    source->is_asking = true;
    int error = source->feed->ops->adjust(source->feed, wish);
    source->is_asking = was_asking;
    return error;
}

/* Whether somebody waits for the feed to begin, who will become a viewer. */
static bool is_awaited(const struct source *source)
{
    return source->route && !list_is_empty(&source->route->waiting);
}

/* Tells the feed, once, that nobody watches. */
static void rest_feed(struct source *source)
{
    const struct feed_ops *ops = source->feed->ops;
    if (source->is_resting || is_awaited(source) || !is_fed(source))
        return;
    source->is_resting = true;
    meter_pause(&source->meter);
    if (ops->rest)
        ops->rest(source->feed);
}

static void wake_if_begun(struct source *source)
{
    bool is_begun = source->is_begun;
    source->is_begun = false;
    if (is_begun)
        source_ready(source);
}

void source_adjust(struct source *source)
{
    struct moq_wish all;
    if (!source->origin)
        return;
    if (!combine_wishes(source, &all)) {
        rest_feed(source);
        return;
    }
    if (!announcement_can(source->origin, MOQ_CAN_RANGES))
        all.max = MOQ_NO_GROUP;
    if (source->is_continued)
        all.min = all.max = MOQ_NO_GROUP;
    int error = ask_feed(source, &all);
    if (error)
        source_end(source, error);
    else
        wake_if_begun(source);
}

bool source_wait(struct source *source, const struct moq_wish *wish)
{
    if (is_fed(source) && !source->is_resting)
        return true;
    source_expect(source, source->track, wish);
    if (ask_feed(source, wish))
        return false;
    return source->route && !source_is_ready(source); /* it may have ended, or switched */
}

/* Call it when a viewer or a watch has come or left. */
static void note_idle(struct source *source)
{
    bool is_idle = list_is_empty(&source->viewers) && source->watch_count == 0;
    source->idle_since_ns = is_idle ? source->router->clock->now_ns : CLOCK_NEVER;
}

static void seat_viewer(struct source *source, struct core_viewer *viewer)
{
    viewer->source = source;
    list_push_back(&source->viewers, &viewer->node);
    source->viewer_count++;
    viewer->audience = audience_join(source->router->commons, moq_track_path(source->track));
}

static void unseat_viewer(struct core_viewer *viewer)
{
    list_remove(&viewer->node);
    viewer->source->viewer_count--;
    audience_leave(viewer->router->commons, &viewer->audience);
}

void source_add_viewer(struct source *source, struct core_viewer *viewer)
{
    struct router *router = source->router;
    seat_viewer(source, viewer);
    list_push_back(&router->viewers, &viewer->router_node);
    roster_add(&router->roster, &viewer->entry);
    note_idle(source);
    router->viewer_count++;
    router->counters.viewers++;
    router->counters.viewers_total++;
    core_hooks_viewer_born(&router->hooks, &viewer->member);
    tell_live_or_idle(source);
    source_adjust(source); /* may end the source */
}

void source_add_watch(struct source *source, struct source_listener *listener)
{
    list_push_back(&source->listeners, &listener->node);
    source->watch_count++;
    note_idle(source);
    tell_live_or_idle(source);
    source_adjust(source); /* may end the source */
}

void source_forget_watch(struct source *source, struct source_listener *listener)
{
    list_remove(&listener->node);
    source->watch_count--;
    note_idle(source);
}

void source_remove_watch(struct source *source, struct source_listener *listener)
{
    source_forget_watch(source, listener);
    tell_live_or_idle(source);
    source_adjust(source);
}

void source_take_viewer(struct source *source, struct core_viewer *viewer)
{
    struct source *before = viewer->source;
    unseat_viewer(viewer);
    seat_viewer(source, viewer);
    note_idle(before);
    note_idle(source);
    tell_live_or_idle(source);
    source_adjust(source);
    tell_live_or_idle(before);
    source_adjust(before);
}

void sources_add_totals(const struct router *router, struct core_counters *counters)
{
    list_for_each (node, &router->sources) {
        const struct source *source = container_of(node, struct source, node);
        counters->tracks += source->route && !source_is_copy(source); /* only at home */
        list_for_each (inner, &source->viewers)
            core_viewer_add_totals(container_of(inner, struct core_viewer, node), counters);
    }
}

void source_remove_viewer(struct core_viewer *viewer)
{
    struct source *source = viewer->source;
    struct router *router = source->router;
    unseat_viewer(viewer);
    list_remove(&viewer->router_node);
    roster_remove(&viewer->entry);
    router->viewer_count--;
    router->counters.viewers--;
    core_viewer_add_totals(viewer, &router->counters);
    moq_viewer_set_user(viewer->served, NULL);
    note_idle(source);
    core_hooks_viewer_died(&router->hooks, &viewer->member);
    core_viewer_free(viewer);
    tell_live_or_idle(source);
    source_adjust(source);
}

/* Whether nobody has watched for CORE_LINGER_NS. Mirrors on other workers have waited that long
 * themselves, so they add nothing. */
static bool is_idle(const struct source *source)
{
    if (!list_is_empty(&source->viewers) || !list_is_empty(&source->listeners) ||
        is_awaited(source))
        return false;
    return !source->route ||
           source->router->clock->now_ns - source->idle_since_ns >= CORE_LINGER_NS;
}

/* Whether the present feed continues by itself with the new origin. */
static bool feed_goes_on(const struct source *source, const struct announcement *origin)
{
    const struct feed *feed = source->feed;
    return feed && feed->ops->goes_on && feed->ops->goes_on(feed, origin);
}

/* Also asks the feed for what is wanted, which may end the source. Hooks are told last, and may do
 * anything. */
static void tell_taken_over(struct source *source)
{
    struct router *router = source->router;
    struct moq_path *path = moq_path_ref(moq_track_path(source->track));
    source_adjust(source);
    const struct route *route = route_find(router, path);
    bool is_there = route && route->follower == &source->follower;
    if (is_there && source->is_live)
        core_hooks_event(&router->hooks, "taken_over", path);
    moq_path_unref(&path);
}

/* From now on `origin` feeds the source, through the present feed or a new one. */
static void take_origin(struct source *source, struct announcement *origin)
{
    source->farewell_ns = CLOCK_NEVER;
    meter_pause(&source->meter);
    if (source->feed)
        source->origin = origin;
    else if (!attach_feed(source, origin)) {
        source_end(source, MOQ_ERR_NOMEM);
        return;
    }
    source->is_continued = moq_track_newest(source->track) != NULL;
    source->origin_from = source->is_continued ? moq_track_latest(source->track) + 1 : 0;
    list_for_each (node, &source->listeners) {
        struct source_listener *listener = container_of(node, struct source_listener, node);
        if (listener->ops->on_origin)
            listener->ops->on_origin(listener);
    }
    tell_taken_over(source);
}

/* Turns to the newest publisher that has not failed. Returns false if there is none. Cutting off
 * the feed may end viewers, and their callbacks may end the source or turn it to another
 * publisher. */
static bool turn_to_newest(struct source *source)
{
    struct announcement *newest = route_next(source->route);
    if (!newest)
        return false;
    if (!feed_goes_on(source, newest)) {
        cut_off(source);
        if (!source->route || source->origin)
            return true;
        newest = route_next(source->route);
    }
    if (newest)
        take_origin(source, newest);
    else
        source_end(source, MOQ_ERR_OFFLINE);
    return true;
}

void source_lost(struct source *source, int error)
{
    if (source->origin)
        announcement_note_failure(source->origin);
    cut_off(source);
    if (!source->route || source->origin)
        return;
    const struct announcement *next = route_next(source->route);
    if (next && !announcement_is_local(next))
        tell_failed(source);
    tell_candidates(source, CORE_CHOICE_LOST);
    if (!turn_to_newest(source))
        source_end(source, error ? MOQ_ERR_OFFLINE : 0);
}

static void on_newest(struct route_follower *follower)
{
    struct source *source = container_of(follower, struct source, follower);
    const struct announcement *newest = route_next(source->route);
    bool is_chosen = newest && (newest->rank & ROUTE_CHOSEN); /* nobody is asked again */
    if (!is_chosen)
        tell_candidates(source, CORE_CHOICE_CANDIDATE);
    if (source->origin != newest)
        turn_to_newest(source);
}

static void on_candidate(struct route_follower *follower)
{
    tell_candidates(container_of(follower, struct source, follower), CORE_CHOICE_CANDIDATE);
}

/* A publisher that withdraws the path of a running track gets CORE_FAREWELL_NS to finish the
 * track; one that may not publish it any more does not. */
static void on_left(struct route_follower *follower, const struct announcement *announcement)
{
    struct source *source = container_of(follower, struct source, follower);
    if (source->origin != announcement)
        return;
    tell_candidates(source, CORE_CHOICE_LOST);
    if (turn_to_newest(source))
        return;
    source->origin = NULL;
    if (is_fed(source) && !announcement->is_revoked)
        source->farewell_ns = source->router->clock->now_ns + CORE_FAREWELL_NS;
    else
        source_end(source, MOQ_ERR_OFFLINE);
}

static void on_failed(struct route_follower *follower, const struct announcement *announcement)
{
    struct source *source = container_of(follower, struct source, follower);
    if (source->origin != announcement)
        return;
    tell_candidates(source, CORE_CHOICE_LOST);
    turn_to_newest(source);
}

static const struct route_follower_ops follower_ops = {.on_newest = on_newest,
                                                       .on_candidate = on_candidate,
                                                       .on_left = on_left,
                                                       .on_failed = on_failed};

/* ---- All of a router's ----------------------------------------------------------------------- */

void sources_sweep(struct router *router)
{
    uint64_t now = router->clock->now_ns, bytes = 0, tracks = 0;
    list_for_each_safe (node, &router->sources) {
        struct source *source = container_of(node, struct source, node);
        if (source->farewell_ns <= now)
            source_end(source, MOQ_ERR_OFFLINE);
        if (is_idle(source)) {
            source_free(source);
            continue;
        }
        meter_read(&source->meter, source->track, now);
        moq_track_sweep(source->track);
        tracks += source->route && !source_is_copy(source);
        bytes += source_is_copy(source) ? 0 : moq_track_cached_bytes(source->track);
    }
    router->track_count = tracks;
    sources_bound_cache(router, bytes);
}
