/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What hook chains keep of entries: their slots in peers and viewers, what they have heard of the
 * births and deaths of, their names. */
#include "tests/unit/core/entries.h"

#include "server/core/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    struct core_hook_ops small = entry_ops, large = entry_ops;
    struct core_hook a = {.ops = &small}, b = {.ops = &entry_ops}, c = {.ops = &large};
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
    struct core_hook_ops with_slots = entry_ops;
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
    struct core_hook_ops with_slot = entry_ops;
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
    struct core_hook_ops with_slot = entry_ops;
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
    struct core_hook_ops ending = entry_ops;
    struct fixture f = {.clock.now_ns = 1};
    struct entry old = entry_of(&f, 'o', CORE_PASS), fresh = entry_of(&f, 'f', CORE_PASS);
    struct member members[3];
    (void)state;
    ending.peer_died = end_another;
    old.hook.ops = &ending;
    old.hook.self = &old;
    fresh.hook.ops = &entry_ops;
    fresh.hook.self = &fresh;
    core_hooks_init(&f.hooks, &f.clock);
    core_hooks_add(&f.hooks, &old.hook);
    for (int i = 0; i < 3; i++)
        member_born(&f, &members[i]);
    victim.hooks = &f.hooks;
    victim.next = &members[1].chain;
    assert_int_equal(core_hooks_replace(&f.hooks, &old.hook, &fresh.hook), 0);
    assert_int_equal(old.died, 3); /* the one that ended meanwhile too */
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
    struct core_hook_ops with_slot = entry_ops;
    struct fixture f;
    (void)state;
    set_up(&f, CORE_PASS, CORE_LATER, CORE_PASS);
    with_slot.viewer_slot_bytes = 1;
    struct entry fresh = entry_of(&f, 'x', CORE_DENY);
    fresh.hook.ops = &with_slot;
    ask(&f);
    assert_int_equal(core_hooks_replace(&f.hooks, &f.entries[1].hook, &fresh.hook), MOQ_ERR_BOUNDS);
    answer(&f, CORE_PASS); /* still held, by the old one */
    assert_decided(&f, true, "abc");
}

/* ---- Names and bounds ------------------------------------------------------------------------ */

/* A library that has left takes its strings with it. */
static void names_are_core_s_own(void **state)
{
    static const char full[] = "a name that is longer than what is kept of it";
    struct policy_inputs inputs = {.max = {.latency_ns = NS_PER_S}};
    struct core_policy_reasons why;
    struct fixture f;
    (void)state;
    set_up(&f, CORE_PASS, CORE_PASS, CORE_PASS);
    char *name = strdup(full);
    struct core_hook_ops *leaving = malloc(sizeof *leaving);
    struct entry *entry = malloc(sizeof *entry);
    const struct core_override wants = {.set = CORE_SET_ALL};
    *leaving = entry_ops;
    leaving->name = name;
    *entry = entry_of(&f, 'l', CORE_PASS);
    entry->hook = (struct core_hook){.ops = leaving, .self = entry};
    entry->wants = &wants;
    assert_int_equal(core_hooks_add(&f.hooks, &entry->hook), 0);
    ask(&f);
    assert_int_equal(core_hooks_remove(&f.hooks, &entry->hook), 0);
    free(entry);
    free(leaving);
    free(name);

    inputs.override = f.question.request.override;
    policy_decide(&inputs, &why);
    assert_int_equal(strlen(why.priority.hook), CORE_HOOK_NAME_BYTES - 1);
    assert_memory_equal(why.priority.hook, full, CORE_HOOK_NAME_BYTES - 1);
    assert_ptr_equal(why.latency.hook, why.order.hook);
}

/* As reloads make them. */
static void names_are_kept_once_and_are_bounded(void **state)
{
    char name[16];
    struct core_hook_ops named = {.name = name};
    struct core_hook hooks[2] = {{.ops = &named}, {.ops = &named}};
    struct fixture f;
    (void)state;
    set_up(&f, CORE_PASS, CORE_PASS, CORE_PASS); /* all three have one name */
    for (int i = 0; i < CORE_HOOK_NAMES_MAX - 1; i++) {
        snprintf(name, sizeof name, "name %d", i);
        assert_int_equal(core_hooks_add(&f.hooks, &hooks[0]), 0);
        assert_int_equal(core_hooks_replace(&f.hooks, &hooks[0], &hooks[1]), 0);
        assert_int_equal(core_hooks_remove(&f.hooks, &hooks[1]), 0);
    }
    snprintf(name, sizeof name, "one too many");
    assert_int_equal(core_hooks_add(&f.hooks, &hooks[0]), MOQ_ERR_BOUNDS);
    assert_int_equal(core_hooks_replace(&f.hooks, &f.entries[0].hook, &hooks[0]), MOQ_ERR_BOUNDS);
    ask(&f);
    assert_decided(&f, true, "abc");
}

static void entries_are_bounded(void **state)
{
    struct core_hook hooks[CORE_HOOKS_MAX + 1];
    struct fixture f = {.clock.now_ns = 1};
    struct entry self = entry_of(&f, 's', CORE_PASS);
    (void)state;
    core_hooks_init(&f.hooks, &f.clock);
    for (int i = 0; i <= CORE_HOOKS_MAX; i++) {
        hooks[i] = (struct core_hook){.ops = &entry_ops, .self = &self};
        int error = core_hooks_add(&f.hooks, &hooks[i]);
        assert_int_equal(error, i == CORE_HOOKS_MAX ? MOQ_ERR_BOUNDS : 0);
    }
    core_hooks_remove(&f.hooks, &hooks[7]);
    assert_int_equal(core_hooks_add(&f.hooks, &hooks[CORE_HOOKS_MAX]), 0);
}

/* An entry that asks the chain about another peer as soon as it hears of the first one. */
struct hasty {
    struct core_hook hook;
    struct core_hooks *hooks;
    struct core_request request;
    const struct core_peer *known[2];
    int count, asked;
};

static void on_hasty_born(void *self, struct core_peer *peer)
{
    struct hasty *hasty = self;
    assert_true(hasty->count < 2);
    hasty->known[hasty->count++] = peer;
    if (hasty->count == 1)
        core_hooks_ask(hasty->hooks, &hasty->request);
}

static enum core_verdict on_hasty_announce(void *self, struct core_request *request)
{
    struct hasty *hasty = self;
    hasty->asked++;
    assert_int_equal(hasty->count, 2);
    assert_ptr_equal(hasty->known[1], core_request_peer(request));
    return CORE_PASS;
}

static void on_hasty_decided(struct core_request *request, bool is_allowed)
{
    (void)request;
    assert_true(is_allowed);
}

static void an_entry_knows_a_peer_before_it_is_asked_about_it(void **state)
{
    static const struct core_hook_ops ops = {.peer_born = on_hasty_born,
                                             .announce = on_hasty_announce};
    struct moq_clock clock = {1};
    struct core_hooks hooks;
    struct core_peer peers[2] = {{.number = 1}, {.number = 2}};
    struct hasty hasty = {.hook.ops = &ops, .hooks = &hooks};
    (void)state;
    core_hooks_init(&hooks, &clock);
    for (int i = 0; i < 2; i++) {
        peers[i].member.object = &peers[i];
        core_hooks_peer_born(&hooks, &peers[i].member);
    }
    hasty.hook.self = &hasty;
    hasty.request = (struct core_request){
        .kind = CORE_REQUEST_ANNOUNCE, .peer = &peers[1], .on_decided = on_hasty_decided};
    assert_int_equal(core_hooks_add(&hooks, &hasty.hook), 0);
    assert_int_equal(hasty.asked, 1);
    assert_int_equal(hasty.count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_core_s_own),
        cmocka_unit_test(names_are_kept_once_and_are_bounded),
        cmocka_unit_test(entries_are_bounded),
        cmocka_unit_test(slots_do_not_overlap),
        cmocka_unit_test(slots_of_removed_entries_are_used_again),
        cmocka_unit_test(slots_come_before_peers),
        cmocka_unit_test(births_and_deaths_come_in_pairs),
        cmocka_unit_test(members_may_end_while_all_are_told),
        cmocka_unit_test(an_entry_that_comes_late_hears_of_what_exists),
        cmocka_unit_test(larger_slots_cannot_take_a_place),
        cmocka_unit_test(an_entry_knows_a_peer_before_it_is_asked_about_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
