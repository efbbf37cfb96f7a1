/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Addresses that change or have to be validated, and what follows the handshake: key updates,
 * larger packets, ECN. */
#include "tests/sim/prologue.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "quic/conn.h"
#include "quic/endpoint.h"

enum { WAIT_S = 60 };

static const enum quic_protocol protocols[] = {QUIC_PROTOCOL_RAW, QUIC_PROTOCOL_WEBTRANSPORT};

static void start(struct pair *pair, size_t protocol)
{
    const struct pair_setup setup = {
        .seed = 51, .protocol = protocols[protocol], .link = {.delay_ns = 20 * NS_PER_MS}};
    pair_init(pair, &setup);
}

static void a_session_survives_a_new_port_of_the_client(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, i);
        pair_connect(&pair);
        pair_echo(&pair, 10000);

        for (int rebinds = 0; rebinds < 5; rebinds++) {
            sim_rebind(pair.sim, pair.client_node);
            pair_echo(&pair, 10000);
            sim_run(pair.sim, NS_PER_S);
        }

        assert_memory_equal(quic_conn_remote(pair.server.conn),
                            sim_address(pair.sim, pair.client_node), sizeof(struct sockaddr_in));
        assert_int_equal(pair.server.accepted, 1);
        pair_deinit(&pair);
    }
}

static void a_new_port_in_the_middle_of_a_transfer_loses_nothing(void **state)
{
    (void)state;
    struct pair pair;
    const struct pair_setup setup = {
        .seed = 52,
        .protocol = QUIC_PROTOCOL_WEBTRANSPORT,
        .link = {.delay_ns = 20 * NS_PER_MS, .bandwidth_bps = 10000000}};
    pair_init(&pair, &setup);
    pair_connect(&pair);
    struct flow *flow = peer_send(&pair.client, pair.client.conn, true, 1000000);
    sim_run(pair.sim, 300 * NS_PER_MS);

    sim_rebind(pair.sim, pair.client_node);

    assert_true(sim_run_until(pair.sim, peer_flows_are_echoed, &pair.client, WAIT_S * NS_PER_S));
    assert_true(flow_has_pattern(flow, 1000000));
    pair_deinit(&pair);
}

static void under_load_addresses_are_proved_by_retry(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, i);
        pair.server_config.limits.half_open_retry_at = 4;
        pair_start(&pair);
        for (int clients = 0; clients < 12; clients++)
            assert_non_null(pair_dial(&pair));

        sim_run(pair.sim, WAIT_S * NS_PER_S);

        assert_int_equal(pair.client.connected, 12);
        struct quic_endpoint_stats stats = pair_server_stats(&pair);
        assert_in_range(stats.retries, 8, 40);
        assert_int_equal(stats.half_open, 0);
        assert_int_equal(stats.connections, 12);
        pair_deinit(&pair);
    }
}

static void nobody_goes_around_retry(void **state)
{
    (void)state;
    struct pair pair;
    start(&pair, 0);
    pair.server_config.limits.half_open_retry_at = 1;
    pair_start(&pair);
    /* The handshake of the first connection stays open, because answers to it are lost. */
    struct quic_conn *first = pair_dial(&pair);
    sim_run(pair.sim, 30 * NS_PER_MS);
    assert_int_equal(pair_server_stats(&pair).half_open, 1);

    pair_dial(&pair);
    sim_run(pair.sim, 25 * NS_PER_MS);

    assert_int_equal(pair_server_stats(&pair).accepted, 1);
    assert_true(pair_server_stats(&pair).retries > 0);
    (void)first;
    pair_deinit(&pair);
}

static void check_key_updates(struct pair *pair)
{
    pair_echo(pair, 20000);
    for (int updates = 0; updates < 5; updates++) {
        sim_run(pair->sim, NS_PER_S);

        struct quic_conn *conn = updates % 2 ? pair->server.conn : pair->client.conn;
        assert_int_equal(ngtcp2_conn_initiate_key_update(conn->quic, sim_clock(pair->sim)->now_ns),
                         0);
        pair_echo(pair, 20000);
    }
}

static void keys_are_updated_without_a_seam(void **state)
{
    (void)state;
    struct pair pair;
    start(&pair, 0);
    pair_connect(&pair);
    check_key_updates(&pair);
    pair_deinit(&pair);
}

/* The server uses each kernel of aead_wide.h in turn; the client uses the usual one. */
static void packets_of_every_kernel_are_read_by_the_others(void **state)
{
    (void)state;
    for (int registers = WIDE_512; registers <= WIDE_128; registers++) {
        struct pair pair;
        start(&pair, 0);
        pair_start(&pair);
        struct quic_endpoint *server = sim_endpoint(pair.sim, pair.server_node);
        wide_free(&server->wide);
        server->wide = wide_new((enum wide_registers)registers);
        assert_non_null(pair_dial(&pair));
        assert_true(sim_run_until(pair.sim, peer_is_connected, &pair.client, WAIT_S * NS_PER_S));
        check_key_updates(&pair);
        pair_deinit(&pair);
    }
}

static void packets_grow_to_what_the_path_carries(void **state)
{
    (void)state;
    struct pair pair;
    start(&pair, 0);
    pair_connect(&pair);

    pair_echo(&pair, 1000000);
    sim_run(pair.sim, 5 * NS_PER_S);

    assert_int_equal(ngtcp2_conn_get_path_max_tx_udp_payload_size(pair.client.conn->quic),
                     PATH_MTU_LARGEST_BYTES);
    assert_int_equal(ngtcp2_conn_get_path_max_tx_udp_payload_size(pair.server.conn->quic),
                     PATH_MTU_LARGEST_BYTES);
    pair_deinit(&pair);
}

/* Otherwise a spoofed address could be used to send a flood of our answers to somebody else. */
static void an_unproved_address_gets_at_most_three_times_what_it_sent(void **state)
{
    (void)state;
    struct pair pair;
    start(&pair, 1);
    pair_start(&pair);
    pair_dial(&pair);
    struct sim_stats before, after;
    quic_endpoint_flush(sim_endpoint(pair.sim, pair.client_node));
    sim_stats(pair.sim, &before);
    sim_remove_endpoint(pair.sim, pair.client_node); /* it never answers */

    sim_run(pair.sim, WAIT_S * NS_PER_S);

    sim_stats(pair.sim, &after);
    assert_true(after.bytes - before.bytes <= 3 * before.bytes);
    assert_true(after.bytes > before.bytes);
    pair_deinit(&pair);
}

static size_t file_size(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    fseek(file, 0, SEEK_END);
    long n = ftell(file);
    fclose(file);
    return (size_t)n;
}

static void logs_of_keys_and_events_are_written_where_asked(void **state)
{
    (void)state;
    char directory[] = "/tmp/moq-quic-XXXXXX", keys[64], command[128];
    assert_non_null(mkdtemp(directory));
    snprintf(keys, sizeof keys, "%s/keys", directory);
    struct pair pair;
    start(&pair, 1);
    pair.client_config.qlog_directory = pair.server_config.qlog_directory = directory;
    pair.client_config.keylog_file = keys;
    pair_connect(&pair);
    pair_echo(&pair, 1000);
    pair_deinit(&pair);

    FILE *file = fopen(keys, "r");
    assert_non_null(file);
    char line[512];
    int lines = 0;
    while (fgets(line, sizeof line, file))
        lines += strstr(line, "TRAFFIC_SECRET") != NULL;
    fclose(file);
    assert_int_equal(lines, 4);
    snprintf(command, sizeof command, "%s", keys);
    assert_int_equal(unlink(command), 0);

    snprintf(command, sizeof command, "test $(ls %s/*.sqlog | wc -l) = 2 && rm -r %s", directory,
             directory);
    assert_int_equal(system(command), 0);
    assert_int_equal(file_size(keys), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_survives_a_new_port_of_the_client),
        cmocka_unit_test(a_new_port_in_the_middle_of_a_transfer_loses_nothing),
        cmocka_unit_test(under_load_addresses_are_proved_by_retry),
        cmocka_unit_test(nobody_goes_around_retry),
        cmocka_unit_test(keys_are_updated_without_a_seam),
        cmocka_unit_test(packets_of_every_kernel_are_read_by_the_others),
        cmocka_unit_test(packets_grow_to_what_the_path_carries),
        cmocka_unit_test(an_unproved_address_gets_at_most_three_times_what_it_sent),
        cmocka_unit_test(logs_of_keys_and_events_are_written_where_asked),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
