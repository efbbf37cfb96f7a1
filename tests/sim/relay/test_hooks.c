/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Hooks that deny, that answer later, too late or never, and requests whose peer leaves before the
 * answer. */
#include "tests/sim/relay/prologue.h"

struct stage {
    struct world world;
    struct core_hook hook;
    enum core_verdict session, announce, subscribe; /* the hook's answers */
    struct moq_path *alias;                         /* target of subscriptions; NULL: as asked */
    uint64_t parked;                                /* the last request that waits for an answer */
    uint64_t for_later;                             /* answered when a viewer has died; 0: none */
    int sessions, announces, subscribes, ends, samples, withdrawn;
    uint64_t rtt_ns; /* of the viewer that was sampled last */
};

static enum core_verdict answer(struct stage *stage, struct core_request *request,
                                enum core_verdict verdict)
{
    if (verdict == CORE_LATER)
        stage->parked = core_request_number(request);
    return verdict;
}

static enum core_verdict on_session_open(void *self, struct core_request *request)
{
    struct stage *stage = self;
    stage->sessions++;
    assert_null(core_peer_session(core_request_peer(request)));
    assert_true(strlen(core_peer_address(core_request_peer(request))) > 0);
    return answer(stage, request, stage->session);
}

static enum core_verdict on_announce(void *self, struct core_request *request)
{
    struct stage *stage = self;
    stage->announces++;
    return answer(stage, request, stage->announce);
}

static enum core_verdict on_subscribe(void *self, struct core_request *request)
{
    struct stage *stage = self;
    stage->subscribes++;
    if (stage->alias)
        core_request_set_path(request, stage->alias);
    return answer(stage, request, stage->subscribe);
}

static void on_peer_died(void *self, struct core_peer *peer)
{
    struct stage *stage = self;
    (void)peer;
    stage->ends++;
}

static void on_withdrawn(void *self, struct core_request *request)
{
    struct stage *stage = self;
    stage->withdrawn++;
    if (stage->parked == core_request_number(request))
        stage->parked = 0;
}

static void on_viewer_sample(void *self, struct core_viewer *viewer)
{
    struct stage *stage = self;
    const struct core_override change = {.set = CORE_SET_PRIORITY, .priority = 7};
    struct quic_conn_stats stats;
    stage->samples++;
    core_peer_transport(core_viewer_peer(viewer), &stats);
    stage->rtt_ns = stats.smoothed_rtt_ns;
    core_viewer_override(viewer, &stage->hook, &change);
}

/* Like a hook that lets only a certain number in at a time. */
static void on_viewer_died(void *self, struct core_viewer *viewer)
{
    struct stage *stage = self;
    uint64_t number = stage->for_later;
    (void)viewer;
    stage->for_later = 0;
    if (number)
        world_answer(&stage->world, number, CORE_ALLOW);
}

static const struct core_hook_ops hook_ops = {.name = "stage",
                                              .session_open = on_session_open,
                                              .announce = on_announce,
                                              .subscribe = on_subscribe,
                                              .peer_died = on_peer_died,
                                              .withdrawn = on_withdrawn,
                                              .viewer_died = on_viewer_died,
                                              .viewer_sample = on_viewer_sample};

static void stage_init(struct stage *stage)
{
    const struct world_setup setup = {
        .seed = 17, .workers = 1, .link = {.delay_ns = 10 * NS_PER_MS}};
    *stage = (struct stage){.hook.ops = &hook_ops};
    world_init(&stage->world, &setup);
    stage->hook.self = stage;
    world_add_hook(&stage->world, &stage->hook);
}

static void stage_deinit(struct stage *stage)
{
    moq_path_unref(&stage->alias);
    world_deinit(&stage->world);
    assert_int_equal(stage->ends, stage->sessions);
}

static void run_ms(struct stage *stage, uint64_t ms)
{
    world_run(&stage->world, ms * NS_PER_MS);
}

static struct core_viewer *only_viewer(const struct stage *stage)
{
    const struct list *viewers = &stage->world.workers[0].router.viewers;
    assert_false(list_is_empty(viewers));
    return container_of(viewers->next, struct core_viewer, router_node);
}

/* ---- Sessions -------------------------------------------------------------------------------- */

static const enum quic_protocol protocols[] = {QUIC_PROTOCOL_RAW, QUIC_PROTOCOL_WEBTRANSPORT};

static void a_denied_session_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct client_setup setup = {.protocol = protocols[i]};
        struct stage stage;
        stage_init(&stage);
        stage.session = CORE_DENY;
        struct client *client = client_connect(world_host(&stage.world), &setup);
        run_ms(&stage, 3000);
        assert_int_equal(client->ready, 0);
        assert_int_equal(client->closed, 1);
        assert_int_not_equal(client->close_error, 0);
        assert_int_equal(world_counters(&stage.world)->sessions_denied, 1);
        assert_int_equal(world_counters(&stage.world)->sessions, 0);
        stage_deinit(&stage);
    }
}

static void a_session_waits_for_its_answer(void **state)
{
    (void)state;
    const enum core_verdict verdicts[] = {CORE_ALLOW, CORE_PASS};
    for (size_t i = 0; i < 4; i++) {
        const struct client_setup setup = {.protocol = protocols[i / 2]};
        struct stage stage;
        stage_init(&stage);
        stage.session = CORE_LATER;
        struct client *client = client_connect(world_host(&stage.world), &setup);
        run_ms(&stage, 1000);
        assert_int_equal(client->ready, 0);
        assert_true(stage.parked > 0);

        world_answer(&stage.world, stage.parked, verdicts[i % 2]);
        run_ms(&stage, 200);
        assert_int_equal(client->ready, 1);
        assert_int_equal(client->closed, 0);
        stage_deinit(&stage);
    }
}

static void a_session_that_is_denied_later_ends(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    stage.session = CORE_LATER;
    struct client *client = client_connect(world_host(&stage.world), NULL);
    run_ms(&stage, 1000);
    world_answer(&stage.world, stage.parked, CORE_DENY);
    run_ms(&stage, 1000);
    assert_int_equal(client->ready, 0);
    assert_int_equal(client->closed, 1);
    assert_int_equal(client->close_error, MOQ_ERR_NOT_FOUND); /* a refusal on the wire */
    assert_int_equal(world_counters(&stage.world)->sessions, 0);
    stage_deinit(&stage);
}

static void a_session_that_nobody_answers_is_denied(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    stage.session = CORE_LATER;
    struct client *client = client_connect(world_host(&stage.world), NULL);
    run_ms(&stage, 4500);
    assert_int_equal(client->closed, 0);
    run_ms(&stage, 1500);
    assert_int_equal(client->closed, 1);
    assert_int_equal(world_counters(&stage.world)->sessions, 0);
    stage_deinit(&stage);
}

static void a_session_may_die_before_its_answer(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    stage.session = CORE_LATER;
    struct client *client = client_connect(world_host(&stage.world), NULL);
    run_ms(&stage, 1000);
    client_close(client, 0);
    run_ms(&stage, 1000);
    assert_int_equal(stage.parked, 0);
    assert_int_equal(stage.withdrawn, 1);
    assert_true(list_is_empty(&stage.world.workers[0].router.hooks.held));
    run_ms(&stage, 6000);
    stage_deinit(&stage);
}

/* ---- Announcements --------------------------------------------------------------------------- */

static void a_denied_announcement_is_seen_by_nobody(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    stage.announce = CORE_DENY;
    struct client *publisher = client_ready(world_host(&stage.world), NULL);
    struct client *viewer = client_ready(world_host(&stage.world), NULL);
    client_listen(viewer, "");
    client_publish(publisher, "demo/bbb");
    run_ms(&stage, 1000);
    assert_int_equal(stage.announces, 1);
    assert_int_equal(viewer->actives, 0);
    assert_int_equal(world_counters(&stage.world)->announcements_denied, 1);
    assert_int_equal(world_counters(&stage.world)->announcements, 0);
    stage_deinit(&stage);
}

static void an_announcement_waits_for_its_answer(void **state)
{
    (void)state;
    struct stage stage;
    struct watch watch;
    stage_init(&stage);
    stage.announce = CORE_LATER;
    struct client *publisher = client_ready(world_host(&stage.world), NULL);
    struct client *viewer = client_ready(world_host(&stage.world), NULL);
    publish_text(client_publish(publisher, "demo/bbb"), 1, "one");
    watch_init(&watch, viewer, "demo/bbb", &WISH_ANY);
    run_ms(&stage, 1000);
    assert_group(&watch, 1, "-");

    world_answer(&stage.world, stage.parked, CORE_ALLOW);
    run_ms(&stage, 200);
    assert_group(&watch, 1, "one");
    watch_deinit(&watch);
    stage_deinit(&stage);
}

static void an_announcement_may_end_before_its_answer(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    stage.announce = CORE_LATER;
    struct client *publisher = client_ready(world_host(&stage.world), NULL);
    struct moq_track *track = client_publish(publisher, "demo/bbb");
    run_ms(&stage, 1000);
    client_withdraw(publisher, track);
    run_ms(&stage, 200);
    assert_true(list_is_empty(&stage.world.workers[0].router.hooks.held));
    client_publish(publisher, "demo/other");
    run_ms(&stage, 200);
    client_close(publisher, MOQ_ERR_IO);
    run_ms(&stage, 200);
    assert_true(list_is_empty(&stage.world.workers[0].router.hooks.held));
    run_ms(&stage, 6000);
    assert_int_equal(world_counters(&stage.world)->announcements, 0);
    stage_deinit(&stage);
}

/* ---- Subscriptions --------------------------------------------------------------------------- */

struct theatre { /* a publisher, a viewer, and a hook */
    struct stage stage;
    struct client *publisher, *viewer;
    struct watch watch;
};

static void theatre_init(struct theatre *theatre, enum core_verdict verdict)
{
    struct stage *stage = &theatre->stage;
    stage_init(stage);
    stage->subscribe = verdict;
    theatre->publisher = client_ready(world_host(&stage->world), NULL);
    theatre->viewer = client_ready(world_host(&stage->world), NULL);
    publish_text(client_publish(theatre->publisher, "demo/bbb"), 1, "one");
    run_ms(stage, 200);
    watch_init(&theatre->watch, theatre->viewer, "demo/bbb", &WISH_ANY);
    run_ms(stage, 200);
}

static void theatre_deinit(struct theatre *theatre)
{
    watch_deinit(&theatre->watch);
    stage_deinit(&theatre->stage);
}

static void a_denied_subscription_is_refused(void **state)
{
    (void)state;
    struct theatre theatre;
    theatre_init(&theatre, CORE_DENY);
    assert_int_equal(theatre.watch.closed, 1);
    assert_int_equal(theatre.watch.close_error, MOQ_ERR_NOT_FOUND);
    assert_int_equal(theatre.publisher->subscribes, 0);
    assert_int_equal(theatre.viewer->closed, 0);
    theatre_deinit(&theatre);
}

static void a_subscription_waits_for_its_answer(void **state)
{
    (void)state;
    struct theatre theatre;
    theatre_init(&theatre, CORE_LATER);
    assert_int_equal(theatre.watch.begun, 0);
    world_answer(&theatre.stage.world, theatre.stage.parked, CORE_ALLOW);
    run_ms(&theatre.stage, 200);
    assert_group(&theatre.watch, 1, "one");
    theatre_deinit(&theatre);
}

static void a_wish_may_change_before_the_answer(void **state)
{
    (void)state;
    struct theatre theatre;
    theatre_init(&theatre, CORE_LATER);
    struct moq_wish wish = WISH_ANY;
    wish.priority = 170;
    moq_subscription_update(theatre.watch.subscription, &wish);
    run_ms(&theatre.stage, 200);
    world_answer(&theatre.stage.world, theatre.stage.parked, CORE_ALLOW);
    run_ms(&theatre.stage, 200);
    assert_int_equal(core_viewer_policy(only_viewer(&theatre.stage))->priority, 170);
    theatre_deinit(&theatre);
}

static void a_subscription_that_nobody_answers_is_refused(void **state)
{
    (void)state;
    struct theatre theatre;
    theatre_init(&theatre, CORE_LATER);
    run_ms(&theatre.stage, 6000);
    assert_int_equal(theatre.watch.closed, 1);
    assert_int_equal(theatre.watch.close_error, MOQ_ERR_NOT_FOUND);
    theatre_deinit(&theatre);
}

static void a_subscription_may_end_before_its_answer(void **state)
{
    (void)state;
    struct theatre theatre;
    theatre_init(&theatre, CORE_LATER);
    moq_subscription_close(&theatre.watch.subscription);
    run_ms(&theatre.stage, 200);
    assert_true(list_is_empty(&theatre.stage.world.workers[0].router.hooks.held));

    struct watch again;
    watch_init(&again, theatre.viewer, "demo/bbb", &WISH_ANY);
    run_ms(&theatre.stage, 200);
    assert_false(list_is_empty(&theatre.stage.world.workers[0].router.hooks.held));
    client_close(theatre.viewer, MOQ_ERR_IO);
    run_ms(&theatre.stage, 200);
    assert_true(list_is_empty(&theatre.stage.world.workers[0].router.hooks.held));
    run_ms(&theatre.stage, 6000);
    watch_deinit(&again);
    theatre_deinit(&theatre);
}

static void a_publisher_may_die_before_the_answer(void **state)
{
    (void)state;
    struct theatre theatre;
    theatre_init(&theatre, CORE_LATER);
    client_close(theatre.publisher, MOQ_ERR_IO);
    run_ms(&theatre.stage, 200);
    theatre.stage.subscribe = CORE_PASS;
    world_answer(&theatre.stage.world, theatre.stage.parked, CORE_ALLOW);
    run_ms(&theatre.stage, 6000);
    assert_int_equal(theatre.watch.closed, 1);
    assert_int_equal(theatre.watch.close_error, MOQ_ERR_NOT_FOUND);
    theatre_deinit(&theatre);
}

static void a_subscription_is_led_elsewhere(void **state)
{
    (void)state;
    struct stage stage;
    struct watch watch;
    stage_init(&stage);
    stage.alias = moq_path_from_text("demo/bbb");
    struct client *publisher = client_ready(world_host(&stage.world), NULL);
    struct client *viewer = client_ready(world_host(&stage.world), NULL);
    publish_text(client_publish(publisher, "demo/bbb"), 1, "one");
    run_ms(&stage, 200);
    watch_init(&watch, viewer, "another/name", &WISH_ANY);
    run_ms(&stage, 200);
    assert_group(&watch, 1, "one");
    watch_deinit(&watch);
    stage_deinit(&stage);
}

static void a_hook_sees_viewers_and_sets_their_policy(void **state)
{
    (void)state;
    struct theatre theatre;
    theatre_init(&theatre, CORE_PASS);
    run_ms(&theatre.stage, 1000);
    assert_in_range(theatre.stage.samples, 3, 6);
    assert_in_range(theatre.stage.rtt_ns, 20 * NS_PER_MS, 25 * NS_PER_MS);
    assert_int_equal(core_viewer_policy(only_viewer(&theatre.stage))->priority, 7);
    theatre_deinit(&theatre);
}

/* All in one turn: a publisher takes over, so a group is cut, so a viewer has everything it wanted
 * and dies, so another publisher is let in. The newest publisher gets the track. */
static void an_answer_may_follow_from_an_answer(void **state)
{
    (void)state;
    struct stage stage;
    struct watch watch;
    stage_init(&stage);
    struct client *first = client_ready(world_host(&stage.world), NULL);
    struct client *viewer = client_ready(world_host(&stage.world), NULL);
    struct moq_track *track = client_publish(first, "demo/bbb");
    struct moq_group *growing;
    assert_int_equal(moq_track_open_group(track, 1, &growing), 0);
    moq_track_write_frame(track, growing, "one", 3);
    run_ms(&stage, 200);
    watch_init(&watch, viewer, "demo/bbb", &WISH_RANGE(1, 1));
    run_ms(&stage, 200);
    assert_group(&watch, 1, "one...");

    stage.announce = CORE_LATER;
    client_publish(client_ready(world_host(&stage.world), NULL), "demo/bbb");
    run_ms(&stage, 200);
    uint64_t second = stage.parked;
    client_publish(client_ready(world_host(&stage.world), NULL), "demo/bbb");
    run_ms(&stage, 200);
    stage.for_later = stage.parked;
    world_answer(&stage.world, second, CORE_ALLOW);
    run_ms(&stage, 200);
    assert_int_equal(watch.closed, 1);
    assert_int_equal(stage.for_later, 0);
    const struct list *sources = &stage.world.workers[0].router.sources;
    const struct source *source = container_of(sources->next, struct source, node);
    assert_ptr_equal(source->origin, route_newest(source->route));
    assert_int_equal(world_counters(&stage.world)->announcements, 3);
    watch_deinit(&watch);
    stage_deinit(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_denied_session_is_refused),
        cmocka_unit_test(a_session_waits_for_its_answer),
        cmocka_unit_test(a_session_that_is_denied_later_ends),
        cmocka_unit_test(a_session_that_nobody_answers_is_denied),
        cmocka_unit_test(a_session_may_die_before_its_answer),
        cmocka_unit_test(a_denied_announcement_is_seen_by_nobody),
        cmocka_unit_test(an_announcement_waits_for_its_answer),
        cmocka_unit_test(an_announcement_may_end_before_its_answer),
        cmocka_unit_test(a_denied_subscription_is_refused),
        cmocka_unit_test(a_subscription_waits_for_its_answer),
        cmocka_unit_test(a_wish_may_change_before_the_answer),
        cmocka_unit_test(a_subscription_that_nobody_answers_is_refused),
        cmocka_unit_test(a_subscription_may_end_before_its_answer),
        cmocka_unit_test(a_publisher_may_die_before_the_answer),
        cmocka_unit_test(a_subscription_is_led_elsewhere),
        cmocka_unit_test(a_hook_sees_viewers_and_sets_their_policy),
        cmocka_unit_test(an_answer_may_follow_from_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
