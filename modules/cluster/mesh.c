/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The mesh: links and frames come in, ways are found, and what follows is told to the owner.
 * Tested by tests/unit/modules/test_cluster_mesh.c. */
#include "modules/cluster/mesh.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/varint.h"
#include "modules/cluster/paths.h"

struct mesh_link {
    struct list node; /* mesh.links, the oldest first */
    uint64_t number, cost;
    struct map_node *to;
};

/* One of the two tracks. A group holds everything at its beginning, and then changes. When these
 * are more than the beginning, a new group costs readers that come later less. */
struct mesh_track {
    mesh_write *write;
    uint64_t whole_bytes, change_bytes;
    bool has_begun;
};
enum { TRACK_CHANGES_MIN_BYTES = 65536 };

struct mesh {
    struct map map;
    struct paths paths;
    struct list links;
    size_t link_count;
    uint64_t boot, sequence;
    uint64_t now_ns; /* of the last mesh_settle */
    struct mesh_track map_track, paths_track;
    bool is_leaving, are_links_new, is_map_new;
    const struct mesh_ops *ops;
    void *user;
    uint8_t frame[WIRE_FRAME_BYTES];
    struct wire_frame read;
};

static struct wire_text text_of(const char *text)
{
    return (struct wire_text){text, strlen(text)};
}

struct mesh *mesh_new(const struct mesh_config *config)
{
    struct mesh *mesh = calloc(1, sizeof *mesh);
    if (!mesh)
        return NULL;
    list_init(&mesh->links);
    paths_init(&mesh->paths);
    mesh->boot = config->boot;
    mesh->ops = config->ops;
    mesh->user = config->user;
    mesh->map_track.write = config->ops->write_map;
    mesh->paths_track.write = config->ops->write_paths;
    mesh->are_links_new = true;
    if (map_init(&mesh->map, config->name) == 0)
        return mesh;
    free(mesh);
    return NULL;
}

void mesh_free(struct mesh **mesh)
{
    struct mesh *mine = *mesh;
    *mesh = NULL;
    if (!mine)
        return;
    for (struct list *node; (node = list_pop_front(&mine->links));)
        free(container_of(node, struct mesh_link, node));
    paths_deinit(&mine->paths);
    map_deinit(&mine->map);
    free(mine);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static bool needs_new_group(const struct mesh_track *track)
{
    return !track->has_begun || (track->change_bytes > track->whole_bytes &&
                                 track->change_bytes > TRACK_CHANGES_MIN_BYTES);
}

/* Writes the frame that was put together. */
static void put_frame(struct mesh *mesh, const struct mesh_track *track, size_t size, bool is_first)
{
    if (size > 0)
        track->write(mesh->user, mesh->frame, size, is_first);
}

/* At the beginning of a group. */
static void put_part(struct mesh *mesh, struct mesh_track *track, size_t size)
{
    put_frame(mesh, track, size, false);
    track->whole_bytes += size;
}

static void put_change(struct mesh *mesh, struct mesh_track *track, size_t size)
{
    put_frame(mesh, track, size, false);
    track->change_bytes += size;
}

static void begin_group(struct mesh *mesh, struct mesh_track *track)
{
    size_t size = wire_hello(mesh->frame, mesh->map.self->name);
    put_frame(mesh, track, size, true);
    track->has_begun = true;
    track->whole_bytes = size;
    track->change_bytes = 0;
}

static void write_whole_map(struct mesh *mesh)
{
    begin_group(mesh, &mesh->map_track);
    for (const struct map_node *node = mesh->map.nodes; node; node = node->hh.next) {
        struct wire_advert *advert = &mesh->read.advert;
        if (node->sequence == 0)
            continue;
        map_advert(node, advert);
        put_part(mesh, &mesh->map_track, wire_advert(mesh->frame, advert));
    }
}

/* Tells neighbours of one node. */
static void write_advert(struct mesh *mesh, const struct map_node *node)
{
    if (needs_new_group(&mesh->map_track)) {
        write_whole_map(mesh);
        return;
    }
    map_advert(node, &mesh->read.advert);
    put_change(mesh, &mesh->map_track, wire_advert(mesh->frame, &mesh->read.advert));
}

static void write_all_paths(struct mesh *mesh)
{
    begin_group(mesh, &mesh->paths_track);
    list_for_each (at, &mesh->map.self->held) {
        const struct holding *holding = container_of(at, struct holding, of_node);
        put_part(mesh, &mesh->paths_track,
                 wire_offered(mesh->frame, holding->path->text, holding->stamp));
    }
    put_part(mesh, &mesh->paths_track, wire_listed(mesh->frame));
}

static void write_path_change(struct mesh *mesh, size_t size)
{
    if (needs_new_group(&mesh->paths_track)) {
        write_all_paths(mesh);
        return;
    }
    put_change(mesh, &mesh->paths_track, size);
}

/* ---- Links ----------------------------------------------------------------------------------- */

int mesh_link_up(struct mesh *mesh, uint64_t number, const char *name, uint64_t cost)
{
    struct map_node *to =
        mesh->link_count < MESH_LINKS_MAX ? map_get(&mesh->map, text_of(name)) : NULL;
    struct mesh_link *link = to ? calloc(1, sizeof *link) : NULL;
    if (!link)
        return -1;
    *link = (struct mesh_link){.number = number, .cost = cost, .to = to};
    list_push_back(&mesh->links, &link->node);
    mesh->link_count++;
    mesh->are_links_new = true;
    return 0;
}

void mesh_link_down(struct mesh *mesh, uint64_t number)
{
    list_for_each (node, &mesh->links) {
        struct mesh_link *link = container_of(node, struct mesh_link, node);
        if (link->number != number)
            continue;
        list_remove(&link->node);
        free(link);
        mesh->link_count--;
        mesh->are_links_new = true;
        return;
    }
}

void mesh_leave(struct mesh *mesh)
{
    mesh->is_leaving = true;
    mesh->are_links_new = true;
}

/* The cheapest link to a neighbour, the oldest of several. NULL: there is none. */
static const struct mesh_link *link_to(const struct mesh *mesh, const struct map_node *to)
{
    const struct mesh_link *best = NULL;
    list_for_each (node, &mesh->links) {
        const struct mesh_link *link = container_of(node, struct mesh_link, node);
        if (link->to == to && (!best || link->cost < best->cost))
            best = link;
    }
    return best;
}

static void fill_advert(struct mesh *mesh, struct wire_advert *advert)
{
    *advert = (struct wire_advert){.name = text_of(mesh->map.self->name),
                                   .boot = mesh->boot,
                                   .sequence = ++mesh->sequence,
                                   .is_leaving = mesh->is_leaving};
    list_for_each (node, &mesh->links) {
        const struct mesh_link *link = container_of(node, struct mesh_link, node);
        if (link == link_to(mesh, link->to))
            advert->links[advert->link_count++] =
                (struct wire_link){text_of(link->to->name), link->cost};
    }
}

static void write_own_advert(struct mesh *mesh)
{
    fill_advert(mesh, &mesh->read.advert);
    mesh->are_links_new = false;
    if (map_say(&mesh->map, &mesh->read.advert))
        return;
    mesh->is_map_new = true;
    write_advert(mesh, mesh->map.self);
}

/* ---- Hearing --------------------------------------------------------------------------------- */

static int hear_advert(struct mesh *mesh, const struct wire_advert *advert)
{
    switch (map_hear(&mesh->map, advert)) {
    case MAP_OLD:
        return 0;
    case MAP_FULL:
        return MESH_FULL;
    case MAP_MINE:
        /* Of an earlier life, when the clock was ahead. */
        mesh->boot = advert->boot + (advert->boot < VARINT_MAX);
        mesh->are_links_new = true;
        return 0;
    case MAP_NEW:
        break;
    }
    mesh->is_map_new = true;
    struct map_node *node = map_find(&mesh->map, advert->name);
    if (!node->link)
        node->lost_ns = mesh->now_ns;
    write_advert(mesh, node);
    return 0;
}

int mesh_hear_map(struct mesh *mesh, const uint8_t *data, size_t size)
{
    int result = wire_read(&mesh->read, data, size);
    if (result < 0)
        return MESH_MALFORMED;
    return result == 0 && mesh->read.kind == WIRE_ADVERT ? hear_advert(mesh, &mesh->read.advert)
                                                         : 0;
}

static void mark_stale(struct map_node *node)
{
    list_for_each (at, &node->held)
        container_of(at, struct holding, of_node)->is_stale = true;
}

static void drop_stale(struct mesh *mesh, struct map_node *node)
{
    list_for_each_safe (at, &node->held) {
        struct holding *holding = container_of(at, struct holding, of_node);
        if (holding->is_stale)
            paths_drop(&mesh->paths, holding);
    }
}

static int hold_path(struct mesh *mesh, struct map_node *node, struct wire_text path,
                     uint64_t stamp)
{
    struct path_entry *entry = paths_get(&mesh->paths, path, MESH_PATHS_MAX);
    int error = entry ? paths_hold(&mesh->paths, entry, node, stamp + (stamp == 0)) : -1;
    if (entry && error)
        paths_tidy(&mesh->paths, entry);
    return error ? MESH_FULL : 0;
}

static void let_path_go(struct mesh *mesh, const struct map_node *node, struct wire_text path)
{
    struct path_entry *entry = paths_find(&mesh->paths, path);
    struct holding *holding = entry ? paths_holding(entry, node) : NULL;
    if (holding)
        paths_drop(&mesh->paths, holding);
}

int mesh_hear_paths(struct mesh *mesh, struct map_node *node, const uint8_t *data, size_t size,
                    bool is_first)
{
    int result = wire_read(&mesh->read, data, size);
    if (result < 0)
        return MESH_MALFORMED;
    if (is_first)
        mark_stale(node);
    if (result > 0)
        return 0;
    if (mesh->read.kind == WIRE_OFFERED)
        return hold_path(mesh, node, mesh->read.path, mesh->read.stamp);
    if (mesh->read.kind == WIRE_ENDED)
        let_path_go(mesh, node, mesh->read.path);
    else if (mesh->read.kind == WIRE_LISTED)
        drop_stale(mesh, node);
    return 0;
}

/* ---- Own paths ------------------------------------------------------------------------------- */

int mesh_begin_path(struct mesh *mesh, const char *path)
{
    const struct path_entry *known = paths_find(&mesh->paths, text_of(path));
    uint64_t highest = known ? paths_highest_stamp(known) : 0;
    uint64_t stamp = highest < VARINT_MAX ? highest + 1 : highest;
    if (hold_path(mesh, mesh->map.self, text_of(path), stamp))
        return -1;
    write_path_change(mesh, wire_offered(mesh->frame, path, stamp));
    return 0;
}

void mesh_end_path(struct mesh *mesh, const char *path)
{
    let_path_go(mesh, mesh->map.self, text_of(path));
    write_path_change(mesh, wire_ended(mesh->frame, path));
}

/* ---- What follows ---------------------------------------------------------------------------- */

static void note_all_paths(struct mesh *mesh, const struct map_node *node)
{
    list_for_each (at, &node->held)
        paths_note_change(&mesh->paths, container_of(at, struct holding, of_node)->path);
}

static void settle_node(struct mesh *mesh, struct map_node *node, uint64_t now_ns)
{
    const struct mesh_link *link = node->first ? link_to(mesh, node->first) : NULL;
    uint64_t number = link ? link->number : 0;
    if (number == node->link)
        return;
    node->link = number;
    node->lost_ns = now_ns;
    note_all_paths(mesh, node);
    mesh->ops->read_paths(mesh->user, node, number);
}

/* The new way is there before the old one goes, so viewers are moved and not dropped. */
static void set_link(struct mesh *mesh, struct path_entry *entry, uint64_t link)
{
    uint64_t before = entry->link;
    if (link == before)
        return;
    entry->link = link;
    if (link && link == entry->spare) {
        entry->spare = 0;
        mesh->ops->promote(mesh->user, link, entry->text);
    } else if (link) {
        mesh->ops->offer(mesh->user, link, entry->text, false);
    }
    if (before)
        mesh->ops->withdraw(mesh->user, before, entry->text);
}

static void set_spare(struct mesh *mesh, struct path_entry *entry, uint64_t link)
{
    if (link == entry->spare)
        return;
    if (entry->spare)
        mesh->ops->withdraw(mesh->user, entry->spare, entry->text);
    if (link)
        mesh->ops->offer(mesh->user, link, entry->text, true);
    entry->spare = link;
}

static void settle_path(struct mesh *mesh, struct path_entry *entry)
{
    const struct holding *home = paths_home(entry);
    uint64_t link = home && home->node != mesh->map.self ? home->node->link : 0;
    const struct holding *spare = paths_spare(entry, link);
    set_link(mesh, entry, link);
    set_spare(mesh, entry, spare ? spare->node->link : 0);
}

static void forget_lost(struct mesh *mesh, uint64_t now_ns)
{
    struct map_node *node, *next;
    HASH_ITER(hh, mesh->map.nodes, node, next)
    {
        if (node == mesh->map.self || node->link ||
            now_ns < node->lost_ns + MAP_KEEP_LOST_S * NS_PER_S)
            continue;
        while (!list_is_empty(&node->held))
            paths_drop(&mesh->paths, container_of(node->held.next, struct holding, of_node));
        if (!link_to(mesh, node))
            map_forget(&mesh->map, node);
    }
}

void mesh_settle(struct mesh *mesh, uint64_t now_ns)
{
    mesh->now_ns = now_ns;
    if (mesh->are_links_new)
        write_own_advert(mesh);
    if (!mesh->paths_track.has_begun)
        write_all_paths(mesh);
    if (mesh->is_map_new) {
        mesh->is_map_new = false;
        map_find_ways(&mesh->map);
        struct map_node *node, *next;
        HASH_ITER(hh, mesh->map.nodes, node, next)
        settle_node(mesh, node, now_ns);
    }
    forget_lost(mesh, now_ns);
    for (struct list *node; (node = list_pop_front(&mesh->paths.changed));) {
        struct path_entry *entry = container_of(node, struct path_entry, changed);
        settle_path(mesh, entry);
        paths_tidy(&mesh->paths, entry);
    }
}

/* ---- Looking --------------------------------------------------------------------------------- */

const struct map *mesh_map(const struct mesh *mesh)
{
    return &mesh->map;
}

const struct map_node *mesh_home(const struct mesh *mesh, const char *path)
{
    const struct path_entry *entry = paths_find(&mesh->paths, text_of(path));
    const struct holding *home = entry ? paths_home(entry) : NULL;
    return home && home->node != mesh->map.self ? home->node : NULL;
}

size_t mesh_path_count(const struct mesh *mesh)
{
    return HASH_COUNT(mesh->paths.table);
}

const char *mesh_name(const struct mesh *mesh)
{
    return mesh->map.self->name;
}
