/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A table of paths and the nodes that have them.
 * Tested by tests/unit/modules/test_cluster_mesh.c. */
#include "modules/cluster/paths.h"

#include <stdlib.h>
#include <string.h>

void paths_init(struct paths *paths)
{
    *paths = (struct paths){.table = NULL};
    list_init(&paths->changed);
}

static void free_entry(struct paths *paths, struct path_entry *entry)
{
    HASH_DEL(paths->table, entry);
    list_remove(&entry->changed);
    free(entry);
}

static void free_holding(struct holding *holding)
{
    list_remove(&holding->of_path);
    list_remove(&holding->of_node);
    holding->node->held_count--;
    free(holding);
}

void paths_deinit(struct paths *paths)
{
    struct path_entry *entry, *next;
    HASH_ITER(hh, paths->table, entry, next)
    {
        while (!list_is_empty(&entry->holdings))
            free_holding(container_of(entry->holdings.next, struct holding, of_path));
        free_entry(paths, entry);
    }
}

struct path_entry *paths_find(const struct paths *paths, struct wire_text text)
{
    struct path_entry *entry;
    HASH_FIND(hh, paths->table, text.data, text.size, entry);
    return entry;
}

struct path_entry *paths_get(struct paths *paths, struct wire_text text, size_t max)
{
    struct path_entry *entry = paths_find(paths, text);
    if (entry || HASH_COUNT(paths->table) >= max)
        return entry;
    entry = calloc(1, sizeof *entry + text.size + 1);
    if (!entry)
        return NULL;
    memcpy(entry->text, text.data, text.size);
    list_init(&entry->holdings);
    list_init(&entry->changed);
    HASH_ADD(hh, paths->table, text, text.size, entry);
    if (entry->hh.tbl)
        return entry;
    free(entry);
    return NULL;
}

void paths_tidy(struct paths *paths, struct path_entry *entry)
{
    if (list_is_empty(&entry->holdings) && list_is_empty(&entry->changed) && entry->link == 0 &&
        entry->spare == 0)
        free_entry(paths, entry);
}

void paths_note_change(struct paths *paths, struct path_entry *entry)
{
    if (list_is_empty(&entry->changed))
        list_push_back(&paths->changed, &entry->changed);
}

struct holding *paths_holding(const struct path_entry *entry, const struct map_node *node)
{
    list_for_each (at, &entry->holdings)
        if (container_of(at, struct holding, of_path)->node == node)
            return container_of(at, struct holding, of_path);
    return NULL;
}

int paths_hold(struct paths *paths, struct path_entry *entry, struct map_node *node, uint64_t stamp)
{
    struct holding *holding = paths_holding(entry, node);
    if (!holding) {
        holding = node->held_count < PATHS_OF_NODE_MAX ? calloc(1, sizeof *holding) : NULL;
        if (!holding)
            return -1;
        node->held_count++;
        holding->path = entry;
        holding->node = node;
        list_push_back(&entry->holdings, &holding->of_path);
        list_push_back(&node->held, &holding->of_node);
    }
    holding->is_stale = false;
    if (holding->stamp == stamp)
        return 0;
    holding->stamp = stamp;
    paths_note_change(paths, entry);
    return 0;
}

void paths_drop(struct paths *paths, struct holding *holding)
{
    paths_note_change(paths, holding->path);
    free_holding(holding);
}

static bool is_newer(const struct holding *holding, const struct holding *than)
{
    if (holding->stamp != than->stamp)
        return holding->stamp > than->stamp;
    return strcmp(holding->node->name, than->node->name) > 0;
}

const struct holding *paths_home(const struct path_entry *entry)
{
    const struct holding *home = NULL;
    list_for_each (at, &entry->holdings) {
        const struct holding *holding = container_of(at, struct holding, of_path);
        if (holding->node->cost != MAP_NO_WAY && (!home || is_newer(holding, home)))
            home = holding;
    }
    return home;
}

const struct holding *paths_spare(const struct path_entry *entry, uint64_t link)
{
    const struct holding *spare = NULL;
    list_for_each (at, &entry->holdings) {
        const struct holding *holding = container_of(at, struct holding, of_path);
        if (holding->node->link && holding->node->link != link &&
            (!spare || is_newer(holding, spare)))
            spare = holding;
    }
    return spare;
}

uint64_t paths_highest_stamp(const struct path_entry *entry)
{
    uint64_t highest = 0;
    list_for_each (at, &entry->holdings) {
        const struct holding *holding = container_of(at, struct holding, of_path);
        highest = holding->stamp > highest ? holding->stamp : highest;
    }
    return highest;
}
