/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* When a session asks to be ticked: at the time at which something is due, as soon as that is
 * known, whoever made it so; and not at all while nothing is. */
#include "pair.h"

enum { LATENCY_MS = 700 };

/* A viewer whose stream takes nothing, so that groups become late. */
struct scene {
    struct pair pair;
    struct listener listener;
    struct moq_track *track;
};

static uint64_t asked_ns(const struct scene *scene)
{
    return scene->pair.wire.end[SERVER].wake_at_ns;
}

static uint64_t now_ns(const struct scene *scene)
{
    return scene->pair.wire.clock.now_ns;
}

static void scene_init(struct scene *scene)
{
    pair_init(&scene->pair, &(struct options){.version = MOQ_VERSION_03});
    scene->track = scene->pair.peer[SERVER].track = track_new(&scene->pair, "demo/bbb");
    scene->pair.peer[SERVER].policy =
        (struct moq_policy){.latency_ns = LATENCY_MS * NS_PER_MS, .priority = 128};
    listener_init(&scene->listener, &scene->pair, "demo/bbb");
    listener_subscribe(&scene->listener, scene->pair.peer[CLIENT].session, &NO_WISH);
    wire_run(&scene->pair.wire);
    scene->pair.wire.end[SERVER].is_blocked = true;
}

static void scene_deinit(struct scene *scene)
{
    scene->pair.wire.end[SERVER].is_blocked = false;
    listener_deinit(&scene->listener);
    pair_deinit(&scene->pair);
}

static void a_greeting_has_its_time(void **state)
{
    (void)state;
    struct pair pair;
    pair_init(&pair, &(struct options){.has_no_client = true, .limits = {.handshake_ns = 5}});
    assert_true(pair.wire.end[SERVER].wake_at_ns == pair.wire.clock.now_ns + 5);
    pair_deinit(&pair);
}

/* The time of the greeting is still asked for, and the one tick that follows asks for none. */
static void an_idle_session_asks_for_nothing(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    scene.pair.wire.clock.now_ns = asked_ns(&scene);
    wire_pass(&scene.pair.wire, 0);
    assert_true(asked_ns(&scene) == CLOCK_NEVER);
    scene_deinit(&scene);
}

static void a_group_that_is_followed_is_late_in_time(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    track_group(scene.track, 1, "first");
    track_group(scene.track, 2, "second");
    assert_true(asked_ns(&scene) == now_ns(&scene) + LATENCY_MS * NS_PER_MS);

    wire_pass(&scene.pair.wire, LATENCY_MS);
    assert_int_equal(scene.pair.peer[SERVER].viewer != NULL, true);
    scene.pair.wire.end[SERVER].is_blocked = false;
    wire_run(&scene.pair.wire);
    assert_string_equal(text_of(scene.listener.track, 1), "none");
    assert_string_equal(text_of(scene.listener.track, 2), "second");
    scene_deinit(&scene);
}

static void an_owner_who_shortens_the_latency_is_heard_at_once(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    track_group(scene.track, 1, "first");
    track_group(scene.track, 2, "second");
    const struct moq_policy shorter = {.latency_ns = 5 * NS_PER_MS, .priority = 128};
    moq_viewer_set_policy(scene.pair.peer[SERVER].viewer, &shorter);
    assert_true(asked_ns(&scene) == now_ns(&scene) + 5 * NS_PER_MS);
    scene_deinit(&scene);
}

static void a_tick_that_comes_too_early_asks_again(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    track_group(scene.track, 1, "first");
    track_group(scene.track, 2, "second");
    uint64_t due_ns = asked_ns(&scene);
    scene.pair.wire.end[SERVER].wake_at_ns = 0; /* as a heap that gave it out */
    moq_session_tick(scene.pair.peer[SERVER].session);
    assert_true(asked_ns(&scene) == due_ns);
    scene_deinit(&scene);
}

static void a_session_that_ends_asks_for_nothing(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    track_group(scene.track, 1, "first");
    track_group(scene.track, 2, "second");
    moq_session_close(scene.pair.peer[SERVER].session, 0, NULL);
    assert_true(asked_ns(&scene) == CLOCK_NEVER);
    scene_deinit(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_greeting_has_its_time),
        cmocka_unit_test(an_idle_session_asks_for_nothing),
        cmocka_unit_test(a_group_that_is_followed_is_late_in_time),
        cmocka_unit_test(an_owner_who_shortens_the_latency_is_heard_at_once),
        cmocka_unit_test(a_tick_that_comes_too_early_asks_again),
        cmocka_unit_test(a_session_that_ends_asks_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
