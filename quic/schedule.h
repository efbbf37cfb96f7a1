/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The order in which a connection's streams write: higher urgency first, equal ones take turns. A
 * pairing heap whose nodes live in the streams, so joining and leaving never allocate and never
 * fail. */
#ifndef MOQ_QUIC_SCHEDULE_H
#define MOQ_QUIC_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct schedule_node {
    struct schedule_node *child, *next,
        *prev;              /* private; prev: the left sibling, or the parent of a first child */
    uint64_t urgency, turn; /* private */
    bool is_in;             /* read-only */
};

struct schedule {
    struct schedule_node *root; /* private */
    uint64_t turns;             /* private: counts those who joined */
};

/* Joins behind everyone of the same urgency; does nothing if it is in already. */
void schedule_join(struct schedule *schedule, struct schedule_node *node, uint64_t urgency);
/* Harmless if it is not in. */
void schedule_leave(struct schedule *schedule, struct schedule_node *node);

/* Who writes next, or NULL. */
struct schedule_node *schedule_first(const struct schedule *schedule);
bool schedule_is_alone(const struct schedule *schedule); /* nobody is in but the first, if that */

#ifdef __cplusplus
}
#endif
#endif
