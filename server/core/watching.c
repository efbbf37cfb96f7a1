/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Watches: a source sees them as listeners whose wish counts, a route as one that waits; what they
 * read comes from a cursor of transfork.
 * Tested by tests/unit/core/test_watch.c and tests/sim/relay/test_sinks.c. */
#include "server/core/watch.h"

#include <stdlib.h>

#include "base/objects.h"
#include "server/core/track_request.h"
#include "server/core/watching.h"

/* ---- Telling its reader ---------------------------------------------------------------------- */

static bool has_next(const struct core_watch *watch)
{
    if (watch->is_over)
        return false;
    return watch->cursor ? moq_cursor_has_next(watch->cursor) : watch->is_ended;
}

static void run_readable(struct soon *soon)
{
    struct core_watch *watch = container_of(soon, struct core_watch, soon);
    if (!has_next(watch))
        watch->is_armed = true; /* bytes came, but not a whole frame */
    else if (watch->ops->on_readable)
        watch->ops->on_readable(watch->user, watch);
}

/* There may be something to read. */
static void note_news(void *user)
{
    struct core_watch *watch = user;
    if (!watch->is_armed)
        return;
    watch->is_armed = false;
    router_soon(watch->router, &watch->soon);
}

static void end_watch(struct core_watch *watch, int error)
{
    watch->is_ended = true;
    watch->end_error = error;
    note_news(watch);
}

/* ---- Its source ------------------------------------------------------------------------------ */

static void on_source_end(struct source_listener *listener, int error)
{
    struct core_watch *watch = container_of(listener, struct core_watch, listener);
    source_forget_watch(watch->source, listener);
    watch->source = NULL;
    end_watch(watch, error);
}

const struct source_listener_ops watch_listening = {.on_end = on_source_end};

/* The watch may be gone when this returns, because hooks are told that the track is live. */
static void read_from(struct core_watch *watch, struct source *source)
{
    const struct moq_cursor_config config = {
        .policy = watch->policy,
        .start = watch->start,
        .unread_max_bytes = watch->unread_max_bytes,
        .on_news = note_news,
        .user = watch,
    };
    route_stop_waiting(watch->router, &watch->waiting);
    core_keep_groups(source->track, core_keep_ns(&watch->policy));
    watch->cursor = moq_cursor_new(source->track, &config);
    if (!watch->cursor || !source->route) { /* or it has ended in the meantime */
        end_watch(watch, MOQ_ERR_NOMEM);
        return;
    }
    watch->source = source;
    note_news(watch);
    source_add_watch(source, &watch->listener);
}

static bool wait_for_feed(struct core_watch *watch, struct source *source)
{
    struct router *router = watch->router;
    uint64_t wait_ns = router->config->limits.wait_ns;
    if (!watch->waiting.route && !route_may_wait(router))
        return false;
    if (!source_wait(source, &watch->listener.wish))
        return false;
    if (!watch->waiting.route && !watch->is_closed)
        route_wait(router, source->route, &watch->waiting,
                   wait_ns > CORE_REPLY_TIMEOUT_NS ? wait_ns : CORE_REPLY_TIMEOUT_NS);
    return true;
}

static void free_watch(struct core_watch *watch)
{
    moq_path_unref(&watch->path);
    free(watch);
    object_died(OBJECT_watch);
}

/* False: it was closed meanwhile. */
static bool release_watch(struct core_watch *watch)
{
    bool is_closed = watch->is_closed;
    if (--watch->holds == 0 && is_closed)
        free_watch(watch);
    return !is_closed;
}

static void serve_watch(struct core_watch *watch, struct route *route)
{
    struct source *source = source_get_and_choose(watch->router, route);
    if (!source) {
        route_stop_waiting(watch->router, &watch->waiting);
        end_watch(watch, MOQ_ERR_NOMEM);
        return;
    }
    if (!source_is_ready(source)) {
        watch->holds++; /* the feed is asked, and may close it, or wake those that wait */
        bool is_waiting = wait_for_feed(watch, source);
        if (!release_watch(watch) || is_waiting || watch->cursor || watch->is_ended)
            return;
    }
    read_from(watch, source);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

static struct core_watch *watch_of_waiter(struct route_waiter *waiter)
{
    return container_of(waiter, struct core_watch, waiting);
}

static void on_ready(struct route_waiter *waiter)
{
    serve_watch(watch_of_waiter(waiter), waiter->route);
}

static void on_late(struct route_waiter *waiter)
{
    struct core_watch *watch = watch_of_waiter(waiter);
    route_stop_waiting(watch->router, waiter);
    end_watch(watch, MOQ_ERR_NOT_FOUND);
}

const struct route_waiter_ops watch_waiting = {.on_ready = on_ready, .on_late = on_late};

static void wait_for_publisher(struct core_watch *watch, struct route *route)
{
    struct router *router = watch->router;
    if (route && route_may_wait(router)) {
        route_wait(router, route, &watch->waiting, router->config->limits.wait_ns);
        return;
    }
    if (route)
        route_release(router, route);
    end_watch(watch, route ? MOQ_ERR_NOT_FOUND : MOQ_ERR_NOMEM);
}

static void find_source(struct core_watch *watch)
{
    struct route *route = route_find(watch->router, watch->path);
    if (route && !list_is_empty(&route->announcements))
        serve_watch(watch, route);
    else
        wait_for_publisher(watch, route_get(watch->router, watch->path));
}

/* ---- For its owner --------------------------------------------------------------------------- */

static struct core_watch *new_watch(struct router *router, const struct core_watch_wish *wish)
{
    uint64_t max_latency_ns = router->config->policy.max.latency_ns;
    struct core_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return NULL;
    watch->router = router;
    watch->path = moq_path_ref(wish->path);
    watch->policy = wish->policy;
    if (watch->policy.latency_ns > max_latency_ns)
        watch->policy.latency_ns = max_latency_ns;
    watch->start = wish->start;
    watch->unread_max_bytes = wish->unread_max_bytes;
    watch->soon.run = run_readable;
    watch->waiting.ops = &watch_waiting;
    watch->is_armed = true;
    watch->listener = (struct source_listener){
        .ops = &watch_listening,
        .wish = {.priority = wish->policy.priority,
                 .order = wish->policy.order,
                 .min = MOQ_NO_GROUP,
                 .max = MOQ_NO_GROUP},
        .has_wish = true,
        .latency_ns = watch->policy.latency_ns,
    };
    list_init(&watch->soon.node);
    list_init(&watch->listener.node);
    list_push_back(&router->watches, &watch->node);
    object_born(OBJECT_watch);
    return watch;
}

int core_watch_open(struct router *router, const struct core_watch_wish *wish,
                    const struct core_watch_ops *ops, void *user, struct core_watch **out)
{
    if (router->is_stopped)
        return MOQ_ERR_CLOSED;
    if (router->counters.watches >= CORE_WATCHES_MAX)
        return MOQ_ERR_BOUNDS;
    struct core_watch *watch = new_watch(router, wish);
    if (!watch)
        return MOQ_ERR_NOMEM;
    watch->ops = ops;
    watch->user = user;
    router->counters.watches++;
    router->counters.watches_total++;
    find_source(watch); /* calls hooks, which do not know it yet */
    *out = watch;
    return 0;
}

static int read_end(const struct core_watch *watch, struct moq_cursor_item *item)
{
    *item = (struct moq_cursor_item){.kind = MOQ_CURSOR_END, .error = watch->end_error};
    return 1;
}

int core_watch_read(struct core_watch *watch, struct moq_cursor_item *item)
{
    int got = 0;
    if (watch->is_over)
        return MOQ_ERR_CLOSED;
    if (watch->cursor)
        got = moq_cursor_next(watch->cursor, item);
    else if (watch->is_ended)
        got = read_end(watch, item);
    if (got == 0) {
        watch->is_armed = true;
        list_remove(&watch->soon.node); /* what it was to be called for has been read */
    }
    watch->is_over = got == 1 && item->kind == MOQ_CURSOR_END;
    return got;
}

void core_watch_stats(const struct core_watch *watch, struct moq_cursor_stats *stats)
{
    *stats = (struct moq_cursor_stats){.groups_read = 0};
    if (watch->cursor)
        moq_cursor_stats(watch->cursor, stats);
}

static void add_totals(const struct core_watch *watch, struct core_counters *counters)
{
    struct moq_cursor_stats stats;
    core_watch_stats(watch, &stats);
    counters->watch_groups_read += stats.groups_read;
    counters->watch_groups_cut += stats.groups_cut;
    counters->watch_groups_skipped += stats.groups_skipped;
    counters->watch_bytes_read += stats.bytes_read;
}

/* Hooks are told and the feed is asked, so the watch may be gone when this returns. */
static void leave_source(struct core_watch *watch)
{
    struct source *source = watch->source;
    watch->source = NULL;
    if (source)
        source_remove_watch(source, &watch->listener);
}

void core_watch_close(struct core_watch **out)
{
    struct core_watch *watch = *out;
    *out = NULL;
    if (!watch)
        return;
    struct router *router = watch->router;
    if (router) {
        add_totals(watch, &router->counters);
        router->counters.watches--;
        route_stop_waiting(router, &watch->waiting);
    }
    list_remove(&watch->node);
    list_remove(&watch->soon.node);
    moq_cursor_free(&watch->cursor);
    watch->is_closed = true;
    watch->holds++;
    leave_source(watch);
    release_watch(watch);
}

/* ---- All of a router's ----------------------------------------------------------------------- */

void watches_sweep(struct router *router)
{
    list_for_each (node, &router->watches) {
        struct core_watch *watch = container_of(node, struct core_watch, node);
        if (watch->cursor)
            moq_cursor_tend(watch->cursor);
        if (watch->is_armed && has_next(watch))
            note_news(watch);
    }
}

void watches_add_totals(const struct router *router, struct core_counters *counters)
{
    list_for_each (node, &router->watches)
        add_totals(container_of(node, struct core_watch, node), counters);
}

static void stop_watch(struct core_watch *watch)
{
    route_stop_waiting(watch->router, &watch->waiting);
    if (watch->cursor)
        moq_cursor_abandon(watch->cursor, MOQ_ERR_CANCELLED);
    end_watch(watch, MOQ_ERR_CANCELLED);
    leave_source(watch);
}

/* Hooks and feeds are called, which may close watches: each one is taken out of `todo` first. */
void watches_stop(struct router *router)
{
    struct list todo;
    list_init(&todo);
    list_move_all(&router->watches, &todo);
    for (struct list *node; (node = list_pop_front(&todo));) {
        list_push_back(&router->watches, node);
        stop_watch(container_of(node, struct core_watch, node));
    }
}

void watches_deinit(struct router *router)
{
    for (struct list *node; (node = list_pop_front(&router->watches));) {
        struct core_watch *watch = container_of(node, struct core_watch, node);
        list_remove(&watch->soon.node);
        watch->router = NULL;
    }
}
