/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A binary heap of (time, owner) pairs. The times are adjacent, so sifting touches few cache
 * lines. */
#include "base/deadlines.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"

enum { FIRST_CAPACITY = 64 };

struct deadline_entry {
    uint64_t when_ns;
    struct deadline *owner;
};

static void place_entry(struct deadlines *deadlines, uint32_t index, struct deadline_entry entry)
{
    deadlines->entries[index] = entry;
    entry.owner->place = index + 1;
}

static void sift_up(struct deadlines *deadlines, uint32_t index)
{
    struct deadline_entry entry = deadlines->entries[index];
    while (index > 0) {
        uint32_t parent = (index - 1) / 2;
        if (deadlines->entries[parent].when_ns <= entry.when_ns)
            break;
        place_entry(deadlines, index, deadlines->entries[parent]);
        index = parent;
    }
    place_entry(deadlines, index, entry);
}

static void sift_down(struct deadlines *deadlines, uint32_t index)
{
    struct deadline_entry entry = deadlines->entries[index];
    for (;;) {
        uint32_t child = 2 * index + 1;
        if (child >= deadlines->count)
            break;
        if (child + 1 < deadlines->count &&
            deadlines->entries[child + 1].when_ns < deadlines->entries[child].when_ns)
            child++;
        if (entry.when_ns <= deadlines->entries[child].when_ns)
            break;
        place_entry(deadlines, index, deadlines->entries[child]);
        index = child;
    }
    place_entry(deadlines, index, entry);
}

void deadlines_deinit(struct deadlines *deadlines)
{
    free(deadlines->entries);
    *deadlines = (struct deadlines){0};
}

int deadlines_add(struct deadlines *deadlines, struct deadline *deadline)
{
    if (deadlines->count == deadlines->capacity) {
        uint32_t capacity = deadlines->capacity ? deadlines->capacity * 2 : FIRST_CAPACITY;
        struct deadline_entry *entries = realloc(deadlines->entries, capacity * sizeof *entries);
        if (!entries)
            return MOQ_ERR_NOMEM;
        deadlines->entries = entries;
        deadlines->capacity = capacity;
    }

    struct deadline_entry entry = {.when_ns = CLOCK_NEVER, .owner = deadline};
    place_entry(deadlines, deadlines->count++, entry);
    return 0;
}

void deadlines_remove(struct deadlines *deadlines, struct deadline *deadline)
{
    if (deadline->place == 0)
        return;

    uint32_t index = deadline->place - 1;
    deadline->place = 0;
    struct deadline_entry last = deadlines->entries[--deadlines->count];
    if (last.owner == deadline)
        return;
    place_entry(deadlines, index, last);
    sift_up(deadlines, index);
    sift_down(deadlines, last.owner->place - 1);
}

void deadlines_set(struct deadlines *deadlines, struct deadline *deadline, uint64_t when_ns)
{
    REQUIRE(deadline->place != 0);
    uint32_t index = deadline->place - 1;
    uint64_t before = deadlines->entries[index].when_ns;
    if (before == when_ns)
        return;

    deadlines->entries[index].when_ns = when_ns;
    if (when_ns < before)
        sift_up(deadlines, index);
    else
        sift_down(deadlines, index);
}

uint64_t deadlines_earliest(const struct deadlines *deadlines)
{
    return deadlines->count ? deadlines->entries[0].when_ns : CLOCK_NEVER;
}

struct deadline *deadlines_pop(struct deadlines *deadlines, uint64_t now_ns)
{
    uint64_t earliest = deadlines_earliest(deadlines);
    if (earliest == CLOCK_NEVER || earliest > now_ns)
        return NULL;
    struct deadline *due = deadlines->entries[0].owner;
    deadlines_set(deadlines, due, CLOCK_NEVER);
    return due;
}
