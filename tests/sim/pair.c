/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One server, one client, and the checks at the end of every test. */
#include "tests/sim/pair.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/objects.h"

enum { CONNECT_S = 60, ECHO_S = 300 };

void pair_init(struct pair *pair, const struct pair_setup *setup)
{
    *pair = (struct pair){.protocol = setup->protocol};
    pair->sim = sim_new(setup->seed, &setup->link);
    peer_init(&pair->server, true);
    peer_init(&pair->client, false);
    pair->server_config = (struct quic_endpoint_config){
        .server_tls = peer_server_tls(), .app = &peer_app, .user = &pair->server};
    pair->client_config = (struct quic_endpoint_config){.app = &peer_app, .user = &pair->client};
}

void pair_start(struct pair *pair)
{
    pair->server_node = sim_add_endpoint(pair->sim, &pair->server_config);
    pair->client_node = sim_add_endpoint(pair->sim, &pair->client_config);
    REQUIRE(pair->server_node >= 0 && pair->client_node >= 0);
}

struct quic_conn *pair_dial(struct pair *pair)
{
    const struct quic_connect_config config = {.tls = peer_client_tls(),
                                               .protocol = pair->protocol,
                                               .server_name = "localhost",
                                               .authority = "localhost:4433",
                                               .url_path = "/demo/bbb?x=y",
                                               .idle_ns = pair->idle_ns,
                                               .keep_alive_ns = pair->keep_alive_ns,
                                               .user = &pair->client};
    return sim_connect(pair->sim, pair->client_node, pair->server_node, &config);
}

static bool is_connected(void *self)
{
    struct pair *pair = self;
    return pair->server.connected > 0 && pair->client.connected > 0;
}

void pair_meet(struct pair *pair)
{
    REQUIRE(pair_dial(pair));
    REQUIRE(sim_run_until(pair->sim, is_connected, pair, CONNECT_S * NS_PER_S));
}

void pair_connect(struct pair *pair)
{
    pair_start(pair);
    pair_meet(pair);
}

void pair_deinit(struct pair *pair)
{
    sim_free(&pair->sim);
    peer_deinit(&pair->server);
    peer_deinit(&pair->client);
    REQUIRE(object_count(OBJECT_endpoint) == 0);
    REQUIRE(object_count(OBJECT_conn) == 0);
    REQUIRE(object_count(OBJECT_quic_stream) == 0);
    REQUIRE(object_count(OBJECT_chunk) == 0);
}

bool pair_is_over(void *self)
{
    struct pair *pair = self;
    return pair->server.closed > 0 && pair->client.closed > 0;
}

void pair_echo(struct pair *pair, size_t n)
{
    struct flow *flow = peer_send(&pair->client, pair->client.conn, true, n);
    REQUIRE(flow);
    REQUIRE(sim_run_until(pair->sim, peer_flows_are_echoed, &pair->client, ECHO_S * NS_PER_S));
    REQUIRE(flow_has_pattern(flow, n));
}

struct quic_endpoint_stats pair_server_stats(struct pair *pair)
{
    struct quic_endpoint_stats stats;
    quic_endpoint_stats(sim_endpoint(pair->sim, pair->server_node), &stats);
    return stats;
}
