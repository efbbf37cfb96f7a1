/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The media tracks of one instance, read in order: groups one after the other, tracks woven
 * together by time. A group that is late is waited for as long as the latency allows, then
 * skipped. */
#ifndef MOQ_TOOLS_PLAYER_H
#define MOQ_TOOLS_PLAYER_H

#include "karp/karp.h"
#include "native/native.h"

struct player;

struct player_track {
    struct player *player;
    size_t index; /* in the catalog */
    struct moq_track *track;
    struct moq_subscription *subscription; /* NULL: over */
    struct moq_watcher watcher;
    struct moq_group_reader reader;
    bool is_reading;                /* `reader` is in use */
    bool is_group_start;            /* nothing of the group at hand was given on */
    bool is_group_over;             /* nothing more of it will be */
    bool has_frame;                 /* `frame` is the next one to give on */
    struct karp_frame frame;        /* points into `reader` */
    uint64_t lost_first, lost_last; /* groups that never come; first > last: none */
    uint64_t over_ns;               /* when the subscription ended; 0: it runs */
    int error;                      /* why; 0: in order, or it runs */
    bool is_error_noted;
    uint64_t expected;      /* the group that should come next; MOQ_NO_GROUP: whichever */
    uint64_t to_pass;       /* frames of the group at hand that were given on before a loss */
    uint64_t idle_since_ns; /* since when it has no next frame; 0: it has one */
    uint64_t vain_ns;       /* when others waited for it in vain last; 0: never */
};

/* How far a track was given on: it goes on there when its subscription is made again. */
struct player_mark {
    bool has_begun, is_finished; /* is_finished: all of the group was given on */
    bool was_refused;            /* its subscription failed before anything came */
    bool is_late;                /* and was made again when other tracks had begun */
    unsigned failures;           /* of its subscription, since something was given on */
    uint64_t group, frames;
};

struct player_events {
    /* In decode order within a track. MOQ_ERR_EXPIRED: the group is not wanted; other errors end
     * the player. */
    int (*on_frame)(void *user, const struct karp_frame *frame);
    /* No frames now: player_pump comes when there is room. May be NULL. */
    bool (*is_full)(void *user);
};

/* `make_path` names a track; `first`: the group to begin with, or MOQ_NO_GROUP: the newest. With
 * `may_lack_start` groups from there on that are kept no more are not missed. With `is_resuming`
 * the tracks are those that the player had last, and go on where they were. */
struct player_start {
    struct moq_session *session;
    int (*make_path)(void *user, const char *name, struct moq_path **path);
    uint64_t first;
    bool may_lack_start, is_resuming;
};

struct player {
    const struct moq_clock *clock; /* public, as all down to `user` */
    uint64_t latency_ns;
    const struct player_events *events;
    void *user;
    struct karp_catalog *catalog; /* read-only, owned */
    struct player_track tracks[KARP_CATALOG_MAX_TRACKS];
    struct player_mark marks[KARP_CATALOG_MAX_TRACKS]; /* private, as the next */
    struct karp_timeline timeline;
    struct player_start start;
    bool is_playing, is_pumping, has_successor;
    int error;               /* read-only: what on_frame returned */
    uint64_t ended_ns;       /* private: when player_end was called; 0: not yet */
    uint64_t grown_ns;       /* private: when something arrived last */
    uint64_t groups_skipped; /* read-only: groups of which nothing was given on */
    uint64_t groups_cut;     /* read-only: and those that broke off before their end */
    uint64_t tracks_refused; /* read-only: of which nothing came, for their subscriptions failed */
    uint64_t tracks_late;    /* read-only: whose beginning is missing for the same reason */
    uint64_t frames, bytes;  /* read-only: given on */
};

/* Takes the catalog. 0; MOQ_ERR_NOMEM; or the error of `make_path`. */
int player_open(struct player *player, struct karp_catalog *catalog,
                const struct player_start *start);
void player_close(struct player *player);
bool player_is_open(const struct player *player);

void player_play(struct player *player); /* frames may come from now on */
/* No more is expected: what is under way may still arrive, for a while, which is short when another
 * instance waits. */
void player_end(struct player *player, bool has_successor);

/* Gives on what may be given on now. To be called from time to time; growth of a track calls it
 * too. */
void player_pump(struct player *player);
bool player_is_over(const struct player *player); /* every track has ended and was given on */

/* Subscribes again, after a pause, to tracks whose subscription failed. To be called from time to
 * time while `session` is there. */
void player_retry(struct player *player, struct moq_session *session);

/* Whether a subscription that had brought media ended with an error. */
bool player_has_broken_off(const struct player *player);

/* The broadcast is over, or given up: whatever has not come counts as missing. */
void player_settle(struct player *player);

/* Whether `catalog` has a track that the one at hand has not, or has otherwise. */
bool player_differs(const struct player *player, const struct karp_catalog *catalog);

#endif
