/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Requests for tracks: a SUBSCRIBE, FETCH or INFO on its way. Hooks decide first, then it may wait
 * for a publisher. */
#ifndef MOQ_CORE_TRACK_REQUEST_H
#define MOQ_CORE_TRACK_REQUEST_H

#include "server/core/info.h"
#include "server/core/peer.h"
#include "server/core/route.h"

/* How long a publisher, or another worker, may take to answer a query before the relay answers by
 * itself. */
#define CORE_REPLY_TIMEOUT_NS (1 * NS_PER_S)

struct track_request {
    struct list node; /* route.waiting */
    struct core_request request;
    struct moq_request *asked;          /* its user is this */
    struct config_verdict policy_class; /* by the path it asked for */
    struct route *route;                /* while it waits */
    struct info_query query;            /* while a publisher is asked for INFO */
    uint64_t deadline_ns;               /* while it waits */
};

void track_request_arrived(struct core_peer *peer, struct moq_request *asked);
/* Forgets it: it is answered otherwise, or its peer took it back. */
void track_request_gone(struct moq_request *asked);
void track_request_refuse(struct track_request *request, int error);
/* Until somebody answers, and so long at most; then it is refused, or INFO gets what is always
 * true. */
void track_request_wait(struct track_request *request, struct route *route, uint64_t wait_ns);

void track_requests_wake(struct route *route); /* a publisher came, or a feed is ready */
void track_requests_sweep(struct router *router);

#endif
