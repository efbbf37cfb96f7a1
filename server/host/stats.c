/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What modules see of many viewers, of tracks and of the relay.
 * Tested by tests/abi/test_views.py. */
#include <string.h>

#include "server/host/internal.h"

/* ---- Viewers --------------------------------------------------------------------------------- */

_Static_assert((int)RELAY_VISIT_MAX == (int)CORE_VISIT_MAX, "the header says so");

struct visit {
    struct relay_worker *worker;
    relay_each_viewer *each;
    void *user;
};

/* Passes over a viewer that the module has not been told of yet. */
static bool visit_viewer(void *user, struct core_viewer *core)
{
    const struct visit *visit = user;
    struct relay_viewer *viewer = core_viewer_slot(core, &visit->worker->hook);
    return viewer->head.magic != HOST_VIEWER || visit->each(viewer, visit->user);
}

int relay_viewers(struct relay_worker *worker, const char *pattern, uint64_t *place,
                  relay_each_viewer *each, void *user)
{
    struct visit visit = {.worker = worker, .each = each, .user = user};
    uint64_t from = place ? *place : 0;
    if (!FITS(worker, HOST_WORKER) || worker->ops.viewer_slot_bytes == 0 || !each ||
        (pattern && config_pattern_problem(pattern)))
        return RELAY_ERR_INVALID;
    size_t count = core_viewers_visit(worker->core->router, pattern, &from, visit_viewer, &visit);
    if (place)
        *place = from;
    return (int)count;
}

/* ---- Tracks and workers ---------------------------------------------------------------------- */

static void copy_track(const struct core_track_stats *now, struct relay_track_stats *stats)
{
    uint32_t size = stats->size;
    const struct relay_track_stats all = {
        .size = size,
        .viewers = now->viewers,
        .rate_bps = now->rate_bps,
        .group_interval_ns = now->interval_ns,
        .cached_bytes = now->cached_bytes,
        .cached_ns = now->cached_ns,
        .newest = now->has_groups ? now->newest : RELAY_ANY_GROUP,
        .newest_age_ns = now->newest_age_ns,
        .source = now->origin,
        .peer = now->origin_peer,
        .worker = now->origin_worker,
        .all_viewers = now->all_viewers,
    };
    memcpy(stats, &all, host_struct_bytes(size, sizeof all));
}

int relay_track_stats(struct relay_worker *worker, const char *text,
                      struct relay_track_stats *stats)
{
    struct core_track_stats now;
    struct moq_path *path = FITS(worker, HOST_WORKER) ? host_path(text) : NULL;
    if (!path)
        return RELAY_ERR_INVALID;
    bool is_found = core_track_stats(worker->core->router, path, &now);
    moq_path_unref(&path);
    if (is_found)
        copy_track(&now, stats);
    return is_found ? 0 : RELAY_ERR_NOT_FOUND;
}

void relay_viewer_track_stats(const struct relay_viewer *viewer, struct relay_track_stats *stats)
{
    struct core_track_stats now = {.rate_bps = 0};
    if (FITS(viewer, HOST_VIEWER))
        core_viewer_track_stats(viewer->core, &now);
    copy_track(&now, stats);
}

void relay_worker_stats(const struct relay_worker *worker, struct relay_worker_stats *stats)
{
    struct core_load here = {.sessions = 0}, sum = {.sessions = 0};
    uint32_t size = stats->size;
    if (FITS(worker, HOST_WORKER))
        core_worker_load(worker->core, &here, &sum);
    const struct relay_worker_stats all = {
        .size = size,
        .workers = FITS(worker, HOST_WORKER) ? host_worker_count(worker->self->host) : 0,
        .sessions = here.sessions,
        .viewers = here.viewers,
        .tracks = here.tracks,
        .bytes_sent = here.bytes_sent,
        .all_sessions = sum.sessions,
        .all_viewers = sum.viewers,
        .all_tracks = sum.tracks,
        .all_bytes_sent = sum.bytes_sent,
    };
    memcpy(stats, &all, host_struct_bytes(size, sizeof all));
}
