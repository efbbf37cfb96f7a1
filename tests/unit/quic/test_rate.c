/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tests of the delivery rate: what counts, what does not, and how long. */
#include "tests/unit/prologue.h"

#include "base/clock.h"
#include "quic/rate.h"

enum { PACKET = 1200, RTT_MS = 20 };

struct flow {
    struct rate rate;
    uint64_t sent, delivered, now_ns;
};

static struct flow flow_new(void)
{
    return (struct flow){.now_ns = NS_PER_S};
}

static void send(struct flow *flow, uint64_t bytes, bool is_waiting)
{
    flow->sent += bytes;
    rate_sent(&flow->rate, flow->sent, bytes, is_waiting);
}

/* `count` packets arrive, one in each `gap_ns`; as many are sent. */
static void run(struct flow *flow, int count, uint64_t gap_ns)
{
    for (int i = 0; i < count; i++) {
        flow->now_ns += gap_ns;
        flow->delivered += PACKET;
        rate_acked(&flow->rate, flow->delivered, RTT_MS * NS_PER_MS, flow->now_ns);
        send(flow, PACKET, true);
    }
}

/* What is on its way arrives, and nothing follows. */
static void drain(struct flow *flow, uint64_t gap_ns)
{
    while (flow->delivered < flow->sent) {
        flow->now_ns += gap_ns;
        flow->delivered += PACKET;
        rate_acked(&flow->rate, flow->delivered, RTT_MS * NS_PER_MS, flow->now_ns);
    }
}

static void before_anything_had_to_wait_it_is_unknown(void **state)
{
    (void)state;
    struct flow flow = flow_new();
    for (int i = 0; i < 1000; i++) {
        send(&flow, 4000, false);
        flow.now_ns += 16 * NS_PER_MS;
        flow.delivered += 4000;
        assert_false(rate_is_busy(&flow.rate));
        rate_acked(&flow.rate, flow.delivered, RTT_MS * NS_PER_MS, flow.now_ns);
    }
    assert_int_equal(rate_bps(&flow.rate), 0);
}

static void a_full_link_has_the_rate_of_its_acknowledgements(void **state)
{
    (void)state;
    struct flow flow = flow_new();
    send(&flow, 20 * PACKET, true);
    run(&flow, 200, NS_PER_MS);
    assert_in_range(rate_bps(&flow.rate), 9500000, 9700000); /* 1200 B in a ms */
}

/* The first acknowledgement comes a round trip after the pause; that gap is in no window. */
static void a_burst_after_a_pause_counts_without_the_pause(void **state)
{
    (void)state;
    struct flow flow = flow_new();
    send(&flow, 60 * PACKET, true);
    flow.now_ns += 500 * NS_PER_MS;
    run(&flow, 50, NS_PER_MS);
    assert_in_range(rate_bps(&flow.rate), 9500000, 9700000);
}

static void a_flow_with_nothing_more_to_send_keeps_its_rate(void **state)
{
    (void)state;
    struct flow flow = flow_new();
    send(&flow, 20 * PACKET, true);
    run(&flow, 100, NS_PER_MS);
    send(&flow, 0, false);
    drain(&flow, NS_PER_MS);
    uint64_t before = rate_bps(&flow.rate);
    assert_int_not_equal(before, 0);
    for (int i = 0; i < 1000; i++) {
        send(&flow, PACKET, false);
        flow.now_ns += 16 * NS_PER_MS;
        flow.delivered = flow.sent;
        rate_acked(&flow.rate, flow.delivered, RTT_MS * NS_PER_MS, flow.now_ns);
    }
    assert_int_equal(rate_bps(&flow.rate), before);
    assert_false(rate_is_busy(&flow.rate));
}

static void a_slower_link_is_known_after_ten_windows(void **state)
{
    (void)state;
    struct flow flow = flow_new();
    send(&flow, 20 * PACKET, true);
    run(&flow, 500, NS_PER_MS);
    run(&flow, 11 * 20, 4 * NS_PER_MS);
    assert_in_range(rate_bps(&flow.rate), 2300000, 2500000);
}

/* Packets that travelled apart and are acknowledged in bunches of ten. */
static void bunched_acknowledgements_are_not_taken_for_a_fast_link(void **state)
{
    (void)state;
    struct flow flow = flow_new();
    send(&flow, 40 * PACKET, true);
    for (int i = 0; i < 100; i++) {
        run(&flow, 10, 10 * NS_PER_US);
        flow.now_ns += 10 * NS_PER_MS;
    }
    assert_in_range(rate_bps(&flow.rate), 9000000, 12000000);
}

static void two_bursts_make_no_window_together(void **state)
{
    (void)state;
    struct flow flow = flow_new();
    for (int i = 0; i < 50; i++) { /* each too short for a window of its own */
        send(&flow, 10 * PACKET, true);
        run(&flow, 2, NS_PER_MS);
        send(&flow, 0, false);
        flow.now_ns += 100 * NS_PER_MS;
        flow.delivered = flow.sent;
        rate_acked(&flow.rate, flow.delivered, RTT_MS * NS_PER_MS, flow.now_ns);
    }
    assert_in_range(rate_bps(&flow.rate), 0, 0);
}

/* A burst of `count` packets after a pause, acknowledged one by one. */
static void burst(struct flow *flow, int count, uint64_t gap_ns)
{
    flow->now_ns += NS_PER_S;
    send(flow, (uint64_t)count * PACKET, false);
    drain(flow, gap_ns);
}

static struct flow flow_of_a_slow_link(void)
{
    struct flow flow = flow_new();
    send(&flow, 20 * PACKET, true);
    run(&flow, 300, 10 * NS_PER_MS); /* 0.96 Mb/s */
    send(&flow, 0, false);
    drain(&flow, 10 * NS_PER_MS);
    assert_in_range(rate_bps(&flow.rate), 900000, 1000000);
    return flow;
}

static void a_burst_that_arrives_faster_raises_the_rate(void **state)
{
    (void)state;
    struct flow flow = flow_of_a_slow_link();
    burst(&flow, 40, 2 * NS_PER_MS);
    assert_in_range(rate_bps(&flow.rate), 4600000, 4900000);
    assert_false(rate_is_busy(&flow.rate));
}

static void a_burst_that_arrives_slower_does_not_lower_it(void **state)
{
    (void)state;
    struct flow flow = flow_of_a_slow_link();
    uint64_t before = rate_bps(&flow.rate);
    for (int i = 0; i < 2 * RATE_SAMPLES; i++)
        burst(&flow, 40, 20 * NS_PER_MS);
    assert_int_equal(rate_bps(&flow.rate), before);
}

static void a_burst_is_no_faster_than_a_round_trip_allows(void **state)
{
    (void)state;
    struct flow flow = flow_of_a_slow_link();
    burst(&flow, 40, 10 * NS_PER_US);
    assert_in_range(rate_bps(&flow.rate), 0, UINT64_C(40) * PACKET * 8 * 1000 / RTT_MS);
}

static void a_small_burst_says_nothing(void **state)
{
    (void)state;
    struct flow flow = flow_of_a_slow_link();
    uint64_t before = rate_bps(&flow.rate);
    burst(&flow, RATE_BURST_BYTES / PACKET - 1, NS_PER_MS);
    assert_int_equal(rate_bps(&flow.rate), before);
}

static void without_a_rate_a_burst_makes_none(void **state)
{
    (void)state;
    struct flow flow = flow_new();
    burst(&flow, 100, NS_PER_MS);
    assert_int_equal(rate_bps(&flow.rate), 0);
}

/* What is sent while the burst is on its way is acknowledged with its end, or the network is full
 * again. */
static void a_burst_may_be_followed_at_once(void **state)
{
    (void)state;
    struct flow flow = flow_of_a_slow_link();
    flow.now_ns += NS_PER_S;
    send(&flow, 40 * PACKET, false);
    send(&flow, 4 * PACKET, false);
    drain(&flow, 2 * NS_PER_MS);
    assert_in_range(rate_bps(&flow.rate), 4600000, 4900000);

    send(&flow, 40 * PACKET, false);
    send(&flow, 20 * PACKET, true);
    run(&flow, 60 + 20 * RATE_SAMPLES, 4 * NS_PER_MS);
    assert_in_range(rate_bps(&flow.rate), 2300000, 2500000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_anything_had_to_wait_it_is_unknown),
        cmocka_unit_test(a_full_link_has_the_rate_of_its_acknowledgements),
        cmocka_unit_test(a_burst_after_a_pause_counts_without_the_pause),
        cmocka_unit_test(a_flow_with_nothing_more_to_send_keeps_its_rate),
        cmocka_unit_test(a_slower_link_is_known_after_ten_windows),
        cmocka_unit_test(bunched_acknowledgements_are_not_taken_for_a_fast_link),
        cmocka_unit_test(two_bursts_make_no_window_together),
        cmocka_unit_test(a_burst_that_arrives_faster_raises_the_rate),
        cmocka_unit_test(a_burst_that_arrives_slower_does_not_lower_it),
        cmocka_unit_test(a_burst_is_no_faster_than_a_round_trip_allows),
        cmocka_unit_test(a_small_burst_says_nothing),
        cmocka_unit_test(without_a_rate_a_burst_makes_none),
        cmocka_unit_test(a_burst_may_be_followed_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
