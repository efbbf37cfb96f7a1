/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which nodes have which path. */
#ifndef MOQ_CLUSTER_PATHS_H
#define MOQ_CLUSTER_PATHS_H

#include "modules/cluster/map.h"

/* That one node has one path. */
struct holding {
    struct list of_path; /* path_entry.holdings */
    struct list of_node; /* map_node.held */
    struct path_entry *path;
    struct map_node *node;
    uint64_t stamp;
    bool is_stale; /* the node lists its paths anew, and has not come to this one */
};

struct path_entry {
    UT_hash_handle hh;
    struct list holdings;
    struct list changed;  /* paths.changed: its home may be another one now */
    uint64_t link, spare; /* for the owner: from which it is offered, and offered as a spare */
    char text[];
};

struct paths {
    struct path_entry *table; /* uthash, by text */
    struct list changed;      /* path_entry.changed */
};

void paths_init(struct paths *paths);
void paths_deinit(struct paths *paths); /* and all holdings */

struct path_entry *paths_find(const struct paths *paths, struct wire_text text); /* NULL: unknown */
/* NULL: out of memory, or there are `max` already. */
struct path_entry *paths_get(struct paths *paths, struct wire_text text, size_t max);
/* Frees it, unless somebody has it, or it is offered, or it has changed. */
void paths_tidy(struct paths *paths, struct path_entry *entry);

struct holding *paths_holding(const struct path_entry *entry, const struct map_node *node);
enum { PATHS_OF_NODE_MAX = 65536 };
/* Notes that the node has it, with this stamp. -1: out of memory, or PATHS_OF_NODE_MAX. */
int paths_hold(struct paths *paths, struct path_entry *entry, struct map_node *node,
               uint64_t stamp);
void paths_drop(struct paths *paths, struct holding *holding);
void paths_note_change(struct paths *paths, struct path_entry *entry);

/* The newest of those that can be reached. NULL: there is none. */
const struct holding *paths_home(const struct path_entry *entry);
/* The newest of those that can be reached by another link than `link`, and are not this node (whose
 * cost is 0). NULL: there is none. */
const struct holding *paths_spare(const struct path_entry *entry, uint64_t link);
uint64_t paths_highest_stamp(const struct path_entry *entry); /* 0: nobody has it */

#endif
