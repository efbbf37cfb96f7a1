/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A group from the inside: how its one writer makes it, fills it and ends it. Step 8 of a frame's
 * walk.
 *
 * Only a track writes groups (so that it can count bytes and tell its watchers): sessions call
 * moq_track_append and its relatives, never these. The two inline functions at the end are for
 * readers on any thread. */
#ifndef MOQ_TRANSFORK_GROUP_H
#define MOQ_TRANSFORK_GROUP_H

#include "transfork/transfork.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A growing group in no track, with one reference for the caller. NULL: out of memory. */
struct moq_group *group_new(uint64_t sequence, uint64_t started_ns);

/* Copies `n` bytes to the end and publishes them: the one copy of a frame's life. Returns 0,
 * MOQ_ERR_CLOSED after its end, MOQ_ERR_BOUNDS over MOQ_GROUP_MAX_BYTES, MOQ_ERR_NOMEM; on error
 * nothing is added. */
int group_append(struct moq_group *group, const void *data, size_t n);

/* Nothing will be added any more: 0 as the publisher meant it, else why it was cut. The second call
 * does nothing. */
void group_end(struct moq_group *group, int error, uint64_t now_ns);

/* Any thread. Ask this before group_length: once it is true, the length and `error` are final. */
static inline bool group_has_ended(const struct moq_group *group)
{
    return __atomic_load_n(&group->is_ended, __ATOMIC_ACQUIRE);
}

/* Bytes that can be read now; any thread. */
static inline uint64_t group_length(const struct moq_group *group)
{
    return bytes_log_length(&group->log);
}

#ifdef __cplusplus
}
#endif
#endif
