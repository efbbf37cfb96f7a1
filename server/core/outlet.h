/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Outlets: the home's end of a link. An outlet counts like one viewer of its source. */
#ifndef MOQ_CORE_OUTLET_H
#define MOQ_CORE_OUTLET_H

#include "server/core/fetch.h"
#include "server/core/info.h"
#include "server/core/link.h"
#include "server/core/router.h"
#include "server/core/source.h"

struct outlet {
    struct list node; /* router.outlets */
    struct router *router;
    struct link *link;
    struct moq_path *path;
    struct source *source;   /* NULL: not LINK_TRACK */
    struct moq_track *track; /* a reference to the track that it watches; NULL: it is silent */
    struct moq_watcher watcher;
    struct source_listener listener; /* to `source` */
    struct info_query query;
    struct fetch_waiter fetching; /* while a group is fetched */
};

extern const struct link_home outlet_home; /* what links ask of the worker that has the publisher */

void outlets_stop(struct router *router);

#endif
