/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Mirrors: the feed of a track whose publisher is on another worker. The groups belong to this
 * worker, their bytes to the home: nothing is copied, and this worker wakes its own viewers. Part
 * of step 10 of a frame's walk: on_link_growth.
 * Tested by tests/sim/relay/test_mirrors.c and tests/sim/relay/test_chaos.c. */
#include <stdlib.h>

#include "server/core/fetch.h"
#include "server/core/link.h"
#include "server/core/source.h"

/* Follows a track of another worker. */
struct mirror {
    struct feed feed;
    struct link *link; /* NULL: nothing has been asked for yet, or the link is over */
    uint32_t home;     /* the worker */
    struct moq_path *path;
    struct moq_wish wish;
    uint64_t keep_ns; /* what the home was asked to keep */
    bool is_ending;   /* on_end is at work: do not open the link again */
    bool is_resting;
    bool has_heard;                  /* the groups from before the link have come */
    struct moq_sequence_raise raise; /* from the home's sequences to those of the track */
};

static struct mirror *mirror_of(const struct feed *feed)
{
    return container_of(feed, struct mirror, feed);
}

static struct feed *mirror_open(struct source *source, struct announcement *origin)
{
    struct mirror *mirror = calloc(1, sizeof *mirror);
    if (!mirror)
        return NULL;
    mirror->feed = (struct feed){&mirror_feed, source};
    mirror->home = origin->worker;
    mirror->path = moq_path_ref(origin->path);
    return &mirror->feed;
}

/* ---- What the home tells --------------------------------------------------------------------- */

static void on_link_group(void *user, uint64_t sequence, struct moq_group_body *body)
{
    struct mirror *mirror = user;
    struct moq_group *group;
    /* Nobody misses a group that was seen before or is too old. */
    if (moq_sequence_raise(&mirror->raise, &sequence))
        moq_track_adopt_group(mirror->feed.source->track, sequence, body, &group);
}

static void on_link_growth(void *user)
{
    const struct mirror *mirror = user;
    moq_track_follow(mirror->feed.source->track);
}

static void on_link_gap(void *user, uint64_t first, uint64_t last, int error)
{
    const struct mirror *mirror = user;
    if (moq_sequence_raise_run(&mirror->raise, &first, &last))
        moq_track_gap(mirror->feed.source->track, first, last, error);
}

/* Called after the groups from before the link have arrived: serves those who wait for them. */
static void note_heard(struct mirror *mirror)
{
    bool is_first = !mirror->has_heard;
    mirror->has_heard = true;
    if (is_first)
        source_ready(mirror->feed.source);
}

static void on_info(void *user, const struct moq_info *info)
{
    (void)info;
    note_heard(user);
}

/* Those who wait become viewers first, and see the end like all others; none of them opens the link
 * again. */
static void on_end(void *user, int error)
{
    struct mirror *mirror = user;
    struct source *source = mirror->feed.source;
    mirror->link = NULL;
    mirror->is_ending = true;
    note_heard(mirror);
    source_lost(source, error); /* frees the mirror */
}

static const struct link_events link_events = {.on_group = on_link_group,
                                               .on_growth = on_link_growth,
                                               .on_gap = on_link_gap,
                                               .on_info = on_info,
                                               .on_end = on_end};

/* ---- What is asked of it --------------------------------------------------------------------- */

/* How long this worker keeps groups: the home does too, for those who come on other workers. */
static uint64_t keep_ns_of(const struct mirror *mirror)
{
    return moq_track_config(mirror->feed.source->track)->cache.grace_ns;
}

static int open_link(struct mirror *mirror, const struct moq_wish *wish)
{
    const struct source *source = mirror->feed.source;
    const struct link_query query = {
        .kind = LINK_TRACK,
        .path = mirror->path,
        .wish = *wish,
        .keep_ns = keep_ns_of(mirror),
        .is_continued = source->is_continued,
    };
    mirror->wish = *wish;
    mirror->keep_ns = query.keep_ns;
    mirror->is_resting = false;
    if (source->is_continued)
        moq_sequence_raise_after(&mirror->raise, moq_track_latest(source->track));
    mirror->link = link_open(source->router, mirror->home, &query, &link_events, mirror);
    return mirror->link ? 0 : MOQ_ERR_NOMEM;
}

static int mirror_adjust(struct feed *feed, const struct moq_wish *wish)
{
    struct mirror *mirror = mirror_of(feed);
    if (mirror->is_ending)
        return 0;
    if (!mirror->link)
        return open_link(mirror, wish);
    uint64_t keep_ns = keep_ns_of(mirror);
    if (!moq_wish_equal(&mirror->wish, wish) || mirror->is_resting || keep_ns != mirror->keep_ns)
        link_set_wish(mirror->link, wish, keep_ns);
    mirror->wish = *wish;
    mirror->keep_ns = keep_ns;
    mirror->is_resting = false;
    return 0;
}

static void mirror_rest(struct feed *feed)
{
    struct mirror *mirror = mirror_of(feed);
    if (mirror->link)
        link_rest(mirror->link);
    mirror->is_resting = true;
}

static bool mirror_is_active(const struct feed *feed)
{
    return mirror_of(feed)->link != NULL;
}

/* Until the home has told what it has, INFO would tell a viewer less than the home knows, and a
 * viewer could not begin with what the home has kept. */
static bool mirror_is_ready(const struct feed *feed)
{
    return !feed->source->origin || mirror_of(feed)->has_heard || feed->source->is_continued;
}

/* The home tells its newest group first, so the groups that a viewer asks for may follow later. */
static bool mirror_covers(const struct feed *feed, uint64_t group)
{
    const struct mirror *mirror = mirror_of(feed);
    const struct moq_group *oldest = moq_track_oldest(feed->source->track);
    if (!mirror->link)
        return false;
    uint64_t from = oldest ? oldest->sequence : MOQ_NO_GROUP;
    from = mirror->wish.min < from ? mirror->wish.min : from;
    return from == MOQ_NO_GROUP || group >= from;
}

/* Its home switches to another of its publishers by itself. */
static bool mirror_goes_on(const struct feed *feed, const struct announcement *origin)
{
    const struct mirror *mirror = mirror_of(feed);
    return mirror->link && origin->feed == &mirror_feed && origin->worker == mirror->home;
}

static void mirror_close(struct feed *feed)
{
    struct mirror *mirror = mirror_of(feed);
    link_close(&mirror->link);
    /* Cuts the groups that still grow, as closed legs do. */
    moq_track_unfollow(feed->source->track, MOQ_ERR_CANCELLED);
    moq_path_unref(&mirror->path);
    free(mirror);
}

/* ---- Fetches --------------------------------------------------------------------------------- */

static void on_fetch_group(void *user, uint64_t sequence, struct moq_group_body *body)
{
    (void)sequence;
    fetch_adopt(user, body);
}

static void on_fetch_growth(void *user)
{
    fetch_follow(user);
}

static void on_fetch_end(void *user, int error)
{
    fetch_over(user, error ? error : MOQ_ERR_OFFLINE);
}

static const struct link_events fetch_events = {
    .on_group = on_fetch_group, .on_growth = on_fetch_growth, .on_end = on_fetch_end};

/* Groups whose sequences were raised here have other numbers at the home. */
static bool has_other_numbers(const struct announcement *origin)
{
    const struct source *source = source_of(origin->route);
    return source && source->feed && source->feed->ops == &mirror_feed &&
           mirror_of(source->feed)->raise.added > 0;
}

/* Asks the home, which may have the group in its cache, whoever published it. */
static void *fetch_from_home(struct fetch *fetch, const struct announcement *origin,
                             const struct fetch_wish *wish)
{
    const struct link_query query = {.kind = LINK_GROUP,
                                     .path = origin->path,
                                     .wish = {.priority = wish->priority},
                                     .group = wish->group};
    if (has_other_numbers(origin))
        return NULL;
    return link_open(fetch->router, origin->worker, &query, &fetch_events, fetch);
}

static void close_home_fetch(void *handle)
{
    struct link *link = handle;
    link_close(&link);
}

/* ---- INFO ------------------------------------------------------------------------------------ */

struct home_info {
    struct link *link;
    moq_on_info *on_info;
    void *user;
};

static void close_home_info(void *handle)
{
    struct home_info *info = handle;
    link_close(&info->link);
    free(info);
}

static void on_home_info(void *user, const struct moq_info *info)
{
    struct home_info query = *(struct home_info *)user;
    close_home_info(user);
    query.on_info(query.user, 0, info);
}

static void on_home_info_end(void *user, int error)
{
    struct home_info query = *(struct home_info *)user;
    free(user);
    query.on_info(query.user, error ? error : MOQ_ERR_NOT_FOUND, NULL);
}

static const struct link_events info_events = {.on_info = on_home_info, .on_end = on_home_info_end};

static void *ask_home_for_info(const struct announcement *origin, moq_on_info *on_answer,
                               void *user)
{
    const struct link_query query = {.kind = LINK_INFO, .path = origin->path};
    struct home_info *handle = malloc(sizeof *handle);
    if (!handle)
        return NULL;
    *handle = (struct home_info){.on_info = on_answer, .user = user};
    handle->link = link_open(origin->router, origin->worker, &query, &info_events, handle);
    if (handle->link)
        return handle;
    free(handle);
    return NULL;
}

const struct feed_ops mirror_feed = {
    .name = "mirror",
    .is_copy = true,
    .open = mirror_open,
    .adjust = mirror_adjust,
    .rest = mirror_rest,
    .is_active = mirror_is_active,
    .is_ready = mirror_is_ready,
    .covers = mirror_covers,
    .goes_on = mirror_goes_on,
    .close = mirror_close,
    .fetch = fetch_from_home,
    .fetch_close = close_home_fetch,
    .info = ask_home_for_info,
    .info_close = close_home_info,
};
