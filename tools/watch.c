/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* When the session itself is lost, no broadcast counts as ended, because the same one may soon be
 * back.
 * Tested by tests/e2e/test_recorder.py. */
#include "tools/watch.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"

enum { RETRY_MS = 1000 };

/* ---- Time ------------------------------------------------------------------------------------ */

static void on_due(uv_timer_t *timer);

/* Has on_due called when the follower has something to do. */
static void set_timer(struct watch *watch)
{
    uint64_t due_ns = karp_follower_due_ns(&watch->follower);
    uint64_t now = watch->follower.clock->now_ns;
    if (!watch->is_timer_open || due_ns == UINT64_MAX)
        return;
    uint64_t delay_ns = due_ns > now ? due_ns - now : 0;
    uv_timer_start(&watch->timer, on_due, (delay_ns + NS_PER_MS - 1) / NS_PER_MS, 0);
}

static void on_due(uv_timer_t *timer)
{
    struct watch *watch = timer->data;
    moq_native_wake(watch->tool->native);
    karp_follower_tick(&watch->follower);
    set_timer(watch);
    moq_native_wake(watch->tool->native);
}

/* ---- Catalog --------------------------------------------------------------------------------- */

static void close_catalog(void *user)
{
    struct watch *watch = user;
    if (watch->track)
        moq_track_unwatch(watch->track, &watch->watcher);
    if (watch->subscription)
        moq_subscription_close(&watch->subscription);
    moq_track_unref(&watch->track);
}

/* Reads a new version of the catalog. Only the newest counts. A version is the first frame of a
 * group. */
static void on_catalog_growth(struct moq_watcher *watcher, struct moq_group *group)
{
    struct watch *watch = container_of(watcher, struct watch, watcher);
    const uint8_t *data = NULL;
    size_t size = 0;
    if (group != moq_track_newest(watch->track))
        return;
    struct moq_group_reader reader;
    moq_group_reader_init(&reader, group);
    if (moq_group_reader_next(&reader, &data, &size) == 0)
        karp_follower_give_catalog(&watch->follower, group->sequence, data, size);
    moq_group_reader_deinit(&reader);
}

static void on_catalog_closed(struct moq_subscription *subscription, int error)
{
    struct watch *watch = moq_subscription_user(subscription);
    watch->subscription = NULL;
    log_debug(LOG_TOOL, "the catalog ended: %s", moq_error_words(error));
    karp_follower_end_catalog(&watch->follower, error);
    set_timer(watch);
}

static int open_catalog(void *user, const char *id)
{
    static const struct moq_watcher_ops ops = {.on_growth = on_catalog_growth};
    static const struct moq_subscription_events events = {.on_closed = on_catalog_closed};
    const struct moq_wish wish = {128 + KARP_CATALOG_PRIORITY, MOQ_ORDER_NEWEST, 0, MOQ_NO_GROUP,
                                  MOQ_NO_GROUP};
    struct watch *watch = user;
    struct moq_track_config config = {
        .clock = watch->follower.clock,
        .priority = wish.priority,
        .order = wish.order,
        .cache = {.groups = 1},
    };
    struct moq_session *session = tool_session(watch->tool);
    struct moq_path *path = moq_path_child(watch->broadcast, id);
    watch->track = path ? moq_track_new(path, &config) : NULL;
    moq_path_unref(&path);
    if (!watch->track)
        return MOQ_ERR_NOMEM;
    watch->watcher.ops = &ops;
    moq_track_watch(watch->track, &watch->watcher);
    if (session)
        watch->subscription = moq_session_subscribe(session, watch->track, &wish, &events, watch);
    return watch->subscription ? 0 : MOQ_ERR_CLOSED;
}

/* ---- Instances ------------------------------------------------------------------------------- */

/* The last part of `path` if it is of the broadcast, otherwise nothing. */
static struct moq_part instance_of(const struct watch *watch, const struct moq_path *path)
{
    bool is_instance = moq_path_count(path) == moq_path_count(watch->broadcast) + 1;
    return is_instance ? moq_path_part(path, moq_path_count(path) - 1) : (struct moq_part){"", 0};
}

static void on_active(struct moq_announced *announced, struct moq_path *path)
{
    struct watch *watch = moq_announced_user(announced);
    struct moq_part id = instance_of(watch, path);
    karp_follower_announce(&watch->follower, id.data, id.size);
    set_timer(watch);
}

static void on_ended(struct moq_announced *announced, struct moq_path *path)
{
    struct watch *watch = moq_announced_user(announced);
    struct moq_part id = instance_of(watch, path);
    karp_follower_withdraw(&watch->follower, id.data, id.size);
    set_timer(watch);
}

static void on_live(struct moq_announced *announced)
{
    struct watch *watch = moq_announced_user(announced);
    char text[MOQ_PATH_LINE_BYTES];
    if (!watch->follower.id[0] && !karp_instances_newest(&watch->follower.instances))
        tool_say(watch->tool, "waiting for the broadcast \"%s\"",
                 moq_path_text(watch->broadcast, text, sizeof text));
    karp_follower_settle(&watch->follower);
}

static void on_retry(uv_timer_t *timer)
{
    struct watch *watch = timer->data;
    struct moq_session *session = tool_session(watch->tool);
    moq_native_wake(watch->tool->native);
    if (session && !watch->announced)
        watch_on_connected(watch, session);
}

/* The subscription to announcements has ended, with the session or alone. If alone, it is made
 * again. */
static void on_announced_closed(struct moq_announced *announced, int error)
{
    struct watch *watch = moq_announced_user(announced);
    log_debug(LOG_TOOL, "announcements stopped: %s", moq_error_words(error));
    watch->announced = NULL;
    karp_follower_pause(&watch->follower);
    if (watch->is_timer_open)
        uv_timer_start(&watch->retry_timer, on_retry, RETRY_MS, 0);
}

void watch_on_connected(struct watch *watch, struct moq_session *session)
{
    static const struct moq_announced_events events = {
        .on_active = on_active,
        .on_ended = on_ended,
        .on_live = on_live,
        .on_closed = on_announced_closed,
    };
    uv_timer_stop(&watch->retry_timer);
    karp_follower_listen(&watch->follower);
    watch->announced = moq_session_announced(session, watch->broadcast, &events, watch);
    if (!watch->announced)
        karp_follower_pause(&watch->follower);
}

void watch_on_lost(struct watch *watch)
{
    uv_timer_stop(&watch->retry_timer);
    watch->announced = NULL;
    karp_follower_stop(&watch->follower);
}

/* ---- Its life -------------------------------------------------------------------------------- */

void watch_open(struct watch *watch, struct tool *tool, struct moq_path *broadcast)
{
    static const struct karp_follower_input input = {open_catalog, close_catalog};
    watch->tool = tool;
    watch->broadcast = broadcast;
    watch->follower.clock = moq_native_clock(tool->native);
    watch->follower.input = &input;
    watch->follower.input_user = watch;
    uv_timer_init(&tool->loop, &watch->timer);
    uv_timer_init(&tool->loop, &watch->retry_timer);
    watch->timer.data = watch->retry_timer.data = watch;
    watch->is_timer_open = true;
}

void watch_close(struct watch *watch)
{
    if (!watch->is_timer_open)
        return;
    close_catalog(watch);
    if (watch->announced)
        moq_announced_close(&watch->announced);
    uv_close((uv_handle_t *)&watch->timer, NULL);
    uv_close((uv_handle_t *)&watch->retry_timer, NULL);
    watch->is_timer_open = false;
}

int watch_track_path(const struct watch *watch, const char *id, const char *name,
                     struct moq_path **path)
{
    struct moq_path *instance = moq_path_child(watch->broadcast, id);
    if (!instance)
        return MOQ_ERR_NOMEM;
    bool has_room = tool_path_has_room(instance, 1, strlen(name));
    *path = has_room ? moq_path_child(instance, name) : NULL;
    moq_path_unref(&instance);
    if (!has_room)
        return MOQ_ERR_BOUNDS;
    return *path ? 0 : MOQ_ERR_NOMEM;
}
