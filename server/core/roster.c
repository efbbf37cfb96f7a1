/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The roster is one list, in which a cursor is an entry like the viewers: what leaves takes nothing
 * else with it, and nobody has to know of the cursors. */
#include "server/core/roster.h"

void roster_init(struct roster *roster)
{
    list_init(&roster->entries);
    roster->last_place = 0;
}

void roster_add(struct roster *roster, struct roster_entry *entry)
{
    entry->place = ++roster->last_place;
    list_push_back(&roster->entries, &entry->node);
}

void roster_remove(struct roster_entry *entry)
{
    list_remove(&entry->node);
}

void roster_cursor_init(struct roster_cursor *cursor)
{
    *cursor = (struct roster_cursor){.place = 0};
    list_init(&cursor->entry.node);
}

void roster_cursor_rewind(struct roster *roster, struct roster_cursor *cursor)
{
    cursor->place = 0;
    list_remove(&cursor->entry.node);
    list_push_front(&roster->entries, &cursor->entry.node);
}

struct roster_entry *roster_cursor_next(struct roster *roster, struct roster_cursor *cursor)
{
    struct list *node = &cursor->entry.node;
    struct roster_entry *entry = NULL;
    for (struct list *next = node->next; next != &roster->entries && !entry; next = next->next) {
        struct roster_entry *found = container_of(next, struct roster_entry, node);
        entry = found->place > 0 ? found : NULL;
    }
    if (!entry)
        return NULL;
    list_remove(node);
    list_insert_between(node, &entry->node, entry->node.next);
    cursor->place = entry->place;
    return entry;
}

void roster_cursor_close(struct roster_cursor *cursor)
{
    list_remove(&cursor->entry.node);
}
