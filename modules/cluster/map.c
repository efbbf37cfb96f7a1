/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Adverts are kept as a graph, in which Dijkstra's algorithm finds the ways. It looks through all
 * nodes for the nearest one instead of keeping a heap: with MAP_NODES_MAX that takes milliseconds,
 * and happens only when a link comes or goes.
 * Tested by tests/unit/modules/test_cluster_mesh.c. */
#include "modules/cluster/map.h"

#include <stdlib.h>
#include <string.h>

/* ---- Nodes ----------------------------------------------------------------------------------- */

struct map_node *map_find(const struct map *map, struct wire_text name)
{
    struct map_node *node;
    HASH_FIND(hh, map->nodes, name.data, name.size, node);
    return node;
}

struct map_node *map_get(struct map *map, struct wire_text name)
{
    struct map_node *node = map_find(map, name);
    if (node || name.size >= WIRE_NAME_BYTES || HASH_COUNT(map->nodes) >= MAP_NODES_MAX)
        return node;
    node = calloc(1, sizeof *node);
    if (!node)
        return NULL;
    memcpy(node->name, name.data, name.size);
    node->cost = MAP_NO_WAY;
    list_init(&node->held);
    HASH_ADD(hh, map->nodes, name, name.size, node);
    if (node->hh.tbl)
        return node;
    free(node);
    return NULL;
}

int map_init(struct map *map, const char *name)
{
    *map = (struct map){.nodes = NULL};
    map->self = map_get(map, (struct wire_text){name, strlen(name)});
    return map->self ? 0 : -1;
}

static void free_node(struct map *map, struct map_node *node)
{
    HASH_DEL(map->nodes, node);
    free(node->edges);
    free(node);
}

void map_deinit(struct map *map)
{
    struct map_node *node, *next;
    HASH_ITER(hh, map->nodes, node, next)
    free_node(map, node);
}

static bool is_named(const struct map *map, const struct map_node *wanted)
{
    for (const struct map_node *node = map->nodes; node; node = node->hh.next)
        for (size_t i = 0; i < node->edge_count; i++)
            if (node->edges[i].to == wanted)
                return true;
    return false;
}

bool map_forget(struct map *map, struct map_node *node)
{
    if (node == map->self || node->cost != MAP_NO_WAY || is_named(map, node))
        return false;
    free_node(map, node);
    return true;
}

/* ---- Adverts --------------------------------------------------------------------------------- */

static bool is_newer(const struct wire_advert *advert, const struct map_node *node)
{
    return advert->boot != node->boot ? advert->boot > node->boot
                                      : advert->sequence > node->sequence;
}

/* The edges of an advert. NULL: out of memory, or too many nodes. */
static struct map_edge *edges_of(struct map *map, const struct wire_advert *advert)
{
    struct map_edge *edges = calloc(advert->link_count ? advert->link_count : 1, sizeof *edges);
    for (size_t i = 0; edges && i < advert->link_count; i++) {
        const struct wire_link *link = &advert->links[i];
        edges[i].to = map_get(map, link->to);
        edges[i].cost = link->cost < MAP_COST_MAX ? link->cost + (link->cost == 0) : MAP_COST_MAX;
        if (edges[i].to)
            continue;
        free(edges);
        return NULL;
    }
    return edges;
}

static int keep_advert(struct map *map, struct map_node *node, const struct wire_advert *advert)
{
    struct map_edge *edges = edges_of(map, advert);
    if (!edges)
        return -1;
    free(node->edges);
    node->edges = edges;
    node->edge_count = advert->link_count;
    node->boot = advert->boot;
    node->sequence = advert->sequence;
    node->is_leaving = advert->is_leaving;
    return 0;
}

enum map_news map_hear(struct map *map, const struct wire_advert *advert)
{
    struct map_node *node = map_get(map, advert->name);
    if (!node)
        return MAP_FULL;
    if (!is_newer(advert, node))
        return MAP_OLD;
    if (node == map->self)
        return MAP_MINE;
    return keep_advert(map, node, advert) ? MAP_FULL : MAP_NEW;
}

int map_say(struct map *map, const struct wire_advert *advert)
{
    return keep_advert(map, map->self, advert);
}

static struct wire_text text_of(const struct map_node *node)
{
    return (struct wire_text){node->name, strlen(node->name)};
}

void map_advert(const struct map_node *node, struct wire_advert *advert)
{
    advert->name = text_of(node);
    advert->boot = node->boot;
    advert->sequence = node->sequence;
    advert->is_leaving = node->is_leaving;
    advert->link_count = node->edge_count;
    for (size_t i = 0; i < node->edge_count; i++)
        advert->links[i] = (struct wire_link){text_of(node->edges[i].to), node->edges[i].cost};
}

/* ---- Ways ------------------------------------------------------------------------------------ */

/* The cost that the other end states; MAP_NO_WAY: it does not advertise the link. */
static uint64_t cost_back(const struct map_node *from, const struct map_node *to)
{
    for (size_t i = 0; i < to->edge_count; i++)
        if (to->edges[i].to == from)
            return to->edges[i].cost;
    return MAP_NO_WAY;
}

static uint64_t cost_of(const struct map_node *from, const struct map_edge *edge)
{
    uint64_t back = cost_back(from, edge->to);
    if (back == MAP_NO_WAY)
        return MAP_NO_WAY;
    bool is_leaving = from->is_leaving || edge->to->is_leaving;
    return (edge->cost > back ? edge->cost : back) + (is_leaving ? MAP_LEAVING_COST : 0);
}

struct way {
    uint64_t cost;
    uint32_t hops;
    struct map_node *first;
};

static bool is_better(const struct way *way, const struct map_node *node)
{
    if (way->cost != node->cost)
        return way->cost < node->cost;
    if (way->hops != node->hops)
        return way->hops < node->hops;
    return strcmp(way->first->name, node->first->name) < 0;
}

static void try_edge(struct map *map, struct map_node *from, const struct map_edge *edge)
{
    uint64_t cost = edge->to->is_settled ? MAP_NO_WAY : cost_of(from, edge);
    if (cost == MAP_NO_WAY)
        return;
    const struct way way = {from->cost + cost, from->hops + 1,
                            from == map->self ? edge->to : from->first};
    if (!is_better(&way, edge->to))
        return;
    edge->to->cost = way.cost;
    edge->to->hops = way.hops;
    edge->to->first = way.first;
    edge->to->before = from;
}

/* The nearest of those whose way is not settled. NULL: no other one can be reached. */
static struct map_node *nearest_node(const struct map *map)
{
    struct map_node *nearest = NULL;
    for (struct map_node *node = map->nodes; node; node = node->hh.next)
        if (!node->is_settled && node->cost != MAP_NO_WAY &&
            (!nearest || node->cost < nearest->cost))
            nearest = node;
    return nearest;
}

void map_find_ways(struct map *map)
{
    for (struct map_node *node = map->nodes; node; node = node->hh.next) {
        node->is_settled = false;
        node->cost = MAP_NO_WAY;
        node->hops = 0;
        node->first = node->before = NULL;
    }
    map->self->cost = 0;
    for (struct map_node *node; (node = nearest_node(map));) {
        node->is_settled = true;
        for (size_t i = 0; i < node->edge_count; i++)
            try_edge(map, node, &node->edges[i]);
    }
}
