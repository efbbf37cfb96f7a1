/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The relay's turn is what core.c does with a loop: sweep now and then, tick sessions, flush. */
#include "tests/sim/relay/world.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "tests/sim/peer.h"
#include "tests/sim/relay/client.h"
#include "tests/sim/relay/feed.h"

static int on_peer(void *self, const struct moq_peer *peer, struct moq_session_config *config)
{
    struct world *world = self;
    return peer_accept(&world->router, peer, config);
}

static uint64_t relay_turn(void *self)
{
    struct world *world = self;
    if (world_now(world) >= world->next_sweep_ns) {
        world->next_sweep_ns = world_now(world) + CORE_SWEEP_MS * NS_PER_MS;
        router_sweep(&world->router);
    }
    uint64_t next_ns = moq_native_bridge_tick(&world->bridge);
    return next_ns < world->next_sweep_ns ? next_ns : world->next_sweep_ns;
}

static struct relay_config *load_config(const char *yaml)
{
    struct relay_config *config = NULL;
    struct config_errors errors;
    struct config_flags flags = {.self_sign = {.values = {"localhost"}, .count = 1}};
    struct config_sources sources = {.file = "relay.yaml",
                                     .text = yaml ? yaml : "",
                                     .text_bytes = yaml ? strlen(yaml) : 0,
                                     .flags = &flags};
    config_errors_init(&errors);
    int error = relay_config_load(&config, &sources, &errors);
    config_errors_print(&errors, stderr);
    REQUIRE(error == 0);
    return config;
}

void world_init(struct world *world, const struct world_setup *setup)
{
    log_set_level(LOG_LEVEL_ERROR); /* what is tested says more than thousands of sessions */
    *world = (struct world){.config = load_config(setup->yaml)};
    list_init(&world->hosts);
    world->sim = sim_new(setup->seed, &setup->link);
    struct router_config config = {
        .clock = sim_clock(world->sim), .config = world->config, .workers = 1};
    REQUIRE(router_init(&world->router, &config) == 0);
    world->bridge = (struct moq_native_bridge){
        .clock = sim_clock(world->sim), .on_peer = on_peer, .self = world};
    REQUIRE(moq_native_bridge_init(&world->bridge) == 0);

    const struct quic_endpoint_config endpoint = {
        .server_tls = peer_server_tls(),
        .app = &moq_native_app,
        .user = &world->bridge,
        .limits = core_quic_limits(world->config),
    };
    world->node = sim_add_endpoint(world->sim, &endpoint);
    REQUIRE(world->node >= 0);
    sim_on_turn(world->sim, world->node, relay_turn, world);
}

static void host_free(struct host *host)
{
    while (!list_is_empty(&host->feeds))
        feed_free(container_of(host->feeds.next, struct feed, link));
    while (!list_is_empty(&host->clients))
        client_free(container_of(host->clients.next, struct client, link));
    moq_native_bridge_deinit(&host->bridge);
    list_remove(&host->link);
    free(host);
}

void world_deinit(struct world *world)
{
    list_for_each (node, &world->hosts)
        sim_remove_endpoint(world->sim, container_of(node, struct host, link)->node);
    sim_remove_endpoint(world->sim, world->node);
    while (!list_is_empty(&world->hosts))
        host_free(container_of(world->hosts.next, struct host, link));
    moq_native_bridge_deinit(&world->bridge);
    REQUIRE(world->router.counters.sessions == 0);
    REQUIRE(world->router.counters.viewers == 0);
    REQUIRE(world->router.counters.announcements == 0);
    REQUIRE(world->router.counters.upstream_subscriptions == 0);
    REQUIRE(world->router.waiting_count == 0);
    router_stop(&world->router);
    router_deinit(&world->router);
    relay_config_free(&world->config);
    sim_free(&world->sim);
    REQUIRE(objects_report(stderr) == 0);
}

/* ---- Hosts ----------------------------------------------------------------------------------- */

static uint64_t host_turn(void *self)
{
    struct host *host = self;
    uint64_t next_ns = CLOCK_NEVER;
    list_for_each_safe (node, &host->feeds) {
        uint64_t due_ns = feed_tick(container_of(node, struct feed, link));
        next_ns = due_ns < next_ns ? due_ns : next_ns;
    }
    uint64_t due_ns = moq_native_bridge_tick(&host->bridge);
    return due_ns < next_ns ? due_ns : next_ns;
}

struct host *world_host(struct world *world)
{
    struct host *host = calloc(1, sizeof *host);
    REQUIRE(host);
    host->world = world;
    list_init(&host->clients);
    list_init(&host->feeds);
    list_push_back(&world->hosts, &host->link);
    host->bridge = client_bridge;
    host->bridge.clock = sim_clock(world->sim);
    host->bridge.self = host;
    REQUIRE(moq_native_bridge_init(&host->bridge) == 0);
    const struct quic_endpoint_config endpoint = {.app = &moq_native_app, .user = &host->bridge};
    host->node = sim_add_endpoint(world->sim, &endpoint);
    REQUIRE(host->node >= 0);
    sim_on_turn(world->sim, host->node, host_turn, host);
    return host;
}

void host_vanish(struct host *host)
{
    sim_set_node_link(host->world->sim, host->node, &(struct sim_link){.loss_percent = 100});
}

void host_crash(struct host *host)
{
    sim_remove_endpoint(host->world->sim, host->node);
}

/* ---- Time ------------------------------------------------------------------------------------ */

uint64_t world_now(const struct world *world)
{
    return sim_clock(world->sim)->now_ns;
}

void world_run(struct world *world, uint64_t duration_ns)
{
    sim_run(world->sim, duration_ns);
}

bool world_run_until(struct world *world, bool (*is_done)(void *self), void *self,
                     uint64_t limit_ns)
{
    return sim_run_until(world->sim, is_done, self, limit_ns);
}

const struct core_counters *world_counters(struct world *world)
{
    world->router.counters.requests_waiting = world->router.waiting_count;
    return &world->router.counters;
}

bool world_is_empty(void *self)
{
    return ((struct world *)self)->router.counters.sessions == 0;
}
