/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* moq-bench's viewers: they connect, subscribe, and resubscribe or reconnect when told to. Their
 * feeds check what they receive.
 * Tested by tests/meter/run. */
#include "tools/bench_feed.h"
#include "tools/bench_link.h"

#include <stdlib.h>
#include <string.h>

struct bench_viewer {
    struct bench_thread *thread;
    unsigned number; /* among all viewers */
    enum bench_kind kind;
    struct moq_client *client; /* NULL: not opened */
    struct bench_link *link;   /* of slow and stalled viewers; otherwise NULL */
    uint64_t connect_ns;       /* since when it has been connecting; 0: it is connected */
    unsigned begun;            /* feeds that have received a frame since they were opened */
    bool has_arrived, is_retrying;
    /* Counters of its connection when last read. Later changes are lost with the connection. */
    struct bench_traffic seen;
    struct bench_feed *feeds;
};

static const struct bench_options *options_of(const struct bench_thread *thread)
{
    return &thread->bench->options;
}

static struct bench_figures *figures_of(struct bench_viewer *viewer)
{
    return &viewer->thread->tally.kinds[viewer->kind];
}

static bool has_link(const struct bench_viewer *viewer)
{
    return viewer->kind == BENCH_SLOW || viewer->kind == BENCH_STALLED;
}

static struct moq_native *native_of(const struct bench_viewer *viewer)
{
    struct bench_thread *thread = viewer->thread;
    return has_link(viewer) ? thread->natives.links : bench_native(thread, viewer->number);
}

/* ---- Subscribing ----------------------------------------------------------------------------- */

static void note_arrived(struct bench_viewer *viewer)
{
    if (viewer->has_arrived)
        return;
    viewer->has_arrived = true;
    figures_of(viewer)->counts[COUNT_arrived]++;
    if (viewer->kind != BENCH_JOINED)
        bench_add(&viewer->thread->bench->arrived, 1);
    if (viewer->kind == BENCH_STALLED)
        bench_link_stall(viewer->link);
}

static void on_first_frame(struct bench_feed *feed)
{
    struct bench_viewer *viewer = feed->user;
    if (++viewer->begun == options_of(viewer->thread)->tracks)
        note_arrived(viewer);
}

static void on_feed_over(struct bench_feed *feed)
{
    struct bench_viewer *viewer = feed->user;
    viewer->is_retrying = true;
}

static void subscribe_viewer(struct bench_viewer *viewer, struct moq_session *session)
{
    viewer->is_retrying = false;
    viewer->begun = 0;
    for (unsigned i = 0; i < options_of(viewer->thread)->tracks; i++) {
        bench_feed_close(&viewer->feeds[i]);
        if (bench_feed_open(&viewer->feeds[i], session))
            viewer->is_retrying = true;
    }
    if (options_of(viewer->thread)->fps.most == 0)
        note_arrived(viewer);
}

static void close_feeds(struct bench_viewer *viewer)
{
    for (unsigned i = 0; i < options_of(viewer->thread)->tracks; i++)
        bench_feed_close(&viewer->feeds[i]);
}

/* ---- Connecting ------------------------------------------------------------------------------ */

static void on_connected(struct moq_client *client, struct moq_session *session)
{
    struct bench_viewer *viewer = moq_client_user(client);
    struct bench_figures *figures = figures_of(viewer);
    if (viewer->connect_ns)
        histogram_add(&figures->connect, clock_monotonic_ns() - viewer->connect_ns);
    viewer->connect_ns = 0;
    figures->counts[COUNT_connects]++;
    subscribe_viewer(viewer, session);
}

/* Adds the counters of a connection that has ended to the sum. */
static void keep_traffic(struct bench_viewer *viewer)
{
    bench_traffic_see(&viewer->seen, viewer->client);
    bench_traffic_add(&viewer->thread->tally.traffic, &viewer->seen);
    viewer->seen = (struct bench_traffic){0};
}

static void on_lost(struct moq_client *client, int error, const char *reason, uint64_t retry_ms)
{
    struct bench_viewer *viewer = moq_client_user(client);
    bool is_silent = viewer->kind == BENCH_STALLED && viewer->has_arrived;
    bool was_connected = viewer->connect_ns == 0;
    figures_of(viewer)->counts[was_connected ? COUNT_sessions_lost : COUNT_connect_failures]++;
    close_feeds(viewer);
    keep_traffic(viewer);
    viewer->connect_ns = clock_monotonic_ns();
    if (retry_ms == UINT64_MAX && !is_silent)
        bench_fail_connection(viewer->thread->bench, "a viewer has no connection", error, reason);
}

static int open_link(struct bench_viewer *viewer, struct moq_url *url)
{
    struct bench_thread *thread = viewer->thread;
    uint64_t bps = viewer->kind == BENCH_SLOW ? options_of(thread)->slow_bps : 0;
    viewer->link = bench_link_open(&thread->loop, &thread->bench->relay, bps);
    if (!viewer->link)
        return MOQ_ERR_IO;
    url->port = bench_link_port(viewer->link);
    return 0;
}

static void connect_viewer(struct bench_viewer *viewer)
{
    static const struct moq_client_events events = {.on_connected = on_connected,
                                                    .on_lost = on_lost};
    struct moq_client_config config = {.events = &events, .user = viewer};
    bench_client_config(viewer->thread->bench, &config);
    config.reconnect.is_enabled &= viewer->kind != BENCH_STALLED;
    if (has_link(viewer)) { /* the host in the certificate is not that of the link */
        snprintf(config.url.host, sizeof config.url.host, "localhost");
        config.tls.is_verify_disabled = true;
    }
    if (has_link(viewer) && !viewer->link && open_link(viewer, &config.url)) {
        bench_fail(viewer->thread->bench, "cannot open a socket for a viewer's link");
        return;
    }
    if (has_link(viewer))
        config.url.port = bench_link_port(viewer->link);
    viewer->connect_ns = clock_monotonic_ns();
    viewer->client = moq_client_open(native_of(viewer), &config);
    if (!viewer->client)
        bench_fail(viewer->thread->bench, "connect: %s", moq_error_words(MOQ_ERR_NOMEM));
}

static void disconnect_viewer(struct bench_viewer *viewer)
{
    keep_traffic(viewer);
    close_feeds(viewer);
    moq_client_close(&viewer->client, 0, NULL, NULL);
}

/* ---- What a thread asks for ------------------------------------------------------------------ */

static void init_viewer(struct bench_thread *thread, unsigned index, struct bench_feed *feeds)
{
    const struct bench_options *options = options_of(thread);
    struct bench_viewer *viewer = &thread->viewers[index];
    bool is_joined = index >= thread->viewer_count;
    unsigned local = is_joined ? index - thread->viewer_count : index;
    viewer->thread = thread;
    viewer->number = thread->index % options->threads + local * options->threads;
    viewer->number += is_joined ? options->viewers : 0;
    viewer->kind = bench_kind_of(options, viewer->number);
    viewer->feeds = feeds;
    for (unsigned i = 0; i < options->tracks; i++)
        feeds[i] = (struct bench_feed){
            .bench = thread->bench,
            .clock = moq_native_clock(native_of(viewer)),
            .figures = figures_of(viewer),
            .flow = viewer->number % options->publishers * options->tracks + i,
            .on_first = on_first_frame,
            .on_over = on_feed_over,
            .user = viewer,
        };
}

int bench_viewers_init(struct bench_thread *thread)
{
    const struct bench_options *options = options_of(thread);
    unsigned threads = options->threads;
    if (thread->index < threads)
        thread->viewer_count = (options->viewers + threads - 1 - thread->index) / threads;
    else
        thread->joined_count = (options->join + 2 * threads - 1 - thread->index) / threads;
    unsigned count = thread->viewer_count + thread->joined_count;
    thread->viewers = calloc(count + 1, sizeof *thread->viewers);
    if (!thread->viewers)
        return MOQ_ERR_NOMEM;
    for (unsigned i = 0; i < count; i++) {
        struct bench_feed *feeds = calloc(options->tracks, sizeof *feeds);
        if (!feeds)
            return MOQ_ERR_NOMEM;
        init_viewer(thread, i, feeds);
    }
    return 0;
}

void bench_viewer_open(struct bench_thread *thread, unsigned number)
{
    connect_viewer(&thread->viewers[number]);
}

void bench_viewer_resubscribe(struct bench_thread *thread, unsigned number)
{
    struct bench_viewer *viewer = &thread->viewers[number];
    struct moq_session *session = viewer->client ? moq_client_session(viewer->client) : NULL;
    if (!session || has_link(viewer))
        return;
    moq_native_wake(native_of(viewer));
    subscribe_viewer(viewer, session);
}

void bench_viewer_reconnect(struct bench_thread *thread, unsigned number)
{
    struct bench_viewer *viewer = &thread->viewers[number];
    if (!viewer->client || !moq_client_session(viewer->client) || has_link(viewer))
        return;
    moq_native_wake(native_of(viewer));
    disconnect_viewer(viewer);
    connect_viewer(viewer);
}

void bench_viewers_retry(struct bench_thread *thread)
{
    for (unsigned i = 0; i < thread->viewer_count + thread->joined_count; i++) {
        struct bench_viewer *viewer = &thread->viewers[i];
        struct moq_session *session = viewer->client ? moq_client_session(viewer->client) : NULL;
        if (!viewer->is_retrying || !session)
            continue;
        moq_native_wake(native_of(viewer));
        subscribe_viewer(viewer, session);
    }
}

void bench_viewers_traffic(struct bench_thread *thread, struct bench_traffic *sum)
{
    for (unsigned i = 0; i < thread->viewer_count + thread->joined_count; i++) {
        bench_traffic_see(&thread->viewers[i].seen, thread->viewers[i].client);
        bench_traffic_add(sum, &thread->viewers[i].seen);
    }
}

void bench_viewers_settle(struct bench_thread *thread)
{
    for (unsigned i = 0; i < thread->viewer_count + thread->joined_count; i++) {
        struct bench_viewer *viewer = &thread->viewers[i];
        viewer->is_retrying = false;
        moq_native_wake(native_of(viewer));
        for (unsigned t = 0; t < options_of(thread)->tracks; t++)
            bench_feed_settle(&viewer->feeds[t]);
    }
}

void bench_viewers_close(struct bench_thread *thread)
{
    for (unsigned i = 0; i < thread->viewer_count + thread->joined_count; i++) {
        struct bench_viewer *viewer = &thread->viewers[i];
        if (!viewer->thread)
            continue;
        close_feeds(viewer);
        moq_client_close(&viewer->client, 0, NULL, NULL);
        bench_link_close(&viewer->link);
    }
}

void bench_viewers_free(struct bench_thread *thread)
{
    for (unsigned i = 0; i < thread->viewer_count + thread->joined_count && thread->viewers; i++)
        free(thread->viewers[i].feeds);
    free(thread->viewers);
}
