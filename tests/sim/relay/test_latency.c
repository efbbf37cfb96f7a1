/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What latency and order mean to viewers behind links that carry half of a broadcast. */
#include "tests/sim/relay/prologue.h"

#include <stdio.h>

#include "tests/sim/relay/meter.h"

enum { VIEWERS = 3, FRAME_MS = 25, SECONDS = 30, QUEUE_MS = 50, NETWORK_MS = QUEUE_MS + 2 * 10 };

/* 4 Mb/s. */
enum { FRAME_BYTES = 12500 };

static const uint64_t latencies_ms[VIEWERS] = {250, 1000, 4000};

struct stage {
    struct world world;
    struct core_hook hook;
    struct client *publisher;
    struct broadcast broadcast;
    struct meter meters[VIEWERS];
    uint64_t latency_ns; /* what the hook gives the next viewer */
    uint8_t order;
};

static enum core_verdict on_subscribe(void *self, struct core_request *request)
{
    struct stage *stage = self;
    const struct core_override change = {.set = CORE_SET_LATENCY | CORE_SET_ORDER,
                                         .latency_ns = stage->latency_ns,
                                         .order = stage->order};
    core_request_override(request, &stage->hook, &change);
    return CORE_PASS;
}

static const struct core_hook_ops hook_ops = {.name = "stage", .subscribe = on_subscribe};

static void stage_init(struct stage *stage, uint64_t group_ms, uint8_t order)
{
    const struct world_setup setup = {.seed = 5,
                                      .workers = 1,
                                      .link = {.delay_ns = 10 * NS_PER_MS},
                                      .yaml = "policy: { max: { latency: 10s } }\n"};
    *stage = (struct stage){.hook.ops = &hook_ops, .order = order};
    stage->hook.self = stage;
    world_init(&stage->world, &setup);
    world_add_hook(&stage->world, &stage->hook);
    stage->publisher = client_ready(world_host(&stage->world), NULL);
    stage->broadcast = (struct broadcast){.world = &stage->world,
                                          .track = client_publish(stage->publisher, "demo/bbb"),
                                          .frames = (uint32_t)(group_ms / FRAME_MS),
                                          .frame_bytes = FRAME_BYTES,
                                          .frame_ns = FRAME_MS * NS_PER_MS};
    world_run(&stage->world, 100 * NS_PER_MS);
}

/* Subscribes behind a link of its own, and is given this latency and the stage's order. */
static void join_as(struct stage *stage, struct meter *meter, uint64_t latency_ms,
                    const struct moq_wish *wish)
{
    struct host *host = world_host(&stage->world);
    const struct sim_link link = {
        .delay_ns = 10 * NS_PER_MS, .bandwidth_bps = 2000000, .queue_ns = QUEUE_MS * NS_PER_MS};
    sim_set_node_link(stage->world.sim, host->node, &link);
    stage->latency_ns = latency_ms * NS_PER_MS;
    meter_init(meter, client_ready(host, NULL), &stage->broadcast, wish);
    world_run(&stage->world, 100 * NS_PER_MS);
}

static void join(struct stage *stage, struct meter *meter, uint64_t latency_ms)
{
    join_as(stage, meter, latency_ms, &WISH_ANY);
}

static void override_viewer(struct stage *stage, uint64_t latency_ms, uint8_t order)
{
    const struct list *viewers = &stage->world.workers[0].router.viewers;
    const struct core_override change = {.set = CORE_SET_LATENCY | CORE_SET_ORDER,
                                         .latency_ns = latency_ms * NS_PER_MS,
                                         .order = order};
    core_viewer_override(container_of(viewers->next, struct core_viewer, router_node), &stage->hook,
                         &change);
}

static void stage_deinit(struct stage *stage)
{
    for (int i = 0; i < VIEWERS; i++)
        if (stage->meters[i].broadcast)
            meter_deinit(&stage->meters[i]);
    world_deinit(&stage->world);
}

static void print_numbers(const struct stage *stage, uint64_t group_ms)
{
    for (int i = 0; i < VIEWERS; i++) {
        const struct meter *meter = &stage->meters[i];
        printf("%s first, groups of %u ms, latency %u ms: delay at most %u ms, "
               "%u groups of %u whole, %u torn\n",
               stage->order == MOQ_ORDER_NEWEST ? "newest" : "oldest", (unsigned)group_ms,
               (unsigned)latencies_ms[i], (unsigned)(meter->delay_max_ns / NS_PER_MS),
               meter_whole(meter), (unsigned)(SECONDS * 1000 / group_ms), meter_torn(meter));
    }
}

static void broadcast_to_all(struct stage *stage, uint64_t group_ms, uint8_t order)
{
    stage_init(stage, group_ms, order);
    for (int i = 0; i < VIEWERS; i++)
        join(stage, &stage->meters[i], latencies_ms[i]);
    broadcast_groups(&stage->broadcast, SECONDS * 1000 / group_ms);
    print_numbers(stage, group_ms);
}

/* A fifth more than the viewer's own number and a group, and the network. */
static uint64_t patience_ms(uint64_t latency_ms, uint64_t group_ms)
{
    return (latency_ms + group_ms) * 6 / 5 + NETWORK_MS;
}

/* Whatever its number is, a viewer is not behind by more than the group that is being sent, which
 * begins in the first fifth of its time, and a fifth of that; and the network, whose queue is full
 * when a newer group has to wait. */
static uint64_t newest_patience_ms(uint64_t group_ms)
{
    return group_ms * 6 / 5 * 6 / 5 + 2 * NETWORK_MS;
}

static void assert_delay(const struct meter *meter, uint64_t at_most_ms)
{
    assert_in_range(meter->delay_max_ns / NS_PER_MS, NETWORK_MS / 4, at_most_ms);
}

static void oldest_first_keeps_the_delay_within_the_latency_and_a_group(void **state)
{
    const uint64_t groups_ms[] = {250, 1000};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct stage stage;
        broadcast_to_all(&stage, groups_ms[i], MOQ_ORDER_OLDEST);
        const struct meter *meters = stage.meters;
        for (int j = 0; j < VIEWERS; j++)
            assert_delay(&meters[j], patience_ms(latencies_ms[j], groups_ms[i]));
        assert_true(meter_whole(&meters[2]) > meter_whole(&meters[1]));
        assert_true(meter_whole(&meters[1]) >= meter_whole(&meters[0]));
        stage_deinit(&stage);
    }
}

/* The link takes two groups' time for one. However patient a viewer is, what it gets is no older
 * than that. */
static void newest_first_gives_more_whole_groups_the_larger_the_latency(void **state)
{
    const uint64_t groups_ms[] = {250, 1000};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        uint64_t group_ms = groups_ms[i];
        uint32_t count = (uint32_t)(SECONDS * 1000 / group_ms);
        struct stage stage;
        broadcast_to_all(&stage, group_ms, MOQ_ORDER_NEWEST);
        const struct meter *meters = stage.meters;
        for (int j = 0; j < VIEWERS; j++)
            assert_delay(&meters[j], newest_patience_ms(group_ms));
        assert_true(meter_whole(&meters[2]) >= meter_whole(&meters[1]));
        assert_true(meter_whole(&meters[2]) > meter_whole(&meters[0]));
        assert_in_range(meter_whole(&meters[2]), count * 40 / 100, count / 2);
        assert_in_range(meter_torn(&meters[2]), 0, count / 5);
        stage_deinit(&stage);
    }
}

/* The viewer asks for one order, the hook sets another, and changes its mind. */
static void what_a_hook_sets_counts_within_a_group(void **state)
{
    enum { GROUP_MS = 250 };
    const struct moq_wish wish = {
        .priority = 128, .order = MOQ_ORDER_OLDEST, .min = MOQ_NO_GROUP, .max = MOQ_NO_GROUP};
    struct stage stage;
    (void)state;
    stage_init(&stage, GROUP_MS, MOQ_ORDER_OLDEST);
    struct meter *meter = &stage.meters[0];
    join_as(&stage, meter, 4000, &wish);
    broadcast_groups(&stage.broadcast, 40);
    assert_in_range(meter->delay_max_ns / NS_PER_MS, 4000, patience_ms(4000, GROUP_MS));

    override_viewer(&stage, 250, MOQ_ORDER_NEWEST);
    broadcast_groups(&stage.broadcast, 1);
    meter->delay_max_ns = 0;
    broadcast_groups(&stage.broadcast, 40);
    assert_delay(meter, patience_ms(250, GROUP_MS));

    override_viewer(&stage, 1000, MOQ_ORDER_OLDEST);
    broadcast_groups(&stage.broadcast, 40);
    assert_in_range(meter->delay_max_ns / NS_PER_MS, 1000, patience_ms(1000, GROUP_MS));
    stage_deinit(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oldest_first_keeps_the_delay_within_the_latency_and_a_group),
        cmocka_unit_test(newest_first_gives_more_whole_groups_the_larger_the_latency),
        cmocka_unit_test(what_a_hook_sets_counts_within_a_group),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
