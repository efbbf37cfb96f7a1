/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The map: all nodes that are known and the links between them, and from this node the cheapest way
 * to each of them. Pure: no clock, no sockets.
 *
 * Each node advertises its own links, and a link counts if both ends advertise it; its cost is the
 * higher one of the two that they state, so all nodes agree on it. Ways are the cheapest; of equal
 * ones that with fewer hops; of those, that whose first hop has the lower name. Each hop of a way
 * is nearer to its end, on every node that has the same map, so there are no circles. */
#ifndef MOQ_CLUSTER_MAP_H
#define MOQ_CLUSTER_MAP_H

#define HASH_NONFATAL_OOM 1 /* then hh.tbl of what is added is NULL */
#include <uthash.h>

#include "base/list.h"
#include "modules/cluster/wire.h"

enum {
    MAP_NODES_MAX = 1024,
    MAP_COST_MAX = 1 << 20,     /* of one link */
    MAP_LEAVING_COST = 1 << 24, /* added to links of a node that is leaving */
    MAP_KEEP_LOST_S = 300,      /* how long a node is remembered that cannot be reached */
};
#define MAP_NO_WAY UINT64_MAX

struct map_edge {
    struct map_node *to;
    uint64_t cost;
};

struct map_node {
    UT_hash_handle hh;
    char name[WIRE_NAME_BYTES];
    uint64_t boot, sequence; /* of its last advert; 0: none has come */
    bool is_leaving;
    size_t edge_count;
    struct map_edge *edges; /* as it advertises them */
    uint64_t cost;          /* from this node; MAP_NO_WAY: it cannot be reached */
    uint32_t hops;
    struct map_node *first;  /* the neighbour that begins the way; NULL: none, or this node */
    struct map_node *before; /* the last but one node of the way */
    bool is_settled;         /* private */
    /* For the owner: what it knows to be at the node, and how many; the link that begins the way
     * (0: none); since when there is none; and whatever else. */
    struct list held;
    size_t held_count;
    uint64_t link, lost_ns;
    void *user;
};

struct map {
    struct map_node *nodes; /* uthash, by name */
    struct map_node *self;
};

int map_init(struct map *map, const char *name); /* 0, or -1: out of memory */
void map_deinit(struct map *map);

struct map_node *map_find(const struct map *map, struct wire_text name); /* NULL: it is unknown */
/* The same, and makes it if there is none. NULL: out of memory, or over MAP_NODES_MAX. */
struct map_node *map_get(struct map *map, struct wire_text name);

enum map_news {
    MAP_OLD,  /* it was known */
    MAP_NEW,  /* the map has changed */
    MAP_MINE, /* it is said to be of this node, and newer than what that says itself */
    MAP_FULL, /* out of memory, or over MAP_NODES_MAX: it is ignored */
};
enum map_news map_hear(struct map *map, const struct wire_advert *advert);

/* What this node says of itself. -1: out of memory, or too many nodes; nothing has changed. */
int map_say(struct map *map, const struct wire_advert *advert);

/* What a node advertises; `advert` borrows from the map. */
void map_advert(const struct map_node *node, struct wire_advert *advert);

/* Finds the ways anew: sets cost, hops, first and before of every node. */
void map_find_ways(struct map *map);

/* Forgets a node that cannot be reached and that no other one has as a neighbour. */
bool map_forget(struct map *map, struct map_node *node);

#endif
