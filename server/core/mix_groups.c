/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which groups a mix takes of which rendition, and where it turns from one to another. Groups are
 * taken inside the calls of the writers of the renditions, so that a frame takes no turn of the
 * loop longer than without a mix. What a turn means for the sources waits for the loop.
 * Tested by tests/sim/relay/test_switching.c and tests/sim/relay/test_backlog.c. */
#include "server/core/mix_groups.h"

#include "base/check.h"

/* Lets go of a part. The mix may be closed when this returns. */
void mix_drop_part(struct mix_part **part)
{
    struct mix_part *mine = *part;
    *part = NULL;
    if (!mine)
        return;
    mix_part_silence(mine);
    mix_part_free(&mine);
}

/* ---- Taking groups --------------------------------------------------------------------------- */

/* Adds a group of `part` to the mix, unless it is there. */
void mix_adopt_group(struct mix *mix, const struct mix_part *part, const struct moq_group *group)
{
    struct moq_group *adopted;
    moq_track_adopt_group(mix->track, group->sequence + part->raise, moq_group_body(group),
                          &adopted);
}

static bool has_begun(const struct mix *mix, uint64_t sequence)
{
    return !mix->viewer || moq_viewer_has_begun(mix->viewer->served, sequence);
}

/* Adds a group, or puts it in the place of one that waits to be sent. */
static void place_group(struct mix *mix, const struct mix_part *part, const struct moq_group *group)
{
    uint64_t sequence = group->sequence + part->raise;
    struct moq_group *waiting = moq_track_find(mix->track, sequence);
    if (!waiting)
        mix_adopt_group(mix, part, group);
    else if (moq_group_body(waiting) != moq_group_body(group) && !has_begun(mix, sequence))
        moq_track_replace_group(mix->track, waiting, moq_group_body(group));
}

/* Whoever is told of a group may change the track, so a reference keeps the place. */
void mix_take_from(struct mix *mix, const struct mix_part *part, uint64_t sequence)
{
    struct moq_group *group = mix_part_from(part, sequence), *next;
    for (; group && !mix->is_closed; group = next) {
        moq_group_ref(group);
        place_group(mix, part, group);
        next = moq_track_after(part->track, group);
        moq_group_unref(&group);
    }
}

/* ---- Turning --------------------------------------------------------------------------------- */

/* From now on `next` feeds the mix: its group `twin` has sequence `at` there. */
static void turn_to_next(struct mix *mix, uint64_t at, const struct moq_group *twin)
{
    REQUIRE(!mix->old);
    mix->old = mix->now;
    mix->now = mix->next;
    mix->next = NULL;
    mix->old->end = at - mix->old->raise;
    mix->now->first = twin->sequence;
    mix->now->raise = at - twin->sequence;
    mix->held_from = MIX_HELD_NONE;
    mix->viewer->rendition_by = mix->is_orphan ? NULL : mix->wanted_by;
    mix->is_orphan = false;
    mix->quiet_until_ns = mix->router->clock->now_ns + MIX_QUIET_NS;
    mix->router->counters.switches_total++;
    mix_take_from(mix, mix->now, mix->now->first);
    if (!mix->is_closed)
        router_soon(mix->router, &mix->soon);
}

static struct moq_group *twin_of(const struct mix *mix, const struct moq_group *group)
{
    uint64_t time_us;
    return mix_time_of(group, &time_us) ? mix_twin_at(mix->next, time_us) : NULL;
}

/* Whether nothing of `group`, of the mix, was sent, and `its` is its twin. */
static bool may_be_replaced(const struct mix *mix, const struct moq_group *group,
                            const struct moq_group *its)
{
    uint64_t time_us, its_us;
    return mix_time_of(group, &time_us) && mix_time_of(its, &its_us) &&
           mix_are_twins(time_us, its_us) && !has_begun(mix, group->sequence);
}

/* Turns at the first of the newest groups that wait to be sent and have twins. A group without one
 * keeps those before it from being replaced, as it would be sent between them. Tracks may have
 * thousands of groups and this is done at each frame, so both are gone through once. */
static bool turn_at_waiting(struct mix *mix)
{
    const struct moq_group *newest = moq_track_newest(mix->track), *at = NULL;
    bool is_waiting = newest && !has_begun(mix, newest->sequence);
    const struct moq_group *twin = is_waiting ? twin_of(mix, newest) : NULL;
    if (!twin)
        return false;
    uint64_t raise = newest->sequence - twin->sequence;
    const struct moq_group *its = moq_track_oldest(mix->next->track);
    for (const struct moq_group *group = moq_track_oldest(mix->track); group;
         group = moq_track_after(mix->track, group)) {
        uint64_t wanted = group->sequence - raise;
        bool is_number = wanted <= twin->sequence; /* or it is below 0 */
        while (is_number && its->sequence < wanted)
            its = moq_track_after(mix->next->track, its);
        bool has_twin = its->sequence == wanted && may_be_replaced(mix, group, its);
        at = has_twin ? (at ? at : group) : NULL;
    }
    if (at)
        turn_to_next(mix, at->sequence, moq_track_find(mix->next->track, at->sequence - raise));
    return at != NULL;
}

/* By how much `next` is behind `now`, going by its newest group. */
static uint64_t lag_of_next(const struct mix *mix)
{
    const struct moq_group *its = moq_track_newest(mix->next->track);
    uint64_t time_us;
    if (!mix_time_of(its, &time_us))
        return 0;
    const struct moq_group *ours = mix_twin_at(mix->now, time_us);
    return ours && its->started_ns > ours->started_ns ? its->started_ns - ours->started_ns : 0;
}

/* Whether the group should wait for its twin: `next` brings groups, but has not come to it. */
bool mix_is_worth_waiting(const struct mix *mix, const struct moq_group *group)
{
    uint64_t time_us;
    if (!moq_track_newest(mix->next->track))
        return false;
    uint64_t hold_ns = MIX_HOLD_NS + lag_of_next(mix);
    if (hold_ns > MIX_HOLD_MAX_NS)
        hold_ns = MIX_HOLD_MAX_NS;
    if (mix->router->clock->now_ns >= group->started_ns + hold_ns)
        return false;
    return !mix_time_of(group, &time_us) || !mix_part_has_reached(mix->next, time_us);
}

/* Takes the groups that wait, up to one that should go on waiting, or turns at one. */
static void take_held(struct mix *mix)
{
    while (!mix->is_closed && mix->next && mix->held_from != MIX_HELD_NONE) {
        const struct moq_group *group = mix_part_from(mix->now, mix->held_from);
        const struct moq_group *twin = group ? twin_of(mix, group) : NULL;
        if (twin) {
            turn_to_next(mix, group->sequence + mix->now->raise, twin);
        } else if (group && mix_is_worth_waiting(mix, group)) {
            return;
        } else {
            mix->held_from = group ? group->sequence + 1 : MIX_HELD_NONE;
            if (group)
                mix_adopt_group(mix, mix->now, group);
        }
    }
}

/* The latest time at which a group of the mix begins. False: none of them says. */
static bool find_last_time(const struct mix *mix, uint64_t *last_us)
{
    bool is_known = false;
    uint64_t time_us;
    for (const struct moq_group *group = moq_track_oldest(mix->track); group;
         group = moq_track_after(mix->track, group)) {
        if (!mix_time_of(group, &time_us) || (is_known && time_us < *last_us))
            continue;
        *last_us = time_us;
        is_known = true;
    }
    return is_known;
}

/* The first group of `next` that begins after all groups of the mix. NULL: there is none yet. */
static const struct moq_group *first_after_end(const struct mix *mix)
{
    uint64_t last_us = 0, time_us;
    bool is_known = find_last_time(mix, &last_us);
    for (const struct moq_group *group = mix_part_from(mix->next, 0); group;
         group = moq_track_after(mix->next->track, group))
        if (mix_time_of(group, &time_us) && (!is_known || time_us > last_us + CORE_LADDER_SLACK_US))
            return group;
    return NULL;
}

void mix_look_for_twins(struct mix *mix)
{
    const struct moq_group *after = NULL;
    if (mix->next && mix->is_orphan)
        after = first_after_end(mix);
    if (after)
        turn_to_next(mix, moq_track_latest(mix->track) + 1, after);
    else if (mix->next && !mix->is_orphan && !turn_at_waiting(mix))
        take_held(mix);
}

/* Gives up `next`: groups that waited for it are taken. */
void mix_stop_trying(struct mix *mix)
{
    mix->wanted = CORE_NO_RENDITION;
    mix_drop_part(&mix->next);
    uint64_t held_from = mix->held_from;
    mix->held_from = MIX_HELD_NONE;
    if (held_from != MIX_HELD_NONE)
        mix_take_from(mix, mix->now, held_from);
}
