/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Hook chains: order, the first answer that counts, answers that come later, too late or never,
 * entries that are removed or replaced. Their slots, births and names: test_members.c. */
#include "tests/unit/core/entries.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Answers --------------------------------------------------------------------------------- */

static void all_pass_means_allowed(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, CORE_PASS, CORE_PASS, CORE_PASS);
    ask(&f);
    assert_decided(&f, true, "abc");
}

static void the_first_answer_ends_the_chain(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, CORE_PASS, CORE_DENY, CORE_ALLOW);
    ask(&f);
    assert_decided(&f, false, "ab");

    set_up(&f, CORE_ALLOW, CORE_DENY, CORE_DENY);
    ask(&f);
    assert_decided(&f, true, "a");
}

static void a_later_answer_goes_on_where_it_stood(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, CORE_PASS, CORE_LATER, CORE_DENY);
    ask(&f);
    assert_int_equal(f.question.decisions, 0);
    answer(&f, CORE_PASS);
    assert_decided(&f, false, "abc");
}

static void a_later_answer_may_decide(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, CORE_LATER, CORE_DENY, CORE_DENY);
    ask(&f);
    answer(&f, CORE_ALLOW);
    assert_decided(&f, true, "a");
}

static void silence_is_a_denial_after_a_while(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, CORE_LATER, CORE_PASS, CORE_PASS);
    ask(&f);

    f.clock.now_ns += CORE_ANSWER_TIMEOUT_NS - 1;
    assert_int_equal(core_hooks_tick(&f.hooks), f.clock.now_ns + 1);
    assert_int_equal(f.question.decisions, 0);
    f.clock.now_ns += 1;
    assert_true(core_hooks_tick(&f.hooks) == CLOCK_NEVER);
    assert_decided(&f, false, "a");
    assert_string_not_equal(f.question.request.reason, "");
    assert_int_equal(f.entries[0].withdrawn, 1);
    assert_int_equal(f.entries[1].withdrawn, 0);
}

static void a_request_that_went_away_gets_no_answer(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, CORE_LATER, CORE_PASS, CORE_PASS);
    ask(&f);
    core_hooks_withdraw(&f.question.request);

    f.clock.now_ns += 2 * CORE_ANSWER_TIMEOUT_NS;
    core_hooks_tick(&f.hooks);
    assert_int_equal(answer(&f, CORE_ALLOW), MOQ_ERR_NOT_FOUND);
    assert_int_equal(f.question.decisions, 0);
}

static void an_answer_counts_once(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, CORE_LATER, CORE_PASS, CORE_PASS);
    ask(&f);
    assert_int_equal(answer(&f, CORE_DENY), 0);
    assert_int_equal(answer(&f, CORE_ALLOW), MOQ_ERR_NOT_FOUND);
    assert_decided(&f, false, "a");
}

static void later_is_no_answer(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, CORE_LATER, CORE_PASS, CORE_PASS);
    ask(&f);
    assert_int_equal(answer(&f, CORE_LATER), MOQ_ERR_INVALID);
    assert_int_equal(answer(&f, (enum core_verdict)77), MOQ_ERR_INVALID);
    assert_int_equal(f.question.decisions, 0);
    assert_int_equal(answer(&f, CORE_ALLOW), 0);
    assert_decided(&f, true, "a");
}

/* What it answers inside, it answers by its verdict. */
static enum core_verdict answer_early(void *self, struct core_request *request)
{
    uint64_t number = core_request_number(request);
    assert_int_equal(core_answer(request->hooks, number, CORE_DENY), MOQ_ERR_NOT_FOUND);
    assert_null(core_request_held(request->hooks, number));
    return on_ask(self, request);
}

static void an_answer_comes_after_later(void **state)
{
    struct core_hook_ops early = entry_ops;
    struct fixture f;
    (void)state;
    set_up(&f, CORE_LATER, CORE_PASS, CORE_PASS);
    early.subscribe = answer_early;
    f.entries[0].hook.ops = &early;
    ask(&f);
    assert_int_equal(f.question.decisions, 0);
    assert_int_equal(answer(&f, CORE_ALLOW), 0);
    assert_decided(&f, true, "a");
}

/* Its subject goes away while the entry is still asked. */
static enum core_verdict withdraw_inside(void *self, struct core_request *request)
{
    struct core_hooks *hooks = request->hooks;
    uint64_t number = core_request_number(request);
    (void)self;
    assert_true(core_request_is_open(hooks, request, number));
    assert_false(core_request_is_open(hooks, request, number + 1));
    core_hooks_withdraw(request);
    assert_false(core_request_is_open(hooks, request, number));
    return CORE_ALLOW;
}

static void a_request_is_open_until_it_is_decided_or_gone(void **state)
{
    struct core_hook_ops inside = entry_ops;
    struct fixture f;
    (void)state;
    set_up(&f, CORE_LATER, CORE_PASS, CORE_PASS);
    ask(&f);
    uint64_t number = core_request_number(&f.question.request);
    assert_true(core_request_is_open(&f.hooks, &f.question.request, number));
    assert_int_equal(answer(&f, CORE_ALLOW), 0);
    assert_false(core_request_is_open(&f.hooks, &f.question.request, number));

    set_up(&f, CORE_LATER, CORE_PASS, CORE_PASS);
    inside.subscribe = withdraw_inside;
    f.entries[0].hook.ops = &inside;
    ask(&f);
    assert_int_equal(f.question.decisions, 0);
}

static enum core_verdict hold(void *self, struct core_request *request)
{
    (void)self, (void)request;
    return CORE_LATER;
}

/* Numbers share lists; each names its own. */
static void many_are_held_and_each_is_found(void **state)
{
    enum { MANY = 3 * CHAIN_NUMBER_LISTS };
    static struct question questions[MANY];
    static const struct core_hook_ops holding = {.subscribe = hold};
    struct fixture f;
    (void)state;
    set_up(&f, CORE_LATER, CORE_PASS, CORE_PASS);
    f.entries[0].hook.ops = &holding;
    for (size_t i = 0; i < MANY; i++) {
        questions[i] = (struct question){
            .request = {.kind = CORE_REQUEST_SUBSCRIBE, .on_decided = on_decided}};
        core_hooks_ask(&f.hooks, &questions[i].request);
    }
    for (size_t i = 0; i < MANY; i++) {
        size_t at = i * 5 % MANY;
        uint64_t number = core_request_number(&questions[at].request);
        assert_ptr_equal(core_request_held(&f.hooks, number), &questions[at].request);
        assert_int_equal(core_answer(&f.hooks, number, CORE_ALLOW), 0);
        assert_int_equal(questions[at].decisions, 1);
    }
    assert_true(list_is_empty(&f.hooks.held));
}

static void a_reason_is_that_of_the_entry_that_denies(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, CORE_PASS, CORE_DENY, CORE_PASS);
    f.entries[0].reason = "not mine to say";
    ask(&f);
    assert_decided(&f, false, "ab");
    assert_string_equal(f.question.request.reason, "");
}

static void an_empty_chain_allows(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, CORE_DENY, CORE_DENY, CORE_DENY);
    core_hooks_init(&f.hooks, &f.clock);
    ask(&f);
    assert_decided(&f, true, "");
}

/* Who may not watch cannot fetch: an entry that knows no fetches is asked as for a subscription. */
static void a_fetch_is_asked_as_a_subscription_if_nobody_says_otherwise(void **state)
{
    static const enum core_request_kind kinds[] = {CORE_REQUEST_FETCH, CORE_REQUEST_INFO};
    struct fixture f;
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        set_up(&f, CORE_DENY, CORE_PASS, CORE_PASS);
        f.question.request.kind = kinds[i];
        ask(&f);
        assert_decided(&f, false, "a");
    }
}

static void a_fetch_is_told_from_a_subscription(void **state)
{
    struct core_hook_ops fetches = {.name = "fetches", .fetch = on_ask, .info = on_ask};
    struct fixture f;
    (void)state;
    set_up(&f, CORE_PASS, CORE_DENY, CORE_PASS);
    f.entries[1].hook.ops = &fetches;
    ask(&f);
    assert_decided(&f, true, "ac");

    set_up(&f, CORE_PASS, CORE_DENY, CORE_PASS);
    f.entries[1].hook.ops = &fetches;
    f.question.request.kind = CORE_REQUEST_FETCH;
    ask(&f);
    assert_decided(&f, false, "ab");
}

/* ---- Entries that go ------------------------------------------------------------------------- */

static void an_entry_after_the_holder_may_be_removed(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, CORE_LATER, CORE_DENY, CORE_ALLOW);
    ask(&f);
    core_hooks_remove(&f.hooks, &f.entries[1].hook);
    answer(&f, CORE_PASS);
    assert_decided(&f, true, "ac");
}

static void what_a_removed_entry_holds_goes_on_with_the_next(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, CORE_PASS, CORE_LATER, CORE_ALLOW);
    ask(&f);
    core_hooks_remove(&f.hooks, &f.entries[1].hook);
    assert_decided(&f, true, "abc");
    assert_int_equal(f.entries[1].withdrawn, 1);
    assert_true(list_is_empty(&f.hooks.held));
}

static void what_the_last_entry_holds_is_allowed_when_it_goes(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, CORE_PASS, CORE_PASS, CORE_LATER);
    ask(&f);
    core_hooks_remove(&f.hooks, &f.entries[2].hook);
    assert_decided(&f, true, "abc");
}

static void a_fresh_entry_is_asked_what_the_old_one_held(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, CORE_PASS, CORE_LATER, CORE_ALLOW);
    struct entry fresh = entry_of(&f, 'x', CORE_DENY);
    fresh.hook.self = &fresh;
    ask(&f);
    assert_int_equal(core_hooks_replace(&f.hooks, &f.entries[1].hook, &fresh.hook), 0);
    assert_decided(&f, false, "abx");
    assert_int_equal(f.entries[1].withdrawn, 1);

    f.question.decisions = 0;
    f.log[0] = '\0';
    ask(&f);
    assert_decided(&f, false, "ax");
}

static void a_fresh_entry_may_hold_it_again(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, CORE_LATER, CORE_PASS, CORE_PASS);
    struct entry fresh = entry_of(&f, 'x', CORE_LATER);
    fresh.hook.self = &fresh;
    ask(&f);
    f.clock.now_ns += CORE_ANSWER_TIMEOUT_NS - 1;
    core_hooks_replace(&f.hooks, &f.entries[0].hook, &fresh.hook);
    f.clock.now_ns += 1;
    core_hooks_tick(&f.hooks);
    assert_int_equal(f.question.decisions, 0); /* its time began anew */
    answer(&f, CORE_PASS);
    assert_decided(&f, true, "axbc");
}

/* Each entry that holds it knows it by another number. */
static void an_entry_that_was_replaced_cannot_answer_for_others(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, CORE_LATER, CORE_PASS, CORE_PASS);
    struct entry second = entry_of(&f, 'x', CORE_LATER), third = entry_of(&f, 'y', CORE_LATER);
    second.hook.self = &second;
    third.hook.self = &third;
    ask(&f);
    uint64_t first = core_request_number(&f.question.request);
    core_hooks_replace(&f.hooks, &f.entries[0].hook, &second.hook);
    uint64_t after = core_request_number(&f.question.request);
    core_hooks_replace(&f.hooks, &second.hook, &third.hook);

    assert_int_equal(core_answer(&f.hooks, first, CORE_ALLOW), MOQ_ERR_NOT_FOUND);
    assert_int_equal(core_answer(&f.hooks, after, CORE_ALLOW), MOQ_ERR_NOT_FOUND);
    assert_int_equal(f.question.decisions, 0);
    assert_int_equal(f.entries[0].withdrawn + second.withdrawn + third.withdrawn, 2);
    assert_int_equal(answer(&f, CORE_DENY), 0);
    assert_decided(&f, false, "axy");
}

/* A subscription below "tenant": asked twice, it must not end up below "tenant/tenant". */
static enum core_verdict lead_below_tenant(void *self, struct core_request *request)
{
    struct moq_path *tenant = moq_path_from_text("tenant");
    struct moq_path *path = moq_path_join(tenant, core_request_path(request));
    core_request_set_path(request, path);
    moq_path_unref(&tenant);
    moq_path_unref(&path);
    return on_ask(self, request);
}

static void what_a_replaced_entry_said_is_forgotten(void **state)
{
    const struct core_override old_wants = {.set = CORE_SET_PRIORITY, .priority = 9};
    const struct core_override first_wants = {.set = CORE_SET_PRIORITY, .priority = 5};
    struct core_hook_ops renaming = entry_ops;
    struct fixture f;
    struct core_request *request = &f.question.request;
    char text[MOQ_PATH_TEXT_BYTES];
    (void)state;
    set_up(&f, CORE_PASS, CORE_LATER, CORE_PASS);
    renaming.subscribe = lead_below_tenant;
    f.entries[0].wants = &first_wants;
    f.entries[1].wants = &old_wants;
    f.entries[1].hook.ops = &renaming;
    struct entry fresh = entry_of(&f, 'x', CORE_PASS);
    fresh.hook = (struct core_hook){.ops = &renaming, .self = &fresh};
    request->path = moq_path_from_text("movie");
    ask(&f);
    core_hooks_replace(&f.hooks, &f.entries[1].hook, &fresh.hook);
    assert_decided(&f, true, "abxc");
    assert_string_equal(moq_path_text(request->path, text, sizeof text), "tenant/movie");
    assert_int_equal(request->override.numbers.priority, 5);
    moq_path_unref(&request->path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_pass_means_allowed),
        cmocka_unit_test(the_first_answer_ends_the_chain),
        cmocka_unit_test(a_later_answer_goes_on_where_it_stood),
        cmocka_unit_test(a_later_answer_may_decide),
        cmocka_unit_test(silence_is_a_denial_after_a_while),
        cmocka_unit_test(a_request_that_went_away_gets_no_answer),
        cmocka_unit_test(an_answer_counts_once),
        cmocka_unit_test(later_is_no_answer),
        cmocka_unit_test(an_answer_comes_after_later),
        cmocka_unit_test(a_request_is_open_until_it_is_decided_or_gone),
        cmocka_unit_test(many_are_held_and_each_is_found),
        cmocka_unit_test(a_reason_is_that_of_the_entry_that_denies),
        cmocka_unit_test(an_empty_chain_allows),
        cmocka_unit_test(a_fetch_is_asked_as_a_subscription_if_nobody_says_otherwise),
        cmocka_unit_test(a_fetch_is_told_from_a_subscription),
        cmocka_unit_test(an_entry_after_the_holder_may_be_removed),
        cmocka_unit_test(what_a_removed_entry_holds_goes_on_with_the_next),
        cmocka_unit_test(what_the_last_entry_holds_is_allowed_when_it_goes),
        cmocka_unit_test(a_fresh_entry_is_asked_what_the_old_one_held),
        cmocka_unit_test(a_fresh_entry_may_hold_it_again),
        cmocka_unit_test(an_entry_that_was_replaced_cannot_answer_for_others),
        cmocka_unit_test(what_a_replaced_entry_said_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
