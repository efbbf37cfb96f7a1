/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The tracks of a fleet are kept in memory, and read frame by frame. */
#include "tests/unit/modules/cluster_fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"

/* ---- What a mesh asks for -------------------------------------------------------------------- */

static void clear_track(struct fleet_track *track)
{
    for (size_t i = 0; i < track->count; i++)
        free(track->frames[i].data);
    track->count = 0;
}

static void write_frame(struct fleet_track *track, const uint8_t *data, size_t size, bool is_first)
{
    if (is_first) {
        clear_track(track);
        track->group++;
    }
    REQUIRE(track->group > 0);
    if (track->count == track->room) {
        track->room = 2 * track->room + 16;
        track->frames = realloc(track->frames, track->room * sizeof *track->frames);
        REQUIRE(track->frames);
    }
    struct fleet_frame *frame = &track->frames[track->count++];
    *frame = (struct fleet_frame){malloc(size), size};
    REQUIRE(frame->data);
    memcpy(frame->data, data, size);
}

static void write_map(void *user, const uint8_t *frame, size_t size, bool is_first)
{
    struct fleet_node *node = user;
    write_frame(&node->map, frame, size, is_first);
}

static void write_paths(void *user, const uint8_t *frame, size_t size, bool is_first)
{
    struct fleet_node *node = user;
    write_frame(&node->paths, frame, size, is_first);
}

static size_t index_of(const struct map_node *node)
{
    return (size_t)strtoul(node->name + strlen("node"), NULL, 10);
}

static void read_paths(void *user, struct map_node *of, uint64_t link)
{
    struct fleet_node *node = user;
    node->list_links[index_of(of)] = link;
    if (link == 0)
        node->lists[index_of(of)] = (struct fleet_reader){.group = 0};
}

static struct fleet_offer *find_offer(const struct fleet_node *node, uint64_t link,
                                      const char *path)
{
    for (size_t i = 0; i < node->offer_count; i++)
        if (node->offers[i].link == link && strcmp(node->offers[i].path, path) == 0)
            return &node->offers[i];
    return NULL;
}

static void offer(void *user, uint64_t link, const char *path, bool is_spare)
{
    struct fleet_node *node = user;
    REQUIRE(link > 0 && !find_offer(node, link, path));
    if (node->offer_count == node->offer_room) {
        node->offer_room = 2 * node->offer_room + 16;
        node->offers = realloc(node->offers, node->offer_room * sizeof *node->offers);
        REQUIRE(node->offers);
    }
    node->offers[node->offer_count++] = (struct fleet_offer){strdup(path), link, is_spare};
    node->fleet->calls++;
}

static void promote(void *user, uint64_t link, const char *path)
{
    struct fleet_node *node = user;
    struct fleet_offer *known = find_offer(node, link, path);
    REQUIRE(known && known->is_spare);
    known->is_spare = false;
}

static void withdraw(void *user, uint64_t link, const char *path)
{
    struct fleet_node *node = user;
    struct fleet_offer *known = find_offer(node, link, path);
    REQUIRE(known);
    free(known->path);
    *known = node->offers[--node->offer_count];
    node->fleet->calls++;
}

static const struct mesh_ops ops = {write_map, write_paths, read_paths, offer, promote, withdraw};

/* ---- The fleet ------------------------------------------------------------------------------- */

static void start_mesh(struct fleet_node *node)
{
    const struct mesh_config config = {
        .name = node->name, .boot = node->boot, .ops = &ops, .user = node};
    node->mesh = mesh_new(&config);
    REQUIRE(node->mesh);
    mesh_settle(node->mesh, node->fleet->now_ns);
}

struct fleet *fleet_new(size_t nodes)
{
    struct fleet *fleet = calloc(1, sizeof *fleet);
    REQUIRE(fleet && nodes <= FLEET_NODES_MAX);
    fleet->node_count = nodes;
    fleet->now_ns = NS_PER_S;
    for (size_t i = 0; i < nodes; i++) {
        struct fleet_node *node = &fleet->nodes[i];
        node->fleet = fleet;
        node->boot = 1000;
        snprintf(node->name, sizeof node->name, "node%zu", i);
        start_mesh(node);
    }
    return fleet;
}

static void stop_mesh(struct fleet_node *node)
{
    mesh_free(&node->mesh);
    for (size_t i = 0; i < node->offer_count; i++)
        free(node->offers[i].path);
    node->offer_count = 0;
    memset(node->lists, 0, sizeof node->lists);
    memset(node->list_links, 0, sizeof node->list_links);
    clear_track(&node->map);
    clear_track(&node->paths);
}

void fleet_free(struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->node_count; i++) {
        stop_mesh(&fleet->nodes[i]);
        free(fleet->nodes[i].map.frames);
        free(fleet->nodes[i].paths.frames);
        free(fleet->nodes[i].offers);
    }
    free(fleet);
}

static void set_link(struct fleet *fleet, size_t number, bool is_up)
{
    struct fleet_link *link = &fleet->links[number - 1];
    if (link->is_up == is_up)
        return;
    link->is_up = is_up;
    for (int end = 0; end < 2; end++) {
        struct fleet_node *here = &fleet->nodes[link->ends[end]];
        const struct fleet_node *there = &fleet->nodes[link->ends[1 - end]];
        link->readers[end] = (struct fleet_reader){.group = 0};
        if (!here->mesh)
            continue;
        if (is_up)
            REQUIRE(mesh_link_up(here->mesh, number, there->name, link->cost) == 0);
        else
            mesh_link_down(here->mesh, number);
    }
}

size_t fleet_link(struct fleet *fleet, size_t a, size_t b, uint64_t cost)
{
    size_t number = ++fleet->link_count;
    REQUIRE(number <= FLEET_LINKS_MAX);
    fleet->links[number - 1] = (struct fleet_link){.ends = {a, b}, .cost = cost};
    set_link(fleet, number, true);
    return number;
}

void fleet_cut(struct fleet *fleet, size_t link)
{
    set_link(fleet, link, false);
}

void fleet_mend(struct fleet *fleet, size_t link)
{
    set_link(fleet, link, true);
}

static bool has_end(const struct fleet_link *link, size_t node)
{
    return link->ends[0] == node || link->ends[1] == node;
}

void fleet_stop(struct fleet *fleet, size_t node)
{
    stop_mesh(&fleet->nodes[node]);
    for (size_t i = 0; i < fleet->link_count; i++)
        if (has_end(&fleet->links[i], node))
            set_link(fleet, i + 1, false);
}

void fleet_start(struct fleet *fleet, size_t node, uint64_t boot)
{
    fleet->nodes[node].boot = boot;
    start_mesh(&fleet->nodes[node]);
    for (size_t i = 0; i < fleet->link_count; i++) {
        const struct fleet_link *link = &fleet->links[i];
        if (has_end(link, node) && fleet->nodes[link->ends[0]].mesh &&
            fleet->nodes[link->ends[1]].mesh)
            set_link(fleet, i + 1, true);
    }
}

/* ---- Rounds ---------------------------------------------------------------------------------- */

struct heard { /* how far each track was when the round began */
    uint64_t group;
    size_t count;
};

/* Hears one frame if there is one that was there when the round began. */
static const struct fleet_frame *next_frame(struct fleet_reader *reader,
                                            const struct fleet_track *track,
                                            const struct heard *end, bool *is_first)
{
    if (reader->group != track->group) {
        if (track->group != end->group)
            return NULL; /* the group is new: in the next round, all of it */
        *reader = (struct fleet_reader){.group = track->group};
    }
    size_t count = track->group == end->group ? end->count : 0;
    if (reader->next >= count)
        return NULL;
    *is_first = reader->next == 0;
    return &track->frames[reader->next++];
}

static void count_frame(struct fleet *fleet, const struct fleet_frame *frame)
{
    fleet->frames++;
    fleet->bytes += frame->size;
}

static bool hear_maps(struct fleet *fleet, const struct heard *ends)
{
    bool has_heard = false, is_first;
    const struct fleet_frame *frame;
    for (size_t i = 0; i < fleet->link_count; i++) {
        struct fleet_link *link = &fleet->links[i];
        for (int end = 0; link->is_up && end < 2; end++) {
            size_t from = link->ends[1 - end];
            while ((frame = next_frame(&link->readers[end], &fleet->nodes[from].map, &ends[from],
                                       &is_first))) {
                REQUIRE(mesh_hear_map(fleet->nodes[link->ends[end]].mesh, frame->data,
                                      frame->size) == 0);
                count_frame(fleet, frame);
                has_heard = true;
            }
        }
    }
    return has_heard;
}

static bool hear_list(struct fleet *fleet, struct fleet_node *node, size_t of,
                      const struct heard *ends)
{
    bool has_heard = false, is_first;
    const struct fleet_frame *frame;
    const char *name = fleet->nodes[of].name;
    struct map_node *known = map_find(mesh_map(node->mesh), (struct wire_text){name, strlen(name)});
    while (known && fleet->nodes[of].mesh && node->list_links[of] &&
           (frame = next_frame(&node->lists[of], &fleet->nodes[of].paths, &ends[of], &is_first))) {
        REQUIRE(mesh_hear_paths(node->mesh, known, frame->data, frame->size, is_first) == 0);
        count_frame(fleet, frame);
        has_heard = true;
    }
    return has_heard;
}

static bool hear_lists(struct fleet *fleet, const struct heard *ends)
{
    bool has_heard = false;
    for (size_t i = 0; i < fleet->node_count; i++)
        for (size_t j = 0; j < fleet->node_count; j++)
            if (i != j && fleet->nodes[i].mesh)
                has_heard |= hear_list(fleet, &fleet->nodes[i], j, ends);
    return has_heard;
}

static bool run_round(struct fleet *fleet)
{
    static struct heard maps[FLEET_NODES_MAX], lists[FLEET_NODES_MAX];
    for (size_t i = 0; i < fleet->node_count; i++) {
        const struct fleet_node *node = &fleet->nodes[i];
        maps[i] = (struct heard){node->map.group, node->map.count};
        lists[i] = (struct heard){node->paths.group, node->paths.count};
    }
    bool has_heard = hear_maps(fleet, maps);
    has_heard |= hear_lists(fleet, lists);
    fleet->now_ns += 10 * NS_PER_MS;
    uint64_t calls = fleet->calls;
    for (size_t i = 0; i < fleet->node_count; i++)
        if (fleet->nodes[i].mesh)
            mesh_settle(fleet->nodes[i].mesh, fleet->now_ns);
    return has_heard || fleet->calls != calls;
}

size_t fleet_run(struct fleet *fleet, size_t limit)
{
    for (size_t i = 0; i < fleet->node_count; i++)
        if (fleet->nodes[i].mesh)
            mesh_settle(fleet->nodes[i].mesh, fleet->now_ns);
    for (size_t round = 0; round < limit; round++)
        if (!run_round(fleet))
            return round;
    return limit;
}

/* ---- Looking --------------------------------------------------------------------------------- */

int64_t fleet_trace(const struct fleet *fleet, size_t node, const char *path, size_t *home)
{
    int64_t cost = 0;
    for (size_t hops = 0; hops <= fleet->node_count; hops++) {
        const struct fleet_node *here = &fleet->nodes[node];
        uint64_t number = 0;
        for (size_t i = 0; i < here->offer_count; i++)
            if (!here->offers[i].is_spare && strcmp(here->offers[i].path, path) == 0)
                number = here->offers[i].link;
        *home = node;
        if (number == 0)
            return cost;
        const struct fleet_link *link = &fleet->links[number - 1];
        if (!link->is_up)
            return FLEET_NO_WAY;
        cost += (int64_t)link->cost;
        node = link->ends[0] == node ? link->ends[1] : link->ends[0];
    }
    return FLEET_CIRCLE;
}
