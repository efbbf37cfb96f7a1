/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How sessions and connections end, and what each side is told. */
#include "tests/sim/prologue.h"

enum { WAIT_S = 60 };

static const enum quic_protocol protocols[] = {QUIC_PROTOCOL_RAW, QUIC_PROTOCOL_WEBTRANSPORT};
static const struct sim_link slow = {.delay_ns = 20 * NS_PER_MS};

static void start(struct pair *pair, enum quic_protocol protocol)
{
    const struct pair_setup setup = {.seed = 11, .protocol = protocol, .link = slow};
    pair_init(pair, &setup);
}

static void a_clients_close_arrives_with_code_and_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, protocols[i]);
        pair_connect(&pair);

        quic_conn_close(pair.client.conn, 420, "that is all");

        assert_int_equal(pair.client.closed, 0); /* never inside the call */
        assert_true(sim_run_until(pair.sim, pair_is_over, &pair, WAIT_S * NS_PER_S));
        assert_int_equal(pair.server.last_close.error, 0);
        assert_int_equal(pair.server.last_close.code, 420);
        assert_true(pair.server.last_close.is_remote);
        assert_string_equal(pair.server.reason, "that is all");
        assert_int_equal(pair.client.last_close.error, 0);
        assert_int_equal(pair.client.last_close.code, 420);
        assert_false(pair.client.last_close.is_remote);
        pair_deinit(&pair);
    }
}

static void a_servers_close_arrives_over_a_bad_network(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, protocols[i]);
        pair_connect(&pair);
        sim_set_link(pair.sim, &(struct sim_link){.delay_ns = 20 * NS_PER_MS, .loss_percent = 20});

        quic_conn_close(pair.server.conn, 30, "moved");

        assert_true(sim_run_until(pair.sim, pair_is_over, &pair, WAIT_S * NS_PER_S));
        assert_int_equal(pair.client.last_close.code, 30);
        assert_true(pair.client.last_close.is_remote);
        pair_deinit(&pair);
    }
}

static void open_streams_are_closed_before_the_connection(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, protocols[i]);
        pair_connect(&pair);
        struct flow *flow = peer_open(&pair.client, pair.client.conn, true);
        flow_add(flow, "hello", 5, false);
        sim_run(pair.sim, NS_PER_S);
        assert_int_equal(flow->received.size, 5);

        quic_conn_close(pair.client.conn, 0, "");

        assert_true(sim_run_until(pair.sim, pair_is_over, &pair, WAIT_S * NS_PER_S));
        assert_null(flow->stream);
        assert_true(list_is_empty(&pair.server.flows));
        pair_deinit(&pair);
    }
}

static void both_may_close_at_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, protocols[i]);
        pair_connect(&pair);

        quic_conn_close(pair.client.conn, 1, "client");
        quic_conn_close(pair.server.conn, 2, "server");

        assert_true(sim_run_until(pair.sim, pair_is_over, &pair, WAIT_S * NS_PER_S));
        sim_run(pair.sim, WAIT_S * NS_PER_S);
        assert_int_equal(pair.client.closed, 1);
        assert_int_equal(pair.server.closed, 1);
        pair_deinit(&pair);
    }
}

static void a_close_before_the_handshake_is_done_ends_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, protocols[i]);
        pair_start(&pair);
        struct quic_conn *conn = pair_dial(&pair);
        sim_run(pair.sim, 30 * NS_PER_MS);

        quic_conn_close(conn, 3, "changed my mind");

        assert_true(sim_run_until(pair.sim, peer_is_closed, &pair.client, WAIT_S * NS_PER_S));
        assert_int_equal(pair.client.connected, 0);
        sim_run(pair.sim, WAIT_S * NS_PER_S);
        assert_int_equal(pair_server_stats(&pair).connections, 0);
        assert_int_equal(pair_server_stats(&pair).half_open, 0);
        pair_deinit(&pair);
    }
}

static void a_session_that_is_not_accepted_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, protocols[i]);
        pair.server.accept_error = MOQ_ERR_NOT_FOUND;
        pair_start(&pair);
        pair_dial(&pair);

        assert_true(sim_run_until(pair.sim, peer_is_closed, &pair.client, WAIT_S * NS_PER_S));

        assert_true(pair.client.last_close.is_remote);
        if (protocols[i] == QUIC_PROTOCOL_WEBTRANSPORT) {
            assert_int_equal(pair.client.connected, 0);
            assert_int_equal(pair.client.last_close.error, MOQ_ERR_REFUSED);
            assert_string_equal(pair.client.reason, "the server answered with status 404");
        } else {
            assert_int_equal(pair.client.last_close.code, -MOQ_ERR_NOT_FOUND);
        }
        sim_run(pair.sim, WAIT_S * NS_PER_S);
        assert_int_equal(pair_server_stats(&pair).connections, 0);
        pair_deinit(&pair);
    }
}

static void a_refused_client_hears_why(void **state)
{
    static const struct {
        int error;
        const char *words, *heard;
    } cases[] = {
        {MOQ_ERR_UNAUTHORIZED, "no token", "the server answered with status 401: no token"},
        {MOQ_ERR_REFUSED, "not today\n", "the server answered with status 403: not today?"},
        {MOQ_ERR_NOT_FOUND, "no such room", "the server answered with status 404: no such room"},
        {MOQ_ERR_BOUNDS, "full", "the server answered with status 503: full"},
    };
    (void)state;
    for (size_t i = 0; i < 8; i++) {
        struct pair pair;
        start(&pair, protocols[i % 2]);
        pair.server.accept_error = cases[i / 2].error;
        pair.server.refusal = cases[i / 2].words;
        pair_start(&pair);
        pair_dial(&pair);
        assert_true(sim_run_until(pair.sim, peer_is_closed, &pair.client, WAIT_S * NS_PER_S));
        const struct quic_close *close = &pair.client.last_close;
        bool is_raw = protocols[i % 2] == QUIC_PROTOCOL_RAW;
        assert_string_equal(pair.client.reason, is_raw ? cases[i / 2].words : cases[i / 2].heard);
        if (is_raw)
            assert_int_equal(close->code, -cases[i / 2].error);
        else
            assert_int_equal(close->error, i / 2 == 0 ? MOQ_ERR_UNAUTHORIZED : MOQ_ERR_REFUSED);
        pair_deinit(&pair);
    }
}

/* They have no effect. */
static void words_of_a_refusal_that_does_not_come_are_forgotten(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, protocols[i]);
        pair.server.refusal = "never said";
        pair_connect(&pair);
        quic_conn_close(pair.server.conn, 7, "farewell");
        assert_true(sim_run_until(pair.sim, peer_is_closed, &pair.client, WAIT_S * NS_PER_S));
        assert_string_equal(pair.client.reason, "farewell");
        pair_deinit(&pair);
    }
}

static void silence_ends_a_connection_on_both_sides(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, protocols[i]);
        pair.server_config.limits.idle_ns = pair.client_config.limits.idle_ns = 5 * NS_PER_S;
        pair_connect(&pair);
        uint64_t start_ns = sim_clock(pair.sim)->now_ns;
        sim_set_link(pair.sim, &(struct sim_link){.loss_percent = 100});

        assert_true(sim_run_until(pair.sim, pair_is_over, &pair, WAIT_S * NS_PER_S));

        assert_int_equal(pair.client.last_close.error, MOQ_ERR_TIMEOUT);
        assert_int_equal(pair.server.last_close.error, MOQ_ERR_TIMEOUT);
        assert_true(sim_clock(pair.sim)->now_ns - start_ns < 12 * NS_PER_S);
        pair_deinit(&pair);
    }
}

static void keep_alive_keeps_an_idle_connection(void **state)
{
    (void)state;
    struct pair pair;
    start(&pair, QUIC_PROTOCOL_WEBTRANSPORT);
    pair.server_config.limits.idle_ns = pair.client_config.limits.idle_ns = 5 * NS_PER_S;
    pair_connect(&pair);

    sim_run(pair.sim, 3600 * NS_PER_S);

    assert_int_equal(pair.client.closed, 0);
    pair_echo(&pair, 1000);
    pair_deinit(&pair);
}

/* Their PINGs are sent in turns at common times, and so are the answers to ngtcp2's own packets. */
/* What one relay needs of another: the death of its link shows within seconds, at both ends. */
static void a_client_may_be_less_patient_than_its_endpoint(void **state)
{
    (void)state;
    struct pair pair;
    start(&pair, QUIC_PROTOCOL_WEBTRANSPORT);
    pair.idle_ns = 3 * NS_PER_S / 2;
    pair.keep_alive_ns = NS_PER_S / 2;
    pair_connect(&pair);
    sim_run(pair.sim, 60 * NS_PER_S); /* it is kept alive by its own PINGs */
    assert_false(pair_is_over(&pair));

    sim_set_link(pair.sim, &(struct sim_link){.loss_percent = 100});

    sim_run(pair.sim, 5 * NS_PER_S / 2);
    assert_true(pair_is_over(&pair));
    pair_deinit(&pair);
}

static void idle_connections_are_kept_together(void **state)
{
    (void)state;
    enum { CONNECTIONS = 60, SECONDS = 20, TURNS_MOST = 2 * SECONDS * 4, STEPS_PER_S = 100 };
    struct pair pair;
    start(&pair, QUIC_PROTOCOL_RAW);
    pair_start(&pair);
    for (int i = 0; i < CONNECTIONS; i++) {
        pair_dial(&pair);
        sim_run(pair.sim, 70 * NS_PER_MS);
    }
    sim_run(pair.sim, 30 * NS_PER_S);

    struct quic_endpoint_stats before = pair_server_stats(&pair), now = before;
    int turns = 0;
    for (int step = 0; step < SECONDS * STEPS_PER_S; step++) {
        uint64_t sent = now.packets_sent;
        sim_run(pair.sim, NS_PER_S / STEPS_PER_S);
        now = pair_server_stats(&pair);
        turns += now.packets_sent > sent;
    }
    assert_in_range(turns, 1, TURNS_MOST);
    assert_true(now.packets_sent - before.packets_sent >= CONNECTIONS * SECONDS / 4);
    assert_int_equal(pair.client.closed, 0);
    pair_deinit(&pair);
}

static void a_server_that_never_answers_is_given_up(void **state)
{
    (void)state;
    struct pair pair;
    start(&pair, QUIC_PROTOCOL_RAW);
    pair_start(&pair);
    sim_set_link(pair.sim, &(struct sim_link){.loss_percent = 100});
    pair_dial(&pair);

    assert_true(sim_run_until(pair.sim, peer_is_closed, &pair.client, WAIT_S * NS_PER_S));

    assert_int_equal(pair.client.last_close.error, MOQ_ERR_TIMEOUT);
    pair_deinit(&pair);
}

static void a_shut_down_closes_all_and_refuses_new_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, protocols[i]);
        pair_connect(&pair);

        quic_endpoint_shut_down(sim_endpoint(pair.sim, pair.server_node), 64, "restart");

        assert_true(sim_run_until(pair.sim, pair_is_over, &pair, WAIT_S * NS_PER_S));
        assert_int_equal(pair.client.last_close.code, 64);
        pair.client.closed = 0;
        pair_dial(&pair);
        assert_true(sim_run_until(pair.sim, peer_is_closed, &pair.client, WAIT_S * NS_PER_S));
        assert_int_equal(pair.client.last_close.error, MOQ_ERR_REFUSED);
        pair_deinit(&pair);
    }
}

static void a_closed_connection_answers_late_packets_and_is_forgotten(void **state)
{
    (void)state;
    struct pair pair;
    start(&pair, QUIC_PROTOCOL_RAW);
    pair_connect(&pair);
    quic_conn_close(pair.server.conn, 1, "");
    sim_run(pair.sim, 10 * NS_PER_MS);
    assert_int_equal(pair.server.closed, 1);
    assert_int_equal(object_count(OBJECT_conn), 2);

    sim_run(pair.sim, 10 * NS_PER_S);

    assert_int_equal(object_count(OBJECT_conn), 0);
    pair_deinit(&pair);
}

static void freeing_an_endpoint_tells_the_application(void **state)
{
    (void)state;
    struct pair pair;
    start(&pair, QUIC_PROTOCOL_WEBTRANSPORT);
    pair_connect(&pair);
    struct flow *flow = peer_send(&pair.client, pair.client.conn, true, 100000);

    sim_remove_endpoint(pair.sim, pair.client_node);

    assert_int_equal(pair.client.closed, 1);
    assert_null(flow->stream);
    pair_deinit(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clients_close_arrives_with_code_and_reason),
        cmocka_unit_test(a_servers_close_arrives_over_a_bad_network),
        cmocka_unit_test(open_streams_are_closed_before_the_connection),
        cmocka_unit_test(both_may_close_at_once),
        cmocka_unit_test(a_close_before_the_handshake_is_done_ends_it),
        cmocka_unit_test(a_session_that_is_not_accepted_is_refused),
        cmocka_unit_test(a_refused_client_hears_why),
        cmocka_unit_test(words_of_a_refusal_that_does_not_come_are_forgotten),
        cmocka_unit_test(silence_ends_a_connection_on_both_sides),
        cmocka_unit_test(keep_alive_keeps_an_idle_connection),
        cmocka_unit_test(a_client_may_be_less_patient_than_its_endpoint),
        cmocka_unit_test(idle_connections_are_kept_together),
        cmocka_unit_test(a_server_that_never_answers_is_given_up),
        cmocka_unit_test(a_shut_down_closes_all_and_refuses_new_ones),
        cmocka_unit_test(a_closed_connection_answers_late_packets_and_is_forgotten),
        cmocka_unit_test(freeing_an_endpoint_tells_the_application),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
