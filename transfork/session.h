/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One connected peer: the second half of transfork/transfork.h, which includes this; include that
 * one.
 *
 * A session is made by whoever holds the connection (native/), tells its owner what the peer wants
 * through `moq_session_events`, and says when it wants to be ticked (transport.h). */
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

/* "03" or "3" is MOQ_VERSION_03; 0: not one of ours. */
uint32_t moq_version_by_name(const char *name);

/* What a peer is known to do, by the version that was agreed. A version can do what all
 * publishers that speak it are known to do. */
enum moq_can {
    MOQ_CAN_LIVE = 1 << 0,    /* it says when all that is announced now was told */
    MOQ_CAN_RANGES = 1 << 1,  /* its publishers obey min and max */
    MOQ_CAN_FETCH = 1 << 2,   /* they answer FETCH; others may panic */
    MOQ_CAN_INFO = 1 << 3,    /* they answer INFO_PLEASE; others may lose the track */
    MOQ_CAN_UPDATE = 1 << 4,  /* they read SUBSCRIBE_UPDATE as we write it */
    MOQ_CAN_BITRATE = 1 << 5, /* it knows SESSION_UPDATE */
};

/* ---- Requests: what a peer asks of us -------------------------------------------------------- */

enum moq_request_kind { MOQ_REQUEST_SUBSCRIBE, MOQ_REQUEST_FETCH, MOQ_REQUEST_INFO };

#define MOQ_NO_GROUP UINT64_MAX /* an absent min or max */

/* What a subscriber wishes; also what we tell a peer. */
struct moq_wish {
    uint8_t priority;    /* biased: 128 is neutral; higher goes first */
    uint8_t order;       /* enum moq_order */
    uint64_t expires_ms; /* 0: no limit */
    uint64_t min, max;   /* groups, both included; MOQ_NO_GROUP: absent */
};

/* Whether all fields are the same. */
bool moq_wish_equal(const struct moq_wish *a, const struct moq_wish *b);

/* Lives until it is answered or refused, or on_request_gone was called. Answering later is fine:
 * `wish` then follows the peer's updates (on_request_updated), so policy is best worked out when
 * the request is served. */
struct moq_request {
    enum moq_request_kind kind;  /* read-only */
    struct moq_session *session; /* read-only */
    struct moq_path *path;       /* read-only, borrowed */
    struct moq_wish wish;        /* read-only; a fetch has only the priority */
    uint64_t group, offset;      /* read-only: fetch; `offset` in bytes (02, 04) or frames (03) */
    bool is_offset_frames;       /* read-only */
    void *user;                  /* private: moq_request_set_user */
};

/* The owner's own data: NULL at first; the viewer that the request becomes begins with it. */
void moq_request_set_user(struct moq_request *request, void *user);
void *moq_request_user(const struct moq_request *request);

struct moq_info {
    uint8_t priority, order;
    uint64_t expires_ms, latest;
};

struct moq_viewer;

/* The numbers that policy sets and the path of a frame reads. */
struct moq_policy {
    uint64_t latency_ns; /* a group superseded longer ago than this is skipped; 0: at once */
    uint8_t priority;    /* biased */
    uint8_t order;       /* enum moq_order; MOQ_ORDER_ANY: newest first */
};

/* Priority and order as the peer wishes; the latency is the default's, and so is the order when the
 * wish has no opinion about it. */
struct moq_policy moq_policy_of_wish(const struct moq_policy *defaults,
                                     const struct moq_wish *wish);

/* Serves a subscribe request from `track` (a reference is taken). NULL: out of memory, and the
 * request is refused. */
struct moq_viewer *moq_request_serve(struct moq_request *request, struct moq_track *track,
                                     const struct moq_policy *policy);

/* Answers a fetch with a group of `track` that may still grow (references are taken).
 * MOQ_ERR_BOUNDS: the offset is after the end of a complete group; MOQ_ERR_NOMEM; or why the group
 * was cut. On error the request was refused with it. */
int moq_request_send_group(struct moq_request *request, struct moq_track *track,
                           struct moq_group *group);
int moq_request_send_info(struct moq_request *request, const struct moq_info *info);
void moq_request_refuse(struct moq_request *request, int error);

struct moq_viewer_stats {
    uint64_t groups_sent, groups_skipped, groups_reset, bytes_sent;
    uint64_t groups_refused; /* of those that were reset: the peer wanted no more of them */
    uint64_t backlog_bytes;  /* there and not sent yet, of the groups that are open */
    uint64_t backlog_ns;     /* how long ago the oldest of those was superseded */
    uint32_t open_groups;
};

/* Policy is the owner's alone: it is what was given to moq_request_serve until this sets another.
 * Groups under way follow at once. */
void moq_viewer_set_policy(struct moq_viewer *viewer, const struct moq_policy *policy);
const struct moq_policy *moq_viewer_policy(const struct moq_viewer *viewer);

/* Sets moq_policy_of_wish with the present policy as the default: what owners without rules of
 * their own do on an update. */
void moq_viewer_follow_wish(struct moq_viewer *viewer);
const struct moq_wish *moq_viewer_wish(const struct moq_viewer *viewer);
struct moq_session *moq_viewer_session(const struct moq_viewer *viewer);
struct moq_track *moq_viewer_track(const struct moq_viewer *viewer);
void moq_viewer_stats(const struct moq_viewer *viewer, struct moq_viewer_stats *stats);
void moq_viewer_set_user(struct moq_viewer *viewer, void *user); /* begins as the request's */
void *moq_viewer_user(const struct moq_viewer *viewer);

/* 0: the end of the track, once the groups there are now have arrived. Otherwise they are cut.
 * on_viewer_closed follows, perhaps before this returns. */
void moq_viewer_close(struct moq_viewer *viewer, int error);

/* ---- Session --------------------------------------------------------------------------------- */

/* Every entry may be NULL; a request without a handler is refused with MOQ_ERR_NOT_FOUND. */
struct moq_session_events {
    /* Versions are agreed: subscribe, announce and fetch from now on. */
    void (*on_ready)(struct moq_session *session);
    /* The last call, once; viewers, requests and subscriptions were told before. */
    void (*on_closed)(struct moq_session *session, int error, const char *reason);
    void (*on_request)(struct moq_session *session, struct moq_request *request);
    /* The peer took the request back, or is gone. */
    void (*on_request_gone)(struct moq_session *session, struct moq_request *request);
    /* The request has a new wish (SUBSCRIBE_UPDATE, FETCH_UPDATE) while it waits for an answer. It
     * may be answered or refused here. */
    void (*on_request_updated)(struct moq_session *session, struct moq_request *request);
    /* The viewer has a new wish. Its range and expiry hold already; its policy is for the owner to
     * set, here or later. NULL: moq_viewer_follow_wish. */
    void (*on_viewer_updated)(struct moq_session *session, struct moq_viewer *viewer);
    /* The last call about this viewer. */
    void (*on_viewer_closed)(struct moq_session *session, struct moq_viewer *viewer);
    /* Whether this peer may see an offer of `owner`; NULL: all. */
    bool (*can_see)(struct moq_session *session, const struct moq_path *path, const void *owner);
};

struct moq_session_limits {   /* 0: the default */
    uint32_t subscriptions;   /* viewers and open requests of one peer at a time: 1024 */
    uint32_t announces;       /* announce streams of one peer: 64 */
    uint32_t announced_paths; /* active paths on one announce stream: 10000 */
    uint32_t open_groups;     /* of one viewer at a time: 16 */
    uint64_t handshake_ns;    /* until the session is agreed: 10 s */
    /* How long a question of ours (a subscription, a fetch, ...) waits until the peer allows one
     * more stream; then it ends with MOQ_ERR_STREAMS: 10 s. What it announces is asked for as long
     * as it takes. */
    uint64_t credit_ns;
};

struct moq_session_config {
    bool is_server;
    bool is_browser;   /* the peer is a page: its publisher reads priorities as varints */
    bool is_held;      /* server: nothing is answered before moq_session_release */
    uint32_t versions; /* enum moq_version, or-ed: what we speak */
    const struct moq_clock *clock; /* kept */
    struct moq_offers *offers;     /* kept; what we announce; NULL: nothing */
    struct moq_session_limits limits;
    const struct moq_session_events *events; /* kept */
    void *user;
};

/* A session over a connected transport. NULL: out of memory. The caller frees it after on_closed,
 * not in it. */
struct moq_session *moq_session_new(const struct moq_session_config *config,
                                    struct moq_transport transport);

/* A server's in two steps: the memory is taken before somebody decides on the peer, so that nothing
 * can fail after that. One that was not started is freed as it is. */
struct moq_session *moq_session_alloc(void); /* NULL: out of memory */
void moq_session_start(struct moq_session *session, const struct moq_session_config *config,
                       struct moq_transport transport);
void moq_session_free(struct moq_session **session); /* only after moq_session_closed was called */

void *moq_session_user(const struct moq_session *session);

/* Of enum moq_version; 0 before on_ready. To decide by, ask moq_session_can. */
uint32_t moq_session_version(const struct moq_session *session);

/* How many questions of ours wait now, and not for ever, because the peer allows no more streams
 * at a time. */
uint32_t moq_session_waiting(const struct moq_session *session);

/* Whether the peer can do all of `what` (enum moq_can, or-ed). Nothing before on_ready. */
bool moq_session_can(const struct moq_session *session, uint32_t what);

/* Lets a session that is held (is_held) go on. Its handshake timeout runs meanwhile. */
void moq_session_release(struct moq_session *session);

/* Tells the peer how fast we believe we can send to it, in bits per second; 0: unknown.
 * Only peers that can (MOQ_CAN_BITRATE) hear of it, and only of changes of more than a tenth, at
 * most once in MOQ_BITRATE_PAUSE_NS: the last one that came meanwhile follows then. */
void moq_session_set_bitrate(struct moq_session *session, uint64_t bitrate_bps);
#define MOQ_BITRATE_PAUSE_NS UINT64_C(3000000000)

/* What the peer last told of how fast it can send to us, in bits per second; 0: nothing. */
uint64_t moq_session_peer_bitrate(const struct moq_session *session);

/* Ends the session in order: running groups are cut, the session stream is finished, the transport
 * closed. */
void moq_session_close(struct moq_session *session, int error, const char *reason);

/* ---- What we ask of a peer ------------------------------------------------------------------- */

struct moq_subscription;

struct moq_subscription_events { /* every entry may be NULL */
    void (*on_info)(struct moq_subscription *subscription, const struct moq_info *info);
    /* It is over: 0: the track's end; MOQ_ERR_NOT_FOUND, ...; last call. The track was NOT ended:
     * that is the owner's choice. */
    void (*on_closed)(struct moq_subscription *subscription, int error);
};

/* Subscribes; groups that arrive are written to `track` (a reference is taken). NULL: out of
 * memory, not ready or closed. */
struct moq_subscription *moq_session_subscribe(struct moq_session *session, struct moq_track *track,
                                               const struct moq_wish *wish,
                                               const struct moq_subscription_events *events,
                                               void *user);

/* The track has groups already, up to `latest`, from another publisher whose place this one takes:
 * see moq_sequence_raise_after. Call it right after moq_session_subscribe. */
void moq_subscription_continue_after(struct moq_subscription *subscription, uint64_t latest);
void moq_subscription_update(struct moq_subscription *subscription, const struct moq_wish *wish);

/* Unsubscribes: groups under way are cut, no callback follows; sets it to NULL. */
void moq_subscription_close(struct moq_subscription **subscription);
void *moq_subscription_user(const struct moq_subscription *subscription);

struct moq_announced; /* our question "what is there under this prefix?" */

struct moq_announced_events { /* `path` is whole, prefix included, and borrowed */
    void (*on_active)(struct moq_announced *announced, struct moq_path *path);
    void (*on_ended)(struct moq_announced *announced, struct moq_path *path);
    /* All that is active now was told (02: 300 ms of silence). */
    void (*on_live)(struct moq_announced *announced);
    /* After on_ended for every active path; last call. */
    void (*on_closed)(struct moq_announced *announced, int error);
};

struct moq_announced *moq_session_announced(struct moq_session *session, struct moq_path *prefix,
                                            const struct moq_announced_events *events, void *user);
void moq_announced_close(struct moq_announced **announced); /* no callbacks */
void *moq_announced_user(const struct moq_announced *announced);

struct moq_fetch;
struct moq_fetch_events {
    /* Raw wire bytes of the group, from `offset` on. */
    void (*on_data)(struct moq_fetch *fetch, const uint8_t *data, size_t n);
    void (*on_closed)(struct moq_fetch *fetch, int error); /* 0: all of it; last call */
};
struct moq_fetch_wish {
    uint64_t group, offset; /* bytes (02, 04) or frames (03) */
    uint8_t priority;
};
struct moq_fetch *moq_session_fetch(struct moq_session *session, struct moq_path *path,
                                    const struct moq_fetch_wish *wish,
                                    const struct moq_fetch_events *events, void *user);
void moq_fetch_set_priority(struct moq_fetch *fetch, uint8_t priority); /* FETCH_UPDATE */
void moq_fetch_close(struct moq_fetch **fetch);                         /* no callback */
void *moq_fetch_user(const struct moq_fetch *fetch);

struct moq_info_query;

/* Called once; `info` is NULL on error. */
typedef void moq_on_info(void *user, int error, const struct moq_info *info);
struct moq_info_query *moq_session_info(struct moq_session *session, struct moq_path *path,
                                        moq_on_info *on_info, void *user);
void moq_info_query_close(struct moq_info_query **query); /* no callback */

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
