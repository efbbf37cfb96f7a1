/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* moq-clock as viewer: prints a line per second. It waits until the clock is announced, and waits
 * again when the publisher has left.
 * Tested by tests/e2e/test_tools.py. */
#include "tools/clock.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "tools/output.h"

enum {
    RETRY_MS = 1000,
    QUIET_MS = 100, /* an end is printed after this; the publisher may be back, or the relay gone */
    LINE_MAX_BYTES = 128,
};

/* A minute that has not ended this long after the next one began is given up. */
#define PATIENCE_NS (5 * NS_PER_S)

struct clock_watcher {
    struct tool *tool;
    struct moq_path *path;
    struct output *output;
    struct moq_announced *announced;
    struct moq_subscription *subscription;
    struct moq_track *track; /* NULL: not subscribed */
    struct moq_watcher watcher;
    struct moq_group_reader reader;
    bool is_announced;         /* the clock is being published */
    int error;                 /* why the subscription ended; 0: it has not, or normally */
    uv_timer_t timer;          /* tells the end after QUIET_MS, and subscribes again */
    bool is_reading;           /* `reader` is in use */
    char minute[64];           /* the first frame of the current group; "": not read yet */
    char last[LINE_MAX_BYTES]; /* the line that was printed last */
};

/* ---- Groups to lines ------------------------------------------------------------------------- */

static void stop_reading(struct clock_watcher *watcher)
{
    if (watcher->is_reading)
        moq_group_reader_deinit(&watcher->reader);
    watcher->is_reading = false;
}

static void start_reading(struct clock_watcher *watcher, struct moq_group *group)
{
    stop_reading(watcher);
    moq_group_reader_init(&watcher->reader, group);
    watcher->is_reading = true;
    watcher->minute[0] = '\0';
}

/* Whether a line has been printed before. After a reconnect, or when another publisher takes over,
 * a group is read from its beginning again. */
static bool is_printed(const struct clock_watcher *watcher, const char *line)
{
    size_t minute = strlen(watcher->minute), size = strlen(line), last = strlen(watcher->last);
    if (last <= minute || strncmp(line, watcher->last, minute) != 0)
        return false;
    return size != last ? size < last : strcmp(line, watcher->last) <= 0;
}

static void print_frame(struct clock_watcher *watcher, const uint8_t *data, size_t size)
{
    char line[LINE_MAX_BYTES];
    if (!watcher->minute[0]) {
        snprintf(watcher->minute, sizeof watcher->minute, "%.*s", (int)(size > 60 ? 60 : size),
                 (const char *)data);
        return;
    }
    int n = snprintf(line, sizeof line, "%s%.*s\n", watcher->minute, (int)(size > 60 ? 60 : size),
                     (const char *)data);
    if (is_printed(watcher, line))
        return;
    snprintf(watcher->last, sizeof watcher->last, "%s", line);
    output_write(watcher->output, line, (size_t)n);
}

/* Whether we are done with the current group: it is complete, was cut, or is too late. */
static bool is_done_with(struct clock_watcher *watcher, int error)
{
    const struct moq_group *group = watcher->reader.group;
    if (error == MOQ_ERR_END && !watcher->minute[0])
        log_warn(LOG_TOOL, "empty group %llu", (unsigned long long)group->sequence);
    if (error != MOQ_ERR_AGAIN)
        return true;
    uint64_t now = moq_native_clock(watcher->tool->native)->now_ns;
    return group->superseded_ns && now - group->superseded_ns > PATIENCE_NS;
}

static void print_groups(struct clock_watcher *watcher)
{
    const uint8_t *data = NULL;
    size_t size = 0;
    for (;;) {
        struct moq_group *next = NULL;
        if (!watcher->is_reading) {
            next = moq_track_newest(watcher->track);
        } else {
            int error = moq_group_reader_next(&watcher->reader, &data, &size);
            if (error == 0) {
                print_frame(watcher, data, size);
                continue;
            }
            if (!is_done_with(watcher, error))
                return;
            next = moq_track_after(watcher->track, watcher->reader.group);
        }
        if (!next)
            return;
        start_reading(watcher, next);
    }
}

static void on_track(struct moq_watcher *base, struct moq_group *group)
{
    (void)group;
    print_groups(container_of(base, struct clock_watcher, watcher));
}

/* ---- Subscribing ----------------------------------------------------------------------------- */

static void unsubscribe_from_clock(struct clock_watcher *watcher)
{
    stop_reading(watcher);
    if (watcher->track) /* first: closing the subscription cuts groups, which must not be read */
        moq_track_unwatch(watcher->track, &watcher->watcher);
    moq_subscription_close(&watcher->subscription);
    moq_track_unref(&watcher->track);
}

static void subscribe_to_clock(struct clock_watcher *watcher);

static void on_retry(uv_timer_t *timer)
{
    struct clock_watcher *watcher = timer->data;
    if (watcher->is_announced && !watcher->track && tool_session(watcher->tool))
        subscribe_to_clock(watcher);
}

/* Prints how the clock has ended, and subscribes again later if it is still announced. If the
 * session has ended as well, the tool has already said so. */
static void on_quiet(uv_timer_t *timer)
{
    struct clock_watcher *watcher = timer->data;
    if (!tool_session(watcher->tool) || watcher->track)
        return;
    if (!watcher->is_announced) {
        tool_say(watcher->tool, "the clock has gone; waiting for another");
        return;
    }
    if (watcher->error)
        log_warn(LOG_TOOL, "the clock cannot be watched: %s; trying again",
                 moq_error_words(watcher->error));
    uv_timer_start(timer, on_retry, RETRY_MS, 0);
}

static void on_subscription_closed(struct moq_subscription *subscription, int error)
{
    struct clock_watcher *watcher = moq_subscription_user(subscription);
    watcher->subscription = NULL;
    watcher->error = error;
    unsubscribe_from_clock(watcher);
    uv_timer_start(&watcher->timer, on_quiet, QUIET_MS, 0);
}

static void subscribe_to_clock(struct clock_watcher *watcher)
{
    static const struct moq_subscription_events events = {.on_closed = on_subscription_closed};
    static const struct moq_watcher_ops ops = {.on_group = on_track, .on_growth = on_track};
    static const struct moq_wish wish = {128, MOQ_ORDER_NEWEST, 0, MOQ_NO_GROUP, MOQ_NO_GROUP};
    struct moq_track_config config = {
        .clock = moq_native_clock(watcher->tool->native),
        .priority = 128,
        .order = MOQ_ORDER_NEWEST,
        .cache = {.groups = 3},
    };
    moq_native_wake(watcher->tool->native);
    unsubscribe_from_clock(watcher);
    watcher->track = moq_track_new(watcher->path, &config);
    if (!watcher->track)
        return;
    watcher->watcher.ops = &ops;
    moq_track_watch(watcher->track, &watcher->watcher);
    watcher->subscription =
        moq_session_subscribe(tool_session(watcher->tool), watcher->track, &wish, &events, watcher);
}

static void on_active(struct moq_announced *announced, struct moq_path *path)
{
    struct clock_watcher *watcher = moq_announced_user(announced);
    if (!moq_path_equal(path, watcher->path))
        return;
    watcher->is_announced = true;
    subscribe_to_clock(watcher);
}

static void on_ended(struct moq_announced *announced, struct moq_path *path)
{
    struct clock_watcher *watcher = moq_announced_user(announced);
    if (!moq_path_equal(path, watcher->path))
        return;
    watcher->is_announced = false;
    unsubscribe_from_clock(watcher);
    uv_timer_start(&watcher->timer, on_quiet, QUIET_MS, 0);
}

static void on_live(struct moq_announced *announced)
{
    struct clock_watcher *watcher = moq_announced_user(announced);
    char text[MOQ_PATH_LINE_BYTES];
    if (!watcher->is_announced)
        tool_say(watcher->tool, "waiting for the clock \"%s\"",
                 moq_path_text(watcher->path, text, sizeof text));
}

static void on_announced_closed(struct moq_announced *announced, int error)
{
    struct clock_watcher *watcher = moq_announced_user(announced);
    (void)error;
    watcher->announced = NULL;
}

static void on_connected(struct tool *tool, struct moq_session *session)
{
    static const struct moq_announced_events events = {
        .on_active = on_active,
        .on_ended = on_ended,
        .on_live = on_live,
        .on_closed = on_announced_closed,
    };
    struct clock_watcher *watcher = tool->user;
    watcher->announced = moq_session_announced(session, watcher->path, &events, watcher);
}

static void on_finish(struct tool *tool)
{
    struct clock_watcher *watcher = tool->user;
    unsubscribe_from_clock(watcher);
    if (watcher->announced)
        moq_announced_close(&watcher->announced);
    output_close(&watcher->output, true, NULL);
    uv_close((uv_handle_t *)&watcher->timer, NULL);
}

static void on_broken(void *user, int error)
{
    struct clock_watcher *watcher = user;
    if (error == UV_EPIPE)
        tool_finish(watcher->tool, TOOL_OK);
    else
        tool_fail(watcher->tool, "standard output: %s", uv_strerror(error));
}

static int on_open(struct tool *tool)
{
    static const struct output_events events = {.on_broken = on_broken};
    struct clock_watcher *watcher = tool->user;
    int error = 0;
    uv_timer_init(&tool->loop, &watcher->timer);
    watcher->timer.data = watcher;
    watcher->output = output_open(&tool->loop, NULL, &events, watcher, &error);
    if (error)
        log_error(LOG_TOOL, "standard output: %s", uv_strerror(error));
    return error;
}

int clock_watch(struct tool *tool, struct moq_path *path)
{
    static const struct tool_app app = {.on_connected = on_connected, .on_finish = on_finish};
    struct clock_watcher watcher = {.tool = tool, .path = path};
    return tool_run(tool, &app, &watcher, on_open);
}
