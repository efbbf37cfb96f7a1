/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Grants that change while a session lives: what ends and begins when they are replaced, and what
 * happens when they expire, also if the wall clock jumps. */
#include "tests/sim/relay/prologue.h"

#include "tests/sim/relay/guard.h"

/* ---- How they are replaced ------------------------------------------------------------------- */

/* A publisher of two paths and a viewer of both. */
struct scene {
    struct guarded stage;
    struct client *publisher, *viewer, *other;
    struct core_peer *publisher_peer, *viewer_peer;
    struct moq_track *tracks[2];
    struct watch watches[2];
};

static const char *const paths[] = {"live/a", "live/b"};

static void scene_init(struct scene *scene, const struct pass *publisher, const struct pass *viewer)
{
    struct guarded *stage = &scene->stage;
    guarded_init(stage);
    scene->publisher = guarded_admit(stage, publisher);
    scene->publisher_peer = stage->guard.peer;
    scene->viewer = guarded_admit(stage, viewer);
    scene->viewer_peer = stage->guard.peer;
    scene->other = guarded_admit(stage, NULL);
    client_listen(scene->viewer, "");
    client_listen(scene->other, "");
    for (int i = 0; i < 2; i++) {
        scene->tracks[i] = client_publish(scene->publisher, paths[i]);
        publish_text(scene->tracks[i], 1, "one");
    }
    guarded_run_ms(stage, 200);
    for (int i = 0; i < 2; i++)
        watch_init(&scene->watches[i], scene->viewer, paths[i], &WISH_ANY);
    guarded_run_ms(stage, 300);
}

static void scene_deinit(struct scene *scene)
{
    for (int i = 0; i < 2; i++)
        watch_deinit(&scene->watches[i]);
    guarded_deinit(&scene->stage);
}

static const struct pass all = {.publish = "*", .subscribe = "*"};

static void a_viewer_loses_what_its_new_grants_do_not_cover(void **state)
{
    const struct pass less = {.subscribe = "live/b"};
    struct scene scene;
    (void)state;
    scene_init(&scene, &all, &all);
    assert_int_equal(scene.viewer->actives, 2);
    assert_int_equal(pass_to_peer(&less, scene.viewer_peer), 0);
    guarded_run_ms(&scene.stage, 200);
    assert_int_equal(scene.watches[0].closed, 1);
    assert_int_equal(scene.watches[0].close_error, MOQ_ERR_NOT_FOUND);
    assert_int_equal(scene.watches[1].closed, 0);
    assert_int_equal(scene.viewer->ends, 1);
    publish_text(scene.tracks[1], 2, "two");
    guarded_run_ms(&scene.stage, 200);
    assert_group(&scene.watches[1], 2, "two");

    assert_int_equal(core_peer_set_grants(scene.viewer_peer, NULL), 0);
    guarded_run_ms(&scene.stage, 200);
    assert_int_equal(scene.viewer->actives, 3);
    assert_int_equal(scene.viewer->ends, 1);
    watch_deinit(&scene.watches[0]);
    watch_init(&scene.watches[0], scene.viewer, paths[0], &WISH_ANY);
    guarded_run_ms(&scene.stage, 200);
    assert_group(&scene.watches[0], 1, "one");
    scene_deinit(&scene);
}

static void a_publisher_loses_what_its_new_grants_do_not_cover(void **state)
{
    const struct pass less = {.publish = "live/b"};
    struct scene scene;
    struct moq_group *growing;
    (void)state;
    scene_init(&scene, &all, &all);
    assert_int_equal(moq_track_open_group(scene.tracks[0], 2, &growing), 0);
    moq_track_write_frame(scene.tracks[0], growing, "half", 4);
    guarded_run_ms(&scene.stage, 200);
    assert_group(&scene.watches[0], 2, "half...");
    assert_int_equal(pass_to_peer(&less, scene.publisher_peer), 0);
    moq_track_write_frame(scene.tracks[0], growing, "more", 4);
    guarded_run_ms(&scene.stage, 300);
    assert_group(&scene.watches[0], 2, "half!");
    assert_int_equal(scene.watches[0].closed, 1);
    assert_int_equal(scene.watches[1].closed, 0);
    assert_int_equal(scene.other->ends, 1);
    assert_int_equal(world_counters(&scene.stage.world)->announcements, 1);
    assert_int_equal(scene.publisher->closed, 0);

    assert_int_equal(pass_to_peer(&all, scene.publisher_peer), 0);
    guarded_run_ms(&scene.stage, 300);
    assert_int_equal(scene.other->actives, 3);
    assert_int_equal(world_counters(&scene.stage.world)->announcements, 2);
    watch_deinit(&scene.watches[0]);
    watch_init(&scene.watches[0], scene.viewer, paths[0], &WISH_ANY);
    guarded_run_ms(&scene.stage, 300);
    assert_int_equal(scene.watches[0].closed, 0);
    assert_true(scene.watches[0].begun > 0);
    scene_deinit(&scene);
}

/* What the first grants kept back is announced when others cover it, and ends as usual. */
static void an_announcement_waits_for_grants_that_cover_it(void **state)
{
    const struct pass nothing = {.subscribe = "*"};
    struct scene scene;
    (void)state;
    scene_init(&scene, &nothing, &all);
    assert_int_equal(scene.other->actives, 0);
    assert_int_equal(scene.stage.guard.announces, 0);
    assert_int_equal(world_counters(&scene.stage.world)->announcements_denied, 2);
    client_withdraw(scene.publisher, scene.tracks[1]);
    guarded_run_ms(&scene.stage, 200);
    assert_int_equal(pass_to_peer(&all, scene.publisher_peer), 0);
    guarded_run_ms(&scene.stage, 300);
    assert_int_equal(scene.stage.guard.announces, 1);
    assert_int_equal(scene.other->actives, 1);
    assert_group(&scene.watches[0], 1, "one");
    client_withdraw(scene.publisher, scene.tracks[0]);
    guarded_run_ms(&scene.stage, 200);
    assert_int_equal(scene.other->ends, 1);
    scene_deinit(&scene);
}

/* A hook holds an announcement or a request while its peer loses the right to make it. */
static void what_hooks_decide_late_still_needs_grants(void **state)
{
    const struct pass less = {.publish = "other", .subscribe = "other"};
    struct guarded stage;
    struct watch watch;
    (void)state;
    guarded_init(&stage);
    struct client *client = guarded_admit(&stage, &all), *publisher = guarded_admit(&stage, NULL);
    struct core_hooks *hooks = &stage.world.workers[0].router.hooks;
    publish_text(client_publish(publisher, "live/b"), 1, "one");
    guarded_run_ms(&stage, 200);
    stage.guard.announce = stage.guard.others = CORE_LATER;
    client_publish(client, "live/a");
    guarded_run_ms(&stage, 200);
    uint64_t announcing = stage.guard.number;
    watch_init(&watch, client, "live/b", &WISH_ANY);
    guarded_run_ms(&stage, 200);
    struct core_peer *peer = core_request_peer(stage.guard.held);
    assert_int_equal(pass_to_peer(&less, peer), 0);
    assert_int_equal(core_answer(hooks, announcing, CORE_ALLOW), 0);
    assert_int_equal(core_answer(hooks, stage.guard.number, CORE_ALLOW), 0);
    guarded_run_ms(&stage, 200);
    assert_int_equal(watch.close_error, MOQ_ERR_NOT_FOUND);
    assert_int_equal(world_counters(&stage.world)->announcements, 1);
    watch_deinit(&watch);
    guarded_deinit(&stage);
}

/* The same for one that waits for a publisher. */
static void who_waits_for_a_publisher_still_needs_grants(void **state)
{
    const struct pass less = {.subscribe = "other"};
    struct guarded stage;
    struct watch watch;
    (void)state;
    guarded_init(&stage);
    struct client *viewer = guarded_admit(&stage, &all);
    struct core_peer *peer = stage.guard.peer;
    struct client *publisher = guarded_admit(&stage, NULL);
    watch_init(&watch, viewer, "live/a", &WISH_ANY);
    guarded_run_ms(&stage, 200);
    assert_int_equal(pass_to_peer(&less, peer), 0);
    publish_text(client_publish(publisher, "live/a"), 1, "one");
    guarded_run_ms(&stage, 300);
    assert_int_equal(watch.closed, 1);
    assert_int_equal(watch.close_error, MOQ_ERR_NOT_FOUND);
    assert_int_equal(watch.begun, 0);
    watch_deinit(&watch);
    guarded_deinit(&stage);
}

/* An entry that takes a grant away at the moment in which the announcement becomes known. */
struct thief {
    struct core_hook hook;
    struct core_peer *victim;
};

static void on_event(void *self, const char *name, const struct moq_path *path)
{
    struct thief *thief = self;
    const struct pass less = {.publish = "other"};
    (void)path;
    if (strcmp(name, "announced") == 0)
        assert_int_equal(pass_to_peer(&less, thief->victim), 0);
}

static void grants_may_change_inside_an_event(void **state)
{
    static const struct core_hook_ops ops = {.name = "thief", .event = on_event};
    struct guarded stage;
    struct thief thief = {.hook = {.ops = &ops}};
    (void)state;
    guarded_init(&stage);
    struct client *publisher = guarded_admit(&stage, &all);
    uint32_t worker = (stage.world.next_worker - 1) % stage.world.worker_count;
    thief.victim = stage.guard.peer;
    thief.hook.self = &thief;
    core_hooks_add(&stage.world.workers[worker].router.hooks, &thief.hook);
    client_publish(publisher, "live/a");
    guarded_run_ms(&stage, 300);
    assert_int_equal(world_counters(&stage.world)->announcements, 0);
    assert_int_equal(publisher->closed, 0);
    guarded_deinit(&stage);
}

/* ---- Their end ------------------------------------------------------------------------------- */

enum { HOUR_MS = 3600 * 1000 };

/* Publisher and viewer with grants that end in a minute, and in an hour. */
static void scene_init_expiring(struct scene *scene, uint64_t publisher_ms, uint64_t viewer_ms)
{
    const struct pass publisher = {
        .publish = "live", .identity = "alice", .expires_ms = WORLD_WALL_MS + publisher_ms};
    const struct pass viewer = {
        .subscribe = "live", .identity = "bob", .expires_ms = WORLD_WALL_MS + viewer_ms};
    scene_init(scene, &publisher, &viewer);
    assert_in_range(world_wall_ms(&scene->stage.world), WORLD_WALL_MS, WORLD_WALL_MS + 10 * 1000);
    assert_group(&scene->watches[0], 1, "one");
}

static void assert_expired(const struct client *client)
{
    assert_int_equal(client->closed, 1);
    assert_int_equal(client->close_error, MOQ_ERR_UNAUTHORIZED);
    assert_string_equal(client->reason, "token expired");
}

static void a_viewer_is_closed_when_its_grants_expire(void **state)
{
    struct scene scene;
    (void)state;
    scene_init_expiring(&scene, HOUR_MS, 60 * 1000);
    guarded_run_ms(&scene.stage, 50 * 1000);
    assert_int_equal(scene.viewer->closed, 0);
    guarded_run_ms(&scene.stage, 12 * 1000);
    assert_expired(scene.viewer);
    assert_int_equal(scene.publisher->closed, 0);
    assert_int_equal(world_counters(&scene.stage.world)->sessions_expired, 1);
    assert_int_equal(world_counters(&scene.stage.world)->viewers, 0);
    assert_int_equal(world_counters(&scene.stage.world)->sessions, 2);
    scene_deinit(&scene);
}

static void a_publisher_is_closed_when_its_grants_expire(void **state)
{
    struct scene scene;
    (void)state;
    scene_init_expiring(&scene, 60 * 1000, HOUR_MS);
    guarded_run_ms(&scene.stage, 62 * 1000);
    assert_expired(scene.publisher);
    assert_int_equal(scene.viewer->closed, 0);
    assert_int_equal(scene.watches[0].closed, 1);
    assert_int_equal(scene.other->ends, 2);
    assert_int_equal(world_counters(&scene.stage.world)->announcements, 0);
    scene_deinit(&scene);
}

static void expiry_follows_a_clock_that_jumps_forwards(void **state)
{
    struct scene scene;
    (void)state;
    scene_init_expiring(&scene, 2 * HOUR_MS, HOUR_MS);
    world_jump(&scene.stage.world, HOUR_MS + 1000);
    guarded_run_ms(&scene.stage, 500);
    assert_expired(scene.viewer);
    assert_int_equal(scene.publisher->closed, 0);
    world_jump(&scene.stage.world, HOUR_MS);
    guarded_run_ms(&scene.stage, 500);
    assert_expired(scene.publisher);
    assert_int_equal(world_counters(&scene.stage.world)->sessions_expired, 2);
    scene_deinit(&scene);
}

static void expiry_follows_a_clock_that_jumps_backwards(void **state)
{
    struct scene scene;
    (void)state;
    scene_init_expiring(&scene, HOUR_MS, 60 * 1000);
    guarded_run_ms(&scene.stage, 30 * 1000);
    world_jump(&scene.stage.world, -60 * 1000);
    guarded_run_ms(&scene.stage, 80 * 1000);
    assert_int_equal(scene.viewer->closed, 0);
    guarded_run_ms(&scene.stage, 15 * 1000);
    assert_expired(scene.viewer);
    scene_deinit(&scene);
}

static void renewed_grants_keep_a_session_alive(void **state)
{
    struct scene scene;
    (void)state;
    scene_init_expiring(&scene, HOUR_MS, 60 * 1000);
    const struct pass longer = {.subscribe = "live",
                                .expires_ms = world_wall_ms(&scene.stage.world) + 120 * 1000};
    assert_int_equal(pass_to_peer(&longer, scene.viewer_peer), 0);
    guarded_run_ms(&scene.stage, 110 * 1000);
    assert_int_equal(scene.viewer->closed, 0);
    assert_int_equal(scene.watches[0].closed, 0);
    guarded_run_ms(&scene.stage, 15 * 1000);
    assert_expired(scene.viewer);
    scene_deinit(&scene);
}

/* One who sees a viewer go tries to give it more time. */
struct helper {
    struct core_hook hooks[WORLD_WORKERS_MAX];
    int tries, error;
};

static void on_viewer_died(void *self, struct core_viewer *viewer)
{
    struct helper *helper = self;
    struct core_peer *peer = core_viewer_peer(viewer);
    assert_false(core_peer_may(peer, CORE_SUBSCRIBE, core_viewer_path(viewer)));
    helper->tries++;
    helper->error = pass_to_peer(&all, peer);
}

static void add_helper(struct world *world, struct helper *helper, const struct core_hook_ops *ops)
{
    for (uint32_t i = 0; i < world->worker_count; i++) {
        helper->hooks[i] = (struct core_hook){.ops = ops, .self = helper};
        core_hooks_add(&world->workers[i].router.hooks, &helper->hooks[i]);
    }
}

static void expired_grants_are_not_replaced(void **state)
{
    static const struct core_hook_ops ops = {.name = "helper", .viewer_died = on_viewer_died};
    struct helper helper = {.tries = 0};
    struct scene scene;
    (void)state;
    scene_init_expiring(&scene, HOUR_MS, 60 * 1000);
    add_helper(&scene.stage.world, &helper, &ops);
    guarded_run_ms(&scene.stage, 62 * 1000);
    assert_expired(scene.viewer);
    assert_int_equal(helper.tries, 2);
    assert_int_equal(helper.error, MOQ_ERR_CLOSED);
    scene_deinit(&scene);
}

/* One who sees a viewer go takes everything from its peer. */
static void on_first_death(void *self, struct core_viewer *viewer)
{
    const struct pass nothing = {.publish = "*"};
    struct helper *helper = self;
    if (helper->tries++ == 0)
        helper->error = pass_to_peer(&nothing, core_viewer_peer(viewer));
}

/* The first viewer ends because time passes, while its session looks at all of them. */
static void grants_may_change_while_a_session_looks_at_its_viewers(void **state)
{
    static const struct core_hook_ops ops = {.name = "helper", .viewer_died = on_first_death};
    struct helper helper = {.tries = 0};
    struct scene scene;
    (void)state;
    scene_init(&scene, &all, &all);
    for (int i = 0; i < 2; i++) {
        watch_deinit(&scene.watches[i]);
        guarded_run_ms(&scene.stage, 100);
        watch_init(&scene.watches[i], scene.viewer, paths[i], i ? &WISH_ANY : &WISH_RANGE(2, 3));
    }
    guarded_run_ms(&scene.stage, 100);
    add_helper(&scene.stage.world, &helper, &ops);
    publish_text(scene.tracks[0], 5, "five"); /* 2 and 3 will not come */
    guarded_run_ms(&scene.stage, 5000);
    assert_true(helper.tries > 0);
    assert_int_equal(helper.error, 0);
    assert_int_equal(scene.watches[1].closed, 1);
    scene_deinit(&scene);
}

/* Its grants end while another entry still thinks about it. */
static void a_held_session_expires(void **state)
{
    struct guarded stage;
    (void)state;
    guarded_init(&stage);
    const struct pass pass = {.subscribe = "*",
                              .expires_ms = world_wall_ms(&stage.world) + 2 * 1000};
    stage.guard.session = CORE_LATER;
    stage.guard.next = &pass;
    struct client *client = client_connect(world_host(&stage.world), NULL);
    guarded_run_ms(&stage, 1000);
    assert_int_equal(client->closed, 0);
    guarded_run_ms(&stage, 2000);
    assert_expired(client);
    struct core_hooks *hooks = &stage.world.workers[0].router.hooks;
    assert_int_equal(core_answer(hooks, stage.guard.number, CORE_ALLOW), MOQ_ERR_NOT_FOUND);
    assert_int_equal(world_counters(&stage.world)->sessions, 0);
    guarded_deinit(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_viewer_loses_what_its_new_grants_do_not_cover),
        cmocka_unit_test(a_publisher_loses_what_its_new_grants_do_not_cover),
        cmocka_unit_test(an_announcement_waits_for_grants_that_cover_it),
        cmocka_unit_test(what_hooks_decide_late_still_needs_grants),
        cmocka_unit_test(who_waits_for_a_publisher_still_needs_grants),
        cmocka_unit_test(grants_may_change_inside_an_event),
        cmocka_unit_test(a_viewer_is_closed_when_its_grants_expire),
        cmocka_unit_test(a_publisher_is_closed_when_its_grants_expire),
        cmocka_unit_test(expiry_follows_a_clock_that_jumps_forwards),
        cmocka_unit_test(expiry_follows_a_clock_that_jumps_backwards),
        cmocka_unit_test(renewed_grants_keep_a_session_alive),
        cmocka_unit_test(expired_grants_are_not_replaced),
        cmocka_unit_test(grants_may_change_while_a_session_looks_at_its_viewers),
        cmocka_unit_test(a_held_session_expires),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
