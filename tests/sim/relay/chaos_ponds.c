/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ponds: publishers that are not peers, on any worker, with their own kind of feed. They take their
 * time, fail when they are opened or asked, lose their track, answer late or never. */
#include "tests/sim/relay/chaos.h"

#include <stdlib.h>

#include "server/core/track_request.h"
#include "server/core/watching.h"

struct pond_feed {
    struct feed feed;
    struct chaos_pond *pond;
};

static struct chaos_pond *pond_of(const struct feed *feed)
{
    return container_of(feed, struct pond_feed, feed)->pond;
}

/* ---- The table ------------------------------------------------------------------------------- */

static const struct feed_ops pond_ops;

static struct feed *pond_open(struct source *source, struct announcement *origin)
{
    struct chaos_pond *pond = announcement_self(origin);
    assert_null(pond->feed);
    if (chaos_dice(pond->chaos, 20) == 0)
        return NULL;
    struct pond_feed *made = malloc(sizeof *made);
    assert_non_null(made);
    *made = (struct pond_feed){{&pond_ops, source}, pond};
    pond->feed = &made->feed;
    pond->is_ready = chaos_dice(pond->chaos, 2);
    pond->is_asked = pond->is_resting = false;
    return pond->feed;
}

static int pond_adjust(struct feed *feed, const struct moq_wish *all)
{
    struct chaos_pond *pond = pond_of(feed);
    struct chaos *chaos = pond->chaos;
    uint64_t roll = chaos_dice(chaos, 60);
    (void)all;
    pond->is_asked = true;
    pond->is_resting = false;
    if (roll > 50) {
        pond->is_ready = true;
        source_ready(feed->source);
    }
    if (roll == 1)
        source_lost(feed->source, MOQ_ERR_IO);
    if (roll > 1 && roll < 8)
        chaos_sink_acts(chaos); /* which may close the feed */
    return roll == 0 ? MOQ_ERR_OFFLINE : 0;
}

static void pond_rest(struct feed *feed)
{
    struct chaos_pond *pond = pond_of(feed);
    assert_false(pond->is_resting);
    pond->is_resting = true;
}

static bool pond_is_active(const struct feed *feed)
{
    return pond_of(feed)->is_asked;
}

static bool pond_is_ready(const struct feed *feed)
{
    return pond_of(feed)->is_ready;
}

static bool pond_covers(const struct feed *feed, uint64_t group)
{
    (void)feed;
    return group % 2;
}

/* Hooks hear of the consequences, and act on ponds, so the pond must not be used afterwards. */
static void end_group(struct chaos_pond *pond, struct moq_track *track, int error)
{
    struct moq_group *group = pond->growing;
    pond->growing = NULL;
    if (group && error)
        moq_track_abort_group(track, group, error);
    else if (group)
        moq_track_finish_group(track, group);
    moq_group_unref(&group);
}

static void pond_close(struct feed *feed)
{
    struct chaos_pond *pond = pond_of(feed);
    pond->feed = NULL;
    end_group(pond, source_track(feed->source), MOQ_ERR_CANCELLED);
    free(container_of(feed, struct pond_feed, feed));
}

static void *pond_fetch(struct fetch *fetch, const struct announcement *origin,
                        const struct fetch_wish *wish)
{
    struct chaos_pond *pond = announcement_self(origin);
    (void)wish;
    if (pond->fetch || fetch_open_group(fetch))
        return NULL;
    pond->fetch = fetch;
    return pond;
}

static void pond_fetch_close(void *handle)
{
    struct chaos_pond *pond = handle;
    pond->fetch = NULL;
}

static void *pond_info(const struct announcement *origin, moq_on_info *on_info, void *user)
{
    struct chaos_pond *pond = announcement_self(origin);
    if (pond->on_info)
        return NULL;
    pond->on_info = on_info;
    pond->info_user = user;
    return pond;
}

static void pond_info_close(void *handle)
{
    struct chaos_pond *pond = handle;
    pond->on_info = NULL;
}

static const struct feed_ops pond_ops = {
    .name = "pond",
    .open = pond_open,
    .adjust = pond_adjust,
    .rest = pond_rest,
    .is_active = pond_is_active,
    .is_ready = pond_is_ready,
    .covers = pond_covers,
    .close = pond_close,
    .fetch = pond_fetch,
    .fetch_close = pond_fetch_close,
    .info = pond_info,
    .info_close = pond_info_close,
};

/* ---- What they do ---------------------------------------------------------------------------- */

static void withdraw(struct chaos_pond *pond)
{
    struct announcement *announcement = pond->announcement;
    pond->announcement = NULL; /* first, because hooks are called, which act on ponds */
    if (announcement)
        origin_remove(announcement);
}

static void forget_guest(struct chaos_pond *pond)
{
    if (pond->is_guests)
        pond->announcement = NULL; /* it goes with the guest */
    pond->guest = NULL;
    pond->is_let_in = pond->is_guests = false;
}

static void on_decided(void *user, bool is_allowed, enum core_denial denial, const char *reason)
{
    struct chaos_pond *pond = user;
    (void)denial;
    assert_non_null(pond->guest);
    assert_false(pond->is_let_in);
    assert_int_equal(*reason == 0, is_allowed);
    pond->is_let_in = is_allowed;
    pond->chaos->guests += is_allowed;
    if (!is_allowed)
        forget_guest(pond);
}

static void on_closed(void *user, enum core_denial denial, const char *reason)
{
    struct chaos_pond *pond = user;
    (void)denial, (void)reason;
    assert_true(pond->guest && pond->is_let_in);
    forget_guest(pond);
}

static void leave(struct chaos_pond *pond)
{
    struct core_guest *guest = pond->guest;
    forget_guest(pond);
    core_guest_close(&guest);
}

static void on_offer_decided(void *self, bool is_allowed, enum core_denial denial,
                             const char *reason)
{
    struct chaos_pond *pond = self;
    (void)is_allowed, (void)denial, (void)reason;
    uint64_t roll = chaos_dice(pond->chaos, 12);
    if (roll == 0 && pond->guest)
        leave(pond);
    else if (roll < 3)
        withdraw(pond);
}

static void come(struct chaos *chaos, struct chaos_pond *pond)
{
    static const struct core_guest_ops ops = {.on_decided = on_decided, .on_closed = on_closed};
    static const struct core_guest_info info = {.server_name = "localhost", .credential = "pond"};
    uint64_t worker = chaos_dice(chaos, chaos->world.worker_count);
    struct router *router = &chaos->world.workers[worker].router;
    pond->chaos = chaos;
    pond->is_announcing = true;
    assert_int_equal(core_guest_open(router, &info, &ops, pond, &pond->guest), 0);
    pond->is_announcing = false;
}

static struct announcement *announce_path(struct chaos *chaos, struct chaos_pond *pond,
                                          const struct origin_offer *offer)
{
    uint64_t worker = chaos_dice(chaos, chaos->world.worker_count);
    pond->is_guests = pond->is_let_in && chaos_dice(chaos, 4) > 0;
    if (!pond->is_guests)
        return origin_add(&chaos->world.workers[worker].router, offer);
    struct announcement *announcement = core_guest_offer(pond->guest, offer, on_offer_decided);
    return pond->guest ? announcement : NULL;
}

static void announce(struct chaos *chaos, struct chaos_pond *pond)
{
    struct moq_path *path = moq_path_from_text(chaos_any_path(chaos));
    const struct origin_offer offer = {
        .path = path,
        .feed = &pond_ops,
        .self = pond,
        .can = chaos_dice(chaos, 2) ? MOQ_CAN_RANGES | MOQ_CAN_FETCH | MOQ_CAN_INFO : 0};
    pond->chaos = chaos;
    pond->is_announcing = true; /* the announcement calls hooks, which act on ponds */
    pond->announcement = announce_path(chaos, pond, &offer);
    assert_true(pond->announcement || !pond->is_let_in || pond->is_guests);
    pond->is_announcing = false;
    moq_path_unref(&path);
}

static void write_group(struct chaos *chaos, struct chaos_pond *pond)
{
    const struct feed *feed = pond->feed;
    struct moq_track *track = source_track(feed->source);
    struct moq_group *group;
    end_group(pond, track, 0);
    if (pond->feed != feed || pond->growing)
        return;
    pond->sequence += chaos_dice(chaos, 3);
    if (moq_track_open_group(track, pond->sequence, &group))
        return;
    pond->growing = moq_group_ref(group);
    moq_track_write_frame(track, group, "frog", 4);
    chaos->pond_groups++;
}

static void answer_fetch(struct chaos_pond *pond, int error)
{
    struct fetch *fetch = pond->fetch;
    pond->fetch = NULL;
    fetch_append(fetch, (const uint8_t *)"\x04toad", 5);
    fetch_over(fetch, error);
}

static void answer_info(struct chaos_pond *pond, int error)
{
    const struct moq_info info = {.priority = 7, .order = MOQ_ORDER_OLDEST, .latest = 12};
    moq_on_info *on_info = pond->on_info;
    pond->on_info = NULL;
    on_info(pond->info_user, error, &info);
}

static void act_on_feed(struct chaos *chaos, struct chaos_pond *pond, int error)
{
    uint64_t roll = chaos_dice(chaos, 8);
    if (!pond->is_ready && roll < 3) {
        pond->is_ready = true;
        source_ready(pond->feed->source);
    } else if (roll < 7) {
        write_group(chaos, pond);
    } else {
        source_lost(pond->feed->source, error);
    }
}

void chaos_pond_acts(struct chaos *chaos)
{
    struct chaos_pond *pond = &chaos->ponds[chaos_dice(chaos, CHAOS_PONDS)];
    int error = chaos_dice(chaos, 2) ? 0 : MOQ_ERR_IO;
    bool is_asked = pond->feed || pond->fetch || pond->on_info || pond->is_announcing;
    if (!chaos->has_guests || chaos->is_ending)
        return;
    if (!pond->guest && !pond->announcement && !is_asked && chaos_dice(chaos, 3) == 0)
        come(chaos, pond);
    else if (pond->guest && !pond->is_announcing && chaos_dice(chaos, 30) == 0)
        leave(pond);
    else if (!pond->announcement && !is_asked)
        announce(chaos, pond);
    else if (chaos_dice(chaos, 12) == 0)
        withdraw(pond);
    else if (pond->fetch && chaos_dice(chaos, 3) == 0)
        answer_fetch(pond, error);
    else if (pond->on_info && chaos_dice(chaos, 3) == 0)
        answer_info(pond, error);
    else if (pond->feed)
        act_on_feed(chaos, pond, error);
}

/* INFO and FETCH are asked of a feed that rests, too. */
static bool waits_for_groups(const struct route_waiter *waiter)
{
    if (waiter->ops == &watch_waiting)
        return true;
    const struct moq_request *asked = container_of(waiter, struct track_request, waiting)->asked;
    return asked->kind == MOQ_REQUEST_SUBSCRIBE;
}

/* Whether a viewer watches or waits, on the same worker or through a link. */
static bool is_wanted(const struct source *source)
{
    if (!list_is_empty(&source->viewers))
        return true;
    list_for_each (node, &source->route->waiting)
        if (waits_for_groups(container_of(node, struct route_waiter, node)))
            return true;
    list_for_each (node, &source->listeners)
        if (container_of(node, struct source_listener, node)->has_wish)
            return true;
    return false;
}

void chaos_ponds_check(const struct chaos *chaos)
{
    for (int i = 0; i < CHAOS_PONDS; i++) {
        const struct chaos_pond *pond = &chaos->ponds[i];
        if (pond->feed && pond->feed->source->origin && pond->is_resting)
            assert_false(is_wanted(pond->feed->source));
    }
}

void chaos_ponds_end(struct chaos *chaos)
{
    chaos->is_ending = true;
    for (int i = 0; i < CHAOS_PONDS; i++) {
        struct chaos_pond *pond = &chaos->ponds[i];
        if (pond->fetch)
            answer_fetch(pond, MOQ_ERR_IO);
        withdraw(pond);
        if (pond->guest)
            leave(pond);
    }
}
