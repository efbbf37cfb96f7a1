/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The door of core: a relay on loopback, to whose workers a publisher that is no peer (pond.h),
 * hook entries (toy.h) and watches are attached, before it serves or while it does. */
#include "tests/unit/core/running.h"

#include <arpa/inet.h>

#include "tests/unit/core/pond.h"
#include "tests/unit/core/toy.h"

enum { WORKERS = 3, HOME = 1, VIEWERS = 9, PATIENCE_MS = 30000 };

/* What is attached to one worker, and touched on its thread alone. */
struct attached {
    const struct core_worker *worker;
    struct toy toy;
    struct pond pond; /* of one of them */
    uv_timer_t ticker;
    uint64_t next_group;
    struct core_watch *watch;
    int frames, ended, end_error;
};

struct viewer {
    struct stage *stage;
    struct moq_client *client;
    struct moq_track *track;
};

struct stage {
    struct running running;
    struct moq_native *native; /* of the viewers */
    struct moq_path *path;
    struct attached attached[WORKERS];
    struct viewer viewers[VIEWERS];
};

/* ---- On the workers -------------------------------------------------------------------------- */

static void on_tick(uv_timer_t *ticker)
{
    struct attached *attached = ticker->data;
    struct moq_group *group;
    moq_native_wake(attached->worker->native);
    struct moq_track *track = pond_track(&attached->pond);
    if (!track || moq_track_open_group(track, attached->next_group++, &group))
        return;
    moq_track_write_frame(track, group, "frog", 4);
    moq_track_finish_group(track, group);
}

static void on_readable(void *user, struct core_watch *watch)
{
    struct attached *attached = user;
    struct moq_cursor_item item;
    while (core_watch_read(watch, &item) == 1) {
        attached->frames += item.kind == MOQ_CURSOR_FRAME && item.size == 4;
        attached->ended += item.kind == MOQ_CURSOR_END;
        attached->end_error = item.error;
    }
    if (attached->ended)
        core_watch_close(&attached->watch);
}

static void watch_pond(struct attached *attached)
{
    static const struct core_watch_ops ops = {.on_readable = on_readable};
    const struct core_watch_wish wish = {
        .path = moq_path_from_text("pond"),
        .policy = {.latency_ns = NS_PER_S, .priority = 128, .order = MOQ_ORDER_OLDEST}};
    struct moq_path *path = wish.path;
    assert_int_equal(
        core_watch_open(attached->worker->router, &wish, &ops, attached, &attached->watch), 0);
    moq_path_unref(&path);
}

static void attach(const struct core_worker *worker, void *user)
{
    struct stage *stage = user;
    struct attached *attached = &stage->attached[worker->number];
    attached->worker = worker;
    toy_init(&attached->toy, moq_native_clock(worker->native));
    assert_int_equal(core_hooks_add(worker->hooks, &attached->toy.hook), 0);
    watch_pond(attached);
    if (worker->number != HOME)
        return;
    pond_fill(&attached->pond, worker->router);
    uv_timer_init(worker->loop, &attached->ticker);
    attached->ticker.data = attached;
    uv_timer_start(&attached->ticker, on_tick, 2, 2);
}

static void close_handles(const struct core_worker *worker, void *user)
{
    struct stage *stage = user;
    if (worker->number == HOME)
        uv_close((uv_handle_t *)&stage->attached[HOME].ticker, NULL);
}

static void detach(const struct core_worker *worker, void *user)
{
    struct stage *stage = user;
    struct attached *attached = &stage->attached[worker->number];
    close_handles(worker, user);
    core_watch_close(&attached->watch);
    if (worker->number == HOME)
        pond_drain(&attached->pond);
    assert_int_equal(core_hooks_remove(worker->hooks, &attached->toy.hook), 0);
    assert_int_equal(attached->toy.peers + attached->toy.viewers, 0);
}

static void on_all_workers(struct stage *stage,
                           void (*work)(const struct core_worker *worker, void *user))
{
    for (size_t i = 0; i < core_worker_count(stage->running.core); i++)
        core_with_worker(stage->running.core, i, work, stage);
}

/* ---- Viewers --------------------------------------------------------------------------------- */

static void on_connected(struct moq_client *client, struct moq_session *session)
{
    static const struct moq_subscription_events no_events;
    struct viewer *viewer = moq_client_user(client);
    struct moq_wish wish = {128, MOQ_ORDER_NEWEST, 0, MOQ_NO_GROUP, MOQ_NO_GROUP};
    assert_non_null(moq_session_subscribe(session, viewer->track, &wish, &no_events, viewer));
}

static void viewer_open(struct stage *stage, struct viewer *viewer)
{
    static const struct moq_client_events events = {.on_connected = on_connected};
    struct moq_client_config config = {.events = &events, .user = viewer};
    struct moq_track_config track = {.clock = moq_native_clock(stage->native), .priority = 128};
    const struct sockaddr_in *in = (const void *)&stage->running.address;
    char url[64];
    snprintf(url, sizeof url, "moqf://127.0.0.1:%u/", ntohs(in->sin_port));
    assert_int_equal(moq_url_parse(&config.url, url, NULL), 0);
    config.tls.is_verify_disabled = true;
    *viewer = (struct viewer){.stage = stage, .track = moq_track_new(stage->path, &track)};
    viewer->client = moq_client_open(stage->native, &config);
    assert_non_null(viewer->client);
}

static void viewer_close(struct viewer *viewer)
{
    moq_client_close(&viewer->client, 0, NULL, NULL);
    moq_track_unref(&viewer->track);
}

/* ---- A relay with them ----------------------------------------------------------------------- */

static void run_until(struct stage *stage, bool (*is_done)(struct stage *stage))
{
    uint64_t end_ns = clock_monotonic_ns() + PATIENCE_MS * NS_PER_MS;
    while (!is_done(stage)) {
        assert_true(clock_monotonic_ns() < end_ns);
        uv_run(&stage->running.loop, UV_RUN_NOWAIT);
    }
}

static bool all_watch(struct stage *stage)
{
    for (int i = 0; i < VIEWERS; i++)
        if (!moq_track_newest(stage->viewers[i].track))
            return false;
    return true;
}

static bool nobody_is_left(struct stage *stage)
{
    return core_stats(stage->running.core)->total.sessions == 0;
}

static void stage_init(struct stage *stage, bool is_before)
{
    memset(stage, 0, sizeof *stage);
    running_prepare(&stage->running,
                    "workers: 3\n"
                    "listen: [{ address: \"127.0.0.1:0\", self_signed: [localhost] }]\n");
    if (is_before)
        on_all_workers(stage, attach);
    core_run(stage->running.core);
    if (!is_before)
        on_all_workers(stage, attach);
    struct moq_native_config native = {.loop = &stage->running.loop};
    stage->native = moq_native_new(&native);
    stage->path = moq_path_from_text("pond");
    for (int i = 0; i < VIEWERS; i++)
        viewer_open(stage, &stage->viewers[i]);
    run_until(stage, all_watch);
}

static void close_viewers(struct stage *stage)
{
    for (int i = 0; i < VIEWERS; i++)
        viewer_close(&stage->viewers[i]);
    run_until(stage, nobody_is_left);
}

static void stage_deinit(struct stage *stage)
{
    moq_path_unref(&stage->path);
    moq_native_close(&stage->native, NULL, NULL);
    running_stop(&stage->running);
    const struct pond *pond = &stage->attached[HOME].pond;
    assert_true(pond->opened > 0);
    assert_int_equal(pond->closed, pond->opened);
}

static void what_is_attached_serves_all_workers(void **state)
{
    (void)state;
    for (int is_before = 0; is_before < 2; is_before++) {
        struct stage stage;
        int viewers = 0, peers = 0;
        stage_init(&stage, is_before);
        close_viewers(&stage);
        on_all_workers(&stage, detach);
        for (size_t i = 0; i < WORKERS; i++) {
            assert_true(stage.attached[i].frames > 0);
            viewers += stage.attached[i].toy.viewers_ever;
            peers += stage.attached[i].toy.peers_ever;
        }
        assert_int_equal(viewers, VIEWERS);
        assert_int_equal(peers, VIEWERS);
        stage_deinit(&stage);
    }
}

/* The origin goes with the relay, hooks hear of everything, and watches end. */
static void what_is_still_there_at_the_end_is_removed(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, true);
    on_all_workers(&stage, close_handles);
    for (int i = 0; i < VIEWERS; i++)
        viewer_close(&stage.viewers[i]);
    stage_deinit(&stage);
    for (size_t i = 0; i < WORKERS; i++) {
        struct attached *attached = &stage.attached[i];
        assert_int_equal(attached->toy.peers + attached->toy.viewers, 0);
        assert_int_equal(attached->ended, 1);
        assert_int_equal(attached->end_error, MOQ_ERR_CANCELLED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_attached_serves_all_workers),
        cmocka_unit_test(what_is_still_there_at_the_end_is_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
