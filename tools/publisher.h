/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A broadcast that is being published: its catalog and media tracks as peers see them. It does not
 * know where the media comes from. */
#ifndef MOQ_TOOLS_PUBLISHER_H
#define MOQ_TOOLS_PUBLISHER_H

#include "base/clock.h"
#include "karp/karp.h"
#include "native/native.h"

/* Viewers that count for back pressure. Further ones are served as well. */
enum { PUBLISHER_MAX_VIEWERS = 256, PUBLISHER_OWN_IDS = 16 };

/* An instance is the newest for at least this long, unless the input must not be held back, and is
 * offered for as long after that, because viewers take the newest instance after a short pause. */
#define PUBLISHER_INSTANCE_MIN_NS NS_PER_S

/* Why a frame was left out. X(name, words) */
#define PUBLISHER_LOSSES(X)                                                                        \
    X(OFF_AIR, "that came while the relay was away")                                               \
    X(BEFORE_KEYFRAME, "that came before a keyframe")                                              \
    X(TOO_LARGE, "of groups over 64 MiB, up to the next keyframe")

enum publisher_loss {
#define PUBLISHER_LOSS_ENUM(name, words) PUBLISHER_LOSS_##name,
    PUBLISHER_LOSSES(PUBLISHER_LOSS_ENUM)
#undef PUBLISHER_LOSS_ENUM
        PUBLISHER_LOSS_COUNT,
};

/* The words for `loss`, which follow a number of frames. */
const char *publisher_loss_words(enum publisher_loss loss);

struct publisher_track {
    struct moq_track *track;
    /* The current group. NULL: frames are left out until a group can begin. */
    struct moq_group *group;
    uint64_t next_sequence;
    bool is_audio, is_cut; /* is_cut: the last group exceeded its bound */
};

struct publisher {
    const struct moq_clock *clock; /* public, as all down to `latency_ns` */
    struct moq_offers *offers;
    struct moq_path *broadcast;
    uint64_t latency_ns;             /* groups superseded longer ago than this are skipped */
    uint64_t id;                     /* read-only: of the newest instance; 0: none yet */
    bool is_on_air;                  /* read-only: an instance is being offered */
    uint64_t began_ns;               /* private: when that instance began */
    struct karp_catalog *catalog;    /* read-only; NULL: not known yet, so nothing is offered */
    struct moq_track *catalog_track; /* private, as all below */
    struct publisher_track tracks[KARP_CATALOG_MAX_TRACKS];
    size_t track_count;
    /* The tracks of the previous instance. A viewer that has just heard of it may still ask for
     * them. */
    struct moq_track *retired[KARP_CATALOG_MAX_TRACKS], *retired_catalog;
    size_t retired_count;
    uint64_t retired_ns; /* when the next instance began */
    uint64_t own_ids[PUBLISHER_OWN_IDS];
    size_t own_count;
    struct moq_viewer *viewers[PUBLISHER_MAX_VIEWERS];
    size_t viewer_count, media_viewer_count; /* read-only */
    uint64_t groups_lost, frames, bytes;     /* read-only */
    uint64_t left_out[PUBLISHER_LOSS_COUNT]; /* read-only: frames, by reason */
};

/* Whether the instance on air began less than PUBLISHER_INSTANCE_MIN_NS ago. */
bool publisher_is_young(const struct publisher *publisher);

/* Whether `id` is one of its newest PUBLISHER_OWN_IDS instances. The relay may still announce older
 * ones for a while. */
bool publisher_is_own(const struct publisher *publisher, uint64_t id);

/* Copies the catalog. If the publisher is on air, begins a new instance. 0 or an error. */
int publisher_set_catalog(struct publisher *publisher, const struct karp_catalog *catalog);
/* Begins a new instance, whose media begins at the next keyframes. There must be a catalog: viewers
 * must not be told of a broadcast that may never have media. 0 or an error. */
int publisher_go_on_air(struct publisher *publisher);
void publisher_go_off_air(struct publisher *publisher, int error);
void publisher_deinit(struct publisher *publisher);

/* Adds a frame to the group of its track. A frame is left out and counted if the publisher is off
 * air, if no keyframe has come yet, or if the group would exceed its bound. */
int publisher_write(struct publisher *publisher, const struct karp_frame *frame);
/* Called after the last frame. If `is_whole`, the tracks end normally as soon as each viewer has
 * everything. Otherwise only the last groups end; the tracks end with an error when the publisher
 * goes off air, so that a recorder can tell that something is missing. */
void publisher_finish(struct publisher *publisher, bool is_whole);

/* To be called from the session's events of the same names. */
void publisher_on_request(struct publisher *publisher, struct moq_request *request);
void publisher_on_viewer_closed(struct publisher *publisher, struct moq_viewer *viewer);

struct publisher_backlog {
    uint64_t bytes, bytes_sent, groups_lost;
    uint32_t groups; /* groups open or waiting for the viewer that has most of them */
};
/* What the viewers have still to be sent, and what they have been sent. */
void publisher_backlog(const struct publisher *publisher, struct publisher_backlog *backlog);

#endif
