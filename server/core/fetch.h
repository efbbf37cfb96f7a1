/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Fetches: one group by its number, under way from a publisher or another worker. */
#ifndef MOQ_CORE_FETCH_H
#define MOQ_CORE_FETCH_H

#include "server/core/route.h"
#include "server/core/router.h"

enum { CORE_FETCHES_MAX = 256 }; /* under way at a time, of one worker */

struct track_request;

struct fetch {
    struct list node; /* router.fetches */
    struct router *router;
    const struct feed_ops *feed; /* of whoever is asked */
    void *upstream;              /* the feed's handle; NULL: over */
    bool is_local;               /* a publisher of this worker is asked */
    bool is_adopted;             /* the group's bytes are another worker's */
    struct moq_track *track;     /* holds just this group */
    struct moq_group *group;     /* a reference; NULL: not known yet */
    struct moq_path *path;
    uint64_t sequence;
};

struct fetch_wish {
    struct moq_path *path;
    uint64_t group;
    uint8_t priority;
    bool is_local_only; /* nothing is asked of other workers */
};

/* 0: the group, cached or on its way, and its track, both borrowed. MOQ_ERR_AGAIN: it is asked for,
 * and those who wait on the route (track_request_wait) are answered. MOQ_ERR_NOT_FOUND. */
int fetch_find(struct router *router, const struct fetch_wish *wish, struct moq_track **track,
               struct moq_group **group);
void fetch_request(struct track_request *request);
void fetches_stop(struct router *router);

/* For feeds. Either its bytes are brought: the group begins empty (0 or MOQ_ERR_NOMEM) ... */
int fetch_open_group(struct fetch *fetch);
void fetch_append(struct fetch *fetch, const uint8_t *data, size_t n);
/* ... or they are another worker's; fetch_follow when there are more of them. Both may free it. */
void fetch_adopt(struct fetch *fetch, struct moq_group_body *body);
void fetch_follow(struct fetch *fetch);
/* 0: all of it is here; else as much as there will be. The handle is over; frees the fetch. */
void fetch_over(struct fetch *fetch, int error);

#endif
