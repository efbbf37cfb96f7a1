/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Groups. Step 8 of a frame's walk: the one copy happens in group_append.
 *
 * The order of stores is what makes readers on other threads safe: bytes before length
 * (base/bytes), and the length, the error and the times before is_ended. */
#include "transfork/group.h"

#include <stdlib.h>

#include "base/objects.h"

struct moq_group *group_new(uint64_t sequence, uint64_t started_ns)
{
    struct moq_group *group = calloc(1, sizeof *group);
    if (!group)
        return NULL;
    group->sequence = sequence;
    group->started_ns = started_ns;
    group->refs = 1;
    bytes_log_init(&group->log);
    list_init(&group->node);
    object_born(OBJECT_group);
    return group;
}

struct moq_group *moq_group_ref(struct moq_group *group)
{
    __atomic_add_fetch(&group->refs, 1, __ATOMIC_RELAXED);
    return group;
}

void moq_group_unref(struct moq_group **group)
{
    struct moq_group *mine = *group;
    *group = NULL;
    if (!mine || __atomic_sub_fetch(&mine->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    bytes_log_deinit(&mine->log);
    free(mine);
    object_died(OBJECT_group);
}

int group_append(struct moq_group *group, const void *data, size_t n)
{
    if (group->is_ended)
        return MOQ_ERR_CLOSED;
    if (n > MOQ_GROUP_MAX_BYTES - group_length(group))
        return MOQ_ERR_BOUNDS;
    return bytes_log_append(&group->log, data, n);
}

void group_end(struct moq_group *group, int error, uint64_t now_ns)
{
    if (group->is_ended)
        return;
    group->error = error;
    group->ended_ns = now_ns;
    __atomic_store_n(&group->is_ended, true, __ATOMIC_RELEASE);
}
