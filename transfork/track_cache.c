/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a track keeps: the newest group always; an older one while count, age and bytes allow. When
 * bytes must go, ended groups go first (lowest sequence first), then growing ones, which are
 * cut.
 * Tested by tests/unit/transfork/test_track.c. */
#include "transfork/check.h"
#include "transfork/group.h"
#include "transfork/track.h"

static uint64_t smaller_limit(uint64_t a, uint64_t b)
{
    if (a == 0 || b == 0)
        return a + b;
    return a < b ? a : b;
}

static uint64_t max_groups(const struct moq_track *track)
{
    return smaller_limit(track->config.cache.groups, TRACK_MAX_GROUPS);
}

static uint64_t max_bytes(const struct moq_track *track)
{
    return smaller_limit(track->config.cache.bytes, TRACK_MAX_BYTES);
}

/* The limit of the age of a group that has ended; 0: none. */
static uint64_t max_age_ns(const struct moq_track *track)
{
    uint64_t expires_ms = track->config.expires_ms;
    uint64_t expires_ns = expires_ms < CLOCK_NEVER / NS_PER_MS ? expires_ms * NS_PER_MS : 0;
    return smaller_limit(track->config.cache.age_ns, expires_ns);
}

/* The lowest group that is not the newest: one that has ended, or one that grows. */
static struct moq_group *find_lowest_old_group(const struct moq_track *track, bool has_ended)
{
    const struct list *newest = track->groups.prev;
    for (struct list *node = track->groups.next; node != newest; node = node->next)
        if (track_group_at(node)->is_ended == has_ended)
            return track_group_at(node);
    return NULL;
}

bool track_cut_lowest(struct moq_track *track, int error)
{
    struct moq_group *group = find_lowest_old_group(track, false);
    if (!group)
        return false;
    moq_group_ref(group);
    track_end_group(track, group, error);
    moq_group_unref(&group);
    return true;
}

/* Whether a group that was superseded at `superseded_ns` may stay although it is one too many. */
static bool is_in_grace(const struct moq_track *track, uint64_t superseded_ns)
{
    return track->group_count < TRACK_MAX_GROUPS &&
           track_stamp(track) - superseded_ns < track->config.cache.grace_ns;
}

static bool is_track_over_limits(const struct moq_track *track)
{
    if (track->cached_bytes > max_bytes(track))
        return true;
    if (track->group_count <= max_groups(track))
        return false;
    return !is_in_grace(track, track_group_at(track->groups.next)->superseded_ns);
}

/* Watchers are called and may change the track, so every round starts from the beginning. */
void track_trim(struct moq_track *track)
{
    while (is_track_over_limits(track)) {
        struct moq_group *group = find_lowest_old_group(track, true);
        if (group)
            track_forget_group(track, group);
        else if (!track_cut_lowest(track, MOQ_ERR_EXPIRED))
            return;
    }
}

void moq_track_set_cache(struct moq_track *track, const struct moq_cache_limits *limits)
{
    struct moq_track *kept = moq_track_ref(track);
    track->config.cache = *limits;
    track_trim(track);
    moq_track_unref(&kept);
}

/* Drops what is too old. Returns when the next one will be, or CLOCK_NEVER. */
static uint64_t drop_aged_groups(struct moq_track *track)
{
    uint64_t age_ns = max_age_ns(track), now_ns = track_stamp(track), next_ns = CLOCK_NEVER;
    if (age_ns == 0 || list_is_empty(&track->groups))
        return CLOCK_NEVER;

    const struct list *newest = track->groups.prev;
    for (struct list *node = track->groups.next, *next; node != newest; node = next) {
        struct moq_group *group = track_group_at(node);
        next = node->next;
        if (!group->is_ended)
            continue;
        uint64_t due_ns =
            group->ended_ns < CLOCK_NEVER - age_ns ? group->ended_ns + age_ns : CLOCK_NEVER;
        if (due_ns <= now_ns)
            track_forget_group(track, group);
        else if (due_ns < next_ns)
            next_ns = due_ns;
    }
    return next_ns;
}

uint64_t moq_track_sweep(struct moq_track *track)
{
    struct moq_track *kept = moq_track_ref(track);
    track_trim(track);
    uint64_t next_ns = drop_aged_groups(track);
#ifndef NDEBUG
    track_check(track);
#endif
    moq_track_unref(&kept);
    return next_ns;
}

bool track_is_full_for(const struct moq_track *track, uint64_t sequence)
{
    if (list_is_empty(&track->groups))
        return false;
    const struct moq_group *lowest = track_group_at(track->groups.next);
    if (sequence < lowest->sequence && track->group_count >= max_groups(track) &&
        !is_in_grace(track, lowest->started_ns))
        return true;
    if (track->open_count < MOQ_TRACK_OPEN_GROUPS)
        return false;
    const struct moq_group *growing = find_lowest_old_group(track, false);
    return growing && sequence < growing->sequence;
}

void track_make_room(struct moq_track *track)
{
    drop_aged_groups(track);
    while (track->open_count > MOQ_TRACK_OPEN_GROUPS && track_cut_lowest(track, MOQ_ERR_EXPIRED))
        ;
    track_trim(track);
}
