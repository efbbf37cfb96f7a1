/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Renditions as modules see them.
 * Tested by tests/abi/test_renditions.py. */
#include <string.h>

#include "server/host/internal.h"

/* ---- Setting them ---------------------------------------------------------------------------- */

/* An entry of the caller's array, whose structs may be shorter or longer than ours. */
static struct relay_rendition rendition_at(const struct relay_rendition *renditions, size_t index)
{
    struct relay_rendition rendition = {.size = 0};
    const char *start = (const char *)renditions + index * renditions->size;
    memcpy(&rendition, start, host_struct_bytes(renditions->size, sizeof rendition));
    return rendition;
}

/* Returns how many paths are valid before the first that is not; each is a reference. */
static size_t read_renditions(const struct relay_rendition *renditions, size_t count,
                              struct core_rendition *out)
{
    for (size_t i = 0; i < count; i++) {
        struct relay_rendition rendition = rendition_at(renditions, i);
        struct moq_path *path = rendition.path ? host_path(rendition.path) : NULL;
        if (!path)
            return i;
        out[i] = (struct core_rendition){path, rendition.bitrate_bps};
    }
    return count;
}

static int set_ladder(struct core_request *request, const struct core_rendition *renditions,
                      size_t count)
{
    struct core_ladder *ladder = core_ladder_new(renditions, count);
    if (!ladder)
        return RELAY_ERR_NOMEM;
    int error = core_request_set_ladder(request, ladder);
    core_ladder_unref(&ladder);
    return host_error(error);
}

int relay_request_set_renditions(struct relay_request *request,
                                 const struct relay_rendition *renditions, size_t count)
{
    struct core_rendition all[RELAY_RENDITIONS_MAX];
    if (!REQUEST_FITS(request))
        return RELAY_ERR_INVALID;
    if (count > RELAY_RENDITIONS_MAX)
        return RELAY_ERR_BOUNDS;
    if (count == 0)
        return host_error(core_request_set_ladder(request->core, NULL));
    size_t valid = read_renditions(renditions, count, all);
    int error = valid == count ? set_ladder(request->core, all, count) : RELAY_ERR_INVALID;
    for (size_t i = 0; i < valid; i++)
        moq_path_unref(&all[i].path);
    return error;
}

/* ---- Looking at them ------------------------------------------------------------------------- */

static int fill_rendition(const struct core_ladder *ladder, size_t index,
                          struct relay_rendition *rendition, char *path)
{
    uint32_t size = rendition->size;
    if (index >= core_ladder_count(ladder))
        return RELAY_ERR_NOT_FOUND;
    const struct core_rendition *core = core_ladder_at(ladder, index);
    const struct relay_rendition all = {
        .size = size,
        .bitrate_bps = core->bitrate_bps,
        .path = host_path_text(core->path, path, RELAY_PATH_BYTES),
    };
    memcpy(rendition, &all, host_struct_bytes(size, sizeof all));
    return 0;
}

int relay_request_rendition(const struct relay_request *request, size_t index,
                            struct relay_rendition *rendition, char *path)
{
    return fill_rendition(REQUEST_FITS(request) ? core_request_ladder(request->core) : NULL, index,
                          rendition, path);
}

int relay_viewer_rendition(const struct relay_viewer *viewer, size_t index,
                           struct relay_rendition *rendition, char *path)
{
    return fill_rendition(FITS(viewer, HOST_VIEWER) ? core_viewer_ladder(viewer->core) : NULL,
                          index, rendition, path);
}

int relay_viewer_turned(const struct relay_viewer *viewer)
{
    size_t index =
        FITS(viewer, HOST_VIEWER) ? core_viewer_rendition(viewer->core) : CORE_NO_RENDITION;
    return index == CORE_NO_RENDITION ? RELAY_ERR_NOT_FOUND : (int)index;
}

int relay_viewer_turn(struct relay_viewer *viewer, size_t index)
{
    if (!FITS(viewer, HOST_VIEWER))
        return RELAY_ERR_INVALID;
    return host_error(core_viewer_turn_to(viewer->core, &viewer->head.worker->hook, index));
}
