/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Viewers behind links that are too slow, or lead nowhere: what they get is fresh, and others do
 * not notice them. */
#include "tests/sim/relay/prologue.h"

struct stage {
    struct world world;
    struct client *publisher;
    struct moq_track *track;
};

static void stage_init(struct stage *stage, const char *yaml)
{
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
    const struct feed_setup setup = {.track = stage.track, /* about 5 Mbit/s */
                                     .count = 100,
                                     .frames = 10,
                                     .frame_bytes = 20000,
                                     .interval_ns = 20 * NS_PER_MS};

    feed_start(stage.publisher->host, &setup);
    world_run(&stage.world, 15 * NS_PER_S);

    uint64_t told_bps = moq_session_peer_bitrate(slow.client->session);
    assert_in_range(told_bps, LINK_BPS * 3 / 4, LINK_BPS * 5 / 4);
    assert_in_range(slow.begun, 60, 80); /* the newest comes first, cut short or not */
    assert_in_range(watch_count(&slow, FATE_WHOLE), 0, 10);
    assert_true(watch_count(&fast, FATE_WHOLE) >= 70);
    watch_deinit(&fast);
    watch_deinit(&slow);
    world_deinit(&stage.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peer_is_told_the_rate_of_its_link),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
