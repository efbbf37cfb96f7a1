/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The pure parts: the skip rule on tables of groups, sets of sequences against a plain model, sets
 * of paths. */
#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/objects.h"
#include "transfork/path_set.h"
#include "transfork/viewer.h"

/* ---- The skip rule --------------------------------------------------------------------------- */

struct scene {
    struct clock clock;
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

static struct viewer_view view_of(const struct scene *scene)
{
    return (struct viewer_view){&scene->policy, &scene->wish,      scene->track,
                                &scene->done,   scene->started_ns, scene->clock.now_ns};
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
    sequences_init(&scene.done, 6);
    assert_int_equal(next_of(&scene), -1);
    moq_track_unref(&scene.track);
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
    moq_track_unref(&scene.track);
}

static void history_that_was_asked_for_by_number_is_never_late(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene, 5);
    scene.policy = (struct moq_policy){.latency_ns = 0, .order = MOQ_ORDER_OLDEST};
    scene.wish.min = 2;
    scene.started_ns = scene.clock.now_ns;
    sequences_init(&scene.done, 2);
    assert_int_equal(next_of(&scene), 2);
    assert_string_equal(loss_of(&scene), "none");
    moq_track_unref(&scene.track);
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
    moq_track_unref(&scene.track);
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
    moq_track_unref(&scene.track);
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
    moq_track_unref(&scene.track);
}

/* ---- Sets ------------------------------------------------------------------------------------ */

enum { MODEL = 300 };

/* Marks what the set was told and what it gave up by itself. */
static void model_add(bool *model, uint64_t first, uint64_t last)
{
    for (uint64_t i = first; i <= last && i < MODEL; i++)
        model[i] = true;
}

static void compare(const struct sequences *set, const bool *model)
{
    for (uint64_t i = 0; i < MODEL; i++)
        assert_int_equal(sequences_has(set, i), model[i]);
    assert_false(model[set->floor]);
    struct sequence_run hole;
    uint64_t from = 0;
    while (from < MODEL && sequences_next_hole(set, from, MODEL - 1, &hole)) {
        for (; from < hole.first; from++)
            assert_true(model[from]);
        for (; from <= hole.last; from++)
            assert_false(model[from]);
    }
    for (; from < MODEL; from++)
        assert_true(model[from]);
}

static void a_set_of_sequences_is_what_a_plain_table_says(void **state)
{
    (void)state;
    srand(1);
    for (int round = 0; round < 400; round++) {
        struct sequences set;
        bool model[MODEL + 1] = {false};
        uint64_t floor = (uint64_t)rand() % 20;
        sequences_init(&set, floor);
        if (floor)
            model_add(model, 0, floor - 1);
        for (int step = 0; step < 60; step++) {
            uint64_t first = (uint64_t)rand() % (MODEL - 10), last = first + (uint64_t)rand() % 6;
            struct sequence_run given_up;
            if (sequences_add(&set, first, last, &given_up))
                model_add(model, given_up.first, given_up.last);
            model_add(model, first, last);
            assert_true(set.count <= SEQUENCES_MAX_RUNS);
            compare(&set, model);
        }
    }
}

static void a_set_of_paths_grows_and_shrinks(void **state)
{
    (void)state;
    struct path_set set;
    path_set_init(&set);
    for (int i = 0; i < 1000; i++) {
        char text[32];
        snprintf(text, sizeof text, "a/%d", i);
        struct moq_path *path = moq_path_from_text(text);
        assert_int_equal(path_set_add(&set, path), 0);
        assert_int_equal(path_set_add(&set, path), MOQ_ERR_DUPLICATE);
        if (i % 2) {
            assert_true(path_set_remove(&set, path));
            assert_false(path_set_remove(&set, path));
        }
        moq_path_unref(&path);
    }
    assert_int_equal(set.count, 500);
    struct moq_path *path = path_set_pop(&set);
    assert_non_null(path);
    moq_path_unref(&path);
    path_set_deinit(&set);
    assert_int_equal(objects_report(stderr), 0);
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
        cmocka_unit_test(a_set_of_sequences_is_what_a_plain_table_says),
        cmocka_unit_test(a_set_of_paths_grows_and_shrinks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
