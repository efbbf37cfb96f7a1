/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A publisher as other workers know it: who it is. It never changes, and all announcements of a
 * peer share one, on all workers, so telling of many paths costs a pointer each. */
#ifndef MOQ_CORE_PUBLISHER_H
#define MOQ_CORE_PUBLISHER_H

#include "server/core/hooks.h"

/* What is special about an announcement, or-ed. Other workers are told. */
enum announcement_mark {
    ANNOUNCEMENT_GIVEN = 1, /* its peer has not made it: core_peer_offer */
    ANNOUNCEMENT_QUIET = 2, /* nobody is told of it, but whoever knows it may watch */
    ANNOUNCEMENT_SPARE = 4, /* it feeds the track only if no other one does */
};

struct publisher {
    uint32_t refs; /* atomic */
    bool is_cluster;
    uint64_t peer; /* core_peer_number */
    const char *address, *identity, *path, *query, *claims;
    char texts[];
};

/* As the peer is now, with its present grants. NULL: out of memory. */
struct publisher *publisher_new(const struct core_peer *peer);
/* Any thread; both may be given NULL. */
struct publisher *publisher_ref(struct publisher *publisher);
void publisher_unref(struct publisher **publisher); /* sets it to NULL */

#endif
