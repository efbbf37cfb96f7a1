/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Publishers that fall silent, die, come back and replace each other, and viewers that vanish. */
#include "tests/sim/relay/prologue.h"

#define RTT_NS (20 * NS_PER_MS)
#define IDLE_NS (3 * NS_PER_S)
#define SOON_NS (4 * RTT_NS) /* a message on its way, and the turns around it */

struct stage {
    struct world world;
    struct client *publisher, *viewer;
    struct moq_track *track;
    struct watch watch;
};

static void stage_init(struct stage *stage, uint32_t version)
{
    const struct world_setup setup = {
        .seed = 9,
        .link = {.delay_ns = RTT_NS / 2},
        .yaml = "limits:\n  idle: 3s\n  wait: 2s\nquic:\n  keep_alive: 1s\n"};
    const struct client_setup as_version = {.versions = version};
    struct world *world = &stage->world;
    world_init(world, &setup);
    stage->publisher = client_ready(world_host(world), &as_version);
    stage->viewer = client_ready(world_host(world), NULL);
    stage->track = client_publish(stage->publisher, "demo/bbb");
    watch_init(&stage->watch, stage->viewer, "demo/bbb", &WISH_ANY);
    world_run(world, NS_PER_S);
}

static void stage_deinit(struct stage *stage)
{
    watch_deinit(&stage->watch);
    world_deinit(&stage->world);
}

/* Begins a group with one frame, and leaves it open. */
static struct moq_group *begin(struct moq_track *track, uint64_t sequence, const char *text)
{
    struct moq_group *group;
    assert_int_equal(moq_track_open_group(track, sequence, &group), 0);
    assert_int_equal(moq_track_write_frame(track, group, text, strlen(text)), 0);
    return group;
}

static void viewers_of_a_silent_publisher_are_told_after_the_idle_time(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, 0);
    publish_text(stage.track, 1, "one");
    world_run(&stage.world, NS_PER_S);

    host_vanish(stage.publisher->host);
    world_run(&stage.world, IDLE_NS / 2);
    assert_int_equal(stage.watch.closed, 0);

    assert_ended_after(&stage.world, &stage.watch, MOQ_ERR_NOT_FOUND, IDLE_NS);
    assert_group(&stage.watch, 1, "one");
    stage_deinit(&stage);
}

static void a_publisher_that_dies_in_a_group_ends_it_and_the_subscription_at_once(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, 0);
    begin(stage.track, 1, "half");
    world_run(&stage.world, NS_PER_S);
    assert_group(&stage.watch, 1, "half...");

    client_close(stage.publisher, MOQ_ERR_IO);

    assert_ended_after(&stage.world, &stage.watch, MOQ_ERR_NOT_FOUND, SOON_NS);
    world_run(&stage.world, SOON_NS);
    assert_group(&stage.watch, 1, "half!");
    assert_int_equal(stage.watch.fates[1], FATE_CUT);
    stage_deinit(&stage);
}

static void a_reset_group_is_cut_and_the_next_one_comes(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, 0);
    struct moq_group *group = begin(stage.track, 1, "half");
    world_run(&stage.world, NS_PER_S);

    moq_track_abort_group(stage.track, group, MOQ_ERR_WRONG_SIZE);
    publish_text(stage.track, 2, "two");
    world_run(&stage.world, SOON_NS);

    assert_group(&stage.watch, 1, "half!");
    assert_group(&stage.watch, 2, "two");
    assert_int_equal(stage.watch.closed, 0);
    stage_deinit(&stage);
}

static void the_end_of_a_track_arrives_behind_its_last_group(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, 0);
    publish_text(stage.track, 1, "last");
    moq_track_end(stage.track, 0);
    client_withdraw(stage.publisher, stage.track);

    assert_ended_after(&stage.world, &stage.watch, 0, 2 * SOON_NS);
    assert_group(&stage.watch, 1, "last");
    stage_deinit(&stage);
}

static void a_withdrawn_path_that_does_not_end_is_ended(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, 0);
    begin(stage.track, 1, "half");
    client_withdraw(stage.publisher, stage.track);

    assert_ended_after(&stage.world, &stage.watch, MOQ_ERR_NOT_FOUND, NS_PER_S);
    stage_deinit(&stage);
}

static void a_name_that_is_published_again_is_picked_up_in_the_same_session(void **state)
{
    (void)state;
    struct stage stage;
    struct watch again;
    stage_init(&stage, 0);
    client_listen(stage.viewer, "demo");
    world_run(&stage.world, NS_PER_S);
    client_close(stage.publisher, MOQ_ERR_IO);
    assert_ended_after(&stage.world, &stage.watch, MOQ_ERR_NOT_FOUND, SOON_NS);
    world_run(&stage.world, SOON_NS);
    assert_int_equal(stage.viewer->actives, 1);
    assert_int_equal(stage.viewer->ends, 1);

    watch_init(&again, stage.viewer, "demo/bbb", &WISH_ANY); /* waits, because nobody has it */
    struct client *publisher = client_ready(stage.publisher->host, NULL);
    struct moq_track *track = client_publish(publisher, "demo/bbb");
    publish_text(track, 1, "back");
    world_run(&stage.world, NS_PER_S);

    assert_group(&again, 1, "back");
    assert_int_equal(stage.viewer->actives, 2);
    assert_int_equal(stage.viewer->ready, 1);
    watch_deinit(&again);
    stage_deinit(&stage);
}

static void a_name_that_stays_away_is_refused_after_the_wait(void **state)
{
    (void)state;
    struct stage stage;
    struct watch lost;
    stage_init(&stage, 0);
    watch_init(&lost, stage.viewer, "demo/nobody", &WISH_ANY);
    world_run(&stage.world, 1500 * NS_PER_MS);
    assert_int_equal(lost.closed, 0);
    assert_int_equal(world_counters(&stage.world)->requests_waiting, 1);

    assert_ended_after(&stage.world, &lost, MOQ_ERR_NOT_FOUND, NS_PER_S);
    assert_int_equal(world_counters(&stage.world)->requests_waiting, 0);
    watch_deinit(&lost);
    stage_deinit(&stage);
}

static void publish_and_run(struct stage *stage, struct moq_track *track, uint64_t sequence,
                            const char *text)
{
    publish_text(track, sequence, text);
    world_run(&stage->world, 200 * NS_PER_MS);
}

static void the_newest_publisher_wins_and_the_other_takes_over(void **state)
{
    (void)state;
    const uint32_t versions[] = {MOQ_VERSION_02, MOQ_VERSION_03, MOQ_VERSION_04};
    for (size_t i = 0; i < 3; i++) {
        struct stage stage;
        stage_init(&stage, versions[i]);
        for (uint64_t sequence = 0; sequence < 5; sequence++)
            publish_and_run(&stage, stage.track, sequence, "first");

        struct client *second = client_ready(world_host(&stage.world), NULL);
        struct moq_track *track = client_publish(second, "demo/bbb");
        world_run(&stage.world, NS_PER_S);
        publish_and_run(&stage, track, 0, "second");
        publish_and_run(&stage, stage.track, 5, "unheard");
        publish_and_run(&stage, track, 1, "second too");
        assert_int_equal(stage.watch.highest, 6);
        assert_group(&stage.watch, 5, "second");
        assert_group(&stage.watch, 6, "second too");

        client_close(second, 0);
        world_run(&stage.world, NS_PER_S);
        publish_and_run(&stage, stage.track, 6, "first again");
        uint64_t last = stage.watch.highest;
        assert_true(last > 6);
        assert_group(&stage.watch, last, "first again");
        publish_and_run(&stage, stage.track, 7, "and on");
        assert_group(&stage.watch, last + 1, "and on");

        assert_int_equal(stage.watch.backwards, 0);
        assert_int_equal(stage.watch.closed, 0);
        assert_int_equal(world_counters(&stage.world)->takeovers, 2);
        assert_int_equal(world_counters(&stage.world)->upstream_subscriptions, 1);
        stage_deinit(&stage);
    }
}

static void a_publisher_that_dies_hands_over_to_the_other(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, 0);
    struct client *second = client_ready(world_host(&stage.world), NULL);
    struct moq_track *track = client_publish(second, "demo/bbb");
    world_run(&stage.world, NS_PER_S);
    begin(track, 9, "half");
    world_run(&stage.world, NS_PER_S);

    client_close(second, MOQ_ERR_IO);
    world_run(&stage.world, SOON_NS);
    publish_and_run(&stage, stage.track, 3, "lower");

    assert_int_equal(stage.watch.closed, 0);
    assert_int_equal(stage.watch.fates[9], FATE_CUT);
    assert_int_equal(stage.watch.highest, 10);
    assert_group(&stage.watch, 10, "lower");
    assert_int_equal(stage.watch.backwards, 0);
    stage_deinit(&stage);
}

/* Otherwise a viewer would be passed from one to the other forever. */
static void two_publishers_that_refuse_are_asked_once_each(void **state)
{
    (void)state;
    struct stage stage;
    struct watch watch;
    stage_init(&stage, 0);
    struct client *second = client_ready(world_host(&stage.world), NULL);
    moq_track_end(client_publish(stage.publisher, "demo/over"), 0);
    moq_track_end(client_publish(second, "demo/over"), MOQ_ERR_IO);
    world_run(&stage.world, SOON_NS);

    watch_init(&watch, stage.viewer, "demo/over", &WISH_ANY);
    assert_true(world_run_until(&stage.world, watch_is_closed, &watch, 2 * SOON_NS));
    world_run(&stage.world, NS_PER_S);

    assert_int_equal(stage.publisher->subscribes + second->subscribes, 1 + 2);
    watch_deinit(&watch);
    stage_deinit(&stage);
}

static void a_viewer_that_vanishes_is_forgotten_and_its_publisher_rests(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, 0);
    assert_int_equal(stage.publisher->viewers, 1);

    host_vanish(stage.viewer->host);
    world_run(&stage.world, IDLE_NS + CORE_LINGER_NS + 2 * NS_PER_S);

    assert_int_equal(world_counters(&stage.world)->sessions, 1);
    assert_int_equal(world_counters(&stage.world)->viewers, 0);
    assert_int_equal(world_counters(&stage.world)->tracks, 0);
    assert_int_equal(stage.publisher->viewers, 0);
    stage_deinit(&stage);
}

static void a_viewer_that_comes_back_soon_finds_the_subscription_warm(void **state)
{
    (void)state;
    struct stage stage;
    struct watch again;
    stage_init(&stage, 0);
    publish_and_run(&stage, stage.track, 1, "one");
    moq_subscription_close(&stage.watch.subscription);
    world_run(&stage.world, CORE_LINGER_NS / 2);

    watch_init(&again, stage.viewer, "demo/bbb", &WISH_ANY);
    world_run(&stage.world, SOON_NS);

    assert_group(&again, 1, "one");
    assert_int_equal(stage.publisher->subscribes, 1);
    watch_deinit(&again);
    stage_deinit(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(viewers_of_a_silent_publisher_are_told_after_the_idle_time),
        cmocka_unit_test(a_publisher_that_dies_in_a_group_ends_it_and_the_subscription_at_once),
        cmocka_unit_test(a_reset_group_is_cut_and_the_next_one_comes),
        cmocka_unit_test(the_end_of_a_track_arrives_behind_its_last_group),
        cmocka_unit_test(a_withdrawn_path_that_does_not_end_is_ended),
        cmocka_unit_test(a_name_that_is_published_again_is_picked_up_in_the_same_session),
        cmocka_unit_test(a_name_that_stays_away_is_refused_after_the_wait),
        cmocka_unit_test(the_newest_publisher_wins_and_the_other_takes_over),
        cmocka_unit_test(a_publisher_that_dies_hands_over_to_the_other),
        cmocka_unit_test(two_publishers_that_refuse_are_asked_once_each),
        cmocka_unit_test(a_viewer_that_vanishes_is_forgotten_and_its_publisher_rests),
        cmocka_unit_test(a_viewer_that_comes_back_soon_finds_the_subscription_warm),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
