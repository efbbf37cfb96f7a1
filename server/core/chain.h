/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The hook chain from core's side: asks the entries of hooks.h in their order, tells them what
 * happens, and lays out the slots that they have in peers and viewers. */
#ifndef MOQ_CORE_CHAIN_H
#define MOQ_CORE_CHAIN_H

#include "base/clock.h"
#include "server/core/request.h"

/* Hash lists in which held requests are found by number. Numbers are consecutive, so the lists are
 * equally long. */
enum { CHAIN_NUMBER_LISTS = 256 };

/* A call to entries that is under way; lives on the stack of the caller. */
struct chain_pass {
    struct chain_pass *outer;
    const void *about; /* what they are called about; NULL: it is gone, or nothing */
};

struct core_hooks {
    struct list chain;                /* core_hook.node */
    struct list held;                 /* core_request.node, by deadline */
    const struct moq_clock *clock;    /* borrowed */
    struct list peers, viewers;       /* chain_member.node: all that exist */
    struct list tracks;               /* chain_member.node: those that are live */
    size_t peer_bytes, viewer_bytes;  /* of all slots in a peer, and in a viewer */
    struct chain_pass *passes;        /* the innermost call under way; NULL: none */
    const struct core_hook *greeting; /* being told of the births of all peers; NULL: none */
    const struct core_hook *leaving;  /* removed, but not told of all deaths yet; NULL: none */
    struct core_hook vacancy;         /* in its place meanwhile: requests are taken there */
    struct list taken;    /* core_request.node: asked about when it is filled or closed */
    uint32_t bits;        /* core_hook.bit of all entries */
    uint64_t last_number; /* of requests */
    struct list by_number[CHAIN_NUMBER_LISTS];             /* core_request.number_node: held ones */
    char names[CORE_HOOK_NAMES_MAX][CORE_HOOK_NAME_BYTES]; /* every name that was ever added */
    uint32_t name_count;
};

/* What the chain needs in a peer, a viewer or a track; embedded in it. The code that makes the
 * object sets `object` and `slots`. */
struct chain_member {
    struct list node;
    void *object;  /* what entries are told of: a struct core_peer, core_viewer or moq_path */
    char *slots;   /* zeroed memory for all entries, aligned as by malloc; NULL in a track */
    uint32_t told; /* core_hook.bit of the entries that know of its birth, and not of its death */
};

/* What the chain keeps in a peer; peer.c has it. */
struct chain_member *core_peer_member(struct core_peer *peer);

void core_hooks_init(struct core_hooks *hooks, const struct moq_clock *clock);

/* Runs the chain from its beginning. `on_decided` may be called before this returns. */
void core_hooks_ask(struct core_hooks *hooks, struct core_request *request);
/* The subject of the request is gone: no on_decided follows. The entry that holds the request is
 * told. */
void core_hooks_withdraw(struct core_request *request);
/* Denies the requests that were held too long. Returns the next deadline, or CLOCK_NEVER. */
uint64_t core_hooks_tick(struct core_hooks *hooks);

/* Call each of these once per object, in pairs. */
void core_hooks_peer_born(struct core_hooks *hooks, struct chain_member *peer);
void core_hooks_peer_died(struct core_hooks *hooks, struct chain_member *peer);
void core_hooks_viewer_born(struct core_hooks *hooks, struct chain_member *viewer);
void core_hooks_viewer_died(struct core_hooks *hooks, struct chain_member *viewer);
void core_hooks_track_live(struct core_hooks *hooks, struct chain_member *track);
void core_hooks_track_idle(struct core_hooks *hooks, struct chain_member *track);
/* An entry's slot in a member; NULL: it has none. */
void *chain_peer_slot(const struct chain_member *peer, const struct core_hook *hook);
void *chain_viewer_slot(const struct chain_member *viewer, const struct core_hook *hook);

bool core_hooks_want_samples(const struct core_hooks *hooks);
void core_hooks_viewer_sample(struct core_hooks *hooks, struct chain_member *viewer);
bool core_hooks_want_choices(const struct core_hooks *hooks);
/* The answer of the first entry that has an opinion; negative: none has. */
int core_hooks_choose_source(struct core_hooks *hooks, const struct core_choice *choice);
void core_hooks_event(struct core_hooks *hooks, const char *name, const struct moq_path *path);

/* ---- Between chain.c and chain_members.c ----------------------------------------------------- */

#define for_each_entry(hook, hooks)                                                                \
    list_for_each (node_, &(hooks)->chain)                                                         \
        for (struct core_hook *hook = container_of(node_, struct core_hook, node); hook;           \
             hook = NULL)

void chain_begin(struct core_hooks *hooks, struct chain_pass *pass, const void *about);
void chain_end(struct core_hooks *hooks, const struct chain_pass *pass);
/* `about` is gone: ends the passes that are about it. */
void chain_forget(const struct core_hooks *hooks, const void *about);
/* Tells the entry that is to be asked of the request's peer, if it does not know it yet. */
void chain_introduce(const struct core_request *request);

/* Puts the entry into the chain before `next` and tells it of the birth of every member. */
void chain_enter(struct core_hooks *hooks, struct core_hook *hook, struct list *next);
/* Tells the entry, which has left the chain, of the death of every member. */
void chain_leave(struct core_hooks *hooks, struct core_hook *hook);
void chain_place_slots(struct core_hooks *hooks, struct core_hook *hook); /* at the ends of rows */
void chain_clear_slots(struct core_hooks *hooks, const struct core_hook *hook);
/* Makes rows of slots only as long as the entries need. Slots may move only while there are no
 * peers. */
void chain_shorten_rows(struct core_hooks *hooks);

#endif
