/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A broadcast that is being published: its catalog and media tracks as a session's peers see them.
 * Knows no input. */
#ifndef MOQ_TOOLS_PUBLISHER_H
#define MOQ_TOOLS_PUBLISHER_H

#include "karp/karp.h"
#include "native/native.h"

enum {
    PUBLISHER_MAX_VIEWERS = 256
}; /* counted for back pressure; further ones are served all the same */

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
    /* Growing; NULL: none, frames are left out until the next one may begin. */
    struct moq_group *group;
    uint64_t next_sequence;
    bool is_audio, is_cut; /* is_cut: the last group was over its bound */
};

struct publisher {
    const struct moq_clock *clock; /* public, as all down to `latency_ns` */
    struct moq_offers *offers;
    struct moq_path *broadcast;
    uint64_t latency_ns;             /* late groups are skipped */
    uint64_t id;                     /* read-only: of the newest instance; 0: none yet */
    bool is_on_air;                  /* read-only: an instance is offered */
    struct karp_catalog *catalog;    /* read-only; NULL: not known yet, so nothing can be offered */
    struct moq_track *catalog_track; /* private, as all below */
    struct publisher_track tracks[KARP_CATALOG_MAX_TRACKS];
    size_t track_count;
    /* Of the instance before, which whoever has just heard of it may still ask for. */
    struct moq_track *retired[KARP_CATALOG_MAX_TRACKS], *retired_catalog;
    size_t retired_count;
    uint64_t retired_ns; /* since when */
    struct moq_viewer *viewers[PUBLISHER_MAX_VIEWERS];
    size_t viewer_count, media_viewer_count; /* read-only */
    uint64_t groups_lost, frames, bytes;     /* read-only */
    uint64_t left_out[PUBLISHER_LOSS_COUNT]; /* read-only: frames, by reason */
};

/* Takes what the catalog says. On air, a new instance begins with it. */
int publisher_set_catalog(struct publisher *publisher, const struct karp_catalog *catalog);

/* A new instance; its media begins at the next keyframes. Only with a catalog: whoever waits for a
 * broadcast must not be told of one that may never have media. */
int publisher_go_on_air(struct publisher *publisher);
void publisher_go_off_air(struct publisher *publisher, int error);
void publisher_deinit(struct publisher *publisher);

/* Off air, before a track's keyframe, or over the bound of its group, the frame is left out and
 * counted. */
int publisher_write(struct publisher *publisher, const struct karp_frame *frame);
/* No more frames. `is_whole`: tracks end in order, as soon as each viewer has everything. Otherwise
 * the last groups are ended, and tracks only when going off air, with an error: whoever records
 * must be able to tell. */
void publisher_finish(struct publisher *publisher, bool is_whole);

/* Entries of a session's events. */
void publisher_on_request(struct publisher *publisher, struct moq_request *request);
void publisher_on_viewer_closed(struct publisher *publisher, struct moq_viewer *viewer);

struct publisher_backlog {
    uint64_t bytes, bytes_sent, groups_lost;
    uint32_t groups; /* open or waiting, of the viewer that has most */
};
void publisher_backlog(const struct publisher *publisher, struct publisher_backlog *backlog);

#endif
