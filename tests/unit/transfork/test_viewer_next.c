/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The skip rule on tables of groups: which group goes next, which ones are lost, and when. */
#include "pair.h"

#include <stdio.h>

#include "transfork/viewer.h"

struct scene {
    struct moq_clock clock;
    struct moq_track *track;
    struct moq_policy policy;
    struct moq_wish wish;
    struct sequences done;
    uint64_t started_ns;
};

/* A track with groups 1..n, one each 100 ms; now is 100 ms after the last one. */
static void scene_init(struct scene *scene, uint64_t n)
{
    *scene = (struct scene){.clock = {NS_PER_S},
                            .policy = {.latency_ns = CLOCK_NEVER, .order = MOQ_ORDER_NEWEST},
                            .wish = {.min = MOQ_NO_GROUP, .max = MOQ_NO_GROUP}};
    struct moq_path *path = moq_path_from_text("t");
    struct moq_track_config config = {.clock = &scene->clock};
    scene->track = moq_track_new(path, &config);
    moq_path_unref(&path);
    for (uint64_t i = 1; i <= n; i++) {
        track_group(scene->track, i, "x");
        scene->clock.now_ns += 100 * NS_PER_MS;
    }
    sequences_init(&scene->done, 1);
}

static void scene_deinit(struct scene *scene)
{
    sequences_deinit(&scene->done);
    moq_track_unref(&scene->track);
}

static void forget_what_is_done(struct scene *scene, uint64_t floor)
{
    sequences_deinit(&scene->done);
    sequences_init(&scene->done, floor);
}

static struct viewer_view view_of(const struct scene *scene)
{
    return (struct viewer_view){&scene->policy,
                                &scene->wish,
                                scene->track,
                                &scene->done,
                                scene->started_ns,
                                scene->clock.now_ns,
                                scene->wish.min != MOQ_NO_GROUP};
}

static int next_of(const struct scene *scene)
{
    struct viewer_view view = view_of(scene);
    const struct moq_group *group = viewer_next_group(&view);
    return group ? (int)group->sequence : -1;
}

static const char *loss_of(const struct scene *scene)
{
    static char text[64];
    struct viewer_view view = view_of(scene);
    struct sequence_run lost;
    int error;
    uint64_t until_ns = CLOCK_NEVER;
    if (viewer_next_loss(&view, &lost, &error, &until_ns))
        snprintf(text, sizeof text, "%d..%d %u", (int)lost.first, (int)lost.last,
                 moq_error_to_wire(error));
    else if (until_ns == CLOCK_NEVER)
        snprintf(text, sizeof text, "none");
    else
        snprintf(text, sizeof text, "in %d ms",
                 (int)((until_ns - scene->clock.now_ns) / NS_PER_MS));
    return text;
}

static void mark(struct scene *scene, uint64_t sequence)
{
    struct sequence_run given_up;
    sequences_add(&scene->done, sequence, sequence, &given_up);
}

static void the_rule_picks_by_order(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 5);
    assert_int_equal(next_of(&scene), 5);
    mark(&scene, 5);
    assert_int_equal(next_of(&scene), 4);
    scene.policy.order = MOQ_ORDER_OLDEST;
    assert_int_equal(next_of(&scene), 1);
    scene.wish.max = 3;
    scene.policy.order = MOQ_ORDER_NEWEST;
    assert_int_equal(next_of(&scene), 3);
    forget_what_is_done(&scene, 6);
    assert_int_equal(next_of(&scene), -1);
    scene_deinit(&scene);
}

/* Group n was superseded when n+1 came, so 5 never, 4 for 100 ms, 3 for 200 ms. */
static void the_rule_leaves_out_what_is_late(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 5);
    scene.policy = (struct moq_policy){.latency_ns = 250 * NS_PER_MS, .order = MOQ_ORDER_OLDEST};
    assert_int_equal(next_of(&scene), 3);
    assert_string_equal(loss_of(&scene), "1..1 0");
    mark(&scene, 1);
    mark(&scene, 2);
    assert_string_equal(loss_of(&scene), "in 50 ms");
    scene.policy.latency_ns = 0;
    assert_int_equal(next_of(&scene), 5);
    scene.policy.latency_ns = CLOCK_NEVER;
    assert_int_equal(next_of(&scene), 3);
    scene_deinit(&scene);
}

static void history_that_was_asked_for_by_number_is_never_late(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 5);
    scene.policy = (struct moq_policy){.latency_ns = 0, .order = MOQ_ORDER_OLDEST};
    scene.wish.min = 2;
    scene.started_ns = scene.clock.now_ns;
    forget_what_is_done(&scene, 2);
    assert_int_equal(next_of(&scene), 2);
    assert_string_equal(loss_of(&scene), "none");
    scene_deinit(&scene);
}

/* Each group ended when it began, so 5 ended 100 ms ago. */
static void the_rule_leaves_out_what_has_expired(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 5);
    scene.wish.expires_ms = 150;
    scene.policy.order = MOQ_ORDER_OLDEST;
    assert_int_equal(next_of(&scene), 5);
    scene.wish.expires_ms = 100;
    assert_int_equal(next_of(&scene), -1);
    scene.wish.expires_ms = UINT64_MAX;
    assert_int_equal(next_of(&scene), 1);
    scene_deinit(&scene);
}

static void the_rule_leaves_out_what_was_cut(void **state)
{
    (void)state;
    struct scene scene;
    struct moq_group *group;
    scene_init(&scene, 2);
    assert_int_equal(moq_track_open_group(scene.track, 3, &group), 0);
    assert_int_equal(next_of(&scene), 3);
    moq_track_abort_group(scene.track, group, MOQ_ERR_WRONG_SIZE);
    assert_int_equal(next_of(&scene), 2);
    mark(&scene, 1);
    mark(&scene, 2);
    assert_string_equal(loss_of(&scene), "3..3 14");
    scene_deinit(&scene);
}

static void a_hole_is_lost_once_its_end_would_be_late(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 1);
    scene.policy.latency_ns = 500 * NS_PER_MS;
    mark(&scene, 1);
    assert_string_equal(loss_of(&scene), "none");
    track_group(scene.track, 4, "x");
    mark(&scene, 4);
    assert_string_equal(loss_of(&scene), "in 500 ms");
    scene.clock.now_ns += 500 * NS_PER_MS;
    assert_string_equal(loss_of(&scene), "2..3 13");
    scene.clock.now_ns -= 400 * NS_PER_MS;
    moq_track_end(scene.track, 0); /* nothing will come any more */
    assert_string_equal(loss_of(&scene), "2..3 13");
    scene_deinit(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rule_picks_by_order),
        cmocka_unit_test(the_rule_leaves_out_what_is_late),
        cmocka_unit_test(history_that_was_asked_for_by_number_is_never_late),
        cmocka_unit_test(the_rule_leaves_out_what_has_expired),
        cmocka_unit_test(the_rule_leaves_out_what_was_cut),
        cmocka_unit_test(a_hole_is_lost_once_its_end_would_be_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
