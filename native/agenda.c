/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A binary heap whose entries know their place, so that one can be moved or removed without a
 * search. */
#include "native/agenda.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/error.h"

enum { FIRST_CAPACITY = 16 };

static void put(struct agenda *agenda, size_t index, struct agenda_entry *entry)
{
    agenda->heap[index] = entry;
    entry->place = index + 1;
}

static void sift_up(struct agenda *agenda, size_t index)
{
    struct agenda_entry *moving = agenda->heap[index];
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (agenda->heap[parent]->when_ns <= moving->when_ns)
            break;
        put(agenda, index, agenda->heap[parent]);
        index = parent;
    }
    put(agenda, index, moving);
}

static void sift_down(struct agenda *agenda, size_t index)
{
    struct agenda_entry *moving = agenda->heap[index];
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= agenda->count)
            break;
        if (child + 1 < agenda->count &&
            agenda->heap[child + 1]->when_ns < agenda->heap[child]->when_ns)
            child++;
        if (moving->when_ns <= agenda->heap[child]->when_ns)
            break;
        put(agenda, index, agenda->heap[child]);
        index = child;
    }
    put(agenda, index, moving);
}

void agenda_init(struct agenda *agenda)
{
    *agenda = (struct agenda){0};
}

void agenda_deinit(struct agenda *agenda)
{
    free(agenda->heap);
    agenda_init(agenda);
}

int agenda_reserve(struct agenda *agenda, size_t count)
{
    if (count <= agenda->capacity)
        return 0;
    size_t capacity = agenda->capacity ? 2 * agenda->capacity : FIRST_CAPACITY;
    if (capacity < count)
        capacity = count;
    struct agenda_entry **heap = realloc(agenda->heap, capacity * sizeof(struct agenda_entry *));
    if (!heap)
        return MOQ_ERR_NOMEM;
    agenda->heap = heap;
    agenda->capacity = capacity;
    return 0;
}

void agenda_set(struct agenda *agenda, struct agenda_entry *entry, uint64_t when_ns)
{
    if (entry->place == 0) {
        REQUIRE(agenda->count < agenda->capacity);
        put(agenda, agenda->count++, entry);
    }
    entry->when_ns = when_ns;
    sift_up(agenda, entry->place - 1);
    sift_down(agenda, entry->place - 1);
}

void agenda_remove(struct agenda *agenda, struct agenda_entry *entry)
{
    if (entry->place == 0)
        return;
    size_t index = entry->place - 1;
    entry->place = 0;
    struct agenda_entry *last = agenda->heap[--agenda->count];
    if (last == entry)
        return;
    put(agenda, index, last);
    sift_up(agenda, index);
    sift_down(agenda, last->place - 1);
}

struct agenda_entry *agenda_first(const struct agenda *agenda)
{
    return agenda->count ? agenda->heap[0] : NULL;
}
