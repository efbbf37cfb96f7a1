/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A queue of deadlines: a binary heap in one compact array. The times are in the array and not in
 * the objects that wait, because reading them there would cost a cache miss per object. */
#ifndef MOQ_BASE_DEADLINES_H
#define MOQ_BASE_DEADLINES_H

#include <stddef.h>
#include <stdint.h>

#include "base/symbols.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct deadline {   /* embedded in the object that waits */
    uint32_t place; /* private: index into the heap plus one; 0: not in it */
};

struct deadline_entry;

struct deadlines {
    struct deadline_entry *entries; /* private */
    uint32_t count, capacity;       /* private */
};

void deadlines_deinit(struct deadlines *deadlines);

/* Puts `deadline` in at CLOCK_NEVER, so that setting it later cannot fail. Returns 0 or
 * MOQ_ERR_NOMEM. */
int deadlines_add(struct deadlines *deadlines, struct deadline *deadline);
/* Does nothing if `deadline` is not in the heap. */
void deadlines_remove(struct deadlines *deadlines, struct deadline *deadline);
/* `deadline` must be in the heap. */
void deadlines_set(struct deadlines *deadlines, struct deadline *deadline, uint64_t when_ns);

uint64_t deadlines_earliest(const struct deadlines *deadlines); /* CLOCK_NEVER if there is none */

/* The earliest one if it is due at `now_ns`, set to CLOCK_NEVER; else NULL. */
struct deadline *deadlines_pop(struct deadlines *deadlines, uint64_t now_ns);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
