/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Viewers as modules see them.
 * Tested by tests/e2e/test_modules.py. */
#include <string.h>

#include "server/host/internal.h"

struct relay_peer *relay_viewer_peer(const struct relay_viewer *viewer)
{
    return FITS(viewer, HOST_VIEWER)
               ? hooks_peer(viewer->head.worker, core_viewer_peer(viewer->core))
               : NULL;
}

uint64_t relay_viewer_number(const struct relay_viewer *viewer)
{
    return FITS(viewer, HOST_VIEWER) ? core_viewer_number(viewer->core) : 0;
}

void *relay_viewer_slot(const struct relay_viewer *viewer)
{
    if (!FITS(viewer, HOST_VIEWER) ||
        viewer->head.worker->self->kind->module.viewer_slot_bytes == 0)
        return NULL;
    return (void *)viewer->slot;
}

const char *relay_viewer_path(const struct relay_viewer *viewer, char *out, size_t size)
{
    return host_path_text(FITS(viewer, HOST_VIEWER) ? core_viewer_path(viewer->core) : NULL, out,
                          size);
}

const char *relay_viewer_track(const struct relay_viewer *viewer, char *out, size_t size)
{
    return host_path_text(FITS(viewer, HOST_VIEWER) ? core_viewer_track(viewer->core) : NULL, out,
                          size);
}

void relay_viewer_asked(const struct relay_viewer *viewer, struct relay_asked *asked)
{
    if (FITS(viewer, HOST_VIEWER))
        host_asked(core_viewer_wish(viewer->core), asked);
}

void relay_viewer_stats(const struct relay_viewer *viewer, struct relay_viewer_stats *stats)
{
    struct moq_viewer_stats now = {.groups_sent = 0};
    uint32_t size = stats->size;
    if (FITS(viewer, HOST_VIEWER))
        core_viewer_stats(viewer->core, &now);
    const struct relay_viewer_stats all = {
        .size = size,
        .open_groups = now.open_groups,
        .groups_sent = now.groups_sent,
        .groups_skipped = now.groups_skipped,
        .groups_reset = now.groups_reset,
        .bytes_sent = now.bytes_sent,
        .backlog_bytes = now.backlog_bytes,
        .lag_ns = now.backlog_ns,
        .groups_late = now.groups_late,
        .watched_ns = FITS(viewer, HOST_VIEWER) ? core_viewer_watched_ns(viewer->core) : 0,
    };
    memcpy(stats, &all, host_struct_bytes(size, sizeof all));
}

void relay_viewer_policy(const struct relay_viewer *viewer, struct relay_policy *policy)
{
    uint32_t size = policy->size;
    struct relay_policy all = {.size = size};
    if (FITS(viewer, HOST_VIEWER)) {
        const struct moq_policy *now = core_viewer_policy(viewer->core);
        all.set = host_policy_bits(size);
        all.latency_ns = now->latency_ns;
        all.priority = now->priority;
        all.order = now->order == MOQ_ORDER_OLDEST ? RELAY_ORDER_OLDEST : RELAY_ORDER_NEWEST;
        all.rate_bps = now->rate_bps;
        all.identity_rate_bps = now->shared_rate_bps;
        all.start_ns = now->start_ns;
    }
    memcpy(policy, &all, host_struct_bytes(size, sizeof all));
}

int relay_viewer_set_policy(struct relay_viewer *viewer, const struct relay_policy *policy)
{
    struct core_override change;
    if (!FITS(viewer, HOST_VIEWER) || host_override(policy, &change))
        return RELAY_ERR_INVALID;
    core_viewer_override(viewer->core, &viewer->head.worker->hook, &change);
    return 0;
}

void relay_viewer_clear_policy(struct relay_viewer *viewer, uint32_t bits)
{
    if (FITS(viewer, HOST_VIEWER))
        core_viewer_clear_override(viewer->core, bits);
}

void relay_viewer_skip(struct relay_viewer *viewer)
{
    if (FITS(viewer, HOST_VIEWER))
        core_viewer_skip(viewer->core);
}

void relay_viewer_close(struct relay_viewer *viewer, enum relay_denial code)
{
    if (FITS(viewer, HOST_VIEWER))
        core_viewer_close(viewer->core, core_denial_error(host_denial(code)));
}

void relay_viewer_deny(struct relay_viewer *viewer, enum relay_denial code, const char *reason)
{
    if (FITS(viewer, HOST_VIEWER))
        core_viewer_deny(viewer->core, &viewer->head.worker->hook, host_denial(code),
                         reason ? reason : "it does not say why");
}
