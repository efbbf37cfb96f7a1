/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What entries of a chain are told, and what they keep: passes along the chain, births and deaths,
 * slots. An entry may do anything when it is told something, so nothing here relies on a member
 * after that, except through a pass.
 * Tested by tests/unit/core/test_members.c. */
#include "server/core/chain.h"

#include <string.h>

/* A slot may hold any type, so it is aligned as by malloc. */
enum { SLOT_ALIGNMENT = 16 };

/* ---- Passes ---------------------------------------------------------------------------------- */

void chain_begin(struct core_hooks *hooks, struct chain_pass *pass, const void *about)
{
    *pass = (struct chain_pass){hooks->passes, about};
    hooks->passes = pass;
}

void chain_end(struct core_hooks *hooks, const struct chain_pass *pass)
{
    hooks->passes = pass->outer;
}

void chain_forget(const struct core_hooks *hooks, const void *about)
{
    for (struct chain_pass *pass = hooks->passes; pass; pass = pass->outer)
        if (pass->about == about)
            pass->about = NULL;
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

/* An entry that is just being told of the births of peers may do something about which it is asked
 * in turn. Then it is told of that peer first. */
void chain_introduce(const struct core_request *request)
{
    const struct core_hook *hook = request->current;
    if (request->hooks->greeting == hook)
        tell_born(&peer_kind, hook, core_peer_member(request->peer));
}

/* If the member dies while an entry is told of its birth, the entries after that one are not
 * told. */
static void tell_all_born(struct core_hooks *hooks, const struct member_kind *kind,
                          struct chain_member *member)
{
    struct chain_pass pass;
    chain_begin(hooks, &pass, member);
    for_each_entry(hook, hooks)
    {
        bool is_early = hook == hooks->greeting && kind == &viewer_kind; /* after all peers */
        if (pass.about && !is_early)
            tell_born(kind, hook, member);
    }
    chain_end(hooks, &pass);
}

static void tell_all_died(struct core_hooks *hooks, const struct member_kind *kind,
                          struct chain_member *member)
{
    struct chain_pass pass;
    chain_forget(hooks, member);
    chain_begin(hooks, &pass, NULL);
    for_each_entry(hook, hooks) tell_died(kind, hook, member);
    if (hooks->leaving)
        tell_died(kind, hooks->leaving, member);
    chain_end(hooks, &pass);
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

/* ---- Entries that come and go ---------------------------------------------------------------- */

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

void chain_leave(struct core_hooks *hooks, struct core_hook *hook)
{
    tell_each(&hooks->tracks, &track_kind, hook, tell_died);
    tell_each(&hooks->viewers, &viewer_kind, hook, tell_died);
    tell_each(&hooks->peers, &peer_kind, hook, tell_died);
    hooks->leaving = NULL;
    hooks->bits &= ~hook->bit;
}

/* Puts the entry into the chain before `next` and tells it of the birth of every member. */
void chain_enter(struct core_hooks *hooks, struct core_hook *hook, struct list *next)
{
    hooks->bits |= hook->bit;
    list_insert_between(&hook->node, next->prev, next);
    hooks->greeting = hook;
    tell_each(&hooks->peers, &peer_kind, hook, tell_born);
    hooks->greeting = NULL;
    tell_each(&hooks->viewers, &viewer_kind, hook, tell_born);
    tell_each(&hooks->tracks, &track_kind, hook, tell_born);
}

void chain_clear_slots(struct core_hooks *hooks, const struct core_hook *hook)
{
    list_for_each (node, &hooks->viewers)
        clear_slot(chain_viewer_slot(container_of(node, struct chain_member, node), hook),
                   hook->viewer_bytes);
    list_for_each (node, &hooks->peers)
        clear_slot(chain_peer_slot(container_of(node, struct chain_member, node), hook),
                   hook->peer_bytes);
}

void chain_place_slots(struct core_hooks *hooks, struct core_hook *hook)
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
void chain_shorten_rows(struct core_hooks *hooks)
{
    bool may_move = list_is_empty(&hooks->peers);
    hooks->peer_bytes = hooks->viewer_bytes = 0;
    for_each_entry(hook, hooks)
    {
        if (may_move)
            chain_place_slots(hooks, hook);
        else
            keep_slots(hooks, hook);
    }
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
    chain_begin(hooks, &pass, viewer);
    for_each_entry(hook, hooks) if (pass.about && hook->ops->viewer_sample)
        hook->ops->viewer_sample(hook->self, viewer->object);
    chain_end(hooks, &pass);
}

void core_hooks_event(struct core_hooks *hooks, const char *name, const struct moq_path *path)
{
    struct chain_pass pass;
    chain_begin(hooks, &pass, NULL);
    for_each_entry(hook, hooks) if (hook->ops->event) hook->ops->event(hook->self, name, path);
    chain_end(hooks, &pass);
}

/* ---- Choices --------------------------------------------------------------------------------- */

bool core_hooks_want_choices(const struct core_hooks *hooks)
{
    for_each_entry(hook, hooks) if (hook->ops->choose_source) return true;
    return false;
}

int core_hooks_choose_source(struct core_hooks *hooks, const struct core_choice *choice)
{
    struct chain_pass pass;
    int index = -1;
    chain_begin(hooks, &pass, NULL);
    for_each_entry(hook, hooks)
    {
        if (index < 0 && hook->ops->choose_source)
            index = hook->ops->choose_source(hook->self, choice);
    }
    chain_end(hooks, &pass);
    return index;
}
