/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Mixes: which renditions a viewer has, wants and leaves, and what that means for their sources.
 * Tested by tests/sim/relay/test_switching.c. */
#include "server/core/mix.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/objects.h"
#include "server/core/mix_part.h"
#include "server/core/settings.h"

/* ---- Lifetime -------------------------------------------------------------------------------- */

static void hold_mix(struct mix *mix)
{
    mix->holds++;
}

static void release_mix(struct mix *mix)
{
    if (--mix->holds > 0 || !mix->is_closed)
        return;
    mix_part_free(&mix->old);
    mix_part_free(&mix->now);
    mix_part_free(&mix->next);
    moq_track_unref(&mix->track);
    core_ladder_unref(&mix->ladder);
    free(mix);
    object_died(OBJECT_mix);
}

static void end_mix(struct mix *mix, int error)
{
    mix->is_orphan = false;
    mix_stop_trying(mix);
    if (!mix->is_closed)
        moq_track_end(mix->track, error);
}

static void note_lost(struct mix *mix, const struct mix_part *part)
{
    if (part->rendition != CORE_NO_RENDITION)
        mix->lost |= UINT32_C(1) << part->rendition;
}

/* `now` has failed: the viewer goes on with another rendition, if one is there. Which one is found
 * when the source that ends is out of the way. */
static void become_orphan(struct mix *mix, int error)
{
    mix->is_orphan = true;
    mix->end_error = error;
    mix->lost = 0; /* what failed before may be there again */
    note_lost(mix, mix->now);
    router_soon(mix->router, &mix->soon);
}

/* ---- What parts tell ------------------------------------------------------------------------- */

static void on_group(struct mix_part *part, struct moq_group *group)
{
    struct mix *mix = part->mix;
    uint64_t sequence = group->sequence;
    bool is_mine = part != mix->next && sequence >= part->first && sequence < part->end;
    hold_mix(mix);
    if (is_mine && part == mix->now && mix->next && mix_is_worth_waiting(mix, group))
        mix->held_from = sequence < mix->held_from ? sequence : mix->held_from;
    else if (is_mine)
        mix_adopt_group(mix, part, group);
    if (!mix->is_closed)
        mix_look_for_twins(mix);
    release_mix(mix);
}

/* Step 10 of a frame's walk, for viewers that may be moved. */
static void on_growth(struct mix_part *part)
{
    struct mix *mix = part->mix;
    hold_mix(mix);
    if (part != mix->next)
        moq_track_follow(mix->track);
    if (mix->next && !mix->is_closed)
        mix_look_for_twins(mix);
    release_mix(mix);
}

static void on_gap(struct mix_part *part, uint64_t first, uint64_t last, int error)
{
    struct mix *mix = part->mix;
    hold_mix(mix);
    if (first < part->first)
        first = part->first;
    if (last >= part->end)
        last = part->end - 1;
    if (part != mix->next && first <= last)
        moq_track_gap(mix->track, first + part->raise, last + part->raise, error);
    release_mix(mix);
}

static void on_end(struct mix_part *part, int error)
{
    struct mix *mix = part->mix;
    hold_mix(mix);
    if (part == mix->now) {
        moq_track_follow(mix->track);
        if (error && mix->viewer)
            become_orphan(mix, error);
        else if (!mix->is_closed)
            end_mix(mix, error);
    }
    release_mix(mix);
}

static void on_lost(struct mix_part *part)
{
    struct mix *mix = part->mix;
    note_lost(mix, part);
    router_soon(mix->router, &mix->soon);
}

static const struct mix_part_ops part_ops = {.on_group = on_group,
                                             .on_growth = on_growth,
                                             .on_gap = on_gap,
                                             .on_end = on_end,
                                             .on_lost = on_lost};

/* Keeps the source at work although the viewer is not among its own. */
static void listen_to(struct mix *mix, struct mix_part *part, struct source *source)
{
    struct moq_wish wish = *moq_viewer_wish(mix->viewer->served);
    wish.min = wish.max = MOQ_NO_GROUP;
    mix_part_listen(part, source, &wish);
}

/* ---- What a turn leaves to do ---------------------------------------------------------------- */

/* The viewer becomes one of the new source, and the old one is kept at work until its last groups
 * have ended. The mix may be closed when this returns. */
static void move_viewer(struct mix *mix)
{
    struct core_viewer *viewer = mix->viewer;
    struct source *to = mix->now->source;
    uint64_t keep_ns = core_keep_ns(moq_viewer_policy(viewer->served));
    if (mix->old && mix->old->track == viewer->source->track)
        listen_to(mix, mix->old, viewer->source);
    core_keep_groups(to->track, keep_ns);
    if (mix->is_closed || mix->now->source != to)
        return;
    viewer->has_turned = true;
    source_take_viewer(to, viewer);
    if (!mix->is_closed && mix->now->source == to)
        mix_part_silence(mix->now);
}

static bool is_quiet(const struct mix *mix)
{
    return mix->router->clock->now_ns < mix->quiet_until_ns;
}

static bool has_growing_groups(const struct mix *mix, uint64_t end)
{
    for (const struct moq_group *group = moq_track_oldest(mix->track);
         group && group->sequence < end; group = moq_track_after(mix->track, group))
        if (!group->is_ended)
            return true;
    return false;
}

/* Groups whose rendition is not followed any more will not end by themselves. */
static void end_groups_of_old(struct mix *mix, uint64_t end)
{
    struct moq_group *group = moq_track_oldest(mix->track), *next;
    for (; group && group->sequence < end && !mix->is_closed; group = next) {
        moq_group_ref(group);
        if (!group->is_ended)
            moq_track_abort_group(mix->track, group, MOQ_ERR_EXPIRED);
        next = moq_track_after(mix->track, group);
        moq_group_unref(&group);
    }
}

static void drop_old(struct mix *mix)
{
    end_groups_of_old(mix, mix->old->end + mix->old->raise);
    if (!mix->is_closed)
        mix_drop_part(&mix->old);
}

/* Whether the groups of `old` have ended, or are too late for the viewer. */
static bool is_old_over(const struct mix *mix)
{
    uint64_t end = mix->old->end + mix->old->raise;
    uint64_t latency_ns = moq_viewer_policy(mix->viewer->served)->latency_ns;
    bool is_late = !is_quiet(mix) && mix->router->clock->now_ns - mix->quiet_until_ns > latency_ns;
    bool is_moved = !mix->now->source; /* the viewer has left its source */
    return is_moved && (is_late || !has_growing_groups(mix, end));
}

/* ---- Wanting --------------------------------------------------------------------------------- */

/* 0, MOQ_ERR_NOT_FOUND or MOQ_ERR_NOMEM. */
static int open_next(struct mix *mix, size_t rendition)
{
    struct router *router = mix->router;
    struct route *route = route_find(router, core_ladder_at(mix->ladder, rendition)->path);
    if (!route || list_is_empty(&route->announcements))
        return MOQ_ERR_NOT_FOUND;
    struct source *source = source_get(router, route);
    REQUIRE(!mix->next);
    mix->next = source ? mix_part_new(source, rendition, &part_ops, mix) : NULL;
    if (!mix->next)
        return MOQ_ERR_NOMEM;
    mix->tries_until_ns = router->clock->now_ns + MIX_TRIES_NS;
    listen_to(mix, mix->next, source);
    if (!mix->is_closed && mix->next)
        mix_look_for_twins(mix);
    return 0;
}

static int start_next(struct mix *mix)
{
    size_t rendition = mix->wanted;
    mix->wanted = CORE_NO_RENDITION;
    int error = rendition == mix->now->rendition ? 0 : open_next(mix, rendition);
    if (error)
        mix->router->counters.switches_failed_total++;
    return error;
}

/* Grants may have been replaced since the ladder was made for them. An automatic track, which is
 * none of the renditions, stands for all. */
static bool may_watch(const struct mix *mix, size_t rendition)
{
    const struct core_viewer *viewer = mix->viewer;
    return !viewer || core_ladder_find(mix->ladder, viewer->path) == CORE_NO_RENDITION ||
           core_peer_may(core_viewer_peer(viewer), CORE_SUBSCRIBE,
                         core_ladder_at(mix->ladder, rendition)->path);
}

/* Opens this one as the next, if it is there and was not lost, or turns to it at once. */
static bool try_rendition(struct mix *mix, size_t rendition)
{
    bool was_lost = mix->lost >> rendition & 1;
    if (was_lost || !may_watch(mix, rendition) || open_next(mix, rendition))
        return false;
    bool is_open = mix->next && mix->next->source;
    if (!is_open)
        mix_drop_part(&mix->next);
    return is_open || !mix->is_orphan;
}

/* The nearest below the one that was lost, which the viewer can bear, else the nearest above. */
static void find_other_rendition(struct mix *mix)
{
    size_t count = core_ladder_count(mix->ladder), lost = mix->now->rendition;
    size_t start = lost == CORE_NO_RENDITION ? 0 : lost;
    bool is_found = mix->next != NULL;
    if (mix->old)
        drop_old(mix);
    for (size_t i = start; !is_found && !mix->is_closed && i-- > 0;)
        is_found = try_rendition(mix, i);
    for (size_t i = start; !is_found && !mix->is_closed && i < count; i++)
        is_found = try_rendition(mix, i);
    if (!mix->is_closed && !is_found)
        end_mix(mix, mix->end_error);
    else if (!mix->is_closed)
        mix_look_for_twins(mix);
}

/* It has ended, or does not bring what it should. A rendition that was finished as planned is no
 * failure: the broadcast is over. */
static void give_up_next(struct mix *mix)
{
    int error = 0;
    bool is_finished = moq_track_has_ended(mix->next->track, &error) && !error;
    mix->router->counters.switches_failed_total += !is_finished;
    note_lost(mix, mix->next);
    mix_stop_trying(mix);
    if (!mix->is_closed && mix->is_orphan)
        find_other_rendition(mix);
}

static void settle_turn(struct soon *soon)
{
    struct mix *mix = container_of(soon, struct mix, soon);
    hold_mix(mix);
    if (mix->now->source)
        move_viewer(mix);
    if (!mix->is_closed && mix->next && !mix->next->source)
        give_up_next(mix);
    else if (!mix->is_closed && mix->is_orphan)
        find_other_rendition(mix);
    release_mix(mix);
}

static bool may_start(const struct mix *mix)
{
    return !mix->next && !mix->old && !mix->now->source && !mix->is_orphan && !is_quiet(mix);
}

int mix_turn_to(struct mix *mix, size_t rendition, const char *by)
{
    int error = 0;
    if (rendition >= core_ladder_count(mix->ladder))
        return MOQ_ERR_INVALID;
    if (!may_watch(mix, rendition))
        return MOQ_ERR_REFUSED;
    if (rendition == mix_wanted(mix))
        return 0;
    hold_mix(mix);
    if (mix->next && !mix->is_orphan)
        mix_stop_trying(mix);
    mix->wanted_by = by;
    mix->wanted = rendition == mix->now->rendition ? CORE_NO_RENDITION : rendition;
    if (!mix->is_closed && mix->wanted != CORE_NO_RENDITION && may_start(mix))
        error = start_next(mix);
    release_mix(mix);
    return error;
}

size_t mix_rendition(const struct mix *mix)
{
    return mix->now->rendition;
}

size_t mix_wanted(const struct mix *mix)
{
    if (mix->wanted != CORE_NO_RENDITION)
        return mix->wanted;
    return mix->next ? mix->next->rendition : mix->now->rendition;
}

static void sweep_mix(struct mix *mix)
{
    if (mix->viewer && mix->old && is_old_over(mix))
        drop_old(mix);
    if (!mix->is_closed && mix->next)
        mix_look_for_twins(mix);
    if (!mix->is_closed && mix->next && mix->router->clock->now_ns > mix->tries_until_ns)
        give_up_next(mix);
    if (!mix->is_closed && mix->wanted != CORE_NO_RENDITION && may_start(mix))
        start_next(mix);
    if (!mix->is_closed)
        moq_track_sweep(mix->track);
}

/* Viewers may leave meanwhile: each mix goes back into the list before it is looked at. */
static void for_all(struct router *router, void (*visit)(struct mix *mix))
{
    struct list todo;
    list_init(&todo);
    list_move_all(&router->mixes, &todo);
    for (struct list *node; (node = list_pop_front(&todo));) {
        struct mix *mix = container_of(node, struct mix, node);
        list_push_back(&router->mixes, node);
        hold_mix(mix);
        visit(mix);
        release_mix(mix);
    }
}

void mixes_sweep(struct router *router)
{
    for_all(router, sweep_mix);
}

static void take_configuration(struct mix *mix)
{
    struct moq_cache_limits limits = core_cache_limits(mix->router->config);
    uint64_t keep_ns = core_keep_ns(moq_viewer_policy(mix->viewer->served));
    limits.grace_ns = keep_ns > limits.grace_ns ? keep_ns : limits.grace_ns;
    moq_track_set_cache(mix->track, &limits);
}

void mixes_take_configuration(struct router *router)
{
    for_all(router, take_configuration);
}

static void cut_mix(struct mix *mix)
{
    source_cut_track(mix->track);
}

void mixes_cut(struct router *router)
{
    for_all(router, cut_mix);
}

/* ---- Making ---------------------------------------------------------------------------------- */

struct moq_track *mix_track(const struct mix *mix)
{
    return mix->track;
}

struct mix *mix_new(struct source *source, struct core_ladder *ladder)
{
    const struct moq_path *path = moq_track_path(source->track);
    struct mix *mix = calloc(1, sizeof *mix);
    if (!mix)
        return NULL;
    object_born(OBJECT_mix);
    mix->router = source->router;
    mix->ladder = core_ladder_ref(ladder);
    mix->wanted = CORE_NO_RENDITION;
    mix->held_from = MIX_HELD_NONE;
    mix->soon.run = settle_turn;
    list_init(&mix->soon.node);
    list_push_back(&source->router->mixes, &mix->node);
    mix->track = moq_track_new(moq_track_path(source->track), moq_track_config(source->track));
    mix->now =
        mix->track ? mix_part_new(source, core_ladder_find(ladder, path), &part_ops, mix) : NULL;
    if (!mix->now) {
        mix_free(&mix);
        return NULL;
    }
    mix_take_from(mix, mix->now, mix->now->first);
    return mix;
}

static void free_viewers_mix(struct core_viewer *viewer)
{
    mix_free(&viewer->mix);
}

void mix_attach(struct mix *mix, struct core_viewer *viewer)
{
    mix->viewer = viewer;
    viewer->mix = mix;
    viewer->on_free = free_viewers_mix;
}

void mix_free(struct mix **out)
{
    struct mix *mix = *out;
    *out = NULL;
    if (!mix)
        return;
    hold_mix(mix);
    mix->viewer = NULL;
    mix->is_closed = true;
    list_remove(&mix->node);
    list_remove(&mix->soon.node);
    if (mix->old)
        mix_part_silence(mix->old);
    if (mix->next)
        mix_part_silence(mix->next);
    if (mix->now)
        mix_part_silence(mix->now);
    release_mix(mix);
}

void mix_check(const struct mix *mix)
{
    REQUIRE(!mix->is_closed && mix->holds == 0);
    REQUIRE(mix->now && mix->now->mix == mix);
    REQUIRE(!mix->next || mix->next->source || !list_is_empty(&mix->soon.node));
    REQUIRE(mix->held_from == MIX_HELD_NONE || mix->next);
    if (!mix->viewer)
        return;
    REQUIRE(mix->viewer->mix == mix && moq_viewer_track(mix->viewer->served) == mix->track);
    /* Between a turn and its settling, it is still a viewer of the old source. */
    bool is_settled = !mix->now->source && !moq_track_has_ended(mix->now->track, NULL);
    REQUIRE(!is_settled || mix->viewer->source->track == mix->now->track);
}

bool mix_is_covered(const struct mix *mix)
{
    size_t wanted = mix_wanted(mix);
    return wanted == CORE_NO_RENDITION || may_watch(mix, wanted);
}

int mix_turn_back(struct mix *mix, const struct moq_path *path)
{
    if (mix->is_orphan)
        return MOQ_ERR_NOT_FOUND;
    return mix_turn_to(mix, core_ladder_find(mix->ladder, path), NULL);
}
