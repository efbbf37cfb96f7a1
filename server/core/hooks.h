/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Hook chains: where modules and scripts are asked, in the order in which they were added. Part of
 * core's door.
 *
 * A chain belongs to one worker, and everything here happens on that worker's thread. An entry is
 * asked about each *request*: it answers PASS (no opinion), ALLOW or DENY at once, or LATER and
 * then calls core_answer. The first answer other than PASS ends the chain; when all pass, the
 * request is allowed. A request that is held longer than CORE_ANSWER_TIMEOUT_NS is denied.
 *
 * Peers, viewers and requests are opaque here: a module can keep a pointer to a peer or a viewer
 * between its birth and its death, and to a request while it holds it. What a module needs to
 * remember about a peer or a viewer goes into its slot: zeroed memory that is part of the object,
 * found without a search.
 *
 * From inside its own functions an entry may do all that this header offers except change a chain
 * (MOQ_ERR_AGAIN then). What it does takes effect at once, and may call functions of entries, its
 * own included, before it returns:
 *   - a viewer may die in core_viewer_close, in an override, and in whatever makes its track go on
 *     or end. It has viewer_died when that returns, and is not to be used then; entries that were
 *     not yet told of its birth or shown its sample are not told any more.
 *   - a peer never dies inside: core_peer_close only begins its end, and peer_died follows later,
 *     after the death of its viewers. What it has asked is decided all the same.
 *   - a request is withdrawn or decided once, whatever happens to its peer, its path or the chain
 *     meanwhile; its number is void from then on. */
#ifndef MOQ_CORE_HOOKS_H
#define MOQ_CORE_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"
#include "native/native.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CORE_ANSWER_TIMEOUT_NS (5 * NS_PER_S)
enum { CORE_REASON_BYTES = 128 };

struct core_peer;    /* one connected session */
struct core_viewer;  /* one subscription that is served */
struct core_request; /* something that a peer asks for, and that is not decided yet */
struct core_hooks;   /* the chain of one worker */

enum core_verdict { CORE_PASS, CORE_ALLOW, CORE_DENY, CORE_LATER };

enum core_request_kind {
    CORE_REQUEST_SESSION,
    CORE_REQUEST_ANNOUNCE,
    CORE_REQUEST_SUBSCRIBE,
    CORE_REQUEST_FETCH,
    CORE_REQUEST_INFO,
};

struct core_hook;

/* What an entry answers and hears. Every function may be NULL. */
struct core_hook_ops {
    const char *name; /* for operators: who set a viewer's numbers; core keeps a copy. NULL: "" */
    size_t peer_slot_bytes;   /* of its slot in each peer; 0: none */
    size_t viewer_slot_bytes; /* and in each viewer */

    /* Before the session exists for others. */
    enum core_verdict (*session_open)(void *self, struct core_request *request);
    enum core_verdict (*announce)(void *self, struct core_request *request);
    enum core_verdict (*subscribe)(void *self, struct core_request *request);
    /* NULL: `subscribe` is asked in their place, so that who may not watch cannot fetch. */
    enum core_verdict (*fetch)(void *self, struct core_request *request);
    enum core_verdict (*info)(void *self, struct core_request *request);
    /* A request that it holds needs no answer any more: it took too long, what it is about is gone,
     * or the entry was removed. Its number is void already, and it is not to be used afterwards. */
    void (*withdrawn)(void *self, struct core_request *request);

    /* Born before session_open is asked, with a zeroed slot; dead once, after everything else about
     * it. Each entry hears of the death of whatever it heard the birth of, and of nothing else. */
    void (*peer_born)(void *self, struct core_peer *peer);
    void (*peer_died)(void *self, struct core_peer *peer);
    void (*viewer_born)(void *self, struct core_viewer *viewer);
    /* Its final numbers can be read; to close or override it has no effect any more. */
    void (*viewer_died)(void *self, struct core_viewer *viewer);
    /* Every CORE_SAMPLE_NS, the viewers spread over that time. May set an override, or close the
     * viewer. */
    void (*viewer_sample)(void *self, struct core_viewer *viewer);

    /* The first viewer of this worker came; the last one left, or the track has ended. In pairs for
     * each entry, as births and deaths are. */
    void (*track_live)(void *self, const struct moq_path *path);
    void (*track_idle)(void *self, const struct moq_path *path);
    /* Notable things, after the fact. */
    void (*event)(void *self, const char *name, const struct moq_path *path);
};

/* How often hooks see a viewer's numbers. */
#define CORE_SAMPLE_NS (250 * NS_PER_MS)

/* Entries of a chain at a time; names that a worker has ever heard; and what is kept of a name. */
enum { CORE_HOOKS_MAX = 32, CORE_HOOK_NAMES_MAX = 64, CORE_HOOK_NAME_BYTES = 32 };

struct core_hook { /* memory of whoever adds it, until core_hooks_remove or _replace */
    const struct core_hook_ops *ops;
    void *self;
    struct list node; /* private from here on */
    const char *name; /* core's copy */
    uint32_t bit;     /* of chain_member.told */
    size_t peer_offset, peer_bytes, viewer_offset, viewer_bytes;
};

/* Each of these three returns 0, or an error and nothing has changed. MOQ_ERR_AGAIN: the chain is
 * at work, this is called from inside a function of an entry. Core keeps nothing of an entry that
 * has left: its memory, and its library, may be unmapped. */

/* Adds an entry at the end, which hears the birth of what exists, and which tracks are live.
 * MOQ_ERR_INVALID: it wants slots, and there are peers already that have none for it.
 * MOQ_ERR_BOUNDS: too many entries or names. */
int core_hooks_add(struct core_hooks *hooks, struct core_hook *hook);

/* What it holds is withdrawn from it, and goes on with the next entry as if this one had not been
 * asked. It hears the death of all peers and viewers, and that all tracks are idle. */
int core_hooks_remove(struct core_hooks *hooks, struct core_hook *hook);

/* `fresh` takes the place of `old` in one step, as a reload needs: there is no moment without an
 * entry. What `old` holds is withdrawn from it, and `fresh` is asked in its place: a path or an
 * override that `old` set is forgotten. `old` hears the same as one that is removed, the slots are
 * zeroed, and `fresh` hears the same as one that is added. MOQ_ERR_BOUNDS: `fresh` wants larger
 * slots than there are, or there are too many names. */
int core_hooks_replace(struct core_hooks *hooks, struct core_hook *old, struct core_hook *fresh);

/* ---- Requests -------------------------------------------------------------------------------- */

/* Names a request for as long as the entry that is asked now holds it, and nothing else ever: what
 * an entry keeps to answer later. */
uint64_t core_request_number(const struct core_request *request);
/* NULL: it needs no answer any more. */
struct core_request *core_request_held(const struct core_hooks *hooks, uint64_t number);

/* Answers a request that an entry holds; PASS goes on with the next entry. 0; MOQ_ERR_NOT_FOUND: it
 * needs no answer any more (it has one, was withdrawn, or is asked of another entry now) or the
 * entry has not yet returned LATER; MOQ_ERR_INVALID: LATER is no answer. Nothing happens then. */
int core_answer(struct core_hooks *hooks, uint64_t number, enum core_verdict verdict);

enum core_request_kind core_request_kind(const struct core_request *request);
struct core_peer *core_request_peer(const struct core_request *request);
/* The path as earlier entries left it; borrowed. NULL: a session's request. */
const struct moq_path *core_request_path(const struct core_request *request);
/* Renames an announcement, or leads a subscription elsewhere. A reference is taken. */
void core_request_set_path(struct core_request *request, struct moq_path *path);
/* How the subscriber wants its groups, updates included; borrowed. NULL: not a subscription. */
const struct moq_wish *core_request_wish(const struct core_request *request);
uint64_t core_request_group(const struct core_request *request); /* of a fetch */
/* Why it is denied, for the log; cut to CORE_REASON_BYTES. */
void core_request_set_reason(struct core_request *request, const char *reason);
/* For the entry that holds it, from its LATER to core_answer or `withdrawn`. */
void core_request_set_user(struct core_request *request, void *user);
void *core_request_user(const struct core_request *request);

/* ---- Policy ---------------------------------------------------------------------------------- */

/* Which numbers of a viewer's policy a hook sets in place of class and wish. */
enum core_override_bits {
    CORE_SET_LATENCY = 1 << 0,
    CORE_SET_PRIORITY = 1 << 1,
    CORE_SET_ORDER = 1 << 2,
    CORE_SET_ALL = 7,
};

struct core_override {
    unsigned set; /* enum core_override_bits, or-ed: which of these count */
    uint64_t latency_ns;
    uint8_t priority; /* biased: 128 is neutral */
    uint8_t order;    /* enum moq_order; MOQ_ORDER_ANY: newest first */
};

/* Sets what `change->set` names, and leaves the rest; what an entry set stays until an entry sets
 * it again or clears it. The limits of the configuration (policy.max) hold whatever hooks say.
 * `hook` is the entry that decides, in its chain. The viewer may be gone when these return:
 * viewer_died tells. */
void core_request_override(struct core_request *request, const struct core_hook *hook,
                           const struct core_override *change);
void core_viewer_override(struct core_viewer *viewer, const struct core_hook *hook,
                          const struct core_override *change);
void core_viewer_clear_override(struct core_viewer *viewer, unsigned bits);

/* Who decided a number. */
enum core_decider {
    CORE_DECIDED_BY_CLASS, /* policy, or one of policy.classes */
    CORE_DECIDED_BY_WISH,  /* the subscriber */
    CORE_DECIDED_BY_HOOK,
    CORE_DECIDED_BY_LIMIT, /* policy.max cut what another said */
};

struct core_policy_reason {
    enum core_decider decider;
    const char *hook; /* the entry's name; NULL: no hook */
};

struct core_policy_reasons {
    struct core_policy_reason latency, priority, order;
};

/* ---- Peers ----------------------------------------------------------------------------------- */

uint64_t core_peer_number(const struct core_peer *peer); /* no other peer has it, on any worker */
const char *core_peer_address(const struct core_peer *peer); /* "[::1]:4443" */
const char *core_peer_path(const struct core_peer *peer); /* of the URL, no query; "" on raw QUIC */
const char *core_peer_query(const struct core_peer *peer);  /* after the '?'; "": none */
const char *core_peer_origin(const struct core_peer *peer); /* of the page; "": not a browser */
const char *core_peer_server_name(const struct core_peer *peer); /* SNI; "": none */
enum quic_protocol core_peer_protocol(const struct core_peer *peer);
/* NULL until hooks let it in and versions are agreed. */
struct moq_session *core_peer_session(const struct core_peer *peer);
/* What the transport knows: its delivery_rate_bps is what a viewer's link was seen to carry. */
void core_peer_transport(const struct core_peer *peer, struct quic_conn_stats *stats);
/* Ends its session with `error` (0: in order), for this reason (NULL: the words of the error).
 * Before there is one, it is refused. Nothing happens when it is ending already. */
void core_peer_close(struct core_peer *peer, int error, const char *reason);
/* NULL: the entry has none. */
void *core_peer_slot(const struct core_peer *peer, const struct core_hook *hook);

/* ---- Viewers --------------------------------------------------------------------------------- */

struct core_peer *core_viewer_peer(const struct core_viewer *viewer);
const struct moq_path *core_viewer_path(const struct core_viewer *viewer);  /* as it asked */
const struct moq_path *core_viewer_track(const struct core_viewer *viewer); /* what it is served */
void core_viewer_stats(const struct core_viewer *viewer, struct moq_viewer_stats *stats);
const struct moq_wish *core_viewer_wish(const struct core_viewer *viewer);
const struct moq_policy *core_viewer_policy(const struct core_viewer *viewer);
void core_viewer_reasons(const struct core_viewer *viewer, struct core_policy_reasons *reasons);
/* As moq_viewer_close; viewer_died follows, perhaps before this returns. */
void core_viewer_close(struct core_viewer *viewer, int error);
void *core_viewer_slot(const struct core_viewer *viewer, const struct core_hook *hook);

#ifdef __cplusplus
}
#endif
#endif
