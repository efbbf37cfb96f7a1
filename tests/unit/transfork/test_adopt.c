/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Groups that another track writes: what a mirror's watchers and readers see, and that what happens
 * to its view stays there. Both tracks are on one thread here; test_mirror.c has two. */
#include "transfork/track.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/objects.h"
#include "base/varint.h"
#include "transfork/group.h"

static struct moq_clock now = {.now_ns = 1000};
static const struct moq_cache_limits no_limits = {0};

static int nothing_lives(void **state)
{
    (void)state;
    return objects_report(stderr);
}

enum { STORY_BYTES = 2000 };

/* Writes down what it is told, and may act on it. */
struct witness {
    struct moq_watcher watcher;
    struct moq_track *track; /* where it watches */
    char story[STORY_BYTES];
    void (*act)(struct witness *witness, struct moq_group *group);
    struct witness *other;
};

static void write_down(struct moq_watcher *watcher, const char *what, struct moq_group *group)
{
    struct witness *witness = container_of(watcher, struct witness, watcher);
    size_t used = strlen(witness->story);
    snprintf(witness->story + used, STORY_BYTES - used, "%s%llu:%llu ", what,
             (unsigned long long)group->sequence, (unsigned long long)moq_group_length(group));
    if (witness->act)
        witness->act(witness, group);
}

static void on_group(struct moq_watcher *watcher, struct moq_group *group)
{
    write_down(watcher, "new", group);
}

static void on_growth(struct moq_watcher *watcher, struct moq_group *group)
{
    const char *end = group->error ? "cut" : "end";
    write_down(watcher, group->is_ended ? end : "grow", group);
}

static const struct moq_watcher_ops witness_ops = {.on_group = on_group, .on_growth = on_growth};

static struct moq_track *track_with(const struct moq_cache_limits *cache)
{
    struct moq_track_config config = {.clock = &now, .cache = *cache};
    struct moq_path *path = moq_path_from_text("demo/bbb");
    struct moq_track *track = moq_track_new(path, &config);
    moq_path_unref(&path);
    assert_non_null(track);
    return track;
}

/* A home, its mirror, and who watches the mirror. */
struct scene {
    struct moq_track *home, *mirror;
    struct witness witness;
};

static void watch(struct witness *witness, struct moq_track *track)
{
    *witness = (struct witness){.watcher = {.ops = &witness_ops}, .track = track};
    moq_track_watch(track, &witness->watcher);
}

static void scene_start(struct scene *scene, const struct moq_cache_limits *mirror)
{
    scene->home = track_with(&no_limits);
    scene->mirror = track_with(mirror);
    watch(&scene->witness, scene->mirror);
}

static void scene_end(struct scene *scene)
{
    moq_track_unref(&scene->mirror);
    moq_track_unref(&scene->home);
}

static void assert_story(struct witness *witness, const char *expected)
{
    assert_string_equal(witness->story, expected);
    witness->story[0] = '\0';
}

static struct moq_group *open_home(struct scene *scene, uint64_t sequence)
{
    struct moq_group *group = NULL;
    assert_int_equal(moq_track_open_group(scene->home, sequence, &group), 0);
    return group;
}

static int try_adopt(struct scene *scene, uint64_t sequence, const struct moq_group *group,
                     struct moq_group **view)
{
    *view = NULL;
    int error = moq_track_adopt_group(scene->mirror, sequence, moq_group_body(group), view);
    assert_true((error == 0) == (*view != NULL));
    return error;
}

static struct moq_group *adopt(struct scene *scene, const struct moq_group *group)
{
    struct moq_group *view;
    assert_int_equal(try_adopt(scene, group->sequence, group, &view), 0);
    return view;
}

static void say(struct scene *scene, struct moq_group *group, const char *text)
{
    assert_int_equal(moq_track_append(scene->home, group, text, strlen(text)), 0);
}

/* ---- What is told ---------------------------------------------------------------------------- */

static void a_mirror_reads_the_very_bytes(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, &no_limits);
    struct moq_group *group = open_home(&scene, 7), *view = adopt(&scene, group);
    struct bytes_cursor here, there;
    struct iovec ours, theirs;
    say(&scene, group, "hello");
    assert_ptr_equal(moq_track_find(scene.mirror, 7), view);
    assert_int_equal(moq_group_length(view), 5);
    bytes_cursor_init(&here, &group->body->log);
    bytes_cursor_init(&there, &view->body->log);
    assert_int_equal(bytes_cursor_peek(&here, &ours, 1, 9), 1);
    assert_int_equal(bytes_cursor_peek(&there, &theirs, 1, 9), 1);
    assert_ptr_equal(ours.iov_base, theirs.iov_base);
    scene_end(&scene);
}

static void growth_and_ends_are_told_when_followed_and_once(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, &no_limits);
    struct moq_group *group = open_home(&scene, 7), *view = adopt(&scene, group);
    assert_story(&scene.witness, "new7:0 ");
    say(&scene, group, "he");
    say(&scene, group, "llo");
    assert_story(&scene.witness, "");
    moq_track_follow(scene.mirror);
    moq_track_follow(scene.mirror);
    assert_story(&scene.witness, "grow7:5 ");
    say(&scene, group, "!");
    now.now_ns = 4000;
    moq_track_finish_group(scene.home, group);
    assert_false(view->is_ended);
    now.now_ns = 5000;
    moq_track_follow(scene.mirror);
    moq_track_follow(scene.mirror);
    assert_story(&scene.witness, "end7:6 ");
    assert_true(view->is_ended);
    assert_int_equal(view->error, 0);
    assert_int_equal(view->ended_ns, 4000);
    assert_int_equal(scene.mirror->open_count, 0);
    scene_end(&scene);
}

static void what_is_there_already_is_told_at_once(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, &no_limits);
    struct moq_group *grows = open_home(&scene, 1), *done = open_home(&scene, 2),
                     *cut = open_home(&scene, 3);
    say(&scene, grows, "a");
    say(&scene, done, "bb");
    say(&scene, cut, "ccc");
    moq_track_finish_group(scene.home, done);
    moq_track_abort_group(scene.home, cut, MOQ_ERR_TIMEOUT);
    adopt(&scene, grows);
    assert_story(&scene.witness, "new1:1 grow1:1 ");
    assert_true(adopt(&scene, done)->is_ended);
    assert_story(&scene.witness, "new2:2 end2:2 ");
    assert_int_equal(adopt(&scene, cut)->error, MOQ_ERR_TIMEOUT);
    assert_story(&scene.witness, "new3:3 cut3:3 ");
    assert_int_equal(scene.mirror->open_count, 1);
    scene_end(&scene);
}

static void an_end_is_told_before_the_group_that_came_after_it(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, &no_limits);
    for (uint64_t i = 1; i <= 3 * MOQ_TRACK_OPEN_GROUPS; i++) {
        struct moq_group *group = open_home(&scene, i), *view = adopt(&scene, group);
        moq_group_ref(view);
        moq_track_finish_group(scene.home, group);
        if (i == 2)
            assert_story(&scene.witness, "new1:0 end1:0 new2:0 ");
        moq_group_unref(&view);
    }
    moq_track_follow(scene.mirror);
    assert_int_equal(scene.mirror->open_count, 0);
    for (uint64_t i = 1; i <= 3 * MOQ_TRACK_OPEN_GROUPS; i++)
        assert_int_equal(moq_track_find(scene.mirror, i)->error, 0);
    scene_end(&scene);
}

/* ---- Readers between two follows ------------------------------------------------------------- */

static void assert_next(struct moq_group_reader *reader, int expected)
{
    const uint8_t *data;
    size_t size;
    assert_int_equal(moq_group_reader_next(reader, &data, &size), expected);
}

static void a_reader_may_be_ahead_in_bytes_but_not_in_ends(void **state)
{
    (void)state;
    for (int how = 0; how < 2; how++) {
        int error = how ? MOQ_ERR_TIMEOUT : 0;
        struct scene scene;
        scene_start(&scene, &no_limits);
        struct moq_group *group = open_home(&scene, 1);
        struct moq_group_reader reader;
        moq_group_reader_init(&reader, adopt(&scene, group));
        assert_next(&reader, MOQ_ERR_AGAIN);
        assert_int_equal(moq_track_write_frame(scene.home, group, "hi", 2), 0);
        moq_track_abort_group(scene.home, group, error);
        assert_next(&reader, 0);
        assert_next(&reader, MOQ_ERR_AGAIN);
        moq_track_follow(scene.mirror);
        assert_next(&reader, error ? error : MOQ_ERR_END);
        moq_group_reader_deinit(&reader);
        scene_end(&scene);
    }
}

/* ---- Nobody writes here ---------------------------------------------------------------------- */

static void nobody_writes_to_what_was_adopted(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, &no_limits);
    struct moq_group *group = open_home(&scene, 1), *view = adopt(&scene, group);
    assert_int_equal(moq_track_append(scene.mirror, view, "x", 1), MOQ_ERR_CLOSED);
    assert_int_equal(moq_track_append(scene.mirror, view, "", 0), MOQ_ERR_CLOSED);
    assert_int_equal(moq_track_write_frame(scene.mirror, view, "x", 1), MOQ_ERR_CLOSED);
    moq_track_finish_group(scene.mirror, view);
    assert_false(view->is_ended);
    say(&scene, group, "hello");
    assert_int_equal(moq_group_length(group), 5);
    scene_end(&scene);
}

static void a_cut_view_stays_cut_and_the_body_goes_on(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, &no_limits);
    struct moq_group *group = open_home(&scene, 1), *view = adopt(&scene, group);
    moq_track_abort_group(scene.mirror, view, MOQ_ERR_EXPIRED);
    assert_story(&scene.witness, "new1:0 cut1:0 ");
    assert_false(body_has_ended(group->body));
    say(&scene, group, "hello");
    moq_track_finish_group(scene.home, group);
    moq_track_follow(scene.mirror);
    assert_story(&scene.witness, "");
    assert_int_equal(view->error, MOQ_ERR_EXPIRED);
    assert_int_equal(group->error, 0);
    assert_int_equal(scene.mirror->open_count, 0);
    scene_end(&scene);
}

static void the_end_of_a_mirror_cuts_its_views_only(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, &no_limits);
    struct moq_group *group = open_home(&scene, 1);
    struct moq_group *view = moq_group_ref(adopt(&scene, group)), *never;
    moq_track_end(scene.mirror, MOQ_ERR_OFFLINE);
    assert_int_equal(view->error, MOQ_ERR_OFFLINE);
    assert_int_equal(try_adopt(&scene, 2, group, &never), MOQ_ERR_CLOSED);
    moq_track_unref(&scene.mirror);
    assert_false(body_has_ended(group->body));
    say(&scene, group, "hello");
    assert_int_equal(moq_group_length(view), 5);
    moq_group_unref(&view);
    moq_track_unref(&scene.home);
}

static void after_a_clean_end_what_grows_is_followed(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, &no_limits);
    struct moq_group *group = open_home(&scene, 1);
    adopt(&scene, group);
    moq_track_end(scene.mirror, 0);
    say(&scene, group, "hello");
    moq_track_finish_group(scene.home, group);
    moq_track_follow(scene.mirror);
    assert_story(&scene.witness, "new1:0 end1:5 ");
    scene_end(&scene);
}

static void a_mirror_outlives_its_home(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, &no_limits);
    struct moq_group *grows = open_home(&scene, 1), *done = open_home(&scene, 2);
    say(&scene, grows, "hello");
    say(&scene, done, "world");
    moq_track_finish_group(scene.home, done);
    struct moq_group *cut = adopt(&scene, grows), *whole = adopt(&scene, done);
    moq_track_unref(&scene.home);
    moq_track_follow(scene.mirror);
    assert_int_equal(cut->error, MOQ_ERR_CANCELLED);
    assert_int_equal(whole->error, 0);

    char text[5];
    struct bytes_cursor cursor;
    bytes_cursor_init(&cursor, &whole->body->log);
    assert_true(bytes_cursor_read(&cursor, text, sizeof text));
    assert_memory_equal(text, "world", 5);
    moq_track_unref(&scene.mirror);
}

static void a_body_outlives_all_groups(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, &no_limits);
    struct moq_group *group = open_home(&scene, 1);
    struct moq_group_body *body = moq_group_body_ref(moq_group_body(group)), *none = NULL;
    say(&scene, group, "hello");
    moq_track_unref(&scene.home);
    assert_int_equal(object_count(OBJECT_group), 0);
    assert_int_equal(moq_track_adopt_group(scene.mirror, 1, body, &group), 0);
    assert_int_equal(group->error, MOQ_ERR_CANCELLED);
    assert_int_equal(moq_group_length(group), 5);
    moq_group_body_unref(&body);
    assert_null(body);
    moq_group_body_unref(&none);
    moq_track_unref(&scene.mirror);
}

/* ---- Limits ---------------------------------------------------------------------------------- */

static void what_is_refused_is_refused_here_too(void **state)
{
    (void)state;
    struct scene scene;
    struct moq_group *view;
    scene_start(&scene, &(struct moq_cache_limits){.groups = 2});
    for (uint64_t i = 5; i < 9; i++) {
        struct moq_group *group = open_home(&scene, i);
        moq_track_finish_group(scene.home, group);
        adopt(&scene, group);
    }
    const struct moq_group *any = moq_track_newest(scene.home);
    assert_int_equal(try_adopt(&scene, 8, any, &view), MOQ_ERR_DUPLICATE);
    assert_int_equal(try_adopt(&scene, 6, any, &view), MOQ_ERR_EXPIRED);
    assert_int_equal(try_adopt(&scene, VARINT_MAX + 1, any, &view), MOQ_ERR_INVALID);
    assert_int_equal(moq_track_oldest(scene.mirror)->sequence, 7);
    assert_int_equal(scene.mirror->group_count, 2);
    scene_end(&scene);
}

/* Groups of two homes in one mirror, so that none of their own limits strikes first. */
static void so_many_grow_and_no_more(void **state)
{
    (void)state;
    struct scene scene, second;
    struct moq_group *view;
    scene_start(&scene, &no_limits);
    scene_start(&second, &no_limits);
    for (uint64_t i = 1; i <= MOQ_TRACK_OPEN_GROUPS; i++)
        adopt(&scene, open_home(&scene, i));
    struct moq_group *oldest = moq_track_oldest(scene.mirror), *group = open_home(&second, 100);
    assert_int_equal(try_adopt(&scene, 0, group, &view), MOQ_ERR_EXPIRED);
    assert_false(oldest->is_ended);
    adopt(&scene, group);
    assert_int_equal(oldest->error, MOQ_ERR_EXPIRED);
    assert_false(moq_track_oldest(scene.home)->is_ended);
    assert_int_equal(scene.mirror->open_count, MOQ_TRACK_OPEN_GROUPS);
    scene_end(&scene);
    scene_end(&second);
}

static void bytes_count_as_they_are_followed(void **state)
{
    (void)state;
    struct scene scene;
    scene_start(&scene, &(struct moq_cache_limits){.bytes = 2500});
    static const uint8_t kilobyte[1000];
    struct moq_group *first = open_home(&scene, 1), *second = open_home(&scene, 2);
    struct moq_group *old = moq_group_ref(adopt(&scene, first));
    adopt(&scene, second);
    moq_track_append(scene.home, first, kilobyte, sizeof kilobyte);
    assert_int_equal(moq_track_cached_bytes(scene.mirror), 0);
    moq_track_follow(scene.mirror);
    assert_int_equal(moq_track_cached_bytes(scene.mirror), 1000);
    moq_track_append(scene.home, second, kilobyte, sizeof kilobyte);
    moq_track_append(scene.home, second, kilobyte, sizeof kilobyte);
    moq_track_append(scene.home, first, kilobyte, 1);
    moq_track_follow(scene.mirror);
    assert_int_equal(old->error, MOQ_ERR_EXPIRED);
    assert_null(moq_track_find(scene.mirror, 1));
    assert_int_equal(moq_track_cached_bytes(scene.mirror), 2000);
    assert_false(first->is_ended);
    for (int i = 0; i < 9; i++)
        moq_track_append(scene.home, second, kilobyte, sizeof kilobyte);
    moq_track_follow(scene.mirror);
    assert_int_equal(moq_track_cached_bytes(scene.mirror), 11000);
    moq_group_unref(&old);
    scene_end(&scene);
}

static void a_group_that_is_too_heavy_when_it_comes_does_not_come(void **state)
{
    (void)state;
    struct scene scene;
    struct moq_group *view;
    scene_start(&scene, &(struct moq_cache_limits){.bytes = 2500});
    static const uint8_t many[3000];
    struct moq_group *old = open_home(&scene, 1), *newest = open_home(&scene, 2);
    moq_track_append(scene.home, old, many, sizeof many);
    adopt(&scene, newest);
    assert_int_equal(try_adopt(&scene, 1, old, &view), MOQ_ERR_EXPIRED);
    assert_int_equal(moq_track_cached_bytes(scene.mirror), 0);
    assert_int_equal(scene.mirror->open_count, 1);
    scene_end(&scene);
}

static void ages_count_from_the_end_at_home(void **state)
{
    (void)state;
    struct scene scene;
    now.now_ns = 1000;
    scene_start(&scene, &(struct moq_cache_limits){.age_ns = 100});
    struct moq_group *first = open_home(&scene, 1);
    adopt(&scene, first);
    adopt(&scene, open_home(&scene, 2));
    moq_track_finish_group(scene.home, first);
    now.now_ns = 1050;
    assert_int_equal(moq_track_sweep(scene.mirror), CLOCK_NEVER);
    moq_track_follow(scene.mirror);
    assert_int_equal(moq_track_sweep(scene.mirror), 1100);
    now.now_ns = 1100;
    moq_track_sweep(scene.mirror);
    assert_null(moq_track_find(scene.mirror, 1));
    scene_end(&scene);
}

/* ---- Watchers that act ----------------------------------------------------------------------- */

static void leave(struct witness *witness, struct moq_group *group)
{
    (void)group;
    moq_track_unwatch(witness->track, &witness->watcher);
    moq_track_unwatch(witness->other->track, &witness->other->watcher);
}

static void let_go(struct witness *witness, struct moq_group *group)
{
    (void)group;
    witness->act = NULL;
    moq_track_unref(&witness->track);
}

static void end_track(struct witness *witness, struct moq_group *group)
{
    (void)group;
    moq_track_end(witness->track, MOQ_ERR_OFFLINE);
}

static void follow_again(struct witness *witness, struct moq_group *group)
{
    (void)group;
    moq_track_follow(witness->track);
}

/* Three adopted groups that all grow; then `act` on the first that is told. What the two witnesses
 * tell. */
static void assert_acts(void (*act)(struct witness *, struct moq_group *), const char *first_story,
                        const char *other_story)
{
    struct scene scene;
    struct witness other;
    struct moq_group *groups[3];
    scene_start(&scene, &no_limits);
    watch(&other, scene.mirror);
    for (uint64_t i = 0; i < 3; i++) {
        groups[i] = open_home(&scene, i);
        adopt(&scene, groups[i]);
        say(&scene, groups[i], "hello");
    }
    moq_track_follow(scene.mirror);
    for (int i = 0; i < 3; i++)
        say(&scene, groups[i], "!");
    moq_track_finish_group(scene.home, groups[1]);
    scene.witness.story[0] = other.story[0] = '\0';
    scene.witness.other = &other;
    scene.witness.act = act;
    moq_track_follow(scene.mirror);
    assert_story(&scene.witness, first_story);
    assert_story(&other, other_story);
    if (act == let_go)
        scene.mirror = NULL;
    for (int i = 0; i < 3; i += 2)
        say(&scene, groups[i], "?");
    scene_end(&scene);
}

static void watchers_may_leave_in_the_middle(void **state)
{
    (void)state;
    assert_acts(leave, "grow0:6 ", "");
}

static void watchers_may_drop_the_track_in_the_middle(void **state)
{
    (void)state;
    assert_acts(let_go, "grow0:6 end1:6 grow2:6 ", "grow0:6 end1:6 grow2:6 ");
}

static void watchers_may_end_the_track_in_the_middle(void **state)
{
    (void)state;
    assert_acts(end_track, "grow0:6 cut0:6 cut1:6 cut2:6 ", "cut0:6 cut1:6 cut2:6 cut0:6 ");
}

static void watchers_may_follow_in_the_middle(void **state)
{
    (void)state;
    assert_acts(follow_again, "grow0:6 end1:6 grow2:6 ", "grow0:6 end1:6 grow2:6 ");
}

static void a_track_that_is_dropped_while_it_adopts_is_closed(void **state)
{
    (void)state;
    struct scene scene;
    struct moq_group *view;
    scene_start(&scene, &no_limits);
    struct moq_group *group = open_home(&scene, 1);
    say(&scene, group, "hello");
    scene.witness.act = let_go;
    assert_int_equal(try_adopt(&scene, 1, group, &view), MOQ_ERR_CLOSED);
    assert_story(&scene.witness, "new1:5 grow1:5 ");
    assert_false(group->is_ended);
    moq_track_unref(&scene.home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mirror_reads_the_very_bytes),
        cmocka_unit_test(growth_and_ends_are_told_when_followed_and_once),
        cmocka_unit_test(what_is_there_already_is_told_at_once),
        cmocka_unit_test(an_end_is_told_before_the_group_that_came_after_it),
        cmocka_unit_test(a_reader_may_be_ahead_in_bytes_but_not_in_ends),
        cmocka_unit_test(nobody_writes_to_what_was_adopted),
        cmocka_unit_test(a_cut_view_stays_cut_and_the_body_goes_on),
        cmocka_unit_test(the_end_of_a_mirror_cuts_its_views_only),
        cmocka_unit_test(after_a_clean_end_what_grows_is_followed),
        cmocka_unit_test(a_mirror_outlives_its_home),
        cmocka_unit_test(a_body_outlives_all_groups),
        cmocka_unit_test(what_is_refused_is_refused_here_too),
        cmocka_unit_test(so_many_grow_and_no_more),
        cmocka_unit_test(bytes_count_as_they_are_followed),
        cmocka_unit_test(a_group_that_is_too_heavy_when_it_comes_does_not_come),
        cmocka_unit_test(ages_count_from_the_end_at_home),
        cmocka_unit_test(watchers_may_leave_in_the_middle),
        cmocka_unit_test(watchers_may_drop_the_track_in_the_middle),
        cmocka_unit_test(watchers_may_end_the_track_in_the_middle),
        cmocka_unit_test(watchers_may_follow_in_the_middle),
        cmocka_unit_test(a_track_that_is_dropped_while_it_adopts_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, nothing_lives);
}
