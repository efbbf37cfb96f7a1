/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The mesh: what this node knows of the others, and what follows from it. Pure: the module gives it
 * links and frames and does what it asks for; the simulator does the same for 200 of them.
 *
 *   map      who there is, and the cheapest way to each node: link state, told on from neighbour to
 *            neighbour
 *   paths    what is published at which node: read from each node itself, by the same ways on which
 *            media travel
 *
 * A path that several nodes have belongs to the newest of them (the highest stamp), as on a single
 * relay the newest publisher feeds a track. All nodes that know the same agree on that, so a track
 * is fetched along the ways to one node, and goes over each link once. */
#ifndef MOQ_CLUSTER_MESH_H
#define MOQ_CLUSTER_MESH_H

#include "modules/cluster/map.h"

enum {
    MESH_LINKS_MAX = WIRE_LINKS_MAX,
    MESH_PATHS_MAX = 131072, /* that are known, of all nodes */
};

struct mesh;

/* Writes a frame of a track. `is_first`: it begins a group. */
typedef void mesh_write(void *user, const uint8_t *frame, size_t size, bool is_first);

/* Links are named by numbers of the owner, never 0. None of these may call the mesh. */
struct mesh_ops {
    mesh_write *write_map;   /* internal/map */
    mesh_write *write_paths; /* the list of this node's own paths */
    /* From now on, the list of this node's paths is read by way of `link`; 0: it is not read. */
    void (*read_paths)(void *user, struct map_node *node, uint64_t link);
    /* This path is to be had from `link`, or not any more. A spare is one that is used if the way
     * that is better fails; promoted, it is the better one. */
    void (*offer)(void *user, uint64_t link, const char *path, bool is_spare);
    void (*promote)(void *user, uint64_t link, const char *path);
    void (*withdraw)(void *user, uint64_t link, const char *path);
};

struct mesh_config {
    const char *name; /* of this node */
    uint64_t boot;    /* milliseconds since 1970 */
    const struct mesh_ops *ops;
    void *user;
};

struct mesh *mesh_new(const struct mesh_config *config); /* NULL: out of memory */
void mesh_free(struct mesh **mesh);

/* There is a link to a neighbour; it is gone. What the mesh does about it, it does in
 * mesh_settle. 0, or -1: MESH_LINKS_MAX. */
int mesh_link_up(struct mesh *mesh, uint64_t link, const char *name, uint64_t cost);
void mesh_link_down(struct mesh *mesh, uint64_t link);

/* A frame of a neighbour's map, or of a node's list; `is_first`: it began a group. MESH_MALFORMED:
 * whoever sent it should not be listened to; MESH_FULL: a limit is reached, and it is ignored. */
enum { MESH_MALFORMED = -1, MESH_FULL = -2 };
int mesh_hear_map(struct mesh *mesh, const uint8_t *frame, size_t size);
int mesh_hear_paths(struct mesh *mesh, struct map_node *node, const uint8_t *frame, size_t size,
                    bool is_first);

/* A path that is published at this node begins to be offered, or ends. -1: there are too many, and
 * other nodes do not learn of it. */
int mesh_begin_path(struct mesh *mesh, const char *path);
void mesh_end_path(struct mesh *mesh, const char *path);

void mesh_leave(struct mesh *mesh); /* others are told that this node drains */

/* To be called once after each turn in which one of the above was: finds the ways anew, tells
 * others, and calls read_paths, offer and withdraw for what has changed. */
void mesh_settle(struct mesh *mesh, uint64_t now_ns);

const struct map *mesh_map(const struct mesh *mesh);
/* Where a path is fetched: the node that has it. NULL: it is not known, or this node has it. */
const struct map_node *mesh_home(const struct mesh *mesh, const char *path);
size_t mesh_path_count(const struct mesh *mesh);
const char *mesh_name(const struct mesh *mesh);

#endif
