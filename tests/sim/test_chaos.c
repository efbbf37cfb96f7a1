/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Whatever an application and a network may do, in random order: nothing is used after its end,
 * nothing is left behind, and nobody hears of anything twice. A seed that fails is a test of its
 * own. */
#include "tests/sim/prologue.h"

#include <stdio.h>

enum { SEEDS = 60, STEPS = 150, DIALS_MAX = 6 };

struct chaos {
    struct pair pair;
    int dials;
};

static uint64_t pick(struct chaos *chaos, uint64_t below)
{
    return sim_random(chaos->pair.sim) % below;
}

static struct peer *any_peer(struct chaos *chaos)
{
    return pick(chaos, 2) ? &chaos->pair.client : &chaos->pair.server;
}

static struct flow *any_flow(struct chaos *chaos)
{
    struct peer *peer = any_peer(chaos);
    uint64_t steps = pick(chaos, 8);
    struct flow *found = NULL;
    list_for_each (node, &peer->flows) {
        struct flow *flow = container_of(node, struct flow, link);
        found = flow->stream ? flow : found;
        if (steps-- == 0)
            break;
    }
    return found;
}

static void change_the_network(struct chaos *chaos)
{
    struct sim_link link = {.delay_ns = pick(chaos, 50) * NS_PER_MS,
                            .jitter_ns = pick(chaos, 20) * NS_PER_MS,
                            .loss_percent = (double)pick(chaos, 4) * 8,
                            .duplicate_percent = (double)pick(chaos, 2) * 10,
                            .reorder_percent = (double)pick(chaos, 2) * 10};
    sim_set_link(chaos->pair.sim, &link);
}

static void act_on_connection(struct chaos *chaos)
{
    struct pair *pair = &chaos->pair;
    struct peer *peer = any_peer(chaos);
    switch (pick(chaos, 5)) {
    case 0:
        sim_rebind(pair->sim, pair->client_node);
        break;
    case 1:
        change_the_network(chaos);
        break;
    case 2:
        pair->protocol = pick(chaos, 2) ? QUIC_PROTOCOL_RAW : QUIC_PROTOCOL_WEBTRANSPORT;
        if (chaos->dials++ < DIALS_MAX)
            assert_non_null(pair_dial(pair));
        break;
    case 3:
        if (peer->conn && pick(chaos, 4) == 0)
            quic_conn_close(peer->conn, (uint32_t)pick(chaos, 500), "chaos");
        break;
    default:
        sim_set_sink_room(pair->sim, pick(chaos, 2) ? pair->client_node : pair->server_node,
                          pick(chaos, 10));
        break;
    }
}

static void act_on_stream(struct chaos *chaos)
{
    struct flow *flow = any_flow(chaos);
    struct peer *peer = any_peer(chaos);
    uint64_t action = pick(chaos, 7);
    if (action < 3 || !flow) {
        if (peer->conn)
            peer_send(peer, peer->conn, pick(chaos, 2),
                      pick(chaos, 4) ? pick(chaos, 3000) : pick(chaos, 300000));
        return;
    }
    switch (action) {
    case 3:
        quic_stream_reset(flow->stream, (uint32_t)pick(chaos, 100));
        break;
    case 4:
        quic_stream_stop(flow->stream, (uint32_t)pick(chaos, 100));
        break;
    case 5:
        quic_stream_set_urgency(flow->stream, pick(chaos, 4));
        break;
    default:
        peer->is_stream_refused = pick(chaos, 6) == 0;
        break;
    }
}

static void run(uint64_t seed)
{
    struct chaos chaos = {.dials = 1};
    struct pair *pair = &chaos.pair;
    const struct pair_setup setup = {
        .seed = seed, .protocol = seed % 2 ? QUIC_PROTOCOL_RAW : QUIC_PROTOCOL_WEBTRANSPORT};
    pair_init(pair, &setup);
    pair->server_config.limits.half_open_retry_at = 2;
    pair->server_config.limits.streams_uni = 20;
    pair_start(pair);
    assert_non_null(pair_dial(pair));
    for (int i = 0; i < STEPS; i++) {
        if (pick(&chaos, 4) == 0)
            act_on_connection(&chaos);
        else
            act_on_stream(&chaos);
        if (pick(&chaos, 3) == 0)
            sim_run(pair->sim, pick(&chaos, 40) * NS_PER_MS);
    }

    sim_set_link(pair->sim, NULL);
    quic_endpoint_shut_down(sim_endpoint(pair->sim, (int)pick(&chaos, 2)), 1, "the end");
    sim_run(pair->sim, 120 * NS_PER_S);
    int dials = chaos.dials < DIALS_MAX ? chaos.dials : DIALS_MAX;
    assert_int_equal(object_count(OBJECT_conn), 0);
    assert_int_equal(object_count(OBJECT_quic_stream), 0);
    assert_int_equal(pair->client.closed, dials);
    assert_int_equal(pair->server.closed, pair->server.accepted);
    pair_deinit(pair);
}

static void no_order_of_events_breaks_anything(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        run(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_order_of_events_breaks_anything),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
