/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The roster: a worker's viewers in the order in which they came. It is read with cursors, which
 * stay where they are whoever comes and leaves, so a reader may take a few viewers at a time, and
 * end them. */
#ifndef MOQ_CORE_ROSTER_H
#define MOQ_CORE_ROSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct roster {
    struct list entries; /* roster_entry.node: of viewers and of cursors */
    uint64_t last_place;
};

/* Embedded in a viewer. */
struct roster_entry {
    struct list node;
    uint64_t place; /* later ones are higher; 0: a cursor */
};

/* It has read everything up to `place`. All zero is not valid: roster_cursor_init. */
struct roster_cursor {
    struct roster_entry entry; /* in the roster behind the last viewer that was read */
    uint64_t place;            /* read-only; 0: it is at the beginning */
};

void roster_init(struct roster *roster);
void roster_add(struct roster *roster, struct roster_entry *entry); /* at the end */
void roster_remove(struct roster_entry *entry);

void roster_cursor_init(struct roster_cursor *cursor); /* in no roster yet */
/* Joins the roster, or goes back to its beginning. */
void roster_cursor_rewind(struct roster *roster, struct roster_cursor *cursor);
/* The next viewer, which counts as read. NULL: there is none now. */
struct roster_entry *roster_cursor_next(struct roster *roster, struct roster_cursor *cursor);
/* Leaves the roster. Does nothing if it is in none. */
void roster_cursor_close(struct roster_cursor *cursor);

#endif
