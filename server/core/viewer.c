/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Viewers: collects the inputs of a viewer's policy and passes the result to transfork; implements
 * what hooks see of viewers.
 * Tested by tests/sim/relay/test_policy.c. */
#include "server/core/viewer.h"

#include <stdlib.h>
#include <string.h>

#include "server/core/feed.h"
#include "server/core/identity.h"
#include "server/core/peer.h"
#include "server/core/visit.h"

static struct policy_inputs inputs_of(const struct core_viewer *viewer, const struct moq_wish *wish)
{
    return (struct policy_inputs){
        .policy_class = viewer->policy_class,
        .wish = *wish,
        .override = viewer->override,
        .max = viewer->max,
    };
}

struct core_viewer *core_viewer_new(struct router *router, const struct viewer_origin *origin)
{
    struct core_viewer *viewer = calloc(1, sizeof *viewer + router->hooks.viewer_bytes);
    if (!viewer)
        return NULL;
    viewer->router = router;
    viewer->max = router->config->policy.max;
    viewer->policy_class = origin->policy_class;
    viewer->override = *origin->override;
    viewer->notes = policy_notes_ref(origin->notes);
    viewer->since_ns = router->clock->now_ns;
    viewer->configuration = router->configuration;
    viewer->path = moq_path_ref(origin->path);
    viewer->number = origin->number;
    viewer->member = (struct chain_member){.object = viewer, .slots = (char *)viewer->slots};
    viewer->next_sample_ns = router->clock->now_ns + CORE_SAMPLE_NS;
    return viewer;
}

uint64_t core_keep_ns(const struct moq_policy *policy)
{
    bool is_word = policy->start_ns == MOQ_START_OLDEST || policy->start_ns == MOQ_START_NEXT;
    bool is_longer = !is_word && policy->start_ns > policy->latency_ns;
    return is_longer ? policy->start_ns : policy->latency_ns;
}

void core_keep_groups(struct moq_track *track, uint64_t keep_ns)
{
    struct moq_cache_limits limits = moq_track_config(track)->cache;
    if (limits.grace_ns >= keep_ns)
        return;
    limits.grace_ns = keep_ns;
    moq_track_set_cache(track, &limits);
}

void core_keep_groups_for(struct router *router, const struct viewer_origin *origin,
                          const struct moq_wish *wish, struct moq_track *track)
{
    const struct policy_inputs inputs = {
        .policy_class = origin->policy_class,
        .wish = *wish,
        .override = *origin->override,
        .max = router->config->policy.max,
    };
    struct moq_policy policy = policy_decide(&inputs, NULL);
    core_keep_groups(track, core_keep_ns(&policy));
}

static void share_pacer(struct core_viewer *viewer, uint64_t rate_bps)
{
    const char *name = core_peer_identity(core_viewer_peer(viewer));
    struct router_commons *commons = viewer->router->commons;
    struct identity *before = viewer->identity;
    bool is_shared = rate_bps > 0 && name[0];
    if (is_shared && before && strcmp(identity_name(before), name) == 0)
        return;
    viewer->identity = is_shared ? identity_hold(commons, name) : NULL;
    struct moq_pacer *pacer = viewer->identity ? identity_pacer(viewer->identity) : &viewer->alone;
    moq_viewer_share_pacer(viewer->served, is_shared ? pacer : NULL);
    identity_release(commons, &before);
}

void core_viewer_take_identity(struct core_viewer *viewer)
{
    share_pacer(viewer, moq_viewer_policy(viewer->served)->shared_rate_bps);
}

bool core_viewer_serve(struct core_viewer *viewer, struct moq_request *asked,
                       struct moq_track *track)
{
    const struct policy_inputs inputs = inputs_of(viewer, &asked->wish);
    struct moq_policy policy = policy_decide(&inputs, NULL);
    core_keep_groups(track, core_keep_ns(&policy));
    viewer->served = moq_request_serve(asked, track, &policy);
    if (!viewer->served)
        return false;
    moq_viewer_set_user(viewer->served, viewer);
    share_pacer(viewer, policy.shared_rate_bps);
    return true;
}

void core_viewer_free(struct core_viewer *viewer)
{
    if (viewer->mix)
        viewer->on_free(viewer);
    identity_release(viewer->router->commons, &viewer->identity);
    moq_path_unref(&viewer->path);
    policy_notes_unref(&viewer->notes);
    free(viewer);
}

void core_viewer_add_totals(const struct core_viewer *viewer, struct core_counters *counters)
{
    struct moq_viewer_stats stats;
    moq_viewer_stats(viewer->served, &stats);
    counters->groups_sent += stats.groups_sent;
    counters->groups_skipped += stats.groups_skipped;
    counters->groups_reset += stats.groups_reset;
    counters->bytes_sent += stats.bytes_sent;
}

struct moq_wish core_viewer_source_wish(const struct core_viewer *viewer)
{
    struct moq_wish wish = *moq_viewer_wish(viewer->served);
    if (viewer->has_turned)
        wish.min = wish.max = MOQ_NO_GROUP;
    return wish;
}

struct moq_policy core_viewer_decided(const struct core_viewer *viewer)
{
    const struct policy_inputs inputs = inputs_of(viewer, moq_viewer_wish(viewer->served));
    return policy_decide(&inputs, NULL);
}

void core_viewer_decide(struct core_viewer *viewer)
{
    struct moq_policy policy = core_viewer_decided(viewer);
    struct moq_track *track = moq_track_ref(moq_viewer_track(viewer->served));
    struct moq_track *of_source = moq_track_ref(source_track(viewer->source));
    share_pacer(viewer, policy.shared_rate_bps);
    moq_viewer_set_policy(viewer->served, &policy);
    core_keep_groups(track, core_keep_ns(&policy));
    core_keep_groups(of_source, core_keep_ns(&policy)); /* whose cache counts the bytes of a mix */
    moq_track_unref(&of_source);
    moq_track_unref(&track);
}

void core_viewers_sample(struct router *router)
{
    uint64_t now_ns = router->clock->now_ns;
    uint64_t most = router->viewer_count * CORE_SAMPLE_STEP_MS * NS_PER_MS / CORE_SAMPLE_NS + 1;
    while (most-- > 0 && !list_is_empty(&router->viewers)) {
        struct core_viewer *viewer =
            container_of(router->viewers.next, struct core_viewer, router_node);
        if (viewer->next_sample_ns > now_ns)
            return;
        viewer->next_sample_ns = now_ns + CORE_SAMPLE_NS;
        list_remove(&viewer->router_node);
        list_push_back(&router->viewers, &viewer->router_node);
        core_hooks_viewer_sample(&router->hooks, &viewer->member);
    }
}

/* ---- For hooks ------------------------------------------------------------------------------- */

bool core_viewer_is_over(const struct core_viewer *viewer)
{
    return moq_viewer_user(viewer->served) != viewer;
}

void core_viewer_override(struct core_viewer *viewer, const struct core_hook *hook,
                          const struct core_override *change)
{
    if (core_viewer_is_over(viewer))
        return;
    policy_override_set(&viewer->override, hook->name, change);
    policy_notes_set(&viewer->notes, change->set, change->note);
    core_viewer_decide(viewer);
}

void core_viewer_clear_override(struct core_viewer *viewer, unsigned bits)
{
    if (core_viewer_is_over(viewer))
        return;
    policy_override_clear(&viewer->override, bits);
    core_viewer_decide(viewer);
}

uint64_t core_viewer_number(const struct core_viewer *viewer)
{
    return viewer->number;
}

struct core_peer *core_viewer_peer(const struct core_viewer *viewer)
{
    return moq_session_user(moq_viewer_session(viewer->served));
}

const struct moq_path *core_viewer_path(const struct core_viewer *viewer)
{
    return viewer->path;
}

void core_viewer_stats(const struct core_viewer *viewer, struct moq_viewer_stats *stats)
{
    moq_viewer_stats(viewer->served, stats);
}

const struct moq_wish *core_viewer_wish(const struct core_viewer *viewer)
{
    return moq_viewer_wish(viewer->served);
}

const struct moq_policy *core_viewer_policy(const struct core_viewer *viewer)
{
    return moq_viewer_policy(viewer->served);
}

void core_viewer_reasons(const struct core_viewer *viewer, struct core_policy_reasons *reasons)
{
    const struct policy_inputs inputs = inputs_of(viewer, moq_viewer_wish(viewer->served));
    policy_decide(&inputs, reasons);
}

void core_viewer_skip(struct core_viewer *viewer)
{
    if (!core_viewer_is_over(viewer))
        moq_viewer_skip(viewer->served);
}

uint64_t core_viewer_watched_ns(const struct core_viewer *viewer)
{
    return viewer->router->clock->now_ns - viewer->since_ns;
}

void core_viewer_close(struct core_viewer *viewer, int error)
{
    if (!core_viewer_is_over(viewer))
        moq_viewer_close(viewer->served, error);
}

void core_viewer_deny(struct core_viewer *viewer, const struct core_hook *hook,
                      enum core_denial denial, const char *reason)
{
    char path[MOQ_PATH_LINE_BYTES], name[PEER_NAME_BYTES];
    if (core_viewer_is_over(viewer))
        return;
    log_info(LOG_SESSION, "%s: %s closes its subscription to %s: %.*s",
             peer_name(core_viewer_peer(viewer), name), hook->name,
             moq_path_text(viewer->path, path, sizeof path), CORE_REASON_BYTES, reason);
    core_viewer_close(viewer, core_denial_error(denial));
}

void *core_viewer_slot(const struct core_viewer *viewer, const struct core_hook *hook)
{
    return chain_viewer_slot(&viewer->member, hook);
}
