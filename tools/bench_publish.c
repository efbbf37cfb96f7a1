/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* moq-bench's publishers. Each is a connection with tracks, and each track has a timer. With
 * --as-fast-as-it-goes a track is written without one, so that a bounded backlog always waits to be
 * sent.
 * Tested by tests/meter/run. */
#include "tools/bench.h"

#include <stdlib.h>

/* With --as-fast-as-it-goes: the most that is written but not yet sent, per track. */
#define FLOOD_BACKLOG_BYTES UINT64_C(2000000)
/* Its groups are no larger than this, because a group stays in memory until all of it has been
 * acknowledged. */
#define FLOOD_GROUP_BYTES UINT64_C(4000000)
/* A viewer, which here is the relay, skips groups that were superseded longer ago than this. */
#define LATENCY_NS (2 * NS_PER_S)
#define FLOOD_LATENCY_NS (60 * NS_PER_S)

struct bench_output { /* the writing end of one flow */
    struct bench_publisher *publisher;
    unsigned number;
    uint64_t random;
    struct moq_track *track;
    struct moq_group *group; /* NULL: the next frame begins one */
    uint32_t index, group_frames;
    uint64_t due_ns;
    uv_timer_t timer;
    struct moq_viewer *viewer; /* the relay's subscription; NULL: none, or several */
};

struct bench_publisher {
    struct bench_thread *thread;
    unsigned number;
    struct moq_native *native;
    struct moq_offers *offers;
    struct moq_client *client;
    struct bench_traffic seen; /* of its connection */
    struct bench_output *outputs;
    uint8_t *frame;
    uv_prepare_t prepare; /* --as-fast-as-it-goes: writes once per turn of the loop */
    bool is_open;
};

/* ---- Numbers --------------------------------------------------------------------------------- */

static uint64_t random_in_range(struct bench_output *output, struct bench_range range)
{
    uint64_t x = output->random; /* xorshift64, which gives the same numbers in every run */
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    output->random = x;
    return range.least + x % (range.most - range.least + 1);
}

static uint32_t draw_group_frames(struct bench_output *output)
{
    const struct bench_options *options = &output->publisher->thread->bench->options;
    uint64_t bytes_max = options->is_flood ? FLOOD_GROUP_BYTES : BENCH_GROUP_BYTES_MAX;
    uint64_t most = bytes_max / options->size_bytes.most, frames;
    if (options->group_frames.most)
        frames = random_in_range(output, options->group_frames);
    else
        frames = random_in_range(output, options->group_ms) * options->fps.most / 1000;
    if (frames > most)
        frames = most;
    return frames ? (uint32_t)frames : 1;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* Notes the first frame and the first group after the beginning and after the end of the window. */
static void note_window(struct bench *bench, struct bench_flow *flow, uint64_t now_ns)
{
    uint64_t number = bench_get(&flow->frames);
    bool is_begun = now_ns >= bench_get(&bench->begin_ns);
    bool is_ended = now_ns >= bench_get(&bench->end_ns);
    if (is_begun && bench_get(&flow->first_frame) == BENCH_NOT_YET) {
        bench_set(&flow->first_group, bench_get(&flow->groups));
        bench_set(&flow->first_frame, number);
    }
    if (is_ended && bench_get(&flow->end_frame) == BENCH_NOT_YET) {
        bench_set(&flow->end_group, bench_get(&flow->groups));
        bench_set(&flow->end_frame, number);
    }
}

static int begin_group(struct bench_output *output, struct bench_flow *flow)
{
    uint64_t sequence = bench_get(&flow->groups);
    int error = moq_track_open_group(output->track, sequence, &output->group);
    if (error)
        return error;
    bench_set(&flow->groups, sequence + 1);
    output->index = 0;
    output->group_frames = draw_group_frames(output);
    output->publisher->thread->tally.published_groups++;
    return 0;
}

static void write_frame(struct bench_output *output)
{
    struct bench_thread *thread = output->publisher->thread;
    struct bench *bench = thread->bench;
    struct bench_flow *flow = &bench->flows[output->number];
    uint64_t now_ns = clock_monotonic_ns();
    note_window(bench, flow, now_ns);
    int error = output->group ? 0 : begin_group(output, flow);
    struct frame_header header = {
        .number = bench_get(&flow->frames),
        .published_ns = now_ns,
        .size = (uint32_t)random_in_range(output, bench->options.size_bytes),
        .flow = output->number,
        .index = output->index,
        .group_frames = output->group_frames,
    };
    if (!error) {
        frame_make(bench->pattern, &header, output->publisher->frame);
        error = moq_track_write_frame(output->track, output->group, output->publisher->frame,
                                      header.size);
    }
    if (error) {
        bench_fail(bench, "cannot publish: %s", moq_error_words(error));
        return;
    }
    bench_set(&flow->frames, header.number + 1);
    thread->tally.published_frames++;
    thread->tally.published_bytes += header.size;
    if (++output->index == output->group_frames) {
        moq_track_finish_group(output->track, output->group);
        output->group = NULL;
    }
}

static uint64_t interval_ns(struct bench_output *output)
{
    return NS_PER_S / random_in_range(output, output->publisher->thread->bench->options.fps);
}

static void on_frame(uv_timer_t *timer)
{
    struct bench_output *output = timer->data;
    moq_native_wake(output->publisher->native);
    uint64_t now_ns = clock_monotonic_ns();
    while (output->due_ns <= now_ns) {
        write_frame(output);
        output->due_ns += interval_ns(output);
    }
    now_ns = clock_monotonic_ns();
    uint64_t wait_ns = output->due_ns > now_ns ? output->due_ns - now_ns : 0;
    uv_update_time(timer->loop);
    uv_timer_start(timer, on_frame, (wait_ns + NS_PER_MS - 1) / NS_PER_MS, 0);
}

static bool has_room(const struct bench_output *output)
{
    struct moq_viewer_stats stats;
    if (!output->viewer)
        return false;
    moq_viewer_stats(output->viewer, &stats);
    return stats.backlog_bytes < FLOOD_BACKLOG_BYTES;
}

static void on_turn(uv_prepare_t *prepare)
{
    struct bench_publisher *publisher = prepare->data;
    bool has_written = false;
    for (unsigned i = 0; i < publisher->thread->bench->options.tracks; i++)
        for (; has_room(&publisher->outputs[i]); has_written = true)
            write_frame(&publisher->outputs[i]);
    if (has_written)
        moq_native_wake(publisher->native);
}

/* ---- Serving --------------------------------------------------------------------------------- */

static struct bench_output *output_of(struct bench_publisher *publisher,
                                      const struct moq_path *path)
{
    for (unsigned i = 0; i < publisher->thread->bench->options.tracks; i++)
        if (moq_path_equal(moq_track_path(publisher->outputs[i].track), path))
            return &publisher->outputs[i];
    return NULL;
}

static void on_request(struct moq_session *session, struct moq_request *request)
{
    struct bench_publisher *publisher = moq_session_user(session);
    struct bench_output *output = output_of(publisher, request->path);
    bool is_flood = publisher->thread->bench->options.is_flood;
    const struct moq_policy defaults = {.latency_ns = is_flood ? FLOOD_LATENCY_NS : LATENCY_NS,
                                        .order = MOQ_ORDER_NEWEST};
    struct moq_policy policy = moq_policy_of_wish(&defaults, &request->wish);
    if (!output || request->kind != MOQ_REQUEST_SUBSCRIBE) {
        moq_request_refuse(request, MOQ_ERR_NOT_FOUND);
        return;
    }
    output->viewer = moq_request_serve(request, output->track, &policy);
    if (output->viewer)
        moq_viewer_set_user(output->viewer, output);
}

static void on_viewer_closed(struct moq_session *session, struct moq_viewer *viewer)
{
    struct bench_output *output = moq_viewer_user(viewer);
    (void)session;
    if (output && output->viewer == viewer)
        output->viewer = NULL;
}

static void begin_output(struct bench_output *output)
{
    struct bench_thread *thread = output->publisher->thread;
    const struct bench_options *options = &thread->bench->options;
    if (options->fps.most == 0 || options->is_flood || output->due_ns)
        return;
    /* Tracks send at different moments, as cameras do. */
    uint64_t shift_ns = NS_PER_S / options->fps.most * output->number /
                        ((uint64_t)options->publishers * options->tracks);
    output->due_ns = clock_monotonic_ns() + shift_ns;
    uv_timer_start(&output->timer, on_frame, shift_ns / NS_PER_MS, 0);
}

static void on_connected(struct moq_client *client, struct moq_session *session)
{
    struct bench_publisher *publisher = moq_client_user(client);
    (void)session;
    for (unsigned i = 0; i < publisher->thread->bench->options.tracks; i++)
        begin_output(&publisher->outputs[i]);
}

static void on_lost(struct moq_client *client, int error, const char *reason, uint64_t retry_ms)
{
    struct bench_publisher *publisher = moq_client_user(client);
    (void)retry_ms;
    bench_fail_connection(publisher->thread->bench, "a publisher has no connection", error, reason);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static int open_output(struct bench_publisher *publisher, unsigned index)
{
    struct bench_thread *thread = publisher->thread;
    struct bench_output *output = &publisher->outputs[index];
    static const struct moq_cache_limits keep = {.groups = 16, .age_ns = LATENCY_NS};
    struct moq_track_config config = {
        .clock = moq_native_clock(publisher->native), .priority = 128, .cache = keep};
    output->publisher = publisher;
    output->number = publisher->number * thread->bench->options.tracks + index;
    output->random = UINT64_C(0x2545f4914f6cdd1d) * (output->number + 1);
    struct moq_path *path = bench_flow_path(thread->bench, output->number);
    if (!path)
        return MOQ_ERR_NOMEM;
    output->track = moq_track_new(path, &config);
    int error = output->track ? moq_offers_add(publisher->offers, path, NULL) : MOQ_ERR_NOMEM;
    moq_path_unref(&path);
    return error;
}

static int open_publisher(struct bench_publisher *publisher)
{
    static const struct moq_session_events session = {.on_request = on_request,
                                                      .on_viewer_closed = on_viewer_closed};
    static const struct moq_client_events events = {.on_connected = on_connected,
                                                    .on_lost = on_lost};
    struct bench_thread *thread = publisher->thread;
    const struct bench_options *options = &thread->bench->options;
    publisher->native = bench_prompt_native(thread, publisher->number);
    publisher->offers = moq_offers_new();
    publisher->frame = malloc(options->size_bytes.most);
    publisher->outputs = calloc(options->tracks, sizeof *publisher->outputs);
    if (!publisher->offers || !publisher->frame || !publisher->outputs)
        return MOQ_ERR_NOMEM;
    for (unsigned i = 0; i < options->tracks; i++)
        if (open_output(publisher, i))
            return MOQ_ERR_NOMEM;
    struct moq_client_config config = {
        .offers = publisher->offers, .session = &session, .events = &events, .user = publisher};
    bench_client_config(thread->bench, &config);
    config.reconnect.is_enabled = false; /* it would start its numbers again and spoil the run */
    publisher->client = moq_client_open(publisher->native, &config);
    if (!publisher->client)
        return MOQ_ERR_NOMEM;
    for (unsigned i = 0; i < options->tracks; i++) {
        uv_timer_init(&thread->loop, &publisher->outputs[i].timer);
        publisher->outputs[i].timer.data = &publisher->outputs[i];
    }
    uv_prepare_init(&thread->loop, &publisher->prepare);
    publisher->prepare.data = publisher;
    if (options->is_flood)
        uv_prepare_start(&publisher->prepare, on_turn);
    publisher->is_open = true;
    return 0;
}

int bench_publishers_open(struct bench_thread *thread)
{
    const struct bench_options *options = &thread->bench->options;
    if (thread->index < options->threads)
        thread->publisher_count =
            (options->publishers + options->threads - 1 - thread->index) / options->threads;
    thread->publishers = calloc(thread->publisher_count + 1, sizeof *thread->publishers);
    if (!thread->publishers)
        return MOQ_ERR_NOMEM;
    for (unsigned i = 0; i < thread->publisher_count; i++) {
        thread->publishers[i].thread = thread;
        thread->publishers[i].number = thread->index + i * options->threads;
        if (open_publisher(&thread->publishers[i]))
            return MOQ_ERR_NOMEM;
    }
    return 0;
}

void bench_publishers_announce(struct bench_thread *thread)
{
    const struct bench *bench = thread->bench;
    if (thread->index != 0)
        return;
    struct bench_publisher *publisher = &thread->publishers[0];
    moq_native_wake(publisher->native);
    bench_watch_storm(thread);
    for (unsigned i = 0; i < bench->options.announce; i++) {
        struct moq_path *path = bench_storm_path(bench, i);
        if (!path || moq_offers_add(publisher->offers, path, NULL))
            bench_fail(thread->bench, "cannot announce: %s", moq_error_words(MOQ_ERR_NOMEM));
        moq_path_unref(&path);
    }
}

void bench_publishers_traffic(struct bench_thread *thread, struct bench_traffic *sum)
{
    for (unsigned i = 0; i < thread->publisher_count; i++) {
        bench_traffic_see(&thread->publishers[i].seen, thread->publishers[i].client);
        bench_traffic_add(sum, &thread->publishers[i].seen);
    }
}

/* Releases the track before the moq_native, because the track uses its clock. */
static void close_output(struct bench_output *output)
{
    uv_close((uv_handle_t *)&output->timer, NULL);
    moq_track_unref(&output->track);
}

void bench_publishers_close(struct bench_thread *thread)
{
    for (unsigned i = 0; i < thread->publisher_count; i++) {
        struct bench_publisher *publisher = &thread->publishers[i];
        if (!publisher->is_open)
            continue;
        for (unsigned t = 0; t < thread->bench->options.tracks; t++)
            close_output(&publisher->outputs[t]);
        uv_close((uv_handle_t *)&publisher->prepare, NULL);
        moq_client_close(&publisher->client, 0, NULL, NULL);
    }
}

void bench_publishers_free(struct bench_thread *thread)
{
    for (unsigned i = 0; i < thread->publisher_count; i++) {
        struct bench_publisher *publisher = &thread->publishers[i];
        free(publisher->outputs);
        free(publisher->frame);
        moq_offers_free(&publisher->offers);
    }
    free(thread->publishers);
}
