/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Cursors whose readers do not read: their numbers say so all the same, and what is gone when they
 * read at last is gone because it was late. */
#include "transfork/track.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/objects.h"

enum { LATENCY_MS = 300, STEP_MS = 100 };

struct scene {
    struct moq_clock clock;
    struct moq_track *track;
    struct moq_cursor *cursor;
};

static void scene_init(struct scene *scene)
{
    *scene = (struct scene){.clock = {NS_PER_S}};
    struct moq_path *path = moq_path_from_text("t");
    const struct moq_track_config track = {
        .clock = &scene->clock, .cache = {.groups = 1, .grace_ns = LATENCY_MS * NS_PER_MS}};
    const struct moq_cursor_config cursor = {
        .policy = {.latency_ns = LATENCY_MS * NS_PER_MS, .order = MOQ_ORDER_OLDEST},
        .start = MOQ_CURSOR_NEWEST};
    scene->track = moq_track_new(path, &track);
    moq_path_unref(&path);
    scene->cursor = moq_cursor_new(scene->track, &cursor);
    assert_non_null(scene->cursor);
}

static void scene_deinit(struct scene *scene)
{
    moq_cursor_free(&scene->cursor);
    moq_track_unref(&scene->track);
    assert_int_equal(objects_report(stderr), 0);
}

/* Groups `first` to `last`, a step of time after each. */
static void put_groups(struct scene *scene, uint64_t first, uint64_t last)
{
    for (uint64_t i = first; i <= last; i++) {
        struct moq_group *group;
        assert_int_equal(moq_track_open_group(scene->track, i, &group), 0);
        assert_int_equal(moq_track_write_frame(scene->track, group, "x", 1), 0);
        moq_track_finish_group(scene->track, group);
        scene->clock.now_ns += STEP_MS * NS_PER_MS;
    }
}

static struct moq_cursor_stats stats_of(const struct scene *scene)
{
    struct moq_cursor_stats stats;
    moq_cursor_stats(scene->cursor, &stats);
    return stats;
}

static void it_lags_by_the_oldest_group_that_it_has_not_begun(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    assert_int_equal(stats_of(&scene).backlog_ns, 0);
    put_groups(&scene, 1, 1);
    assert_int_equal(stats_of(&scene).backlog_ns, 0); /* nothing is newer */
    put_groups(&scene, 2, 3);
    assert_int_equal(stats_of(&scene).backlog_ns, 2 * STEP_MS * NS_PER_MS);
    assert_int_equal(stats_of(&scene).backlog_bytes, 0); /* it is in no group */
    scene_deinit(&scene);
}

static void what_it_does_not_read_in_time_is_skipped_meanwhile(void **state)
{
    (void)state;
    for (int is_tended = 0; is_tended < 2; is_tended++) {
        struct scene scene;
        scene_init(&scene);
        put_groups(&scene, 1, 50);
        /* 46 was followed by 47, and so was late, when 50 began; 47 is late by now. */
        assert_int_equal(stats_of(&scene).groups_skipped, 46);
        if (is_tended)
            moq_cursor_tend(scene.cursor);
        assert_int_equal(stats_of(&scene).groups_skipped, 46 + is_tended);
        assert_int_equal(stats_of(&scene).groups_cut, 0);
        scene_deinit(&scene);
    }
}

/* The cache has dropped most of them by then, but that is not why they are lost. */
static void what_it_finds_gone_was_late(void **state)
{
    (void)state;
    struct scene scene;
    struct moq_cursor_item item;
    scene_init(&scene);
    put_groups(&scene, 1, 50);
    assert_int_equal(moq_cursor_next(scene.cursor, &item), 1);
    assert_int_equal(item.kind, MOQ_CURSOR_GAP);
    assert_int_equal(item.sequence, 1);
    assert_int_equal(item.last, 47);
    assert_int_equal(item.error, MOQ_ERR_EXPIRED);
    assert_int_equal(moq_cursor_next(scene.cursor, &item), 1);
    assert_int_equal(item.kind, MOQ_CURSOR_GROUP);
    assert_int_equal(item.sequence, 48);
    scene_deinit(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_lags_by_the_oldest_group_that_it_has_not_begun),
        cmocka_unit_test(what_it_does_not_read_in_time_is_skipped_meanwhile),
        cmocka_unit_test(what_it_finds_gone_was_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
