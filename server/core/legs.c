/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Legs: the feed of a track that a peer of this worker publishes. Each leg is a subscription to the
 * publisher; there are as few as possible.
 *
 * The first leg subscribes to the first viewer's range; a viewer that wants more adds a leg for
 * just the missing groups. Publishers that do not obey ranges (all Rust crates) get one leg without
 * a range.
 * Tested by tests/sim/relay/test_credit.c and tests/sim/relay/test_chaos.c. */
#include <stdlib.h>

#include "server/core/fetch.h"
#include "server/core/peer.h"
#include "server/core/source.h"

enum { LEGS_MAX = 4 }; /* subscriptions of one source at a time */

/* A subscription upstream, for a range of groups. */
struct leg {
    struct legs *legs;
    struct moq_subscription *subscription; /* NULL: free slot */
    struct moq_wish wish;
};

struct legs {
    struct feed feed;
    struct core_peer *peer; /* the publisher */
    struct moq_path *path;  /* as it announced the track */
    struct leg all[LEGS_MAX];
};

static struct legs *legs_of(const struct feed *feed)
{
    return container_of(feed, struct legs, feed);
}

static struct feed *legs_open(struct source *source, struct announcement *origin)
{
    struct legs *legs = calloc(1, sizeof *legs);
    if (!legs)
        return NULL;
    legs->feed = (struct feed){&legs_feed, source};
    legs->peer = origin->peer;
    legs->path = moq_path_ref(origin->path);
    for (size_t i = 0; i < LEGS_MAX; i++)
        legs->all[i].legs = legs;
    return &legs->feed;
}

static bool legs_are_active(const struct feed *feed)
{
    const struct legs *legs = legs_of(feed);
    for (size_t i = 0; i < LEGS_MAX; i++)
        if (legs->all[i].subscription)
            return true;
    return false;
}

/* ---- Subscribing ----------------------------------------------------------------------------- */

static void leg_closed(struct leg *leg)
{
    leg->subscription = NULL;
    leg->legs->feed.source->router->counters.upstream_subscriptions--;
}

/* A leg ended. That is normal for a range that was delivered; otherwise it ends the track, unless
 * another publisher has it. */
static void on_leg_closed(struct moq_subscription *subscription, int error)
{
    struct leg *leg = moq_subscription_user(subscription);
    struct feed *feed = &leg->legs->feed;
    bool was_range = leg->wish.max != MOQ_NO_GROUP;
    bool has_all = leg->wish.max <= moq_track_latest(feed->source->track);

    if (error == MOQ_ERR_STREAMS)
        peer_note_starved(leg->legs->peer);
    leg_closed(leg);
    if (was_range && error == 0 && (has_all || legs_are_active(feed)))
        return;
    if (error == MOQ_ERR_STREAMS && legs_are_active(feed))
        return; /* only its additional groups are missing; the other legs continue */
    source_lost(feed->source, error);
}

static const struct moq_subscription_events leg_events = {.on_closed = on_leg_closed};

/* Subscribes upstream for `wish` in a free slot. Returns 0, MOQ_ERR_BOUNDS (no slot) or
 * MOQ_ERR_OFFLINE. */
static int open_leg(struct legs *legs, const struct moq_wish *wish)
{
    struct source *source = legs->feed.source;
    for (size_t i = 0; i < LEGS_MAX; i++) {
        struct leg *leg = &legs->all[i];
        if (leg->subscription)
            continue;
        leg->wish = *wish;
        leg->subscription = moq_session_subscribe_as(legs->peer->session, legs->path, source->track,
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

/* The first group that the current legs (or the cache) bring; MOQ_NO_GROUP: not known yet. */
static uint64_t covered_from(const struct legs *legs)
{
    const struct moq_group *oldest = moq_track_oldest(legs->feed.source->track);
    uint64_t from = oldest ? oldest->sequence : MOQ_NO_GROUP;
    for (size_t i = 0; i < LEGS_MAX; i++) {
        const struct leg *leg = &legs->all[i];
        if (leg->subscription && leg->wish.min < from)
            from = leg->wish.min;
    }
    return from;
}

/* The last group that the current legs bring. False: there are no legs. */
static bool covered_to(const struct legs *legs, uint64_t *to)
{
    bool has_any = false;
    *to = 0;
    for (size_t i = 0; i < LEGS_MAX; i++) {
        const struct leg *leg = &legs->all[i];
        if (!leg->subscription)
            continue;
        has_any = true;
        *to = leg->wish.max > *to ? leg->wish.max : *to;
    }
    return has_any;
}

static void update_legs(struct legs *legs, const struct moq_wish *all)
{
    for (size_t i = 0; i < LEGS_MAX; i++) {
        struct leg *leg = &legs->all[i];
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
static int add_legs(struct legs *legs, const struct moq_wish *all)
{
    uint64_t to;
    struct moq_wish more = *all;
    if (!covered_to(legs, &to))
        return open_leg(legs, all) ? MOQ_ERR_OFFLINE : 0;
    if (!source_can_ask_ranges(legs->feed.source))
        return 0;
    if (all->max > to) {
        more.min = to + 1;
        open_leg(legs, &more);
    }
    uint64_t from = covered_from(legs);
    if (from != MOQ_NO_GROUP && all->min < from) {
        more.min = all->min;
        more.max = from - 1;
        open_leg(legs, &more);
    }
    return 0;
}

static int legs_adjust(struct feed *feed, const struct moq_wish *all)
{
    struct legs *legs = legs_of(feed);
    update_legs(legs, all);
    return add_legs(legs, all);
}

/* Whether the groups from `group` on are covered. True while nothing is known of the first
 * group. */
static bool legs_cover(const struct feed *feed, uint64_t group)
{
    uint64_t from = covered_from(legs_of(feed));
    return from == MOQ_NO_GROUP || group >= from;
}

static void legs_close(struct feed *feed)
{
    struct legs *legs = legs_of(feed);
    for (size_t i = 0; i < LEGS_MAX; i++) {
        struct moq_subscription *subscription = legs->all[i].subscription;
        if (!subscription)
            continue;
        leg_closed(&legs->all[i]);
        moq_subscription_close(&subscription);
    }
    moq_path_unref(&legs->path);
    free(legs);
}

/* ---- Fetches --------------------------------------------------------------------------------- */

static void on_fetch_data(struct moq_fetch *upstream, const uint8_t *data, size_t n)
{
    fetch_append(moq_fetch_user(upstream), data, n);
}

static void on_fetch_closed(struct moq_fetch *upstream, int error)
{
    struct fetch *fetch = moq_fetch_user(upstream);
    if (error == MOQ_ERR_STREAMS)
        peer_note_starved(fetch->peer);
    fetch_over(fetch, error);
}

static const struct moq_fetch_events fetch_events = {.on_data = on_fetch_data,
                                                     .on_closed = on_fetch_closed};

/* The bytes of a session go into a group of our own, which exists from the start. */
static void *fetch_from_peer(struct fetch *fetch, const struct announcement *origin,
                             const struct fetch_wish *wish)
{
    const struct moq_fetch_wish upstream = {.group = wish->group, .priority = wish->priority};
    if (!announcement_can(origin, MOQ_CAN_FETCH) || fetch_open_group(fetch))
        return NULL;
    struct moq_fetch *handle =
        moq_session_fetch(origin->peer->session, origin->path, &upstream, &fetch_events, fetch);
    fetch->router->counters.fetches_upstream += handle != NULL;
    return handle;
}

static void close_peer_fetch(void *handle)
{
    struct moq_fetch *upstream = handle;
    moq_fetch_close(&upstream);
}

/* ---- INFO ------------------------------------------------------------------------------------ */

static void *ask_peer_for_info(const struct announcement *origin, moq_on_info *on_info, void *user)
{
    if (!announcement_can(origin, MOQ_CAN_INFO))
        return NULL;
    return moq_session_info(origin->peer->session, origin->path, on_info, user);
}

static void close_peer_info(void *handle)
{
    struct moq_info_query *query = handle;
    moq_info_query_close(&query);
}

const struct feed_ops legs_feed = {
    .name = "legs",
    .open = legs_open,
    .adjust = legs_adjust,
    .is_active = legs_are_active,
    .covers = legs_cover,
    .close = legs_close,
    .fetch = fetch_from_peer,
    .fetch_close = close_peer_fetch,
    .info = ask_peer_for_info,
    .info_close = close_peer_info,
};
