/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Offers: what a peer is told of the paths under its prefix, in differences. */
#include "transfork/transfork.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/objects.h"

static int alice, bob; /* owners: only their addresses matter */

static int nothing_lives(void **state)
{
    (void)state;
    return objects_report(stderr);
}

static void add(struct moq_offers *offers, const char *text, const void *owner)
{
    struct moq_path *path = moq_path_from_text(text);
    assert_int_equal(moq_offers_add(offers, path, owner), 0);
    moq_path_unref(&path);
}

static void take_back(struct moq_offers *offers, const char *text, const void *owner)
{
    struct moq_path *path = moq_path_from_text(text);
    moq_offers_remove(offers, path, owner);
    moq_path_unref(&path);
}

static bool has(struct moq_offers *offers, const char *text)
{
    struct moq_path *path = moq_path_from_text(text);
    bool result = moq_offers_has(offers, path);
    moq_path_unref(&path);
    return result;
}

static struct moq_offers_watcher *watch(struct moq_offers *offers, const char *text,
                                        const struct moq_offers_watcher_ops *ops, void *user)
{
    struct moq_path *prefix = moq_path_from_text(text);
    struct moq_offers_watcher *watcher = moq_offers_watch(offers, prefix, ops, user);
    moq_path_unref(&prefix);
    assert_non_null(watcher);
    return watcher;
}

/* Pulls everything and compares it with "+path" and "-path" in order. */
static void assert_told(struct moq_offers_watcher *watcher, const char *expected)
{
    char text[1000] = "", path_text[MOQ_PATH_TEXT_BYTES];
    size_t used = 0;
    bool is_active;
    struct moq_path *path;
    while (moq_offers_watcher_next(watcher, &is_active, &path))
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%c%s", used ? " " : "",
                                 is_active ? '+' : '-',
                                 moq_path_text(path, path_text, sizeof path_text));
    assert_string_equal(text, expected);
    assert_false(moq_offers_watcher_has_pending(watcher));
}

/* The linker sends the library's allocations here; see CMakeLists.txt. */
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);

static int allocations_left = -1; /* -1: any number */

static bool may_allocate(void)
{
    allocations_left -= allocations_left > 0;
    return allocations_left != 0;
}

void *__wrap_malloc(size_t size)
{
    return may_allocate() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return may_allocate() ? __real_calloc(count, size) : NULL;
}

static bool adds_one_without_memory(struct moq_offers *offers, struct moq_path *path, int allowed)
{
    allocations_left = allowed + 1;
    int error = moq_offers_add(offers, path, &alice);
    bool was_enough = allocations_left > 0;
    allocations_left = -1;
    assert_int_equal(moq_offers_has(offers, path), error == 0);
    return was_enough;
}

/* Whichever allocation fails, the next attempt finds a set that is in order. */
static void a_set_survives_that_memory_runs_out(void **state)
{
    bool was_enough = false;
    (void)state;
    for (int allowed = 0; !was_enough; allowed++) {
        struct moq_offers *offers = moq_offers_new();
        struct moq_offers_watcher *watcher = watch(offers, "a", NULL, NULL);
        struct moq_path *path = moq_path_from_text("a/b");
        was_enough = adds_one_without_memory(offers, path, allowed);
        moq_offers_remove(offers, path, &alice);
        moq_offers_add(offers, path, &alice);
        assert_told(watcher, "+a/b");
        assert_true(allowed < 10);
        moq_path_unref(&path);
        moq_offers_unwatch(&watcher);
        moq_offers_free(&offers);
    }
}

static void a_set_counts_its_paths_once(void **state)
{
    (void)state;
    struct moq_offers *offers = moq_offers_new();
    add(offers, "demo/a", &alice);
    add(offers, "demo/a", &alice);
    add(offers, "demo/a", &bob);
    add(offers, "demo/b", NULL);
    assert_int_equal(moq_offers_count(offers), 2);
    assert_true(has(offers, "demo/a"));
    take_back(offers, "demo/a", &alice);
    take_back(offers, "demo/a", &alice);
    take_back(offers, "demo/a", &alice);
    assert_true(has(offers, "demo/a"));
    take_back(offers, "demo/a", &bob);
    assert_false(has(offers, "demo/a"));
    take_back(offers, "nothing", &bob);
    take_back(offers, "demo/b", NULL);
    assert_int_equal(moq_offers_count(offers), 0);
    moq_offers_free(&offers);
    assert_null(offers);
}

static void a_watcher_is_told_what_is_there_and_what_comes(void **state)
{
    (void)state;
    struct moq_offers *offers = moq_offers_new();
    add(offers, "demo/a", &alice);
    add(offers, "other", &alice);
    struct moq_offers_watcher *watcher = watch(offers, "demo", NULL, NULL);
    assert_int_equal(moq_path_count(moq_offers_watcher_prefix(watcher)), 1);
    assert_true(moq_offers_watcher_has_pending(watcher));
    assert_told(watcher, "+demo/a");
    add(offers, "demo/b", &alice);
    add(offers, "demo", &alice);
    add(offers, "demon", &alice);
    assert_told(watcher, "+demo/b +demo");
    take_back(offers, "demo/a", &alice);
    assert_told(watcher, "-demo/a");
    moq_offers_unwatch(&watcher);
    assert_null(watcher);
    moq_offers_free(&offers);
}

static void a_path_of_two_owners_ends_with_the_second(void **state)
{
    (void)state;
    struct moq_offers *offers = moq_offers_new();
    struct moq_offers_watcher *watcher = watch(offers, "", NULL, NULL);
    add(offers, "a", &alice);
    add(offers, "a", &bob);
    assert_told(watcher, "+a");
    take_back(offers, "a", &alice);
    assert_told(watcher, "");
    take_back(offers, "a", &bob);
    assert_told(watcher, "-a");
    moq_offers_unwatch(&watcher);
    moq_offers_free(&offers);
}

static void what_came_and_went_untold_is_never_told(void **state)
{
    (void)state;
    struct moq_offers *offers = moq_offers_new();
    struct moq_offers_watcher *watcher = watch(offers, "", NULL, NULL);
    add(offers, "a", &alice);
    take_back(offers, "a", &alice);
    assert_told(watcher, "");
    assert_int_equal(object_count(OBJECT_sight), 0);
    moq_offers_unwatch(&watcher);
    moq_offers_free(&offers);
}

static void what_went_and_came_back_is_ended_and_active(void **state)
{
    (void)state;
    struct moq_offers *offers = moq_offers_new();
    struct moq_offers_watcher *watcher = watch(offers, "", NULL, NULL);
    add(offers, "a", &alice);
    assert_told(watcher, "+a");
    for (int i = 0; i < 5; i++) {
        take_back(offers, "a", &alice);
        add(offers, "a", &bob);
        take_back(offers, "a", &bob);
        add(offers, "a", &alice);
    }
    assert_told(watcher, "-a +a");
    moq_offers_unwatch(&watcher);
    moq_offers_free(&offers);
}

static void a_restart_that_ends_halfway_told_is_not_active_again(void **state)
{
    (void)state;
    struct moq_offers *offers = moq_offers_new();
    struct moq_offers_watcher *watcher = watch(offers, "", NULL, NULL);
    bool is_active;
    struct moq_path *path;
    add(offers, "a", &alice);
    assert_told(watcher, "+a");
    take_back(offers, "a", &alice);
    add(offers, "a", &alice);
    assert_true(moq_offers_watcher_next(watcher, &is_active, &path));
    assert_false(is_active);
    take_back(offers, "a", &alice);
    assert_told(watcher, "");
    assert_int_equal(object_count(OBJECT_sight), 0);
    moq_offers_unwatch(&watcher);
    moq_offers_free(&offers);
}

static bool sees_alice_only(void *user, const struct moq_path *path, const void *owner)
{
    (void)user, (void)path;
    return owner == &alice;
}

static void who_may_not_see_an_owner_is_not_told(void **state)
{
    (void)state;
    static const struct moq_offers_watcher_ops ops = {.can_see = sees_alice_only};
    struct moq_offers *offers = moq_offers_new();
    struct moq_offers_watcher *watcher = watch(offers, "", &ops, NULL);
    add(offers, "a", &bob);
    assert_told(watcher, "");
    add(offers, "a", &alice);
    assert_told(watcher, "+a");
    take_back(offers, "a", &bob);
    assert_told(watcher, "");
    add(offers, "a", &bob);
    take_back(offers, "a", &alice);
    assert_told(watcher, "-a");
    moq_offers_unwatch(&watcher);
    moq_offers_free(&offers);
}

static bool sees_what_it_may(void *user, const struct moq_path *path, const void *owner)
{
    (void)owner;
    return moq_path_has_prefix(path, *(struct moq_path **)user);
}

static void who_may_see_other_paths_is_told_when_it_looks_again(void **state)
{
    (void)state;
    static const struct moq_offers_watcher_ops ops = {.can_see = sees_what_it_may};
    struct moq_path *sight = moq_path_from_text("a");
    struct moq_offers *offers = moq_offers_new();
    add(offers, "a/x", &alice);
    add(offers, "b/x", &alice);
    struct moq_offers_watcher *watcher = watch(offers, "", &ops, &sight);
    assert_told(watcher, "+a/x");
    moq_path_unref(&sight);
    sight = moq_path_from_text("b");
    assert_told(watcher, "");
    moq_offers_look_again(offers, watcher);
    assert_told(watcher, "-a/x +b/x");
    moq_offers_look_again(offers, watcher);
    assert_told(watcher, "");
    take_back(offers, "a/x", &alice);
    take_back(offers, "b/x", &alice);
    assert_told(watcher, "-b/x");
    moq_offers_unwatch(&watcher);
    moq_offers_free(&offers);
    moq_path_unref(&sight);
}

/* ---- Waking ---------------------------------------------------------------------------------- */

struct sleeper {
    int woken;
    struct moq_offers_watcher *watcher, **victim;
};

static void on_pending(struct moq_offers_watcher *watcher, void *user)
{
    struct sleeper *sleeper = user;
    assert_true(moq_offers_watcher_has_pending(watcher));
    sleeper->woken++;
    if (sleeper->victim)
        moq_offers_unwatch(sleeper->victim);
}

static const struct moq_offers_watcher_ops waking_ops = {.on_pending = on_pending};

static void a_watcher_is_woken_once_until_it_has_pulled_all(void **state)
{
    (void)state;
    struct moq_offers *offers = moq_offers_new();
    struct sleeper sleeper = {0};
    add(offers, "x", &alice);
    struct moq_offers_watcher *watcher = watch(offers, "", &waking_ops, &sleeper);
    assert_int_equal(sleeper.woken, 0);
    add(offers, "a", &alice);
    assert_int_equal(sleeper.woken, 0);
    assert_told(watcher, "+x +a");
    add(offers, "b", &alice);
    add(offers, "c", &alice);
    assert_int_equal(sleeper.woken, 1);
    assert_told(watcher, "+b +c");
    take_back(offers, "b", &alice);
    assert_int_equal(sleeper.woken, 2);
    moq_offers_unwatch(&watcher);
    moq_offers_free(&offers);
}

static void a_watcher_may_leave_or_remove_another_when_woken(void **state)
{
    (void)state;
    for (int who = 0; who < 9; who++) {
        struct moq_offers *offers = moq_offers_new();
        struct sleeper sleepers[3] = {{0}, {0}, {0}};
        for (int i = 0; i < 3; i++)
            sleepers[i].watcher = watch(offers, "", &waking_ops, &sleepers[i]);
        int actor = who / 3, victim = who % 3;
        sleepers[actor].victim = &sleepers[victim].watcher;
        add(offers, "a", &alice);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(sleepers[i].woken, i == victim && victim > actor ? 0 : 1);
            moq_offers_unwatch(&sleepers[i].watcher);
        }
        moq_offers_free(&offers);
    }
}

static void unwatching_after_the_set_is_harmless(void **state)
{
    (void)state;
    struct moq_offers *offers = moq_offers_new();
    struct moq_offers_watcher *watcher = watch(offers, "", NULL, NULL);
    add(offers, "a", &alice);
    moq_offers_free(&offers);
    assert_told(watcher, "+a");
    moq_offers_unwatch(&watcher);
    moq_offers_unwatch(&watcher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_survives_that_memory_runs_out),
        cmocka_unit_test(a_set_counts_its_paths_once),
        cmocka_unit_test(a_watcher_is_told_what_is_there_and_what_comes),
        cmocka_unit_test(a_path_of_two_owners_ends_with_the_second),
        cmocka_unit_test(what_came_and_went_untold_is_never_told),
        cmocka_unit_test(what_went_and_came_back_is_ended_and_active),
        cmocka_unit_test(a_restart_that_ends_halfway_told_is_not_active_again),
        cmocka_unit_test(who_may_not_see_an_owner_is_not_told),
        cmocka_unit_test(who_may_see_other_paths_is_told_when_it_looks_again),
        cmocka_unit_test(a_watcher_is_woken_once_until_it_has_pulled_all),
        cmocka_unit_test(a_watcher_may_leave_or_remove_another_when_woken),
        cmocka_unit_test(unwatching_after_the_set_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, nothing_lives);
}
