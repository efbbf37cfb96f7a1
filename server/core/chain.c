/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Runs hook chains, at once or in pieces: an entry that answers LATER holds the request until
 * core_answer.
 *
 * Anything may happen while an entry is called: viewers die, other requests are decided, entries
 * are called again. So the code that then continues along the chain checks whether its subject
 * still exists (struct chain_pass). The chain itself cannot change meanwhile. */
#include "server/core/chain.h"

#include <stdio.h>
#include <string.h>

void core_hooks_init(struct core_hooks *hooks, const struct moq_clock *clock)
{
    *hooks = (struct core_hooks){.clock = clock};
    list_init(&hooks->chain);
    list_init(&hooks->held);
    list_init(&hooks->peers);
    list_init(&hooks->viewers);
    list_init(&hooks->tracks);
    for (size_t i = 0; i < CHAIN_NUMBER_LISTS; i++)
        list_init(&hooks->by_number[i]);
}

/* ---- Asking ---------------------------------------------------------------------------------- */

static enum core_verdict ask_entry(const struct core_hook *hook, struct core_request *request)
{
    const struct core_hook_ops *ops = hook->ops;
    enum core_verdict (*ask)(void *, struct core_request *) = NULL;
    switch (request->kind) {
    case CORE_REQUEST_SESSION:
        ask = ops->session_open;
        break;
    case CORE_REQUEST_ANNOUNCE:
        ask = ops->announce;
        break;
    case CORE_REQUEST_SUBSCRIBE:
        ask = ops->subscribe;
        break;
    case CORE_REQUEST_FETCH:
        ask = ops->fetch ? ops->fetch : ops->subscribe;
        break;
    case CORE_REQUEST_INFO:
        ask = ops->info ? ops->info : ops->subscribe;
        break;
    }
    return ask ? ask(hook->self, request) : CORE_PASS;
}

static void decide_request(struct core_request *request, bool is_allowed)
{
    request_forget_notes(request);
    if (is_allowed && request->grants_error)
        request_blame_grants(request);
    request->on_decided(request, is_allowed && !request->grants_error);
}

static void hold_request(struct core_request *request)
{
    struct core_hooks *hooks = request->hooks;
    request->is_held = true;
    request->deadline_ns = hooks->clock->now_ns + CORE_ANSWER_TIMEOUT_NS;
    list_push_back(&hooks->held, &request->node);
    list_push_back(&hooks->by_number[request->number % CHAIN_NUMBER_LISTS], &request->number_node);
}

static void let_go_of_request(struct core_request *request)
{
    request->is_held = false;
    list_remove(&request->node);
    list_remove(&request->number_node);
}

/* It counts as held, by no entry, so that it can be withdrawn. */
static void take_request(struct core_request *request)
{
    request->current = NULL;
    request->is_held = true;
    list_push_back(&request->hooks->taken, &request->node);
}

/* Asks the entry at `node` and those after it, until one of them decides or holds the request. */
static void ask_from(struct core_request *request, struct list *node)
{
    struct core_hooks *hooks = request->hooks;
    for (; node != &hooks->chain; node = node->next) {
        struct chain_pass pass;
        if (node == &hooks->vacancy.node) {
            take_request(request);
            return;
        }
        request->current = container_of(node, struct core_hook, node);
        request->number = ++hooks->last_number;
        request->held_user = NULL;
        core_request_set_denial(request, CORE_DENIAL_REFUSED, NULL);
        request_note(request);
        chain_begin(hooks, &pass, request);
        chain_introduce(request);
        enum core_verdict verdict = pass.about ? ask_entry(request->current, request) : CORE_PASS;
        chain_end(hooks, &pass);
        if (!pass.about)
            return;
        if (verdict == CORE_LATER) {
            hold_request(request);
            return;
        }
        if (verdict != CORE_PASS) {
            decide_request(request, verdict == CORE_ALLOW);
            return;
        }
    }
    request->current = NULL;
    decide_request(request, true);
}

void core_hooks_ask(struct core_hooks *hooks, struct core_request *request)
{
    request->hooks = hooks;
    request->is_held = false;
    list_init(&request->node);
    list_init(&request->number_node);
    ask_from(request, hooks->chain.next);
}

struct core_request *core_request_held(const struct core_hooks *hooks, uint64_t number)
{
    list_for_each (node, &hooks->by_number[number % CHAIN_NUMBER_LISTS]) {
        struct core_request *request = container_of(node, struct core_request, number_node);
        if (request->number == number)
            return request;
    }
    return NULL;
}

bool core_request_is_open(const struct core_hooks *hooks, const struct core_request *request,
                          uint64_t number)
{
    for (const struct chain_pass *pass = hooks->passes; pass; pass = pass->outer)
        if (pass->about == request && request->number == number)
            return true;
    return core_request_held(hooks, number) == request;
}

/* An entry that is leaving has no place in the chain any more. */
static struct list *next_after(struct core_hooks *hooks, const struct core_hook *hook)
{
    return hook == hooks->leaving ? hooks->vacancy.node.next : hook->node.next;
}

int core_answer(struct core_hooks *hooks, uint64_t number, enum core_verdict verdict)
{
    struct core_request *request = core_request_held(hooks, number);
    if (!request)
        return MOQ_ERR_NOT_FOUND;
    if (verdict != CORE_PASS && verdict != CORE_ALLOW && verdict != CORE_DENY)
        return MOQ_ERR_INVALID;
    let_go_of_request(request);
    if (verdict == CORE_PASS)
        ask_from(request, next_after(hooks, request->current));
    else
        decide_request(request, verdict == CORE_ALLOW);
    return 0;
}

/* Tells the entry that holds the request. Returns false if the request is gone afterwards. */
static bool tell_withdrawn(struct core_request *request)
{
    struct core_hooks *hooks = request->hooks;
    const struct core_hook *holder = request->current;
    struct chain_pass pass;
    request->current = NULL; /* it is told once, whatever it does now */
    chain_begin(hooks, &pass, request);
    if (holder && holder->ops->withdrawn)
        holder->ops->withdrawn(holder->self, request);
    chain_end(hooks, &pass);
    return pass.about != NULL;
}

/* Returns false if the request is gone afterwards. */
static bool withdraw_held(struct core_request *request)
{
    chain_forget(request->hooks, request);
    let_go_of_request(request);
    if (!tell_withdrawn(request))
        return false;
    request_forget_notes(request);
    return true;
}

void core_hooks_withdraw(struct core_request *request)
{
    if (!request->hooks)
        return;
    if (request->is_held) {
        withdraw_held(request);
        return;
    }
    chain_forget(request->hooks, request);
    request_forget_notes(request);
}

uint64_t core_hooks_tick(struct core_hooks *hooks)
{
    while (!list_is_empty(&hooks->held)) {
        struct core_request *request = container_of(hooks->held.next, struct core_request, node);
        if (request->deadline_ns > hooks->clock->now_ns)
            return request->deadline_ns;
        core_request_set_denial(request, CORE_DENIAL_REFUSED, "no hook answered in time");
        if (withdraw_held(request))
            request->on_decided(request, false);
    }
    return CLOCK_NEVER;
}

/* ---- Changing the chain ---------------------------------------------------------------------- */

/* Takes the entry out of the chain. What it does when it is told of that may lead to requests: the
 * entries before it are asked about those, and the others when it has left. */
static void vacate_place(struct core_hooks *hooks, struct core_hook *hook)
{
    static const struct core_hook_ops no_ops;
    hooks->vacancy = (struct core_hook){.ops = &no_ops};
    list_insert_between(&hooks->vacancy.node, &hook->node, hook->node.next);
    list_remove(&hook->node);
    list_init(&hooks->taken);
    hooks->leaving = hook;
}

/* Returns the entry after it. */
static struct list *close_vacancy(struct core_hooks *hooks)
{
    struct list *next = hooks->vacancy.node.next;
    list_remove(&hooks->vacancy.node);
    return next;
}

/* Takes the requests that the entry holds from it, and undoes what it set in them. While the entry
 * is told of one of them, it may answer others. */
static void take_held(struct core_hooks *hooks, const struct core_hook *hook)
{
    struct list its;
    list_init(&its);
    list_for_each_safe (node, &hooks->held) {
        if (container_of(node, struct core_request, node)->current != hook)
            continue;
        list_remove(node);
        list_push_back(&its, node);
    }
    for (struct list *node; (node = list_pop_front(&its));) {
        struct core_request *request = container_of(node, struct core_request, node);
        list_push_back(&hooks->taken, node);
        list_remove(&request->number_node);
        if (!tell_withdrawn(request))
            continue;
        request_undo(request);
    }
}

/* Asks the entry at `node` and those after it about each request that was taken. A decision may
 * withdraw others of them, so each is taken from the front. */
static void ask_taken(struct core_hooks *hooks, struct list *node)
{
    while (!list_is_empty(&hooks->taken)) {
        struct core_request *request = container_of(hooks->taken.next, struct core_request, node);
        let_go_of_request(request);
        ask_from(request, node);
    }
}

/* Core's own copy of a name, because what an entry has set outlives the entry and the library that
 * it came in. NULL: there are too many names. */
static const char *keep_name(struct core_hooks *hooks, const char *name)
{
    char text[CORE_HOOK_NAME_BYTES];
    snprintf(text, sizeof text, "%s", name ? name : "");
    for (uint32_t i = 0; i < hooks->name_count; i++)
        if (strcmp(hooks->names[i], text) == 0)
            return hooks->names[i];
    if (hooks->name_count == CORE_HOOK_NAMES_MAX)
        return NULL;
    return memcpy(hooks->names[hooks->name_count++], text, sizeof text);
}

int core_hooks_add(struct core_hooks *hooks, struct core_hook *hook)
{
    bool has_slots = hook->ops->peer_slot_bytes > 0 || hook->ops->viewer_slot_bytes > 0;
    struct chain_pass pass;
    if (hooks->passes)
        return MOQ_ERR_AGAIN;
    if (has_slots && !list_is_empty(&hooks->peers))
        return MOQ_ERR_INVALID;
    hook->bit = ~hooks->bits & (hooks->bits + 1); /* the lowest free bit; 0: none */
    hook->name = hook->bit ? keep_name(hooks, hook->ops->name) : NULL;
    if (!hook->name)
        return MOQ_ERR_BOUNDS;
    hook->peer_bytes = hook->ops->peer_slot_bytes;
    hook->viewer_bytes = hook->ops->viewer_slot_bytes;
    chain_shorten_rows(hooks);
    chain_place_slots(hooks, hook);
    chain_begin(hooks, &pass, NULL);
    chain_enter(hooks, hook, &hooks->chain);
    chain_end(hooks, &pass);
    return 0;
}

int core_hooks_remove(struct core_hooks *hooks, struct core_hook *hook)
{
    struct chain_pass pass;
    if (hooks->passes)
        return MOQ_ERR_AGAIN;
    chain_begin(hooks, &pass, NULL);
    vacate_place(hooks, hook);
    take_held(hooks, hook);
    chain_leave(hooks, hook);
    struct list *next = close_vacancy(hooks);
    chain_shorten_rows(hooks);
    ask_taken(hooks, next);
    chain_end(hooks, &pass);
    return 0;
}

int core_hooks_replace(struct core_hooks *hooks, struct core_hook *old, struct core_hook *fresh)
{
    struct chain_pass pass;
    if (hooks->passes)
        return MOQ_ERR_AGAIN;
    if (fresh->ops->peer_slot_bytes > old->peer_bytes ||
        fresh->ops->viewer_slot_bytes > old->viewer_bytes)
        return MOQ_ERR_BOUNDS;
    fresh->name = keep_name(hooks, fresh->ops->name);
    if (!fresh->name)
        return MOQ_ERR_BOUNDS;
    fresh->bit = old->bit;
    fresh->peer_offset = old->peer_offset;
    fresh->peer_bytes = old->peer_bytes;
    fresh->viewer_offset = old->viewer_offset;
    fresh->viewer_bytes = old->viewer_bytes;
    chain_begin(hooks, &pass, NULL);
    vacate_place(hooks, old);
    take_held(hooks, old);
    chain_leave(hooks, old);
    chain_clear_slots(hooks, fresh);
    chain_enter(hooks, fresh, close_vacancy(hooks));
    ask_taken(hooks, &fresh->node);
    chain_end(hooks, &pass);
    return 0;
}
