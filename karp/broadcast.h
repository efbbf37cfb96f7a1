/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A broadcast as it is published: the catalog and frames of an importer become instances, tracks
 * and groups. It knows neither sessions nor where the media comes from: everything is written to a
 * `karp_output`, which a session of a tool implements as well as a module of the relay.
 *
 * The catalog comes first, so that a viewer can ask for tracks before their first group. A new
 * catalog begins a new instance, whose groups count from 0 again. The tracks of the one before end,
 * and stay on offer for a while. */
#ifndef MOQ_KARP_BROADCAST_H
#define MOQ_KARP_BROADCAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/now.h"
#include "karp/catalog.h"
#include "karp/import.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

enum {
    KARP_BROADCAST_OWN_IDS = 16,
    /* What relays and viewers take. An output refuses more with MOQ_ERR_BOUNDS. */
    KARP_BROADCAST_GROUP_MAX_BYTES = 64 << 20,
};

/* An instance should be the newest for at least this long, and it is offered for as long after
 * that, because viewers take the newest instance after a short pause. */
#define KARP_INSTANCE_MIN_NS UINT64_C(1000000000)

/* A track to be offered, at the path of the broadcast with `id` added and then, unless it is NULL,
 * `name`. Valid during the call. */
struct karp_offer {
    const char *id;
    const char *name; /* NULL: it is the catalog of the instance */
    int8_t priority;
};

/* The bytes of one frame, in two pieces. Valid during the call. */
struct karp_frame_bytes {
    const uint8_t *head; /* NULL: there is none */
    size_t head_size;
    const uint8_t *body;
    size_t body_size;
};

/* Where a broadcast goes. The tracks and groups in it are the output's own. Functions that return
 * an int return 0 or an error, which then comes out of the function of the broadcast. */
struct karp_output {
    int (*offer_track)(void *user, const struct karp_offer *offer, void **track);
    /* Groups of a track have rising numbers, and one is open at a time. */
    int (*open_group)(void *user, void *track, uint64_t sequence, void **group);
    /* MOQ_ERR_BOUNDS: the group would be too large. It is closed then, with that error, and the
     * frames up to the next keyframe are left out. */
    int (*write_frame)(void *user, void *track, void *group, const struct karp_frame_bytes *frame);
    /* `error` 0: the group is complete. The group is the output's again. */
    void (*close_group)(void *user, void *track, void *group, int error);
    /* The track has all its groups; viewers may still come. */
    void (*end_track)(void *user, void *track);
    /* The track is not offered any more; `error` is how it ends for viewers, if it has not ended
     * before. The track is the output's again. */
    void (*withdraw_track)(void *user, void *track, int error);
    /* A warning for people, without the name of the broadcast. */
    void (*on_warning)(void *user, const char *line);
};

/* Why a frame was left out. X(name, words) */
#define KARP_OMISSIONS(X)                                                                          \
    X(OFF_AIR, "that came while the relay was away")                                               \
    X(BEFORE_KEYFRAME, "that came before a keyframe")                                              \
    X(TOO_LARGE, "of groups over 64 MiB, up to the next keyframe")

enum karp_omission {
#define KARP_OMISSION_ENUM(name, words) KARP_OMISSION_##name,
    KARP_OMISSIONS(KARP_OMISSION_ENUM)
#undef KARP_OMISSION_ENUM
        KARP_OMISSION_COUNT,
};

/* The words for `omission`, which follow a number of frames. Never NULL. */
const char *karp_omission_words(enum karp_omission omission);

struct karp_broadcast_track {
    void *track; /* read-only: the output's */
    /* Private: the current group. NULL: frames are left out until a group can begin. */
    void *group;
    uint64_t next_sequence; /* private */
    bool is_audio, is_cut;  /* private; is_cut: the last group exceeded its bound */
};

struct karp_broadcast {
    const struct karp_output *output; /* set once, with `user` and `clock`; the rest is zero then */
    void *user;
    const struct moq_clock *clock;
    uint64_t id;                  /* read-only: of the newest instance; 0: none yet */
    bool is_on_air;               /* read-only: an instance is being offered */
    struct karp_catalog *catalog; /* read-only; NULL: not known yet, so nothing is offered */
    void *catalog_track;          /* read-only, as the next two; without media: promised */
    struct karp_broadcast_track tracks[KARP_CATALOG_MAX_TRACKS];
    size_t track_count;
    /* The tracks of the previous instance. A viewer that has just heard of it may still ask for
     * them. */
    void *retired[KARP_CATALOG_MAX_TRACKS], *retired_catalog; /* read-only */
    size_t retired_count;                                     /* read-only */
    uint64_t retired_ns;                      /* private: when the next instance began */
    uint64_t began_ns;                        /* private: when the current one began */
    uint64_t own_ids[KARP_BROADCAST_OWN_IDS]; /* private */
    size_t own_count;                         /* private */
    uint64_t frames, bytes;                   /* read-only */
    uint64_t left_out[KARP_OMISSION_COUNT];   /* read-only: frames, by reason */
};

/* Whether the instance on air began less than KARP_INSTANCE_MIN_NS ago. */
bool karp_broadcast_is_young(const struct karp_broadcast *broadcast);

/* Whether `id` is one of its newest KARP_BROADCAST_OWN_IDS instances. The relay may still announce
 * older ones for a while. */
bool karp_broadcast_is_own(const struct karp_broadcast *broadcast, uint64_t id);

/* Copies the catalog. If the broadcast is on air, begins a new instance, for whose id the time of
 * the day is `wall_ms`. MOQ_ERR_NOMEM, or an error of the output. */
int karp_broadcast_set_catalog(struct karp_broadcast *broadcast, const struct karp_catalog *catalog,
                               uint64_t wall_ms);
/* Begins a new instance, whose media begins at the next keyframes. There must be a catalog: viewers
 * must not be told of a broadcast that may never have media. Errors as above; tracks that were
 * offered before the error stay, so go off air then. */
int karp_broadcast_go_on_air(struct karp_broadcast *broadcast, uint64_t wall_ms);
/* Offers the catalog's track of the next instance before there is a catalog: for media that is only
 * made once somebody asks for it. Going on air then continues that instance. Does nothing on air.
 * Errors of the output. */
int karp_broadcast_promise(struct karp_broadcast *broadcast, uint64_t wall_ms);
/* Withdraws all tracks, those that have not ended with `error`. */
void karp_broadcast_go_off_air(struct karp_broadcast *broadcast, int error);
/* Goes off air without an error and frees what the broadcast holds. */
void karp_broadcast_deinit(struct karp_broadcast *broadcast);

/* Adds a frame to the group of its track. A frame is left out and counted if the broadcast is off
 * air, if no keyframe has come yet, or if the group would exceed its bound. 0, or an error of the
 * output. */
int karp_broadcast_write(struct karp_broadcast *broadcast, const struct karp_frame *frame);
/* Withdraws the tracks of the previous instance when their time is over. Writing does this too; to
 * be called now and then where frames may stay away. */
void karp_broadcast_tick(struct karp_broadcast *broadcast);
/* Called after the last frame. If `is_whole`, the tracks end normally as soon as each viewer has
 * everything. Otherwise only the last groups end; the tracks end with an error when the broadcast
 * goes off air, so that a recorder can tell that something is missing. */
void karp_broadcast_finish(struct karp_broadcast *broadcast, bool is_whole);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
