/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A subscription of ours from the inside, and the groups that arrive for it. */
#ifndef MOQ_SUBSCRIPTION_H
#define MOQ_SUBSCRIPTION_H

#include "base/varint.h"
#include "transfork/query.h"

#ifdef __cplusplus
extern "C" {
#endif

struct moq_subscription {
    struct query query;
    struct list node; /* in its bucket of the session's subscriptions */
    struct moq_track *track;
    struct moq_wish wish;
    struct moq_sequence_raise raise; /* from the publisher's sequences to those of the track */
    uint64_t id;
    uint32_t receiving; /* group streams under way */
    bool has_info;
    bool is_ending;           /* the publisher said "no more", groups under way may still end */
    uint64_t end_deadline_ns; /* when those groups are cut */
    const struct moq_subscription_events *events;
    void *user;
};

/* A group that is being received. */
struct recv_group {
    struct grave grave;
    struct list node; /* in its session's recv_groups */
    struct moq_stream *stream;
    struct moq_subscription *subscription;
    struct moq_track *track;
    struct moq_group *group;
    uint64_t frame_left; /* of the current payload */
    uint64_t last_ns;    /* when bytes came last */
    uint32_t frames;
    uint8_t size_bytes[VARINT_MAX_BYTES]; /* the next frame's size, as far as it has arrived */
    uint8_t size_count;
};

/* The subscription with this id; NULL: none, or it is over. */
struct moq_subscription *subscription_find(const struct moq_session *session, uint64_t id);

/* A group stream of it ended; the subscription may be over afterwards. */
void subscription_group_ended(struct moq_subscription *subscription);

/* In recv_group.c: cuts the groups that still arrive for a subscription that is over. */
void recv_groups_cut(struct moq_subscription *subscription, int error);

#ifdef __cplusplus
}
#endif
#endif
