/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The hook chain from core's side: asks the entries of hooks.h in their order, tells them what
 * happens, and lays out the slots that they have in peers and viewers. */
#ifndef MOQ_CORE_CHAIN_H
#define MOQ_CORE_CHAIN_H

#include "base/clock.h"
#include "server/core/request.h"

struct core_hooks {
    struct list chain;               /* core_hook.node */
    struct list held;                /* core_request.node, by deadline */
    const struct moq_clock *clock;   /* borrowed */
    struct list peers, viewers;      /* chain_member.node: all that exist */
    size_t peer_bytes, viewer_bytes; /* of all slots in a peer, and in a viewer */
    struct core_viewer *sampled;     /* while its entries are called; NULL: it is gone */
};

/* What a peer or a viewer is to the chain: embedded in it, set by whoever makes it. */
struct chain_member {
    struct list node;
    void *object; /* the struct core_peer, or core_viewer */
    char *slots;  /* its zeroed memory for all entries, aligned as by malloc */
};

void core_hooks_init(struct core_hooks *hooks, const struct moq_clock *clock);

/* Runs the chain from its beginning. `on_decided` may be called before this returns. */
void core_hooks_ask(struct core_hooks *hooks, struct core_request *request);
/* What it is about is gone: no on_decided follows. The entry that holds it is told. */
void core_hooks_withdraw(struct core_request *request);
/* Denies what was held too long. Returns the next deadline, or CLOCK_NEVER. */
uint64_t core_hooks_tick(struct core_hooks *hooks);

/* Once each, in pairs, for everything that has slots. */
void core_hooks_peer_born(struct core_hooks *hooks, struct chain_member *peer);
void core_hooks_peer_died(struct core_hooks *hooks, struct chain_member *peer);
void core_hooks_viewer_born(struct core_hooks *hooks, struct chain_member *viewer);
void core_hooks_viewer_died(struct core_hooks *hooks, struct chain_member *viewer);
/* An entry's slot in a member; NULL: it has none. */
void *chain_peer_slot(const struct chain_member *peer, const struct core_hook *hook);
void *chain_viewer_slot(const struct chain_member *viewer, const struct core_hook *hook);

bool core_hooks_want_samples(const struct core_hooks *hooks);
void core_hooks_viewer_sample(struct core_hooks *hooks, struct core_viewer *viewer);
void core_hooks_track(struct core_hooks *hooks, const struct moq_path *path, bool is_live);
void core_hooks_event(struct core_hooks *hooks, const char *name, const struct moq_path *path);

#endif
