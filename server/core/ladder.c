/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ladders: lists of renditions that viewers share.
 * Tested by tests/sim/relay/test_switching.c. */
#include "server/core/ladder.h"

#include <stdlib.h>

#include "base/objects.h"

struct core_ladder {
    uint32_t refs;
    size_t count;
    struct core_rendition renditions[];
};

struct core_ladder *core_ladder_new(const struct core_rendition *renditions, size_t count)
{
    struct core_ladder *ladder = count > 0 && count <= CORE_LADDER_MAX
                                     ? malloc(sizeof *ladder + count * sizeof ladder->renditions[0])
                                     : NULL;
    if (!ladder)
        return NULL;
    ladder->refs = 1;
    ladder->count = count;
    for (size_t i = 0; i < count; i++)
        ladder->renditions[i] = (struct core_rendition){
            .path = moq_path_ref(renditions[i].path),
            .bitrate_bps = renditions[i].bitrate_bps,
        };
    object_born(OBJECT_ladder);
    return ladder;
}

struct core_ladder *core_ladder_ref(struct core_ladder *ladder)
{
    if (ladder)
        ladder->refs++;
    return ladder;
}

void core_ladder_unref(struct core_ladder **ladder)
{
    struct core_ladder *mine = *ladder;
    *ladder = NULL;
    if (!mine || --mine->refs > 0)
        return;
    for (size_t i = 0; i < mine->count; i++)
        moq_path_unref(&mine->renditions[i].path);
    free(mine);
    object_died(OBJECT_ladder);
}

size_t core_ladder_count(const struct core_ladder *ladder)
{
    return ladder ? ladder->count : 0;
}

const struct core_rendition *core_ladder_at(const struct core_ladder *ladder, size_t index)
{
    return &ladder->renditions[index];
}

size_t core_ladder_find(const struct core_ladder *ladder, const struct moq_path *path)
{
    for (size_t i = 0; i < core_ladder_count(ladder); i++)
        if (moq_path_equal(ladder->renditions[i].path, path))
            return i;
    return CORE_NO_RENDITION;
}
