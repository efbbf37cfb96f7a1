/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What sources keep: each track by its own limits, and all tracks of the relay together.
 * Tested by tests/sim/relay/test_memory.c and tests/sim/relay/test_mirrors.c. */
#include "server/core/mix.h"
#include "server/core/settings.h"

/* Updates the relay's total by what this worker holds now. Returns whether the total is over the
 * limit and this worker holds more than its share. The bytes of a copy count at its home. */
static bool is_cache_over(struct router *router, uint64_t bytes)
{
    uint64_t bound = router->config->cache.bytes, before = router->counters.cache_bytes;
    uint64_t all =
        __atomic_add_fetch(&router->commons->cache_bytes, bytes - before, __ATOMIC_RELAXED);
    router->counters.cache_bytes = bytes;
    return bound > 0 && all > bound && bytes > bound / router->workers;
}

static void take_configuration(struct source *source)
{
    struct moq_cache_limits limits = core_cache_limits(source->router->config);
    list_for_each (node, &source->viewers) {
        const struct core_viewer *viewer = container_of(node, struct core_viewer, node);
        uint64_t keep_ns = core_keep_ns(moq_viewer_policy(viewer->served));
        limits.grace_ns = keep_ns > limits.grace_ns ? keep_ns : limits.grace_ns;
    }
    list_for_each (node, &source->listeners) {
        uint64_t latency_ns = container_of(node, struct source_listener, node)->latency_ns;
        limits.grace_ns = latency_ns > limits.grace_ns ? latency_ns : limits.grace_ns;
    }
    moq_track_set_cache(source->track, &limits);
}

void sources_take_configuration(struct router *router)
{
    list_for_each (node, &router->sources)
        take_configuration(container_of(node, struct source, node));
    mixes_take_configuration(router);
}

void source_cut_track(struct moq_track *track)
{
    const struct moq_cache_limits least = {.groups = 1, .age_ns = 1, .bytes = 1};
    struct moq_cache_limits usual = moq_track_config(track)->cache;
    struct moq_track *kept = moq_track_ref(track);
    moq_track_set_cache(track, &least);
    moq_track_sweep(track);
    moq_track_set_cache(track, &usual);
    moq_track_unref(&kept);
}

/* Cuts each track, or each copy, to its newest group, once; mixes are copies too. */
static void cut_tracks(struct router *router, bool is_copies_only)
{
    list_for_each (node, &router->sources) {
        struct source *source = container_of(node, struct source, node);
        if (!is_copies_only || source_is_copy(source))
            source_cut_track(source->track);
    }
    mixes_cut(router);
}

/* The cache of the relay is over its limit. Copies on other workers may hold the bytes that this
 * worker cuts, so cache_cuts tells them. */
static void cut_cache(struct router *router)
{
    router->counters.cache_evictions++;
    __atomic_add_fetch(&router->commons->cache_cuts, 1, __ATOMIC_RELAXED);
    cut_tracks(router, false);
}

static void cut_copies(struct router *router)
{
    uint32_t cuts = __atomic_load_n(&router->commons->cache_cuts, __ATOMIC_RELAXED);
    if (cuts != router->cache_cuts)
        cut_tracks(router, true);
    router->cache_cuts = cuts;
}

void sources_bound_cache(struct router *router, uint64_t bytes)
{
    if (is_cache_over(router, bytes))
        cut_cache(router);
    cut_copies(router);
}
