/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What viewers get through the relay: late joins, ranges, and groups skipped because of their
 * latency, which other viewers do not notice. */
#include "tests/sim/relay/prologue.h"

struct stage {
    struct world world;
    struct client *publisher;
    struct host *house;
    struct moq_track *track;
};

static const struct client_setup as_03 = {.versions = MOQ_VERSION_03};

static void stage_init(struct stage *stage, const char *yaml)
{
    const struct world_setup setup = {
        .seed = 11, .link = {.delay_ns = 10 * NS_PER_MS}, .yaml = yaml};
    world_init(&stage->world, &setup);
    stage->publisher = client_ready(world_host(&stage->world), &as_03);
    stage->house = world_host(&stage->world);
    stage->track = client_publish(stage->publisher, "demo/bbb");
    world_run(&stage->world, 100 * NS_PER_MS);
}

/* Opens a session with this set-up and subscribes. */
static void join(struct stage *stage, struct watch *watch, const struct client_setup *setup,
                 const struct moq_wish *wish)
{
    watch_init(watch, client_ready(stage->house, setup), "demo/bbb", wish);
    moq_track_set_cache(watch->track, &(struct moq_cache_limits){.groups = 64});
    world_run(&stage->world, 200 * NS_PER_MS);
}

static void a_late_viewer_starts_at_the_head_of_the_newest_group(void **state)
{
    (void)state;
    const uint32_t versions[] = {MOQ_VERSION_02, MOQ_VERSION_03, MOQ_VERSION_04};
    for (size_t i = 0; i < 3; i++) {
        const struct client_setup setup = {.versions = versions[i]};
        struct stage stage;
        struct watch early, late;
        struct moq_group *group;
        stage_init(&stage, NULL);
        publish_text(stage.track, 1, "one");
        join(&stage, &early, NULL, &WISH_ANY);
        publish_text(stage.track, 2, "two");
        assert_int_equal(moq_track_open_group(stage.track, 3, &group), 0);
        assert_int_equal(moq_track_write_frame(stage.track, group, "key", 3), 0);
        assert_int_equal(moq_track_append(stage.track, group,
                                          "\x05"
                                          "de",
                                          3),
                         0);
        world_run(&stage.world, 100 * NS_PER_MS);

        join(&stage, &late, &setup, &WISH_ANY);
        assert_group(&late, 3, "key...");
        assert_int_equal(moq_track_append(stage.track, group, "lta", 3), 0);
        moq_track_finish_group(stage.track, group);
        world_run(&stage.world, 100 * NS_PER_MS);

        assert_group(&late, 3, "key|delta");
        assert_int_equal(late.begun, 1);
        assert_group(&early, 3, "key|delta");
        assert_int_equal(early.begun, 3);
        assert_int_equal(stage.publisher->subscribes, 1);
        watch_deinit(&early);
        watch_deinit(&late);
        world_deinit(&stage.world);
    }
}

/* ---- Ranges ---------------------------------------------------------------------------------- */

static void assert_has(const struct watch *watch, uint64_t first, uint64_t last)
{
    char expected[WATCH_TEXT_BYTES], got[WATCH_TEXT_BYTES];
    for (size_t i = 0; i < WATCH_TEXT_BYTES - 1; i++) {
        expected[i] = i >= first && i <= last ? 'w' : '.';
        got[i] = ".gwcG"[watch->fates[i]];
    }
    expected[last + 3] = got[last + 3] = '\0';
    assert_string_equal(got, expected);
    assert_int_equal(watch->begun, last - first + 1);
}

static void publish(struct stage *stage, uint64_t first, uint64_t last)
{
    for (uint64_t sequence = first; sequence <= last; sequence++)
        publish_text(stage->track, sequence, "x");
    world_run(&stage->world, 300 * NS_PER_MS);
}

static void a_range_is_asked_of_the_publisher_and_nothing_else(void **state)
{
    (void)state;
    struct stage stage;
    struct watch watch;
    stage_init(&stage, "cache:\n  groups: 32\n");
    publish(&stage, 0, 9);
    join(&stage, &watch, &as_03, &WISH_RANGE(5, 7));

    assert_int_equal(stage.publisher->wish.min, 5);
    assert_int_equal(stage.publisher->wish.max, 7);
    assert_has(&watch, 5, 7);
    assert_int_equal(watch.closed, 1);
    assert_int_equal(watch.close_error, 0);
    watch_deinit(&watch);
    world_deinit(&stage.world);
}

static void a_wider_range_fetches_only_what_is_missing(void **state)
{
    (void)state;
    struct stage stage;
    struct watch narrow, wide;
    stage_init(&stage, "cache:\n  groups: 32\n");
    publish(&stage, 0, 12);
    join(&stage, &narrow, &as_03, &WISH_RANGE(5, 20));
    join(&stage, &wide, &as_03, &WISH_RANGE(2, 22));
    assert_int_equal(stage.publisher->subscribes, 3); /* 5..20, 21..22, 2..4 */
    publish(&stage, 13, 25);

    assert_has(&narrow, 5, 20);
    assert_has(&wide, 2, 22);
    assert_int_equal(narrow.closed + wide.closed, 2);
    assert_int_equal(narrow.close_error | wide.close_error, 0);
    assert_int_equal(world_counters(&stage.world)->groups_sent, 16 + 21);
    watch_deinit(&narrow);
    watch_deinit(&wide);
    world_deinit(&stage.world);
}

static void a_viewer_without_a_range_joins_one_that_has_one(void **state)
{
    (void)state;
    struct stage stage;
    struct watch range, live;
    stage_init(&stage, "cache:\n  groups: 32\n");
    publish(&stage, 0, 5);
    join(&stage, &range, &as_03, &WISH_RANGE(4, 7));
    join(&stage, &live, NULL, &WISH_ANY);
    publish(&stage, 6, 12);

    assert_has(&range, 4, 7);
    assert_int_equal(range.closed, 1);
    assert_has(&live, 5, 12);
    assert_int_equal(live.closed, 0);
    watch_deinit(&range);
    watch_deinit(&live);
    world_deinit(&stage.world);
}

static void ranges_of_a_small_cache_are_reported_where_they_are_lost(void **state)
{
    (void)state;
    struct stage stage;
    struct watch narrow, wide;
    stage_init(&stage, "cache:\n  groups: 2\n");
    publish(&stage, 0, 12);
    join(&stage, &narrow, &as_03, &WISH_RANGE(8, 20));
    join(&stage, &wide, &as_03, &WISH_RANGE(2, 20));
    publish(&stage, 13, 25);
    world_run(&stage.world, 5 * NS_PER_S);

    assert_true(watch_knows(&narrow, 8, 20));
    assert_true(watch_knows(&wide, 2, 20));
    for (uint64_t sequence = 13; sequence <= 20; sequence++)
        assert_int_equal(wide.fates[sequence], FATE_WHOLE);
    assert_int_equal(narrow.closed + wide.closed, 2);
    assert_int_equal(narrow.close_error | wide.close_error, 0);
    watch_deinit(&narrow);
    watch_deinit(&wide);
    world_deinit(&stage.world);
}

static void a_range_behind_the_end_of_a_track_ends_with_it(void **state)
{
    (void)state;
    struct stage stage;
    struct watch watch;
    stage_init(&stage, NULL);
    publish(&stage, 0, 3);
    join(&stage, &watch, &as_03, &WISH_RANGE(3, 8));
    moq_track_end(stage.track, 0);
    assert_ended_after(&stage.world, &watch, 0, NS_PER_S);
    assert_has(&watch, 3, 3);
    watch_deinit(&watch);
    world_deinit(&stage.world);
}

static void the_wish_upstream_follows_the_viewers(void **state)
{
    (void)state;
    struct stage stage;
    struct watch low, high;
    stage_init(&stage, NULL);
    struct moq_wish wish = WISH_ANY;
    wish.priority = 10;
    join(&stage, &low, &as_03, &wish);
    assert_int_equal(stage.publisher->wish.priority, 10);

    wish.priority = 200;
    join(&stage, &high, &as_03, &wish);
    assert_int_equal(stage.publisher->wish.priority, 200);

    wish.priority = 60;
    moq_subscription_update(high.subscription, &wish);
    world_run(&stage.world, 200 * NS_PER_MS);
    assert_int_equal(stage.publisher->wish.priority, 60);

    client_close(high.client, 0);
    world_run(&stage.world, 200 * NS_PER_MS);
    assert_int_equal(stage.publisher->wish.priority, 10);
    assert_int_equal(stage.publisher->subscribes, 1);
    watch_deinit(&low);
    watch_deinit(&high);
    world_deinit(&stage.world);
}

/* ---- Latency --------------------------------------------------------------------------------- */

enum { GROUPS = 30, GROUP_MS = 200, FRAMES = 10, FRAME_BYTES = 4000 };

/* The link carries 160 kbit/s of an average of 800, so at best every fifth group arrives. */
static void a_slow_viewer_skips_what_is_late_and_delays_nobody(void **state)
{
    (void)state;
    struct stage stage;
    struct watch fast, slow;
    stage_init(&stage, "policy:\n  latency: 300ms\n");
    struct host *edge = world_host(&stage.world);
    sim_set_node_link(stage.world.sim, edge->node,
                      &(struct sim_link){.delay_ns = 10 * NS_PER_MS,
                                         .bandwidth_bps = 160000,
                                         .queue_ns = 200 * NS_PER_MS});
    const struct camera_setup setup = {.track = stage.track,
                                       .count = GROUPS,
                                       .frames = FRAMES,
                                       .frame_bytes = FRAME_BYTES,
                                       .interval_ns = GROUP_MS / FRAMES * NS_PER_MS};
    join(&stage, &fast, NULL, &WISH_ANY);
    watch_init(&slow, client_ready(edge, NULL), "demo/bbb", &WISH_ANY);
    moq_track_set_cache(slow.track, &(struct moq_cache_limits){.groups = 64});
    world_run(&stage.world, 200 * NS_PER_MS);
    fast.camera = slow.camera = &setup;

    struct camera *camera = camera_start(stage.publisher->host, &setup);
    uint64_t start_ns = world_now(&stage.world);
    while (!camera_is_over(camera)) {
        world_run(&stage.world, GROUP_MS * NS_PER_MS);
        /* Two links of 10 ms each, and the time of a turn. */
        int due =
            (int)((world_now(&stage.world) - start_ns - 50 * NS_PER_MS) / (GROUP_MS * NS_PER_MS));
        assert_true(watch_count(&fast, FATE_WHOLE) >= due);
        /* A group is late 300 ms after it was superseded. Cutting it may take a tick, the queue and
         * the network delay. */
        assert_in_range(watch_count(&slow, FATE_GROWING), 0, 1 + (300 + 250 + 250) / GROUP_MS);
    }
    world_run(&stage.world, 10 * NS_PER_S);

    assert_int_equal(watch_count(&fast, FATE_WHOLE), GROUPS);
    assert_true(watch_knows(&slow, 0, GROUPS - 1));
    assert_int_equal(fast.wrong + slow.wrong, 0);
    assert_true(watch_count(&slow, FATE_CUT) > 0);
    assert_int_equal(slow.closed, 1);
    assert_int_equal(slow.close_error, 0);
    const struct core_counters *counters = world_counters(&stage.world);
    assert_true(counters->groups_reset >= GROUPS / 3);
    watch_deinit(&fast);
    watch_deinit(&slow);
    world_deinit(&stage.world);
}

/* A publisher may begin with any number. Its viewers are told of the gap, but it does not count as
 * skipped. */
static void numbers_that_nobody_used_are_no_groups_that_were_skipped(void **state)
{
    (void)state;
    struct stage stage;
    struct watch watch;
    stage_init(&stage, NULL);
    publish_text(stage.track, 1, "one");
    join(&stage, &watch, &as_03, &WISH_ANY);
    publish_text(stage.track, 900, "far away");
    world_run(&stage.world, 5 * NS_PER_S);
    assert_group(&watch, 900, "far away");
    assert_int_equal(watch_count(&watch, FATE_GAP), 898);
    assert_int_equal(world_counters(&stage.world)->groups_skipped, 0);
    watch_deinit(&watch);
    world_deinit(&stage.world);
}

/* More groups in one turn than may be open, as after a pause in the publisher's network. */
static void a_burst_of_small_groups_is_delivered_whole(void **state)
{
    (void)state;
    enum { COUNT = 60, FIRST = 2 };
    for (int order = MOQ_ORDER_OLDEST; order <= MOQ_ORDER_ANY; order++) {
        struct stage stage;
        struct watch watch;
        struct moq_wish wish = WISH_ANY;
        wish.order = (uint8_t)order;
        stage_init(&stage, "cache: { groups: 100 }");
        publish_text(stage.track, 1, "one");
        join(&stage, &watch, &as_03, &wish);
        for (uint64_t i = FIRST; i < FIRST + COUNT; i++)
            publish_text(stage.track, i, "small");
        world_run(&stage.world, 500 * NS_PER_MS);
        assert_int_equal(watch_count(&watch, FATE_WHOLE), 1 + COUNT);
        watch_deinit(&watch);
        world_deinit(&stage.world);
    }
}

/* ---- Time ------------------------------------------------------------------------------------ */

/* Once everything has arrived, sessions wait for nothing, whatever they have watched before. */
static void idle_sessions_wake_nobody(void **state)
{
    (void)state;
    static const uint32_t versions[] = {MOQ_VERSION_02, MOQ_VERSION_03, MOQ_VERSION_04};
    struct stage stage;
    struct watch watches[3];
    stage_init(&stage, NULL);
    for (size_t i = 0; i < 3; i++)
        join(&stage, &watches[i], &(struct client_setup){.versions = versions[i]}, &WISH_ANY);
    publish(&stage, 1, 20);
    for (size_t i = 0; i < 3; i++)
        assert_group(&watches[i], 20, "x");

    world_run(&stage.world, 100 * NS_PER_S);

    for (uint32_t i = 0; i < stage.world.worker_count; i++)
        assert_true(moq_native_app.due_ns(&stage.world.workers[i].bridge) == CLOCK_NEVER);
    assert_true(moq_native_app.due_ns(&stage.house->bridge) == CLOCK_NEVER);
    for (size_t i = 0; i < 3; i++)
        watch_deinit(&watches[i]);
    world_deinit(&stage.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_late_viewer_starts_at_the_head_of_the_newest_group),
        cmocka_unit_test(a_range_is_asked_of_the_publisher_and_nothing_else),
        cmocka_unit_test(a_wider_range_fetches_only_what_is_missing),
        cmocka_unit_test(a_viewer_without_a_range_joins_one_that_has_one),
        cmocka_unit_test(ranges_of_a_small_cache_are_reported_where_they_are_lost),
        cmocka_unit_test(a_range_behind_the_end_of_a_track_ends_with_it),
        cmocka_unit_test(the_wish_upstream_follows_the_viewers),
        cmocka_unit_test(a_slow_viewer_skips_what_is_late_and_delays_nobody),
        cmocka_unit_test(a_burst_of_small_groups_is_delivered_whole),
        cmocka_unit_test(numbers_that_nobody_used_are_no_groups_that_were_skipped),
        cmocka_unit_test(idle_sessions_wake_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
