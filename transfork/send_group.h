/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One group on its way to one viewer: a stream, a small header, and a cursor in the group. */
#ifndef MOQ_SEND_GROUP_H
#define MOQ_SEND_GROUP_H

#include "transfork/session_state.h"

#ifdef __cplusplus
extern "C" {
#endif

struct moq_viewer;

enum { GROUP_HEADER_MAX_BYTES = 24 }; /* type, subscription, sequence */

struct send_group {
    struct grave grave;
    struct list node;      /* in its viewer's groups */
    struct list over_node; /* in its session's unacknowledged, once it is sent or cut */
    uint64_t over_ns;      /* when it was sent or cut */
    uint64_t opened_ns;
    struct moq_viewer *viewer; /* NULL: cut, or the viewer is over */
    struct moq_group *group;
    struct bytes_cursor cursor; /* after what is in packets */
    struct moq_stream stream;
    uint8_t header[GROUP_HEADER_MAX_BYTES];
    uint8_t header_size, header_sent;
    bool is_head; /* begun early, when no newer group of its viewer had been: viewer.c */
    bool is_sent; /* all of it and its end are in packets */
};

static inline struct send_group *send_group_at(const struct list *node)
{
    return container_of(node, struct send_group, node);
}

/* Opens a stream for `group`, which viewer_arrange gives its urgency. NULL: the peer allows no more
 * streams, or out of memory. */
struct send_group *send_group_open(struct moq_viewer *viewer, struct moq_group *group);

/* The group has another body. Nothing of it may have been sent. */
void send_group_restart(struct send_group *sending);
bool send_group_has_begun(const struct send_group *sending); /* some of it is in packets */

/* Bytes that have arrived but are not in packets yet. */
uint64_t send_group_unsent(const struct send_group *sending);

/* Detaches the group from its viewer. Resets the stream with `error`, unless all of it has been
 * sent. */
void send_group_cut(struct send_group *sending, int error);

#ifdef __cplusplus
}
#endif
#endif
