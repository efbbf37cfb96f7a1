/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Legs: the subscriptions upstream of one source, as few as possible.
 *
 * The first viewer's range is subscribed upstream; a viewer that wants more than that adds a leg, a second subscription for
 * just the missing groups. Publishers that do not obey ranges (all Rust crates) get one leg without a range. */
#include "server/core/internal.h"

/* One that took another's place counts from elsewhere, so viewers' numbers mean nothing to it. */
static bool can_ask_ranges(const struct source *source)
{
    return announcement_is_versed(source->origin) && !source->is_continued;
}

bool legs_exist(const struct source *source)
{
    for (size_t i = 0; i < CORE_LEGS_MAX; i++)
        if (source->legs[i].subscription)
            return true;
    return false;
}

static void leg_closed(struct leg *leg)
{
    leg->subscription = NULL;
    leg->source->router->counters.upstream_subscriptions--;
}

/* A subscription upstream ended. A range that was delivered is no news; anything else ends the
 * track, unless another publisher has it. */
static void on_leg_closed(struct moq_subscription *subscription, int error)
{
    struct leg *leg = moq_subscription_user(subscription);
    struct source *source = leg->source;
    bool was_range = leg->wish.max != MOQ_NO_GROUP;
    bool has_all = leg->wish.max <= moq_track_latest(source->track);

    leg_closed(leg);
    if (was_range && error == 0 && (has_all || legs_exist(source)))
        return;
    source_lost(source, error);
}

static const struct moq_subscription_events leg_events = {.on_closed = on_leg_closed};

/* Subscribes upstream for `wish` in a free slot. Returns 0, MOQ_ERR_BOUNDS (no slot) or MOQ_ERR_OFFLINE. */
static int open_leg(struct source *source, const struct moq_wish *wish)
{
    for (size_t i = 0; i < CORE_LEGS_MAX; i++) {
        struct leg *leg = &source->legs[i];
        if (leg->subscription)
            continue;
        leg->wish = *wish;
        leg->subscription = moq_session_subscribe(source->origin->peer->session, source->track,
                                                  wish, &leg_events, leg);
        if (!leg->subscription)
            return MOQ_ERR_OFFLINE;
        if (source->is_continued)
            moq_subscription_continue_after(leg->subscription, moq_track_latest(source->track));
        source->router->counters.upstream_subscriptions++;
        source->router->counters.upstream_subscriptions_total++;
        return 0;
    }
    return MOQ_ERR_BOUNDS;
}

void legs_close(struct source *source)
{
    for (size_t i = 0; i < CORE_LEGS_MAX; i++) {
        struct leg *leg = &source->legs[i];
        struct moq_subscription *subscription = leg->subscription;
        if (!subscription)
            continue;
        leg_closed(leg);
        moq_subscription_close(&subscription);
    }
}

/* The first group that the present legs (or the cache) bring; MOQ_NO_GROUP: not known yet. */
static uint64_t covered_from(const struct source *source)
{
    const struct moq_group *oldest = moq_track_oldest(source->track);
    uint64_t from = oldest ? oldest->sequence : MOQ_NO_GROUP;
    if (source->mirror.link && source->mirror.wish.min < from)
        from = source->mirror.wish.min;
    for (size_t i = 0; i < CORE_LEGS_MAX; i++) {
        const struct leg *leg = &source->legs[i];
        if (leg->subscription && leg->wish.min < from)
            from = leg->wish.min;
    }
    return from;
}

/* The last group that the present legs bring; false: there are none. */
static bool covered_to(const struct source *source, uint64_t *to)
{
    bool has_any = false;
    *to = 0;
    for (size_t i = 0; i < CORE_LEGS_MAX; i++) {
        const struct leg *leg = &source->legs[i];
        if (!leg->subscription)
            continue;
        has_any = true;
        *to = leg->wish.max > *to ? leg->wish.max : *to;
    }
    return has_any;
}

static void update_legs(struct source *source, const struct moq_wish *all)
{
    for (size_t i = 0; i < CORE_LEGS_MAX; i++) {
        struct leg *leg = &source->legs[i];
        struct moq_wish wish = *all;
        wish.min = leg->wish.min;
        wish.max = leg->wish.max;
        if (!leg->subscription || moq_wish_equal(&wish, &leg->wish))
            continue;
        leg->wish = wish;
        moq_subscription_update(leg->subscription, &leg->wish);
    }
}

/* 0 or MOQ_ERR_OFFLINE. */
static int add_legs(struct source *source, const struct moq_wish *all)
{
    uint64_t to;
    struct moq_wish more = *all;
    if (!covered_to(source, &to))
        return open_leg(source, all) ? MOQ_ERR_OFFLINE : 0;
    if (!can_ask_ranges(source))
        return 0;
    if (all->max > to) {
        more.min = to + 1;
        open_leg(source, &more);
    }
    uint64_t from = covered_from(source);
    if (from != MOQ_NO_GROUP && all->min < from) {
        more.min = all->min;
        more.max = from - 1;
        open_leg(source, &more);
    }
    return 0;
}

int legs_adjust(struct source *source, const struct moq_wish *all)
{
    update_legs(source, all);
    return add_legs(source, all);
}

void legs_expect(struct source *source, const struct moq_wish *wish)
{
    if (wish->min == MOQ_NO_GROUP || !source->origin || !can_ask_ranges(source))
        return;
    uint64_t from = covered_from(source);
    bool is_home_asked = !announcement_is_local(source->origin) && !source->mirror.link;
    if (is_home_asked || (from != MOQ_NO_GROUP && wish->min < from))
        moq_track_expect(source->track, wish->min, source->router->clock->now_ns + CORE_HISTORY_NS);
}
