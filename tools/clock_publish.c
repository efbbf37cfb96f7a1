/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* moq-clock as publisher: writes a frame at each new second, whether anyone watches or not. The
 * track outlives sessions, so a viewer goes on where it was after its relay was restarted.
 * Tested by tests/e2e/test_relay.py. */
#include "tools/clock.h"

#include <stdio.h>

#include "base/log.h"
#include "tools/serve.h"

/* A viewer skips a minute that was superseded longer ago than this. */
#define LATENCY_NS (10 * NS_PER_S)

struct clock_publisher {
    struct tool *tool;
    struct moq_path *path;
    struct moq_track *track;
    struct moq_group *group; /* of the current minute; NULL before the first */
    time_t written;          /* the last second that was written */
    uv_timer_t timer;
};

void clock_print_minute(time_t now, char text[CLOCK_MINUTE_BYTES + 1])
{
    struct tm parts;
    char buffer[64] = "";
    gmtime_r(&now, &parts);
    strftime(buffer, sizeof buffer, "%Y-%m-%d %H:%M:", &parts);
    snprintf(text, CLOCK_MINUTE_BYTES + 1, "%.*s", CLOCK_MINUTE_BYTES, buffer);
}

void clock_print_second(time_t now, char text[CLOCK_SECOND_BYTES + 1])
{
    unsigned second = (unsigned)(now % 60);
    text[0] = (char)('0' + second / 10);
    text[1] = (char)('0' + second % 10);
    text[2] = '\0';
}

static void finish_minute(struct clock_publisher *publisher)
{
    if (publisher->group)
        moq_track_finish_group(publisher->track, publisher->group);
    publisher->group = NULL;
}

/* Begins a group. The number of the first group is the minute of the hour; later ones count on. */
static int begin_minute(struct clock_publisher *publisher, time_t now)
{
    char text[CLOCK_MINUTE_BYTES + 1];
    bool is_first = moq_track_newest(publisher->track) == NULL;
    uint64_t sequence =
        is_first ? (uint64_t)(now / 60 % 60) : moq_track_latest(publisher->track) + 1;
    finish_minute(publisher);
    int error = moq_track_open_group(publisher->track, sequence, &publisher->group);
    if (error)
        return error;
    clock_print_minute(now, text);
    return moq_track_write_frame(publisher->track, publisher->group, text, CLOCK_MINUTE_BYTES);
}

static int write_second(struct clock_publisher *publisher, time_t now)
{
    char text[CLOCK_SECOND_BYTES + 1];
    int error = 0;
    if (!publisher->group || now / 60 != publisher->written / 60)
        error = begin_minute(publisher, now);
    if (error)
        return error;
    publisher->written = now;
    clock_print_second(now, text);
    return moq_track_write_frame(publisher->track, publisher->group, text, CLOCK_SECOND_BYTES);
}

static void on_second(uv_timer_t *timer)
{
    struct clock_publisher *publisher = timer->data;
    uint64_t now_ms = clock_wall_ms();
    time_t now = (time_t)(now_ms / 1000);
    moq_native_wake(publisher->tool->native);
    int error = now == publisher->written && publisher->group ? 0 : write_second(publisher, now);
    if (error) {
        tool_fail(publisher->tool, "cannot write to the track: %s", moq_error_words(error));
        return;
    }
    moq_native_wake(publisher->tool->native);
    uv_timer_start(timer, on_second, 1000 - now_ms % 1000 + 1, 0);
}

static void on_request(struct moq_session *session, struct moq_request *request)
{
    struct tool *tool = moq_session_user(session);
    struct clock_publisher *publisher = tool->user;
    if (!moq_path_equal(request->path, publisher->path)) {
        moq_request_refuse(request, MOQ_ERR_NOT_FOUND);
        return;
    }
    serve_request(request, publisher->track, LATENCY_NS);
}

static void on_connected(struct tool *tool, struct moq_session *session)
{
    struct clock_publisher *publisher = tool->user;
    char text[MOQ_PATH_LINE_BYTES];
    (void)session;
    tool_say(tool, "publishing %s", moq_path_text(publisher->path, text, sizeof text));
}

static void on_finish(struct tool *tool)
{
    struct clock_publisher *publisher = tool->user;
    finish_minute(publisher);
    moq_offers_remove(tool->offers, publisher->path, NULL);
    if (publisher->track)
        moq_track_end(publisher->track, 0);
    moq_track_unref(&publisher->track);
    uv_close((uv_handle_t *)&publisher->timer, NULL);
}

static int on_open(struct tool *tool)
{
    struct clock_publisher *publisher = tool->user;
    struct moq_track_config config = {
        .clock = moq_native_clock(tool->native),
        .priority = 128,
        .order = MOQ_ORDER_NEWEST,
        .cache = {.groups = 2, .age_ns = 10 * NS_PER_S},
    };
    uv_timer_init(&tool->loop, &publisher->timer);
    publisher->timer.data = publisher;
    publisher->track = moq_track_new(publisher->path, &config);
    if (!publisher->track || moq_offers_add(tool->offers, publisher->path, NULL)) {
        log_error(LOG_TOOL, "out of memory");
        return MOQ_ERR_NOMEM;
    }
    uv_timer_start(&publisher->timer, on_second, 0, 0);
    return 0;
}

int clock_publish(struct tool *tool, struct moq_path *path)
{
    static const struct moq_session_events session = {.on_request = on_request};
    static const struct tool_app app = {
        .on_connected = on_connected,
        .on_finish = on_finish,
        .session = &session,
    };
    struct clock_publisher publisher = {.tool = tool, .path = path};
    return tool_run(tool, &app, &publisher, on_open);
}
