/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The receiving end of a flow. Frame numbers have no gaps, so the lost frames are those between the
 * first that came and the last that should have come.
 * Tested by tests/meter/run. */
#include "tools/bench_feed.h"

/* How long a feed's track keeps groups that have ended. Without that, older groups that arrive
 * after newer ones would be refused. */
#define KEEP_NS (250 * NS_PER_MS)

enum { KEEP_GROUPS = 64 };

static const struct bench_flow *flow_of(const struct bench_feed *feed)
{
    return &feed->bench->flows[feed->flow];
}

/* ---- Frames ---------------------------------------------------------------------------------- */

static bool is_frame_counted(const struct bench_feed *feed, uint64_t number)
{
    const struct bench_flow *flow = flow_of(feed);
    return number >= bench_get(&flow->first_frame) && number < bench_get(&flow->end_frame);
}

static bool is_group_counted(const struct bench_feed *feed, uint64_t sequence)
{
    const struct bench_flow *flow = flow_of(feed);
    return sequence >= bench_get(&flow->first_group) && sequence < bench_get(&flow->end_group);
}

static void count_latency(struct bench_feed *feed, const struct frame_header *header,
                          uint64_t now_ns)
{
    struct bench_figures *figures = feed->figures;
    uint64_t latency_ns = now_ns > header->published_ns ? now_ns - header->published_ns : 0;
    if (header->published_ns < feed->subscribed_ns) { /* published before we subscribed */
        figures->counts[COUNT_caught_up]++;
        return;
    }
    if (!is_frame_counted(feed, header->number))
        return;
    histogram_add(&figures->latency, latency_ns);
    if (latency_ns > feed->bench->options.late_ms * NS_PER_MS)
        figures->counts[COUNT_late]++;
}

static void note_first(struct bench_feed *feed, uint64_t now_ns)
{
    if (feed->high)
        return;
    histogram_add(&feed->figures->first_frame, now_ns - feed->subscribed_ns);
}

static void take_frame(struct bench_feed *feed, struct bench_read *read, const uint8_t *data,
                       size_t size, uint64_t now_ns)
{
    struct bench_figures *figures = feed->figures;
    struct frame_header header;
    uint32_t index = read->position++;
    if (!frame_check(feed->bench->pattern, data, size, &header) || header.flow != feed->flow ||
        header.index != index || (read->received && header.number != read->first_number + index)) {
        figures->counts[COUNT_broken]++;
        return;
    }
    bool is_first = feed->high == 0;
    note_first(feed, now_ns);
    if (read->received++ == 0) {
        read->first_number = header.number - index;
        read->group_frames = header.group_frames;
    }
    if (header.number < feed->base)
        feed->base = header.number;
    if (header.number >= feed->high)
        feed->high = header.number + 1;
    figures->last_ns = now_ns;
    figures->counts[COUNT_frames_ever]++;
    figures->counts[COUNT_bytes_ever] += size;
    if (is_frame_counted(feed, header.number)) {
        feed->counted++;
        figures->counts[COUNT_frames]++;
        figures->counts[COUNT_bytes] += size;
    }
    count_latency(feed, &header, now_ns);
    if (is_first && feed->on_first)
        feed->on_first(feed);
}

/* ---- Groups ---------------------------------------------------------------------------------- */

static struct bench_read *begin_read(struct bench_feed *feed, struct moq_group *group)
{
    struct bench_read *read = NULL;
    for (unsigned i = 0; i < BENCH_READS && !read; i++)
        if (!feed->reads[i].reader.group)
            read = &feed->reads[i];
    if (!read)
        return NULL;
    *read = (struct bench_read){.received = 0};
    moq_group_reader_init(&read->reader, group);
    if (group->sequence < feed->base_group)
        feed->base_group = group->sequence;
    if (group->sequence >= feed->high_group)
        feed->high_group = group->sequence + 1;
    if (is_group_counted(feed, group->sequence))
        feed->groups_seen++;
    return read;
}

static struct bench_read *find_read(struct bench_feed *feed, struct moq_group *group)
{
    for (unsigned i = 0; i < BENCH_READS; i++)
        if (feed->reads[i].reader.group == group)
            return &feed->reads[i];
    return begin_read(feed, group);
}

static void end_read(struct bench_feed *feed, struct bench_read *read, int error)
{
    bool is_whole = read->received > 0 && read->received == read->group_frames;
    if (is_group_counted(feed, read->reader.group->sequence)) {
        enum bench_count count = error != MOQ_ERR_END ? COUNT_groups_reset
                                 : is_whole           ? COUNT_groups
                                                      : COUNT_groups_short;
        feed->figures->counts[count]++;
    }
    moq_group_reader_deinit(&read->reader);
    read->reader.group = NULL;
}

static void on_growth(struct moq_watcher *watcher, struct moq_group *group)
{
    struct bench_feed *feed = container_of(watcher, struct bench_feed, watcher);
    struct bench_read *read = find_read(feed, group);
    const uint8_t *data = NULL;
    size_t size = 0;
    int error;
    if (!read)
        return;
    uint64_t now_ns = clock_monotonic_ns();
    while ((error = moq_group_reader_next(&read->reader, &data, &size)) == 0)
        take_frame(feed, read, data, size, now_ns);
    moq_track_drop_read(feed->track, &read->reader);
    if (error != MOQ_ERR_AGAIN)
        end_read(feed, read, error);
}

/* ---- What is missing ------------------------------------------------------------------------- */

static uint64_t span_between(uint64_t first, uint64_t end)
{
    return end > first ? end - first : 0;
}

static uint64_t larger_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t smaller_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t overlap_of(uint64_t first, uint64_t end, uint64_t least, uint64_t most)
{
    return span_between(larger_of(first, least), smaller_of(end, most));
}

/* The number of frames that are still missing from open groups although newer frames have come.
 * They are under way, not lost. */
static uint64_t count_under_way(const struct bench_feed *feed)
{
    const struct bench_flow *flow = flow_of(feed);
    uint64_t sum = 0;
    for (unsigned i = 0; i < BENCH_READS; i++) {
        const struct bench_read *read = &feed->reads[i];
        if (!read->reader.group || !read->received)
            continue;
        uint64_t next = read->first_number + read->position;
        uint64_t end = smaller_of(read->first_number + read->group_frames, feed->high);
        sum += overlap_of(next, end, bench_get(&flow->first_frame), bench_get(&flow->end_frame));
    }
    return sum;
}

static void count_missing(struct bench_feed *feed, bool is_end)
{
    const struct bench_flow *flow = flow_of(feed);
    uint64_t *counts = feed->figures->counts;
    if (feed->high == 0)
        return;
    uint64_t frames = is_end ? bench_get(&flow->frames) : feed->high;
    uint64_t groups = is_end ? bench_get(&flow->groups) : feed->high_group;
    uint64_t expected =
        overlap_of(feed->base, frames, bench_get(&flow->first_frame), bench_get(&flow->end_frame));
    uint64_t expected_groups = overlap_of(feed->base_group, groups, bench_get(&flow->first_group),
                                          bench_get(&flow->end_group));
    uint64_t delivered = feed->counted + (is_end ? 0 : count_under_way(feed));
    counts[COUNT_lost] += span_between(delivered, expected);
    counts[COUNT_groups_lost] += span_between(feed->groups_seen, expected_groups);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void drop_feed(struct bench_feed *feed)
{
    moq_track_unwatch(feed->track, &feed->watcher);
    moq_subscription_close(&feed->subscription);
    for (unsigned i = 0; i < BENCH_READS; i++) {
        if (feed->reads[i].reader.group)
            moq_group_reader_deinit(&feed->reads[i].reader);
        feed->reads[i].reader.group = NULL;
    }
    moq_track_unref(&feed->track);
}

static void on_closed(struct moq_subscription *subscription, int error)
{
    struct bench_feed *feed = moq_subscription_user(subscription);
    (void)error;
    feed->subscription = NULL;
    feed->figures->counts[COUNT_refused]++;
    bench_feed_close(feed);
    if (feed->on_over)
        feed->on_over(feed);
}

int bench_feed_open(struct bench_feed *feed, struct moq_session *session)
{
    static const struct moq_watcher_ops growth = {.on_growth = on_growth};
    static const struct moq_subscription_events events = {.on_closed = on_closed};
    static const struct moq_wish wish = {128, MOQ_ORDER_OLDEST, 0, MOQ_NO_GROUP, MOQ_NO_GROUP};
    struct moq_track_config config = {
        .clock = feed->clock, .priority = 128, .cache = {.groups = KEEP_GROUPS, .age_ns = KEEP_NS}};
    struct moq_path *path = bench_flow_path(feed->bench, feed->flow);
    if (!path)
        return MOQ_ERR_NOMEM;
    feed->track = moq_track_new(path, &config);
    moq_path_unref(&path);
    if (!feed->track)
        return MOQ_ERR_NOMEM;
    feed->base = feed->base_group = UINT64_MAX;
    feed->high = feed->high_group = feed->counted = feed->groups_seen = 0;
    feed->subscribed_ns = clock_monotonic_ns();
    feed->watcher.ops = &growth;
    moq_track_watch(feed->track, &feed->watcher);
    feed->figures->counts[COUNT_subscribes]++;
    feed->subscription = moq_session_subscribe(session, feed->track, &wish, &events, feed);
    if (feed->subscription)
        return 0;
    drop_feed(feed);
    return MOQ_ERR_NOMEM;
}

void bench_feed_close(struct bench_feed *feed)
{
    if (!feed->track)
        return;
    count_missing(feed, false);
    drop_feed(feed);
}

void bench_feed_settle(struct bench_feed *feed)
{
    if (!feed->track)
        return;
    count_missing(feed, true);
    drop_feed(feed);
}

bool bench_feed_has_begun(const struct bench_feed *feed)
{
    return feed->high > 0;
}
