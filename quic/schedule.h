/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The order in which the streams of a connection write: higher urgency first; streams of the same
 * urgency take turns. It is a pairing heap whose nodes are in the streams, so joining and leaving
 * never allocate and never fail. */
#ifndef MOQ_QUIC_SCHEDULE_H
#define MOQ_QUIC_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct schedule_node {
    struct schedule_node *child, *next; /* private */
    struct schedule_node *prev; /* private: the left sibling, or the parent of a first child */
    uint64_t urgency, turn;     /* private */
    bool is_in;                 /* read-only */
};

struct schedule {
    struct schedule_node *root; /* private */
    uint64_t turns;             /* private: how often a node has joined */
};
/* Joins after all nodes of the same urgency. Does nothing if the node is in the schedule
 * already. */
void schedule_join(struct schedule *schedule, struct schedule_node *node, uint64_t urgency);
/* Does nothing if the node is not in the schedule. */
void schedule_leave(struct schedule *schedule, struct schedule_node *node);
/* The node that writes next; NULL: none. */
struct schedule_node *schedule_first(const struct schedule *schedule);
bool schedule_is_alone(const struct schedule *schedule); /* whether it has at most one node */

#ifdef __cplusplus
}
#endif
#endif
