/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A viewer is moved between the renditions of a ladder while it watches: the media times go on, the
 * sequences never go back, nobody else notices, and no rendition is asked for longer than it is
 * needed. */
#include "tests/sim/relay/ladder_stage.h"

#include "server/core/audience.h"

static uint32_t audience_of(struct stage *stage, size_t rung)
{
    struct moq_path *path = moq_path_from_text(rung_names[rung]);
    uint32_t size = audience_size(&stage->world.commons, path);
    moq_path_unref(&path);
    return size;
}

static void a_viewer_is_moved_without_a_gap(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, 1, 1);
    film(&stage, 1000);
    watch_show(&stage, rung_names[2]);
    film(&stage, 3000);
    assert_true(audience_of(&stage, 2) == 1 && audience_of(&stage, 0) == 0);
    assert_int_equal(turn_to(&stage, 0), 0);
    film(&stage, 4000);
    assert_true(audience_of(&stage, 2) == 0 && audience_of(&stage, 0) == 1);
    assert_int_equal(core_viewer_rendition(find_viewer(&stage)), 0);
    assert_string_equal(core_viewer_rendition_by(find_viewer(&stage)), "stage");
    assert_int_equal(turn_to(&stage, 1), 0);
    film(&stage, 4000);
    assert_int_equal(assert_seamless(&stage), 11);
    assert_true(count_rung(&stage, 2) >= 2 && count_rung(&stage, 0) >= 2);
    assert_true(count_rung(&stage, 1) >= 2);
    assert_int_equal(world_counters(&stage.world)->switches_total, 2);
    stage_deinit(&stage);
}

static void workers_make_no_difference(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, 2, 2);
    film(&stage, 1000);
    watch_show(&stage, rung_names[0]);
    film(&stage, 2000);
    assert_int_equal(turn_to(&stage, 2), 0);
    film(&stage, 4000);
    assert_int_equal(core_viewer_rendition(find_viewer(&stage)), 2);
    assert_int_equal(assert_seamless(&stage), 6);
    stage_deinit(&stage);
}

/* The encoder of the rendition is always behind, by less and by more than a group waits first. */
static void a_rendition_may_be_behind(void **state)
{
    (void)state;
    for (uint64_t frames = 2; frames <= 14; frames += 6) {
        struct stage stage;
        stage_init(&stage, 3, 1);
        stage.late_frames[1] = frames;
        film(&stage, 1000);
        watch_show(&stage, rung_names[2]);
        film(&stage, 2000);
        assert_int_equal(turn_to(&stage, 1), 0);
        film(&stage, 5000);
        assert_int_equal(core_viewer_rendition(find_viewer(&stage)), 1);
        assert_int_equal(turn_to(&stage, 2), 0); /* and back, to one that is ahead */
        film(&stage, 4000);
        assert_int_equal(core_viewer_rendition(find_viewer(&stage)), 2);
        assert_seamless(&stage);
        stage_deinit(&stage);
    }
}

static uint64_t upstream_subscriptions(struct stage *stage)
{
    return world_counters(&stage->world)->upstream_subscriptions;
}

static void both_renditions_are_asked_for_only_while_needed(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, 4, 1);
    film(&stage, 1000);
    watch_show(&stage, rung_names[2]);
    film(&stage, 2000);
    assert_int_equal(upstream_subscriptions(&stage), 1);
    turn_to(&stage, 0);
    film(&stage, 80);
    assert_int_equal(upstream_subscriptions(&stage), 2);
    film(&stage, 2000 + 2 * GROUP_MS + 1000); /* a source that nobody watches lingers */
    assert_int_equal(upstream_subscriptions(&stage), 1);
    assert_seamless(&stage);
    stage_deinit(&stage);
}

static void no_more_than_one_turn_in_two_seconds(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, 5, 1);
    film(&stage, 1000);
    watch_show(&stage, rung_names[2]);
    film(&stage, 2000);
    for (int i = 0; i < 100; i++) {
        turn_to(&stage, (size_t)(i % RUNGS));
        film(&stage, 2 * FRAME_MS);
    }
    uint64_t turns = world_counters(&stage.world)->switches_total;
    assert_in_range(turns, 1, 4);
    turn_to(&stage, 1);
    film(&stage, 4000);
    assert_int_equal(core_viewer_rendition(find_viewer(&stage)), 1); /* the last word counts */
    assert_seamless(&stage);
    stage_deinit(&stage);
}

/* In each of these the viewer stays where it is and misses nothing. */
static void a_turn_that_cannot_be_made_costs_nothing(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        struct stage stage;
        stage_init(&stage, 6, 1);
        stage.offset_us[0] = how == 0 ? 300000 : 0; /* its groups begin at other times */
        stage.is_silent[0] = how == 1;
        film(&stage, 1000);
        if (how == 2)
            client_withdraw(stage.publisher, stage.tracks[0]);
        watch_show(&stage, rung_names[2]);
        film(&stage, 2000);
        assert_int_equal(turn_to(&stage, 0), how == 2 ? MOQ_ERR_NOT_FOUND : 0);
        film(&stage, 13000);
        assert_int_equal(core_viewer_rendition(find_viewer(&stage)), 2);
        assert_null(core_viewer_rendition_by(find_viewer(&stage)));
        assert_int_equal(world_counters(&stage.world)->switches_total, 0);
        assert_int_equal(world_counters(&stage.world)->switches_failed_total, 1);
        film(&stage, 3000);
        assert_int_equal(upstream_subscriptions(&stage), 1);
        assert_int_equal(assert_seamless(&stage), 18);
        stage_deinit(&stage);
    }
}

static void a_viewer_without_a_ladder_stays(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, 7, 1);
    stage.has_ladder = false;
    film(&stage, 1000);
    watch_show(&stage, rung_names[2]);
    film(&stage, 1000);
    assert_null(core_viewer_ladder(find_viewer(&stage)));
    assert_int_equal(turn_to(&stage, 0), MOQ_ERR_INVALID);
    stage_deinit(&stage);
}

/* Behind 2 Mb/s, a viewer of 8 Mb/s gets whole groups again soon after it is moved to 0.5 Mb/s, and
 * nothing is sent twice, in either order. */
static void a_late_viewer_is_moved_down(void **state)
{
    (void)state;
    static const uint8_t orders[] = {MOQ_ORDER_OLDEST, MOQ_ORDER_NEWEST};
    for (size_t i = 0; i < 2; i++) {
        struct stage stage;
        struct sim_link slow = {
            .delay_ns = 5 * NS_PER_MS, .bandwidth_bps = 2000000, .queue_ns = 300 * NS_PER_MS};
        stage_init(&stage, 8, 1);
        stage.frame_bytes[0] = 2500;
        stage.frame_bytes[2] = 40000;
        film(&stage, 1000);
        watch_show(&stage, rung_names[2]);
        const struct core_override change = {.set = CORE_SET_LATENCY | CORE_SET_ORDER,
                                             .latency_ns = 2 * NS_PER_S,
                                             .order = orders[i]};
        film(&stage, 2000);
        core_viewer_override(find_viewer(&stage), &stage.hook, &change);
        sim_set_node_link(stage.world.sim, stage.viewer->host->node, &slow);
        film(&stage, 400);
        turn_to(&stage, 0);
        film(&stage, 9600);
        /* Groups of the low rendition from the second one after that. */
        uint64_t turned_us = (uint64_t)(1000 + 2000 + 400) * 1000, whole = 0;
        uint64_t last_us = 0;
        for (size_t g = 0; g < SEEN_MAX; g++) {
            const struct seen *seen = &stage.seen[g];
            if (!seen->is_there || seen->frames == 0)
                continue;
            assert_true(last_us == 0 || seen->first_us > last_us);
            last_us = seen->last_us;
            if (seen->first_us > turned_us + 2 * GROUP_MS * 1000) {
                assert_int_equal(seen->rung, 0);
                whole += seen->is_whole;
            }
        }
        assert_in_range(whole, 6, 8);
        stage_deinit(&stage);
    }
}

static void others_do_not_notice(void **state)
{
    (void)state;
    struct stage stage;
    struct watch other;
    stage_init(&stage, 9, 1);
    struct client *client = client_ready(world_host(&stage.world), NULL);
    film(&stage, 1000);
    watch_show(&stage, rung_names[2]);
    film(&stage, 200);
    stage.has_ladder = false;
    watch_init(&other, client, rung_names[2], &WISH_ANY);
    film(&stage, 1800);
    struct core_viewer *mine =
        container_of(stage.world.workers[0].router.viewers.next, struct core_viewer, router_node);
    if (!mine->mix)
        mine = container_of(mine->router_node.next, struct core_viewer, router_node);
    core_viewer_turn_to(mine, &stage.hook, 0);
    film(&stage, 5000);
    assert_true(count_rung(&stage, 0) >= 3);
    assert_seamless(&stage);
    for (uint64_t sequence = stage.first[2] + 1; sequence < stage.first[2] + 7; sequence++)
        assert_int_equal(other.fates[sequence], FATE_WHOLE);
    watch_deinit(&other);
    stage_deinit(&stage);
}

/* Its range counts groups of the rendition that it asked for, so the publisher of another one is
 * not asked for those numbers. */
static void a_range_is_not_asked_of_another_rendition(void **state)
{
    (void)state;
    for (uint32_t workers = 1; workers <= 2; workers++) {
        struct stage stage;
        stage_init(&stage, 12, workers);
        film(&stage, 1000);
        watch_init(&stage.watch, stage.viewer, rung_names[0], &WISH_RANGE(2, MOQ_NO_GROUP));
        film(&stage, 3000);
        assert_int_equal(turn_to(&stage, 2), 0);
        film(&stage, 6000);
        assert_int_equal(core_viewer_rendition(find_viewer(&stage)), 2);
        assert_int_equal(stage.publisher->subscribes, 2);
        stage_deinit(&stage);
    }
}

/* Ends of all kinds, at every moment of a turn. */
static void a_turn_survives_every_end(void **state)
{
    (void)state;
    for (uint64_t at = 0; at < 40; at++) {
        for (int how = 0; how < 5; how++) {
            struct stage stage;
            stage_init(&stage, 10 + at, (uint32_t)(1 + at % 2));
            film(&stage, 1000);
            watch_show(&stage, rung_names[2]);
            film(&stage, 1800);
            turn_to(&stage, 0);
            film(&stage, at * FRAME_MS);
            if (how == 0)
                moq_subscription_close(&stage.watch.subscription);
            else if (how == 1)
                client_close(stage.viewer, 0);
            else if (how == 2)
                client_close(stage.publisher, MOQ_ERR_CANCELLED);
            else if (how == 3)
                moq_track_end(stage.tracks[0], MOQ_ERR_TIMEOUT);
            else
                moq_track_end(stage.tracks[2], 0);
            for (size_t i = 0; i < RUNGS; i++)
                stage.is_silent[i] |= how == 2 || i == (how == 3 ? 0 : how == 4 ? 2 : RUNGS);
            film(&stage, 3000);
            stage_deinit(&stage);
        }
    }
}

static void fail_rung(struct stage *stage, size_t rung)
{
    client_withdraw(stage->publisher, stage->tracks[rung]);
    moq_track_end(stage->tracks[rung], MOQ_ERR_TIMEOUT);
    moq_group_unref(&stage->groups[rung]);
    stage->is_silent[rung] = true;
}

/* It failed when a viewer was to turn to it, and came back before the viewer lost its own. */
static void a_rendition_that_failed_once_is_found_again(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage, 13, 1);
    film(&stage, 1000);
    watch_show(&stage, rung_names[2]);
    film(&stage, 2400);
    assert_int_equal(turn_to(&stage, 0), 0);
    film(&stage, 2 * FRAME_MS);
    fail_rung(&stage, 0);
    film(&stage, 4000);
    assert_int_equal(core_viewer_rendition(find_viewer(&stage)), 2);
    assert_int_equal(world_counters(&stage.world)->switches_failed_total, 1);
    stage.tracks[0] = client_publish(client_ready(world_host(&stage.world), NULL), rung_names[0]);
    stage.is_silent[0] = false;
    film(&stage, 4000);
    fail_rung(&stage, 1);
    fail_rung(&stage, 2);
    film(&stage, 4000);
    assert_int_equal(stage.watch.closed, 0);
    assert_true(count_rung(&stage, 0) >= 2);
    stage_deinit(&stage);
}

/* A rendition whose encoder fails is left for the next lower one, and the track goes on. */
static void a_rendition_that_fails_is_left(void **state)
{
    (void)state;
    for (uint32_t workers = 1; workers <= 2; workers++) {
        struct stage stage;
        stage_init(&stage, 11, workers);
        film(&stage, 1000);
        watch_show(&stage, rung_names[2]);
        film(&stage, 2400);
        fail_rung(&stage, 2);
        film(&stage, 4600);
        assert_int_equal(core_viewer_rendition(find_viewer(&stage)), 1);
        assert_true(count_rung(&stage, 1) >= 3);
        assert_int_equal(stage.watch.backwards, 0);
        assert_int_equal(stage.watch.closed, 0);

        fail_rung(&stage, 0); /* and when none is left, so is the viewer told */
        fail_rung(&stage, 1);
        film(&stage, 2000);
        assert_int_equal(stage.watch.closed, 1);
        stage_deinit(&stage);
    }
}

/* Many turns on a bad network: what arrives never goes back in time, and the relay's own checks
 * hold. */
static void turns_on_a_bad_network(void **state)
{
    (void)state;
    for (uint64_t seed = 100; seed < 120; seed++) {
        struct stage stage;
        struct sim_link bad = {.delay_ns = 20 * NS_PER_MS,
                               .jitter_ns = 10 * NS_PER_MS,
                               .loss_percent = 3,
                               .reorder_percent = 2};
        stage_init(&stage, seed, (uint32_t)(1 + seed % 3));
        sim_set_link(stage.world.sim, &bad);
        for (size_t i = 0; i < RUNGS; i++)
            stage.late_frames[i] = sim_random(stage.world.sim) % 5;
        film(&stage, 1000);
        watch_show(&stage, rung_names[seed % RUNGS]);
        for (int i = 0; i < 30; i++) {
            film(&stage, (1 + sim_random(stage.world.sim) % 60) * FRAME_MS);
            if (find_viewer(&stage))
                turn_to(&stage, sim_random(stage.world.sim) % RUNGS);
        }
        sim_set_link(stage.world.sim, &(struct sim_link){.delay_ns = 5 * NS_PER_MS});
        film(&stage, 3000);
        uint64_t last_us = 0;
        for (size_t g = 0; g < SEEN_MAX; g++) {
            const struct seen *seen = &stage.seen[g];
            if (!seen->is_there || seen->frames == 0)
                continue;
            assert_int_equal(seen->bad, 0);
            assert_true(last_us == 0 || seen->first_us > last_us);
            last_us = seen->last_us;
        }
        assert_true(world_counters(&stage.world)->switches_total > 0);
        stage_deinit(&stage);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_viewer_is_moved_without_a_gap),
        cmocka_unit_test(workers_make_no_difference),
        cmocka_unit_test(a_rendition_may_be_behind),
        cmocka_unit_test(both_renditions_are_asked_for_only_while_needed),
        cmocka_unit_test(no_more_than_one_turn_in_two_seconds),
        cmocka_unit_test(a_turn_that_cannot_be_made_costs_nothing),
        cmocka_unit_test(a_viewer_without_a_ladder_stays),
        cmocka_unit_test(a_late_viewer_is_moved_down),
        cmocka_unit_test(others_do_not_notice),
        cmocka_unit_test(a_range_is_not_asked_of_another_rendition),
        cmocka_unit_test(a_turn_survives_every_end),
        cmocka_unit_test(a_rendition_that_fails_is_left),
        cmocka_unit_test(a_rendition_that_failed_once_is_found_again),
        cmocka_unit_test(turns_on_a_bad_network),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
