/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A middle that re-publishes: a publisher of one version, viewers of others, and the same groups
 * for all. */
#include "pair.h"

#include <stdio.h>
#include <string.h>

static const uint32_t versions[] = {MOQ_VERSION_02, MOQ_VERSION_03, MOQ_VERSION_04};

/* Publisher -> the server of `up` is the relay's subscriber side; the servers of `down` serve the
 * same track. */
struct relay {
    struct pair up, down[3];
    struct moq_track *source; /* the publisher's */
    struct listener middle;   /* what the relay has: its track is served on */
    struct listener viewer[3];
};

/* All pairs tell the same time. */
static void run(struct relay *relay)
{
    for (int round = 0; round < 3; round++) {
        wire_run(&relay->up.wire);
        for (size_t i = 0; i < 3; i++)
            wire_run(&relay->down[i].wire);
    }
}

static void relay_init(struct relay *relay, uint32_t version, size_t piece)
{
    pair_init(&relay->up, &(struct options){.version = version, .piece = piece});
    relay->source = relay->up.peer[CLIENT].track = track_new(&relay->up, "demo/bbb");
    listener_init(&relay->middle, &relay->up, "demo/bbb");
    listener_subscribe(&relay->middle, relay->up.peer[SERVER].session, &NO_WISH);
    for (size_t i = 0; i < 3; i++) {
        pair_init(&relay->down[i], &(struct options){.version = versions[i], .piece = piece});
        relay->down[i].peer[SERVER].track = moq_track_ref(relay->middle.track);
        listener_init(&relay->viewer[i], &relay->down[i], "demo/bbb");
        listener_subscribe(&relay->viewer[i], relay->down[i].peer[CLIENT].session, &NO_WISH);
    }
    run(relay);
}

/* The leak check of pair_deinit counts objects of the whole process, so only the last one may look.
 */
static void relay_deinit(struct relay *relay)
{
    for (size_t i = 0; i < 3; i++) {
        listener_deinit(&relay->viewer[i]);
        wire_deinit(&relay->down[i].wire);
        for (int end = 0; end < 2; end++) {
            moq_track_unref(&relay->down[i].peer[end].track);
            moq_offers_free(&relay->down[i].peer[end].offers);
        }
    }
    listener_deinit(&relay->middle);
    pair_deinit(&relay->up);
}

static void publish(struct relay *relay, uint64_t sequence)
{
    struct moq_group *group;
    track_begin(relay->source, sequence, &group);
    track_frame(relay->source, group, "one");
    run(relay);
    track_frame(relay->source, group, "two");
    track_end(relay->source, &group);
    run(relay);
}

static void assert_got(struct listener *viewer, uint64_t from, uint64_t to)
{
    assert_int_equal(viewer->count, to - from + 1);
    for (uint64_t sequence = from; sequence <= to; sequence++)
        assert_string_equal(text_of(viewer->track, sequence), "one|two");
}

static void pass_groups(uint32_t version, size_t piece)
{
    struct relay relay;
    relay_init(&relay, version, piece);
    for (uint64_t sequence = 10; sequence <= 13; sequence++)
        publish(&relay, sequence);
    for (size_t viewer = 0; viewer < 3; viewer++)
        assert_got(&relay.viewer[viewer], 10, 13);
    relay_deinit(&relay);
}

static void each_version_reaches_each_other_through_a_middle(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        for (size_t piece = 0; piece < 8; piece++)
            pass_groups(versions[i], piece);
}

static void bytes_pass_the_middle_before_their_frame_is_whole(void **state)
{
    (void)state;
    struct relay relay;
    struct moq_group *group;
    relay_init(&relay, MOQ_VERSION_02, 0);
    track_begin(relay.source, 1, &group);
    assert_int_equal(moq_track_append(relay.source, group, "\x05wor", 4), 0);
    run(&relay);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(moq_group_length(moq_track_find(relay.viewer[i].track, 1)), 4);
    assert_int_equal(moq_track_append(relay.source, group, "ld", 2), 0);
    track_end(relay.source, &group);
    run(&relay);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(text_of(relay.viewer[i].track, 1), "world");
    relay_deinit(&relay);
}

static void a_group_cut_by_its_publisher_is_cut_for_all(void **state)
{
    (void)state;
    struct relay relay;
    struct moq_group *group;
    relay_init(&relay, MOQ_VERSION_02, 0);
    track_begin(relay.source, 1, &group);
    track_frame(relay.source, group, "x");
    run(&relay);
    moq_track_abort_group(relay.source, group, MOQ_ERR_WRONG_SIZE);
    moq_group_unref(&group);
    run(&relay);
    for (size_t i = 0; i < 3; i++) {
        assert_true(moq_track_find(relay.viewer[i].track, 1)->error != 0);
        assert_int_equal(relay.viewer[i].gap_first, 1);
    }
    relay_deinit(&relay);
}

static void a_stalled_viewer_delays_nobody(void **state)
{
    (void)state;
    struct relay relay;
    relay_init(&relay, MOQ_VERSION_03, 0);
    relay.down[1].wire.end[SERVER].is_blocked = true;
    for (uint64_t sequence = 0; sequence < 40; sequence++) {
        track_group(relay.source, sequence, "x");
        run(&relay);
    }
    assert_int_equal(relay.viewer[0].count, 40);
    assert_int_equal(relay.viewer[1].count, 0);
    assert_int_equal(relay.viewer[2].count, 40);
    relay_deinit(&relay);
}

static void a_dead_publisher_is_noticed_and_another_fills_the_same_track(void **state)
{
    (void)state;
    struct relay relay;
    struct pair other;
    struct moq_group *group;
    relay_init(&relay, MOQ_VERSION_02, 0);
    track_begin(relay.source, 1, &group);
    track_frame(relay.source, group, "x");
    run(&relay);
    wire_cut(&relay.up.wire);
    run(&relay);
    assert_int_equal(relay.middle.closed, 1);
    for (size_t i = 0; i < 3; i++)
        assert_true(moq_track_find(relay.viewer[i].track, 1)->is_ended);

    pair_init(&other, &(struct options){.version = MOQ_VERSION_04});
    struct moq_track *source = other.peer[CLIENT].track = track_new(&other, "demo/bbb");
    listener_subscribe(&relay.middle, other.peer[SERVER].session, &NO_WISH);
    wire_run(&other.wire);
    track_group(source, 2, "again");
    wire_run(&other.wire);
    run(&relay);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(text_of(relay.viewer[i].track, 2), "again");

    moq_subscription_close(&relay.middle.subscription);
    wire_deinit(&other.wire);
    moq_track_unref(&other.peer[CLIENT].track);
    moq_offers_free(&other.peer[CLIENT].offers);
    moq_offers_free(&other.peer[SERVER].offers);
    track_end(relay.source, &group);
    relay_deinit(&relay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_version_reaches_each_other_through_a_middle),
        cmocka_unit_test(bytes_pass_the_middle_before_their_frame_is_whole),
        cmocka_unit_test(a_group_cut_by_its_publisher_is_cut_for_all),
        cmocka_unit_test(a_stalled_viewer_delays_nobody),
        cmocka_unit_test(a_dead_publisher_is_noticed_and_another_fills_the_same_track),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
