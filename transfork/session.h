/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One connected peer: the second half of transfork/transfork.h, which is the header to include.
 *
 * The owner of the connection (native/) makes the session. The session reports what the peer wants
 * through `moq_session_events`, and says when it needs a tick (transport.h). */
#ifndef MOQ_SESSION_H
#define MOQ_SESSION_H

#include "transfork/transfork.h"
#include "transfork/transport.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

enum moq_version {
    MOQ_VERSION_02 = 1 << 0, /* 0xff0bad02 */
    MOQ_VERSION_03 = 1 << 1, /* 0xff0bad03 */
    MOQ_VERSION_04 = 1 << 2, /* 0xff0bad04, array paths */
    MOQ_VERSION_ALL = 7,
};

/* MOQ_VERSION_03 for "03" or "3"; 0: not a version of ours. */
uint32_t moq_version_by_name(const char *name);

/* What a peer can be trusted with, by the version that was agreed on: what every known program that
 * speaks that version handles correctly (docs/protocol.md). */
enum moq_can {
    MOQ_CAN_LIVE = 1 << 0,    /* marks the end of the announcements that are active now */
    MOQ_CAN_RANGES = 1 << 1,  /* as a publisher, obeys min and max */
    MOQ_CAN_FETCH = 1 << 2,   /* as a publisher, answers FETCH; others may panic */
    MOQ_CAN_INFO = 1 << 3,    /* as a publisher, answers INFO_PLEASE; others may lose the track */
    MOQ_CAN_UPDATE = 1 << 4,  /* as a publisher, reads SUBSCRIBE_UPDATE as we write it */
    MOQ_CAN_BITRATE = 1 << 5, /* reads SESSION_UPDATE */
};

/* ---- Requests: what a peer asks of us -------------------------------------------------------- */

enum moq_request_kind { MOQ_REQUEST_SUBSCRIBE, MOQ_REQUEST_FETCH, MOQ_REQUEST_INFO };

#define MOQ_NO_GROUP UINT64_MAX /* an absent min or max */

/* How a subscriber, a peer or we, wants its groups. */
struct moq_wish {
    uint8_t priority;    /* biased: 128 is neutral; higher goes first */
    uint8_t order;       /* enum moq_order */
    uint64_t expires_ms; /* 0: no limit */
    uint64_t min, max;   /* groups, both included; MOQ_NO_GROUP: absent */
};

/* Whether all fields are equal. */
bool moq_wish_equal(const struct moq_wish *a, const struct moq_wish *b);

/* Lives until it is answered or refused, or until on_request_gone has been called. It may be
 * answered later: until then, `wish` follows the peer's updates (on_request_updated), so decide on
 * policy when you serve the request. */
struct moq_request {
    enum moq_request_kind kind;  /* read-only */
    struct moq_session *session; /* read-only */
    struct moq_path *path;       /* read-only, borrowed */
    struct moq_wish wish;        /* read-only; a fetch has only the priority */
    uint64_t group, offset;      /* read-only: of a fetch; where in the group to begin */
    bool is_offset_frames;       /* read-only: `offset` counts frames (03), not bytes (02, 04) */
    void *user;                  /* private: moq_request_set_user */
};

/* Data of the owner's: NULL at first. The viewer that serves the request starts with the same. */
void moq_request_set_user(struct moq_request *request, void *user);
void *moq_request_user(const struct moq_request *request);

/* What INFO says of a track. */
struct moq_info {
    uint8_t priority, order;     /* as in moq_wish */
    uint64_t expires_ms, latest; /* 0: no limit; the highest sequence, 0: none yet */
};

struct moq_viewer;

/* The numbers that policy sets and the path of a frame reads. */
struct moq_policy {
    uint64_t latency_ns; /* a group superseded longer ago than this is skipped; 0: at once */
    uint8_t priority;    /* biased */
    uint8_t order;       /* enum moq_order; MOQ_ORDER_ANY: newest first */
    /* No more bits of its groups are sent in a second; 0: no cap. Headers and contents count, not
     * what QUIC adds or sends again. */
    uint64_t rate_bps;
    uint64_t shared_rate_bps; /* the same for all viewers that share its pacer */
    /* Where a viewer without a range begins: with the group that was the newest this long ago, or
     * else the oldest that is kept; or one of the words below. Counts when it is served. */
    uint64_t start_ns;
};

#define MOQ_START_NEWEST UINT64_C(0)
#define MOQ_START_OLDEST (UINT64_MAX - 1) /* that is kept */
#define MOQ_START_NEXT (UINT64_MAX - 2)   /* the first group that begins from now on */

/* The lowest and the highest cap that there may be. */
#define MOQ_RATE_MIN_BPS UINT64_C(8000)
#define MOQ_RATE_MAX_BPS UINT64_C(1000000000000)

/* Priority and order as in `wish`, everything else as in `defaults`; also the order if the wish has
 * MOQ_ORDER_ANY. */
struct moq_policy moq_policy_of_wish(const struct moq_policy *defaults,
                                     const struct moq_wish *wish);

/* Serves a subscribe request from `track` (a reference is taken). NULL: out of memory, and the
 * request is refused. */
struct moq_viewer *moq_request_serve(struct moq_request *request, struct moq_track *track,
                                     const struct moq_policy *policy);

/* Answers a fetch with a group of `track` that may still grow (references are taken).
 * MOQ_ERR_BOUNDS: the offset is after the end of a complete group; MOQ_ERR_NOMEM; or the error with
 * which the group was cut. In all these cases the request has been refused with that error. */
int moq_request_send_group(struct moq_request *request, struct moq_track *track,
                           struct moq_group *group);
int moq_request_send_info(struct moq_request *request, const struct moq_info *info);
void moq_request_refuse(struct moq_request *request, int error);

struct moq_viewer_stats {
    uint64_t groups_sent, groups_skipped, groups_reset, bytes_sent;
    uint64_t groups_refused; /* those of groups_reset that the peer stopped */
    uint64_t groups_late;    /* those that were cut because they were too late for its policy */
    uint64_t backlog_bytes;  /* at hand but not sent yet, of the groups being sent */
    uint64_t backlog_ns;     /* how long ago the oldest of those groups was superseded */
    uint32_t open_groups;    /* groups being sent now */
};

/* Only the owner changes policy: what was given to moq_request_serve applies until this sets
 * another one, also for groups that are being sent. */
void moq_viewer_set_policy(struct moq_viewer *viewer, const struct moq_policy *policy);
const struct moq_policy *moq_viewer_policy(const struct moq_viewer *viewer);

/* What viewers that share a cap have in common; they may be on several threads. Begins as zero. */
struct moq_pacer {
    uint64_t due_ns; /* private, atomic */
};
/* From now on, the viewer shares this pacer (NULL: none), which must live until it shares another
 * one or is closed. */
void moq_viewer_share_pacer(struct moq_viewer *viewer, struct moq_pacer *pacer);

/* Sets moq_policy_of_wish of the viewer's wish, with the current policy as the defaults: for owners
 * that have no rules of their own. */
void moq_viewer_follow_wish(struct moq_viewer *viewer);
const struct moq_wish *moq_viewer_wish(const struct moq_viewer *viewer);
struct moq_session *moq_viewer_session(const struct moq_viewer *viewer);
/* The viewer of this session that follows `after`; NULL: the first. Returns NULL at the end. */
struct moq_viewer *moq_session_next_viewer(const struct moq_session *session,
                                           const struct moq_viewer *after);
struct moq_track *moq_viewer_track(const struct moq_viewer *viewer);
void moq_viewer_stats(const struct moq_viewer *viewer, struct moq_viewer_stats *stats);
/* Whether something of this group has been sent, or the viewer is done with it. */
bool moq_viewer_has_begun(const struct moq_viewer *viewer, uint64_t sequence);
void moq_viewer_set_user(struct moq_viewer *viewer, void *user); /* begins as the request's */
void *moq_viewer_user(const struct moq_viewer *viewer);

/* Skips to the newest group: older ones are given up, and the peer is told. The viewer may be gone
 * when this returns. */
void moq_viewer_skip(struct moq_viewer *viewer);

/* Ends the viewer. `error` 0: when the groups that exist now have arrived; otherwise they are cut.
 * on_viewer_closed follows, perhaps before this returns. */
void moq_viewer_close(struct moq_viewer *viewer, int error);

/* ---- Session --------------------------------------------------------------------------------- */

/* Every entry may be NULL; a request without a handler is refused with MOQ_ERR_NOT_FOUND. */
struct moq_session_events {
    /* A version is agreed on: subscribing, fetching and the rest work from now on. */
    void (*on_ready)(struct moq_session *session);
    /* The last call, made once. The ends of all viewers, requests and queries were reported before
     * it. `error` 0: a normal end. */
    void (*on_closed)(struct moq_session *session, int error, const char *reason);
    void (*on_request)(struct moq_session *session, struct moq_request *request);
    /* The peer withdrew the request, or is gone; the request is freed after this call. */
    void (*on_request_gone)(struct moq_session *session, struct moq_request *request);
    /* A request that waits for an answer has a new wish (SUBSCRIBE_UPDATE, FETCH_UPDATE). It may be
     * answered or refused here. */
    void (*on_request_updated)(struct moq_session *session, struct moq_request *request);
    /* The viewer has a new wish. Its range and expiry already apply; its policy is up to the owner,
     * here or later. NULL: moq_viewer_follow_wish is called. */
    void (*on_viewer_updated)(struct moq_session *session, struct moq_viewer *viewer);
    /* The last call about this viewer. */
    void (*on_viewer_closed)(struct moq_session *session, struct moq_viewer *viewer);
    /* Whether this peer may see an offer of `owner`. After the answer has changed, call
     * moq_session_look_again. NULL: it sees all. */
    bool (*can_see)(struct moq_session *session, const struct moq_path *path, const void *owner);
};

struct moq_session_limits {   /* 0: the default */
    uint32_t subscriptions;   /* viewers and open requests of one peer at a time: 1024 */
    uint32_t announces;       /* announce streams of one peer: 64 */
    uint32_t announced_paths; /* active paths on one announce stream: 10000 */
    uint32_t open_groups;     /* of one viewer at a time: 16 */
    uint64_t handshake_ns;    /* until a version is agreed on: 10 s */
    /* How long a query waits for the peer to allow one more stream before it ends with
     * MOQ_ERR_STREAMS: 10 s. moq_session_announced waits without a limit. */
    uint64_t credit_ns;
};

struct moq_session_config {
    bool is_server;
    bool is_browser;   /* the peer is a web page, whose publishers read priorities as varints */
    bool is_held;      /* server: answers nothing before moq_session_release */
    uint32_t versions; /* enum moq_version, or-ed: those that we speak */
    const struct moq_clock *clock; /* kept */
    struct moq_offers *offers;     /* kept: what we announce; NULL: nothing */
    struct moq_session_limits limits;
    const struct moq_session_events *events; /* kept */
    void *user;
};

/* A session over a connected transport; the caller frees it after on_closed has returned. NULL: out
 * of memory. */
struct moq_session *moq_session_new(const struct moq_session_config *config,
                                    struct moq_transport transport);

/* The same in two steps, for servers: memory is allocated before somebody decides on the peer, so
 * nothing can fail after the decision. A session that was not started may be freed at once. */
struct moq_session *moq_session_alloc(void); /* NULL: out of memory */
void moq_session_start(struct moq_session *session, const struct moq_session_config *config,
                       struct moq_transport transport);
void moq_session_free(struct moq_session **session); /* only after moq_session_closed was called */

void *moq_session_user(const struct moq_session *session);

/* One of enum moq_version; 0 before on_ready. It is for logs: code that depends on the version asks
 * moq_session_can. */
uint32_t moq_session_version(const struct moq_session *session);

/* How many queries wait now because the peer allows no more streams at a time, not counting
 * moq_session_announced. */
uint32_t moq_session_waiting(const struct moq_session *session);

/* Whether the peer can do all of `what` (enum moq_can, or-ed). False before on_ready. */
bool moq_session_can(const struct moq_session *session, uint32_t what);

/* Asks can_see again about every offer. The peer is told that paths which it may not see any more
 * have ended, and that those which it may see now are active. */
void moq_session_look_again(struct moq_session *session);

/* Lets a held session (is_held) continue. The handshake timeout also runs while it is held. */
void moq_session_release(struct moq_session *session);

/* Tells the peer how fast we can probably send to it, in bits per second; 0: unknown. Only peers
 * with MOQ_CAN_BITRATE are told, only of changes of more than a tenth, and at most once in
 * MOQ_BITRATE_PAUSE_NS: after that time, the last value given in the meantime is sent. */
void moq_session_set_bitrate(struct moq_session *session, uint64_t bitrate_bps);
#define MOQ_BITRATE_PAUSE_NS UINT64_C(3000000000)

/* How fast the peer says it can send to us, in bits per second; 0: it has not said. */
uint64_t moq_session_peer_bitrate(const struct moq_session *session);

/* Ends the session cleanly: cuts the groups that are being sent, finishes the session stream and
 * closes the transport. on_closed follows. */
void moq_session_close(struct moq_session *session, int error, const char *reason);

/* ---- What we ask of a peer ------------------------------------------------------------------- */

struct moq_subscription;

struct moq_subscription_events { /* every entry may be NULL */
    void (*on_info)(struct moq_subscription *subscription, const struct moq_info *info);
    /* The subscription is over: 0 at the end of the track, otherwise MOQ_ERR_NOT_FOUND, ... The
     * last call. It does NOT end the `moq_track`: that is up to the owner. */
    void (*on_closed)(struct moq_subscription *subscription, int error);
};

/* Subscribes; groups that arrive are written to `track` (a reference is taken). NULL: the session
 * is not ready or closed, or out of memory. */
struct moq_subscription *moq_session_subscribe(struct moq_session *session, struct moq_track *track,
                                               const struct moq_wish *wish,
                                               const struct moq_subscription_events *events,
                                               void *user);

/* The same, where the peer knows the track as `path` (borrowed during the call). */
struct moq_subscription *moq_session_subscribe_as(struct moq_session *session,
                                                  struct moq_path *path, struct moq_track *track,
                                                  const struct moq_wish *wish,
                                                  const struct moq_subscription_events *events,
                                                  void *user);

/* For a publisher that takes over from another one, whose groups up to `latest` the track already
 * has: see moq_sequence_raise_after. Call it right after moq_session_subscribe. */
void moq_subscription_continue_after(struct moq_subscription *subscription, uint64_t latest);
void moq_subscription_update(struct moq_subscription *subscription, const struct moq_wish *wish);

/* Unsubscribes: groups that are still arriving are cut. No callback follows; sets it to NULL. */
void moq_subscription_close(struct moq_subscription **subscription);
void *moq_subscription_user(const struct moq_subscription *subscription);

struct moq_announced; /* a query for all announcements below a prefix */

struct moq_announced_events { /* `path` includes the prefix, and is borrowed */
    void (*on_active)(struct moq_announced *announced, struct moq_path *path);
    void (*on_ended)(struct moq_announced *announced, struct moq_path *path);
    /* Everything that is active now has been reported (version 02 has no marker for this: after
     * 300 ms of silence). */
    void (*on_live)(struct moq_announced *announced);
    /* The last call, after on_ended for every active path. */
    void (*on_closed)(struct moq_announced *announced, int error);
};

/* NULL as for moq_session_subscribe. */
struct moq_announced *moq_session_announced(struct moq_session *session, struct moq_path *prefix,
                                            const struct moq_announced_events *events, void *user);
void moq_announced_close(struct moq_announced **announced); /* no callbacks */
void *moq_announced_user(const struct moq_announced *announced);

struct moq_fetch;
struct moq_fetch_events {
    /* Raw wire bytes of the group, from `offset` on. */
    void (*on_data)(struct moq_fetch *fetch, const uint8_t *data, size_t n);
    void (*on_closed)(struct moq_fetch *fetch, int error); /* the last call; 0: it is complete */
};
struct moq_fetch_wish {
    uint64_t group, offset; /* the offset in bytes (02, 04) or frames (03) */
    uint8_t priority;       /* biased: 128 is neutral; higher goes first */
};
/* NULL as for moq_session_subscribe. */
struct moq_fetch *moq_session_fetch(struct moq_session *session, struct moq_path *path,
                                    const struct moq_fetch_wish *wish,
                                    const struct moq_fetch_events *events, void *user);
void moq_fetch_set_priority(struct moq_fetch *fetch, uint8_t priority); /* FETCH_UPDATE */
void moq_fetch_close(struct moq_fetch **fetch);                         /* no callback */
void *moq_fetch_user(const struct moq_fetch *fetch);

struct moq_info_query;

/* Called once, unless the query is closed before; `info` is NULL on error. */
typedef void moq_on_info(void *user, int error, const struct moq_info *info);
/* NULL as for moq_session_subscribe. */
struct moq_info_query *moq_session_info(struct moq_session *session, struct moq_path *path,
                                        moq_on_info *on_info, void *user);
void moq_info_query_close(struct moq_info_query **query); /* no callback */

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop

#include "transfork/cursor.h" /* which needs what is above */

#endif
