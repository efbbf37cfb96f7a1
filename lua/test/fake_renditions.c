/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Renditions of a relay that is not there: a viewer is moved at once.
 * Tested by tests/unit/lua/test_fake.c. */
#include <stdio.h>
#include <string.h>

#include "lua/test/fake.h"

static int fill_rendition(const struct fake_ladder *ladder, size_t index,
                          struct relay_rendition *rendition, char *path)
{
    if (index >= ladder->count)
        return RELAY_ERR_NOT_FOUND;
    snprintf(path, RELAY_PATH_BYTES, "%s", ladder->paths[index]);
    rendition->path = path;
    rendition->bitrate_bps = ladder->bitrates_bps[index];
    return 0;
}

int relay_request_rendition(const struct relay_request *request, size_t index,
                            struct relay_rendition *rendition, char *path)
{
    return fill_rendition(&request->peer->ladder, index, rendition, path);
}

int relay_viewer_rendition(const struct relay_viewer *viewer, size_t index,
                           struct relay_rendition *rendition, char *path)
{
    return fill_rendition(&viewer->ladder, index, rendition, path);
}

int relay_viewer_turn(struct relay_viewer *viewer, size_t index)
{
    if (index >= viewer->ladder.count)
        return RELAY_ERR_INVALID;
    snprintf(viewer->track, sizeof viewer->track, "%s", viewer->ladder.paths[index]);
    return 0;
}

void relay_viewer_skip(struct relay_viewer *viewer)
{
    viewer->skips++;
    viewer->stats.lag_ns = viewer->stats.backlog_bytes = 0;
}
