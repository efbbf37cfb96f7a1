/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Entries that give the answers that the test sets, and note what they are told.
 * Used by tests/unit/core/test_chain.c and tests/unit/core/test_members.c. */
#include "tests/unit/core/entries.h"

#include <string.h>

enum core_verdict on_ask(void *self, struct core_request *request)
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

void on_peer_died(void *self, struct core_peer *peer)
{
    struct entry *entry = self;
    (void)peer;
    entry->died++;
}

const struct core_hook_ops entry_ops = {
    .name = "entry",
    .session_open = on_ask,
    .announce = on_ask,
    .subscribe = on_ask,
    .withdrawn = on_withdrawn,
    .peer_born = on_peer_born,
    .peer_died = on_peer_died,
};

void on_decided(struct core_request *request, bool is_allowed)
{
    struct question *question = container_of(request, struct question, request);
    question->decisions++;
    question->is_allowed = is_allowed;
}

struct entry entry_of(struct fixture *f, char name, enum core_verdict verdict)
{
    return (struct entry){.hook.ops = &entry_ops, .verdict = verdict, .name = name, .log = f->log};
}

void set_up(struct fixture *f, enum core_verdict a, enum core_verdict b, enum core_verdict c)
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

void ask(struct fixture *f)
{
    core_hooks_ask(&f->hooks, &f->question.request);
}

int answer(struct fixture *f, enum core_verdict verdict)
{
    return core_answer(&f->hooks, core_request_number(&f->question.request), verdict);
}

void assert_decided(const struct fixture *f, bool is_allowed, const char *log)
{
    assert_int_equal(f->question.decisions, 1);
    assert_int_equal(f->question.is_allowed, is_allowed);
    assert_string_equal(f->log, log);
}
