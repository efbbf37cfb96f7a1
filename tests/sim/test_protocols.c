/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which protocol of the application is chosen, on both bindings, if the sides offer different
 * ones. */
#include "tests/sim/prologue.h"

#include <string.h>

enum { WAIT_S = 20 };

static const struct quic_app_protocol items[] = {
    {.alpn = "five", .subprotocol = "five"},
    {.alpn = "four", .subprotocol = "four"},
    {.alpn = "old", .subprotocol = NULL},
};
static const struct quic_app_protocol four_five[] = {{"four", "four"}, {"five", "five"}};
static const struct quic_app_protocol six[] = {{"six", "six"}};

/* Connects a pair; the caller calls pair_deinit(). `client`: the protocols that the client
 * offers. */
static void meet(struct pair *pair, enum quic_protocol protocol, struct quic_app apps[2],
                 struct quic_app_protocols client)
{
    const struct pair_setup setup = {
        .seed = 3, .protocol = protocol, .link = {.delay_ns = 10 * NS_PER_MS}};
    pair_init(pair, &setup);
    apps[1].protocols = client;
    pair->server_config.app = &apps[0];
    pair->client_config.app = &apps[1];
    pair_start(pair);
    assert_non_null(pair_dial(pair));
    sim_run(pair->sim, NS_PER_S);
}

static void assert_spoken(const struct pair *pair, const char *alpn)
{
    const struct peer *peers[] = {&pair->server, &pair->client};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(peers[i]->connected, 1);
        const struct quic_app_protocol *protocol = quic_conn_app_protocol(peers[i]->conn);
        assert_string_equal(protocol ? protocol->alpn : "none", alpn);
    }
}

static void both_sides_know_what_is_spoken(void **state)
{
    (void)state;
    const struct {
        enum quic_protocol protocol;
        struct quic_app_protocols client;
        const char *spoken;
    } cases[] = {
        {QUIC_PROTOCOL_RAW, {items, 3}, "five"},
        {QUIC_PROTOCOL_RAW, {&items[1], 1}, "four"},
        {QUIC_PROTOCOL_WEBTRANSPORT, {items, 3}, "five"},
        {QUIC_PROTOCOL_WEBTRANSPORT, {four_five, 2}, "four"}, /* the client's order counts */
        {QUIC_PROTOCOL_WEBTRANSPORT, {&items[2], 1}, "old"},  /* it names nothing */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pair pair;
        struct quic_app apps[2] = {peer_app, peer_app};
        apps[0].protocols = (struct quic_app_protocols){items, 3};
        meet(&pair, cases[i].protocol, apps, cases[i].client);
        assert_spoken(&pair, cases[i].spoken);
        pair_deinit(&pair);
    }
}

static void a_connection_may_offer_less_than_its_endpoint(void **state)
{
    (void)state;
    static const struct quic_app_protocols only_four = {&items[1], 1};
    for (enum quic_protocol i = QUIC_PROTOCOL_RAW; i <= QUIC_PROTOCOL_WEBTRANSPORT; i++) {
        struct pair pair;
        struct quic_app apps[2] = {peer_app, peer_app};
        apps[0].protocols = apps[1].protocols = (struct quic_app_protocols){items, 3};
        pair_init(&pair, &(struct pair_setup){.seed = 3, .protocol = i});
        pair.server_config.app = &apps[0];
        pair.client_config.app = &apps[1];
        pair_start(&pair);
        const struct quic_connect_config config = {.tls = peer_client_tls(),
                                                   .protocol = i,
                                                   .server_name = "localhost",
                                                   .authority = "localhost:4433",
                                                   .url_path = "/",
                                                   .app_protocols = &only_four,
                                                   .user = &pair.client};
        assert_non_null(sim_connect(pair.sim, pair.client_node, pair.server_node, &config));
        sim_run(pair.sim, NS_PER_S);
        assert_spoken(&pair, "four");
        pair_deinit(&pair);
    }
}

static void nothing_in_common_is_told(void **state)
{
    (void)state;
    struct pair pair;
    struct quic_app apps[2] = {peer_app, peer_app};

    apps[0].protocols = (struct quic_app_protocols){items, 3};
    meet(&pair, QUIC_PROTOCOL_RAW, apps, (struct quic_app_protocols){six, 1});
    assert_int_equal(pair.client.last_close.error, MOQ_ERR_TLS);
    pair_deinit(&pair);

    /* The server accepts, because it has a default protocol without a name; the client refuses. */
    meet(&pair, QUIC_PROTOCOL_WEBTRANSPORT, apps, (struct quic_app_protocols){six, 1});
    assert_int_equal(pair.client.last_close.error, MOQ_ERR_VERSION);
    assert_non_null(strstr(pair.client.reason, "none of the protocols"));
    pair_deinit(&pair);

    apps[0].protocols.count = 2;
    meet(&pair, QUIC_PROTOCOL_WEBTRANSPORT, apps, (struct quic_app_protocols){six, 1});
    assert_true(sim_run_until(pair.sim, peer_is_closed, &pair.client, WAIT_S * NS_PER_S));
    assert_int_equal(pair.client.last_close.error, MOQ_ERR_REFUSED);
    assert_non_null(strstr(pair.client.reason, "status 406"));
    assert_int_equal(pair.server.accepted, 0);
    pair_deinit(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_know_what_is_spoken),
        cmocka_unit_test(a_connection_may_offer_less_than_its_endpoint),
        cmocka_unit_test(nothing_in_common_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, free_tls);
}
