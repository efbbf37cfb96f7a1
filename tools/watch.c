/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Announcements come one by one, and a publisher that reconnects withdraws one and makes another.
 * So a change takes effect only after QUIET_MS without another change. When the session itself is
 * lost, no broadcast counts as ended, because the same one may soon be back.
 * Tested by tests/e2e/test_recorder.py. */
#include "tools/watch.h"

#include <string.h>

#include "base/log.h"

enum { QUIET_MS = 100, RETRY_MS = 1000, DELAYS_MAX = 5 };

/* ---- Catalog --------------------------------------------------------------------------------- */

static void drop_catalog(struct watch *watch)
{
    uv_timer_stop(&watch->catalog_timer);
    if (watch->track)
        moq_track_unwatch(watch->track, &watch->watcher);
    if (watch->subscription)
        moq_subscription_close(&watch->subscription);
    moq_track_unref(&watch->track);
}

static void read_catalog(struct watch *watch, const uint8_t *data, size_t size)
{
    struct karp_catalog *catalog = NULL;
    struct karp_failure failure;
    int error = karp_catalog_parse((const char *)data, size, &catalog, &failure);
    if (error) {
        log_warn(LOG_TOOL, "catalog: %s", failure.text);
        return;
    }
    watch->events->on_catalog(watch, catalog);
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
    if (watch->has_version && group->sequence <= watch->version)
        return;
    struct moq_group_reader reader;
    moq_group_reader_init(&reader, group);
    if (moq_group_reader_next(&reader, &data, &size) == 0) {
        watch->has_version = true;
        watch->refused_ns = 0;
        watch->version = group->sequence;
        read_catalog(watch, data, size);
    }
    moq_group_reader_deinit(&reader);
}

static void on_catalog_retry(uv_timer_t *timer);

static void note_refusal(struct watch *watch, int error)
{
    uv_timer_start(&watch->catalog_timer, on_catalog_retry, RETRY_MS, 0);
    if (watch->has_version || watch->refused_ns)
        return;
    watch->refused_ns = moq_native_clock(watch->tool->native)->now_ns;
    watch->refusal = error;
}

static void on_catalog_closed(struct moq_subscription *subscription, int error)
{
    struct watch *watch = moq_subscription_user(subscription);
    watch->subscription = NULL;
    log_debug(LOG_TOOL, "the catalog ended: %s", moq_error_words(error));
    if (error || !watch->has_version)
        note_refusal(watch, error ? error : MOQ_ERR_END);
}

static void subscribe_catalog(struct watch *watch)
{
    static const struct moq_watcher_ops ops = {.on_growth = on_catalog_growth};
    static const struct moq_subscription_events events = {.on_closed = on_catalog_closed};
    const struct moq_wish wish = {128 + KARP_CATALOG_PRIORITY, MOQ_ORDER_NEWEST, 0, MOQ_NO_GROUP,
                                  MOQ_NO_GROUP};
    struct moq_track_config config = {
        .clock = moq_native_clock(watch->tool->native),
        .priority = wish.priority,
        .order = wish.order,
        .cache = {.groups = 1},
    };
    struct moq_session *session = tool_session(watch->tool);
    struct moq_path *path = NULL;
    watch_track_path(watch, NULL, &path);
    watch->track = path ? moq_track_new(path, &config) : NULL;
    moq_path_unref(&path);
    if (!watch->track || !session)
        return;
    watch->has_version = false;
    watch->watcher.ops = &ops;
    moq_track_watch(watch->track, &watch->watcher);
    watch->subscription = moq_session_subscribe(session, watch->track, &wish, &events, watch);
    if (!watch->subscription)
        note_refusal(watch, MOQ_ERR_CLOSED);
}

/* Subscribes to the catalog again. The instance is still announced, so its publisher may serve the
 * catalog by now. */
static void on_catalog_retry(uv_timer_t *timer)
{
    struct watch *watch = timer->data;
    moq_native_wake(watch->tool->native);
    if (!watch->announced || !watch->id[0])
        return;
    if (watch->refused_ns && !watch->is_refusal_told)
        log_warn(LOG_TOOL, "instance %s: its catalog cannot be fetched (%s); trying again",
                 watch->id, moq_error_words(watch->refusal));
    watch->is_refusal_told = watch->refused_ns > 0;
    drop_catalog(watch);
    subscribe_catalog(watch);
    moq_native_wake(watch->tool->native);
}

/* ---- Instances ------------------------------------------------------------------------------- */

static bool is_id(const char *id, const struct moq_part *part)
{
    return part->size == strlen(id) && memcmp(part->data, id, part->size) == 0;
}

static void take_newest(struct watch *watch)
{
    const char *newest = karp_instances_newest(&watch->instances);
    if (!watch->announced)
        return;
    bool is_fresh = newest && strcmp(newest, watch->fresh_id) == 0;
    watch->passed_over += watch->appeared - (is_fresh && watch->appeared > 0);
    watch->appeared = 0;
    if (strcmp(newest ? newest : "", watch->id) == 0)
        return;
    drop_catalog(watch);
    watch->refused_ns = 0;
    watch->delays = 0;
    watch->is_refusal_told = false;
    snprintf(watch->id, sizeof watch->id, "%s", newest ? newest : "");
    watch->is_from_start = strcmp(watch->id, watch->fresh_id) == 0;
    watch->events->on_instance(watch, newest);
    if (newest)
        subscribe_catalog(watch);
}

/* Takes the newest instance. If the catalog of the current one is still under way, that comes
 * first: an instance that is replaced at once has media, too. */
static void on_quiet(uv_timer_t *timer)
{
    struct watch *watch = timer->data;
    bool is_catalog_due = watch->subscription && !watch->has_version && !watch->refused_ns;
    moq_native_wake(watch->tool->native);
    if (is_catalog_due && karp_instances_newest(&watch->instances) && watch->delays++ < DELAYS_MAX)
        uv_timer_start(&watch->timer, on_quiet, QUIET_MS, 0);
    else
        take_newest(watch);
    moq_native_wake(watch->tool->native);
}

static const struct moq_path *broadcast_of(struct watch *watch, struct moq_path *path)
{
    bool is_instance = moq_path_count(path) == moq_path_count(watch->broadcast) + 1;
    return is_instance ? path : NULL;
}

static void on_active(struct moq_announced *announced, struct moq_path *path)
{
    struct watch *watch = moq_announced_user(announced);
    if (!broadcast_of(watch, path))
        return;
    struct moq_part id = moq_path_part(path, moq_path_count(path) - 1);
    bool is_new = karp_instances_add(&watch->instances, id.data, id.size);
    if (is_new && watch->has_waited && !is_id(watch->id, &id) && !is_id(watch->fresh_id, &id))
        watch->appeared++;
    if (is_new && watch->has_waited)
        snprintf(watch->fresh_id, sizeof watch->fresh_id, "%.*s", (int)id.size, id.data);
    if (is_new && watch->has_waited && !watch->id[0])
        take_newest(watch); /* at once, because another may follow */
    else if (is_new)
        uv_timer_start(&watch->timer, on_quiet, watch->id[0] ? QUIET_MS : 0, 0);
}

static void on_ended(struct moq_announced *announced, struct moq_path *path)
{
    struct watch *watch = moq_announced_user(announced);
    if (!broadcast_of(watch, path))
        return;
    struct moq_part id = moq_path_part(path, moq_path_count(path) - 1);
    if (is_id(watch->id, &id))
        watch->delays = DELAYS_MAX; /* its catalog will not come any more */
    if (karp_instances_remove(&watch->instances, id.data, id.size))
        uv_timer_start(&watch->timer, on_quiet, QUIET_MS, 0);
}

static void on_live(struct moq_announced *announced)
{
    struct watch *watch = moq_announced_user(announced);
    char text[MOQ_PATH_LINE_BYTES];
    if (!watch->id[0] && !karp_instances_newest(&watch->instances))
        tool_say(watch->tool, "waiting for the broadcast \"%s\"",
                 moq_path_text(watch->broadcast, text, sizeof text));
    watch->has_waited = true;
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
 * again. What was announced before counts as unknown, not as ended. */
static void on_announced_closed(struct moq_announced *announced, int error)
{
    struct watch *watch = moq_announced_user(announced);
    log_debug(LOG_TOOL, "announcements stopped: %s", moq_error_words(error));
    watch->announced = NULL;
    watch->has_waited = false;
    if (watch->is_timer_open)
        uv_timer_start(&watch->timer, on_retry, RETRY_MS, 0);
}

void watch_on_connected(struct watch *watch, struct moq_session *session)
{
    static const struct moq_announced_events events = {
        .on_active = on_active,
        .on_ended = on_ended,
        .on_live = on_live,
        .on_closed = on_announced_closed,
    };
    watch->instances.count = 0;
    watch->id[0] = watch->fresh_id[0] = '\0';
    watch->has_waited = false;
    watch->appeared = 0;
    watch->refused_ns = 0;
    drop_catalog(watch);
    uv_timer_stop(&watch->timer);
    watch->announced = moq_session_announced(session, watch->broadcast, &events, watch);
}

void watch_on_lost(struct watch *watch)
{
    uv_timer_stop(&watch->timer);
    watch->announced = NULL;
    watch->refused_ns = 0;
    drop_catalog(watch);
}

/* ---- Its life -------------------------------------------------------------------------------- */

void watch_init(struct watch *watch, struct tool *tool, struct moq_path *broadcast,
                const struct watch_events *events, void *user)
{
    watch->tool = tool;
    watch->broadcast = broadcast;
    watch->events = events;
    watch->user = user;
}

void watch_open(struct watch *watch)
{
    uv_timer_init(&watch->tool->loop, &watch->timer);
    uv_timer_init(&watch->tool->loop, &watch->catalog_timer);
    watch->timer.data = watch->catalog_timer.data = watch;
    watch->is_timer_open = true;
}

void watch_close(struct watch *watch)
{
    if (!watch->is_timer_open)
        return;
    drop_catalog(watch);
    if (watch->announced)
        moq_announced_close(&watch->announced);
    uv_close((uv_handle_t *)&watch->timer, NULL);
    uv_close((uv_handle_t *)&watch->catalog_timer, NULL);
    watch->is_timer_open = false;
}

int watch_track_path(const struct watch *watch, const char *name, struct moq_path **path)
{
    struct moq_path *instance = moq_path_child(watch->broadcast, watch->id);
    *path = instance;
    if (!instance || !name)
        return instance ? 0 : MOQ_ERR_NOMEM;
    bool has_room = tool_path_has_room(instance, 1, strlen(name));
    *path = has_room ? moq_path_child(instance, name) : NULL;
    moq_path_unref(&instance);
    if (!has_room)
        return MOQ_ERR_BOUNDS;
    return *path ? 0 : MOQ_ERR_NOMEM;
}
