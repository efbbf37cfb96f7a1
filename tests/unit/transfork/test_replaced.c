/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Groups of a track that get another body while they wait to be sent: the viewer's peer sees only
 * the second one. */
#include "pair.h"

/* Two homes with a group each, and a track that adopts them, served to a client. */
struct scene {
    struct pair pair;
    struct listener listener;
    struct moq_track *track, *home[2];
    struct moq_group *group[2]; /* of the homes: references */
};

static void scene_init(struct scene *scene)
{
    pair_init(&scene->pair, &(struct options){.version = 0});
    scene->track = scene->pair.peer[SERVER].track = track_new(&scene->pair, "demo/bbb");
    for (size_t i = 0; i < 2; i++) {
        scene->home[i] = track_new(&scene->pair, i ? "low" : "high");
        track_begin(scene->home[i], 5, &scene->group[i]);
        track_frame(scene->home[i], scene->group[i], i ? "low" : "high");
    }
    listener_init(&scene->listener, &scene->pair, "demo/bbb");
    listener_subscribe(&scene->listener, scene->pair.peer[CLIENT].session, &NO_WISH);
    wire_run(&scene->pair.wire);
}

static void scene_deinit(struct scene *scene)
{
    for (size_t i = 0; i < 2; i++) {
        moq_group_unref(&scene->group[i]);
        moq_track_unref(&scene->home[i]);
    }
    listener_deinit(&scene->listener);
    pair_deinit(&scene->pair);
}

static struct moq_group *adopt(struct scene *scene, size_t home)
{
    struct moq_group *group = NULL;
    assert_int_equal(
        moq_track_adopt_group(scene->track, 5, moq_group_body(scene->group[home]), &group), 0);
    return group;
}

static void replace(struct scene *scene, struct moq_group *group, size_t home)
{
    assert_int_equal(
        moq_track_replace_group(scene->track, group, moq_group_body(scene->group[home])), 0);
}

static bool has_begun(const struct scene *scene)
{
    return moq_viewer_has_begun(scene->pair.peer[SERVER].viewer, 5);
}

static void the_peer_sees_only_the_second_body(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    scene.pair.wire.end[SERVER].is_blocked = true;
    struct moq_group *group = adopt(&scene, 0);
    wire_run(&scene.pair.wire);
    assert_false(has_begun(&scene));
    replace(&scene, group, 1);
    scene.pair.wire.end[SERVER].is_blocked = false;
    wire_run(&scene.pair.wire);
    assert_true(has_begun(&scene));
    assert_string_equal(text_of(scene.listener.track, 5), "low...");

    track_frame(scene.home[1], scene.group[1], "more");
    moq_track_finish_group(scene.home[1], scene.group[1]);
    moq_track_follow(scene.track);
    wire_run(&scene.pair.wire);
    assert_string_equal(text_of(scene.listener.track, 5), "low|more");
    assert_true(has_begun(&scene)); /* it is done with it */
    scene_deinit(&scene);
}

static void a_group_that_had_ended_grows_again(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    scene.pair.wire.end[SERVER].is_blocked = true;
    moq_track_finish_group(scene.home[0], scene.group[0]);
    struct moq_group *group = adopt(&scene, 0);
    assert_true(group->is_ended);
    replace(&scene, group, 1);
    assert_false(group->is_ended);
    assert_int_equal(moq_track_cached_bytes(scene.track), moq_group_length(scene.group[1]));
    scene.pair.wire.end[SERVER].is_blocked = false;
    track_frame(scene.home[1], scene.group[1], "more");
    moq_track_finish_group(scene.home[1], scene.group[1]);
    moq_track_follow(scene.track);
    wire_run(&scene.pair.wire);
    assert_string_equal(text_of(scene.listener.track, 5), "low|more");
    scene_deinit(&scene);
}

static void only_adopted_groups_are_replaced(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    struct moq_group *other = scene.group[0];
    assert_int_equal(moq_track_replace_group(scene.home[0], other, moq_group_body(scene.group[1])),
                     MOQ_ERR_INVALID);
    assert_string_equal(text_of(scene.home[0], 5), "high...");
    scene_deinit(&scene);
}

static void the_head_of_a_group_is_what_is_there(void **state)
{
    (void)state;
    struct scene scene;
    char head[8] = "";
    scene_init(&scene);
    assert_int_equal(moq_group_head(scene.group[0], head, 3), 3);
    assert_memory_equal(head, "\4hi", 3);
    assert_int_equal(moq_group_head(scene.group[0], head, sizeof head), 5);
    assert_memory_equal(head, "\4high", 5);
    scene_deinit(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_peer_sees_only_the_second_body),
        cmocka_unit_test(a_group_that_had_ended_grows_again),
        cmocka_unit_test(only_adopted_groups_are_replaced),
        cmocka_unit_test(the_head_of_a_group_is_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
