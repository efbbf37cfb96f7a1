/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The groups that a viewer is done with: opened, skipped or reported missing. Groups may arrive in
 * any order, so the set consists of everything below a floor and a few runs above it. */
#ifndef MOQ_SEQUENCES_H
#define MOQ_SEQUENCES_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A viewer that has more holes than this gives up on the lowest. */
enum { SEQUENCES_MAX_RUNS = 16 };

#define SEQUENCE_NONE UINT64_MAX /* above every sequence that the wire can carry */

struct sequence_run {
    uint64_t first, last; /* both included */
};

struct sequences {
    uint64_t floor; /* read-only: all below are done, this one is not */
    /* Private: rising, with holes in between. Few viewers ever have a hole, so they are allocated
     * at the first one. */
    struct sequence_run *runs;
    uint32_t count; /* private */
};

void sequences_init(struct sequences *done, uint64_t floor);
void sequences_deinit(struct sequences *done);
bool sequences_has(const struct sequences *done, uint64_t sequence);

/* Adds first..last. If there is no room for one more run, or no memory for the runs, fills the
 * lowest hole first, sets *given_up to it and returns true. */
bool sequences_add(struct sequences *done, uint64_t first, uint64_t last,
                   struct sequence_run *given_up);

/* The first sequence above the floor that is done; SEQUENCE_NONE if there is none. */
uint64_t sequences_first_done(const struct sequences *done);

/* The first run within first..last that is not done. False: all of it is. */
bool sequences_next_hole(const struct sequences *done, uint64_t first, uint64_t last,
                         struct sequence_run *hole);

#ifdef __cplusplus
}
#endif
#endif
