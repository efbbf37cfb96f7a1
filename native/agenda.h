/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Who wants to be woken first: a binary heap of deadlines, so that a turn looks at those that are
 * due and at no other. Private to native/. */
#ifndef MOQ_NATIVE_AGENDA_H
#define MOQ_NATIVE_AGENDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agenda_entry {
    uint64_t when_ns; /* read-only */
    size_t place;     /* private: 0: in no heap, else its index + 1 */
};

struct agenda {
    struct agenda_entry **heap; /* private */
    size_t count;               /* read-only */
    size_t capacity;            /* private */
};

void agenda_init(struct agenda *agenda);
void agenda_deinit(struct agenda *agenda);

/* Makes room for `count` in all, so that _set cannot fail. Returns 0 or MOQ_ERR_NOMEM. */
int agenda_reserve(struct agenda *agenda, size_t count);

void agenda_set(struct agenda *agenda, struct agenda_entry *entry,
                uint64_t when_ns);                                     /* puts in or moves */
void agenda_remove(struct agenda *agenda, struct agenda_entry *entry); /* fine if it is not in */
struct agenda_entry *agenda_first(const struct agenda *agenda);        /* NULL: none */

#endif
