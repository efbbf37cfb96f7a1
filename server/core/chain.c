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

#include "base/check.h"

/* A slot may hold any type, so it is aligned as by malloc. */
enum { SLOT_ALIGNMENT = 16 };

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

/* ---- Passes ---------------------------------------------------------------------------------- */

static void begin_pass(struct core_hooks *hooks, struct chain_pass *pass, const void *about)
{
    *pass = (struct chain_pass){hooks->passes, about};
    hooks->passes = pass;
}

static void end_pass(struct core_hooks *hooks, const struct chain_pass *pass)
{
    hooks->passes = pass->outer;
}

/* `about` is gone: ends the passes that are about it. */
static void forget_in_passes(const struct core_hooks *hooks, const void *about)
{
    for (struct chain_pass *pass = hooks->passes; pass; pass = pass->outer)
        if (pass->about == about)
            pass->about = NULL;
}

#define for_each_entry(hook, hooks)                                                                \
    list_for_each (node_, &(hooks)->chain)                                                         \
        for (struct core_hook *hook = container_of(node_, struct core_hook, node); hook;           \
             hook = NULL)

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

/* Asks the entry at `node` and those after it, until one of them decides or holds the request. */
static void ask_from(struct core_request *request, struct list *node)
{
    struct core_hooks *hooks = request->hooks;
    for (; node != &hooks->chain; node = node->next) {
        struct chain_pass pass;
        request->current = container_of(node, struct core_hook, node);
        request->number = ++hooks->last_number;
        request->held_user = NULL;
        core_request_set_denial(request, CORE_DENIAL_REFUSED, NULL);
        request_note(request);
        begin_pass(hooks, &pass, request);
        enum core_verdict verdict = ask_entry(request->current, request);
        end_pass(hooks, &pass);
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

int core_answer(struct core_hooks *hooks, uint64_t number, enum core_verdict verdict)
{
    struct core_request *request = core_request_held(hooks, number);
    if (!request)
        return MOQ_ERR_NOT_FOUND;
    if (verdict != CORE_PASS && verdict != CORE_ALLOW && verdict != CORE_DENY)
        return MOQ_ERR_INVALID;
    let_go_of_request(request);
    if (verdict == CORE_PASS)
        ask_from(request, request->current->node.next);
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
    begin_pass(hooks, &pass, request);
    if (holder && holder->ops->withdrawn)
        holder->ops->withdrawn(holder->self, request);
    end_pass(hooks, &pass);
    return pass.about != NULL;
}

/* Returns false if the request is gone afterwards. */
static bool withdraw_held(struct core_request *request)
{
    forget_in_passes(request->hooks, request);
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
    forget_in_passes(request->hooks, request);
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

/* ---- Slots ----------------------------------------------------------------------------------- */

/* Adds a slot of `bytes` to a row of slots. Returns the slot's offset in the row. */
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

struct member_kind { /* how entries are told of peers, viewers or live tracks */
    void (*born)(const struct core_hook *hook, void *object);
    void (*died)(const struct core_hook *hook, void *object);
};

static void call_peer_born(const struct core_hook *hook, void *object)
{
    if (hook->ops->peer_born)
        hook->ops->peer_born(hook->self, object);
}

static void call_peer_died(const struct core_hook *hook, void *object)
{
    if (hook->ops->peer_died)
        hook->ops->peer_died(hook->self, object);
}

static void call_viewer_born(const struct core_hook *hook, void *object)
{
    if (hook->ops->viewer_born)
        hook->ops->viewer_born(hook->self, object);
}

static void call_viewer_died(const struct core_hook *hook, void *object)
{
    if (hook->ops->viewer_died)
        hook->ops->viewer_died(hook->self, object);
}

static void call_track_live(const struct core_hook *hook, void *object)
{
    if (hook->ops->track_live)
        hook->ops->track_live(hook->self, object);
}

static void call_track_idle(const struct core_hook *hook, void *object)
{
    if (hook->ops->track_idle)
        hook->ops->track_idle(hook->self, object);
}

static const struct member_kind peer_kind = {call_peer_born, call_peer_died};
static const struct member_kind viewer_kind = {call_viewer_born, call_viewer_died};
static const struct member_kind track_kind = {call_track_live, call_track_idle};

static void tell_born(const struct member_kind *kind, const struct core_hook *hook,
                      struct chain_member *member)
{
    if (member->told & hook->bit)
        return;
    member->told |= hook->bit;
    kind->born(hook, member->object);
}

static void tell_died(const struct member_kind *kind, const struct core_hook *hook,
                      struct chain_member *member)
{
    if (!(member->told & hook->bit))
        return;
    member->told &= ~hook->bit;
    kind->died(hook, member->object);
}

/* If the member dies while an entry is told of its birth, the entries after that one are not
 * told. */
static void tell_all_born(struct core_hooks *hooks, const struct member_kind *kind,
                          struct chain_member *member)
{
    struct chain_pass pass;
    begin_pass(hooks, &pass, member);
    for_each_entry(hook, hooks) if (pass.about) tell_born(kind, hook, member);
    end_pass(hooks, &pass);
}

static void tell_all_died(struct core_hooks *hooks, const struct member_kind *kind,
                          struct chain_member *member)
{
    struct chain_pass pass;
    forget_in_passes(hooks, member);
    begin_pass(hooks, &pass, NULL);
    for_each_entry(hook, hooks) tell_died(kind, hook, member);
    if (hooks->leaving)
        tell_died(kind, hooks->leaving, member);
    end_pass(hooks, &pass);
}

void core_hooks_peer_born(struct core_hooks *hooks, struct chain_member *peer)
{
    list_push_back(&hooks->peers, &peer->node);
    tell_all_born(hooks, &peer_kind, peer);
}

void core_hooks_peer_died(struct core_hooks *hooks, struct chain_member *peer)
{
    list_remove(&peer->node);
    tell_all_died(hooks, &peer_kind, peer);
}

void core_hooks_viewer_born(struct core_hooks *hooks, struct chain_member *viewer)
{
    list_push_back(&hooks->viewers, &viewer->node);
    tell_all_born(hooks, &viewer_kind, viewer);
}

void core_hooks_viewer_died(struct core_hooks *hooks, struct chain_member *viewer)
{
    list_remove(&viewer->node);
    tell_all_died(hooks, &viewer_kind, viewer);
}

void core_hooks_track_live(struct core_hooks *hooks, struct chain_member *track)
{
    list_push_back(&hooks->tracks, &track->node);
    tell_all_born(hooks, &track_kind, track);
}

void core_hooks_track_idle(struct core_hooks *hooks, struct chain_member *track)
{
    list_remove(&track->node);
    tell_all_died(hooks, &track_kind, track);
}

/* ---- What happens ---------------------------------------------------------------------------- */

bool core_hooks_want_samples(const struct core_hooks *hooks)
{
    for_each_entry(hook, hooks) if (hook->ops->viewer_sample) return true;
    return false;
}

void core_hooks_viewer_sample(struct core_hooks *hooks, struct chain_member *viewer)
{
    struct chain_pass pass;
    begin_pass(hooks, &pass, viewer);
    for_each_entry(hook, hooks) if (pass.about && hook->ops->viewer_sample)
        hook->ops->viewer_sample(hook->self, viewer->object);
    end_pass(hooks, &pass);
}

void core_hooks_event(struct core_hooks *hooks, const char *name, const struct moq_path *path)
{
    struct chain_pass pass;
    begin_pass(hooks, &pass, NULL);
    for_each_entry(hook, hooks) if (hook->ops->event) hook->ops->event(hook->self, name, path);
    end_pass(hooks, &pass);
}

/* ---- Changing the chain ---------------------------------------------------------------------- */

/* Takes the requests that the entry holds from it, undoes what it set in them, and moves them to
 * `taken`. They still count as held, by no entry, so that they can be withdrawn. While the entry is
 * told of one of them, it may answer others. */
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
        list_remove(&request->number_node);
        if (!tell_withdrawn(request))
            continue;
        request->current = NULL;
        request_undo(request);
    }
}

/* Asks the entry at `node` and those after it about each request in `taken`. A decision may
 * withdraw others of them, so each is taken from the front. */
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

/* Tells one entry of every member. Its callback may end any member, so each one is put back into
 * the list before the entry is told of it. */
static void tell_each(struct list *members, const struct member_kind *kind,
                      const struct core_hook *hook,
                      void (*tell)(const struct member_kind *kind, const struct core_hook *hook,
                                   struct chain_member *member))
{
    struct list todo;
    list_init(&todo);
    list_move_all(members, &todo);
    for (struct list *node; (node = list_pop_front(&todo));) {
        list_push_back(members, node);
        tell(kind, hook, container_of(node, struct chain_member, node));
    }
}

/* Takes the entry out of the chain and tells it of the death of every member. */
static void leave_chain(struct core_hooks *hooks, struct core_hook *hook)
{
    list_remove(&hook->node);
    hooks->leaving = hook;
    tell_each(&hooks->tracks, &track_kind, hook, tell_died);
    tell_each(&hooks->viewers, &viewer_kind, hook, tell_died);
    tell_each(&hooks->peers, &peer_kind, hook, tell_died);
    hooks->leaving = NULL;
    hooks->bits &= ~hook->bit;
}

/* Puts the entry into the chain before `next` and tells it of the birth of every member. */
static void enter_chain(struct core_hooks *hooks, struct core_hook *hook, struct list *next)
{
    hooks->bits |= hook->bit;
    list_insert_between(&hook->node, next->prev, next);
    tell_each(&hooks->peers, &peer_kind, hook, tell_born);
    tell_each(&hooks->viewers, &viewer_kind, hook, tell_born);
    tell_each(&hooks->tracks, &track_kind, hook, tell_born);
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

/* Makes rows of slots only as long as the entries need. Slots may move only while there are no
 * peers. */
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
    shorten_rows(hooks);
    place_slots(hooks, hook);
    begin_pass(hooks, &pass, NULL);
    enter_chain(hooks, hook, &hooks->chain);
    end_pass(hooks, &pass);
    return 0;
}

int core_hooks_remove(struct core_hooks *hooks, struct core_hook *hook)
{
    struct list taken, *next = hook->node.next;
    struct chain_pass pass;
    if (hooks->passes)
        return MOQ_ERR_AGAIN;
    begin_pass(hooks, &pass, NULL);
    take_held(hooks, hook, &taken);
    leave_chain(hooks, hook);
    shorten_rows(hooks);
    ask_taken(&taken, next);
    end_pass(hooks, &pass);
    return 0;
}

int core_hooks_replace(struct core_hooks *hooks, struct core_hook *old, struct core_hook *fresh)
{
    struct list taken, *next = old->node.next;
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
    begin_pass(hooks, &pass, NULL);
    take_held(hooks, old, &taken);
    leave_chain(hooks, old);
    clear_slots(hooks, fresh);
    enter_chain(hooks, fresh, next);
    ask_taken(&taken, &fresh->node);
    end_pass(hooks, &pass);
    return 0;
}
