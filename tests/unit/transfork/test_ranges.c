/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which groups a viewer gets: ranges, order, priority, expiry, and what it is told about the rest.
 * A test plays the viewer, so every byte that it is told is seen. */
#include "pair.h"

#include <stdio.h>
#include <string.h>

struct scene {
    struct pair pair;
    struct moq_track *track;
    struct wire_stream *subscribe;
};

static void scene_init(struct scene *scene, const char *offer)
{
    pair_init(&scene->pair, &(struct options){.has_no_client = true});
    scene->track = scene->pair.peer[SERVER].track = track_new(&scene->pair, "t");
    open_hex(&scene->pair.wire, CLIENT, true, offer);
}

static void subscribe(struct scene *scene, const char *hex)
{
    scene->subscribe = open_hex(&scene->pair.wire, CLIENT, true, hex);
}

/* The sequences of the group streams in the order of their opening, as "1 2 3!" ('!': reset). */
static const char *groups_of(const struct scene *scene)
{
    static char text[256];
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; i < wire_count(&scene->pair.wire, SERVER, false); i++) {
        const struct wire_half *half = &wire_nth(&scene->pair.wire, SERVER, false, i)->half[SERVER];
        int sequence = half->bytes.size > 2 ? half->bytes.data[2] : -1;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%d%s", used ? " " : "",
                                 sequence, half->has_reset ? "!" : "");
    }
    return text;
}

/* What was sent on the subscribe stream after INFO of `info` bytes. */
static const char *gaps_of(const struct scene *scene, size_t info)
{
    return hex_of(&scene->subscribe->half[SERVER]) + 2 * info;
}

static void put(struct scene *scene, uint64_t sequence)
{
    track_group(scene->track, sequence, "x");
    wire_run(&scene->pair.wire);
}

static void from_min_to_max_and_then_the_end(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, HEX_OFFER_02);
    for (uint64_t i = 3; i < 8; i++)
        put(&scene, i);
    subscribe(&scene, "02 00 01 01 74 80 00 00 06 0a"); /* oldest first, 5..9 */
    assert_string_equal(groups_of(&scene), "5 6 7");
    put(&scene, 8);
    assert_false(scene.subscribe->half[SERVER].has_end);
    put(&scene, 9);
    assert_string_equal(groups_of(&scene), "5 6 7 8 9");
    assert_string_equal(gaps_of(&scene, 4), "");
    assert_ended(scene.subscribe, SERVER);
    put(&scene, 10);
    assert_string_equal(groups_of(&scene), "5 6 7 8 9");
    assert_int_equal(scene.pair.peer[SERVER].viewers_closed, 1);
    pair_deinit(&scene.pair);
}

static void groups_that_are_gone_are_one_gap_of_code_13(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, HEX_OFFER_02);
    put(&scene, 5);
    put(&scene, 6);
    subscribe(&scene, "02 00 01 01 74 80 00 00 02 00"); /* from 1 */
    assert_string_equal(gaps_of(&scene, 4), "01030d");
    assert_string_equal(groups_of(&scene), "5 6");
    pair_deinit(&scene.pair);
}

static void groups_of_the_future_are_waited_for(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, HEX_OFFER_02);
    put(&scene, 1);
    subscribe(&scene, "02 00 01 01 74 80 00 00 06 06"); /* 5..5 */
    put(&scene, 2);
    assert_string_equal(groups_of(&scene), "");
    put(&scene, 5);
    assert_string_equal(groups_of(&scene), "5");
    assert_ended(scene.subscribe, SERVER);
    pair_deinit(&scene.pair);
}

static void an_empty_range_violates_the_protocol(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, HEX_OFFER_02);
    subscribe(&scene, "02 00 01 01 74 80 00 00 06 05");
    assert_aborted(scene.subscribe, SERVER, 15);
    assert_int_equal(scene.pair.peer[SERVER].requests, 0);
    pair_deinit(&scene.pair);
}

static void a_range_that_lies_behind_us_ends_with_its_gap(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, HEX_OFFER_02);
    put(&scene, 9);
    subscribe(&scene, "02 00 01 01 74 80 00 00 02 04"); /* 1..3 */
    assert_string_equal(gaps_of(&scene, 4), "01020d");
    assert_ended(scene.subscribe, SERVER);
    pair_deinit(&scene.pair);
}

static void an_update_shrinks_the_range_and_cuts_what_is_outside(void **state)
{
    (void)state;
    struct scene scene;
    struct moq_group *group;
    scene_init(&scene, HEX_OFFER_03);
    track_begin(scene.track, 1, &group);
    subscribe(&scene, "02 00 01 01 74 4080 01 00 00 00");
    put(&scene, 2);
    say_hex(scene.subscribe, CLIENT, "4082 02 00 03 04"); /* 2..3, priority 130 */
    assert_string_equal(groups_of(&scene), "1! 2");
    assert_int_equal(scene.pair.peer[SERVER].viewers_updated, 1);
    assert_int_equal(moq_viewer_wish(scene.pair.peer[SERVER].viewer)->priority, 130);
    say_hex(scene.subscribe, CLIENT, "4082 02 00 00 09"); /* max may not grow */
    put(&scene, 3);
    assert_ended(scene.subscribe, SERVER);
    track_end(scene.track, &group);
    pair_deinit(&scene.pair);
}

static void an_update_to_nothing_violates_the_protocol(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, HEX_OFFER_03);
    subscribe(&scene, "02 00 01 01 74 4080 01 00 00 05");
    say_hex(scene.subscribe, CLIENT, "4080 01 00 07 00");
    assert_aborted(scene.subscribe, SERVER, 15);
    assert_int_equal(scene.pair.peer[SERVER].viewers_closed, 1);
    pair_deinit(&scene.pair);
}

static void an_update_of_rust_may_lack_expires_at_the_end(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, HEX_OFFER_02);
    subscribe(&scene, HEX_SUBSCRIBE_02);
    say_hex(scene.subscribe, CLIENT, "4082 01 00 00");
    wire_end_stream(scene.subscribe, CLIENT);
    assert_ended(scene.subscribe, SERVER);
    pair_deinit(&scene.pair);
}

static uint64_t urgency_of(const struct scene *scene, size_t stream)
{
    return wire_nth(&scene->pair.wire, SERVER, false, stream)->half[SERVER].urgency;
}

static void order_and_priority_become_urgency(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, HEX_OFFER_02);
    subscribe(&scene, "02 00 01 01 74 80 01 00 00 00"); /* newest first */
    subscribe(&scene, "02 01 01 01 74 90 00 00 00 00"); /* more important, oldest first */
    wire_run(&scene.pair.wire);
    scene.pair.wire.end[SERVER].is_blocked = true;
    put(&scene, 1); /* streams 0 and 1 */
    put(&scene, 2);
    put(&scene, 3);
    assert_true(urgency_of(&scene, 4) > urgency_of(&scene, 2)); /* 3 before 2 */
    assert_true(urgency_of(&scene, 2) > urgency_of(&scene, 0)); /* 2 before 1 */
    assert_true(urgency_of(&scene, 1) > urgency_of(&scene, 3)); /* 1 before 2 */
    assert_true(urgency_of(&scene, 3) > urgency_of(&scene, 5)); /* 2 before 3 */
    assert_true(urgency_of(&scene, 5) > urgency_of(&scene, 4)); /* 0x90 before 0x80 */
    scene.pair.wire.end[SERVER].is_blocked = false;
    wire_run(&scene.pair.wire);
    pair_deinit(&scene.pair);
}

static void a_group_expires_by_the_smaller_limit_since_its_end(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, HEX_OFFER_02);
    subscribe(&scene, "02 00 01 01 74 80 00 43e8 00 00"); /* one second */
    scene.pair.wire.end[SERVER].is_blocked = true;
    put(&scene, 1);
    wire_pass(&scene.pair.wire, 999);
    assert_string_equal(gaps_of(&scene, 4), "");
    wire_pass(&scene.pair.wire, 2);
    scene.pair.wire.end[SERVER].is_blocked = false;
    wire_run(&scene.pair.wire);
    assert_string_equal(groups_of(&scene), "-1!");
    assert_string_equal(gaps_of(&scene, 4), "010000");
    pair_deinit(&scene.pair);
}

static void holes_are_reported_when_they_cannot_fill_any_more(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, HEX_OFFER_02);
    scene.pair.peer[SERVER].policy.latency_ns = 100 * NS_PER_MS;
    subscribe(&scene, HEX_SUBSCRIBE_02);
    put(&scene, 4);
    put(&scene, 9);
    put(&scene, 7); /* overtaken, not lost */
    assert_string_equal(groups_of(&scene), "4 9 7");
    assert_string_equal(gaps_of(&scene, 4), "");
    wire_pass(&scene.pair.wire, 101);
    assert_string_equal(gaps_of(&scene, 4), "05010d"
                                            "08000d");
    put(&scene, 10);
    assert_string_equal(groups_of(&scene), "4 9 7 10");
    pair_deinit(&scene.pair);
}

static void groups_of_the_past_that_may_still_come_are_waited_for(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, HEX_OFFER_02);
    scene.pair.peer[SERVER].policy.latency_ns = 100 * NS_PER_MS;
    put(&scene, 5);
    put(&scene, 6);
    moq_track_expect(scene.track, 2, scene.pair.wire.clock.now_ns + 200 * NS_PER_MS);
    subscribe(&scene, "02 00 01 01 74 80 00 00 02 00"); /* from 1 */
    assert_string_equal(gaps_of(&scene, 4), "01000d");
    put(&scene, 3);
    put(&scene, 2);
    assert_string_equal(groups_of(&scene), "5 6 3 2");
    wire_pass(&scene.pair.wire, 150);
    assert_string_equal(gaps_of(&scene, 4), "01000d");
    wire_pass(&scene.pair.wire, 51);
    assert_string_equal(gaps_of(&scene, 4), "01000d"
                                            "04000d");
    pair_deinit(&scene.pair);
}

static void groups_that_never_were_are_no_gap(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, HEX_OFFER_02);
    subscribe(&scene, HEX_SUBSCRIBE_02);
    put(&scene, 42);
    wire_pass(&scene.pair.wire, 60000);
    assert_string_equal(gaps_of(&scene, 4), "");
    pair_deinit(&scene.pair);
}

static void a_gap_upstream_is_passed_on_without_what_was_delivered(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, HEX_OFFER_02);
    subscribe(&scene, HEX_SUBSCRIBE_02);
    put(&scene, 1);
    put(&scene, 4);
    moq_track_gap(scene.track, 0, 5, MOQ_ERR_NOT_FOUND);
    wire_run(&scene.pair.wire);
    assert_string_equal(gaps_of(&scene, 4), "02010d"
                                            "05000d");
    pair_deinit(&scene.pair);
}

static void skipped_neighbours_become_one_gap(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, HEX_OFFER_02);
    scene.pair.peer[SERVER].policy.latency_ns = 100 * NS_PER_MS;
    scene.pair.wire.end[SERVER].uni_credit = 0;
    subscribe(&scene, HEX_SUBSCRIBE_02);
    for (uint64_t i = 1; i <= 5; i++)
        put(&scene, i);
    wire_pass(&scene.pair.wire, 200);
    assert_string_equal(gaps_of(&scene, 4), "010300");
    wire_grant(&scene.pair.wire, SERVER, 0, 9);
    wire_run(&scene.pair.wire);
    assert_string_equal(groups_of(&scene), "5");
    pair_deinit(&scene.pair);
}

static void more_groups_than_may_be_open_follow_one_another(void **state)
{
    (void)state;
    struct pair pair;
    struct listener listener;
    pair_init(&pair, &(struct options){.limits = {.open_groups = 2}});
    struct moq_track *track = pair.peer[SERVER].track = track_new(&pair, "t");
    for (uint64_t i = 1; i <= 10; i++)
        track_group(track, i, "x");
    listener_init(&listener, &pair, "t");
    listener_subscribe(&listener, pair.peer[CLIENT].session, &RANGE(1, MOQ_NO_GROUP));
    wire_run(&pair.wire);
    assert_int_equal(listener.count, 10);
    for (uint64_t i = 0; i < 10; i++)
        assert_int_equal(listener.order[i], i + 1);
    listener_deinit(&listener);
    pair_deinit(&pair);
}

static void one_id_serves_one_subscription(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, HEX_OFFER_02);
    subscribe(&scene, HEX_SUBSCRIBE_02);
    assert_aborted(open_hex(&scene.pair.wire, CLIENT, true, HEX_SUBSCRIBE_02), SERVER, 12);
    assert_false(scene.subscribe->half[SERVER].has_reset);
    pair_deinit(&scene.pair);
}

static void more_subscriptions_than_allowed_are_refused(void **state)
{
    (void)state;
    struct pair pair;
    pair_init(&pair, &(struct options){.has_no_client = true, .limits = {.subscriptions = 2}});
    pair.peer[SERVER].track = track_new(&pair, "t");
    open_hex(&pair.wire, CLIENT, true, HEX_OFFER_02);
    struct wire_stream *first = open_hex(&pair.wire, CLIENT, true, HEX_SUBSCRIBE_02);
    open_hex(&pair.wire, CLIENT, true, "02 01 01 01 78 80 01 00 00 00"); /* waits for an answer */
    assert_aborted(open_hex(&pair.wire, CLIENT, true, "02 02 01 01 74 80 01 00 00 00"), SERVER, 11);
    wire_end_stream(first, CLIENT);
    struct wire_stream *third = open_hex(&pair.wire, CLIENT, true, "02 03 01 01 74 80 01 00 00 00");
    assert_false(third->half[SERVER].has_reset);
    pair_deinit(&pair);
}

static void a_peer_that_never_reads_its_gaps_loses_the_subscription(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, HEX_OFFER_02);
    subscribe(&scene, HEX_SUBSCRIBE_02);
    put(&scene, 0);
    scene.pair.wire.end[SERVER].is_blocked = true;
    for (uint64_t i = 1; i < 200000 && scene.pair.peer[SERVER].viewer; i += 2)
        moq_track_gap(scene.track, i, i, MOQ_ERR_NOT_FOUND);
    assert_null(scene.pair.peer[SERVER].viewer);
    assert_reset(scene.subscribe, SERVER, 11);
    pair_deinit(&scene.pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_min_to_max_and_then_the_end),
        cmocka_unit_test(groups_that_are_gone_are_one_gap_of_code_13),
        cmocka_unit_test(groups_of_the_future_are_waited_for),
        cmocka_unit_test(an_empty_range_violates_the_protocol),
        cmocka_unit_test(a_range_that_lies_behind_us_ends_with_its_gap),
        cmocka_unit_test(an_update_shrinks_the_range_and_cuts_what_is_outside),
        cmocka_unit_test(an_update_to_nothing_violates_the_protocol),
        cmocka_unit_test(an_update_of_rust_may_lack_expires_at_the_end),
        cmocka_unit_test(order_and_priority_become_urgency),
        cmocka_unit_test(a_group_expires_by_the_smaller_limit_since_its_end),
        cmocka_unit_test(holes_are_reported_when_they_cannot_fill_any_more),
        cmocka_unit_test(groups_of_the_past_that_may_still_come_are_waited_for),
        cmocka_unit_test(groups_that_never_were_are_no_gap),
        cmocka_unit_test(a_gap_upstream_is_passed_on_without_what_was_delivered),
        cmocka_unit_test(skipped_neighbours_become_one_gap),
        cmocka_unit_test(more_groups_than_may_be_open_follow_one_another),
        cmocka_unit_test(one_id_serves_one_subscription),
        cmocka_unit_test(more_subscriptions_than_allowed_are_refused),
        cmocka_unit_test(a_peer_that_never_reads_its_gaps_loses_the_subscription),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
