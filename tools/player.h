/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads the media tracks of one instance in order: within a track group by group, across tracks by
 * time. It waits for a late group for as long as the latency allows, then skips it. */
#ifndef MOQ_TOOLS_PLAYER_H
#define MOQ_TOOLS_PLAYER_H

#include "karp/karp.h"
#include "native/native.h"

struct player;

struct player_track {
    struct player *player;
    size_t index; /* in the catalog */
    struct moq_track *track;
    struct moq_subscription *subscription; /* NULL: it has ended */
    struct moq_watcher watcher;
    struct moq_group_reader reader;
    bool is_reading;                /* `reader` is in use */
    bool is_group_start;            /* no frame of the current group has been delivered */
    bool is_group_over;             /* no further frame of it will be delivered */
    bool has_frame;                 /* `frame` is the next one to deliver */
    struct karp_frame frame;        /* points into `reader` */
    uint64_t lost_first, lost_last; /* groups that will never come; first > last: none */
    uint64_t over_ns;               /* when the subscription ended; 0: it has not */
    int error;                      /* why it ended; 0: normally, or it has not */
    bool is_error_noted;
    uint64_t expected;      /* the group that should come next; MOQ_NO_GROUP: any */
    uint64_t to_pass;       /* frames to skip: they were delivered before the session was lost */
    uint64_t idle_since_ns; /* since when there is no next frame; 0: there is one */
    uint64_t vain_ns;       /* when other tracks last gave up waiting for it; 0: never */
};

/* How far a track has been delivered. A new subscription goes on from there. */
struct player_mark {
    bool has_begun, is_finished; /* is_finished: all of the group was delivered */
    bool was_refused;            /* a subscription failed before anything had come */
    bool is_late;                /* it was made again when other tracks had already begun */
    unsigned failures;           /* failed subscriptions since the last frame */
    uint64_t group, frames;      /* the current group, and frames of it that were delivered */
};

struct player_events {
    /* Takes a frame; frames of a track come in decode order. MOQ_ERR_EXPIRED skips the rest of the
     * group. Any other error stops the player and is kept in `error`. */
    int (*on_frame)(void *user, const struct karp_frame *frame);
    /* Whether there is no room for frames at the moment. Call player_pump() when there is. May be
     * NULL. */
    bool (*is_full)(void *user);
};

struct player_start {
    struct moq_session *session;
    int (*make_path)(void *user, const char *name, struct moq_path **path); /* of a track */
    uint64_t first;      /* the group to begin with; MOQ_NO_GROUP: the newest */
    bool may_lack_start; /* groups after `first` that are no longer kept do not count as missing */
    bool is_resuming;    /* the tracks are the same as the last ones and go on where those were */
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
    uint64_t ended_ns;       /* when player_end() was called; 0: it was not */
    uint64_t grown_ns;       /* when data arrived last */
    int error;               /* read-only, as all below: what on_frame returned */
    uint64_t groups_skipped; /* groups of which nothing was delivered */
    uint64_t groups_cut;     /* groups that ended too early */
    uint64_t tracks_refused; /* tracks of which nothing came, because their subscriptions failed */
    uint64_t tracks_late;    /* tracks whose beginning is missing for the same reason */
    uint64_t frames, bytes;  /* delivered */
};

/* Subscribes to the tracks of `catalog`, which the player owns from now on, also after an error.
 * Returns 0, MOQ_ERR_NOMEM, or the error of `make_path`. */
int player_open(struct player *player, struct karp_catalog *catalog,
                const struct player_start *start);
void player_close(struct player *player);
bool player_is_open(const struct player *player);

void player_play(struct player *player); /* delivers frames from now on */
/* Tells the player that the instance has ended. What is under way may still arrive for a while,
 * which is shorter if another instance waits. */
void player_end(struct player *player, bool has_successor);

/* Delivers the frames that are due. Call it regularly; the player also calls it when a track
 * grows. */
void player_pump(struct player *player);
bool player_is_over(const struct player *player); /* every track has ended and was delivered */
/* Subscribes again, after a pause, to tracks whose subscription has failed. Call it regularly while
 * there is a session. */
void player_retry(struct player *player, struct moq_session *session);
/* Whether a subscription that had brought media has ended with an error. */
bool player_has_broken_off(const struct player *player);
/* Counts everything that has not come as missing. Call it when the broadcast has ended or is given
 * up. */
void player_settle(struct player *player);
/* Whether `catalog` has a track that the current catalog lacks or describes differently. */
bool player_differs(const struct player *player, const struct karp_catalog *catalog);

#endif
