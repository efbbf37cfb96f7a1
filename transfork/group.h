/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A group from the inside: how its one writer makes it, fills it and ends it. Step 8 of a frame's
 * walk.
 *
 * Only a track writes groups (so that it can count bytes and tell its watchers): sessions call
 * moq_track_append and its relatives, never these.
 *
 * Two layers: the body, which threads share, and the group, one track's view of it. A group that a
 * track opened writes its body and ends with it. One that was adopted reads it: the group ends when
 * its track says so, which is after the last byte if it ends well, so whoever goes by the group's
 * end never ends too early, whatever the writer does meanwhile. */
#ifndef MOQ_TRANSFORK_GROUP_H
#define MOQ_TRANSFORK_GROUP_H

#include "base/list.h"
#include "base/bytes.h"
#include "transfork/transfork.h"

#ifdef __cplusplus
extern "C" {
#endif

struct moq_group_body {
    struct bytes_log log; /* read it through cursors; any thread */
    uint32_t refs;        /* atomic: a group of each track that has it, and who carries it over */
    uint64_t started_ns;  /* by the writer's clock, as all times */
    uint64_t ended_ns;    /* once is_ended */
    int error;            /* once is_ended: 0, or why it was cut short */
    bool is_ended;        /* atomic: see body_has_ended */
};

/* A group with what ties it to its track; all others see the group alone. */
struct kept_group {
    struct moq_group group;
    struct list node;        /* in its track, oldest first */
    struct list follow_node; /* in its track's `followed`, while it is adopted and grows */
};

static inline struct kept_group *kept_of(const struct moq_group *group)
{
    return container_of(group, struct kept_group, group);
}

/* A growing group in no track, with one reference for the caller. NULL: out of memory. */
struct moq_group *group_new(uint64_t sequence, uint64_t started_ns);

/* One whose bytes another group writes, maybe on another thread; takes a reference to `body`. It is
 * as old as that one, but never of the future: threads see the time at different moments. */
struct moq_group *group_adopt(uint64_t sequence, uint64_t now_ns, struct moq_group_body *body);

/* Copies `n` bytes to the end and publishes them: the one copy of a frame's life. Returns 0,
 * MOQ_ERR_CLOSED after its end and if it was adopted, MOQ_ERR_BOUNDS over MOQ_GROUP_MAX_BYTES,
 * MOQ_ERR_NOMEM; on error nothing is added. */
int group_append(struct moq_group *group, const void *data, size_t n);

/* Nothing will be added any more: 0 as the publisher meant it, else why it was cut. Ends the body
 * too, unless it was adopted. The second call does nothing. */
void group_end(struct moq_group *group, int error, uint64_t now_ns);

/* The track's thread; once it is true, the length and `error` of a group that ended well are final.
 */
static inline bool group_has_ended(const struct moq_group *group)
{
    return group->is_ended;
}

/* Any thread. Ask this before the length: once it is true, the length and `error` are final. */
static inline bool body_has_ended(const struct moq_group_body *body)
{
    return __atomic_load_n(&body->is_ended, __ATOMIC_ACQUIRE);
}

#ifdef __cplusplus
}
#endif
#endif
