/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Connecting and echoing on networks that lose, repeat, reorder and delay packets. */
#include "tests/sim/prologue.h"

enum { SEEDS = 4, STREAM_BYTES = 60000, STREAMS = 8, LIMIT_S = 300 };

static const enum quic_protocol protocols[] = {QUIC_PROTOCOL_RAW, QUIC_PROTOCOL_WEBTRANSPORT};

static void echo_streams(const struct pair_setup *setup)
{
    struct pair pair;
    pair_init(&pair, setup);
    pair_connect(&pair);
    struct flow *flows[STREAMS];
    for (size_t i = 0; i < STREAMS; i++) {
        flows[i] = peer_send(&pair.client, pair.client.conn, true, STREAM_BYTES * i / STREAMS + 1);
        assert_non_null(flows[i]);
    }

    assert_true(sim_run_until(pair.sim, peer_flows_are_echoed, &pair.client, LIMIT_S * NS_PER_S));

    for (size_t i = 0; i < STREAMS; i++)
        assert_true(flow_has_pattern(flows[i], STREAM_BYTES * i / STREAMS + 1));
    pair_deinit(&pair);
}

static void echo_with_loss(double percent)
{
    for (size_t i = 0; i < 2 * SEEDS; i++) {
        const struct pair_setup setup = {.seed = 100 + i,
                                         .protocol = protocols[i % 2],
                                         .link = {.loss_percent = percent,
                                                  .delay_ns = 25 * NS_PER_MS,
                                                  .jitter_ns = 5 * NS_PER_MS}};
        echo_streams(&setup);
    }
}

static void streams_are_echoed_on_a_clean_network(void **state)
{
    (void)state;
    echo_with_loss(0);
}

static void streams_are_echoed_with_one_percent_lost(void **state)
{
    (void)state;
    echo_with_loss(1);
}

static void streams_are_echoed_with_ten_percent_lost(void **state)
{
    (void)state;
    echo_with_loss(10);
}

static void streams_are_echoed_with_a_quarter_lost(void **state)
{
    (void)state;
    echo_with_loss(25);
}

static void streams_are_echoed_when_packets_are_reordered_and_repeated(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * SEEDS; i++) {
        const struct pair_setup setup = {.seed = 200 + i,
                                         .protocol = protocols[i % 2],
                                         .link = {.duplicate_percent = 20,
                                                  .reorder_percent = 20,
                                                  .delay_ns = 15 * NS_PER_MS,
                                                  .bandwidth_bps = 20000000}};
        echo_streams(&setup);
    }
}

static void both_congestion_controllers_fill_a_link(void **state)
{
    (void)state;
    const enum quic_congestion both[] = {QUIC_CONGESTION_CUBIC, QUIC_CONGESTION_BBR};
    for (size_t i = 0; i < 2; i++) {
        const struct pair_setup setup = {
            .seed = 31,
            .protocol = QUIC_PROTOCOL_RAW,
            .link = {.delay_ns = 10 * NS_PER_MS, .bandwidth_bps = 40000000, .loss_percent = 0.1}};
        struct pair pair;
        pair_init(&pair, &setup);
        pair.server_config.congestion = pair.client_config.congestion = both[i];
        pair_connect(&pair);
        uint64_t start_ns = sim_clock(pair.sim)->now_ns;

        pair_echo(&pair, 4000000);

        /* 32 Mbit over 40 Mbit/s take 0.8 s; three times that leaves room for slow start and
         * recovery. */
        assert_true(sim_clock(pair.sim)->now_ns - start_ns < 2400 * NS_PER_MS);
        pair_deinit(&pair);
    }
}

static void a_full_sink_loses_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct pair_setup setup = {
            .seed = 41, .protocol = protocols[i], .link = {.delay_ns = NS_PER_MS}};
        struct pair pair;
        pair_init(&pair, &setup);
        pair_connect(&pair);
        sim_set_sink_room(pair.sim, pair.client_node, 3);
        sim_set_sink_room(pair.sim, pair.server_node, 2);

        pair_echo(&pair, 500000);

        assert_true(pair_server_stats(&pair).send_blocked > 0);
        pair_deinit(&pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_are_echoed_on_a_clean_network),
        cmocka_unit_test(streams_are_echoed_with_one_percent_lost),
        cmocka_unit_test(streams_are_echoed_with_ten_percent_lost),
        cmocka_unit_test(streams_are_echoed_with_a_quarter_lost),
        cmocka_unit_test(streams_are_echoed_when_packets_are_reordered_and_repeated),
        cmocka_unit_test(both_congestion_controllers_fill_a_link),
        cmocka_unit_test(a_full_sink_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
