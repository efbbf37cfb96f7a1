/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A relay with four workers: a publisher on one, viewers who come and go on all, while it is
 * reloaded, looked at and stopped. The sanitizer for threads watches. */
#include "tests/unit/core/running.h"

#include <arpa/inet.h>

enum { WORKERS = 4, VIEWERS = 12, WAVES = 5, LIMIT = 5, PATIENCE_MS = 30000 };

static const char *const four_workers =
    "workers: 4\n"
    "listen: [{ address: \"127.0.0.1:0\", self_signed: [localhost] }]\n";

struct viewer {
    struct stage *stage;
    struct moq_client *client;
    struct moq_track *track;
    bool is_over;
};

struct stage {
    struct running running;
    struct moq_native *native;
    struct moq_path *path;
    struct moq_track *published;
    struct moq_client *publisher;
    struct viewer viewers[VIEWERS];
    uv_timer_t ticker;
    uint64_t next_group, end_ns;
    bool is_publisher_over;
    unsigned connected, lost;
};

/* ---- The publisher --------------------------------------------------------------------------- */

static void on_request(struct moq_session *session, struct moq_request *request)
{
    struct stage *stage = moq_session_user(session);
    struct moq_policy policy = {.latency_ns = NS_PER_S, .priority = 128, .order = MOQ_ORDER_NEWEST};
    if (request->kind == MOQ_REQUEST_SUBSCRIBE)
        moq_request_serve(request, stage->published, &policy);
    else
        moq_request_refuse(request, MOQ_ERR_NOT_FOUND);
}

static void on_tick(uv_timer_t *ticker)
{
    struct stage *stage = ticker->data;
    struct moq_group *group = NULL;
    moq_native_wake(stage->native);
    assert_int_equal(moq_track_open_group(stage->published, stage->next_group++, &group), 0);
    assert_int_equal(moq_track_write_frame(stage->published, group, "hello", 5), 0);
    moq_track_finish_group(stage->published, group);
}

static void on_publisher_lost(struct moq_client *client, int error, const char *reason,
                              uint64_t retry_ms)
{
    struct stage *stage = moq_client_user(client);
    (void)error, (void)reason, (void)retry_ms;
    stage->is_publisher_over = true;
}

/* ---- Viewers --------------------------------------------------------------------------------- */

static void on_viewer_connected(struct moq_client *client, struct moq_session *session)
{
    static const struct moq_subscription_events no_events;
    struct viewer *viewer = moq_client_user(client);
    struct moq_wish wish = {128, MOQ_ORDER_NEWEST, 0, MOQ_NO_GROUP, MOQ_NO_GROUP};
    viewer->stage->connected++;
    assert_non_null(moq_session_subscribe(session, viewer->track, &wish, &no_events, viewer));
}

static void on_viewer_lost(struct moq_client *client, int error, const char *reason,
                           uint64_t retry_ms)
{
    struct viewer *viewer = moq_client_user(client);
    (void)error, (void)reason, (void)retry_ms;
    viewer->stage->lost++;
    viewer->is_over = true;
}

static void client_config(struct stage *stage, struct moq_client_config *config)
{
    char url[64];
    const struct sockaddr_in *in = (const void *)&stage->running.address;
    snprintf(url, sizeof url, "moqf://127.0.0.1:%u/", ntohs(in->sin_port));
    assert_int_equal(moq_url_parse(&config->url, url, NULL), 0);
    config->tls.is_verify_disabled = true;
}

static void viewer_open(struct stage *stage, struct viewer *viewer)
{
    static const struct moq_client_events events = {.on_connected = on_viewer_connected,
                                                    .on_lost = on_viewer_lost};
    struct moq_client_config config = {.events = &events, .user = viewer};
    struct moq_track_config track = {.clock = moq_native_clock(stage->native), .priority = 128};
    *viewer = (struct viewer){.stage = stage};
    client_config(stage, &config);
    viewer->track = moq_track_new(stage->path, &track);
    viewer->client = moq_client_open(stage->native, &config);
    assert_non_null(viewer->client);
}

static void viewer_close(struct viewer *viewer)
{
    moq_client_close(&viewer->client, 0, NULL, NULL);
    moq_track_unref(&viewer->track);
}

static void open_viewers(struct stage *stage)
{
    stage->connected = stage->lost = 0;
    for (int i = 0; i < VIEWERS; i++)
        viewer_open(stage, &stage->viewers[i]);
}

static void close_viewers(struct stage *stage)
{
    for (int i = 0; i < VIEWERS; i++)
        viewer_close(&stage->viewers[i]);
}

/* ---- The stage ------------------------------------------------------------------------------- */

static void run_until(struct stage *stage, bool (*is_done)(struct stage *stage))
{
    uint64_t end_ns = clock_monotonic_ns() + PATIENCE_MS * NS_PER_MS;
    while (!is_done(stage)) {
        assert_true(clock_monotonic_ns() < end_ns);
        uv_run(&stage->running.loop, UV_RUN_ONCE);
    }
}

static bool is_announced(struct stage *stage)
{
    return core_stats(stage->running.core)->total.announcements == 1;
}

static void stage_init(struct stage *stage, const char *text)
{
    static const struct moq_session_events session = {.on_request = on_request};
    static const struct moq_client_events events = {.on_lost = on_publisher_lost};
    memset(stage, 0, sizeof *stage);
    running_start(&stage->running, text);
    struct moq_native_config native = {.loop = &stage->running.loop};
    stage->native = moq_native_new(&native);
    stage->path = moq_path_from_text("hello");
    struct moq_track_config track = {.clock = moq_native_clock(stage->native), .priority = 128};
    stage->published = moq_track_new(stage->path, &track);
    struct moq_client_config config = {.events = &events, .session = &session, .user = stage};
    client_config(stage, &config);
    config.offers = moq_offers_new();
    moq_offers_add(config.offers, stage->path, NULL);
    stage->publisher = moq_client_open(stage->native, &config);
    uv_timer_init(&stage->running.loop, &stage->ticker);
    stage->ticker.data = stage;
    uv_timer_start(&stage->ticker, on_tick, 2, 2);
    run_until(stage, is_announced);
    moq_offers_free(&config.offers);
}

static void stage_deinit(struct stage *stage)
{
    uv_close((uv_handle_t *)&stage->ticker, NULL);
    moq_client_close(&stage->publisher, 0, NULL, NULL);
    moq_track_unref(&stage->published);
    moq_path_unref(&stage->path);
    moq_native_close(&stage->native, NULL, NULL);
    running_stop(&stage->running);
}

static bool all_watch(struct stage *stage)
{
    for (int i = 0; i < VIEWERS; i++) {
        struct moq_group *group = moq_track_newest(stage->viewers[i].track);
        if (!group || moq_group_length(group) < 6)
            return false;
    }
    return true;
}

static bool nobody_watches(struct stage *stage)
{
    return core_stats(stage->running.core)->total.sessions == 1;
}

static bool all_are_counted(struct stage *stage)
{
    const struct core_counters *total = &core_stats(stage->running.core)->total;
    return total->sessions == VIEWERS + 1 && total->viewers == VIEWERS;
}

static void assert_sums(const struct core_stats *stats)
{
    struct core_counters sum = {.sessions = 0};
    uint64_t accepted = 0, busy = 0;
    for (size_t i = 0; i < stats->worker_count; i++) {
        sum.sessions += stats->workers[i].counters.sessions;
        sum.viewers += stats->workers[i].counters.viewers;
        accepted += stats->workers[i].listeners[0].accepted;
        busy += stats->workers[i].counters.viewers > 0;
        assert_true(stats->workers[i].system_thread > 0);
        assert_true(stats->workers[i].cpu_ns > 0);
    }
    assert_int_equal(stats->worker_count, WORKERS);
    assert_int_equal(stats->total.sessions, VIEWERS + 1);
    assert_int_equal(stats->total.viewers, VIEWERS);
    assert_int_equal(sum.sessions, stats->total.sessions);
    assert_int_equal(sum.viewers, stats->total.viewers);
    assert_int_equal(accepted, stats->listeners[0].accepted);
    assert_true(busy >= 2); /* all on one of four: once in four million times */
    assert_int_equal(stats->total.upstream_subscriptions, 1);
}

static void reload(struct stage *stage, const char *text)
{
    char error_text[QUIC_ERROR_TEXT_BYTES];
    struct relay_config *fresh = running_load(text);
    assert_int_equal(core_reload(stage->running.core, fresh, error_text), 0);
    relay_config_free(&stage->running.config);
    stage->running.config = fresh;
}

static void viewers_of_all_workers_are_served_while_it_is_reloaded(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, four_workers);
    for (int i = 0; i < WAVES; i++) {
        open_viewers(&stage);
        run_until(&stage, all_watch);
        run_until(&stage, all_are_counted);
        assert_sums(core_stats(stage.running.core));
        reload(&stage, four_workers);
        close_viewers(&stage);
        run_until(&stage, nobody_watches);
    }
    stage_deinit(&stage);
}

static bool all_are_told(struct stage *stage)
{
    return stage->lost == VIEWERS && stage->is_publisher_over;
}

static void at_its_end_all_are_told(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, four_workers);
    open_viewers(&stage);
    run_until(&stage, all_watch);

    core_stop(&stage.running.core, NULL, NULL);

    run_until(&stage, all_are_told);
    close_viewers(&stage);
    uv_close((uv_handle_t *)&stage.ticker, NULL);
    moq_client_close(&stage.publisher, 0, NULL, NULL);
    moq_track_unref(&stage.published);
    moq_path_unref(&stage.path);
    moq_native_close(&stage.native, NULL, NULL);
    uv_run(&stage.running.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&stage.running.loop), 0);
    relay_config_free(&stage.running.config);
    assert_int_equal(objects_report(stderr), 0);
}

static bool all_came_or_not(struct stage *stage)
{
    return stage->connected + stage->lost == VIEWERS;
}

static void a_limit_of_connections_is_about_all_workers(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, "workers: 4\n"
                       "limits: { connections: 5 }\n"
                       "listen: [{ address: \"127.0.0.1:0\", self_signed: [localhost] }]\n");
    open_viewers(&stage);

    run_until(&stage, all_came_or_not);

    assert_int_equal(stage.connected, LIMIT - 1); /* and the publisher */
    close_viewers(&stage);
    stage_deinit(&stage);
}

/* ---- A worker that is stuck ------------------------------------------------------------------ */

struct brake {
    struct core_hook hook;
    uv_sem_t is_stuck, is_let_go;
};

static enum core_verdict brake_session(void *self, struct core_request *request)
{
    struct brake *brake = self;
    (void)request;
    uv_sem_post(&brake->is_stuck);
    uv_sem_wait(&brake->is_let_go);
    return CORE_PASS;
}

static void add_brake(const struct core_worker *worker, void *user)
{
    struct brake *brake = user;
    core_hooks_add(worker->hooks, &brake->hook);
}

static void remove_brake(const struct core_worker *worker, void *user)
{
    struct brake *brake = user;
    core_hooks_remove(worker->hooks, &brake->hook);
}

static void a_worker_that_is_stuck_holds_up_no_page(void **state)
{
    (void)state;
    static const struct core_hook_ops ops = {.session_open = brake_session};
    struct brake brakes[WORKERS];
    struct stage stage;
    stage_init(&stage, four_workers);
    for (size_t i = 0; i < WORKERS; i++) {
        brakes[i] = (struct brake){.hook = {.ops = &ops, .self = &brakes[i]}};
        uv_sem_init(&brakes[i].is_stuck, 0);
        uv_sem_init(&brakes[i].is_let_go, 0);
        core_with_worker(stage.running.core, i, add_brake, &brakes[i]);
    }
    assert_int_equal(core_stats(stage.running.core)->total.announcements, 1);
    viewer_open(&stage, &stage.viewers[0]);
    size_t stuck = 0;
    while (uv_sem_trywait(&brakes[stuck].is_stuck) != 0) {
        uv_run(&stage.running.loop, UV_RUN_NOWAIT);
        stuck = (stuck + 1) % WORKERS;
    }

    const struct core_stats *stats = core_stats(stage.running.core);

    assert_int_equal(stats->total.announcements, 1); /* as it was, if that is the one */
    assert_int_equal(stats->total.sessions, 1);
    uv_sem_post(&brakes[stuck].is_let_go);
    while (core_stats(stage.running.core)->total.sessions < 2)
        uv_run(&stage.running.loop, UV_RUN_NOWAIT);
    for (size_t i = 0; i < WORKERS; i++)
        core_with_worker(stage.running.core, i, remove_brake, &brakes[i]);
    viewer_close(&stage.viewers[0]);
    stage_deinit(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(viewers_of_all_workers_are_served_while_it_is_reloaded),
        cmocka_unit_test(at_its_end_all_are_told),
        cmocka_unit_test(a_limit_of_connections_is_about_all_workers),
        cmocka_unit_test(a_worker_that_is_stuck_holds_up_no_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
