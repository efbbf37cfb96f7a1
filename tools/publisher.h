/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A broadcast of ours as the peers of a session see it: the output that a `karp_broadcast` is
 * written to, and the viewers of its tracks. */
#ifndef MOQ_TOOLS_PUBLISHER_H
#define MOQ_TOOLS_PUBLISHER_H

#include "karp/karp.h"
#include "native/native.h"

enum {
    /* Viewers that count for back pressure. Further ones are served as well. */
    PUBLISHER_MAX_VIEWERS = 256,
    /* Two instances with their catalogs: the one on air and the one before. */
    PUBLISHER_MAX_TRACKS = 2 * (KARP_CATALOG_MAX_TRACKS + 1),
};

struct publisher {
    struct moq_offers *offers; /* public, as the next two */
    struct moq_path *broadcast;
    uint64_t latency_ns;         /* groups superseded longer ago than this are skipped */
    struct karp_broadcast media; /* public: catalogs and frames are given to it */
    struct moq_track *tracks[PUBLISHER_MAX_TRACKS]; /* private, as the next two */
    size_t track_count;
    struct moq_viewer *viewers[PUBLISHER_MAX_VIEWERS];
    size_t viewer_count, media_viewer_count; /* read-only */
    uint64_t groups_lost;                    /* read-only */
};

/* Joins `media` to the session's side. `publisher` is zero except for its public fields. */
void publisher_init(struct publisher *publisher, const struct moq_clock *clock);
void publisher_deinit(struct publisher *publisher);

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
