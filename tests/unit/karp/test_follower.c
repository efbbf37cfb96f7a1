/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which instance is followed as instances come and go, and how its catalog is asked for. */
#include "tests/unit/prologue.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "karp/karp.h"

enum { STEP_MS = 10 };

static struct karp_follower follower;
static struct moq_clock now;
static char told[512];  /* "+1 " instance 1; "- " none; "c " a catalog; "! " a warning */
static char asked[512]; /* the ids whose catalogs were opened */
static int open_error;  /* of open_catalog */
static bool is_open;

static void on_instance(void *user, const char *id)
{
    (void)user;
    snprintf(told + strlen(told), sizeof told - strlen(told), "%s%s ", id ? "+" : "-",
             id ? id : "");
}

static void on_catalog(void *user, struct karp_catalog *catalog)
{
    (void)user;
    strcat(told, "c ");
    karp_catalog_free(catalog);
}

static void on_warning(void *user, const char *line)
{
    (void)user;
    (void)line;
    strcat(told, "! ");
}

static int open_catalog(void *user, const char *id)
{
    (void)user;
    assert_false(is_open);
    is_open = open_error == 0;
    strcat(strcat(asked, id), " ");
    return open_error;
}

static void close_catalog(void *user)
{
    (void)user;
    is_open = false;
}

static int listen(void **state)
{
    static const struct karp_follower_input input = {open_catalog, close_catalog};
    static const struct karp_follower_events events = {on_instance, on_catalog, on_warning};
    (void)state;
    now.now_ns = 0;
    told[0] = asked[0] = '\0';
    open_error = 0;
    is_open = false;
    follower = (struct karp_follower){.clock = &now, .input = &input, .events = &events};
    assert_true(karp_follower_due_ns(&follower) == UINT64_MAX);
    karp_follower_listen(&follower);
    return 0;
}

static void announce(const char *id)
{
    karp_follower_announce(&follower, id, strlen(id));
}

static void withdraw(const char *id)
{
    karp_follower_withdraw(&follower, id, strlen(id));
}

static void give_catalog(uint64_t sequence)
{
    static const char json[] = "{\"video\":[],\"audio\":[]}";
    karp_follower_give_catalog(&follower, sequence, json, sizeof json - 1);
}

/* As a loop does that sleeps until something is due. */
static void pass(uint64_t ms)
{
    uint64_t end_ns = now.now_ns + ms * NS_PER_MS;
    while (karp_follower_due_ns(&follower) <= end_ns) {
        uint64_t due_ns = karp_follower_due_ns(&follower);
        now.now_ns = due_ns > now.now_ns ? due_ns : now.now_ns;
        karp_follower_tick(&follower);
    }
    now.now_ns = end_ns;
}

static void the_newest_of_those_that_are_there_is_taken(void **state)
{
    (void)state;
    announce("8");
    announce("10");
    announce("9");
    announce("notes");
    karp_follower_settle(&follower);
    assert_string_equal(told, "");
    pass(STEP_MS);
    assert_string_equal(told, "+10 ");
    assert_string_equal(asked, "10 ");
    assert_false(follower.is_from_start);
}

static void the_first_that_begins_later_is_taken_at_once(void **state)
{
    (void)state;
    karp_follower_settle(&follower);
    announce("7");
    assert_string_equal(told, "+7 ");
    assert_true(follower.is_from_start);
}

static void a_newer_one_is_taken_when_it_has_been_quiet(void **state)
{
    (void)state;
    karp_follower_settle(&follower);
    announce("7");
    give_catalog(0);
    announce("8");
    pass(90);
    announce("9");
    pass(90);
    assert_string_equal(told, "+7 c ");
    pass(20);
    assert_string_equal(told, "+7 c +9 ");
    assert_int_equal(follower.passed_over, 1);
}

static void one_that_is_withdrawn_and_back_has_not_changed(void **state)
{
    (void)state;
    karp_follower_settle(&follower);
    announce("7");
    give_catalog(0);
    withdraw("7");
    pass(90);
    announce("7");
    pass(1000);
    assert_string_equal(told, "+7 c ");
    assert_int_equal(follower.passed_over, 0);
    withdraw("7");
    pass(200);
    assert_string_equal(told, "+7 c - ");
    assert_false(is_open);
}

static void when_the_newest_ends_the_one_before_it_counts(void **state)
{
    (void)state;
    announce("7");
    announce("8");
    karp_follower_settle(&follower);
    pass(STEP_MS);
    give_catalog(0);
    withdraw("8");
    pass(200);
    assert_string_equal(told, "+8 c +7 ");
}

/* It has media, too; but its catalog may never come. */
static void a_catalog_that_is_under_way_comes_before_a_newer_instance(void **state)
{
    (void)state;
    karp_follower_settle(&follower);
    announce("7");
    announce("8");
    pass(300);
    assert_string_equal(told, "+7 ");
    give_catalog(0);
    pass(200);
    assert_string_equal(told, "+7 c +8 ");
    announce("9");
    pass(2000);
    assert_string_equal(told, "+7 c +8 +9 ");
}

static void only_newer_versions_of_the_catalog_count(void **state)
{
    (void)state;
    karp_follower_settle(&follower);
    announce("7");
    give_catalog(3);
    give_catalog(3);
    give_catalog(2);
    assert_string_equal(told, "+7 c ");
    give_catalog(4);
    assert_string_equal(told, "+7 c c ");
    karp_follower_give_catalog(&follower, 5, "{", 1);
    assert_string_equal(told, "+7 c c ! ");
}

static void a_catalog_that_cannot_be_had_is_asked_for_again(void **state)
{
    (void)state;
    open_error = MOQ_ERR_CLOSED;
    karp_follower_settle(&follower);
    announce("7");
    assert_true(follower.refused_ns > 0);
    assert_int_equal(follower.refusal, MOQ_ERR_CLOSED);
    open_error = 0;
    pass(1100);
    assert_string_equal(asked, "7 7 ");
    assert_string_equal(told, "+7 ! ");
    karp_follower_end_catalog(&follower, MOQ_ERR_NOT_FOUND);
    pass(1100);
    assert_string_equal(asked, "7 7 7 ");
    assert_string_equal(told, "+7 ! "); /* people are told once */
    give_catalog(0);
    assert_int_equal(follower.refused_ns, 0);
    karp_follower_end_catalog(&follower, 0);
    pass(3000);
    assert_string_equal(asked, "7 7 7 ");
}

static void nothing_ends_while_nobody_announces(void **state)
{
    (void)state;
    karp_follower_settle(&follower);
    announce("7");
    withdraw("7");
    karp_follower_pause(&follower);
    pass(1000);
    assert_string_equal(told, "+7 ");
    assert_true(is_open);
    karp_follower_stop(&follower);
    assert_false(is_open);
    assert_true(karp_follower_due_ns(&follower) == UINT64_MAX);
    karp_follower_listen(&follower);
    announce("7");
    pass(STEP_MS);
    assert_string_equal(told, "+7 +7 ");
}

#define LISTENING(test) cmocka_unit_test_setup(test, listen)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LISTENING(the_newest_of_those_that_are_there_is_taken),
        LISTENING(the_first_that_begins_later_is_taken_at_once),
        LISTENING(a_newer_one_is_taken_when_it_has_been_quiet),
        LISTENING(one_that_is_withdrawn_and_back_has_not_changed),
        LISTENING(when_the_newest_ends_the_one_before_it_counts),
        LISTENING(a_catalog_that_is_under_way_comes_before_a_newer_instance),
        LISTENING(only_newer_versions_of_the_catalog_count),
        LISTENING(a_catalog_that_cannot_be_had_is_asked_for_again),
        LISTENING(nothing_ends_while_nobody_announces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
