/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Streams: resets, stops, urgency and limits, which are the same on both bindings. */
#include "tests/sim/prologue.h"

enum { WAIT_S = 60 };

static const enum quic_protocol protocols[] = {QUIC_PROTOCOL_RAW, QUIC_PROTOCOL_WEBTRANSPORT};

static void start(struct pair *pair, size_t protocol)
{
    const struct pair_setup setup = {
        .seed = 21, .protocol = protocols[protocol], .link = {.delay_ns = 20 * NS_PER_MS}};
    pair_init(pair, &setup);
}

static struct flow *server_flow(struct pair *pair)
{
    assert_false(list_is_empty(&pair->server.flows));
    return container_of(pair->server.flows.next, struct flow, link);
}

static void the_server_sees_path_name_and_protocol(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, i);
        pair_connect(&pair);

        assert_int_equal(quic_conn_protocol(pair.server.conn), protocols[i]);
        assert_string_equal(quic_conn_path(pair.server.conn), i == 0 ? "" : "/demo/bbb?x=y");
        assert_string_equal(quic_conn_server_name(pair.server.conn), "localhost");
        assert_memory_equal(quic_conn_remote(pair.server.conn),
                            sim_address(pair.sim, pair.client_node), sizeof(struct sockaddr_in));
        pair_deinit(&pair);
    }
}

static void a_server_opens_streams_of_both_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, i);
        pair_connect(&pair);

        peer_send(&pair.server, pair.server.conn, false, 1000);
        peer_send(&pair.server, pair.server.conn, true, 1000);
        sim_run(pair.sim, NS_PER_S);

        assert_int_equal(pair.client.streams, 2);
        list_for_each (node, &pair.client.flows) {
            assert_true(flow_has_pattern(container_of(node, struct flow, link), 1000));
        }
        pair_deinit(&pair);
    }
}

static void a_reset_arrives_with_its_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, i);
        pair_connect(&pair);
        struct flow *flow = peer_open(&pair.client, pair.client.conn, true);
        flow_add(flow, "abc", 3, false);
        sim_run(pair.sim, NS_PER_S);

        quic_stream_reset(flow->stream, 467);
        sim_run(pair.sim, NS_PER_S);

        assert_true(server_flow(&pair)->is_reset);
        assert_int_equal(server_flow(&pair)->reset_code, 467);
        pair_deinit(&pair);
    }
}

static void a_stop_arrives_with_its_code_also_when_nothing_is_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, i);
        pair_connect(&pair);
        struct flow *flow = peer_open(&pair.client, pair.client.conn, true);
        flow_add(flow, "abc", 3, false);
        sim_run(pair.sim, NS_PER_S);

        quic_stream_stop(server_flow(&pair)->stream, 13);
        sim_run(pair.sim, NS_PER_S);

        assert_true(flow->is_stopped);
        assert_int_equal(flow->stop_code, 13);
        pair_deinit(&pair);
    }
}

/* Some peers close the whole session if a stream is reset before its header has arrived. */
static void an_early_reset_waits_for_the_header(void **state)
{
    (void)state;
    struct pair pair;
    start(&pair, 1);
    pair_connect(&pair);
    struct flow *flow = peer_open(&pair.client, pair.client.conn, false);

    quic_stream_reset(flow->stream, 5);
    sim_run(pair.sim, 15 * NS_PER_MS);
    assert_non_null(flow->stream);
    sim_run(pair.sim, NS_PER_S);

    assert_int_equal(pair.server.streams, 1);
    assert_null(flow->stream);
    assert_int_equal(pair.server.closed, 0);
    pair_deinit(&pair);
}

static void an_early_reset_survives_loss_of_the_header(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct pair pair;
        const struct pair_setup setup = {.seed = seed,
                                         .protocol = QUIC_PROTOCOL_WEBTRANSPORT,
                                         .link = {.delay_ns = 20 * NS_PER_MS}};
        pair_init(&pair, &setup);
        pair_connect(&pair);
        sim_set_link(pair.sim, &(struct sim_link){.delay_ns = 20 * NS_PER_MS, .loss_percent = 40});

        for (int i = 0; i < 20; i++) {
            struct flow *flow = peer_open(&pair.client, pair.client.conn, false);
            flow_add(flow, "x", 1, false);
            sim_run(pair.sim, 2 * NS_PER_MS);
            quic_stream_reset(flow->stream, 7);
        }
        sim_run(pair.sim, WAIT_S * NS_PER_S);

        assert_int_equal(pair.server.streams, 20); /* each header came before its reset */
        assert_int_equal(pair.server.closed, 0);
        pair_deinit(&pair);
    }
}

/* A group that has expired is not sent again, even if only its last packets were lost. */
static void a_reset_also_cuts_what_was_written_to_its_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, i);
        pair_connect(&pair);
        struct flow *flow = peer_open(&pair.client, pair.client.conn, false);
        flow_add(flow, "head", 4, false);
        sim_run(pair.sim, NS_PER_S);
        sim_set_link(pair.sim, &(struct sim_link){.loss_percent = 100});
        flow_add(flow, "tail", 4, true);
        sim_run(pair.sim, NS_PER_MS);
        assert_true(flow->is_end_sent);

        quic_stream_reset(flow->stream, 9);
        sim_set_link(pair.sim, &(struct sim_link){.delay_ns = NS_PER_MS});
        sim_run(pair.sim, 5 * NS_PER_S);

        assert_true(flow->stream == NULL);
        assert_int_equal(pair.server.received, 4);
        pair_deinit(&pair);
    }
}

static void an_unwanted_stream_is_reset_and_stopped(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, i);
        pair_connect(&pair);
        pair.server.is_stream_refused = true;

        struct flow *flow = peer_send(&pair.client, pair.client.conn, true, 200000);
        sim_run(pair.sim, NS_PER_S);

        assert_true(flow->is_stopped);
        assert_int_equal(flow->stop_code, -MOQ_ERR_BOUNDS);
        assert_true(flow->is_reset);
        assert_int_equal(flow->reset_code, -MOQ_ERR_BOUNDS);
        assert_null(flow->stream);
        pair_deinit(&pair);
    }
}

/* Discarded bytes return their flow control credit: otherwise the peer would be blocked forever. */
static void unwanted_bytes_do_not_eat_the_connections_window(void **state)
{
    (void)state;
    struct pair pair;
    start(&pair, 1);
    pair_connect(&pair);
    pair.server.is_stream_refused = true;
    for (int i = 0; i < 40; i++) {
        struct flow *flow = peer_send(&pair.client, pair.client.conn, false, 1 << 20);
        assert_non_null(flow);
        sim_run(pair.sim, NS_PER_S);
        assert_null(flow->stream);
    }
    pair.server.is_stream_refused = false;

    struct flow *flow = peer_send(&pair.client, pair.client.conn, true, 1 << 20);
    sim_run(pair.sim, WAIT_S * NS_PER_S);

    assert_true(flow_has_pattern(flow, 1 << 20));
    pair_deinit(&pair);
}

static void more_streams_than_allowed_come_one_after_another(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, i);
        pair.server_config.limits.streams_uni = 10;
        pair_connect(&pair);
        int opened = 0;
        while (peer_send(&pair.client, pair.client.conn, false, 100))
            opened++;
        assert_in_range(opened, 5, 10);
        int before = pair.client.credits;

        sim_run(pair.sim, NS_PER_S);

        assert_true(pair.client.credits > before);
        assert_non_null(peer_send(&pair.client, pair.client.conn, false, 100));
        sim_run(pair.sim, NS_PER_S);
        assert_int_equal(pair.server.streams, opened + 1);
        pair_deinit(&pair);
    }
}

static void the_more_urgent_stream_arrives_first(void **state)
{
    (void)state;
    struct pair pair;
    const struct pair_setup setup = {
        .seed = 3,
        .protocol = QUIC_PROTOCOL_RAW,
        .link = {.delay_ns = 20 * NS_PER_MS, .bandwidth_bps = 5000000}};
    pair_init(&pair, &setup);
    pair_connect(&pair);
    struct flow *low = peer_send(&pair.client, pair.client.conn, true, 500000);
    struct flow *high = peer_send(&pair.client, pair.client.conn, true, 500000);
    quic_stream_set_urgency(low->stream, 1);
    quic_stream_set_urgency(high->stream, 2);

    while (pair.server.received < 490000)
        sim_run(pair.sim, NS_PER_MS);

    assert_int_equal(pair.server.streams, 1);
    while (!high->is_end || !low->is_end)
        sim_run(pair.sim, 10 * NS_PER_MS);
    assert_true(flow_has_pattern(high, 500000) && flow_has_pattern(low, 500000));
    pair_deinit(&pair);
}

static void equal_streams_take_turns(void **state)
{
    (void)state;
    struct pair pair;
    const struct pair_setup setup = {
        .seed = 3,
        .protocol = QUIC_PROTOCOL_RAW,
        .link = {.delay_ns = 20 * NS_PER_MS, .bandwidth_bps = 5000000}};
    pair_init(&pair, &setup);
    pair_connect(&pair);
    struct flow *a = peer_send(&pair.client, pair.client.conn, true, 500000);
    struct flow *b = peer_send(&pair.client, pair.client.conn, true, 500000);

    while (!a->is_end && !b->is_end)
        sim_run(pair.sim, 10 * NS_PER_MS);

    assert_true(a->received.size > 400000 && b->received.size > 400000);
    pair_deinit(&pair);
}

static void small_streams_share_packets(void **state)
{
    (void)state;
    struct pair pair;
    start(&pair, 0);
    pair_connect(&pair);
    sim_run(pair.sim, 3 * NS_PER_S);
    struct quic_conn_stats before, after;
    quic_conn_stats(pair.client.conn, &before);

    for (int i = 0; i < 20; i++)
        peer_send(&pair.client, pair.client.conn, false, 20);
    sim_run(pair.sim, 30 * NS_PER_MS);

    quic_conn_stats(pair.client.conn, &after);
    assert_int_equal(pair.server.streams, 20);
    assert_in_range(after.packets_sent - before.packets_sent, 1, 2);
    pair_deinit(&pair);
}

static void a_stream_that_waits_for_the_window_goes_on(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, i);
        pair_connect(&pair);

        pair_echo(&pair, 8 << 20); /* above the stream's window, and half of the connection's */

        pair_deinit(&pair);
    }
}

struct planner { /* wants a turn some time after each write */
    struct peer peer;
    struct pair *pair;
    uint64_t due_ns, turned_ns;
};

static void send_and_plan(struct quic_stream *stream, size_t n, bool is_end)
{
    struct flow *flow = quic_stream_user(stream);
    struct planner *planner = container_of(flow->peer, struct planner, peer);
    peer_app.on_sent(stream, n, is_end);
    planner->due_ns = sim_clock(planner->pair->sim)->now_ns + 5 * NS_PER_MS;
}

static uint64_t planned_ns(void *user)
{
    return container_of((struct peer *)user, struct planner, peer)->due_ns;
}

static uint64_t carry_out_plan(void *self)
{
    struct planner *planner = self;
    uint64_t now_ns = sim_clock(planner->pair->sim)->now_ns;
    if (now_ns < planner->due_ns)
        return CLOCK_NEVER;
    planner->turned_ns = now_ns;
    planner->due_ns = CLOCK_NEVER;
    return CLOCK_NEVER;
}

static void a_turn_that_is_asked_for_in_the_flush_comes_in_time(void **state)
{
    (void)state;
    struct quic_app app = peer_app;
    app.on_sent = send_and_plan;
    app.due_ns = planned_ns;
    struct pair pair;
    start(&pair, 0);
    struct planner planner = {.pair = &pair, .due_ns = CLOCK_NEVER};
    peer_init(&planner.peer, false);
    pair.client_config.app = &app;
    pair.client_config.user = &planner.peer;
    pair_connect(&pair);
    sim_on_turn(pair.sim, pair.client_node, carry_out_plan, &planner);

    uint64_t now_ns = sim_clock(pair.sim)->now_ns;
    peer_send(&planner.peer, pair.client.conn, false, 100);
    sim_run(pair.sim, NS_PER_S);

    assert_in_range(planner.turned_ns - now_ns, 5 * NS_PER_MS, 5 * NS_PER_MS + 10 * NS_PER_US);
    peer_deinit(&planner.peer);
    pair_deinit(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_server_sees_path_name_and_protocol),
        cmocka_unit_test(a_server_opens_streams_of_both_kinds),
        cmocka_unit_test(a_reset_arrives_with_its_code),
        cmocka_unit_test(a_stop_arrives_with_its_code_also_when_nothing_is_written),
        cmocka_unit_test(an_early_reset_waits_for_the_header),
        cmocka_unit_test(an_early_reset_survives_loss_of_the_header),
        cmocka_unit_test(a_reset_also_cuts_what_was_written_to_its_end),
        cmocka_unit_test(an_unwanted_stream_is_reset_and_stopped),
        cmocka_unit_test(unwanted_bytes_do_not_eat_the_connections_window),
        cmocka_unit_test(more_streams_than_allowed_come_one_after_another),
        cmocka_unit_test(the_more_urgent_stream_arrives_first),
        cmocka_unit_test(equal_streams_take_turns),
        cmocka_unit_test(small_streams_share_packets),
        cmocka_unit_test(a_stream_that_waits_for_the_window_goes_on),
        cmocka_unit_test(a_turn_that_is_asked_for_in_the_flush_comes_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
