/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What an entry brings about from inside its own functions: it closes the peer or the viewer that
 * it is told of. */
#include "tests/unit/core/insider.h"

#include "server/core/fetch.h"
#include "server/core/watch.h"

/* ---- Peers ----------------------------------------------------------------------------------- */

static void close_peer(struct entry *entry)
{
    struct stage *stage = entry->stage;
    struct core_peer *peer = stage->request ? core_request_peer(stage->request)
                             : stage->seen  ? core_viewer_peer(stage->seen)
                                            : stage->peer;
    if (!peer)
        return; /* at the end of the test */
    core_peer_close(peer, MOQ_ERR_REFUSED, "enough");
    core_peer_close(peer, 0, NULL); /* it is ending already */
}

static void a_peer_may_be_closed_anywhere(void **state)
{
    (void)state;
    const enum core_verdict verdicts[] = {CORE_PASS, CORE_ALLOW, CORE_DENY, CORE_LATER};
    for (int place = 0; place < PLACES; place++) {
        for (int i = 0; i < (place <= AT_INFO ? 4 : 1); i++) {
            struct stage stage;
            stage_init(&stage);
            at(&stage.first, (enum place)place, close_peer);
            if (place <= AT_INFO)
                stage.first.verdicts[place] = verdicts[i];
            if (place == AT_WITHDRAWN)
                stage.first.verdicts[AT_INFO] = CORE_LATER;
            a_client_lives(&stage);
            assert_true(stage.first.deeds > 0);
            assert_int_equal(stage.viewer->closed, 1);
            assert_int_equal(stage.publisher->closed, 0);
            assert_int_equal(world_counters(&stage.world)->sessions, 1);
            assert_true(list_is_empty(&stage.world.workers[0].router.hooks.held));
            stage_deinit(&stage);
        }
    }
}

static void close_refused_peer(struct entry *entry)
{
    if (entry->refusals > 0)
        close_peer(entry);
}

static void a_peer_may_be_closed_as_it_is_refused(void **state)
{
    (void)state;
    for (int place = AT_ANNOUNCE; place <= AT_INFO; place++) {
        struct stage stage;
        stage_init(&stage);
        at(&stage.first, AT_EVENT, close_refused_peer);
        stage.first.verdicts[place] = CORE_DENY;
        a_client_lives(&stage);
        assert_int_equal(stage.first.refusals, 1);
        assert_int_equal(stage.second.refusals, 1);
        assert_int_equal(stage.viewer->closed, 1);
        stage_deinit(&stage);
    }
}

static void close_new_publisher(struct entry *entry)
{
    if (entry->takeovers > 0)
        close_peer(entry); /* the last one born */
}

/* The newest publisher of a track feeds it. It is closed as that is told, and so the track comes
 * from the other one again. */
static void a_publisher_may_be_closed_as_it_takes_over(void **state)
{
    (void)state;
    struct stage stage;
    struct watch watch;
    stage_init(&stage);
    stage.viewer = client_ready(world_host(&stage.world), NULL);
    watch_init(&watch, stage.viewer, "pond", &WISH_ANY);
    run_ms(&stage, 200);
    assert_int_equal(stage.second.takeovers, 0);
    struct client *newer = client_ready(world_host(&stage.world), NULL);
    at(&stage.first, AT_EVENT, close_new_publisher);
    client_publish(newer, "pond");
    run_ms(&stage, 500);
    assert_int_equal(stage.second.takeovers, 2);
    assert_int_equal(newer->closed, 1);
    assert_false(watch.closed);
    watch_deinit(&watch);
    stage_deinit(&stage);
}

static void open_watch(struct entry *entry)
{
    static const struct core_watch_ops no_ops;
    struct stage *stage = entry->stage;
    struct moq_path *path = moq_path_from_text("lake");
    const struct core_watch_wish wish = {
        .path = path,
        .policy = {.latency_ns = NS_PER_S, .priority = 128, .order = MOQ_ORDER_NEWEST}};
    if (!stage->watching)
        assert_int_equal(core_watch_open(&stage->world.workers[0].router, &wish, &no_ops, NULL,
                                         &stage->watching),
                         0);
    moq_path_unref(&path);
}

/* Nor does it subscribe to it twice. */
static void who_is_watched_as_he_comes_takes_nothing_over(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    at(&stage.first, AT_EVENT, open_watch);
    publish_text(client_publish(stage.publisher, "lake"), 1, "fish");
    run_ms(&stage, 500);
    assert_int_equal(stage.second.takeovers, 0);
    assert_int_equal(world_counters(&stage.world)->upstream_subscriptions_total, 1);
    at(&stage.first, AT_EVENT, NULL);
    core_watch_close(&stage.watching);
    stage_deinit(&stage);
}

static void a_track_that_nobody_watches_is_not_taken_over(void **state)
{
    (void)state;
    struct stage stage;
    struct watch watch;
    stage_init(&stage);
    stage.viewer = client_ready(world_host(&stage.world), NULL);
    watch_init(&watch, stage.viewer, "pond", &WISH_ANY);
    run_ms(&stage, 200);
    watch_deinit(&watch);
    run_ms(&stage, 500); /* its source lingers */
    assert_int_equal(world_counters(&stage.world)->tracks, 1);
    client_publish(client_ready(world_host(&stage.world), NULL), "pond");
    run_ms(&stage, 200);
    assert_int_equal(stage.second.takeovers, 0);
    stage_deinit(&stage);
}

/* ---- Fetches --------------------------------------------------------------------------------- */

static bool is_inactive(const struct feed *feed)
{
    (void)feed;
    return false;
}

static void *note_fetch(struct fetch *fetch, const struct announcement *origin,
                        const struct fetch_wish *wish)
{
    struct stage *stage = origin->self;
    (void)wish;
    stage->fetch = fetch;
    return stage;
}

static void forget_fetch(void *handle)
{
    struct stage *stage = handle;
    stage->fetch = NULL;
}

/* As a module's source that is closed ends what it is asked. */
static void end_fetch(struct entry *entry)
{
    struct fetch *fetch = entry->stage->fetch;
    entry->stage->fetch = NULL;
    if (fetch)
        fetch_over(fetch, MOQ_ERR_OFFLINE);
}

/* The grants of the peer that asked have gone, so it is refused what comes, and hooks hear of
 * that. */
static void a_fetch_may_end_as_its_answer_is_refused(void **state)
{
    static const struct feed_ops feed = {
        .name = "test", .is_active = is_inactive, .fetch = note_fetch, .fetch_close = forget_fetch};
    static const struct moq_fetch_events no_events = {.on_data = NULL};
    const struct client_setup as_03 = {.versions = MOQ_VERSION_03};
    const struct moq_fetch_wish wish = {.group = 4};
    const struct core_grants nothing = {.identity = "nobody"};
    struct stage stage;
    (void)state;
    stage_init(&stage);
    struct router *router = &stage.world.workers[0].router;
    struct moq_path *path = moq_path_from_text("lake");
    const struct origin_offer offer = {
        .path = path, .feed = &feed, .self = &stage, .can = MOQ_CAN_FETCH};
    struct announcement *announcement = origin_add(router, &offer);
    const struct moq_track_config config = {.clock = router->clock, .priority = 128};
    struct moq_track *track = moq_track_new(path, &config);
    struct moq_group *group;
    assert_int_equal(moq_track_open_group(track, wish.group, &group), 0);
    stage.viewer = client_ready(world_host(&stage.world), &as_03);
    run_ms(&stage, 100);
    moq_session_fetch(stage.viewer->session, path, &wish, &no_events, NULL);
    run_ms(&stage, 100);
    assert_non_null(stage.fetch);
    assert_int_equal(core_peer_set_grants(stage.peer, &nothing), 0);
    at(&stage.first, AT_EVENT, end_fetch);
    fetch_adopt(stage.fetch, moq_group_body(group));
    assert_int_equal(stage.first.refusals, 1);
    assert_null(stage.fetch);
    origin_remove(announcement);
    moq_track_unref(&track);
    moq_path_unref(&path);
    stage_deinit(&stage);
}

/* Before there is a session it is refused, once, whatever the chain says. */
static void a_peer_that_is_closed_early_does_not_come_in(void **state)
{
    (void)state;
    const enum core_verdict verdicts[] = {CORE_ALLOW, CORE_DENY, CORE_LATER};
    for (int i = 0; i < 6; i++) {
        struct stage stage;
        stage_init(&stage);
        at(&stage.first, i < 3 ? AT_SESSION : AT_PEER_BORN, close_peer);
        stage.first.verdicts[AT_SESSION] = verdicts[i % 3];
        a_client_lives(&stage);
        assert_int_equal(stage.viewer->ready, 0);
        assert_int_equal(world_counters(&stage.world)->sessions_denied, 1);
        assert_int_equal(world_counters(&stage.world)->sessions_total, 1);
        assert_int_equal(stage.second.births, 2); /* peers: the publisher and this one */
        stage_deinit(&stage);
    }
}

static void a_peer_may_be_closed_while_its_session_is_held(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    stage.first.verdicts[AT_SESSION] = CORE_LATER;
    stage.viewer = client_connect(world_host(&stage.world), NULL);
    run_ms(&stage, 300);
    struct core_hooks *hooks = &stage.world.workers[0].router.hooks;
    const struct core_request *held = container_of(hooks->held.next, struct core_request, node);
    uint64_t number = core_request_number(held);
    core_peer_close(stage.peer, MOQ_ERR_REFUSED, "enough");
    assert_int_equal(world_answer(&stage.world, number, CORE_ALLOW), 0); /* too late to matter */
    run_ms(&stage, 300);
    assert_int_equal(stage.viewer->ready, 0);
    assert_int_equal(stage.viewer->closed, 1);
    assert_int_equal(world_answer(&stage.world, number, CORE_ALLOW), MOQ_ERR_NOT_FOUND);
    stage_deinit(&stage);
}

static void an_answer_after_the_peer_s_death_is_ignored(void **state)
{
    (void)state;
    for (int place = AT_SESSION; place <= AT_INFO; place++) {
        struct stage stage;
        stage_init(&stage);
        stage.first.verdicts[place] = CORE_LATER;
        uint64_t before = stage.world.workers[0].router.hooks.last_number;
        a_client_lives(&stage);
        for (uint64_t i = before; i < before + 20; i++)
            assert_int_equal(world_answer(&stage.world, i, CORE_ALLOW), MOQ_ERR_NOT_FOUND);
        stage_deinit(&stage);
    }
}

/* ---- Viewers --------------------------------------------------------------------------------- */

static void close_viewer(struct entry *entry)
{
    core_viewer_close(entry->stage->seen, MOQ_ERR_REFUSED);
}

static void finish_viewer(struct entry *entry)
{
    core_viewer_close(entry->stage->seen, 0);
}

static void override_viewer(struct entry *entry)
{
    const struct core_override change = {.set = CORE_SET_ALL, .priority = 3};
    core_viewer_override(entry->stage->seen, &entry->hook, &change);
}

static void a_viewer_may_be_closed_or_changed_anywhere(void **state)
{
    (void)state;
    const enum place places[] = {AT_VIEWER_BORN, AT_VIEWER_DIED, AT_SAMPLE};
    void (*const deeds[])(struct entry *) = {close_viewer, finish_viewer, override_viewer};
    for (size_t i = 0; i < 9; i++) {
        struct stage stage;
        stage_init(&stage);
        at(&stage.first, places[i % 3], deeds[i / 3]);
        a_client_lives(&stage);
        assert_true(stage.first.deeds > 0);
        assert_int_equal(world_counters(&stage.world)->viewers_total, 1);
        assert_int_equal(world_counters(&stage.world)->viewers, 0);
        stage_deinit(&stage);
    }
}

/* It is gone before the second entry can be told of its birth, and then no death is told either. */
static void who_dies_at_birth_is_told_to_nobody_else(void **state)
{
    (void)state;
    struct stage stage;
    stage_init(&stage);
    at(&stage.first, AT_VIEWER_BORN, close_viewer);
    a_client_lives(&stage);
    assert_int_equal(stage.first.births, 3);  /* two peers and a viewer */
    assert_int_equal(stage.second.births, 2); /* two peers */
    stage_deinit(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peer_may_be_closed_anywhere),
        cmocka_unit_test(a_peer_may_be_closed_as_it_is_refused),
        cmocka_unit_test(a_publisher_may_be_closed_as_it_takes_over),
        cmocka_unit_test(who_is_watched_as_he_comes_takes_nothing_over),
        cmocka_unit_test(a_track_that_nobody_watches_is_not_taken_over),
        cmocka_unit_test(a_fetch_may_end_as_its_answer_is_refused),
        cmocka_unit_test(a_peer_that_is_closed_early_does_not_come_in),
        cmocka_unit_test(a_peer_may_be_closed_while_its_session_is_held),
        cmocka_unit_test(an_answer_after_the_peer_s_death_is_ignored),
        cmocka_unit_test(a_viewer_may_be_closed_or_changed_anywhere),
        cmocka_unit_test(who_dies_at_birth_is_told_to_nobody_else),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
