/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a connection knows of its link, and how it uses its window: flows that fill the link, and
 * flows of small frames, with both congestion controllers. */
#include "tests/sim/prologue.h"

enum {
    FRAME_BYTES = 4000,
    FRAME_MS = 16,
    FRAMES = 2000,
    TEN_PACKETS_BYTES = 10 * 1400,
    KEY_FRAME_BYTES = 150 * 1000,
    QUIET_S = 30,
    DELAY_MS = 20, /* one way */
    RTT_MS = 2 * DELAY_MS,
    AT_ONCE_MS = DELAY_MS + 26, /* 150 KB take 24 ms of 50 Mbit/s */
};

static const enum quic_congestion controllers[] = {QUIC_CONGESTION_CUBIC, QUIC_CONGESTION_BBR};

static void start(struct pair *pair, enum quic_congestion congestion, uint64_t bandwidth_bps)
{
    const struct pair_setup setup = {.seed = 9,
                                     .protocol = QUIC_PROTOCOL_RAW,
                                     .link = {.delay_ns = DELAY_MS * NS_PER_MS,
                                              .bandwidth_bps = bandwidth_bps,
                                              .queue_ns = 100 * NS_PER_MS}};
    pair_init(pair, &setup);
    pair->server_config.congestion = congestion;
    pair_connect(pair);
}

static struct quic_conn_stats stats_of(const struct pair *pair)
{
    struct quic_conn_stats stats;
    quic_conn_stats(pair->server.conn, &stats);
    return stats;
}

static void send_frame(struct pair *pair, size_t n)
{
    assert_non_null(peer_send(&pair->server, pair->server.conn, false, n));
}

static void send_small_frames(struct pair *pair, uint64_t seconds)
{
    for (uint64_t i = 0; i < seconds * 1000 / FRAME_MS; i++) {
        send_frame(pair, FRAME_BYTES);
        sim_run(pair->sim, FRAME_MS * NS_PER_MS);
    }
}

static void a_flow_that_fills_its_link_knows_its_rate(void **state)
{
    (void)state;
    static const uint64_t links_bps[] = {1000000, 5000000, 20000000};
    for (size_t i = 0; i < 6; i++) {
        uint64_t link_bps = links_bps[i / 2];
        struct pair pair;
        start(&pair, controllers[i % 2], link_bps);
        assert_int_equal(stats_of(&pair).delivery_rate_bps, 0);
        send_frame(&pair, link_bps * 3 / 4); /* 6 s */
        for (int second = 1; second <= 5; second++) {
            sim_run(pair.sim, NS_PER_S);
            uint64_t rate_bps = stats_of(&pair).delivery_rate_bps;
            if (second >= 2)
                assert_in_range(rate_bps, link_bps * 3 / 4, link_bps * 5 / 4);
            assert_int_equal(pair.server.rate_bps, rate_bps);
        }
        pair_deinit(&pair);
    }
}

static void small_frames_leave_the_rate_as_it_was(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, controllers[i], 20000000);
        send_small_frames(&pair, 3);
        assert_int_equal(stats_of(&pair).delivery_rate_bps, 0);
        assert_int_equal(pair.server.rates, 0);
        send_frame(&pair, 4000000);
        sim_run(pair.sim, 10 * NS_PER_S);
        uint64_t rate_bps = stats_of(&pair).delivery_rate_bps;
        assert_in_range(rate_bps, 15000000, 25000000);

        send_small_frames(&pair, QUIET_S);

        assert_int_equal(stats_of(&pair).delivery_rate_bps, rate_bps);
        pair_deinit(&pair);
    }
}

/* The time from writing a frame until the peer has all of it. */
static uint64_t time_of_frame(struct pair *pair, size_t n)
{
    uint64_t start_ns = sim_clock(pair->sim)->now_ns, before = pair->client.received;
    send_frame(pair, n);
    while (pair->client.received < before + n)
        sim_run(pair->sim, NS_PER_MS);
    return sim_clock(pair->sim)->now_ns - start_ns;
}

/* Slow start from ten packets reaches 150 KB in four round trips. Small frames before that neither
 * help nor harm. */
static void a_first_key_frame_takes_few_round_trips(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, controllers[i], 50000000);
        uint64_t window = stats_of(&pair).congestion_window_bytes;
        send_small_frames(&pair, QUIET_S);
        assert_true(stats_of(&pair).congestion_window_bytes >= window);
        assert_true(time_of_frame(&pair, KEY_FRAME_BYTES) <= 4 * RTT_MS * NS_PER_MS);
        pair_deinit(&pair);
    }
}

static void a_window_outlasts_small_frames_and_silence(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, controllers[i], 50000000);
        for (int j = 0; j < 5; j++)
            time_of_frame(&pair, KEY_FRAME_BYTES);
        sim_run(pair.sim, NS_PER_S);
        uint64_t window = stats_of(&pair).congestion_window_bytes;
        assert_true(window >= KEY_FRAME_BYTES);

        send_small_frames(&pair, QUIET_S);
        assert_true(stats_of(&pair).congestion_window_bytes >= window);
        assert_true(time_of_frame(&pair, KEY_FRAME_BYTES) <= AT_ONCE_MS * NS_PER_MS);
        sim_run(pair.sim, QUIET_S * NS_PER_S);
        assert_true(stats_of(&pair).congestion_window_bytes >= window);
        assert_true(time_of_frame(&pair, KEY_FRAME_BYTES) <= AT_ONCE_MS * NS_PER_MS);
        pair_deinit(&pair);
    }
}

static bool has_room(const struct pair *pair, size_t n)
{
    struct quic_conn_stats stats = stats_of(pair);
    size_t with_headers = n + n / 10;
    return stats.bytes_in_flight + with_headers <= stats.congestion_window_bytes;
}

/* The bytes that are sent before any time passes. A second turn would take a microsecond. */
static uint64_t sent_at_once(struct pair *pair, size_t n)
{
    uint64_t before = stats_of(pair).bytes_sent;
    send_frame(pair, n);
    sim_run(pair->sim, 0);
    return stats_of(pair).bytes_sent - before;
}

static void a_frame_leaves_in_the_turn_in_which_it_came(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, controllers[i], 50000000);
        send_small_frames(&pair, 1); /* opens the window as far as they need */
        int open = 0;
        for (int j = 0; j < FRAMES; j++) {
            bool is_open = has_room(&pair, FRAME_BYTES);
            open += is_open;
            uint64_t sent = sent_at_once(&pair, FRAME_BYTES);
            assert_true(!is_open || sent >= FRAME_BYTES);
            sim_run(pair.sim, FRAME_MS * NS_PER_MS);
        }
        /* BBR reduces its window to four packets for 0.2 s in every 5 s. */
        assert_true(open >= FRAMES * 95 / 100);
        sim_run(pair.sim, NS_PER_S);
        assert_true(sent_at_once(&pair, TEN_PACKETS_BYTES) >= TEN_PACKETS_BYTES);
        pair_deinit(&pair);
    }
}

/* Bursts have ten packets, as RFC 9002, section 7.7, recommends. The rest of a frame is spread over
 * less than a round trip. */
static void a_frame_as_large_as_the_window_is_out_within_a_round_trip(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, controllers[i], 50000000);
        for (int j = 0; j < 5; j++)
            time_of_frame(&pair, KEY_FRAME_BYTES);
        send_small_frames(&pair, 1);
        size_t window = stats_of(&pair).congestion_window_bytes;
        uint64_t before = stats_of(&pair).bytes_sent;
        assert_true(sent_at_once(&pair, window) >= TEN_PACKETS_BYTES);
        sim_run(pair.sim, RTT_MS * NS_PER_MS);
        assert_true(stats_of(&pair).bytes_sent - before >= window);
        pair_deinit(&pair);
    }
}

/* With a full window, a peer that has fallen silent costs nothing, however much there is to send;
 * and everything is sent once the peer is heard again. */
static void more_for_a_full_window_is_no_work(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, controllers[i], 50000000);
        send_frame(&pair, KEY_FRAME_BYTES);
        sim_run(pair.sim, NS_PER_S);
        sim_set_link(pair.sim, &(struct sim_link){.loss_percent = 100});
        for (int j = 0; j < 20; j++)
            send_frame(&pair, KEY_FRAME_BYTES);
        sim_run(pair.sim, NS_PER_S);
        const struct quic_endpoint *server = sim_endpoint(pair.sim, pair.server_node);
        assert_false(quic_endpoint_has_work(server));
        send_frame(&pair, KEY_FRAME_BYTES);
        assert_false(quic_endpoint_has_work(server));

        sim_set_link(pair.sim, &(struct sim_link){.delay_ns = DELAY_MS * NS_PER_MS});
        sim_run(pair.sim, 10 * NS_PER_S);
        assert_int_equal(pair.client.received, 22 * KEY_FRAME_BYTES);
        pair_deinit(&pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flow_that_fills_its_link_knows_its_rate),
        cmocka_unit_test(small_frames_leave_the_rate_as_it_was),
        cmocka_unit_test(a_frame_leaves_in_the_turn_in_which_it_came),
        cmocka_unit_test(a_frame_as_large_as_the_window_is_out_within_a_round_trip),
        cmocka_unit_test(a_first_key_frame_takes_few_round_trips),
        cmocka_unit_test(a_window_outlasts_small_frames_and_silence),
        cmocka_unit_test(more_for_a_full_window_is_no_work),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
