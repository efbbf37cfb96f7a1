/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Datagrams that belong to no connection, are forged, or are old: they cost little, get limited
 * answers, and harm nobody else. */
#include "tests/sim/prologue.h"

#include <stddef.h>
#include <string.h>

#include "quic/conn.h"
#include "quic/endpoint.h"
#include "quic/tls.h"

enum { WAIT_S = 60, KEPT_MAX = 64 };

static const enum quic_protocol protocols[] = {QUIC_PROTOCOL_RAW, QUIC_PROTOCOL_WEBTRANSPORT};

static void start(struct pair *pair, size_t protocol)
{
    const struct pair_setup setup = {
        .seed = 61, .protocol = protocols[protocol], .link = {.delay_ns = 20 * NS_PER_MS}};
    pair_init(pair, &setup);
}

struct recording { /* packets that an endpoint sent */
    size_t count;
    size_t sizes[KEPT_MAX];
    uint8_t packets[KEPT_MAX][SIM_PACKET_MAX_BYTES];
};

static bool record(void *self, const uint8_t *data, size_t n)
{
    struct recording *recording = self;
    if (recording->count == KEPT_MAX)
        return false;
    recording->sizes[recording->count] = n;
    memcpy(recording->packets[recording->count++], data, n);
    return false;
}

static void garbage_is_dropped(void **state)
{
    (void)state;
    struct pair pair;
    start(&pair, 1);
    pair_connect(&pair);
    for (int i = 0; i < 20000; i++) {
        uint8_t data[256];
        size_t n = sim_random(pair.sim) % sizeof data;
        for (size_t j = 0; j < n; j++)
            data[j] = (uint8_t)sim_random(pair.sim);
        sim_inject(pair.sim, pair.server_node, data, n);
        if (i % 1000 == 0)
            sim_run(pair.sim, NS_PER_MS);
    }
    sim_run(pair.sim, NS_PER_MS);

    struct quic_endpoint_stats stats = pair_server_stats(&pair);
    assert_int_equal(stats.connections, 1);
    assert_true(stats.datagrams_dropped > 10000);
    assert_in_range(stats.stateless_resets + stats.version_negotiations, 0, 300);
    pair_echo(&pair, 10000);
    pair_deinit(&pair);
}

/* Sends every packet of a session again, cut at every length and with every byte changed. */
static void broken_copies_of_real_packets_harm_nobody(void **state)
{
    (void)state;
    static struct recording recording;
    struct pair pair;
    start(&pair, 1);
    recording.count = 0;
    pair_start(&pair);
    sim_on_packet(pair.sim, pair.client_node, record, &recording);
    pair_dial(&pair);
    assert_true(sim_run_until(pair.sim, peer_is_connected, &pair.client, WAIT_S * NS_PER_S));
    pair_echo(&pair, 5000);
    for (size_t i = 0; i < recording.count; i++) {
        for (size_t n = 0; n < recording.sizes[i]; n += 7) {
            uint8_t byte = recording.packets[i][n];
            sim_inject(pair.sim, pair.server_node, recording.packets[i], n);
            recording.packets[i][n] ^= (uint8_t)(1 + sim_random(pair.sim) % 255);
            sim_inject(pair.sim, pair.server_node, recording.packets[i], recording.sizes[i]);
            recording.packets[i][n] = byte;
        }
        sim_run(pair.sim, NS_PER_MS);
    }

    pair_echo(&pair, 5000);
    assert_int_equal(pair.server.closed, 0);
    assert_int_equal(pair.client.closed, 0);
    sim_run(pair.sim, 2 * WAIT_S * NS_PER_S);
    assert_int_equal(pair_server_stats(&pair).connections, 1);
    pair_deinit(&pair);
}

static void a_recorded_session_played_again_opens_nothing_that_lasts(void **state)
{
    (void)state;
    static struct recording recording;
    struct pair pair;
    start(&pair, 0);
    recording.count = 0;
    pair_start(&pair);
    sim_on_packet(pair.sim, pair.client_node, record, &recording);
    pair_dial(&pair);
    assert_true(sim_run_until(pair.sim, peer_is_connected, &pair.client, WAIT_S * NS_PER_S));
    quic_conn_close(pair.client.conn, 0, "");
    sim_run(pair.sim, WAIT_S * NS_PER_S);

    for (size_t i = 0; i < recording.count; i++)
        sim_inject(pair.sim, pair.server_node, recording.packets[i], recording.sizes[i]);
    sim_run(pair.sim, 2 * WAIT_S * NS_PER_S);

    assert_int_equal(pair.server.accepted, 1);
    assert_int_equal(pair_server_stats(&pair).connections, 0);
    assert_int_equal(object_count(OBJECT_conn), 0);
    pair_deinit(&pair);
}

static void another_version_is_told_ours(void **state)
{
    (void)state;
    static struct recording recording;
    struct pair pair;
    start(&pair, 0);
    pair_start(&pair);
    recording.count = 0;
    sim_on_packet(pair.sim, pair.server_node, record, &recording);
    uint8_t packet[1200] = {0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 4, 9, 9, 9, 9};

    sim_inject(pair.sim, pair.server_node, packet, sizeof packet);
    sim_inject(pair.sim, pair.server_node, packet, sizeof packet - 1); /* too small to answer */
    sim_run(pair.sim, NS_PER_S);

    assert_int_equal(pair_server_stats(&pair).version_negotiations, 1);
    assert_int_equal(recording.count, 1);
    const uint8_t *answer = recording.packets[0];
    const uint8_t expected[] = {0, 0, 0, 0, 4, 9, 9, 9, 9, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 1};
    assert_true(answer[0] & 0x80);
    assert_int_equal(recording.sizes[0], 1 + sizeof expected);
    assert_memory_equal(answer + 1, expected, sizeof expected);
    pair_deinit(&pair);
}

static void a_flood_gets_a_bounded_number_of_answers(void **state)
{
    (void)state;
    struct pair pair;
    start(&pair, 0);
    pair_start(&pair);
    uint8_t packet[1200] = {0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 4, 9, 9, 9, 9};
    uint8_t unknown[100] = {0x40, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    for (int i = 0; i < 5000; i++) {
        sim_inject(pair.sim, pair.server_node, packet, sizeof packet);
        sim_inject(pair.sim, pair.server_node, unknown, sizeof unknown);
    }

    sim_run(pair.sim, NS_PER_MS);

    struct quic_endpoint_stats stats = pair_server_stats(&pair);
    assert_in_range(stats.version_negotiations + stats.stateless_resets, 1, 257);
    pair_deinit(&pair);
}

static uint64_t packets_from_client(struct pair *pair)
{
    struct quic_endpoint_stats stats;
    quic_endpoint_stats(sim_endpoint(pair->sim, pair->client_node), &stats);
    return stats.packets_sent;
}

/* It has nothing to send, so it would not find out by itself. */
static void a_viewer_soon_asks_a_server_that_fell_silent(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, i);
        pair.server_config.seed = 4711;
        pair_connect(&pair);
        sim_run(pair.sim, 9 * NS_PER_S);
        assert_non_null(peer_send(&pair.server, pair.server.conn, false, 5000));
        sim_run(pair.sim, 100 * NS_PER_MS);

        assert_int_equal(sim_restart_endpoint(pair.sim, pair.server_node, &pair.server_config), 0);
        sim_run(pair.sim, 1500 * NS_PER_MS);

        assert_int_equal(pair.client.closed, 1);
        assert_int_equal(pair.client.last_close.error, MOQ_ERR_TRANSPORT);
        pair_deinit(&pair);
    }
}

static void a_viewer_that_expects_nothing_asks_seldom(void **state)
{
    (void)state;
    struct pair pair;
    start(&pair, 0);
    pair_connect(&pair);
    assert_non_null(peer_send(&pair.server, pair.server.conn, false, 5000));
    sim_run(pair.sim, 10 * NS_PER_S);
    uint64_t before = packets_from_client(&pair);

    sim_run(pair.sim, 60 * NS_PER_S);

    /* A PING every four seconds, and an acknowledgement of the server's PING. */
    assert_in_range(packets_from_client(&pair) - before, 10, 2 * 60 / 4 + 2);
    pair_deinit(&pair);
}

static void a_server_that_was_restarted_says_that_it_forgot(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, i);
        pair.server_config.seed = 4711; /* its secret is the same after the restart */
        pair_connect(&pair);
        pair_echo(&pair, 1000);
        uint64_t start_ns = sim_clock(pair.sim)->now_ns;

        assert_int_equal(sim_restart_endpoint(pair.sim, pair.server_node, &pair.server_config), 0);
        peer_send(&pair.client, pair.client.conn, true, 100);

        assert_true(sim_run_until(pair.sim, peer_is_closed, &pair.client, WAIT_S * NS_PER_S));
        assert_int_equal(pair.client.last_close.error, MOQ_ERR_TRANSPORT);
        assert_true(sim_clock(pair.sim)->now_ns - start_ns < NS_PER_S);
        assert_true(pair_server_stats(&pair).stateless_resets > 0);
        pair_deinit(&pair);
    }
}

static void a_server_with_another_secret_cannot_end_a_session(void **state)
{
    (void)state;
    struct pair pair;
    start(&pair, 0);
    pair.server_config.seed = 4711;
    pair_connect(&pair);
    sim_run(pair.sim, NS_PER_S);

    pair.server_config.seed = 4712;
    sim_restart_endpoint(pair.sim, pair.server_node, &pair.server_config);
    peer_send(&pair.client, pair.client.conn, true, 100);
    sim_run(pair.sim, 5 * NS_PER_S);

    assert_int_equal(pair.client.closed, 0);
    assert_true(sim_run_until(pair.sim, peer_is_closed, &pair.client, WAIT_S * NS_PER_S));
    assert_int_equal(pair.client.last_close.error, MOQ_ERR_TIMEOUT);
    pair_deinit(&pair);
}

static void a_token_that_was_made_up_is_refused(void **state)
{
    (void)state;
    struct pair pair;
    start(&pair, 0);
    pair.server_config.limits.half_open_retry_at = 1;
    pair_start(&pair);
    /* Initials with tokens of all lengths that begin like ours. */
    for (size_t n = 1; n < 200; n++) {
        uint8_t packet[1200] = {0xc0, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0};
        packet[15] = (uint8_t)(0x40 | (n >> 8));
        packet[16] = (uint8_t)n;
        packet[17] = NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY2;
        size_t after = 17 + n, left = sizeof packet - after - 2;
        packet[after] = (uint8_t)(0x40 | (left >> 8));
        packet[after + 1] = (uint8_t)left;
        sim_inject(pair.sim, pair.server_node, packet, sizeof packet);
    }

    sim_run(pair.sim, NS_PER_S);

    assert_int_equal(pair_server_stats(&pair).refused, 199);
    assert_int_equal(pair_server_stats(&pair).accepted, 0);
    pair_deinit(&pair);
}

/* Sends first packets that cannot be decrypted, until one for the ID `dcid` is answered by a Retry.
 * Returns the ID that it gives. Every call draws the same random numbers. */
static ngtcp2_cid id_of_a_retry_for(const ngtcp2_cid *dcid)
{
    static struct recording recording;
    struct pair pair;
    start(&pair, 0);
    recording.count = 0;
    pair.server_config.limits.half_open_retry_at = 1;
    pair_start(&pair);
    sim_on_packet(pair.sim, pair.server_node, record, &recording);
    uint8_t packet[1200] = {0xc0, 0, 0, 0, 1, CID_BYTES}; /* its own ID and its token are empty */
    size_t length_at = 6 + CID_BYTES + 2, left = sizeof packet - length_at - 2;
    memcpy(packet + 6, dcid->data, CID_BYTES);
    packet[length_at] = (uint8_t)(0x40 | (left >> 8));
    packet[length_at + 1] = (uint8_t)left;
    for (int i = 0; i < 100 && recording.count == 0; i++) {
        sim_inject(pair.sim, pair.server_node, packet, sizeof packet);
        sim_run(pair.sim, NS_PER_MS);
    }

    assert_int_equal(recording.count, 1);
    assert_int_equal(pair_server_stats(&pair).retries, 1);
    const uint8_t *answer = recording.packets[0];
    assert_int_equal(answer[0] >> 4, 0xf);
    assert_int_equal(answer[5], 0);
    assert_int_equal(answer[6], CID_BYTES);
    ngtcp2_cid cid;
    ngtcp2_cid_init(&cid, answer + 7, CID_BYTES);
    pair_deinit(&pair);
    return cid;
}

static void a_retry_never_gives_the_id_that_the_client_chose(void **state)
{
    (void)state;
    const ngtcp2_cid any = {.datalen = CID_BYTES, .data = {1}};
    ngtcp2_cid drawn = id_of_a_retry_for(&any);

    ngtcp2_cid second = id_of_a_retry_for(&drawn);

    assert_false(ngtcp2_cid_eq(&second, &drawn));
}

static void a_client_that_wants_another_protocol_is_turned_away(void **state)
{
    (void)state;
    struct pair pair;
    start(&pair, 0);
    pair_start(&pair);
    struct quic_conn *conn = pair_dial(&pair);
    assert_non_null(conn);
    const struct tls_session_config config = {
        .tls = peer_client_tls(), .alpn = "h2", .server_name = "localhost", .conn_ref = &conn->ref};
    tls_session_free(&conn->tls);
    conn->tls = tls_session_new(&config);
    ngtcp2_conn_set_tls_native_handle(conn->quic, tls_session_native(conn->tls));

    assert_true(sim_run_until(pair.sim, peer_is_closed, &pair.client, WAIT_S * NS_PER_S));

    assert_int_equal(pair.client.connected, 0);
    assert_int_equal(pair.client.last_close.error, MOQ_ERR_TLS);
    assert_non_null(strstr(pair.client.reason, "no common application protocol"));
    sim_run(pair.sim, WAIT_S * NS_PER_S);
    assert_int_equal(pair.server.accepted, 0);
    assert_int_equal(pair_server_stats(&pair).connections, 0);
    assert_int_equal(pair_server_stats(&pair).handshakes_no_protocol, 1);
    pair_deinit(&pair);
}

static uint64_t handshakes_failed(const struct quic_endpoint_stats *stats)
{
    return stats->handshakes_expired + stats->handshakes_distrusted +
           stats->handshakes_no_protocol + stats->handshakes_timed_out + stats->handshakes_failed;
}

/* Other clients send an alert when they do not accept the server's certificate. */
static void a_client_that_refuses_the_certificate_is_counted_by_its_reason(void **state)
{
    (void)state;
    static const struct {
        uint8_t alert;
        size_t counter;
    } cases[] = {
        {42, offsetof(struct quic_endpoint_stats, handshakes_distrusted)},
        {45, offsetof(struct quic_endpoint_stats, handshakes_expired)},
        {46, offsetof(struct quic_endpoint_stats, handshakes_distrusted)},
        {48, offsetof(struct quic_endpoint_stats, handshakes_distrusted)},
        {80, offsetof(struct quic_endpoint_stats, handshakes_failed)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pair pair;
        start(&pair, 0);
        pair_start(&pair);
        struct quic_conn *conn = pair_dial(&pair);
        assert_non_null(conn);
        sim_run(pair.sim, 30 * NS_PER_MS); /* its first packet has arrived, the answer has not */
        conn_end_alert(conn, cases[i].alert, "");

        sim_run(pair.sim, WAIT_S * NS_PER_S);

        struct quic_endpoint_stats stats = pair_server_stats(&pair);
        assert_int_equal(handshakes_failed(&stats), 1);
        assert_int_equal(*(uint64_t *)(void *)((char *)&stats + cases[i].counter), 1);
        pair_deinit(&pair);
    }
}

/* A client that gives up, or closes normally, does not count as a failure. */
static void sessions_that_end_in_order_are_no_failed_handshakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, i);
        pair_connect(&pair);
        quic_conn_close(pair.client.conn, 0, "");
        sim_run(pair.sim, WAIT_S * NS_PER_S);
        struct quic_endpoint_stats stats = pair_server_stats(&pair);
        assert_int_equal(handshakes_failed(&stats), 0);
        pair_deinit(&pair);
    }
}

static void a_certificate_that_is_not_the_pinned_one_is_not_trusted(void **state)
{
    (void)state;
    const uint8_t pin[QUIC_FINGERPRINT_BYTES] = {1, 2, 3};
    const struct quic_tls_client_config pinned = {.pinned_sha256 = pin},
                                        roots = {.root_file_count = 0};
    const struct quic_tls_client_config *configs[] = {&pinned, &roots};
    for (size_t i = 0; i < 2; i++) {
        struct pair pair;
        start(&pair, 1);
        pair_start(&pair);
        struct quic_tls *tls = quic_tls_client_new(configs[i], NULL);
        const struct quic_connect_config config = {.tls = tls,
                                                   .protocol = QUIC_PROTOCOL_WEBTRANSPORT,
                                                   .server_name = "localhost",
                                                   .authority = "localhost",
                                                   .url_path = "/",
                                                   .user = &pair.client};
        sim_connect(pair.sim, pair.client_node, pair.server_node, &config);
        quic_tls_unref(&tls);

        assert_true(sim_run_until(pair.sim, peer_is_closed, &pair.client, WAIT_S * NS_PER_S));

        assert_int_equal(pair.client.connected, 0);
        assert_int_equal(pair.client.last_close.error, MOQ_ERR_TLS);
        assert_int_equal(pair.server.accepted, 0);
        pair_deinit(&pair);
    }
}

static void talk_of_tls_after_the_handshake_ends_the_connection(void **state)
{
    (void)state;
    for (size_t protocol = 0; protocol < 2; protocol++) {
        const uint8_t key_update[] = {24, 0, 0, 1, 0}; /* not allowed: QUIC updates keys itself */
        struct pair pair;
        start(&pair, protocol);
        pair_connect(&pair);
        pair_echo(&pair, 10000);
        assert_null(pair.server.conn->tls);

        assert_int_equal(ngtcp2_conn_submit_crypto_data(pair.client.conn->quic,
                                                        NGTCP2_ENCRYPTION_LEVEL_1RTT, key_update,
                                                        sizeof key_update),
                         0);
        conn_wake(pair.client.conn);

        assert_true(sim_run_until(pair.sim, pair_is_over, &pair, WAIT_S * NS_PER_S));
        assert_int_equal(pair.client.last_close.error, MOQ_ERR_TLS);
        pair_deinit(&pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(garbage_is_dropped),
        cmocka_unit_test(broken_copies_of_real_packets_harm_nobody),
        cmocka_unit_test(a_recorded_session_played_again_opens_nothing_that_lasts),
        cmocka_unit_test(another_version_is_told_ours),
        cmocka_unit_test(a_flood_gets_a_bounded_number_of_answers),
        cmocka_unit_test(a_viewer_soon_asks_a_server_that_fell_silent),
        cmocka_unit_test(a_viewer_that_expects_nothing_asks_seldom),
        cmocka_unit_test(a_server_that_was_restarted_says_that_it_forgot),
        cmocka_unit_test(a_server_with_another_secret_cannot_end_a_session),
        cmocka_unit_test(a_token_that_was_made_up_is_refused),
        cmocka_unit_test(a_retry_never_gives_the_id_that_the_client_chose),
        cmocka_unit_test(a_client_that_wants_another_protocol_is_turned_away),
        cmocka_unit_test(a_client_that_refuses_the_certificate_is_counted_by_its_reason),
        cmocka_unit_test(sessions_that_end_in_order_are_no_failed_handshakes),
        cmocka_unit_test(a_certificate_that_is_not_the_pinned_one_is_not_trusted),
        cmocka_unit_test(talk_of_tls_after_the_handshake_ends_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
