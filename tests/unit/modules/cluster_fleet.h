/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A fleet of meshes on a network without bytes: in each round, every node hears what its neighbours
 * had written before the round. So a round is the time that a frame takes over one link. */
#ifndef MOQ_TEST_CLUSTER_FLEET_H
#define MOQ_TEST_CLUSTER_FLEET_H

#include "modules/cluster/mesh.h"

enum { FLEET_NODES_MAX = 256, FLEET_LINKS_MAX = 4096 };

struct fleet_frame {
    uint8_t *data;
    size_t size;
};

struct fleet_track { /* the present group */
    struct fleet_frame *frames;
    size_t count, room;
    uint64_t group;
};

struct fleet_reader {
    uint64_t group; /* 0: nothing was read */
    size_t next;
};

struct fleet_offer {
    char *path;
    uint64_t link;
    bool is_spare;
};

struct fleet_node {
    struct fleet *fleet;
    struct mesh *mesh; /* NULL: it is down */
    char name[32];
    struct fleet_track map, paths;
    struct fleet_reader lists[FLEET_NODES_MAX]; /* of the other nodes' paths */
    uint64_t list_links[FLEET_NODES_MAX];       /* by way of which they are read; 0: they are not */
    struct fleet_offer *offers;
    size_t offer_count, offer_room;
    uint64_t boot;
};

struct fleet_link { /* both directions; its number is its index + 1 */
    size_t ends[2];
    uint64_t cost;
    bool is_up;
    struct fleet_reader readers[2]; /* of the map of the other end */
};

struct fleet {
    struct fleet_node nodes[FLEET_NODES_MAX];
    struct fleet_link links[FLEET_LINKS_MAX];
    size_t node_count, link_count;
    uint64_t now_ns;
    uint64_t frames, bytes; /* that crossed links */
    uint64_t calls;         /* of offer and withdraw */
};

struct fleet *fleet_new(size_t nodes);
void fleet_free(struct fleet *fleet);

size_t fleet_link(struct fleet *fleet, size_t a, size_t b, uint64_t cost); /* its number */
void fleet_cut(struct fleet *fleet, size_t link);
void fleet_mend(struct fleet *fleet, size_t link);
void fleet_stop(struct fleet *fleet, size_t node);                 /* its links go with it */
void fleet_start(struct fleet *fleet, size_t node, uint64_t boot); /* and come back with it */

/* Runs rounds until nothing is heard any more, at most `limit`. Returns how many it took. */
size_t fleet_run(struct fleet *fleet, size_t limit);

enum { FLEET_NO_WAY = -1, FLEET_CIRCLE = -2 };
/* From `node`, goes where the path is offered from, to the node that has it. Returns the cost of
 * the way, or one of the above; *home is the node where it ends. */
int64_t fleet_trace(const struct fleet *fleet, size_t node, const char *path, size_t *home);

#endif
