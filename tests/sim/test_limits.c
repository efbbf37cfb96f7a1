/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Nothing grows without a limit: thousands of connections, too many of them, streams that arrive
 * too early. */
#include "tests/sim/prologue.h"

#include <malloc.h>
#include <string.h>

#include "quic/conn.h"
#include "quic/endpoint.h"

enum { WAIT_S = 60 };

static const enum quic_protocol protocols[] = {QUIC_PROTOCOL_RAW, QUIC_PROTOCOL_WEBTRANSPORT};

static void start(struct pair *pair, size_t protocol)
{
    const struct pair_setup setup = {
        .seed = 71, .protocol = protocols[protocol], .link = {.delay_ns = NS_PER_MS}};
    pair_init(pair, &setup);
}

static void come_and_go(struct pair *pair, bool is_client_first)
{
    pair->client.connected = pair->client.closed = 0;
    pair->server.connected = pair->server.closed = 0;
    assert_non_null(pair_dial(pair));
    assert_true(sim_run_until(pair->sim, peer_is_connected, &pair->client, WAIT_S * NS_PER_S));
    peer_send(&pair->client, pair->client.conn, true, 300);
    assert_true(sim_run_until(pair->sim, peer_flows_are_echoed, &pair->client, WAIT_S * NS_PER_S));

    quic_conn_close(is_client_first ? pair->client.conn : pair->server.conn, 0, "");
    assert_true(sim_run_until(pair->sim, pair_is_over, pair, WAIT_S * NS_PER_S));
    peer_deinit(&pair->client);
}

static void two_thousand_connections_leave_nothing(void **state)
{
    (void)state;
    struct pair pair;
    start(&pair, 0);
    pair_start(&pair);
    for (int i = 0; i < 100; i++)
        come_and_go(&pair, i % 2);
    sim_run(pair.sim, WAIT_S * NS_PER_S);
    struct mallinfo2 before = mallinfo2();

    for (int i = 0; i < 2000; i++) {
        pair.protocol = protocols[i / 2 % 2];
        come_and_go(&pair, i % 2);
    }
    sim_run(pair.sim, WAIT_S * NS_PER_S);

    assert_int_equal(object_count(OBJECT_conn), 0);
    assert_int_equal(object_count(OBJECT_quic_stream), 0);
    assert_int_equal(pair_server_stats(&pair).connections, 0);
    assert_int_equal(pair_server_stats(&pair).half_open, 0);
    struct mallinfo2 after = mallinfo2();
    /* The tables of routes and deadlines may have grown, but not by more than this. */
    assert_true(after.uordblks < before.uordblks + 64 * 1024);
    pair_deinit(&pair);
}

static void more_connections_than_allowed_are_refused(void **state)
{
    (void)state;
    struct pair pair;
    start(&pair, 1);
    pair.server_config.limits.connections = 3;
    pair_start(&pair);
    for (int i = 0; i < 5; i++)
        pair_dial(&pair);

    sim_run(pair.sim, 5 * NS_PER_S);

    assert_int_equal(pair.client.connected, 3);
    assert_int_equal(pair.client.closed, 2);
    assert_int_equal(pair.client.last_close.error, MOQ_ERR_REFUSED);
    assert_true(pair_server_stats(&pair).refused >= 2);
    pair_deinit(&pair);
}

static void handshakes_that_stop_half_way_are_forgotten(void **state)
{
    (void)state;
    struct pair pair;
    start(&pair, 1);
    pair_start(&pair);
    for (int i = 0; i < 50; i++)
        pair_dial(&pair);
    sim_run(pair.sim, 1500 * NS_PER_US);
    assert_int_equal(pair_server_stats(&pair).half_open, 50);
    sim_remove_endpoint(pair.sim, pair.client_node);

    sim_run(pair.sim, 11 * NS_PER_S);

    assert_int_equal(pair_server_stats(&pair).half_open, 0);
    assert_int_equal(pair_server_stats(&pair).connections, 0);
    assert_int_equal(pair_server_stats(&pair).handshakes_timed_out, 50);
    pair_deinit(&pair);
}

static bool lose_all(void *self, const uint8_t *data, size_t n)
{
    (void)self, (void)data, (void)n;
    return true;
}

static bool handshakes_are_done(void *self)
{
    struct pair *pair = self;
    struct quic_endpoint_stats stats = pair_server_stats(pair);
    return stats.connections == 1 && stats.half_open == 0;
}

/* The handshake of QUIC is complete, but the request for a session never comes. */
static void a_session_that_is_never_asked_for_is_given_up(void **state)
{
    (void)state;
    struct pair pair;
    start(&pair, 1);
    pair_start(&pair);
    pair_dial(&pair);
    assert_true(sim_run_until(pair.sim, handshakes_are_done, &pair, WAIT_S * NS_PER_S));
    struct quic_conn *conn =
        container_of(sim_endpoint(pair.sim, pair.server_node)->conns.next, struct quic_conn, link);
    assert_int_equal(conn->state, CONN_HANDSHAKE);
    sim_on_packet(pair.sim, pair.client_node, lose_all, NULL);

    sim_run(pair.sim, 11 * NS_PER_S);

    assert_int_equal(pair_server_stats(&pair).connections, 0);
    pair_deinit(&pair);
}

static uint64_t greet(void *self)
{
    struct pair *pair = self;
    if (pair->server.conn)
        while (pair->server.streams < 12) {
            peer_send(&pair->server, pair->server.conn, pair->server.streams % 2, 200);
            pair->server.streams++;
        }
    return CLOCK_NEVER;
}

/* The server's streams overtake its answer to the request. */
static void early_streams_wait_for_the_session(void **state)
{
    (void)state;
    int parked = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct pair pair;
        const struct pair_setup setup = {
            .seed = seed,
            .protocol = QUIC_PROTOCOL_WEBTRANSPORT,
            .link = {.delay_ns = 20 * NS_PER_MS, .jitter_ns = 20 * NS_PER_MS, .loss_percent = 30}};
        pair_init(&pair, &setup);
        pair_start(&pair);
        sim_on_turn(pair.sim, pair.server_node, greet, &pair);
        struct quic_conn *conn = pair_dial(&pair);
        bool has_parked = false;
        for (int i = 0; i < 5000 && pair.client.streams < 12; i++) {
            sim_run(pair.sim, NS_PER_MS);
            has_parked = has_parked || (pair.client.closed == 0 && conn->parked_bytes > 0);
        }
        parked += has_parked;
        sim_run(pair.sim, 20 * NS_PER_S);

        assert_int_equal(pair.client.streams, 12);
        list_for_each (node, &pair.client.flows) {
            assert_true(flow_has_pattern(container_of(node, struct flow, link), 200));
        }
        pair_deinit(&pair);
    }
    assert_true(parked > 0);
}

static void open_and_reset(struct pair *pair, int count)
{
    struct flow *flow;
    while (count-- > 0 && (flow = peer_open(&pair->client, pair->client.conn, false))) {
        flow_add(flow, "x", 1, false);
        quic_stream_reset(flow->stream, 0);
    }
}

static void opening_and_resetting_without_end_ends_the_connection(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, i);
        pair_connect(&pair);
        for (int round = 0; round < 2000 && pair.client.conn; round++) {
            open_and_reset(&pair, 50);
            sim_run(pair.sim, 5 * NS_PER_MS);
        }

        assert_int_equal(pair.server.closed, 1);
        assert_int_equal(pair.server.last_close.error, MOQ_ERR_BOUNDS);
        pair_deinit(&pair);
    }
}

static void connection_ids_lead_to_the_worker_that_issued_them(void **state)
{
    (void)state;
    for (uint8_t workers = 1; workers <= 7; workers++) {
        struct pair pair;
        start(&pair, 0);
        pair.server_config.workers = workers;
        pair.server_config.worker = (uint8_t)(workers - 1);
        pair_start(&pair);
        for (int i = 0; i < 200; i++) {
            ngtcp2_cid cid;
            endpoint_new_cid(sim_endpoint(pair.sim, pair.server_node), &cid);
            assert_int_equal(cid.data[0] % workers, workers - 1);
        }
        pair_deinit(&pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_thousand_connections_leave_nothing),
        cmocka_unit_test(more_connections_than_allowed_are_refused),
        cmocka_unit_test(handshakes_that_stop_half_way_are_forgotten),
        cmocka_unit_test(a_session_that_is_never_asked_for_is_given_up),
        cmocka_unit_test(early_streams_wait_for_the_session),
        cmocka_unit_test(opening_and_resetting_without_end_ends_the_connection),
        cmocka_unit_test(connection_ids_lead_to_the_worker_that_issued_them),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
