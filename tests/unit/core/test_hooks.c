/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Hook chains: order, the first answer that counts, answers that come later, too late or never. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/core/hooks.h"

/* An entry that answers as it is told and notes that it was asked. */
struct entry {
    struct core_hook hook;
    enum core_verdict verdict;
    char name;
    char *log;
};

struct fixture {
    struct clock clock;
    struct core_hooks hooks;
    struct core_ask ask;
    struct entry entries[3];
    char log[16]; /* the names of those asked, in order */
    int decisions;
    bool is_allowed;
};

static enum core_verdict on_ask(void *self, struct core_ask *ask)
{
    struct entry *entry = self;
    (void)ask;
    strncat(entry->log, &entry->name, 1);
    return entry->verdict;
}

static const struct core_hook_ops ops = {
    .session_open = on_ask, .announce = on_ask, .subscribe = on_ask};

static void on_decided(struct core_ask *ask, bool is_allowed)
{
    struct fixture *f = ask->user;
    f->decisions++;
    f->is_allowed = is_allowed;
}

static void set_up(struct fixture *f, enum core_verdict a, enum core_verdict b, enum core_verdict c)
{
    enum core_verdict verdicts[] = {a, b, c};
    *f = (struct fixture){.clock.now_ns = 1};
    core_hooks_init(&f->hooks, &f->clock);
    for (int i = 0; i < 3; i++) {
        f->entries[i] = (struct entry){
            .hook = {.ops = &ops, .self = &f->entries[i]},
            .verdict = verdicts[i],
            .name = (char)('a' + i),
            .log = f->log,
        };
        core_hooks_add(&f->hooks, &f->entries[i].hook);
    }
    f->ask = (struct core_ask){.question = CORE_ASK_SUBSCRIBE, .on_decided = on_decided, .user = f};
}

static void assert_decided(const struct fixture *f, bool is_allowed, const char *log)
{
    assert_int_equal(f->decisions, 1);
    assert_int_equal(f->is_allowed, is_allowed);
    assert_string_equal(f->log, log);
}

static void all_pass_means_allowed(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, CORE_PASS, CORE_PASS, CORE_PASS);
    core_hooks_ask(&f.hooks, &f.ask);
    assert_decided(&f, true, "abc");
}

static void the_first_answer_ends_the_chain(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, CORE_PASS, CORE_DENY, CORE_ALLOW);
    core_hooks_ask(&f.hooks, &f.ask);
    assert_decided(&f, false, "ab");

    set_up(&f, CORE_ALLOW, CORE_DENY, CORE_DENY);
    core_hooks_ask(&f.hooks, &f.ask);
    assert_decided(&f, true, "a");
}

static void a_later_answer_goes_on_where_it_stood(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, CORE_PASS, CORE_LATER, CORE_DENY);
    core_hooks_ask(&f.hooks, &f.ask);
    assert_int_equal(f.decisions, 0);

    core_answer(&f.ask, CORE_PASS);
    assert_decided(&f, false, "abc");
}

static void a_later_answer_may_decide(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, CORE_LATER, CORE_DENY, CORE_DENY);
    core_hooks_ask(&f.hooks, &f.ask);
    core_answer(&f.ask, CORE_ALLOW);
    assert_decided(&f, true, "a");
}

static void silence_is_a_denial_after_a_while(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, CORE_LATER, CORE_PASS, CORE_PASS);
    core_hooks_ask(&f.hooks, &f.ask);

    f.clock.now_ns += CORE_ANSWER_TIMEOUT_NS - 1;
    assert_int_equal(core_hooks_tick(&f.hooks), f.clock.now_ns + 1);
    assert_int_equal(f.decisions, 0);
    f.clock.now_ns += 1;
    assert_true(core_hooks_tick(&f.hooks) == CLOCK_NEVER);
    assert_decided(&f, false, "a");
    assert_string_not_equal(f.ask.reason, "");
}

static void a_question_that_went_away_gets_no_answer(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, CORE_LATER, CORE_PASS, CORE_PASS);
    core_hooks_ask(&f.hooks, &f.ask);
    core_hooks_withdraw(&f.ask);

    f.clock.now_ns += 2 * CORE_ANSWER_TIMEOUT_NS;
    core_hooks_tick(&f.hooks);
    core_answer(&f.ask, CORE_ALLOW);
    assert_int_equal(f.decisions, 0);
}

static void a_removed_entry_is_passed_over_by_what_stands_at_it(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, CORE_LATER, CORE_DENY, CORE_ALLOW);
    core_hooks_ask(&f.hooks, &f.ask);
    core_hooks_remove(&f.hooks, &f.entries[1].hook);
    core_answer(&f.ask, CORE_PASS);
    assert_decided(&f, true, "ac");
}

static void an_empty_chain_allows(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, CORE_DENY, CORE_DENY, CORE_DENY);
    core_hooks_init(&f.hooks, &f.clock);
    core_hooks_ask(&f.hooks, &f.ask);
    assert_decided(&f, true, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_pass_means_allowed),
        cmocka_unit_test(the_first_answer_ends_the_chain),
        cmocka_unit_test(a_later_answer_goes_on_where_it_stood),
        cmocka_unit_test(a_later_answer_may_decide),
        cmocka_unit_test(silence_is_a_denial_after_a_while),
        cmocka_unit_test(a_question_that_went_away_gets_no_answer),
        cmocka_unit_test(a_removed_entry_is_passed_over_by_what_stands_at_it),
        cmocka_unit_test(an_empty_chain_allows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
