/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The feed of a track that a module publishes: its groups are adopted, as a mirror adopts those of
 * another worker, so viewers read the bytes that the module wrote.
 * Tested by tests/e2e/test_modules.py. */
#include <stdlib.h>

#include "server/host/source.h"

struct source_feed {
    struct feed feed;
    struct list node; /* relay_source.feeds */
    struct relay_source *source;
    struct moq_watcher watcher;
    struct moq_sequence_raise raise; /* from the module's sequences to those of the track */
    bool is_begun, is_live;
};

static struct source_feed *feed_of(const struct feed *feed)
{
    return container_of(feed, struct source_feed, feed);
}

static struct source_feed *feed_of_watcher(struct moq_watcher *watcher)
{
    return container_of(watcher, struct source_feed, watcher);
}

/* ---- What the module writes ------------------------------------------------------------------ */

static void adopt_group(struct source_feed *feed, struct moq_group *group)
{
    struct moq_group *adopted;
    uint64_t sequence = group->sequence;
    /* Nobody misses a group that was seen before or is too old. */
    if (moq_sequence_raise(&feed->raise, &sequence))
        moq_track_adopt_group(source_track(feed->feed.source), sequence, moq_group_body(group),
                              &adopted);
}

static void on_module_group(struct moq_watcher *watcher, struct moq_group *group)
{
    adopt_group(feed_of_watcher(watcher), group);
}

static void on_module_growth(struct moq_watcher *watcher, struct moq_group *group)
{
    (void)group;
    moq_track_follow(source_track(feed_of_watcher(watcher)->feed.source));
}

static const struct moq_watcher_ops watcher_ops = {.on_group = on_module_group,
                                                   .on_growth = on_module_growth};

/* ---- What core asks -------------------------------------------------------------------------- */

static struct feed *source_open_feed(struct source *source, struct announcement *origin)
{
    struct source_feed *feed = calloc(1, sizeof *feed);
    if (!feed)
        return NULL;
    feed->feed = (struct feed){&source_feed_ops, source};
    feed->source = announcement_self(origin);
    feed->watcher.ops = &watcher_ops;
    list_push_back(&feed->source->feeds, &feed->node);
    return &feed->feed;
}

static void set_live(struct source_feed *feed, bool is_live)
{
    if (feed->is_live == is_live)
        return;
    feed->is_live = is_live;
    feed->source->live_feeds += is_live ? 1u : -1u;
    source_tell_soon(feed->source);
}

/* Brings all that is kept, then what is written. */
static void begin_feed(struct source_feed *feed)
{
    struct moq_track *from = feed->source->track, *to = source_track(feed->feed.source);
    if (moq_track_newest(to))
        moq_sequence_raise_after(&feed->raise, moq_track_latest(to));
    moq_track_watch(from, &feed->watcher);
    feed->is_begun = true;
    for (struct moq_group *group = moq_track_oldest(from); group;
         group = moq_track_after(from, group))
        adopt_group(feed, group);
}

static int source_adjust_feed(struct feed *core, const struct moq_wish *all)
{
    struct source_feed *feed = feed_of(core);
    int error;
    (void)all;
    set_live(feed, true);
    if (feed->is_begun)
        return 0;
    begin_feed(feed);
    if (moq_track_has_ended(feed->source->track, &error))
        source_lost(core->source, error); /* closes the feed */
    return 0;
}

static void source_rest_feed(struct feed *feed)
{
    set_live(feed_of(feed), false);
}

static bool source_feed_is_active(const struct feed *feed)
{
    return feed_of(feed)->is_begun;
}

/* There is nothing older than what was brought already. */
static bool source_feed_covers(const struct feed *feed, uint64_t group)
{
    (void)group;
    return feed_of(feed)->is_begun;
}

static void source_close_feed(struct feed *core)
{
    struct source_feed *feed = feed_of(core);
    set_live(feed, false);
    if (feed->is_begun) {
        moq_track_unwatch(feed->source->track, &feed->watcher);
        moq_track_unfollow(source_track(core->source), MOQ_ERR_CANCELLED);
    }
    list_remove(&feed->node);
    free(feed);
}

/* ---- Queries --------------------------------------------------------------------------------- */

/* A fetch or an INFO that core waits for. It may not be answered in the call that asks, so a post
 * answers it. */
struct source_query {
    struct list node; /* relay_source.queries */
    struct post post;
    struct relay_source *source; /* NULL: it has ended */
    struct fetch *fetch;         /* NULL: an INFO, or not wanted any more */
    struct moq_group *group;     /* of a fetch: a reference */
    moq_on_info *on_info;        /* NULL: a fetch, or not wanted any more */
    void *user;
    struct moq_watcher watcher; /* while its group grows */
    bool is_watching, is_posted;
};

static void query_free(struct source_query *query)
{
    if (query->is_watching)
        moq_track_unwatch(query->source->track, &query->watcher);
    list_remove(&query->node);
    moq_group_unref(&query->group);
    free(query);
}

/* Core does not want it any more; a post that is under way frees it. */
static void query_close(void *handle)
{
    struct source_query *query = handle;
    query->fetch = NULL;
    query->on_info = NULL;
    if (!query->is_posted)
        query_free(query);
}

static void on_fetched_growth(struct moq_watcher *watcher, struct moq_group *group)
{
    struct source_query *query = container_of(watcher, struct source_query, watcher);
    if (group == query->group)
        fetch_follow(query->fetch); /* may close the query */
}

static const struct moq_watcher_ops fetch_watcher = {.on_growth = on_fetched_growth};

static void answer_fetch(struct source_query *query)
{
    struct fetch *fetch = query->fetch;
    bool is_growing = !query->group->is_ended;
    if (is_growing) {
        query->watcher.ops = &fetch_watcher;
        query->is_watching = true;
        moq_track_watch(query->source->track, &query->watcher);
    }
    fetch_adopt(fetch, moq_group_body(query->group)); /* may close the query */
}

static void answer_info(struct source_query *query)
{
    const struct moq_track *track = query->source->track;
    const struct moq_track_config *config = moq_track_config(track);
    const struct moq_info info = {
        .priority = config->priority,
        .order = config->order,
        .latest = moq_track_latest(track),
    };
    moq_on_info *on_info = query->on_info;
    void *user = query->user;
    query_free(query);
    on_info(user, 0, &info);
}

/* The source has ended: says so to core, once. */
static void refuse_query(struct source_query *query)
{
    struct fetch *fetch = query->fetch;
    moq_on_info *on_info = query->on_info;
    void *user = query->user;
    query_free(query);
    if (fetch)
        fetch_over(fetch, MOQ_ERR_OFFLINE);
    else
        on_info(user, MOQ_ERR_OFFLINE, NULL);
}

static void run_query(struct post *post, void *owner)
{
    struct source_query *query = container_of(post, struct source_query, post);
    (void)owner;
    query->is_posted = false;
    if (!query->fetch && !query->on_info)
        query_free(query);
    else if (!query->source)
        refuse_query(query);
    else if (query->fetch)
        answer_fetch(query);
    else
        answer_info(query);
}

static struct source_query *query_new(struct relay_source *source)
{
    struct source_query *query = calloc(1, sizeof *query);
    if (!query)
        return NULL;
    query->source = source;
    query->post.run = run_query;
    query->is_posted = true;
    list_push_back(&source->queries, &query->node);
    mailbox_send(source->head.worker->core->mailbox, &query->post);
    return query;
}

static void *source_fetch(struct fetch *fetch, const struct announcement *origin,
                          const struct fetch_wish *wish)
{
    struct relay_source *source = announcement_self(origin);
    struct moq_group *group = moq_track_find(source->track, wish->group);
    struct source_query *query = group ? query_new(source) : NULL;
    if (!query)
        return NULL;
    query->fetch = fetch;
    query->group = moq_group_ref(group);
    return query;
}

static void *source_info(const struct announcement *origin, moq_on_info *on_info, void *user)
{
    struct source_query *query = query_new(announcement_self(origin));
    if (!query)
        return NULL;
    query->on_info = on_info;
    query->user = user;
    return query;
}

/* ---- The end --------------------------------------------------------------------------------- */

/* Queries whose post is under way outlive the source; that post ends them. */
static void end_query(struct source_query *query)
{
    if (!query->is_posted) {
        refuse_query(query);
        return;
    }
    list_remove(&query->node);
    list_init(&query->node);
    query->source = NULL;
}

void source_feeds_end(struct relay_source *source)
{
    int error = 0;
    moq_track_has_ended(source->track, &error);
    while (!list_is_empty(&source->feeds))
        source_lost(container_of(source->feeds.next, struct source_feed, node)->feed.source, error);
}

void source_queries_end(struct relay_source *source)
{
    while (!list_is_empty(&source->queries))
        end_query(container_of(source->queries.next, struct source_query, node));
}

const struct feed_ops source_feed_ops = {
    .name = "module",
    .open = source_open_feed,
    .adjust = source_adjust_feed,
    .rest = source_rest_feed,
    .is_active = source_feed_is_active,
    .covers = source_feed_covers,
    .close = source_close_feed,
    .fetch = source_fetch,
    .fetch_close = query_close,
    .info = source_info,
    .info_close = query_close,
};
