/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Viewers behind links that are too slow, or dead: what they get is fresh, and other viewers do not
 * notice them. */
#include "tests/sim/relay/prologue.h"

#include <stdlib.h>

struct stage {
    struct world world;
    struct client *publisher;
    struct moq_track *track;
    uint64_t sequence; /* of the next group */
};

static void stage_init(struct stage *stage, const char *yaml)
{
    *stage = (struct stage){0};
    const struct world_setup setup = {
        .seed = 23, .link = {.delay_ns = 10 * NS_PER_MS}, .yaml = yaml};
    world_init(&stage->world, &setup);
    stage->publisher = client_ready(world_host(&stage->world), NULL);
    stage->track = client_publish(stage->publisher, "demo/bbb");
}

static struct host *host_behind(struct stage *stage, uint64_t bandwidth_bps, uint64_t queue_ms)
{
    const struct sim_link link = {.delay_ns = 10 * NS_PER_MS,
                                  .bandwidth_bps = bandwidth_bps,
                                  .queue_ns = queue_ms * NS_PER_MS};
    struct host *host = world_host(&stage->world);
    sim_set_node_link(stage->world.sim, host->node, &link);
    return host;
}

/* ---- Rates ----------------------------------------------------------------------------------- */

enum { LINK_BPS = 2000000 };

static void a_peer_is_told_the_rate_of_its_link(void **state)
{
    (void)state;
    const struct client_setup as_03 = {.versions = MOQ_VERSION_03};
    struct stage stage;
    struct watch fast, slow;
    stage_init(&stage, NULL);
    watch_init(&fast, client_ready(world_host(&stage.world), &as_03), "demo/bbb", &WISH_ANY);
    watch_init(&slow, client_ready(host_behind(&stage, LINK_BPS, 100), &as_03), "demo/bbb",
               &WISH_ANY);
    world_run(&stage.world, NS_PER_S);
    const struct camera_setup setup = {.track = stage.track, /* about 5 Mbit/s */
                                       .count = 100,
                                       .frames = 10,
                                       .frame_bytes = 20000,
                                       .interval_ns = 20 * NS_PER_MS};

    camera_start(stage.publisher->host, &setup);
    world_run(&stage.world, 15 * NS_PER_S);

    uint64_t told_bps = moq_session_peer_bitrate(slow.client->session);
    assert_in_range(told_bps, LINK_BPS * 3 / 4, LINK_BPS * 5 / 4);
    assert_in_range(slow.begun, 30,
                    60); /* the newest group is begun, and goes on if that is early */
    assert_in_range(watch_count(&slow, FATE_WHOLE), 25, 45);
    assert_true(watch_count(&fast, FATE_WHOLE) >= 70);
    watch_deinit(&fast);
    watch_deinit(&slow);
    world_deinit(&stage.world);
}

/* ---- Delay ----------------------------------------------------------------------------------- */

enum { FRAME_MS = 16, FRAME_BYTES = 4000, STREAM_BPS = FRAME_BYTES * 8 * 1000 / FRAME_MS };
enum { METER_GROUPS = 8, METER_FRAMES = 4096 };

struct meter { /* reads frames as they arrive; a frame begins with the time when it was written */
    struct watch watch;
    struct moq_watcher watcher;
    struct moq_group_reader readers[METER_GROUPS]; /* by sequence */
    bool is_reading[METER_GROUPS];
    uint64_t delays_ns[METER_FRAMES];
    size_t count;
};

static void meter_close(struct meter *meter, size_t slot)
{
    if (meter->is_reading[slot])
        moq_group_reader_deinit(&meter->readers[slot]);
    meter->is_reading[slot] = false;
}

static void on_meter_group(struct moq_watcher *watcher, struct moq_group *group)
{
    struct meter *meter = container_of(watcher, struct meter, watcher);
    size_t slot = group->sequence % METER_GROUPS;
    meter_close(meter, slot);
    moq_group_reader_init(&meter->readers[slot], group);
    meter->is_reading[slot] = true;
}

static void on_meter_growth(struct moq_watcher *watcher, struct moq_group *group)
{
    struct meter *meter = container_of(watcher, struct meter, watcher);
    size_t slot = group->sequence % METER_GROUPS, size;
    uint64_t now_ns = world_now(meter->watch.client->host->world), written_ns;
    const uint8_t *data;
    while (meter->is_reading[slot] && meter->count < METER_FRAMES &&
           moq_group_reader_next(&meter->readers[slot], &data, &size) == 0) {
        memcpy(&written_ns, data, sizeof written_ns);
        meter->delays_ns[meter->count++] = now_ns - written_ns;
    }
}

static void meter_init(struct meter *meter, struct client *client)
{
    static const struct moq_watcher_ops ops = {.on_group = on_meter_group,
                                               .on_growth = on_meter_growth};
    *meter = (struct meter){.watcher.ops = &ops};
    watch_init(&meter->watch, client, "demo/bbb", &WISH_ANY);
    moq_track_watch(meter->watch.track, &meter->watcher);
}

static void meter_deinit(struct meter *meter)
{
    for (size_t slot = 0; slot < METER_GROUPS; slot++)
        meter_close(meter, slot);
    moq_track_unwatch(meter->watch.track, &meter->watcher);
    watch_deinit(&meter->watch);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static uint64_t meter_percentile_us(struct meter *meter, size_t percent)
{
    assert_true(meter->count > 0);
    qsort(meter->delays_ns, meter->count, sizeof meter->delays_ns[0], compare);
    return meter->delays_ns[(meter->count - 1) * percent / 100] / NS_PER_US;
}

/* Writes a frame every FRAME_MS, in groups of `frames`. */
static void play(struct stage *stage, uint64_t seconds, uint32_t frames)
{
    uint8_t frame[FRAME_BYTES] = {0};
    struct moq_group *group = NULL;
    for (uint32_t i = 0; i < seconds * 1000 / FRAME_MS; i++) {
        uint64_t now_ns = world_now(&stage->world);
        memcpy(frame, &now_ns, sizeof now_ns);
        if (i % frames == 0)
            assert_int_equal(moq_track_open_group(stage->track, stage->sequence++, &group), 0);
        assert_int_equal(moq_track_write_frame(stage->track, group, frame, sizeof frame), 0);
        if (i % frames == frames - 1)
            moq_track_finish_group(stage->track, group);
        world_run(&stage->world, FRAME_MS * NS_PER_MS);
    }
}

/* Groups of four frames, 2 Mbit/s in all, for one whose link carries two thirds of that. A frame
 * has
 * 80 ms from when its group is followed by another, and as long as groups are (64 ms) before; then
 * come the network's own queue (20 ms) and two ways of 10 ms. */
static void what_an_overloaded_viewer_gets_is_fresh(void **state)
{
    (void)state;
    static struct meter fast, slow;
    struct stage stage;
    stage_init(&stage, "policy: { latency: 80ms }\n");
    meter_init(&fast, client_ready(world_host(&stage.world), NULL));
    meter_init(&slow, client_ready(host_behind(&stage, STREAM_BPS * 2 / 3, 20), NULL));
    world_run(&stage.world, NS_PER_S);

    play(&stage, 20, 4);

    const size_t frames = 20 * 1000 / FRAME_MS;
    assert_true(fast.count >= frames - 2);
    assert_in_range(meter_percentile_us(&fast, 100), 20000, 21000); /* only the network delay */
    assert_in_range(slow.count, frames / 3, frames * 2 / 3);
    assert_in_range(meter_percentile_us(&slow, 50), 20000, 130000);
    assert_in_range(meter_percentile_us(&slow, 99), 20000, (80 + 64 + 40) * 1000);
    meter_deinit(&fast);
    meter_deinit(&slow);
    world_deinit(&stage.world);
}

/* ---- Silence --------------------------------------------------------------------------------- */

/* Four of twenty viewers fall silent. What was under way to them is lost, and so are a few probes,
 * at longer and longer intervals, until the sessions are given up. If a deadline stayed due, this
 * test would run for hours. */
static void silent_viewers_cost_a_few_packets_and_nobody_else(void **state)
{
    (void)state;
    enum { VIEWERS = 20, SILENT = 4, MOST_PACKETS = 50 };
    static struct meter meters[VIEWERS];
    struct stage stage;
    stage_init(&stage, "policy: { latency: 80ms }\n");
    struct host *silent = world_host(&stage.world);
    for (int i = 0; i < VIEWERS; i++)
        meter_init(&meters[i], client_ready(i < SILENT ? silent : world_host(&stage.world), NULL));
    world_run(&stage.world, NS_PER_S);
    play(&stage, 1, 4);
    struct sim_stats before, after;
    host_vanish(silent);
    sim_stats(stage.world.sim, &before);
    play(&stage, 15, 4);
    sim_stats(stage.world.sim, &after);

    assert_in_range(after.lost - before.lost, SILENT, SILENT * MOST_PACKETS);
    assert_int_equal(world_counters(&stage.world)->sessions, 1 + VIEWERS - SILENT);
    for (int i = SILENT; i < VIEWERS; i++)
        assert_in_range(meter_percentile_us(&meters[i], 100), 20000, 21000);
    for (int i = 0; i < VIEWERS; i++)
        meter_deinit(&meters[i]);
    world_deinit(&stage.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peer_is_told_the_rate_of_its_link),
        cmocka_unit_test(what_an_overloaded_viewer_gets_is_fresh),
        cmocka_unit_test(silent_viewers_cost_a_few_packets_and_nobody_else),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
