/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A request for a track: a SUBSCRIBE, FETCH or INFO that is not answered yet. Hooks decide first,
 * then it may wait for a publisher. */
#ifndef MOQ_CORE_TRACK_REQUEST_H
#define MOQ_CORE_TRACK_REQUEST_H

#include "server/core/fetch.h"
#include "server/core/info.h"
#include "server/core/route.h"

/* How long a publisher, or another worker, may take to answer a query before the relay answers by
 * itself. */
#define CORE_REPLY_TIMEOUT_NS (1 * NS_PER_S)

struct track_request {
    struct router *router;
    struct core_request request;
    struct moq_request *asked;    /* its user pointer is this request */
    bool is_asking_feed;          /* not ready yet, although its route is woken */
    struct route_waiter waiting;  /* for a publisher, or for its answer */
    struct fetch_waiter fetching; /* while a group is fetched */
    struct info_query query;      /* while a publisher is asked for INFO */
};

extern const struct route_waiter_ops track_request_waiting; /* calls for requests that wait */

void track_request_arrived(struct router *router, struct core_peer *peer,
                           struct moq_request *asked);
/* Forgets a request that was answered, or that its peer withdrew. */
void track_request_gone(struct moq_request *asked);

#endif
