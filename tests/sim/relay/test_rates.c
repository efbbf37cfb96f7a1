/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Rate caps: of a viewer, of an identity on several workers, and their changes. */
#include "tests/sim/relay/prologue.h"

#include "tests/sim/relay/guard.h"
#include "tests/sim/relay/meter.h"
#include "transfork/viewer.h"

static const char yaml[] = "policy:\n"
                           "  latency: 4s\n"
                           "  classes:\n"
                           "    - { match: \"free/**\", rate: 1Mbps }\n"
                           "    - { match: \"account/**\", identity_rate: 2Mbps }\n";

/* A broadcast of 4 Mb/s, in groups of 250 ms. */
enum { FRAME_BYTES = 12500, FRAME_MS = 25, GROUP_MS = 250, FRAMES = GROUP_MS / FRAME_MS };
enum { MBIT = 1000000, MEASURED_S = 10 };

struct stage {
    struct world world;
    struct guard guard;
    struct core_hook hook;
    struct broadcast broadcast;
};

static const struct core_hook_ops hook_ops = {.name = "stage"};

static void stage_init(struct stage *stage, const char *path, uint32_t workers)
{
    static const struct pass camera = {.identity = "camera", .publish = "*"};
    const struct world_setup setup = {
        .seed = 9, .workers = workers, .yaml = yaml, .link = {.delay_ns = 10 * NS_PER_MS}};
    *stage = (struct stage){.hook.ops = &hook_ops};
    world_init(&stage->world, &setup);
    guard_init(&stage->guard, &stage->world);
    world_add_hook(&stage->world, &stage->hook);
    struct client *publisher = guard_admit(&stage->guard, &camera, NULL);
    stage->broadcast = (struct broadcast){.world = &stage->world,
                                          .track = client_publish(publisher, path),
                                          .frames = FRAMES,
                                          .frame_bytes = FRAME_BYTES,
                                          .frame_ns = FRAME_MS * NS_PER_MS};
    world_run(&stage->world, 200 * NS_PER_MS);
}

static void stage_deinit(struct stage *stage)
{
    world_deinit(&stage->world);
    guard_deinit(&stage->guard);
}

/* A viewer of this identity. */
static struct core_peer *join(struct stage *stage, struct meter *meter, const char *identity)
{
    const struct pass pass = {.identity = identity, .subscribe = "*"};
    meter_init(meter, guard_admit(&stage->guard, &pass, NULL), &stage->broadcast, &WISH_ANY);
    world_run(&stage->world, 100 * NS_PER_MS);
    return stage->guard.peer;
}

/* Broadcasts for MEASURED_S, after a second to settle. */
static void play(struct stage *stage)
{
    broadcast_groups(&stage->broadcast, 1000 / GROUP_MS);
    for (size_t worker = 0; worker < stage->world.worker_count; worker++)
        list_for_each (node, &stage->world.workers[worker].router.viewers)
            container_of(node, struct core_viewer, router_node)->served->stats.bytes_sent = 0;
    broadcast_groups(&stage->broadcast, MEASURED_S * 1000 / GROUP_MS);
}

/* The rate at which the viewer of this peer was sent bytes in `play`. */
static uint64_t rate_of(const struct core_peer *peer)
{
    struct moq_viewer_stats stats;
    moq_viewer_stats(moq_session_next_viewer(peer->session, NULL), &stats);
    return stats.bytes_sent * 8 / MEASURED_S;
}

static void assert_rate(uint64_t rate_bps, uint64_t expected_bps)
{
    assert_in_range(rate_bps, expected_bps * 95 / 100, expected_bps * 105 / 100);
}

static struct core_viewer *viewer_of(const struct core_peer *peer)
{
    return moq_viewer_user(moq_session_next_viewer(peer->session, NULL));
}

static void a_viewer_gets_what_its_class_allows(void **state)
{
    struct stage stage;
    struct meter meter;
    (void)state;
    stage_init(&stage, "free/bbb", 1);
    const struct core_peer *peer = join(&stage, &meter, "");
    play(&stage);
    assert_rate(rate_of(peer), MBIT);
    assert_true(meter_whole(&meter) >= MEASURED_S * 1000 / GROUP_MS / 5);
    assert_in_range(meter.delay_max_ns, 0, 5 * NS_PER_S); /* it is late like any other */
    assert_true(meter.watch.subscription != NULL);
    meter_deinit(&meter);
    stage_deinit(&stage);
}

/* Both are behind one link of 3 Mb/s. */
static void what_a_cap_leaves_is_for_others(void **state)
{
    struct stage stage;
    struct meter capped, other;
    (void)state;
    stage_init(&stage, "demo/bbb", 1);
    const struct sim_link link = {
        .delay_ns = 10 * NS_PER_MS, .bandwidth_bps = 3 * MBIT, .queue_ns = 50 * NS_PER_MS};
    struct host *host = world_host(&stage.world);
    sim_set_node_link(stage.world.sim, host->node, &link);
    meter_init(&capped, client_ready(host, NULL), &stage.broadcast, &WISH_ANY);
    world_run(&stage.world, 100 * NS_PER_MS);
    const struct core_peer *first = stage.guard.peer;
    const struct core_override change = {.set = CORE_SET_RATE, .rate_bps = MBIT};
    core_viewer_override(viewer_of(first), &stage.hook, &change);
    meter_init(&other, client_ready(host, NULL), &stage.broadcast, &WISH_ANY);
    world_run(&stage.world, 100 * NS_PER_MS);
    const struct core_peer *second = stage.guard.peer;
    play(&stage);
    assert_rate(rate_of(first), MBIT);
    assert_in_range(rate_of(second), MBIT * 16 / 10, 2 * MBIT);
    meter_deinit(&capped);
    meter_deinit(&other);
    stage_deinit(&stage);
}

static void an_identity_has_one_cap_on_all_workers(void **state)
{
    struct stage stage;
    struct meter meters[4];
    (void)state;
    stage_init(&stage, "account/bbb", 2);
    const struct core_peer *one = join(&stage, &meters[0], "alice");
    const struct core_peer *two = join(&stage, &meters[1], "alice");
    const struct core_peer *other = join(&stage, &meters[2], "bob");
    const struct core_peer *nobody = join(&stage, &meters[3], "");
    assert_true(one->router != two->router);
    play(&stage);
    assert_rate(rate_of(one) + rate_of(two), 2 * MBIT);
    assert_rate(rate_of(one), MBIT);
    assert_rate(rate_of(other), 2 * MBIT);
    assert_rate(rate_of(nobody), 4 * MBIT);
    for (int i = 0; i < 4; i++)
        meter_deinit(&meters[i]);
    stage_deinit(&stage);
}

static void set_rate(struct stage *stage, const struct core_peer *peer, uint64_t rate_bps)
{
    const struct core_override change = {.set = CORE_SET_RATE, .rate_bps = rate_bps};
    core_viewer_override(viewer_of(peer), &stage->hook, &change);
}

static void a_cap_may_change_and_end_while_it_watches(void **state)
{
    struct stage stage;
    struct meter meter;
    struct core_policy_reasons why;
    (void)state;
    stage_init(&stage, "free/bbb", 1);
    const struct core_peer *peer = join(&stage, &meter, "");
    set_rate(&stage, peer, MOQ_RATE_MIN_BPS);
    play(&stage);
    assert_in_range(rate_of(peer), 0, 2 * MOQ_RATE_MIN_BPS);
    set_rate(&stage, peer, 2 * MBIT);
    play(&stage);
    assert_rate(rate_of(peer), 2 * MBIT);
    core_viewer_reasons(viewer_of(peer), &why);
    assert_int_equal(why.rate.decider, CORE_DECIDED_BY_HOOK);
    set_rate(&stage, peer, 0);
    broadcast_groups(&stage.broadcast, 4);
    play(&stage);
    assert_rate(rate_of(peer), 4 * MBIT);
    core_viewer_clear_override(viewer_of(peer), CORE_SET_RATE);
    play(&stage);
    assert_rate(rate_of(peer), MBIT);
    meter_deinit(&meter);
    stage_deinit(&stage);
}

static void a_session_may_become_somebody_else(void **state)
{
    static const struct pass bob = {.identity = "bob", .subscribe = "*"};
    struct stage stage;
    struct meter meters[2];
    (void)state;
    stage_init(&stage, "account/bbb", 1);
    struct core_peer *one = join(&stage, &meters[0], "alice");
    const struct core_peer *two = join(&stage, &meters[1], "alice");
    assert_int_equal(pass_to_peer(&bob, one), 0);
    play(&stage);
    assert_rate(rate_of(one), 2 * MBIT);
    assert_rate(rate_of(two), 2 * MBIT);
    assert_int_equal(core_peer_set_grants(one, NULL), 0); /* and then nobody */
    broadcast_groups(&stage.broadcast, 4);
    play(&stage);
    assert_rate(rate_of(one), 4 * MBIT);
    meter_deinit(&meters[0]);
    meter_deinit(&meters[1]);
    stage_deinit(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_viewer_gets_what_its_class_allows),
        cmocka_unit_test(what_a_cap_leaves_is_for_others),
        cmocka_unit_test(an_identity_has_one_cap_on_all_workers),
        cmocka_unit_test(a_cap_may_change_and_end_while_it_watches),
        cmocka_unit_test(a_session_may_become_somebody_else),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
