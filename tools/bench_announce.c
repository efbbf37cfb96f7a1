/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* moq-bench's watcher: a connection that asks for all announcements under the URL's path. Viewers
 * arrive when it has seen every flow. It also measures how long the announcements of --announce
 * take to reach it.
 * Tested by tests/meter/run. */
#include "tools/bench.h"

#include <stdlib.h>
#include <string.h>

struct bench_watch {
    struct bench_thread *thread;
    struct moq_client *client;
    struct moq_announced *announced;
    struct moq_path *base;
    uint64_t storm_began_ns; /* 0: not yet */
    bool is_stopping;
};

/* Whether the path belongs to --announce. Its part after the base is "storm"; for a flow it is
 * "p3". */
static bool is_storm(const struct bench_watch *watch, const struct moq_path *path)
{
    size_t depth = moq_path_count(watch->base);
    if (moq_path_count(path) <= depth)
        return false;
    struct moq_part part = moq_path_part(path, depth);
    return part.size == strlen("storm") && memcmp(part.data, "storm", part.size) == 0;
}

static void on_active(struct moq_announced *announced, struct moq_path *path)
{
    struct bench_watch *watch = moq_announced_user(announced);
    struct bench *bench = watch->thread->bench;
    if (!is_storm(watch, path)) {
        bench_add(&bench->announced, 1);
        return;
    }
    if (watch->storm_began_ns && bench_add(&bench->storm_seen, 1) == bench->options.announce)
        bench_set(&bench->storm_ns, clock_monotonic_ns() - watch->storm_began_ns);
}

static void on_closed(struct moq_announced *announced, int error)
{
    struct bench_watch *watch = moq_announced_user(announced);
    watch->announced = NULL;
    bool is_connection_over = error == MOQ_ERR_TRANSPORT; /* on_lost will say why */
    if (!watch->is_stopping && !is_connection_over)
        bench_fail(watch->thread->bench, "the relay does not send announcements: %s",
                   moq_error_words(error));
}

static void on_connected(struct moq_client *client, struct moq_session *session)
{
    static const struct moq_announced_events events = {.on_active = on_active,
                                                       .on_closed = on_closed};
    struct bench_watch *watch = moq_client_user(client);
    watch->announced = moq_session_announced(session, watch->base, &events, watch);
    if (!watch->announced)
        bench_fail(watch->thread->bench, "announcements: %s", moq_error_words(MOQ_ERR_NOMEM));
}

static void on_lost(struct moq_client *client, int error, const char *reason, uint64_t retry_ms)
{
    struct bench_watch *watch = moq_client_user(client);
    (void)retry_ms;
    bench_fail_connection(watch->thread->bench, "no connection", error, reason);
}

void bench_watch_storm(struct bench_thread *thread)
{
    thread->watch->storm_began_ns = clock_monotonic_ns();
}

int bench_watch_open(struct bench_thread *thread)
{
    static const struct moq_client_events events = {.on_connected = on_connected,
                                                    .on_lost = on_lost};
    struct bench_watch *watch = thread->watch = calloc(1, sizeof *watch);
    if (!watch)
        return MOQ_ERR_NOMEM;
    struct moq_client_config config = {.events = &events, .user = watch};
    watch->thread = thread;
    watch->base = moq_url_broadcast(&thread->bench->options.url);
    if (!watch->base)
        return MOQ_ERR_INVALID;
    bench_client_config(thread->bench, &config);
    config.reconnect.is_enabled = false;
    watch->client = moq_client_open(bench_prompt_native(thread, 0), &config);
    return watch->client ? 0 : MOQ_ERR_NOMEM;
}

void bench_watch_close(struct bench_thread *thread)
{
    struct bench_watch *watch = thread->watch;
    if (!watch)
        return;
    watch->is_stopping = true;
    if (watch->announced)
        moq_announced_close(&watch->announced);
    moq_client_close(&watch->client, 0, NULL, NULL);
}

void bench_watch_free(struct bench_thread *thread)
{
    if (!thread->watch)
        return;
    moq_path_unref(&thread->watch->base);
    free(thread->watch);
}
