/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a subscriber wishes, at first and later, and who makes a policy of it: the owner, never the
 * session. */
#include "pair.h"

#define LATENCY_NS (700 * NS_PER_MS)

/* A server of 03 with the track "t"; the test plays the viewer. */
struct scene {
    struct pair pair;
    struct peer *server;
    struct moq_track *track;
    struct wire_stream *subscribe;
};

static void scene_init(struct scene *scene, const struct moq_session_events *events)
{
    pair_init(&scene->pair, &(struct options){.has_no_client = true, .events = events});
    scene->server = &scene->pair.peer[SERVER];
    scene->server->policy.latency_ns = LATENCY_NS;
    scene->track = track_new(&scene->pair, "t");
    open_hex(&scene->pair.wire, CLIENT, true, HEX_OFFER_03);
}

static void scene_deinit(struct scene *scene)
{
    moq_track_unref(&scene->track);
    pair_deinit(&scene->pair);
}

/* Priority 128, oldest first. */
static void subscribe(struct scene *scene)
{
    scene->subscribe = open_hex(&scene->pair.wire, CLIENT, true, "02 00 01 01 74 4080 01 00 00 00");
}

static void subscribe_served(struct scene *scene)
{
    scene->server->track = moq_track_ref(scene->track);
    subscribe(scene);
    assert_non_null(scene->server->viewer);
}

static void assert_policy(const struct moq_viewer *viewer, uint8_t priority, uint8_t order)
{
    const struct moq_policy *policy = moq_viewer_policy(viewer);
    assert_int_equal(policy->latency_ns, LATENCY_NS);
    assert_int_equal(policy->priority, priority);
    assert_int_equal(policy->order, order);
}

static void a_policy_takes_from_the_wish_what_it_says(void **state)
{
    (void)state;
    const struct moq_policy defaults = {.latency_ns = LATENCY_NS,
                                        .priority = 9,
                                        .order = MOQ_ORDER_OLDEST,
                                        .rate_bps = 10000,
                                        .shared_rate_bps = 20000};
    struct moq_wish wish = {.priority = 200, .order = MOQ_ORDER_NEWEST};
    struct moq_policy policy = moq_policy_of_wish(&defaults, &wish);
    assert_int_equal(policy.latency_ns, LATENCY_NS);
    assert_int_equal(policy.priority, 200);
    assert_int_equal(policy.order, MOQ_ORDER_NEWEST);
    assert_int_equal(policy.rate_bps, 10000);
    assert_int_equal(policy.shared_rate_bps, 20000);
    wish.order = MOQ_ORDER_ANY;
    assert_int_equal(moq_policy_of_wish(&defaults, &wish).order, MOQ_ORDER_OLDEST);
}

static void wishes_are_equal_when_every_field_is(void **state)
{
    (void)state;
    const struct moq_wish wish = {1, MOQ_ORDER_NEWEST, 3, 4, 5};
    const struct moq_wish others[] = {{2, MOQ_ORDER_NEWEST, 3, 4, 5},
                                      {1, MOQ_ORDER_OLDEST, 3, 4, 5},
                                      {1, MOQ_ORDER_NEWEST, 0, 4, 5},
                                      {1, MOQ_ORDER_NEWEST, 3, MOQ_NO_GROUP, 5},
                                      {1, MOQ_ORDER_NEWEST, 3, 4, MOQ_NO_GROUP}};
    struct moq_wish same = wish;
    assert_true(moq_wish_equal(&wish, &same));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(moq_wish_equal(&wish, &others[i]));
}

/* ---- A viewer's update ----------------------------------------------------------------------- */

static void an_update_leaves_the_policy_to_the_owner(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, NULL);
    scene.server->on_update = PEER_IGNORES;
    subscribe_served(&scene);

    say_hex(scene.subscribe, CLIENT, "4082 02 00 00 00"); /* priority 130, newest first */

    struct moq_viewer *viewer = scene.server->viewer;
    assert_int_equal(scene.server->viewers_updated, 1);
    assert_int_equal(moq_viewer_wish(viewer)->priority, 130);
    assert_int_equal(moq_viewer_wish(viewer)->order, MOQ_ORDER_NEWEST);
    assert_policy(viewer, 128, MOQ_ORDER_OLDEST);

    moq_viewer_follow_wish(viewer);
    assert_policy(viewer, 130, MOQ_ORDER_NEWEST);
    scene_deinit(&scene);
}

static void an_update_without_an_order_keeps_the_one_there_is(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, NULL);
    subscribe_served(&scene);
    say_hex(scene.subscribe, CLIENT, "4084 00 00 00 00");
    assert_policy(scene.server->viewer, 132, MOQ_ORDER_OLDEST);
    scene_deinit(&scene);
}

static void serve_plainly(struct moq_session *session, struct moq_request *request)
{
    struct peer *peer = moq_session_user(session);
    struct moq_policy policy = moq_policy_of_wish(&peer->policy, &request->wish);
    peer->viewer = moq_request_serve(request, peer->track, &policy);
}

static void an_owner_that_does_not_listen_follows_the_wish(void **state)
{
    (void)state;
    static const struct moq_session_events events = {.on_request = serve_plainly};
    struct scene scene;
    scene_init(&scene, &events);
    scene.server->track = moq_track_ref(scene.track);
    subscribe(&scene);
    assert_policy(scene.server->viewer, 128, MOQ_ORDER_OLDEST);
    say_hex(scene.subscribe, CLIENT, "4082 02 00 00 00");
    assert_policy(scene.server->viewer, 130, MOQ_ORDER_NEWEST);
    scene_deinit(&scene);
}

/* The range holds although nobody sets a policy. */
static void an_update_of_the_range_is_obeyed_at_once(void **state)
{
    (void)state;
    struct scene scene;
    struct moq_group *group;
    scene_init(&scene, NULL);
    scene.server->on_update = PEER_IGNORES;
    track_begin(scene.track, 1, &group);
    subscribe_served(&scene);
    say_hex(scene.subscribe, CLIENT, "4080 01 00 00 02"); /* up to 1 */
    track_end(scene.track, &group);
    wire_run(&scene.pair.wire);
    assert_ended(scene.subscribe, SERVER);
    assert_int_equal(scene.server->viewers_closed, 1);
    scene_deinit(&scene);
}

/* ---- A request that waits -------------------------------------------------------------------- */

static void an_update_of_a_request_that_waits_is_told_and_kept(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, NULL);
    subscribe(&scene);
    struct moq_request *request = scene.server->request;
    say_hex(scene.subscribe, CLIENT, "4085 02 09 03 05"); /* 133, newest first, 9 ms, 2..4 */
    assert_int_equal(scene.server->requests_updated, 1);
    assert_int_equal(scene.server->gone, 0);

    struct moq_policy policy = moq_policy_of_wish(&scene.server->policy, &request->wish);
    struct moq_viewer *viewer = moq_request_serve(request, scene.track, &policy);
    assert_policy(viewer, 133, MOQ_ORDER_NEWEST);
    assert_int_equal(moq_viewer_wish(viewer)->expires_ms, 9);
    assert_int_equal(moq_viewer_wish(viewer)->min, 2);
    assert_int_equal(moq_viewer_wish(viewer)->max, 4);
    wire_run(&scene.pair.wire);
    scene_deinit(&scene);
}

static void a_request_may_be_answered_when_it_is_updated(void **state)
{
    (void)state;
    for (int is_served = 0; is_served < 2; is_served++) {
        struct scene scene;
        scene_init(&scene, NULL);
        subscribe(&scene);
        scene.server->on_update = is_served ? PEER_SERVES : PEER_REFUSES;
        scene.server->track = moq_track_ref(scene.track);
        say_hex(scene.subscribe, CLIENT, "4085 02 00 00 00 4086 02 00 00 00"); /* two of them */
        assert_int_equal(scene.server->requests_updated, 1);
        assert_int_equal(scene.server->viewers_updated, is_served);
        assert_int_equal(scene.subscribe->half[SERVER].has_reset, !is_served);
        scene_deinit(&scene);
    }
}

static void an_update_of_a_fetch_that_waits_is_told(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, NULL);
    struct wire_stream *fetch = open_hex(&scene.pair.wire, CLIENT, true, "03 01 01 74 4080 00 00");
    say_hex(fetch, CLIENT, "4085");
    assert_int_equal(scene.server->requests_updated, 1);
    assert_int_equal(scene.server->request->wish.priority, 133);
    scene_deinit(&scene);
}

/* ---- The owner's data ------------------------------------------------------------------------ */

static void a_viewer_begins_with_what_was_hung_on_its_request(void **state)
{
    (void)state;
    struct scene scene;
    int mine;
    scene_init(&scene, NULL);
    subscribe(&scene);
    struct moq_request *request = scene.server->request;
    assert_null(moq_request_user(request));
    moq_request_set_user(request, &mine);
    assert_ptr_equal(moq_request_user(request), &mine);
    struct moq_viewer *viewer = moq_request_serve(request, scene.track, &scene.server->policy);
    assert_ptr_equal(moq_viewer_user(viewer), &mine);
    wire_run(&scene.pair.wire);
    scene_deinit(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_takes_from_the_wish_what_it_says),
        cmocka_unit_test(wishes_are_equal_when_every_field_is),
        cmocka_unit_test(an_update_leaves_the_policy_to_the_owner),
        cmocka_unit_test(an_update_without_an_order_keeps_the_one_there_is),
        cmocka_unit_test(an_owner_that_does_not_listen_follows_the_wish),
        cmocka_unit_test(an_update_of_the_range_is_obeyed_at_once),
        cmocka_unit_test(an_update_of_a_request_that_waits_is_told_and_kept),
        cmocka_unit_test(a_request_may_be_answered_when_it_is_updated),
        cmocka_unit_test(an_update_of_a_fetch_that_waits_is_told),
        cmocka_unit_test(a_viewer_begins_with_what_was_hung_on_its_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
