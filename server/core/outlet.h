/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Outlets: the home's end of a link. An outlet counts like one viewer of its source. */
#ifndef MOQ_CORE_OUTLET_H
#define MOQ_CORE_OUTLET_H

#include "server/core/info.h"
#include "server/core/link.h"
#include "server/core/router.h"
#include "server/core/source.h"

struct outlet {
    struct list node; /* source.outlets, or router.outlets */
    struct router *router;
    struct link *link;
    struct moq_path *path;
    struct source *source;   /* NULL: not LINK_TRACK */
    struct moq_track *track; /* a reference to what it watches; NULL: it is silent */
    struct moq_watcher watcher;
    struct moq_wish wish;
    bool has_wish; /* somebody watches at the other end */
    struct info_query query;
};

void outlet_open(struct router *router, struct link *link); /* takes over a reference to the link */
void outlet_adjust(struct outlet *outlet);                  /* its follower wants something else */
void outlet_close(struct outlet *outlet);                   /* may be NULL */

void outlets_listen(struct source *source); /* its origin is another */
void outlets_end(struct source *source, int error);
void outlets_stop(struct router *router);

#endif
