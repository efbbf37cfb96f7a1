/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A track from a publisher to a viewer: what arrives, in which order, and how it ends. */
#include "pair.h"

static const uint32_t versions[] = {MOQ_VERSION_02, MOQ_VERSION_03, MOQ_VERSION_04};

/* A server that serves `track`, a client that listens, and nothing said yet. */
struct scene {
    struct pair pair;
    struct listener listener;
    struct moq_track *track;
};

static void scene_init(struct scene *scene, const struct options *options)
{
    pair_init(&scene->pair, options);
    scene->track = scene->pair.peer[SERVER].track = track_new(&scene->pair, "demo/bbb");
    listener_init(&scene->listener, &scene->pair, "demo/bbb");
}

static void listen_with(struct scene *scene, const struct moq_wish *wish)
{
    listener_subscribe(&scene->listener, scene->pair.peer[CLIENT].session, wish);
    wire_run(&scene->pair.wire);
}

static void scene_deinit(struct scene *scene)
{
    listener_deinit(&scene->listener);
    pair_deinit(&scene->pair);
}

static void serve_groups(uint32_t version, size_t piece)
{
    struct scene scene;
    scene_init(&scene, &(struct options){.version = version, .piece = piece});
    struct listener *listener = &scene.listener;

    track_group(scene.track, 6, "gone by");
    track_group(scene.track, 7, "first");
    listen_with(&scene, &NO_WISH);
    track_group(scene.track, 8, "");
    struct moq_group *group;
    track_begin(scene.track, 9, &group);
    track_frame(scene.track, group, "hello");
    wire_run(&scene.pair.wire);
    assert_string_equal(text_of(listener->track, 9), "hello...");
    track_frame(scene.track, group, "world");
    track_end(scene.track, &group);
    wire_run(&scene.pair.wire);

    assert_int_equal(listener->infos, 1);
    assert_int_equal(listener->info.latest, 7);
    assert_string_equal(text_of(listener->track, 6), "none");
    assert_string_equal(text_of(listener->track, 7), "first");
    assert_string_equal(text_of(listener->track, 8), "");
    assert_string_equal(text_of(listener->track, 9), "hello|world");
    scene_deinit(&scene);
}

static void groups_arrive_in_every_version_and_in_pieces_of_any_size(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        for (size_t piece = 0; piece < 12; piece++)
            serve_groups(versions[i], piece);
}

static void a_late_viewer_gets_the_newest_group_from_its_first_frame(void **state)
{
    (void)state;
    struct scene scene;
    struct moq_group *group;
    scene_init(&scene, &(struct options){0});
    track_begin(scene.track, 5, &group);
    track_frame(scene.track, group, "one");
    track_frame(scene.track, group, "two");

    listen_with(&scene, &NO_WISH);

    assert_string_equal(text_of(scene.listener.track, 5), "one|two...");
    track_frame(scene.track, group, "three");
    wire_run(&scene.pair.wire);
    assert_string_equal(text_of(scene.listener.track, 5), "one|two|three...");
    track_end(scene.track, &group);
    scene_deinit(&scene);
}

static void half_a_frame_is_passed_on_at_once(void **state)
{
    (void)state;
    struct scene scene;
    struct moq_group *group;
    scene_init(&scene, &(struct options){0});
    listen_with(&scene, &NO_WISH);
    track_begin(scene.track, 0, &group);

    assert_int_equal(moq_track_append(scene.track, group, "\x05he", 3), 0);
    wire_run(&scene.pair.wire);

    struct moq_group *got = moq_track_find(scene.listener.track, 0);
    assert_int_equal(moq_group_length(got), 3);
    track_end(scene.track, &group);
    wire_run(&scene.pair.wire);
    assert_int_equal(got->error, MOQ_ERR_WRONG_SIZE);
    scene_deinit(&scene);
}

/* The writer is ahead of what its mirror has followed, as it may be on a thread of its own. */
static void serve_mirror(int error, const char *expected)
{
    struct scene scene;
    struct moq_group *group, *view;
    scene_init(&scene, &(struct options){0});
    struct moq_track *home = track_new(&scene.pair, "home");
    track_begin(home, 3, &group);
    track_frame(home, group, "a");
    assert_int_equal(moq_track_adopt_group(scene.track, 3, moq_group_body(group), &view), 0);
    listen_with(&scene, &NO_WISH);
    assert_string_equal(text_of(scene.listener.track, 3), "a...");
    track_frame(home, group, "b");
    moq_track_follow(scene.track);
    track_frame(home, group, "c");
    moq_track_abort_group(home, group, error);
    moq_group_unref(&group);
    moq_track_unref(&home);
    wire_run(&scene.pair.wire);
    assert_string_equal(text_of(scene.listener.track, 3), "a|b|c...");

    moq_track_follow(scene.track);
    wire_run(&scene.pair.wire);
    assert_string_equal(text_of(scene.listener.track, 3), expected);
    assert_int_equal(moq_track_find(scene.listener.track, 3)->error, error);
    scene_deinit(&scene);
}

static void a_viewer_of_a_mirror_gets_every_byte_before_the_end(void **state)
{
    (void)state;
    serve_mirror(0, "a|b|c");
    serve_mirror(MOQ_ERR_TRANSPORT, "a|b|c!");
}

static void a_group_cut_upstream_is_reset_and_reported(void **state)
{
    (void)state;
    struct scene scene;
    struct moq_group *group;
    scene_init(&scene, &(struct options){0});
    listen_with(&scene, &NO_WISH);
    track_begin(scene.track, 3, &group);
    track_frame(scene.track, group, "x");
    wire_run(&scene.pair.wire);

    moq_track_abort_group(scene.track, group, MOQ_ERR_TRANSPORT);
    moq_group_unref(&group);
    wire_run(&scene.pair.wire);

    assert_reset(wire_nth(&scene.pair.wire, SERVER, false, 0), SERVER, 4);
    assert_int_equal(moq_track_find(scene.listener.track, 3)->error, MOQ_ERR_TRANSPORT);
    assert_int_equal(scene.listener.gap_first, 3);
    assert_int_equal(scene.listener.gap_last, 3);
    assert_int_equal(scene.listener.gap_error, MOQ_ERR_TRANSPORT);
    scene_deinit(&scene);
}

static void the_end_of_a_track_follows_its_last_group(void **state)
{
    (void)state;
    struct scene scene;
    struct moq_group *group;
    scene_init(&scene, &(struct options){.piece = 1});
    listen_with(&scene, &NO_WISH);
    track_begin(scene.track, 3, &group);
    moq_track_end(scene.track, 0);
    wire_run(&scene.pair.wire);
    assert_int_equal(scene.listener.closed, 0);

    track_frame(scene.track, group, "last words");
    track_end(scene.track, &group);
    wire_run(&scene.pair.wire);

    assert_string_equal(text_of(scene.listener.track, 3), "last words");
    assert_int_equal(scene.listener.closed, 1);
    assert_int_equal(scene.listener.close_error, 0);
    assert_int_equal(scene.pair.peer[SERVER].viewers_closed, 1);
    scene_deinit(&scene);
}

static void a_track_that_failed_resets_its_viewers_with_the_reason(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, &(struct options){0});
    listen_with(&scene, &NO_WISH);

    moq_track_end(scene.track, MOQ_ERR_OFFLINE);
    wire_run(&scene.pair.wire);

    assert_aborted(wire_nth(&scene.pair.wire, CLIENT, true, 1), SERVER, 13);
    assert_int_equal(scene.listener.close_error, MOQ_ERR_NOT_FOUND);
    scene_deinit(&scene);
}

static void unsubscribing_resets_and_stops_and_the_groups_end(void **state)
{
    (void)state;
    struct scene scene;
    struct moq_group *group;
    scene_init(&scene, &(struct options){0});
    listen_with(&scene, &NO_WISH);
    track_begin(scene.track, 3, &group);
    track_frame(scene.track, group, "x");
    wire_run(&scene.pair.wire);

    moq_subscription_close(&scene.listener.subscription);
    wire_run(&scene.pair.wire);

    assert_aborted(wire_nth(&scene.pair.wire, CLIENT, true, 1), CLIENT, 0);
    assert_int_equal(scene.pair.peer[SERVER].viewers_closed, 1);
    assert_true(wire_nth(&scene.pair.wire, SERVER, false, 0)->half[SERVER].has_reset);
    assert_true(moq_track_find(scene.listener.track, 3)->is_ended);
    track_end(scene.track, &group);
    scene_deinit(&scene);
}

/* Rust before 0.8 refuses groups whose INFO it has not read. */
static void info_is_sent_before_any_group_stream_is_opened(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, &(struct options){0});
    track_group(scene.track, 1, "x");
    scene.pair.wire.end[SERVER].is_blocked = true;
    listen_with(&scene, &NO_WISH);

    assert_non_null(scene.pair.peer[SERVER].viewer);
    track_group(scene.track, 2, "y");
    assert_null(wire_nth(&scene.pair.wire, SERVER, false, 0));

    scene.pair.wire.end[SERVER].is_blocked = false;
    wire_run(&scene.pair.wire);
    assert_string_equal(text_of(scene.listener.track, 1), "x");
    scene_deinit(&scene);
}

static void without_credit_the_choice_is_made_afresh_when_it_comes(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, &(struct options){0});
    scene.pair.wire.end[SERVER].uni_credit = 0;
    listen_with(&scene, &NO_WISH);
    for (uint64_t i = 0; i < 5; i++)
        track_group(scene.track, i, "x");
    wire_run(&scene.pair.wire);
    assert_int_equal(scene.listener.count, 0);

    wire_grant(&scene.pair.wire, SERVER, 0, 2);
    wire_run(&scene.pair.wire);

    assert_int_equal(scene.listener.count, 2);
    assert_int_equal(scene.listener.order[0], 4); /* newest first */
    assert_int_equal(scene.listener.order[1], 3);
    scene_deinit(&scene);
}

static void the_more_important_viewer_gets_the_credit(void **state)
{
    (void)state;
    struct scene scene;
    struct listener second;
    scene_init(&scene, &(struct options){0});
    listener_init(&second, &scene.pair, "demo/bbb");
    scene.pair.wire.end[SERVER].uni_credit = 0;
    struct moq_wish wish = NO_WISH;
    listen_with(&scene, &wish);
    wish.priority = 200;
    listener_subscribe(&second, scene.pair.peer[CLIENT].session, &wish);
    wire_run(&scene.pair.wire);
    track_group(scene.track, 1, "x");

    wire_grant(&scene.pair.wire, SERVER, 0, 1);
    wire_run(&scene.pair.wire);

    assert_int_equal(second.count, 1);
    assert_int_equal(scene.listener.count, 0);
    listener_deinit(&second);
    scene_deinit(&scene);
}

static void a_group_that_the_viewer_stops_becomes_a_gap(void **state)
{
    (void)state;
    struct pair pair;
    pair_init(&pair, &(struct options){.has_no_client = true});
    struct moq_track *track = pair.peer[SERVER].track = track_new(&pair, "t");
    open_hex(&pair.wire, CLIENT, true, HEX_OFFER_02);
    struct wire_stream *subscribe = open_hex(&pair.wire, CLIENT, true, HEX_SUBSCRIBE_02);
    struct moq_group *group;
    track_begin(track, 7, &group);
    wire_run(&pair.wire);

    wire_stop(wire_nth(&pair.wire, SERVER, false, 0), CLIENT, 0);

    assert_string_equal(hex_of(&subscribe->half[SERVER]), "80010000"
                                                          "070000");
    track_end(track, &group);
    pair_deinit(&pair);
}

static void info_echoes_priority_and_order_of_the_subscriber(void **state)
{
    (void)state;
    struct pair pair;
    pair_init(&pair, &(struct options){.has_no_client = true});
    pair.peer[SERVER].track = track_new(&pair, "t");
    open_hex(&pair.wire, CLIENT, true, HEX_OFFER_02);
    struct wire_stream *subscribe =
        open_hex(&pair.wire, CLIENT, true, "02 00 01 01 74 02 00 00 00 00");
    assert_string_equal(hex_of(&subscribe->half[SERVER]), "02000000");
    pair_deinit(&pair);
}

static void a_page_that_publishes_is_asked_with_a_small_priority(void **state)
{
    (void)state;
    struct pair pair;
    struct listener listener;
    pair_init(&pair, &(struct options){.has_no_client = true, .is_browser = true});
    listener_init(&listener, &pair, "t");
    open_hex(&pair.wire, CLIENT, true, HEX_OFFER_02);
    struct moq_wish wish = NO_WISH;
    wish.priority = 130;
    listener_subscribe(&listener, pair.peer[SERVER].session, &wish);
    wire_run(&pair.wire);

    struct wire_stream *asked = wire_nth(&pair.wire, SERVER, true, 0);
    assert_string_equal(hex_of(&asked->half[SERVER]), "0200"
                                                      "010174"
                                                      "20"
                                                      "01000000");
    listener_deinit(&listener);
    pair_deinit(&pair);
}

/* Of which a frame has arrived, and which never ends. */
static void begin_silent_group(struct scene *scene, struct moq_group **group)
{
    scene_init(scene, &(struct options){0});
    listen_with(scene, &NO_WISH);
    track_begin(scene->track, 1, group);
    track_frame(scene->track, *group, "never ended");
    wire_run(&scene->pair.wire);
}

static void a_silent_group_that_was_superseded_ends_after_a_while(void **state)
{
    (void)state;
    struct scene scene;
    struct moq_group *first, *second;
    begin_silent_group(&scene, &first);
    track_begin(scene.track, 2, &second);
    wire_run(&scene.pair.wire);

    wire_pass(&scene.pair.wire, 29000);
    assert_string_equal(text_of(scene.listener.track, 1), "never ended...");
    wire_pass(&scene.pair.wire, 31000);
    assert_string_equal(text_of(scene.listener.track, 1), "never ended");
    assert_string_equal(text_of(scene.listener.track, 2), "...");
    track_end(scene.track, &first);
    track_end(scene.track, &second);
    scene_deinit(&scene);
}

/* Its successor may have overtaken what was still said of it. */
static void a_group_that_was_silent_long_before_it_is_superseded_has_its_time(void **state)
{
    (void)state;
    struct scene scene;
    struct moq_group *first, *second;
    begin_silent_group(&scene, &first);
    wire_pass(&scene.pair.wire, 15000); /* a tick, as the greeting's time is over */
    wire_pass(&scene.pair.wire, 29900);
    track_begin(scene.track, 2, &second);
    wire_run(&scene.pair.wire);

    for (int ms = 0; ms < 30000; ms += 100) {
        assert_string_equal(text_of(scene.listener.track, 1), "never ended...");
        wire_pass(&scene.pair.wire, 100);
    }
    assert_string_equal(text_of(scene.listener.track, 1), "never ended");
    track_end(scene.track, &first);
    track_end(scene.track, &second);
    scene_deinit(&scene);
}

/* As one that has no memory: nobody tells when it has some again. */
static void a_group_for_which_a_stream_was_refused_is_tried_again(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, &(struct options){0});
    listen_with(&scene, &NO_WISH);
    uint32_t credit = scene.pair.wire.end[SERVER].uni_credit;
    scene.pair.wire.end[SERVER].uni_credit = 0;
    track_group(scene.track, 1, "at last");
    wire_run(&scene.pair.wire);
    assert_string_equal(text_of(scene.listener.track, 1), "none");

    scene.pair.wire.end[SERVER].uni_credit = credit;
    wire_pass(&scene.pair.wire, 1000);
    assert_string_equal(text_of(scene.listener.track, 1), "at last");
    scene_deinit(&scene);
}

static void a_group_that_is_late_is_cut_and_its_successor_goes_on(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, &(struct options){.version = MOQ_VERSION_03});
    scene.pair.peer[SERVER].policy.latency_ns = 500 * NS_PER_MS;
    listen_with(&scene, &NO_WISH);
    scene.pair.wire.end[SERVER].is_blocked = true;
    track_group(scene.track, 1, "late");
    track_group(scene.track, 2, "newest");
    wire_pass(&scene.pair.wire, 400);
    assert_false(wire_nth(&scene.pair.wire, SERVER, false, 0)->half[SERVER].has_reset);

    wire_pass(&scene.pair.wire, 200);
    scene.pair.wire.end[SERVER].is_blocked = false;
    wire_run(&scene.pair.wire);

    assert_true(wire_nth(&scene.pair.wire, SERVER, false, 0)->half[SERVER].has_reset);
    assert_string_equal(text_of(scene.listener.track, 1), "none");
    assert_string_equal(text_of(scene.listener.track, 2), "newest");
    assert_int_equal(scene.listener.gap_first, 1);
    struct moq_viewer_stats stats;
    moq_viewer_stats(scene.pair.peer[SERVER].viewer, &stats);
    assert_int_equal(stats.groups_reset, 1);
    assert_int_equal(stats.groups_sent, 1);
    scene_deinit(&scene);
}

static void a_viewer_that_stalls_holds_few_groups_and_skips_the_rest(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, &(struct options){.limits = {.open_groups = 2}});
    listen_with(&scene, &NO_WISH);
    scene.pair.wire.end[SERVER].is_blocked = true;
    for (uint64_t i = 0; i < 50; i++) {
        track_group(scene.track, i, "x");
        wire_pass(&scene.pair.wire, 1);
    }
    struct moq_viewer_stats stats;
    moq_viewer_stats(scene.pair.peer[SERVER].viewer, &stats);
    assert_int_equal(stats.open_groups, 2);

    scene.pair.wire.end[SERVER].is_blocked = false;
    wire_run(&scene.pair.wire);

    assert_string_equal(text_of(scene.listener.track, 49), "x");
    assert_string_equal(text_of(scene.listener.track, 10), "none");
    scene_deinit(&scene);
}

static void a_viewer_that_never_acknowledges_is_given_up(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, &(struct options){.version = MOQ_VERSION_03});
    listen_with(&scene, &NO_WISH);
    track_group(scene.track, 1, "held");
    wire_run(&scene.pair.wire);

    scene.pair.wire.end[SERVER].is_unheard = true;
    track_group(scene.track, 2, "read and never acknowledged");
    wire_run(&scene.pair.wire);
    wire_pass(&scene.pair.wire, 59000);
    assert_false(scene.pair.wire.end[SERVER].is_closed);
    wire_pass(&scene.pair.wire, 2000);
    assert_true(scene.pair.wire.end[SERVER].is_closed);
    assert_int_equal(scene.pair.wire.end[SERVER].close_code, 4);
    scene_deinit(&scene);
}

static void growth_of_an_open_group_is_one_wake(void **state)
{
    (void)state;
    struct scene scene;
    struct moq_group *group;
    scene_init(&scene, &(struct options){0});
    listen_with(&scene, &NO_WISH);
    track_begin(scene.track, 1, &group);
    track_frame(scene.track, group, "a");
    wire_run(&scene.pair.wire);
    struct wire_half *half = &wire_nth(&scene.pair.wire, SERVER, false, 0)->half[SERVER];
    assert_false(half->is_awake);

    size_t streams = wire_count(&scene.pair.wire, SERVER, false);
    track_frame(scene.track, group, "b");

    assert_true(half->is_awake);
    assert_int_equal(wire_count(&scene.pair.wire, SERVER, false), streams);
    track_end(scene.track, &group);
    scene_deinit(&scene);
}

/* A viewer whose groups are all open must not keep credit from one that lacks it. */
static void a_full_viewer_does_not_stand_before_one_without_credit(void **state)
{
    (void)state;
    struct scene scene;
    struct listener second;
    scene_init(&scene, &(struct options){.limits = {.open_groups = 1}});
    listener_init(&second, &scene.pair, "demo/bbb");
    struct moq_wish wish = RANGE(1, MOQ_NO_GROUP);
    wish.priority = 200;
    listen_with(&scene, &wish);
    wish.priority = 100;
    listener_subscribe(&second, scene.pair.peer[CLIENT].session, &wish);
    wire_run(&scene.pair.wire);
    scene.pair.wire.end[SERVER].is_blocked = true;
    scene.pair.wire.end[SERVER].uni_credit = 1;
    track_group(scene.track, 1, "x");
    track_group(scene.track, 2, "x");
    assert_int_equal(wire_count(&scene.pair.wire, SERVER, false), 1);

    wire_grant(&scene.pair.wire, SERVER, 0, 1);

    assert_int_equal(wire_count(&scene.pair.wire, SERVER, false), 2);
    listener_deinit(&second);
    scene_deinit(&scene);
}

/* Another publisher's numbers may begin anywhere; viewers never see them go back. */
static void a_takeover_goes_on_behind_the_last_group(void **state)
{
    (void)state;
    struct scene scene;
    struct listener *listener = &scene.listener;
    scene_init(&scene, &(struct options){0});
    track_group(listener->track, 41, "of the first");
    listener_subscribe(listener, scene.pair.peer[CLIENT].session, &NO_WISH);
    moq_subscription_continue_after(listener->subscription, 41);
    wire_run(&scene.pair.wire);
    track_group(scene.track, 3, "of the second");
    wire_run(&scene.pair.wire);
    track_group(scene.track, 4, "and its next");
    wire_run(&scene.pair.wire);
    assert_string_equal(text_of(listener->track, 42), "of the second");
    assert_string_equal(text_of(listener->track, 43), "and its next");
    scene_deinit(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_arrive_in_every_version_and_in_pieces_of_any_size),
        cmocka_unit_test(a_late_viewer_gets_the_newest_group_from_its_first_frame),
        cmocka_unit_test(half_a_frame_is_passed_on_at_once),
        cmocka_unit_test(a_viewer_of_a_mirror_gets_every_byte_before_the_end),
        cmocka_unit_test(a_group_cut_upstream_is_reset_and_reported),
        cmocka_unit_test(the_end_of_a_track_follows_its_last_group),
        cmocka_unit_test(a_track_that_failed_resets_its_viewers_with_the_reason),
        cmocka_unit_test(unsubscribing_resets_and_stops_and_the_groups_end),
        cmocka_unit_test(info_is_sent_before_any_group_stream_is_opened),
        cmocka_unit_test(without_credit_the_choice_is_made_afresh_when_it_comes),
        cmocka_unit_test(the_more_important_viewer_gets_the_credit),
        cmocka_unit_test(a_group_that_the_viewer_stops_becomes_a_gap),
        cmocka_unit_test(info_echoes_priority_and_order_of_the_subscriber),
        cmocka_unit_test(a_page_that_publishes_is_asked_with_a_small_priority),
        cmocka_unit_test(a_silent_group_that_was_superseded_ends_after_a_while),
        cmocka_unit_test(a_group_that_was_silent_long_before_it_is_superseded_has_its_time),
        cmocka_unit_test(a_group_for_which_a_stream_was_refused_is_tried_again),
        cmocka_unit_test(a_group_that_is_late_is_cut_and_its_successor_goes_on),
        cmocka_unit_test(a_viewer_that_stalls_holds_few_groups_and_skips_the_rest),
        cmocka_unit_test(a_full_viewer_does_not_stand_before_one_without_credit),
        cmocka_unit_test(a_takeover_goes_on_behind_the_last_group),
        cmocka_unit_test(a_viewer_that_never_acknowledges_is_given_up),
        cmocka_unit_test(growth_of_an_open_group_is_one_wake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
