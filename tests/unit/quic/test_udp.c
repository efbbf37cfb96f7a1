/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Real sockets on loopback: a server and a client on one libuv loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <string.h>

#include "base/log.h"
#include "base/objects.h"
#include "quic/udp.h"
#include "tests/sim/peer.h"

enum { LOOP_MAX_MS = 20000, WORKERS = 3, CLIENTS = 12 };

struct world {
    uv_loop_t loop;
    struct moq_clock clock;
    struct peer server_peer, client_peer;
    struct quic_udp *server, *client;
    bool is_gso_disabled;
    uint64_t send_spread_ns;
};

static struct sockaddr_in6 loopback6(uint16_t port)
{
    return (struct sockaddr_in6){
        .sin6_family = AF_INET6, .sin6_port = port, .sin6_addr = in6addr_loopback};
}

static struct sockaddr_in loopback4(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static struct quic_udp *open_udp(struct world *world, const void *address, socklen_t n,
                                 struct peer *peer, struct quic_tls *server_tls)
{
    const struct quic_udp_config config = {
        .loop = &world->loop,
        .address = address,
        .address_size = n,
        .clock = &world->clock,
        .is_gso_disabled = world->is_gso_disabled,
        .is_gathering = server_tls != NULL, /* as listeners do */
        .send_spread_ns = world->send_spread_ns,
        .endpoint = {.server_tls = server_tls, .app = &peer_app, .user = peer},
    };
    struct quic_udp *udp = NULL;
    assert_int_equal(quic_udp_open(&udp, &config), 0);
    return udp;
}

/* A server on the IPv6 wildcard, which takes IPv4 too, and a client. */
static void world_init(struct world *world, const void *client_address, socklen_t n)
{
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = in6addr_any};
    assert_int_equal(uv_loop_init(&world->loop), 0);
    peer_init(&world->server_peer, true);
    peer_init(&world->client_peer, false);
    world->server = open_udp(world, &any, sizeof any, &world->server_peer, peer_server_tls());
    world->client = open_udp(world, client_address, n, &world->client_peer, NULL);
}

static void world_deinit(struct world *world)
{
    quic_udp_close(world->client, NULL, NULL);
    quic_udp_close(world->server, NULL, NULL);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    peer_deinit(&world->server_peer);
    peer_deinit(&world->client_peer);
    assert_int_equal(object_count(OBJECT_conn), 0);
    assert_int_equal(object_count(OBJECT_quic_stream), 0);
    assert_int_equal(object_count(OBJECT_endpoint), 0);
}

static bool run_until(struct world *world, bool (*is_done)(void *self), void *self)
{
    uint64_t end_ns = clock_monotonic_ns() + LOOP_MAX_MS * NS_PER_MS;
    while (!is_done(self) && clock_monotonic_ns() < end_ns)
        uv_run(&world->loop, UV_RUN_ONCE);
    return is_done(self);
}

static uint16_t server_port(const struct world *world)
{
    struct sockaddr_storage address;
    socklen_t n;
    assert_int_equal(quic_udp_address(world->server, &address, &n), 0);
    return ((const struct sockaddr_in6 *)&address)->sin6_port;
}

static struct quic_conn *connect_to(struct world *world, const void *remote, socklen_t n,
                                    enum quic_protocol protocol)
{
    struct sockaddr_storage local;
    socklen_t local_size;
    quic_udp_address(world->client, &local, &local_size);
    const struct quic_connect_config config = {.tls = peer_client_tls(),
                                               .protocol = protocol,
                                               .server_name = "localhost",
                                               .authority = "localhost",
                                               .url_path = "/",
                                               .local = (const struct sockaddr *)&local,
                                               .local_size = local_size,
                                               .remote = remote,
                                               .remote_size = n,
                                               .user = &world->client_peer};
    struct quic_conn *conn = quic_endpoint_connect(quic_udp_endpoint(world->client), &config);
    assert_non_null(conn);
    quic_udp_wake(world->client);
    return conn;
}

static void echo_and_close(struct world *world, size_t bytes)
{
    struct peer *client = &world->client_peer;
    assert_true(run_until(world, peer_is_connected, client));
    assert_non_null(peer_send(client, client->conn, true, bytes));
    assert_non_null(peer_send(client, client->conn, true, 7));
    assert_true(run_until(world, peer_flows_are_echoed, client));

    quic_conn_close(client->conn, 5, "enough");
    assert_true(run_until(world, peer_is_closed, client));
    assert_true(run_until(world, peer_is_closed, &world->server_peer));
    assert_int_equal(world->server_peer.last_close.code, 5);
    assert_string_equal(world->server_peer.reason, "enough");
}

static void an_ipv4_client_reaches_an_ipv6_wildcard(void **state)
{
    (void)state;
    struct world world = {.is_gso_disabled = false};
    struct sockaddr_in any = {.sin_family = AF_INET};
    world_init(&world, &any, sizeof any);
    struct sockaddr_in remote = loopback4(server_port(&world));

    connect_to(&world, &remote, sizeof remote, QUIC_PROTOCOL_RAW);

    echo_and_close(&world, 3000000);
    world_deinit(&world);
}

static void a_dual_stack_client_reaches_both_families(void **state)
{
    (void)state;
    struct sockaddr_in6 any = {.sin6_family = AF_INET6};
    for (int i = 0; i < 2; i++) {
        struct world world = {.is_gso_disabled = false};
        world_init(&world, &any, sizeof any);
        struct sockaddr_in remote4 = loopback4(server_port(&world));
        struct sockaddr_in6 remote6 = loopback6(server_port(&world));

        if (i == 0)
            connect_to(&world, &remote4, sizeof remote4, QUIC_PROTOCOL_WEBTRANSPORT);
        else
            connect_to(&world, &remote6, sizeof remote6, QUIC_PROTOCOL_WEBTRANSPORT);

        echo_and_close(&world, 100000);
        world_deinit(&world);
    }
}

static void without_gso_the_same_bytes_arrive(void **state)
{
    (void)state;
    struct world world = {.is_gso_disabled = true};
    struct sockaddr_in6 any = {.sin6_family = AF_INET6};
    world_init(&world, &any, sizeof any);
    struct sockaddr_in6 remote = loopback6(server_port(&world));

    connect_to(&world, &remote, sizeof remote, QUIC_PROTOCOL_RAW);

    echo_and_close(&world, 300000);
    struct quic_endpoint_stats stats;
    quic_endpoint_stats(quic_udp_endpoint(world.server), &stats);
    assert_int_equal(stats.trains_sent, stats.packets_sent);
    world_deinit(&world);
}

/* Long trains too. */
static void who_sends_late_is_served_all_the_same(void **state)
{
    (void)state;
    struct world world = {.send_spread_ns = 3 * NS_PER_MS};
    struct sockaddr_in6 any = {.sin6_family = AF_INET6};
    world_init(&world, &any, sizeof any);
    struct sockaddr_in6 remote = loopback6(server_port(&world));

    connect_to(&world, &remote, sizeof remote, QUIC_PROTOCOL_RAW);

    echo_and_close(&world, 3000000);
    world_deinit(&world);
}

static void with_gso_trains_are_as_long_as_a_turn(void **state)
{
    (void)state;
    struct world world = {.is_gso_disabled = false};
    struct sockaddr_in6 any = {.sin6_family = AF_INET6};
    world_init(&world, &any, sizeof any);
    struct sockaddr_in6 remote = loopback6(server_port(&world));

    connect_to(&world, &remote, sizeof remote, QUIC_PROTOCOL_RAW);

    echo_and_close(&world, 3000000);
    struct quic_endpoint_stats stats;
    quic_endpoint_stats(quic_udp_endpoint(world.server), &stats);
    print_message("%llu packets in %llu trains\n", (unsigned long long)stats.packets_sent,
                  (unsigned long long)stats.trains_sent);
    /* A turn is a train of 45 packets, without leftovers of one packet behind it; what is between
     * are acknowledgements. */
    assert_true(stats.packets_sent > 15 * stats.trains_sent);
    world_deinit(&world);
}

/* Opens the next of `WORKERS` sockets on the port that the first one got. */
static struct quic_udp *open_worker(struct world *world, struct sockaddr_storage *address,
                                    struct peer *peer, uint8_t number)
{
    const struct quic_udp_config config = {.loop = &world->loop,
                                           .address = (const struct sockaddr *)address,
                                           .address_size = sizeof(struct sockaddr_in),
                                           .is_reuse_port = true,
                                           .clock = &world->clock,
                                           .endpoint = {.server_tls = peer_server_tls(),
                                                        .app = &peer_app,
                                                        .user = peer,
                                                        .worker = number,
                                                        .workers = WORKERS}};
    struct quic_udp *udp;
    socklen_t n;
    assert_int_equal(quic_udp_open(&udp, &config), 0);
    quic_udp_address(udp, address, &n);
    return udp;
}

/* A client with a socket of its own connects and echoes. */
static void come_and_echo(struct world *world, const struct sockaddr_storage *address)
{
    struct sockaddr_in any = loopback4(0);
    struct peer *client = &world->client_peer;
    quic_udp_close(world->client, NULL, NULL);
    world->client = open_udp(world, &any, sizeof any, client, NULL);
    client->connected = client->closed = 0;
    peer_deinit(client);
    connect_to(world, address, sizeof any, QUIC_PROTOCOL_RAW);
    assert_true(run_until(world, peer_is_connected, client));
    assert_non_null(peer_send(client, client->conn, true, 50000));
    assert_true(run_until(world, peer_flows_are_echoed, client));
}

/* Short headers carry a connection ID of ours and nothing else by which the kernel could choose. */
static void workers_on_one_port_get_their_own_connections(void **state)
{
    (void)state;
    struct world world = {.is_gso_disabled = false};
    struct sockaddr_in any = loopback4(0);
    struct sockaddr_storage address;
    struct quic_udp *workers[WORKERS];
    struct peer peer;
    world_init(&world, &any, sizeof any);
    peer_init(&peer, true);
    memcpy(&address, &any, sizeof any);
    for (uint8_t i = 0; i < WORKERS; i++)
        workers[i] = open_worker(&world, &address, &peer, i);
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(quic_udp_steer(workers[i]), 0);

    for (int i = 0; i < CLIENTS; i++)
        come_and_echo(&world, &address);

    uint64_t most = 0;
    for (int i = 0; i < WORKERS; i++) {
        struct quic_endpoint_stats stats;
        quic_endpoint_stats(quic_udp_endpoint(workers[i]), &stats);
        assert_int_equal(stats.stateless_resets + stats.datagrams_dropped, 0);
        most = stats.accepted > most ? stats.accepted : most;
        quic_udp_close(workers[i], NULL, NULL);
    }
    assert_in_range(most, 1, CLIENTS - 1); /* not all to one */
    world_deinit(&world);
    peer_deinit(&peer);
}

static void a_port_that_is_taken_is_an_error(void **state)
{
    (void)state;
    struct world world = {.is_gso_disabled = false};
    struct sockaddr_in6 any = {.sin6_family = AF_INET6};
    world_init(&world, &any, sizeof any);
    struct sockaddr_in6 same = {.sin6_family = AF_INET6, .sin6_port = server_port(&world)};
    const struct quic_udp_config config = {.loop = &world.loop,
                                           .address = (const struct sockaddr *)&same,
                                           .address_size = sizeof same,
                                           .clock = &world.clock,
                                           .endpoint = {.app = &peer_app}};
    struct quic_udp *udp = NULL;

    assert_int_equal(quic_udp_open(&udp, &config), MOQ_ERR_IO);

    assert_null(udp);
    world_deinit(&world);
}

struct alarm {
    struct moq_clock *clock;
    uint64_t asked_ns;
    int turns, punctual;
};

/* Asks to be called again in a third of a millisecond, each time. */
static void on_alarm(void *self)
{
    struct alarm *alarm = self;
    uint64_t now_ns = alarm->clock->now_ns;
    if (now_ns >= alarm->asked_ns) {
        alarm->turns++;
        alarm->punctual += now_ns - alarm->asked_ns < 300 * NS_PER_US;
        alarm->asked_ns = now_ns + 333 * NS_PER_US;
    }
}

static uint64_t alarm_ns(void *self)
{
    return ((struct alarm *)self)->asked_ns;
}

static bool has_had_enough(void *self)
{
    return ((struct alarm *)self)->turns >= 500;
}

/* libuv's own timers would be late by two thirds of a millisecond at least. */
static void deadlines_are_kept_to_fractions_of_a_millisecond(void **state)
{
    (void)state;
    struct world world = {0};
    struct alarm alarm = {.clock = &world.clock};
    struct quic_app app = peer_app;
    app.due_ns = alarm_ns;
    struct sockaddr_in address = loopback4(0);
    const struct quic_udp_config config = {
        .loop = &world.loop,
        .address = (const struct sockaddr *)&address,
        .address_size = sizeof address,
        .clock = &world.clock,
        .on_turn = on_alarm,
        .on_turn_self = &alarm,
        .endpoint = {.app = &app, .user = &alarm},
    };
    struct quic_udp *udp;
    uv_loop_init(&world.loop);
    assert_int_equal(quic_udp_open(&udp, &config), 0);

    assert_true(run_until(&world, has_had_enough, &alarm));

    assert_true(alarm.punctual > 25); /* of 500, however busy the machine */
    quic_udp_close(udp, NULL, NULL);
    uv_run(&world.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&world.loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ipv4_client_reaches_an_ipv6_wildcard),
        cmocka_unit_test(a_dual_stack_client_reaches_both_families),
        cmocka_unit_test(without_gso_the_same_bytes_arrive),
        cmocka_unit_test(who_sends_late_is_served_all_the_same),
        cmocka_unit_test(with_gso_trains_are_as_long_as_a_turn),
        cmocka_unit_test(workers_on_one_port_get_their_own_connections),
        cmocka_unit_test(a_port_that_is_taken_is_an_error),
        cmocka_unit_test(deadlines_are_kept_to_fractions_of_a_millisecond),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    peer_tls_free();
    return failed;
}
