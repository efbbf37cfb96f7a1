/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Runs hook chains, at once or in pieces: an entry that answers LATER holds the request until
 * core_answer. */
#include "server/core/chain.h"

#include <string.h>

#include "base/check.h"

/* Slots begin where anything may be stored. */
enum { SLOT_ALIGNMENT = 16 };

void core_hooks_init(struct core_hooks *hooks, const struct moq_clock *clock)
{
    *hooks = (struct core_hooks){.clock = clock};
    list_init(&hooks->chain);
    list_init(&hooks->held);
    list_init(&hooks->peers);
    list_init(&hooks->viewers);
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

/* What an entry says of a request that it holds may be forgotten with the entry. */
static void note_before(struct core_request *request)
{
    moq_path_unref(&request->path_before);
    request->path_before = request->path ? moq_path_ref(request->path) : NULL;
    request->override_before = request->override;
}

static void forget_what_was_said(struct core_request *request)
{
    moq_path_unref(&request->path);
    request->path = request->path_before;
    request->path_before = NULL;
    request->override = request->override_before;
}

static void decide_request(struct core_request *request, bool is_allowed)
{
    moq_path_unref(&request->path_before);
    request->on_decided(request, is_allowed);
}

static void hold_request(struct core_request *request)
{
    request->is_held = true;
    request->deadline_ns = request->hooks->clock->now_ns + CORE_ANSWER_TIMEOUT_NS;
    list_push_back(&request->hooks->held, &request->node);
}

static void let_go_of_request(struct core_request *request)
{
    request->is_held = false;
    list_remove(&request->node);
}

/* Asks the entry at `node` and those after it, until one of them decides or holds the request. */
static void ask_from(struct core_request *request, struct list *node)
{
    for (; node != &request->hooks->chain; node = node->next) {
        request->current = container_of(node, struct core_hook, node);
        request->held_user = NULL;
        request->reason[0] = '\0';
        note_before(request);
        enum core_verdict verdict = ask_entry(request->current, request);
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
    ask_from(request, hooks->chain.next);
}

void core_answer(struct core_request *request, enum core_verdict verdict)
{
    if (!EXPECT(request->is_held && verdict != CORE_LATER))
        return;
    let_go_of_request(request);
    if (verdict == CORE_PASS)
        ask_from(request, request->current->node.next);
    else
        decide_request(request, verdict == CORE_ALLOW);
}

static void tell_withdrawn(struct core_request *request)
{
    const struct core_hook *holder = request->current;
    if (holder && holder->ops->withdrawn)
        holder->ops->withdrawn(holder->self, request);
}

void core_hooks_withdraw(struct core_request *request)
{
    if (!request->is_held)
        return;
    let_go_of_request(request);
    tell_withdrawn(request);
    moq_path_unref(&request->path_before);
}

uint64_t core_hooks_tick(struct core_hooks *hooks)
{
    while (!list_is_empty(&hooks->held)) {
        struct core_request *request = container_of(hooks->held.next, struct core_request, node);
        if (request->deadline_ns > hooks->clock->now_ns)
            return request->deadline_ns;
        core_request_set_reason(request, "no hook answered in time");
        core_hooks_withdraw(request);
        request->on_decided(request, false);
    }
    return CLOCK_NEVER;
}

/* ---- Slots ----------------------------------------------------------------------------------- */

/* Where a slot of `bytes` begins in a row of slots; the row grows by it. */
static size_t place_slot(size_t *row_bytes, size_t bytes)
{
    size_t offset = (*row_bytes + SLOT_ALIGNMENT - 1) / SLOT_ALIGNMENT * SLOT_ALIGNMENT;
    if (bytes == 0)
        return *row_bytes;
    *row_bytes = offset + bytes;
    return offset;
}

void *chain_peer_slot(const struct chain_member *peer, const struct core_hook *hook)
{
    return hook->peer_bytes > 0 ? peer->slots + hook->peer_offset : NULL;
}

void *chain_viewer_slot(const struct chain_member *viewer, const struct core_hook *hook)
{
    return hook->viewer_bytes > 0 ? viewer->slots + hook->viewer_offset : NULL;
}

/* ---- Births and deaths ----------------------------------------------------------------------- */

static void tell_peer_born(const struct core_hook *hook, const struct chain_member *peer)
{
    if (hook->ops->peer_born)
        hook->ops->peer_born(hook->self, peer->object);
}

static void tell_peer_died(const struct core_hook *hook, const struct chain_member *peer)
{
    if (hook->ops->peer_died)
        hook->ops->peer_died(hook->self, peer->object);
}

static void tell_viewer_born(const struct core_hook *hook, const struct chain_member *viewer)
{
    if (hook->ops->viewer_born)
        hook->ops->viewer_born(hook->self, viewer->object);
}

static void tell_viewer_died(const struct core_hook *hook, const struct chain_member *viewer)
{
    if (hook->ops->viewer_died)
        hook->ops->viewer_died(hook->self, viewer->object);
}

#define for_each_entry(hook, hooks)                                                                \
    list_for_each (node_, &(hooks)->chain)                                                         \
        for (struct core_hook *hook = container_of(node_, struct core_hook, node); hook;           \
             hook = NULL)

void core_hooks_peer_born(struct core_hooks *hooks, struct chain_member *peer)
{
    list_push_back(&hooks->peers, &peer->node);
    for_each_entry(hook, hooks) tell_peer_born(hook, peer);
}

void core_hooks_peer_died(struct core_hooks *hooks, struct chain_member *peer)
{
    list_remove(&peer->node);
    for_each_entry(hook, hooks) tell_peer_died(hook, peer);
}

void core_hooks_viewer_born(struct core_hooks *hooks, struct chain_member *viewer)
{
    list_push_back(&hooks->viewers, &viewer->node);
    for_each_entry(hook, hooks) tell_viewer_born(hook, viewer);
}

void core_hooks_viewer_died(struct core_hooks *hooks, struct chain_member *viewer)
{
    if (hooks->sampled == viewer->object)
        hooks->sampled = NULL;
    list_remove(&viewer->node);
    for_each_entry(hook, hooks) tell_viewer_died(hook, viewer);
}

/* ---- What happens ---------------------------------------------------------------------------- */

bool core_hooks_want_samples(const struct core_hooks *hooks)
{
    for_each_entry(hook, hooks) if (hook->ops->viewer_sample) return true;
    return false;
}

/* An entry may close the viewer: then there is nothing to show to those after it. */
void core_hooks_viewer_sample(struct core_hooks *hooks, struct core_viewer *viewer)
{
    hooks->sampled = viewer;
    for_each_entry(hook, hooks) if (hooks->sampled && hook->ops->viewer_sample)
        hook->ops->viewer_sample(hook->self, viewer);
    hooks->sampled = NULL;
}

void core_hooks_track(struct core_hooks *hooks, const struct moq_path *path, bool is_live)
{
    for_each_entry(hook, hooks)
    {
        void (*tell)(void *, const struct moq_path *) =
            is_live ? hook->ops->track_live : hook->ops->track_idle;
        if (tell)
            tell(hook->self, path);
    }
}

void core_hooks_event(struct core_hooks *hooks, const char *name, const struct moq_path *path)
{
    for_each_entry(hook, hooks) if (hook->ops->event) hook->ops->event(hook->self, name, path);
}

/* ---- Changing the chain ---------------------------------------------------------------------- */

/* Takes what the entry holds from it, and what it said of it: those requests are as it got them.
 * They still count as held, by nobody, so that they can be withdrawn. As it is told of each, the
 * entry may answer others of them. */
static void take_held(struct core_hooks *hooks, const struct core_hook *hook, struct list *taken)
{
    struct list its;
    list_init(taken);
    list_init(&its);
    list_for_each_safe (node, &hooks->held) {
        if (container_of(node, struct core_request, node)->current != hook)
            continue;
        list_remove(node);
        list_push_back(&its, node);
    }
    for (struct list *node; (node = list_pop_front(&its));) {
        struct core_request *request = container_of(node, struct core_request, node);
        list_push_back(taken, node);
        tell_withdrawn(request);
        request->current = NULL;
        forget_what_was_said(request);
    }
}

/* A decision may withdraw others of them, so each is taken from the front. */
static void ask_taken(struct list *taken, struct list *node)
{
    while (!list_is_empty(taken)) {
        struct core_request *request = container_of(taken->next, struct core_request, node);
        let_go_of_request(request);
        ask_from(request, node);
    }
}

static void clear_slot(void *slot, size_t bytes)
{
    if (slot)
        memset(slot, 0, bytes);
}

/* Tells an entry of every member. What it does may end any of them, so each is taken to its new
 * place before it is told of. */
static void tell_each(struct list *members, const struct core_hook *hook,
                      void (*tell)(const struct core_hook *hook, const struct chain_member *member))
{
    struct list todo;
    list_init(&todo);
    list_move_all(members, &todo);
    for (struct list *node; (node = list_pop_front(&todo));) {
        list_push_back(members, node);
        tell(hook, container_of(node, struct chain_member, node));
    }
}

static void tell_all_died(struct core_hooks *hooks, const struct core_hook *hook)
{
    tell_each(&hooks->viewers, hook, tell_viewer_died);
    tell_each(&hooks->peers, hook, tell_peer_died);
}

static void clear_slots(struct core_hooks *hooks, const struct core_hook *hook)
{
    list_for_each (node, &hooks->viewers)
        clear_slot(chain_viewer_slot(container_of(node, struct chain_member, node), hook),
                   hook->viewer_bytes);
    list_for_each (node, &hooks->peers)
        clear_slot(chain_peer_slot(container_of(node, struct chain_member, node), hook),
                   hook->peer_bytes);
}

static void tell_all_born(struct core_hooks *hooks, const struct core_hook *hook)
{
    tell_each(&hooks->peers, hook, tell_peer_born);
    tell_each(&hooks->viewers, hook, tell_viewer_born);
}

static void place_slots(struct core_hooks *hooks, struct core_hook *hook)
{
    hook->peer_offset = place_slot(&hooks->peer_bytes, hook->peer_bytes);
    hook->viewer_offset = place_slot(&hooks->viewer_bytes, hook->viewer_bytes);
}

static void keep_slot(size_t *row_bytes, size_t offset, size_t bytes)
{
    if (bytes > 0 && offset + bytes > *row_bytes)
        *row_bytes = offset + bytes;
}

static void keep_slots(struct core_hooks *hooks, struct core_hook *hook)
{
    keep_slot(&hooks->peer_bytes, hook->peer_offset, hook->peer_bytes);
    keep_slot(&hooks->viewer_bytes, hook->viewer_offset, hook->viewer_bytes);
}

/* Rows are as long as the entries need. Slots move only while nobody has any. */
static void shorten_rows(struct core_hooks *hooks)
{
    bool may_move = list_is_empty(&hooks->peers);
    hooks->peer_bytes = hooks->viewer_bytes = 0;
    for_each_entry(hook, hooks)
    {
        if (may_move)
            place_slots(hooks, hook);
        else
            keep_slots(hooks, hook);
    }
}

int core_hooks_add(struct core_hooks *hooks, struct core_hook *hook)
{
    bool has_slots = hook->ops->peer_slot_bytes > 0 || hook->ops->viewer_slot_bytes > 0;
    if (has_slots && !list_is_empty(&hooks->peers))
        return MOQ_ERR_INVALID;
    hook->peer_bytes = hook->ops->peer_slot_bytes;
    hook->viewer_bytes = hook->ops->viewer_slot_bytes;
    shorten_rows(hooks);
    place_slots(hooks, hook);
    list_push_back(&hooks->chain, &hook->node);
    tell_all_born(hooks, hook);
    return 0;
}

void core_hooks_remove(struct core_hooks *hooks, struct core_hook *hook)
{
    struct list taken, *next = hook->node.next;
    take_held(hooks, hook, &taken);
    list_remove(&hook->node);
    tell_all_died(hooks, hook);
    shorten_rows(hooks);
    ask_taken(&taken, next);
}

int core_hooks_replace(struct core_hooks *hooks, struct core_hook *old, struct core_hook *fresh)
{
    struct list taken, *next = old->node.next;
    if (fresh->ops->peer_slot_bytes > old->peer_bytes ||
        fresh->ops->viewer_slot_bytes > old->viewer_bytes)
        return MOQ_ERR_BOUNDS;
    take_held(hooks, old, &taken);
    list_remove(&old->node);
    tell_all_died(hooks, old);
    fresh->peer_offset = old->peer_offset;
    fresh->peer_bytes = old->peer_bytes;
    fresh->viewer_offset = old->viewer_offset;
    fresh->viewer_bytes = old->viewer_bytes;
    clear_slots(hooks, fresh);
    list_insert_between(&fresh->node, next->prev, next);
    tell_all_born(hooks, fresh);
    ask_taken(&taken, &fresh->node);
    return 0;
}
