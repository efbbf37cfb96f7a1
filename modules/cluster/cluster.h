/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The module from the inside. The mesh and everything that is read or written for it is on the
 * first worker, the *hub*. Sessions with other relays are *links*, on whichever worker they are;
 * links and hub send each other posts. */
#ifndef MOQ_CLUSTER_CLUSTER_H
#define MOQ_CLUSTER_CLUSTER_H

#include <relay/module.h>

#include "base/list.h"
#include "modules/cluster/mesh.h"
#include "modules/cluster/settings.h"

/* Paths with which relays tell each other of themselves; see wire.h. */
#define CLUSTER_INTERNAL "internal"
#define CLUSTER_MAP "internal/map"

struct hub;
struct cluster_dial;

struct cluster_worker { /* in the worker's slot */
    struct relay_worker *worker;
    struct list links;          /* link_peer.node */
    struct cluster_dial *dials; /* on the first worker; else NULL */
    struct hub *hub;            /* on the first worker; else NULL */
};

/* In the slot of each peer. */
struct link_peer {
    struct list node; /* cluster_worker.links, while it is a link */
    struct relay_peer *peer;
    uint64_t number; /* of the link, which is that of the peer; 0: it is none */
};

/* relay_data: all workers by number, set before the first session. */
static inline struct cluster_worker **cluster_workers(const struct relay_worker *worker)
{
    return (struct cluster_worker **)relay_data(relay_worker_self(worker));
}

static inline struct cluster_worker *cluster_here(const struct relay_worker *worker)
{
    return (struct cluster_worker *)relay_worker_slot(worker);
}

/* ---- links.c: on the worker of each link ----------------------------------------------------- */

/* The peer is another relay: the hub is told, and looks whether it has a map. Again: nothing. */
void link_begin(struct relay_peer *peer, uint64_t cost);
void link_end(struct relay_peer *peer); /* its session is over; nothing, if it is no link */

/* What the hub asks of a link, wherever it is. */
enum link_order {
    LINK_OFFER,    /* `path` is to be had from it */
    LINK_SPARE,    /* the same, if nothing better is left */
    LINK_PROMOTE,  /* what was a spare is the best */
    LINK_WITHDRAW, /* not any more */
    LINK_IS_OURS,  /* it has a map, and needs no announcements */
};
/* [worker] of the hub. False: out of memory, or too many wait. */
bool link_send(struct relay_worker *hub, uint64_t link, uint32_t worker, enum link_order order,
               const char *path);

/* ---- hub.c: on the first worker -------------------------------------------------------------- */

struct hub *hub_new(struct relay_worker *worker, const struct cluster_config *config);
void hub_free(struct hub **hub);
/* Is the track below which a neighbour's map is read, as text: "internal/peer/7/map". */
enum { HUB_MAP_NAME_BYTES = 64 };
char *hub_map_name(uint64_t link, char out[HUB_MAP_NAME_BYTES]);
void hub_link_begins(struct hub *hub, uint64_t link, uint32_t worker, uint64_t cost);
void hub_link_ends(struct hub *hub, uint64_t link);

#endif
