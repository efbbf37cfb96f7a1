/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The clock module: the time of day as a track, the same as `moq-clock publish` writes it, and the
 * smallest useful module. A group is a minute. Its first frame says which minute ("2025-01-15
 * 00:00:"), each later frame is a second of it ("07").
 * Tested by tests/e2e/test_modules.py. */
#include <relay/module.h>
#include <stdio.h>
#include <time.h>

struct clock_config {
    const char *path;
};

static const struct relay_field fields[] = {
    {.name = "path",
     .type = RELAY_FIELD_STRING,
     .flags = RELAY_FIELD_IS_PATH,
     .offset = offsetof(struct clock_config, path),
     .fallback = "clock",
     .help = "path of the track"},
};
static const struct relay_schema schema = RELAY_SCHEMA(struct clock_config, fields);

struct ticker { /* in the worker's slot */
    struct relay_source *source;
    struct relay_group *group; /* of the current minute; NULL before the first */
    struct relay_timer *timer;
    time_t written; /* the last second that was written */
};

static int begin_minute(struct ticker *ticker, const struct tm *utc)
{
    char text[64];
    size_t n = strftime(text, sizeof text, "%Y-%m-%d %H:%M:", utc);
    relay_group_close(&ticker->group, 0);
    /* Others count from the minute of the hour on. */
    uint64_t sequence = ticker->written ? RELAY_NEXT_GROUP : (uint64_t)utc->tm_min;
    int error = relay_group_open(ticker->source, sequence, &ticker->group);
    return error ? error : relay_group_write(ticker->group, text, n);
}

static void write_second(struct relay_worker *worker, void *arg)
{
    struct ticker *ticker = arg;
    struct timespec wall;
    struct tm utc;
    char text[8];
    clock_gettime(CLOCK_REALTIME, &wall);
    if (wall.tv_sec == ticker->written)
        return;
    gmtime_r(&wall.tv_sec, &utc);
    bool is_minute = !ticker->group || wall.tv_sec / 60 != ticker->written / 60;
    int error = is_minute ? begin_minute(ticker, &utc) : 0;
    size_t n = strftime(text, sizeof text, "%S", &utc);
    if (!error)
        error = relay_group_write(ticker->group, text, n);
    if (error)
        relay_log(relay_worker_self(worker), RELAY_ERROR, "a second is lost: %s",
                  relay_error_words(error));
    ticker->written = wall.tv_sec;
}

static int worker_start(struct relay_worker *worker, const void *config)
{
    const struct clock_config *clock = config;
    struct ticker *ticker = relay_worker_slot(worker);
    const struct relay_offer offer = {.size = sizeof offer,
                                      .path = clock->path,
                                      .groups = 1,
                                      .priority = 128,
                                      .order = RELAY_ORDER_NEWEST};
    if (relay_worker_number(worker) != 0)
        return 0;
    int error = relay_source_open(worker, &offer, NULL, NULL, &ticker->source);
    if (error)
        return relay_fail(relay_worker_self(worker), "cannot publish %s: %s", clock->path,
                          relay_error_words(error));
    write_second(worker, ticker);
    ticker->timer = relay_timer_start(worker, 10, 10, write_second, ticker);
    return ticker->timer ? 0 : relay_fail(relay_worker_self(worker), "out of memory");
}

static void worker_stop(struct relay_worker *worker)
{
    struct ticker *ticker = relay_worker_slot(worker);
    relay_timer_stop(&ticker->timer);
    relay_group_close(&ticker->group, 0);
    relay_source_close(&ticker->source, 0);
}

RELAY_MODULE = {
    RELAY_MODULE_HEAD,
    .name = "clock",
    .version = "1.0",
    .config = &schema,
    .worker_slot_bytes = sizeof(struct ticker),
    .worker_start = worker_start,
    .worker_stop = worker_stop,
};
