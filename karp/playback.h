/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads the media tracks of one instance in order: within a track group by group, across tracks by
 * time. It waits for a late group for as long as the latency allows, then skips it.
 *
 * It knows neither sessions nor where tracks come from: they are read from a `karp_input`, which a
 * session of a tool implements as well as a module of the relay. An input is pulled: groups wait in
 * it until they are read, so nothing is kept here but the next frame of each track. */
#ifndef MOQ_KARP_PLAYBACK_H
#define MOQ_KARP_PLAYBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/now.h"
#include "karp/catalog.h"
#include "karp/import.h"
#include "karp/timeline.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

#define KARP_ANY_GROUP UINT64_MAX /* to begin with: the newest one */

struct karp_playback_track;

/* A track of the instance that is played. Valid during the call. */
struct karp_wanted {
    const char *name; /* valid until the track is closed */
    int8_t priority;
    uint64_t first; /* the group to begin with; KARP_ANY_GROUP: the newest */
};

struct karp_input_group {
    uint64_t sequence;
    uint64_t began_ns; /* when it began to arrive */
};

/* Where tracks are read from. `handle` is what open_track made; groups of a track are read one
 * after the other, in rising order. While a track is open, the input calls the functions
 * karp_playback_on_* below, but not from inside those of this table, with one exception: next_group
 * may tell of gaps and of the end. */
struct karp_input {
    /* Begins to bring the track `track`. MOQ_ERR_CLOSED: it cannot be brought now, but perhaps
     * later. Any other error comes out of karp_playback_open. */
    int (*open_track)(void *user, struct karp_playback_track *track,
                      const struct karp_wanted *wanted, void **handle);
    void (*close_track)(void *user, void *handle); /* also when the track has ended */
    /* The group after the one that is being read, or the first one; groups in between have not
     * arrived. False: there is none now, or the input cannot look past the current group. */
    bool (*next_group)(void *user, void *handle, struct karp_input_group *group);
    /* Begins to read the group that next_group tells of, and leaves the one before. */
    void (*begin_group)(void *user, void *handle);
    /* The next frame of that group, valid until the next call of one of these functions for this
     * track. MOQ_ERR_AGAIN: it has not arrived yet; MOQ_ERR_END: the group is complete; or why the
     * group was cut. */
    int (*read_frame)(void *user, void *handle, const uint8_t **data, size_t *size);
    /* When a newer group than the one that is being read began to arrive. 0: it is the newest, or
     * the input itself cuts groups that are late. */
    uint64_t (*superseded_ns)(void *user, const void *handle);
    /* The rest of that group is not wanted, because of `error`. */
    void (*leave_group)(void *user, void *handle, int error);
};

struct karp_playback_events {
    /* Takes a frame; frames of a track come in decode order. MOQ_ERR_EXPIRED skips the rest of the
     * group. Any other error stops playback and is kept in `error`. */
    int (*on_frame)(void *user, const struct karp_frame *frame);
    /* Whether there is no room for frames at the moment. Call karp_playback_pump() when there is.
     * May be NULL. */
    bool (*is_full)(void *user);
    void (*on_warning)(void *user, const char *line); /* for people */
};

struct karp_playback_track { /* private */
    struct karp_playback *playback;
    size_t index;                   /* in the catalog */
    void *handle;                   /* NULL: it is not open */
    bool is_reading;                /* a group has been begun */
    bool is_group_start;            /* no frame of the current group has been delivered */
    bool is_group_over;             /* no further frame of it will be delivered */
    bool has_frame;                 /* `frame` is the next one to deliver */
    uint64_t sequence;              /* of the current group */
    struct karp_frame frame;        /* points into the input */
    uint64_t lost_first, lost_last; /* groups that will never come; first > last: none */
    uint64_t over_ns;               /* when the input ended it; 0: it has not */
    int error;                      /* why it ended; 0: normally, or it has not */
    bool is_error_noted;
    uint64_t expected;      /* the group that should come next; KARP_ANY_GROUP: any */
    uint64_t to_pass;       /* frames to skip: they were delivered before the track was lost */
    uint64_t idle_since_ns; /* since when there is no next frame; 0: there is one */
    uint64_t vain_ns;       /* when other tracks last gave up waiting for it; 0: never */
};

/* Private: how far a track has been delivered. A track that is opened again goes on from there. */
struct karp_playback_mark {
    bool has_begun, is_finished; /* is_finished: all of the group was delivered */
    bool was_refused;            /* the track failed before anything had come */
    bool is_late;                /* it was opened again when other tracks had already begun */
    unsigned failures;           /* since the last frame */
    uint64_t group, frames;      /* the current group, and frames of it that were delivered */
};

struct karp_playback_start {
    uint64_t first;      /* the group to begin with; KARP_ANY_GROUP: the newest */
    bool may_lack_start; /* groups after `first` that are no longer kept do not count as missing */
    bool is_resuming;    /* the tracks are the same as the last ones and go on where those were */
};

struct karp_playback {
    const struct moq_clock *clock; /* set once, as all down to `user`; the rest is zero then */
    uint64_t latency_ns;
    const struct karp_input *input;
    void *input_user;
    const struct karp_playback_events *events;
    void *user;
    struct karp_catalog *catalog; /* read-only, owned; NULL: it is not open */
    struct karp_playback_track tracks[KARP_CATALOG_MAX_TRACKS];
    struct karp_playback_mark marks[KARP_CATALOG_MAX_TRACKS];
    struct karp_timeline timeline; /* private, as the next two */
    struct karp_playback_start start;
    bool is_pumping, has_successor;
    bool is_playing;         /* read-only: karp_playback_play() was called */
    uint64_t ended_ns;       /* private: when karp_playback_end() was called; 0: it was not */
    uint64_t grown_ns;       /* private: when data arrived last */
    int error;               /* read-only, as all below: what on_frame returned */
    uint64_t groups_skipped; /* groups of which nothing was delivered */
    uint64_t groups_cut;     /* groups that ended too early */
    uint64_t tracks_refused; /* tracks of which nothing came, because they failed */
    uint64_t tracks_late;    /* tracks whose beginning is missing for the same reason */
    uint64_t frames, bytes;  /* delivered */
};

/* Opens the tracks of `catalog`, which is owned from now on, also after an error. Returns 0, or the
 * error of the input. */
int karp_playback_open(struct karp_playback *playback, struct karp_catalog *catalog,
                       const struct karp_playback_start *start);
void karp_playback_close(struct karp_playback *playback);
bool karp_playback_is_open(const struct karp_playback *playback);

/* Delivers frames from now on. */
void karp_playback_play(struct karp_playback *playback);
/* Tells that the instance has ended. What is under way may still arrive for a while, which is
 * shorter if another instance waits. */
void karp_playback_end(struct karp_playback *playback, bool has_successor);

/* Delivers the frames that are due. Call it regularly, while it is open; it is also done when a
 * track grows. */
void karp_playback_pump(struct karp_playback *playback);
/* Opens tracks that have failed again, after a pause. Call it regularly, while it is open and the
 * input can bring tracks. */
void karp_playback_retry(struct karp_playback *playback);
/* Whether every track has ended and was delivered. It must be open. */
bool karp_playback_is_over(const struct karp_playback *playback);
/* Whether a track that had brought media has ended with an error. */
bool karp_playback_has_broken_off(const struct karp_playback *playback);
/* Counts everything that has not come as missing. Call it when the broadcast has ended or is given
 * up. */
void karp_playback_settle(struct karp_playback *playback);
/* Whether `catalog` has a track that the current catalog lacks or describes differently. It must be
 * open. */
bool karp_playback_differs(const struct karp_playback *playback,
                           const struct karp_catalog *catalog);

/* ---- What the input tells -------------------------------------------------------------------- */

/* A group has begun, grown or ended: delivers what is due. */
void karp_playback_on_growth(struct karp_playback_track *track);
/* The groups `first` to `last` will never come. */
void karp_playback_on_gap(struct karp_playback_track *track, uint64_t first, uint64_t last);
/* No group follows those that are there. `error` 0: a normal end. The handle stays open. */
void karp_playback_on_end(struct karp_playback_track *track, int error);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
