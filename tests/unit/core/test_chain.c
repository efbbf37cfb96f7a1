/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Hook chains: order, the first answer that counts, answers that come later, too late or never,
 * entries that are removed or replaced, slots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/core/chain.h"

/* An entry that answers as it is told and notes what it hears. */
struct entry {
    struct core_hook hook;
    enum core_verdict verdict;
    char name;
    char *log;
    const char *reason;                /* that it gives; NULL: none */
    const struct core_override *wants; /* that it sets; NULL: nothing */
    int withdrawn, born, died;
};

struct question {
    struct core_request request;
    int decisions;
    bool is_allowed;
};

struct fixture {
    struct moq_clock clock;
    struct core_hooks hooks;
    struct question question;
    struct entry entries[3];
    char log[16]; /* the names of those asked, in order */
};

static enum core_verdict on_ask(void *self, struct core_request *request)
{
    struct entry *entry = self;
    strncat(entry->log, &entry->name, 1);
    if (entry->reason)
        core_request_set_reason(request, entry->reason);
    if (entry->wants)
        core_request_override(request, &entry->hook, entry->wants);
    return entry->verdict;
}

static void on_withdrawn(void *self, struct core_request *request)
{
    struct entry *entry = self;
    (void)request;
    entry->withdrawn++;
}

static void on_peer_born(void *self, struct core_peer *peer)
{
    struct entry *entry = self;
    (void)peer;
    entry->born++;
}

static void on_peer_died(void *self, struct core_peer *peer)
{
    struct entry *entry = self;
    (void)peer;
    entry->died++;
}

static const struct core_hook_ops ops = {
    .name = "entry",
    .session_open = on_ask,
    .announce = on_ask,
    .subscribe = on_ask,
    .withdrawn = on_withdrawn,
    .peer_born = on_peer_born,
    .peer_died = on_peer_died,
};

static void on_decided(struct core_request *request, bool is_allowed)
{
    struct question *question = container_of(request, struct question, request);
    question->decisions++;
    question->is_allowed = is_allowed;
}

static struct entry entry_of(struct fixture *f, char name, enum core_verdict verdict)
{
    return (struct entry){.hook.ops = &ops, .verdict = verdict, .name = name, .log = f->log};
}

static void set_up(struct fixture *f, enum core_verdict a, enum core_verdict b, enum core_verdict c)
{
    enum core_verdict verdicts[] = {a, b, c};
    *f = (struct fixture){.clock.now_ns = 1};
    core_hooks_init(&f->hooks, &f->clock);
    for (int i = 0; i < 3; i++) {
        f->entries[i] = entry_of(f, (char)('a' + i), verdicts[i]);
        f->entries[i].hook.self = &f->entries[i];
        assert_int_equal(core_hooks_add(&f->hooks, &f->entries[i].hook), 0);
    }
    f->question.request =
        (struct core_request){.kind = CORE_REQUEST_SUBSCRIBE, .on_decided = on_decided};
}

static void ask(struct fixture *f)
{
    core_hooks_ask(&f->hooks, &f->question.request);
}

static void assert_decided(const struct fixture *f, bool is_allowed, const char *log)
{
    assert_int_equal(f->question.decisions, 1);
    assert_int_equal(f->question.is_allowed, is_allowed);
    assert_string_equal(f->log, log);
}

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
    core_answer(&f.question.request, CORE_PASS);
    assert_decided(&f, false, "abc");
}

static void a_later_answer_may_decide(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, CORE_LATER, CORE_DENY, CORE_DENY);
    ask(&f);
    core_answer(&f.question.request, CORE_ALLOW);
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
    core_answer(&f.question.request, CORE_ALLOW);
    assert_int_equal(f.question.decisions, 0);
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
    core_answer(&f.question.request, CORE_PASS);
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
    core_answer(&f.question.request, CORE_PASS);
    assert_decided(&f, true, "axbc");
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
    struct core_hook_ops renaming = ops;
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

/* ---- Slots and births ------------------------------------------------------------------------ */

struct member { /* stands for a peer */
    struct chain_member chain;
    max_align_t slots[8];
};

static void member_born(struct fixture *f, struct member *member)
{
    *member = (struct member){.chain = {.object = member}};
    assert_true(f->hooks.peer_bytes <= sizeof member->slots);
    member->chain.slots = (char *)member->slots;
    core_hooks_peer_born(&f->hooks, &member->chain);
}

static void slots_do_not_overlap(void **state)
{
    struct core_hook_ops small = ops, large = ops;
    struct core_hook a = {.ops = &small}, b = {.ops = &ops}, c = {.ops = &large};
    struct fixture f = {.clock.now_ns = 1};
    struct member member;
    struct entry self = entry_of(&f, 's', CORE_PASS);
    (void)state;
    a.self = b.self = c.self = &self;
    small.peer_slot_bytes = 3;
    large.peer_slot_bytes = 40;
    core_hooks_init(&f.hooks, &f.clock);
    assert_int_equal(core_hooks_add(&f.hooks, &a), 0);
    assert_int_equal(core_hooks_add(&f.hooks, &b), 0);
    assert_int_equal(core_hooks_add(&f.hooks, &c), 0);
    member_born(&f, &member);

    char *first = chain_peer_slot(&member.chain, &a), *last = chain_peer_slot(&member.chain, &c);
    assert_null(chain_peer_slot(&member.chain, &b));
    assert_true(last >= first + 3);
    assert_true(last + 40 <= (char *)member.slots + f.hooks.peer_bytes);
    assert_int_equal((uintptr_t)last % _Alignof(max_align_t), 0);
}

static void slots_of_removed_entries_are_used_again(void **state)
{
    struct core_hook_ops with_slots = ops;
    struct core_hook hooks[2] = {{.ops = &with_slots}, {.ops = &with_slots}};
    struct fixture f = {.clock.now_ns = 1};
    struct entry self = entry_of(&f, 's', CORE_PASS);
    (void)state;
    with_slots.peer_slot_bytes = with_slots.viewer_slot_bytes = 40;
    core_hooks_init(&f.hooks, &f.clock);
    for (int i = 0; i < 10; i++) { /* one of them is always there */
        struct core_hook *fresh = &hooks[i % 2];
        fresh->self = &self;
        assert_int_equal(core_hooks_add(&f.hooks, fresh), 0);
        if (i > 0)
            core_hooks_remove(&f.hooks, &hooks[(i + 1) % 2]);
    }
    assert_int_equal(f.hooks.peer_bytes, 40);
    assert_int_equal(f.hooks.viewer_bytes, 40);

    struct member member;
    member_born(&f, &member);
    core_hooks_remove(&f.hooks, &hooks[1]);
    assert_int_equal(f.hooks.peer_bytes, 0);
    assert_int_equal(f.hooks.viewer_bytes, 0);
}

static void slots_come_before_peers(void **state)
{
    struct core_hook_ops with_slot = ops;
    struct core_hook late = {.ops = &with_slot};
    struct fixture f;
    struct member member;
    (void)state;
    set_up(&f, CORE_PASS, CORE_PASS, CORE_PASS);
    member_born(&f, &member);
    with_slot.peer_slot_bytes = 8;
    assert_int_equal(core_hooks_add(&f.hooks, &late), MOQ_ERR_INVALID);
    core_hooks_peer_died(&f.hooks, &member.chain);
    assert_int_equal(core_hooks_add(&f.hooks, &late), 0);
}

static void births_and_deaths_come_in_pairs(void **state)
{
    struct core_hook_ops with_slot = ops;
    struct fixture f = {.clock.now_ns = 1};
    struct entry old = entry_of(&f, 'o', CORE_PASS), fresh = entry_of(&f, 'f', CORE_PASS);
    struct member before, after;
    (void)state;
    with_slot.peer_slot_bytes = 8;
    old.hook.ops = fresh.hook.ops = &with_slot;
    old.hook.self = &old;
    fresh.hook.self = &fresh;
    core_hooks_init(&f.hooks, &f.clock);
    core_hooks_add(&f.hooks, &old.hook);
    member_born(&f, &before);
    memset(chain_peer_slot(&before.chain, &old.hook), 7, 8);

    assert_int_equal(core_hooks_replace(&f.hooks, &old.hook, &fresh.hook), 0);
    assert_int_equal(old.died, 1);
    assert_int_equal(fresh.born, 1);
    const char *slot = chain_peer_slot(&before.chain, &fresh.hook);
    assert_int_equal(slot[0], 0);
    member_born(&f, &after);
    core_hooks_peer_died(&f.hooks, &before.chain);
    core_hooks_remove(&f.hooks, &fresh.hook);
    core_hooks_peer_died(&f.hooks, &after.chain);
    assert_int_equal(old.born, 1);
    assert_int_equal(old.died, 1);
    assert_int_equal(fresh.born, 2);
    assert_int_equal(fresh.died, 2);
}

/* An entry whose birth or death of one member ends another. */
static struct {
    struct core_hooks *hooks;
    struct chain_member *next;
} victim;

static void end_another(void *self, struct core_peer *peer)
{
    struct chain_member *next = victim.next;
    (void)peer;
    on_peer_died(self, NULL);
    victim.next = NULL;
    if (!next)
        return;
    core_hooks_peer_died(victim.hooks, next);
    memset(next, 0xff, sizeof *next); /* as freed memory */
}

static void members_may_end_while_all_are_told(void **state)
{
    struct core_hook_ops ending = ops;
    struct fixture f = {.clock.now_ns = 1};
    struct entry old = entry_of(&f, 'o', CORE_PASS), fresh = entry_of(&f, 'f', CORE_PASS);
    struct member members[3];
    (void)state;
    ending.peer_died = end_another;
    old.hook.ops = &ending;
    old.hook.self = &old;
    fresh.hook.ops = &ops;
    fresh.hook.self = &fresh;
    core_hooks_init(&f.hooks, &f.clock);
    core_hooks_add(&f.hooks, &old.hook);
    for (int i = 0; i < 3; i++)
        member_born(&f, &members[i]);
    victim.hooks = &f.hooks;
    victim.next = &members[1].chain;
    assert_int_equal(core_hooks_replace(&f.hooks, &old.hook, &fresh.hook), 0);
    assert_int_equal(old.died, 2);
    assert_int_equal(fresh.born, 2);
    core_hooks_peer_died(&f.hooks, &members[0].chain);
    core_hooks_peer_died(&f.hooks, &members[2].chain);
    assert_int_equal(fresh.died, 2);
}

static void an_entry_that_comes_late_hears_of_what_exists(void **state)
{
    struct fixture f;
    struct member member;
    (void)state;
    set_up(&f, CORE_PASS, CORE_PASS, CORE_PASS);
    member_born(&f, &member);
    struct entry late = entry_of(&f, 'l', CORE_PASS);
    late.hook.self = &late;
    assert_int_equal(core_hooks_add(&f.hooks, &late.hook), 0);
    core_hooks_peer_died(&f.hooks, &member.chain);
    assert_int_equal(late.born, 1);
    assert_int_equal(late.died, 1);
}

static void larger_slots_cannot_take_a_place(void **state)
{
    struct core_hook_ops with_slot = ops;
    struct fixture f;
    (void)state;
    set_up(&f, CORE_PASS, CORE_LATER, CORE_PASS);
    with_slot.viewer_slot_bytes = 1;
    struct entry fresh = entry_of(&f, 'x', CORE_DENY);
    fresh.hook.ops = &with_slot;
    ask(&f);
    assert_int_equal(core_hooks_replace(&f.hooks, &f.entries[1].hook, &fresh.hook), MOQ_ERR_BOUNDS);
    core_answer(&f.question.request, CORE_PASS); /* still held, by the old one */
    assert_decided(&f, true, "abc");
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
        cmocka_unit_test(a_reason_is_that_of_the_entry_that_denies),
        cmocka_unit_test(an_empty_chain_allows),
        cmocka_unit_test(a_fetch_is_asked_as_a_subscription_if_nobody_says_otherwise),
        cmocka_unit_test(a_fetch_is_told_from_a_subscription),
        cmocka_unit_test(an_entry_after_the_holder_may_be_removed),
        cmocka_unit_test(what_a_removed_entry_holds_goes_on_with_the_next),
        cmocka_unit_test(what_the_last_entry_holds_is_allowed_when_it_goes),
        cmocka_unit_test(a_fresh_entry_is_asked_what_the_old_one_held),
        cmocka_unit_test(a_fresh_entry_may_hold_it_again),
        cmocka_unit_test(what_a_replaced_entry_said_is_forgotten),
        cmocka_unit_test(slots_do_not_overlap),
        cmocka_unit_test(slots_of_removed_entries_are_used_again),
        cmocka_unit_test(slots_come_before_peers),
        cmocka_unit_test(births_and_deaths_come_in_pairs),
        cmocka_unit_test(members_may_end_while_all_are_told),
        cmocka_unit_test(an_entry_that_comes_late_hears_of_what_exists),
        cmocka_unit_test(larger_slots_cannot_take_a_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
