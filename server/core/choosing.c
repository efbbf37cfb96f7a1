/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Asks hooks for a publisher, and passes over one that has fallen silent. Hooks may do anything
 * when they are asked, so this is done by the loop, and only paths and numbers are kept across a
 * call.
 * Tested by tests/sim/relay/test_failover.c. */
#include "server/core/choosing.h"

#include "server/core/bulletin.h"
#include "server/core/choice.h"
#include "server/core/peer.h"
#include "server/core/source.h"

/* A publisher that fell silent is not turned to for so long, unless hooks choose it. */
#define SILENCE_HOLD_NS (10 * NS_PER_S)

/* ---- Asking ---------------------------------------------------------------------------------- */

/* The announcement that feeds the track, if it is of this worker; NULL: another worker decides. */
static struct announcement *own_leader(const struct route *route)
{
    struct announcement *leader = route ? route_next(route) : NULL;
    return leader && announcement_is_local(leader) ? leader : NULL;
}

static void note_candidates(struct core_choice *choice, const struct route *route)
{
    list_for_each (node, &route->announcements)
        if (choice->count < CHOICE_MAX)
            choice->stamps[choice->count++] =
                container_of(node, struct announcement, route_node)->stamp;
}

bool choose_now(struct router *router, struct moq_path *path, enum core_choice_cause cause)
{
    struct core_choice choice = {.router = router, .path = moq_path_ref(path), .cause = cause};
    const struct route *route = route_find(router, path);
    int index = -1;
    if (own_leader(route) && core_hooks_want_choices(&router->hooks))
        note_candidates(&choice, route);
    if (choice.count > 1)
        index = core_hooks_choose_source(&router->hooks, &choice);
    bool is_chosen = index >= 0 && (size_t)index < choice.count;
    if (is_chosen)
        choice_make(router, choice.path, choice.stamps[index]);
    moq_path_unref(&choice.path);
    return is_chosen;
}

/* ---- Silence --------------------------------------------------------------------------------- */

/* The one that would feed the track next; NULL: none, or only others that fell silent. */
static struct announcement *next_speaker(const struct announcement *leader)
{
    list_for_each (node, &leader->route->announcements) {
        struct announcement *other = container_of(node, struct announcement, route_node);
        if (other != leader && !other->has_failed && !announcement_is_silent(other))
            return other;
    }
    return NULL;
}

/* Groups need not come at regular times, so the longest interval of late counts, and a publisher
 * that still brings bytes is not silent. */
static bool is_silent(const struct source *source)
{
    const struct config_failover *failover = &source->router->config->policy.failover;
    const struct announcement *leader = source->route ? own_leader(source->route) : NULL;
    const struct track_meter *meter = &source->meter;
    uint64_t now_ns = source->router->clock->now_ns;
    if (failover->groups == 0 || !leader || leader != source->origin || source->is_resting ||
        announcement_is_silent(leader) || meter->longest_ns == 0)
        return false;
    uint64_t patience_ns = failover->groups * meter->longest_ns;
    if (patience_ns < failover->after_ns)
        patience_ns = failover->after_ns;
    uint64_t quiet_ns = meter->longest_ns < patience_ns ? meter->longest_ns : patience_ns;
    return now_ns - meter_last_group_ns(meter) >= patience_ns &&
           now_ns - meter_last_byte_ns(meter) >= quiet_ns && next_speaker(leader) != NULL;
}

/* The track goes to the one that hooks choose, or to the next that has not fallen silent. */
static void pass_over(struct router *router, struct moq_path *path)
{
    char text[MOQ_PATH_LINE_BYTES];
    struct announcement *leader = own_leader(route_find(router, path));
    if (!leader)
        return;
    leader->silent_until_ns = router->clock->now_ns + SILENCE_HOLD_NS;
    bulletins_silence(router, leader->share, leader->silent_until_ns);
    log_warn(LOG_ROUTE, "%s: its publisher (%s) is connected, but brings no groups any more",
             moq_path_text(path, text, sizeof text),
             leader->publisher ? leader->publisher->address : "a module");
    core_hooks_event(&router->hooks, "fell_silent", path);
    if (choose_now(router, path, CORE_CHOICE_SILENT))
        return;
    leader = own_leader(route_find(router, path));
    struct announcement *next =
        leader && announcement_is_silent(leader) ? next_speaker(leader) : NULL;
    if (next)
        choice_make(router, path, next->stamp);
}

/* ---- Soon ------------------------------------------------------------------------------------ */

static void run_choosing(struct soon *soon)
{
    struct source *source = container_of(soon, struct source, choosing);
    struct router *router = source->router;
    if (!source->route)
        return;
    struct moq_path *path = moq_path_ref(source->route->path);
    if (source->cause != CORE_CHOICE_SILENT)
        choose_now(router, path, source->cause);
    else if (is_silent(source))
        pass_over(router, path);
    moq_path_unref(&path);
}

static void choose_soon(struct source *source, enum core_choice_cause cause)
{
    if (cause != CORE_CHOICE_SILENT && !core_hooks_want_choices(&source->router->hooks))
        return;
    source->cause = cause;
    source->choosing.run = run_choosing;
    router_soon(source->router, &source->choosing);
}

const struct source_events choosing_events = {.on_candidates = choose_soon};

void choosing_sweep(struct router *router)
{
    list_for_each (node, &router->sources) {
        struct source *source = container_of(node, struct source, node);
        if (is_silent(source))
            choose_soon(source, CORE_CHOICE_SILENT);
    }
}

/* ---- For hooks ------------------------------------------------------------------------------- */

const struct moq_path *core_choice_path(const struct core_choice *choice)
{
    return choice->path;
}

enum core_choice_cause core_choice_cause(const struct core_choice *choice)
{
    return choice->cause;
}

bool core_choice_candidate(const struct core_choice *choice, size_t index,
                           struct core_candidate *candidate)
{
    const struct route *route = route_find(choice->router, choice->path);
    const struct announcement *announcement =
        route && index < choice->count ? route_stamped(route, choice->stamps[index]) : NULL;
    if (announcement)
        choice_describe(announcement, candidate);
    return announcement != NULL;
}
