/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What hooks see of many viewers, and of tracks.
 * Tested by tests/unit/core/test_slice.c. */
#include "server/core/visit.h"

#include <string.h>

#include "server/core/audience.h"
#include "server/core/source.h"

/* ---- Viewers --------------------------------------------------------------------------------- */

/* Whether its path matches; takes what it costs to find out from `steps`. */
static bool path_matches(const struct core_viewer *viewer, const char *pattern, int64_t *steps)
{
    char text[MOQ_PATH_TEXT_BYTES];
    if (!pattern)
        return true;
    moq_path_text(viewer->path, text, sizeof text);
    *steps -= (int64_t)(strlen(text) * strlen(pattern));
    return config_pattern_matches(pattern, text);
}

struct visit {
    struct router *router;
    const char *pattern;
    bool (*each)(void *user, struct core_viewer *viewer);
    void *user;
    int64_t steps;
    size_t count;
};

/* False: the caller has seen enough. The viewer may be gone. */
static bool visit_viewer(struct visit *visit, struct core_viewer *viewer)
{
    if (!path_matches(viewer, visit->pattern, &visit->steps))
        return true;
    visit->count++;
    return visit->each(visit->user, viewer);
}

/* Visits those behind `after`. Returns where to go on; 0: all were visited. */
static uint64_t visit_from(struct visit *visit, struct roster_cursor *cursor, uint64_t after)
{
    for (int looks = 0; looks < CORE_VISIT_MAX && visit->steps > 0;) {
        struct roster_entry *entry = roster_cursor_next(&visit->router->roster, cursor);
        if (!entry)
            return 0;
        if (entry->place <= after)
            continue;
        looks++;
        if (!visit_viewer(visit, container_of(entry, struct core_viewer, entry)))
            break;
    }
    return cursor->place;
}

size_t core_viewers_visit(struct router *router, const char *pattern, uint64_t *place,
                          bool (*each)(void *user, struct core_viewer *viewer), void *user)
{
    struct visit visit = {.router = router,
                          .pattern = pattern,
                          .each = each,
                          .user = user,
                          .steps = CORE_VISIT_STEPS};
    struct roster_cursor cursor;
    roster_cursor_init(&cursor);
    roster_cursor_rewind(&router->roster, &cursor);
    *place = visit_from(&visit, &cursor, *place);
    roster_cursor_close(&cursor);
    return visit.count;
}

/* ---- Tracks ---------------------------------------------------------------------------------- */

static void fill_track(const struct source *source, struct core_track_stats *stats)
{
    const struct announcement *origin = source->origin;
    const struct moq_group *newest = moq_track_newest(source->track);
    const struct moq_group *oldest = moq_track_oldest(source->track);
    *stats = (struct core_track_stats){
        .rate_bps = meter_rate_bps(&source->meter),
        .interval_ns = source->meter.interval_ns,
        .cached_bytes = moq_track_cached_bytes(source->track),
        .viewers = source->viewer_count,
        .all_viewers = audience_size(source->router->commons, moq_track_path(source->track)),
        .has_groups = newest != NULL,
    };
    if (newest) {
        stats->newest = newest->sequence;
        stats->newest_age_ns = source->router->clock->now_ns - newest->started_ns;
        stats->cached_ns = newest->started_ns - oldest->started_ns;
    }
    if (origin) {
        stats->origin = origin->stamp;
        stats->origin_worker = origin->worker;
        stats->origin_peer = origin->publisher ? origin->publisher->peer : 0;
    }
}

bool core_track_stats(struct router *router, const struct moq_path *path,
                      struct core_track_stats *stats)
{
    const struct route *route = route_find(router, path);
    const struct source *source = route ? source_of(route) : NULL;
    if (source)
        fill_track(source, stats);
    return source != NULL;
}

void core_viewer_track_stats(const struct core_viewer *viewer, struct core_track_stats *stats)
{
    fill_track(viewer->source, stats);
}
