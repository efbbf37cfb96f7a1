/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* INFO: what is known of a track, and queries to a publisher or worker that knows more. */
#ifndef MOQ_CORE_INFO_H
#define MOQ_CORE_INFO_H

#include "server/core/feed.h"
#include "server/core/router.h"

/* All zero: closed. */
struct info_query {
    moq_on_info *on_info; /* set by the caller */
    void *user;
    const struct feed_ops *feed; /* private */
    void *handle;                /* private; NULL: nothing is under way */
    /* Private: the publisher that is asked; NULL: not a peer of this worker. */
    struct core_peer *peer;
};

extern const struct moq_info info_unknown; /* what is true of every track */

struct moq_info info_of(const struct moq_track *track);

/* 0: *info has what this worker knows. MOQ_ERR_AGAIN: the publisher is asked, and `on_info`
 * follows. MOQ_ERR_NOT_FOUND: nobody publishes the path, or with `is_local_only`, nobody on this
 * worker. */
int info_find(struct router *router, const struct moq_path *path, bool is_local_only,
              struct moq_info *info, struct info_query *query);
void info_query_close(struct info_query *query); /* no callback follows */

#endif
