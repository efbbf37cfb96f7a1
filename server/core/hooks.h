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
 * From inside its functions, an entry may call everything in this header, except what changes a
 * chain (that returns MOQ_ERR_AGAIN). Such a call takes effect at once, and may call functions of
 * entries, the caller's own included, before it returns:
 *   - a viewer may die in core_viewer_close, core_peer_set_grants, in an override, and in any call
 *     that makes its track continue or end. Then viewer_died has been called when that call
 *     returns, and the viewer must not be used any more. Entries that have not been told of its
 *     birth yet, or shown its sample, are not told any more.
 *   - a peer never dies in such a call: core_peer_close only begins its end, and peer_died follows
 *     later, after the death of its viewers. Its requests are decided all the same.
 *   - a request is withdrawn or decided once, whatever happens to its peer, its path or the chain
 *     in the meantime. After that its number is void. */
#ifndef MOQ_CORE_HOOKS_H
#define MOQ_CORE_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"
#include "native/native.h"
#include "server/core/ladder.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CORE_ANSWER_TIMEOUT_NS (5 * NS_PER_S)
enum { CORE_REASON_BYTES = 128 };

struct core_peer;    /* one connected session */
struct core_viewer;  /* one subscription that is served */
struct core_request; /* a request of a peer that is not decided yet */
struct core_hooks;   /* the chain of one worker */
struct core_choice;  /* of one of several publishers of a track */

enum core_verdict { CORE_PASS, CORE_ALLOW, CORE_DENY, CORE_LATER };

enum core_request_kind {
    CORE_REQUEST_SESSION,
    CORE_REQUEST_ANNOUNCE,
    CORE_REQUEST_SUBSCRIBE,
    CORE_REQUEST_FETCH,
    CORE_REQUEST_INFO,
};

/* ---- Grants: what a peer may do -------------------------------------------------------------- */

enum core_action { CORE_PUBLISH, CORE_SUBSCRIBE };

/* Limits of one peer's grants: bytes of texts, without their end, and prefixes in each list. */
enum { CORE_IDENTITY_BYTES = 256, CORE_CLAIMS_BYTES = 8192, CORE_PREFIXES_MAX = 64 };

/* Who a peer is and what it may do, as a hook has learned it. A peer without grants may do
 * everything, as far as hooks allow it; one with grants only what is below one of its prefixes, and
 * hooks are not even asked about the rest.
 *
 * A prefix covers itself and the paths that continue it by whole parts: "demo" covers "demo" and
 * "demo/x", not "demo2". Parts are compared byte by byte, nothing in them has a meaning (".." is a
 * name). A prefix without parts covers everything; a list without prefixes covers nothing.
 *
 * What counts is the path that the peer announces or asks for, before hooks rename it. It sees the
 * announcements whose names (those that hooks gave them) its subscribe prefixes cover. */
struct core_grants {
    const char *identity;                                     /* for logs; NULL: "" */
    const char *claims;                                       /* JSON text, for hooks; NULL: "" */
    const struct moq_path *const *publish, *const *subscribe; /* prefixes */
    size_t publish_count, subscribe_count;
    bool is_cluster;     /* another relay: may also offer, see and watch what is CORE_INTERNAL */
    uint64_t expires_ms; /* by the wall clock: milliseconds since 1970; 0: never */
};

/* What a denied peer is told. A session that is denied at once gets an HTTP status on WebTransport;
 * on raw QUIC, and if the answer came LATER, it is closed with a code (docs/protocol.md). Words go
 * with both. A denied subscription, fetch or INFO is reset with the code, without words; nothing is
 * said about a denied announcement. */
enum core_denial {
    CORE_DENIAL_REFUSED,      /* "refused": 403, code 13. The default */
    CORE_DENIAL_UNAUTHORIZED, /* "no valid credentials": 401, code 6 */
    CORE_DENIAL_FORBIDDEN,    /* "not allowed": known, but may not; 403, code 13 */
    CORE_DENIAL_NOT_FOUND,    /* "not found": 404, code 13 */
    CORE_DENIAL_BUSY,         /* "too busy": 503, code 11 */
    CORE_DENIAL_EXPIRED,      /* "expired": credentials that were valid; 401, code 6 */
};
int core_denial_error(enum core_denial denial);   /* of base/error.h: how a session or track ends */
enum core_denial core_denial_of_error(int error); /* the first that ends so, or _REFUSED */

struct core_hook;

/* The functions of an entry. Each of them may be NULL. */
struct core_hook_ops {
    const char *name; /* shows operators who set a viewer's numbers; core copies it. NULL: "" */
    size_t peer_slot_bytes;   /* size of its slot in each peer; 0: none */
    size_t viewer_slot_bytes; /* size of its slot in each viewer; 0: none */

    /* A peer has connected; no session exists yet. */
    enum core_verdict (*session_open)(void *self, struct core_request *request);
    enum core_verdict (*announce)(void *self, struct core_request *request);
    enum core_verdict (*subscribe)(void *self, struct core_request *request);
    /* NULL: `subscribe` is called instead, so that a peer that may not watch a track cannot fetch
     * it either. */
    enum core_verdict (*fetch)(void *self, struct core_request *request);
    enum core_verdict (*info)(void *self, struct core_request *request);
    /* A request that this entry holds needs no answer any more: it was held too long, its subject
     * is gone, or the entry was removed. Its number is void already; do not use the request
     * afterwards. */
    void (*withdrawn)(void *self, struct core_request *request);

    /* peer_born is called before session_open, with a zeroed slot. peer_died is called last, after
     * every other call about the peer. An entry is told of the death of exactly those peers and
     * viewers that it was told of the birth of. */
    void (*peer_born)(void *self, struct core_peer *peer);
    void (*peer_died)(void *self, struct core_peer *peer);
    void (*viewer_born)(void *self, struct core_viewer *viewer);
    /* The viewer's final numbers can still be read. Closing or overriding it has no effect any
     * more. */
    void (*viewer_died)(void *self, struct core_viewer *viewer);
    /* Called for each viewer every CORE_SAMPLE_NS; the calls are spread over that time. May set an
     * override, or close the viewer. */
    void (*viewer_sample)(void *self, struct core_viewer *viewer);

    /* track_live: the first viewer on this worker has come. track_idle: the last one has left, or
     * the track has ended. Called in pairs for each entry, like births and deaths. */
    void (*track_live)(void *self, const struct moq_path *path);
    void (*track_idle)(void *self, const struct moq_path *path);
    /* Chooses one of several publishers of a track. The worker asks whose publisher feeds it, or is
     * about to, when one of core_choice_cause happens. Returns the index of a candidate, as by
     * core_request_set_source; negative: no opinion. The first entry that has one decides; if none
     * has, all stays as it is. What was chosen stays chosen until the next choice. */
    int (*choose_source)(void *self, const struct core_choice *choice);
    /* Tells of something notable that has happened on this worker: "announced" and "ended", of a
     * publisher there; "announce_refused" and "subscribe_refused", by grants or hooks, the path as
     * the peer named it; "taken_over", a track that comes from another publisher from now on;
     * "fell_silent", a track whose publisher, on this worker, is connected and brings nothing any
     * more. */
    void (*event)(void *self, const char *name, const struct moq_path *path);
};

/* How often hooks see a viewer's numbers. */
#define CORE_SAMPLE_NS (250 * NS_PER_MS)

/* Limits: entries of a chain at a time, names that a worker has ever seen, and bytes of a name,
 * longer ones being cut. */
enum { CORE_HOOKS_MAX = 32, CORE_HOOK_NAMES_MAX = 64, CORE_HOOK_NAME_BYTES = 32 };

struct core_hook { /* owned by the code that adds it, until core_hooks_remove or _replace */
    const struct core_hook_ops *ops;
    void *self;
    struct list node; /* private from here on */
    const char *name; /* core's copy */
    uint32_t bit;     /* its bit in chain_member.told */
    size_t peer_offset, peer_bytes, viewer_offset, viewer_bytes;
};

/* Each of these three returns 0, or an error after which nothing has changed. MOQ_ERR_AGAIN: it was
 * called from inside a function of an entry. Core keeps nothing of an entry that has been removed,
 * so its memory and its library may be unmapped. */

/* Adds an entry at the end and tells it of the birth of the peers and viewers that exist, and of
 * the tracks that are live. MOQ_ERR_INVALID: it wants slots, but there are peers already, which
 * have none for it. MOQ_ERR_BOUNDS: too many entries or names. */
int core_hooks_add(struct core_hooks *hooks, struct core_hook *hook);

/* Removes an entry. The requests that it holds are withdrawn from it, and the next entry is asked
 * as if this one had not been. It is told of the death of all peers and viewers, and that all
 * tracks are idle. */
int core_hooks_remove(struct core_hooks *hooks, struct core_hook *hook);

/* Puts `fresh` in the place of `old` in one step, as a reload needs, so there is no moment without
 * an entry. The requests that `old` holds are withdrawn from it, and `fresh` is asked instead; a
 * path, an override, a source or grants that `old` set in them are undone. `old` is told the same
 * as an entry that is removed, its slots are zeroed, and `fresh` is told the same as one that is
 * added. MOQ_ERR_BOUNDS: `fresh` wants larger slots than `old` has, or there are too many names. */
int core_hooks_replace(struct core_hooks *hooks, struct core_hook *old, struct core_hook *fresh);

/* ---- Requests -------------------------------------------------------------------------------- */

/* A number for a request while the entry that is asked now holds it. No other request, and no other
 * entry's turn, ever has the same number, so an entry keeps it to answer later. */
uint64_t core_request_number(const struct core_request *request);
/* The held request with this number. NULL: it needs no answer any more. */
struct core_request *core_request_held(const struct core_hooks *hooks, uint64_t number);
/* The entry that is asked about it or holds it. NULL: none. */
const struct core_hook *core_request_entry(const struct core_request *request);

/* Whether an entry is asked about `request` now, or holds it under `number`. The request may be
 * gone; only its address is used. */
bool core_request_is_open(const struct core_hooks *hooks, const struct core_request *request,
                          uint64_t number);

/* Answers a request that an entry holds; PASS asks the next entry. Returns 0, or an error and does
 * nothing. MOQ_ERR_NOT_FOUND: the request needs no answer any more (it was answered or withdrawn,
 * or another entry is asked now), or the entry has not returned LATER yet. MOQ_ERR_INVALID:
 * `verdict` is not PASS, ALLOW or DENY. */
int core_answer(struct core_hooks *hooks, uint64_t number, enum core_verdict verdict);

enum core_request_kind core_request_kind(const struct core_request *request);
struct core_peer *core_request_peer(const struct core_request *request);
/* The path as earlier entries left it; borrowed. NULL: a session's request. */
const struct moq_path *core_request_path(const struct core_request *request);
/* Renames an announcement, or redirects a subscription. A reference is taken. */
void core_request_set_path(struct core_request *request, struct moq_path *path);
/* How the subscriber wants its groups, updates included; borrowed. NULL: not a subscription. */
const struct moq_wish *core_request_wish(const struct core_request *request);
uint64_t core_request_group(const struct core_request *request); /* of a fetch */
/* The number that the viewer of a subscription has, if it is served; 0: not a subscription. */
uint64_t core_request_viewer(const struct core_request *request);
/* Why it is denied, if this entry denies it: a code for the peer, and words for the log and for the
 * peer of a session, so without secrets. NULL: the words of the code, those in `core_denial`. They
 * are cut to CORE_REASON_BYTES. */
void core_request_set_denial(struct core_request *request, enum core_denial denial,
                             const char *reason);
void core_request_set_reason(struct core_request *request, const char *reason); /* words only */
/* Gives the peer grants, from now on and in place of earlier ones; everything is copied. 0,
 * MOQ_ERR_EXPIRED (they have expired), MOQ_ERR_BOUNDS (over a limit above), MOQ_ERR_NOMEM, or
 * MOQ_ERR_INVALID: not the request of a session. After an error the session is denied, whatever
 * entries answer, unless a later call succeeds. */
int core_request_set_grants(struct core_request *request, const struct core_grants *grants);
/* An announcement that can feed the track of a subscription. */
struct core_candidate {
    uint64_t number; /* of the announcement, on all workers; later ones have higher numbers */
    uint64_t peer;   /* core_peer_number of its publisher; 0: an origin */
    uint64_t age_ns; /* since this worker has known it */
    uint32_t worker; /* where its publisher is */
    bool is_newest;  /* the one that feeds the track if nobody chooses */
    bool is_next;    /* the one that feeds it, or will when it is watched */
    bool has_failed; /* its publisher ended the track: it does not feed it even if it is chosen */
    bool is_silent;  /* it is connected, but brought no groups for too long, in the last 10 s */
    bool is_feeding; /* it feeds the track on this worker now, and so the next three are measured */
    uint64_t group_age_ns; /* since its newest group began; 0: not measured, or no group yet */
    uint64_t rate_bps, interval_ns; /* as core_track_stats; 0: not known */
    uint32_t hops; /* relays between its publisher and this relay: 0, or 1 if it is a relay itself,
                      because transfork does not tell what is behind that */
    /* Of its publisher, on whichever worker, as of its announcement; "": an origin, or none.
     * Borrowed until the entry returns. */
    const char *identity, *address, *url_path, *query, *claims;
};
/* The candidates for the path of the request as it is now, in the order in which they would follow
 * each other. False: there is none with this index, or it is not a subscription. */
bool core_request_candidate(const struct core_request *request, size_t index,
                            struct core_candidate *candidate);
/* If the request is allowed, this announcement feeds the track, as long as it exists and has not
 * failed, also when newer ones come. The choice is one of the track: it counts for all its viewers
 * on all workers, and the last one counts. A track that is fed by another announcement changes over
 * as when a newer publisher comes: groups that grow are cut, sequences go on. 0,
 * MOQ_ERR_NOT_FOUND (no candidate has this number), or MOQ_ERR_INVALID (not a subscription). */
int core_request_set_source(struct core_request *request, uint64_t number);
/* The viewer may be moved between these renditions while it watches. If it asked for one of them,
 * those that its peer's grants do not cover are left out. A reference is taken; NULL: none. It has
 * no effect on a viewer that asks for a range with an end. MOQ_ERR_INVALID: not a subscription. */
int core_request_set_ladder(struct core_request *request, struct core_ladder *ladder);
const struct core_ladder *core_request_ladder(const struct core_request *request);

/* The entry's own pointer, kept from its LATER to core_answer or `withdrawn`. */
void core_request_set_user(struct core_request *request, void *user);
void *core_request_user(const struct core_request *request);

/* ---- Policy ---------------------------------------------------------------------------------- */

/* Which numbers of a viewer's policy a hook sets, in place of its class and wish. */
enum { CORE_NOTE_BYTES = 64 }; /* with the final zero */
enum core_override_bits {
    CORE_SET_LATENCY = 1 << 0,
    CORE_SET_PRIORITY = 1 << 1,
    CORE_SET_ORDER = 1 << 2,
    CORE_SET_RATE = 1 << 3,
    CORE_SET_IDENTITY_RATE = 1 << 4,
    CORE_SET_START = 1 << 5,
    CORE_SET_ALL = (1 << 6) - 1,
};

struct core_override {
    unsigned set; /* enum core_override_bits, or-ed: which of the fields below count */
    uint64_t latency_ns;
    uint8_t priority; /* biased: 128 is neutral */
    uint8_t order;    /* enum moq_order; MOQ_ORDER_ANY: newest first */
    /* Caps of the viewer, and of all viewers of its peer's identity together, on all workers: 0 (no
     * cap), or between MOQ_RATE_MIN_BPS and MOQ_RATE_MAX_BPS. */
    uint64_t rate_bps, identity_rate_bps;
    /* Where it begins, as in struct moq_policy. Set it before the viewer is served. */
    uint64_t start_ns;
    const char *note; /* where it was decided, for people: "premium.lua:12"; NULL: not said. Copied,
                         and cut to CORE_NOTE_BYTES */
};

/* Set the fields that `change->set` names and leave the others. A field stays set until an entry
 * sets it again or clears it. The limits of the configuration (policy.max) hold whatever hooks set.
 * `hook` is the entry that decides; it must be in the chain. The viewer may be gone when these
 * return; then viewer_died has been called. */
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
    CORE_DECIDED_BY_LIMIT, /* policy.max, which cut what another decided */
};

struct core_policy_reason {
    enum core_decider decider;
    const char *hook; /* the entry's name; NULL: no hook */
};

struct core_policy_reasons {
    struct core_policy_reason latency, priority, order, rate, identity_rate, start;
};

/* ---- Peers ----------------------------------------------------------------------------------- */

uint64_t core_peer_number(const struct core_peer *peer); /* unique among the peers of all workers */
const char *core_peer_address(const struct core_peer *peer); /* "[::1]:4443" */
const char *core_peer_path(const struct core_peer *peer);   /* URL path, no query; "" on raw QUIC */
const char *core_peer_query(const struct core_peer *peer);  /* URL query, after '?'; "": none */
const char *core_peer_origin(const struct core_peer *peer); /* page's origin; "": no browser */
const char *core_peer_server_name(const struct core_peer *peer); /* SNI; "": none */
/* What a guest (guest.h) has to show, such as a token; "": nothing, or a session. */
const char *core_peer_credential(const struct core_peer *peer);
enum quic_protocol core_peer_protocol(const struct core_peer *peer); /* _UNKNOWN: a guest */
bool core_peer_is_dialled(const struct core_peer *peer);  /* the relay opened its session */
uint32_t core_peer_version(const struct core_peer *peer); /* of transfork: 2, 3, 4; 0: none yet */
/* NULL until hooks have let the peer in and a version is agreed on; always for a guest. */
struct moq_session *core_peer_session(const struct core_peer *peer);
/* Statistics of its connection; delivery_rate_bps is the rate that the link was measured to
 * carry. */
void core_peer_transport(const struct core_peer *peer, struct quic_conn_stats *stats);
/* Ends the peer's session with `error` (0: a normal end) and `reason` (NULL: the words of the
 * error). A peer without a session yet is refused. Does nothing if the session is ending
 * already. */
void core_peer_close(struct core_peer *peer, int error, const char *reason);
/* The same with the error of a denial; the owner of a guest is told the denial itself. */
void core_peer_deny(struct core_peer *peer, enum core_denial denial, const char *reason);
/* What its grants say: "", 0 or false if it has none. Texts are valid until its grants change. */
const char *core_peer_identity(const struct core_peer *peer);
const char *core_peer_claims(const struct core_peer *peer);
uint64_t core_peer_expires_ms(const struct core_peer *peer);
bool core_peer_is_cluster(const struct core_peer *peer);
/* Whether its grants cover `path`; true if it has none. */
bool core_peer_may(const struct core_peer *peer, enum core_action action,
                   const struct moq_path *path);
/* Replaces the grants of a living session (NULL: it may do everything). Takes effect at once:
 *   - announcements that are not covered any more are withdrawn, and their tracks end unless
 *     another publisher takes over; those that only grants kept back are asked about;
 *   - viewers that are not covered any more are closed with MOQ_ERR_REFUSED;
 *   - requests that hooks hold, or that wait for a publisher, are checked when their turn comes;
 *   - the peer is told that announcements it may not see any more have ended, and those that it may
 *     see now are announced to it.
 * 0, MOQ_ERR_AGAIN (its session is not decided yet: use core_request_set_grants), MOQ_ERR_CLOSED
 * (its grants have expired), or as core_request_set_grants; after an error nothing has changed. */
int core_peer_set_grants(struct core_peer *peer, const struct core_grants *grants);
/* The entry's slot in this peer. NULL: it has none. */
void *core_peer_slot(const struct core_peer *peer, const struct core_hook *hook);

/* ---- Viewers --------------------------------------------------------------------------------- */

struct core_peer *core_viewer_peer(const struct core_viewer *viewer);
uint64_t core_viewer_number(const struct core_viewer *viewer); /* of all workers' viewers */
const struct moq_path *core_viewer_path(const struct core_viewer *viewer);  /* the requested path */
const struct moq_path *core_viewer_track(const struct core_viewer *viewer); /* that of its track */
/* NULL: it cannot be moved between renditions. */
const struct core_ladder *core_viewer_ladder(const struct core_viewer *viewer);
size_t core_viewer_rendition(const struct core_viewer *viewer);         /* that it has; or none */
const char *core_viewer_rendition_by(const struct core_viewer *viewer); /* an entry; NULL: none */
/* Moves it to another rendition of its ladder, at the next group that begins at the same media time
 * in both, but at most once in MIX_QUIET_NS: until then, the last call counts. The viewer may be
 * gone when this returns. 0, MOQ_ERR_INVALID (it has no ladder, or no such rendition),
 * MOQ_ERR_NOT_FOUND (nobody publishes it), MOQ_ERR_CLOSED or MOQ_ERR_NOMEM. */
int core_viewer_turn_to(struct core_viewer *viewer, const struct core_hook *hook, size_t rendition);
void core_viewer_stats(const struct core_viewer *viewer, struct moq_viewer_stats *stats);
const struct moq_wish *core_viewer_wish(const struct core_viewer *viewer);
const struct moq_policy *core_viewer_policy(const struct core_viewer *viewer);
void core_viewer_reasons(const struct core_viewer *viewer, struct core_policy_reasons *reasons);
/* Skips to the newest group. The viewer may be gone when this returns. */
void core_viewer_skip(struct core_viewer *viewer);
/* As moq_viewer_close; viewer_died follows, perhaps before this returns. */
void core_viewer_close(struct core_viewer *viewer, int error);
void *core_viewer_slot(const struct core_viewer *viewer, const struct core_hook *hook);

#ifdef __cplusplus
}
#endif
#endif
