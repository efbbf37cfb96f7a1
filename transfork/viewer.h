/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A viewer: a peer's subscription that we serve. It is a cursor, never a queue: it knows which
 * groups it is done with, and asks one rule (viewer_next_group) which group to open now, afresh
 * each time that something changes. */
#ifndef MOQ_VIEWER_H
#define MOQ_VIEWER_H

#include "transfork/sequences.h"
#include "transfork/session_state.h"

#ifdef __cplusplus
extern "C" {
#endif

struct send_group;

struct viewer_pace {          /* all zero: no cap */
    struct moq_pacer own;     /* for policy.rate_bps */
    struct moq_pacer *shared; /* for policy.shared_rate_bps; NULL: none */
    uint64_t credit;          /* bytes that are reserved ... */
    uint64_t credit_ns;       /* ... and may go from then on */
    bool is_capped;
    bool is_held; /* its streams sleep until credit_ns */
};

struct moq_viewer {
    struct grave grave;
    struct list node; /* in its session's viewers */
    struct moq_session *session;
    struct moq_stream *stream; /* the subscribe stream; NULL once the viewer is over */
    struct moq_track *track;
    struct moq_watcher watcher;
    struct moq_wish wish;
    struct moq_policy policy;
    uint64_t id;
    uint64_t info_end;   /* length of the subscribe stream's log up to and with INFO */
    uint64_t started_ns; /* when we began to serve */

    bool has_history;      /* it began before the newest group */
    bool has_start;        /* the first group is known, so `done` is valid */
    struct sequences done; /* groups that were opened, skipped or reported missing */
    struct list groups;    /* send_group.node, the latest opened first */
    uint64_t begun_end;    /* one more than the newest group that was begun; 0: none was */
    uint32_t unsent;       /* how many of `groups` are not entirely in packets */

    bool is_greeted;        /* INFO is in a packet, so groups may follow */
    bool is_waiting_turn;   /* there is a group to open, but no room or no credit */
    bool is_waiting_credit; /* there is room, but no stream credit or no memory */
    bool is_ending;         /* no new groups will come: the track ended, or the owner closed it */
    struct viewer_pace pace;
    int failure; /* the peer does not read its GAPs: the next update ends the viewer with this */
    /* Skipped groups that the peer has not been told of yet; first > last: none. */
    struct sequence_run gap;
    int gap_error;
    struct moq_viewer_stats stats;
    /* How much of the track's dropped_count is dealt with: dropped before the viewer began, or
     * counted as skipped. */
    uint64_t dropped_counted;
    void *user;
};

/* Begins to serve; takes over the stream. NULL: out of memory. */
struct moq_viewer *viewer_new(struct moq_stream *stream, uint64_t id, struct moq_track *track);
/* Call it after INFO is written and wish and policy are set. */
void viewer_start(struct moq_viewer *viewer);
void viewer_info_sent(struct moq_viewer *viewer); /* more of the subscribe stream is in packets */

/* Cuts, opens and reports groups after something changed. The viewer may be over afterwards. */
void viewer_update(struct moq_viewer *viewer);

/* Applies a new wish of the peer. Its range holds at once; the owner is told and sets the
 * policy. */
void viewer_update_wish(struct moq_viewer *viewer, const struct moq_wish *update);

/* The subscribe stream is over: cuts all groups and tells the owner. */
void viewer_over(struct moq_viewer *viewer);

/* Gives its streams their urgencies: the priority, then their places in the viewer's order. The
 * first streams of a session's viewers take turns. Call it when a group was opened, begun, sent or
 * cut, or when the policy has changed. */
void viewer_arrange(struct moq_viewer *viewer);

/* ---- What it will not get (viewer_gaps.c) ---------------------------------------------------- */

void viewer_clear_gap(struct moq_viewer *viewer);
/* Sends `gap` as a GAP message. Sets `failure` if the peer does not read these messages. */
void viewer_tell_gap(struct moq_viewer *viewer);
/* Adds a run to what the peer has to be told. Adjacent runs with the same reason become one
 * message. */
void viewer_add_gap(struct moq_viewer *viewer, struct sequence_run run, int error);
/* Marks groups as done: they were opened, or are not wanted any more. */
void viewer_mark_done(struct moq_viewer *viewer, struct sequence_run run);
/* Marks groups as done, counts them as skipped and has the peer told. */
void viewer_lose(struct moq_viewer *viewer, struct sequence_run run, int error);
/* The same for a run of groups of which some may be there and others never were. */
void viewer_skip_run(struct moq_viewer *viewer, struct sequence_run run);
/* Marks groups as done that the publisher reported missing, and has the peer told. */
void viewer_pass_on_loss(struct moq_viewer *viewer, struct sequence_run run, int error);
/* How many groups of a hole were missed. A hole may be of groups that never were, so at most as
 * many count as the cache has dropped since *dropped_counted was its dropped_count, and each of
 * these only once. */
uint64_t viewer_missed_in_hole(const struct moq_track *track, struct sequence_run hole,
                               uint64_t *dropped_counted);

/* ---- Its rate (viewer_pace.c) ---------------------------------------------------------------- */

/* For a viewer that is capped: how many bytes may go now. 0: none, and its streams are woken
 * later. */
uint64_t viewer_pace_room(struct moq_viewer *viewer);
void viewer_pace_sent(struct moq_viewer *viewer, struct send_group *sending, uint64_t n);
void viewer_pace_tick(struct moq_viewer *viewer);
/* Before its rates change or it ends, and after they have changed. */
void viewer_pace_drop(struct moq_viewer *viewer);
void viewer_pace_renew(struct moq_viewer *viewer);

/* ---- What its streams tell (send_group.c) ---------------------------------------------------- */

void viewer_group_begun(struct moq_viewer *viewer, struct send_group *sending); /* first bytes */
void viewer_group_sent(struct moq_viewer *viewer);   /* a group is entirely in packets */
void viewer_group_closed(struct moq_viewer *viewer); /* acknowledged, and out of the list */
void viewer_group_refused(struct moq_viewer *viewer, uint64_t sequence); /* the peer stopped it */

/* ---- The skip rule (viewer_next.c): pure functions of what they are given -------------------- */

/* What the skip rule looks at. */
struct viewer_view {
    const struct moq_policy *policy;
    const struct moq_wish *wish;
    const struct moq_track *track;
    const struct sequences *done;
    uint64_t started_ns, now_ns;
    bool has_history; /* what was superseded before it came is not late */
};

/* The group to open now: by the policy's order the newest, or the oldest that is within its
 * latency. NULL: none. */
struct moq_group *viewer_next_group(const struct viewer_view *view);

/* Whether a group is later than policy and expiry allow. The answer holds until *until_ns if
 * nothing else happens. */
bool viewer_group_is_late(const struct viewer_view *view, const struct moq_group *group,
                          uint64_t *until_ns);

/* Why a group is not to be opened or continued: MOQ_ERR_EXPIRED, or the error that cut it; else 0.
 * The answer holds until *until_ns if nothing else happens. */
int viewer_group_fault(const struct viewer_view *view, const struct moq_group *group,
                       uint64_t *until_ns);

/* The lowest run of groups that are not done and never will be: skipped, expired, cut or lost.
 * False: none now, and *until_ns says when to ask again. */
bool viewer_next_loss(const struct viewer_view *view, struct sequence_run *lost, int *error,
                      uint64_t *until_ns);

#ifdef __cplusplus
}
#endif
#endif
