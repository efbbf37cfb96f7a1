/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A group from the inside: how its one writer makes it, fills it and ends it. Step 8 of a frame's
 * walk.
 *
 * Only a track calls these functions, so that it can count bytes and tell its watchers. Sessions
 * call moq_track_append and its relatives.
 *
 * There are two layers: the body, which threads share, and the group, which is one track's view of
 * the body. A group that a track opened writes its body, and both end together. An adopted group
 * only reads its body, and ends when its own track ends it: after the last byte, unless it is cut
 * short. So code that goes by the end of a group never stops too early, whatever the writer does
 * meanwhile. */
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
    uint32_t refs;        /* atomic: one per track that has the body; others on their way there */
    uint64_t started_ns;  /* by the writer's clock */
    uint64_t ended_ns;    /* once is_ended */
    int error;            /* once is_ended: 0, or why it was cut short */
    bool is_ended;        /* atomic: see body_has_ended */
};

/* A group, and the links in its track's lists; everybody else sees only the group. */
struct kept_group {
    struct moq_group group;
    struct list node;        /* in its track, oldest first */
    struct list follow_node; /* in its track's `followed`, while it is adopted and grows */
};

static inline struct kept_group *kept_of(const struct moq_group *group)
{
    return container_of(group, struct kept_group, group);
}

/* A new group that is in no track yet, with one reference for the caller. NULL: out of memory. */
struct moq_group *group_new(uint64_t sequence, uint64_t started_ns);

/* A group whose bytes another group writes, maybe on another thread; takes a reference to `body`.
 * It has the age of the other group, but never a start in the future: threads do not set their
 * clocks at the same moment. */
struct moq_group *group_adopt(uint64_t sequence, uint64_t now_ns, struct moq_group_body *body);

/* Gives an adopted group another body, and lets it grow again. Nobody may have read any of it. */
void group_replace(struct moq_group *group, struct moq_group_body *body);

/* Copies `n` bytes to the end and publishes them: the one copy of a frame's life. Returns 0;
 * MOQ_ERR_CLOSED: it has ended or was adopted; MOQ_ERR_BOUNDS: over MOQ_GROUP_MAX_BYTES;
 * MOQ_ERR_NOMEM. On error, nothing is added. */
int group_append(struct moq_group *group, const void *data, size_t n);

/* Nothing more will be added. `error`: 0 for a normal end, else why the group was cut. Also ends
 * the body, unless it was adopted. A second call does nothing. */
void group_end(struct moq_group *group, int error, uint64_t now_ns);

/* Whether moq_group_reader_next has something else to return than MOQ_ERR_AGAIN. */
bool group_reader_has_next(const struct moq_group_reader *reader);

/* On the track's thread. True: the length and `error` are final if the group ended normally. */
static inline bool group_has_ended(const struct moq_group *group)
{
    return group->is_ended;
}

/* On any thread. Call this before reading the length. True: the length and `error` are final. */
static inline bool body_has_ended(const struct moq_group_body *body)
{
    return __atomic_load_n(&body->is_ended, __ATOMIC_ACQUIRE);
}

#ifdef __cplusplus
}
#endif
#endif
