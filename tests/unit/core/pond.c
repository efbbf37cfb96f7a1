/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Its table is all there is of it.
 * Used by tests/unit/core/test_feed.c and tests/unit/core/test_attach.c. */
#include "tests/unit/core/pond.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- The table ------------------------------------------------------------------------------- */

static const struct feed_ops pond_ops;

static struct pond *pond_of(const struct feed *feed)
{
    return container_of(feed, struct pond_feed, feed)->pond;
}

static struct feed *pond_open(struct source *source, struct announcement *origin)
{
    struct pond_feed *feed = calloc(1, sizeof *feed);
    if (!feed)
        return NULL;
    feed->feed = (struct feed){&pond_ops, source};
    feed->pond = announcement_self(origin);
    feed->pond->feed = feed;
    feed->pond->opened++;
    return &feed->feed;
}

static int pond_adjust(struct feed *feed, const struct moq_wish *all)
{
    struct pond *pond = pond_of(feed);
    pond->wish = *all;
    pond->is_asked = true;
    pond->adjusted++;
    if (pond->is_unready && pond->is_quick) {
        pond->is_unready = false;
        source_ready(feed->source);
    }
    return 0;
}

static void pond_rest(struct feed *feed)
{
    pond_of(feed)->rested++;
}

static bool pond_is_active(const struct feed *feed)
{
    return pond_of(feed)->is_asked;
}

static bool pond_is_ready(const struct feed *feed)
{
    return !pond_of(feed)->is_unready;
}

static bool pond_covers(const struct feed *feed, uint64_t group)
{
    (void)feed, (void)group;
    return true;
}

static void pond_close(struct feed *feed)
{
    struct pond *pond = pond_of(feed);
    pond->closed++;
    pond->is_asked = false;
    pond->feed = NULL;
    free(container_of(feed, struct pond_feed, feed));
}

static void *pond_fetch(struct fetch *fetch, const struct announcement *origin,
                        const struct fetch_wish *wish)
{
    struct pond *pond = announcement_self(origin);
    if (fetch_open_group(fetch))
        return NULL;
    pond->group = wish->group;
    pond->fetch = fetch;
    return pond;
}

static void pond_fetch_close(void *handle)
{
    struct pond *pond = handle;
    pond->fetch = NULL;
}

static void *pond_info(const struct announcement *origin, moq_on_info *on_info, void *user)
{
    struct pond *pond = announcement_self(origin);
    pond->on_info = on_info;
    pond->info_user = user;
    return pond;
}

static void pond_info_close(void *handle)
{
    struct pond *pond = handle;
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

/* ---- Announcing ------------------------------------------------------------------------------ */

void pond_fill(struct pond *pond, struct router *router)
{
    struct moq_path *path = moq_path_from_text("pond");
    const struct origin_offer offer = {.path = path,
                                       .feed = &pond_ops,
                                       .self = pond,
                                       .can = MOQ_CAN_RANGES | MOQ_CAN_FETCH | MOQ_CAN_INFO};
    pond->announcement = origin_add(router, &offer);
    moq_path_unref(&path);
}

static void on_offer_decided(void *self, bool is_allowed, enum core_denial denial,
                             const char *reason)
{
    struct pond *pond = self;
    pond->decided++;
    pond->is_allowed = is_allowed;
    pond->denial = denial;
    snprintf(pond->reason, sizeof pond->reason, "%s", reason);
    if (pond->is_shy && !is_allowed && pond->announcement)
        pond_drain(pond);
}

void pond_offer(struct pond *pond, struct core_guest *guest, const char *name)
{
    struct moq_path *path = moq_path_from_text(name);
    const struct origin_offer offer = {.path = path, .feed = &pond_ops, .self = pond};
    pond->announcement = core_guest_offer(guest, &offer, on_offer_decided);
    moq_path_unref(&path);
}

void pond_drain(struct pond *pond)
{
    origin_remove(pond->announcement);
    pond->announcement = NULL;
}

struct moq_track *pond_track(const struct pond *pond)
{
    return pond->feed ? source_track(pond->feed->feed.source) : NULL;
}
