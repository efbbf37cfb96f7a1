/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Watchers of a track: told of everything once, in order, and free to come and go while they are
 * told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/objects.h"
#include "transfork/group.h"

static struct moq_clock now = {.now_ns = 1000};

enum { STORY_BYTES = 2000 };

/* Writes down what it is told, and may act on it. */
struct witness {
    struct moq_watcher watcher;
    struct moq_track *track;
    char story[STORY_BYTES];
    size_t used;
    void (*act)(struct witness *witness);
    struct witness *other;
};

static struct witness *witness_of(struct moq_watcher *watcher)
{
    return container_of(watcher, struct witness, watcher);
}

static void write_down(struct witness *witness, const char *what, uint64_t number)
{
    int n = snprintf(witness->story + witness->used, STORY_BYTES - witness->used, "%s%llu ", what,
                     (unsigned long long)number);
    witness->used += (size_t)n;
    if (witness->act)
        witness->act(witness);
}

static void on_group(struct moq_watcher *watcher, struct moq_group *group)
{
    write_down(witness_of(watcher), "new", group->sequence);
}

static void on_growth(struct moq_watcher *watcher, struct moq_group *group)
{
    write_down(witness_of(watcher), group->is_ended ? "end" : "grow", group->sequence);
}

static void on_gap(struct moq_watcher *watcher, uint64_t first, uint64_t last, int error)
{
    assert_int_equal(error, MOQ_ERR_NOT_FOUND);
    write_down(witness_of(watcher), "gap", first);
    write_down(witness_of(watcher), "to", last);
}

static void on_end(struct moq_watcher *watcher, int error)
{
    write_down(witness_of(watcher), "over", (uint64_t)-error);
}

static const struct moq_watcher_ops witness_ops = {
    .on_group = on_group, .on_growth = on_growth, .on_gap = on_gap, .on_end = on_end};
static const struct moq_watcher_ops deaf_ops = {0};

static struct moq_track *track_new(void)
{
    struct moq_track_config config = {.clock = &now, .cache = {.groups = 3}};
    struct moq_path *path = moq_path_from_text("demo/bbb");
    struct moq_track *track = moq_track_new(path, &config);
    moq_path_unref(&path);
    return track;
}

static void watch(struct witness *witness, struct moq_track *track)
{
    *witness = (struct witness){.watcher = {.ops = &witness_ops}, .track = track};
    moq_track_watch(track, &witness->watcher);
}

static void put_group(struct moq_track *track, uint64_t sequence)
{
    struct moq_group *group = NULL;
    assert_int_equal(moq_track_open_group(track, sequence, &group), 0);
    assert_int_equal(moq_track_write_frame(track, group, "hi", 2), 0);
    moq_track_finish_group(track, group);
}

static int nothing_lives(void **state)
{
    (void)state;
    return object_count(OBJECT_group) + object_count(OBJECT_track) == 0 ? 0 : -1;
}

static void everything_is_told_once_and_in_order(void **state)
{
    (void)state;
    struct moq_track *track = track_new();
    struct witness witness, deaf;
    watch(&witness, track);
    watch(&deaf, track);
    deaf.watcher.ops = &deaf_ops;
    put_group(track, 1);
    moq_track_gap(track, 2, 4, MOQ_ERR_NOT_FOUND);
    put_group(track, 5);
    moq_track_end(track, MOQ_ERR_OFFLINE);
    moq_track_end(track, 0);
    assert_string_equal(witness.story, "new1 grow1 end1 gap2 to4 new5 grow5 end5 over23 ");
    moq_track_unref(&track);
}

static void adding_nothing_tells_nothing(void **state)
{
    (void)state;
    struct moq_track *track = track_new();
    struct witness witness;
    struct moq_group *group;
    watch(&witness, track);
    assert_int_equal(moq_track_open_group(track, 1, &group), 0);
    assert_int_equal(moq_track_append(track, group, "", 0), 0);
    moq_track_finish_group(track, group);
    moq_track_finish_group(track, group);
    moq_track_abort_group(track, group, MOQ_ERR_EXPIRED);
    assert_string_equal(witness.story, "new1 end1 ");
    moq_track_unref(&track);
}

static void a_cut_to_make_room_is_told(void **state)
{
    (void)state;
    struct moq_track *track = track_new();
    struct witness witness;
    struct moq_group *group;
    watch(&witness, track);
    for (uint64_t i = 1; i <= 4; i++)
        assert_int_equal(moq_track_open_group(track, i, &group), 0);
    assert_string_equal(witness.story, "new1 new2 new3 new4 end1 ");
    moq_track_unref(&track);
}

static void leave(struct witness *witness)
{
    moq_track_unwatch(witness->track, &witness->watcher);
    moq_track_unwatch(witness->track, &witness->watcher);
}

static void remove_other(struct witness *witness)
{
    moq_track_unwatch(witness->track, &witness->other->watcher);
}

static void a_watcher_may_remove_itself_when_told(void **state)
{
    (void)state;
    struct moq_track *track = track_new();
    struct witness first, second, third;
    watch(&first, track);
    watch(&second, track);
    watch(&third, track);
    second.act = leave;
    put_group(track, 1);
    assert_string_equal(first.story, "new1 grow1 end1 ");
    assert_string_equal(second.story, "new1 ");
    assert_string_equal(third.story, "new1 grow1 end1 ");
    moq_track_unref(&track);
}

static void a_watcher_may_remove_any_other(void **state)
{
    (void)state;
    for (int who = 0; who < 9; who++) {
        struct moq_track *track = track_new();
        struct witness witnesses[3];
        for (int i = 0; i < 3; i++)
            watch(&witnesses[i], track);
        int actor = who / 3, victim = who % 3;
        witnesses[actor].act = remove_other;
        witnesses[actor].other = &witnesses[victim];
        put_group(track, 1);
        for (int i = 0; i < 3; i++) {
            bool was_told = i <= actor;
            const char *all = "new1 grow1 end1 ", *part = was_told ? "new1 " : "";
            assert_string_equal(witnesses[i].story, i == victim ? part : all);
        }
        moq_track_unref(&track);
    }
}

static void add_other(struct witness *witness)
{
    witness->act = NULL;
    watch(witness->other, witness->track);
}

static void a_watcher_that_comes_during_a_call_hears_the_next(void **state)
{
    (void)state;
    struct moq_track *track = track_new();
    struct witness first, late;
    watch(&first, track);
    first.act = add_other;
    first.other = &late;
    put_group(track, 1);
    assert_string_equal(late.story, "grow1 end1 ");
    moq_track_unref(&track);
}

static void drop_track(struct witness *witness)
{
    witness->act = NULL;
    moq_track_unref(&witness->track);
}

static void a_watcher_may_drop_the_last_reference(void **state)
{
    (void)state;
    struct witness first, second;
    struct moq_group *group;
    struct moq_track *track = track_new();
    watch(&first, track);
    watch(&second, track);
    first.act = drop_track;
    assert_int_equal(moq_track_open_group(track, 1, &group), MOQ_ERR_CLOSED);
    assert_string_equal(second.story, "new1 ");
    moq_track_unwatch(NULL, &second.watcher);
}

static void unwatching_after_the_track_or_without_watching_is_harmless(void **state)
{
    (void)state;
    struct moq_track *track = track_new();
    struct witness witness, never = {.watcher = {.ops = &witness_ops}};
    watch(&witness, track);
    moq_track_unwatch(track, &never.watcher);
    moq_track_unref(&track);
    moq_track_unwatch(track, &witness.watcher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_told_once_and_in_order),
        cmocka_unit_test(adding_nothing_tells_nothing),
        cmocka_unit_test(a_cut_to_make_room_is_told),
        cmocka_unit_test(a_watcher_may_remove_itself_when_told),
        cmocka_unit_test(a_watcher_may_remove_any_other),
        cmocka_unit_test(a_watcher_that_comes_during_a_call_hears_the_next),
        cmocka_unit_test(a_watcher_may_drop_the_last_reference),
        cmocka_unit_test(unwatching_after_the_track_or_without_watching_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, nothing_lives);
}
