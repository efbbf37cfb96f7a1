/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Two relays on loopback, `near` and `far`. One worker of `near` dials `far`, and then each watches
 * what the other one publishes, as far as the grants of the dial allow it. */
#include "tests/unit/core/running.h"

#include <arpa/inet.h>

#include "tests/unit/core/pond.h"
#include "tests/unit/core/toy.h"

enum { DIALLER = 1, PATIENCE_MS = 30000 };

/* What is attached to one worker of a relay. Counts are read by the test while the worker runs. */
struct side {
    struct running running;
    const struct core_worker *worker;
    struct toy toy;
    struct pond pond;
    uv_timer_t ticker;
    uint64_t next_group;
    struct core_watch *watch;
    int frames, ends; /* of the watch; atomic */
};

struct stage {
    struct side near, far;
    struct core_dial *dial;
    const struct core_grants *grants; /* of the dial */
    uint64_t retry_ms;                /* of the last on_down */
    int ups, downs;                   /* atomic */
};

/* ---- What is published, and watched ---------------------------------------------------------- */

static void on_tick(uv_timer_t *ticker)
{
    struct side *side = ticker->data;
    struct moq_group *group;
    moq_native_wake(side->worker->native);
    struct moq_track *track = pond_track(&side->pond);
    if (!track || moq_track_open_group(track, side->next_group++, &group))
        return;
    moq_track_write_frame(track, group, "frog", 4);
    moq_track_finish_group(track, group);
}

static void publish(const struct core_worker *worker, void *user)
{
    struct side *side = user;
    side->worker = worker;
    toy_init(&side->toy, moq_native_clock(worker->native));
    assert_int_equal(core_hooks_add(worker->hooks, &side->toy.hook), 0);
    pond_fill(&side->pond, worker->router);
    uv_timer_init(worker->loop, &side->ticker);
    side->ticker.data = side;
    uv_timer_start(&side->ticker, on_tick, 2, 2);
}

static void on_readable(void *user, struct core_watch *watch)
{
    struct side *side = user;
    struct moq_cursor_item item;
    while (core_watch_read(watch, &item) == 1) {
        if (item.kind == MOQ_CURSOR_FRAME)
            __atomic_add_fetch(&side->frames, 1, __ATOMIC_RELAXED);
        if (item.kind == MOQ_CURSOR_END)
            __atomic_add_fetch(&side->ends, 1, __ATOMIC_RELAXED);
    }
}

static void watch(const struct core_worker *worker, void *user)
{
    static const struct core_watch_ops ops = {.on_readable = on_readable};
    struct side *side = user;
    const struct core_watch_wish wish = {
        .path = moq_path_from_text("pond"),
        .policy = {.latency_ns = NS_PER_S, .priority = 128, .order = MOQ_ORDER_OLDEST}};
    struct moq_path *path = wish.path;
    side->worker = worker;
    toy_init(&side->toy, moq_native_clock(worker->native));
    assert_int_equal(core_hooks_add(worker->hooks, &side->toy.hook), 0);
    assert_int_equal(core_watch_open(worker->router, &wish, &ops, side, &side->watch), 0);
    moq_path_unref(&path);
}

/* ---- The dial -------------------------------------------------------------------------------- */

static void on_up(void *user, struct core_peer *peer)
{
    struct stage *stage = user;
    assert_non_null(core_peer_session(peer));
    assert_string_equal(core_peer_path(peer), "/link");
    assert_string_equal(core_peer_server_name(peer), "127.0.0.1");
    assert_string_equal(core_peer_identity(peer), stage->grants ? "far" : "");
    __atomic_add_fetch(&stage->ups, 1, __ATOMIC_RELAXED);
}

static void on_down(void *user, int error, const char *reason, uint64_t retry_ms)
{
    struct stage *stage = user;
    assert_int_not_equal(error, 0);
    assert_string_not_equal(reason, "");
    __atomic_store_n(&stage->retry_ms, retry_ms, __ATOMIC_RELAXED);
    __atomic_add_fetch(&stage->downs, 1, __ATOMIC_RELAXED);
}

static void dial(const struct core_worker *worker, void *user)
{
    static const struct core_dial_ops ops = {.on_up = on_up, .on_down = on_down};
    struct stage *stage = user;
    const struct sockaddr_in *in = (const void *)&stage->far.running.address;
    struct core_dial_config config = {.tls = {.is_verify_disabled = true},
                                      .grants = stage->grants,
                                      .idle_ns = 20 * NS_PER_S,
                                      .keep_alive_ns = NS_PER_S / 2,
                                      .reconnect = {true, 50, 200, 0}};
    char url[64];
    snprintf(url, sizeof url, "https://127.0.0.1:%u/link", ntohs(in->sin_port));
    assert_int_equal(moq_url_parse(&config.url, url, NULL), 0);
    assert_int_equal(core_dial_open(worker, &config, &ops, stage, &stage->dial), 0);
}

static void hang_up(const struct core_worker *worker, void *user)
{
    struct stage *stage = user;
    (void)worker;
    core_dial_close(&stage->dial, 0);
    assert_null(stage->dial);
}

/* ---- Two relays ------------------------------------------------------------------------------ */

static void run_until(struct stage *stage, bool (*is_done)(struct stage *stage))
{
    uint64_t end_ns = clock_monotonic_ns() + PATIENCE_MS * NS_PER_MS;
    while (!is_done(stage)) {
        assert_true(clock_monotonic_ns() < end_ns);
        uv_run(&stage->near.running.loop, UV_RUN_NOWAIT);
        uv_run(&stage->far.running.loop, UV_RUN_NOWAIT);
    }
}

static int value_of(const int *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static bool is_up(struct stage *stage)
{
    return value_of(&stage->ups) == 1;
}

static bool has_failed_twice(struct stage *stage)
{
    return value_of(&stage->downs) >= 2;
}

static bool near_has_frames(struct stage *stage)
{
    return value_of(&stage->near.frames) > 10;
}

static bool far_has_frames(struct stage *stage)
{
    return value_of(&stage->far.frames) > 10;
}

static bool near_has_refused(struct stage *stage)
{
    return core_stats(stage->near.running.core)->total.announcements_denied > 0;
}

static uint64_t sessions_of(struct side *side)
{
    return core_stats(side->running.core)->total.sessions;
}

static bool nobody_is_left(struct stage *stage)
{
    return sessions_of(&stage->near) + sessions_of(&stage->far) == 0;
}

static void stage_init(struct stage *stage)
{
    static const char text[] = "workers: 2\n"
                               "listen: [{ address: \"127.0.0.1:0\", self_signed: [localhost] }]\n";
    memset(stage, 0, sizeof *stage);
    running_start(&stage->near.running, text);
    running_start(&stage->far.running, text);
}

static void close_side(const struct core_worker *worker, void *user)
{
    struct side *side = user;
    if (worker != side->worker)
        return;
    if (side->ticker.data) {
        uv_close((uv_handle_t *)&side->ticker, NULL);
        pond_drain(&side->pond);
    }
    core_watch_close(&side->watch);
    core_hooks_remove(worker->hooks, &side->toy.hook);
}

static void stop_side(struct side *side)
{
    core_stop(&side->running.core, NULL, NULL);
    uv_run(&side->running.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&side->running.loop), 0);
    relay_config_free(&side->running.config);
}

static void on_both(struct side *side, size_t worker,
                    void (*work)(const struct core_worker *worker, void *user))
{
    core_with_worker(side->running.core, worker, work, side);
}

static void stage_deinit(struct stage *stage)
{
    for (size_t i = 0; i < 2; i++) {
        on_both(&stage->near, i, close_side);
        on_both(&stage->far, i, close_side);
    }
    stop_side(&stage->near);
    stop_side(&stage->far);
    assert_int_equal(objects_report(stderr), 0);
}

/* The worker that watches is not the one that dials. */
static void frames_come_from_the_relay_that_was_dialled(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    on_both(&stage.far, 0, publish);
    on_both(&stage.near, 0, watch);
    core_with_worker(stage.near.running.core, DIALLER, dial, &stage);
    run_until(&stage, near_has_frames);
    core_with_worker(stage.near.running.core, DIALLER, hang_up, &stage);
    run_until(&stage, nobody_is_left);
    assert_int_equal(stage.downs, 0);
    assert_int_equal(core_stats(stage.near.running.core)->total.sessions_total, 0);
    assert_int_equal(core_stats(stage.near.running.core)->total.sessions_dialled_total, 1);
    stage_deinit(&stage);
}

static void frames_go_to_the_relay_that_was_dialled(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    on_both(&stage.near, 0, publish);
    on_both(&stage.far, 1, watch);
    core_with_worker(stage.near.running.core, DIALLER, dial, &stage);
    run_until(&stage, far_has_frames);
    core_with_worker(stage.near.running.core, DIALLER, hang_up, &stage);
    run_until(&stage, nobody_is_left);
    stage_deinit(&stage);
}

/* Births and deaths are told, and what the peer announces and watches is asked about. */
static void hooks_know_a_peer_that_was_dialled(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    on_both(&stage.far, 0, watch);
    on_both(&stage.near, DIALLER, publish);
    core_with_worker(stage.near.running.core, DIALLER, dial, &stage);
    run_until(&stage, far_has_frames);
    core_with_worker(stage.near.running.core, DIALLER, hang_up, &stage);
    run_until(&stage, nobody_is_left);
    const struct toy *toy = &stage.near.toy;
    assert_int_equal(toy->peers_ever, 1);
    assert_int_equal(toy->peers, 0);
    assert_int_equal(toy->viewers_ever, 1);
    assert_int_equal(toy->asked[CORE_REQUEST_SESSION], 0);
    assert_int_equal(toy->asked[CORE_REQUEST_SUBSCRIBE], 1);
    stage_deinit(&stage);
}

static void grants_of_a_dial_limit_what_its_peer_may_announce(void **state)
{
    (void)state;
    struct stage stage;
    struct moq_path *other = moq_path_from_text("other");
    const struct moq_path *prefixes[] = {other};
    const struct core_grants grants = {
        .identity = "far", .publish = prefixes, .publish_count = 1, .is_cluster = true};
    stage_init(&stage);
    stage.grants = &grants;
    on_both(&stage.far, 0, publish);
    on_both(&stage.near, 0, watch);
    core_with_worker(stage.near.running.core, DIALLER, dial, &stage);
    run_until(&stage, near_has_refused);
    assert_int_equal(value_of(&stage.near.frames), 0);
    core_with_worker(stage.near.running.core, DIALLER, hang_up, &stage);
    run_until(&stage, nobody_is_left);
    moq_path_unref(&other);
    stage_deinit(&stage);
}

static void a_relay_that_stops_ends_what_it_has_dialled(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    core_with_worker(stage.near.running.core, DIALLER, dial, &stage);
    run_until(&stage, is_up);
    stop_side(&stage.near);
    assert_int_equal(stage.downs, 1);
    assert_int_equal(stage.retry_ms, UINT64_MAX);
    stop_side(&stage.far);
    core_dial_close(&stage.dial, 0);
    assert_int_equal(objects_report(stderr), 0);
}

static void a_dial_tries_again(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    struct sockaddr_in *in = (void *)&stage.far.running.address;
    in->sin_port = htons(9); /* discard, RFC 863: nobody answers there by QUIC */
    core_with_worker(stage.near.running.core, DIALLER, dial, &stage);
    run_until(&stage, has_failed_twice);
    assert_int_equal(stage.ups, 0);
    assert_true(__atomic_load_n(&stage.retry_ms, __ATOMIC_RELAXED) <= 300);
    core_with_worker(stage.near.running.core, DIALLER, hang_up, &stage);
    stage_deinit(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_from_the_relay_that_was_dialled),
        cmocka_unit_test(frames_go_to_the_relay_that_was_dialled),
        cmocka_unit_test(hooks_know_a_peer_that_was_dialled),
        cmocka_unit_test(grants_of_a_dial_limit_what_its_peer_may_announce),
        cmocka_unit_test(a_relay_that_stops_ends_what_it_has_dialled),
        cmocka_unit_test(a_dial_tries_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
