/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A sink is a viewer: what code inside the relay reads (tap.h) is what peers receive, on every
 * worker, and one that stalls skips by its policy and harms nobody. */
#include "tests/sim/relay/prologue.h"

#include "base/objects.h"
#include "tests/sim/relay/tap.h"

enum { GROUPS = 40, LATENCY_MS = 500 };

struct stage {
    struct world world;
    struct client *publisher;
    struct moq_track *track;
    struct camera_setup setup;
    struct camera *camera;
    struct tap taps[WORLD_WORKERS_MAX]; /* one on each worker */
};

static const struct core_watch_wish patient = TAP_WISH(LATENCY_MS * NS_PER_MS);

static void stage_init(struct stage *stage, const char *yaml)
{
    const struct world_setup setup = {
        .seed = 31, .link = {.delay_ns = 10 * NS_PER_MS}, .yaml = yaml};
    *stage = (struct stage){.publisher = NULL};
    world_init(&stage->world, &setup);
    stage->publisher = client_ready(world_host(&stage->world), NULL);
    stage->track = client_publish(stage->publisher, "demo/bbb");
    world_run(&stage->world, 100 * NS_PER_MS);
}

static void open_taps(struct stage *stage, const struct core_watch_wish *wish)
{
    for (uint32_t i = 0; i < stage->world.worker_count; i++) {
        struct tap *tap = &stage->taps[i];
        tap_init(tap, &stage->world.workers[i].router, "demo/bbb", wish);
        tap->is_quiet = true;
        tap->camera = &stage->setup;
    }
    world_run(&stage->world, 200 * NS_PER_MS);
}

static void close_taps(struct stage *stage)
{
    for (uint32_t i = 0; i < stage->world.worker_count; i++)
        tap_deinit(&stage->taps[i]);
}

/* Frames of up to 20 kB, which span chunks and datagrams. */
static void roll(struct stage *stage, uint64_t interval_ns)
{
    stage->setup = (struct camera_setup){.track = stage->track,
                                         .count = GROUPS,
                                         .frames = 5,
                                         .frame_bytes = 20000,
                                         .interval_ns = interval_ns};
    stage->camera = camera_start(stage->publisher->host, &stage->setup);
}

static void a_sink_reads_what_a_viewer_receives(void **state)
{
    (void)state;
    struct stage stage;
    static struct watch watch;
    const uint8_t orders[] = {MOQ_ORDER_OLDEST, MOQ_ORDER_NEWEST};
    for (size_t i = 0; i < 2; i++) {
        struct core_watch_wish wish = patient;
        stage_init(&stage, NULL);
        wish.policy.order = orders[i];
        open_taps(&stage, &wish);
        watch_init(&watch, client_ready(world_host(&stage.world), NULL), "demo/bbb", &WISH_ANY);
        watch.camera = &stage.setup;
        world_run(&stage.world, 200 * NS_PER_MS);
        roll(&stage, 20 * NS_PER_MS);
        assert_ended_after(&stage.world, &watch, 0, 20 * NS_PER_S);
        assert_int_equal(watch_count(&watch, FATE_WHOLE), GROUPS);
        assert_int_equal(watch.wrong, 0);
        for (uint32_t w = 0; w < stage.world.worker_count; w++) {
            struct tap *tap = &stage.taps[w];
            assert_true(world_run_until(&stage.world, tap_is_over, tap, NS_PER_S));
            assert_int_equal(tap->end_error, 0);
            assert_int_equal(tap->whole, GROUPS);
            assert_int_equal(tap->cut + tap->gaps + tap->wrong, 0);
        }
        assert_int_equal(stage.publisher->subscribes, 1);
        close_taps(&stage);
        watch_deinit(&watch);
        world_deinit(&stage.world);
    }
}

/* The publisher stays: it has to be asked for the first group when the sink comes. */
static void a_sink_alone_makes_the_publisher_send(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, NULL);
    roll(&stage, 20 * NS_PER_MS);
    world_run(&stage.world, NS_PER_S);
    assert_int_equal(stage.publisher->subscribes, 0);
    open_taps(&stage, &patient);
    world_run(&stage.world, NS_PER_S);
    assert_int_equal(stage.publisher->subscribes, 1);
    for (uint32_t i = 0; i < stage.world.worker_count; i++)
        assert_true(stage.taps[i].whole > 5);
    close_taps(&stage);
    world_run(&stage.world, 5 * NS_PER_S);
    assert_int_equal(stage.publisher->viewers, 0);
    world_deinit(&stage.world);
}

/* ---- Stalling -------------------------------------------------------------------------------- */

static void a_sink_that_stalls_skips_by_its_policy(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, NULL);
    open_taps(&stage, &patient);
    roll(&stage, 20 * NS_PER_MS); /* a group takes 100 ms */
    stage.camera->is_open_ended = true;
    world_run(&stage.world, 250 * NS_PER_MS);
    for (uint32_t i = 0; i < stage.world.worker_count; i++)
        stage.taps[i].is_stalled = true;
    world_run(&stage.world, 2 * NS_PER_S);
    for (uint32_t i = 0; i < stage.world.worker_count; i++) {
        struct tap *tap = &stage.taps[i];
        struct moq_cursor_stats stats;
        int whole = tap->whole;
        tap->is_stalled = false;
        tap_read(tap);
        core_watch_stats(tap->watch, &stats);
        assert_int_equal(tap->cut, 1); /* the one that it was in */
        assert_true(stats.groups_skipped >= 11 && stats.groups_skipped <= 16);
        assert_true(tap->whole - whole >= 4 && tap->whole - whole <= 6);
        assert_true(tap->gaps > 0);
    }
    world_run(&stage.world, 5 * NS_PER_S);
    for (uint32_t i = 0; i < stage.world.worker_count; i++) {
        assert_int_equal(stage.taps[i].cut, 1);
        assert_int_equal(stage.taps[i].wrong, 0);
    }
    close_taps(&stage);
    world_deinit(&stage.world);
}

/* It costs what the cache holds, and viewers notice nothing. */
static void a_sink_that_never_reads_keeps_nothing_alive(void **state)
{
    (void)state;
    struct stage stage;
    static struct watch watch;
    int64_t least[2] = {0, 0};
    for (int has_taps = 0; has_taps < 2; has_taps++) {
        stage_init(&stage, "cache: { groups: 2 }\npolicy: { latency: 500ms }\n");
        if (has_taps)
            open_taps(&stage, &patient);
        watch_init(&watch, client_ready(world_host(&stage.world), NULL), "demo/bbb", &WISH_ANY);
        watch.camera = &stage.setup;
        world_run(&stage.world, 200 * NS_PER_MS);
        roll(&stage, 20 * NS_PER_MS);
        stage.camera->is_open_ended = true;
        world_run(&stage.world, 250 * NS_PER_MS);
        for (uint32_t i = 0; has_taps && i < stage.world.worker_count; i++) {
            assert_true(stage.taps[i].is_in_group);
            stage.taps[i].is_stalled = true;
        }
        world_run(&stage.world, 12 * NS_PER_S);
        least[has_taps] = object_count(OBJECT_group_body);
        assert_int_equal(watch_count(&watch, FATE_WHOLE), GROUPS);
        assert_int_equal(watch.wrong, 0);
        close_taps(&stage);
        watch_deinit(&watch);
        world_deinit(&stage.world);
    }
    assert_int_equal(least[1], least[0]);
}

/* ---- Publishers ------------------------------------------------------------------------------ */

static void a_sink_sees_a_takeover_and_the_end(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, NULL);
    open_taps(&stage, &patient);
    for (uint32_t i = 0; i < stage.world.worker_count; i++) {
        stage.taps[i].is_quiet = false;
        stage.taps[i].camera = NULL;
    }
    publish_text(stage.track, 5, "old");
    world_run(&stage.world, 200 * NS_PER_MS);
    struct client *other = client_ready(world_host(&stage.world), NULL);
    struct moq_track *track = client_publish(other, "demo/bbb");
    world_run(&stage.world, 300 * NS_PER_MS);
    publish_text(track, 0, "new"); /* raised: they have seen a 5 */
    world_run(&stage.world, 300 * NS_PER_MS);
    client_close(stage.publisher, 0);
    client_close(other, 0);
    world_run(&stage.world, 2 * NS_PER_S);
    for (uint32_t i = 0; i < stage.world.worker_count; i++)
        assert_string_equal(tap_text(&stage.taps[i]), "(5 old 5) (6 new 6) end -23");
    close_taps(&stage);
    world_deinit(&stage.world);
}

static void a_sink_loses_what_its_publisher_loses(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, NULL);
    open_taps(&stage, &patient);
    struct moq_group *group;
    for (uint32_t i = 0; i < stage.world.worker_count; i++) {
        stage.taps[i].is_quiet = false;
        stage.taps[i].camera = NULL;
    }
    assert_int_equal(moq_track_open_group(stage.track, 1, &group), 0);
    assert_int_equal(moq_track_write_frame(stage.track, group, "half", 4), 0);
    world_run(&stage.world, 200 * NS_PER_MS);
    host_crash(stage.publisher->host);
    world_run(&stage.world, 60 * NS_PER_S);
    for (uint32_t i = 0; i < stage.world.worker_count; i++)
        assert_string_equal(tap_text(&stage.taps[i]), "(1 half 1)!-3 end -23");
    close_taps(&stage);
    world_deinit(&stage.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sink_reads_what_a_viewer_receives),
        cmocka_unit_test(a_sink_alone_makes_the_publisher_send),
        cmocka_unit_test(a_sink_that_stalls_skips_by_its_policy),
        cmocka_unit_test(a_sink_that_never_reads_keeps_nothing_alive),
        cmocka_unit_test(a_sink_sees_a_takeover_and_the_end),
        cmocka_unit_test(a_sink_loses_what_its_publisher_loses),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
