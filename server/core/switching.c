/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What hooks see of the track and the renditions of a viewer, and how they move it between them.
 * Tested by tests/sim/relay/test_switching.c. */
#include "server/core/mix.h"

const struct moq_path *core_viewer_track(const struct core_viewer *viewer)
{
    return moq_track_path(viewer->source->track);
}

const struct core_ladder *core_viewer_ladder(const struct core_viewer *viewer)
{
    return viewer->mix ? viewer->mix->ladder : NULL;
}

size_t core_viewer_rendition(const struct core_viewer *viewer)
{
    return viewer->mix ? mix_rendition(viewer->mix) : CORE_NO_RENDITION;
}

const char *core_viewer_rendition_by(const struct core_viewer *viewer)
{
    return viewer->rendition_by;
}

int core_viewer_turn_to(struct core_viewer *viewer, const struct core_hook *hook, size_t rendition)
{
    if (core_viewer_is_over(viewer))
        return MOQ_ERR_CLOSED;
    if (!viewer->mix)
        return MOQ_ERR_INVALID;
    return mix_turn_to(viewer->mix, rendition, hook->name);
}
