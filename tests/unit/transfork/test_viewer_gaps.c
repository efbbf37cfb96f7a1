/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What counts as skipped: the groups that a viewer was late for, and no others. */
#include "pair.h"

static uint64_t skipped(const struct pair *pair)
{
    struct moq_viewer_stats stats;
    moq_viewer_stats(pair->peer[SERVER].viewer, &stats);
    return stats.groups_skipped;
}

/* A server that serves `track`, and a client that has asked for it. */
struct scene {
    struct pair pair;
    struct listener listener;
    struct moq_track *track;
};

static void scene_init(struct scene *scene, const struct options *options)
{
    pair_init(&scene->pair, options);
    scene->track = scene->pair.peer[SERVER].track = track_new(&scene->pair, "t");
    listener_init(&scene->listener, &scene->pair, "t");
    listener_subscribe(&scene->listener, scene->pair.peer[CLIENT].session, &NO_WISH);
}

static void scene_deinit(struct scene *scene)
{
    listener_deinit(&scene->listener);
    pair_deinit(&scene->pair);
}

/* A publisher can speak of any number of groups. */
static void what_the_publisher_leaves_out_is_not_skipped(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, &(struct options){0});
    struct pair *pair = &scene.pair;
    track_group(scene.track, 0, "x");
    wire_run(&pair->wire);

    moq_track_gap(scene.track, 1, UINT64_C(1) << 61, MOQ_ERR_EXPIRED);
    wire_run(&pair->wire);

    assert_int_equal(skipped(pair), 0);
    scene_deinit(&scene);
}

/* Far apart, so that there are holes in which there were no groups. */
static void each_group_is_skipped_once(void **state)
{
    (void)state;
    enum { GROUPS = 200 };
    struct scene scene;
    scene_init(&scene, &(struct options){.limits = {.open_groups = 2}});
    struct pair *pair = &scene.pair;
    wire_run(&pair->wire);

    pair->wire.end[SERVER].is_blocked = true;
    for (uint64_t i = 0; i < GROUPS; i++) {
        track_group(scene.track, i << 50, "x");
        wire_pass(&pair->wire, 1);
    }
    pair->wire.end[SERVER].is_blocked = false;
    pair->wire.clock.now_ns += 60 * NS_PER_S;
    wire_run(&pair->wire);

    assert_in_range(skipped(pair), 1, GROUPS);
    scene_deinit(&scene);
}

static void a_viewer_skips_to_the_newest_group_when_its_owner_says_so(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, &(struct options){0});
    struct pair *pair = &scene.pair;
    track_group(scene.track, 6, "seen");
    wire_run(&pair->wire);
    pair->wire.end[SERVER].is_blocked = true;
    track_group(scene.track, 7, "old");
    track_group(scene.track, 8, "old too");
    track_group(scene.track, 9, "newest");
    moq_viewer_skip(pair->peer[SERVER].viewer);
    moq_viewer_skip(pair->peer[SERVER].viewer); /* which changes nothing more */
    pair->wire.end[SERVER].is_blocked = false;
    wire_run(&pair->wire);
    assert_string_equal(text_of(scene.listener.track, 6), "seen");
    assert_string_equal(text_of(scene.listener.track, 7), "none");
    assert_string_equal(text_of(scene.listener.track, 8), "none");
    assert_string_equal(text_of(scene.listener.track, 9), "newest");
    assert_int_equal(scene.listener.gaps, 2);
    scene_deinit(&scene);
}

/* Also where a hole is of groups that never were. */
static void only_groups_that_were_there_are_skipped_then(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, &(struct options){0});
    struct pair *pair = &scene.pair;
    track_group(scene.track, 1, "seen");
    wire_run(&pair->wire);
    pair->wire.end[SERVER].is_blocked = true;
    for (uint64_t i = 1; i <= 20; i++) /* more than may be open at a time */
        track_group(scene.track, i << 50, "x");
    moq_viewer_skip(pair->peer[SERVER].viewer);
    assert_in_range(skipped(pair), 1, 19);
    scene_deinit(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_publisher_leaves_out_is_not_skipped),
        cmocka_unit_test(each_group_is_skipped_once),
        cmocka_unit_test(a_viewer_skips_to_the_newest_group_when_its_owner_says_so),
        cmocka_unit_test(only_groups_that_were_there_are_skipped_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
