/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A worker's turn is what core does with a loop: posts, a sweep now and then, sessions, flush. */
#include "tests/sim/relay/world.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/objects.h"
#include "server/core/router_check.h"
#include "tests/sim/peer.h"
#include "tests/sim/relay/client.h"
#include "tests/sim/relay/camera.h"
#include "transfork/check.h"

/* The longest that a post takes from one worker to another. */
#define POST_NS (2 * NS_PER_MS)

/* How late a turn may be: the simulator's clock jumps, but never backwards. */
#define LATE_MAX_NS (10 * NS_PER_US)

static int on_peer(void *self, const struct moq_peer *peer, struct moq_session_config *config)
{
    struct world_worker *worker = self;
    return peer_accept(&worker->router, peer, config);
}

static void on_post(void *self)
{
    struct world_worker *worker = self;
    struct sim *sim = worker->world->sim;
    worker->next_post_ns = sim_clock(sim)->now_ns + sim_random(sim) % POST_NS;
    sim_wake(sim, worker->node, worker->next_post_ns);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Whether a session is checked in this turn. If there are many, each turn checks only some. */
static bool is_checked_now(const struct turns *turns, uint64_t position)
{
    return (position + turns->count) % sim_check_every(turns->sessions) == 0;
}

static void check_peers_sessions(struct world_worker *worker)
{
    struct turns *turns = &worker->turns;
    uint64_t position = 0;
    list_for_each (node, &worker->router.peers) {
        const struct core_peer *peer = container_of(node, struct core_peer, node);
        if (peer->session && is_checked_now(turns, position))
            session_check(peer->session);
        position++;
    }
    turns->sessions = position;
    turns->count++;
}

/* Checks the invariants that hold after each turn. */
static void check_worker(struct world_worker *worker)
{
    router_check(&worker->router);
    check_peers_sessions(worker);
    list_for_each (node, &worker->router.sources)
        track_check(container_of(node, struct source, node)->track);
}

/* A session's deadline is noticed in time, even if it was set in the flush. */
static void tick_sessions(struct moq_native_bridge *bridge)
{
    REQUIRE(deadlines_earliest(bridge->deadlines) >= bridge->clock->now_ns - LATE_MAX_NS);
    moq_native_bridge_tick(bridge);
}

static uint64_t relay_turn(void *self)
{
    struct world_worker *worker = self;
    uint64_t now_ns = world_now(worker->world);
    if (now_ns >= worker->next_post_ns && !worker->is_stuck) {
        worker->next_post_ns = CLOCK_NEVER;
        worker->posts += mailbox_run(&worker->mailbox);
    }
    if (now_ns >= worker->next_sweep_ns) {
        worker->next_sweep_ns = now_ns + CORE_SWEEP_MS * NS_PER_MS;
        router_sweep(&worker->router);
    }
    uint64_t sample_ns = CLOCK_NEVER;
    if (router_wants_samples(&worker->router)) {
        if (now_ns >= worker->next_sample_ns) {
            worker->next_sample_ns = now_ns + CORE_SAMPLE_STEP_MS * NS_PER_MS;
            core_viewers_sample(&worker->router);
        }
        sample_ns = worker->next_sample_ns;
    }
    tick_sessions(&worker->bridge);
    check_worker(worker);
    uint64_t post_ns = worker->is_stuck ? CLOCK_NEVER : worker->next_post_ns;
    return earlier(sample_ns, earlier(worker->next_sweep_ns, post_ns));
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

static uint32_t count_workers(const struct world_setup *setup)
{
    const char *text = getenv("MOQ_SIM_WORKERS");
    uint32_t count = setup->workers ? setup->workers : text ? (uint32_t)atoi(text) : 1;
    REQUIRE(count >= 1 && count <= WORLD_WORKERS_MAX);
    return count;
}

static uint64_t wall_of_world(void *user)
{
    return world_wall_ms(user);
}

static void worker_init(struct world *world, uint32_t index)
{
    struct world_worker *worker = &world->workers[index];
    worker->world = world;
    worker->next_post_ns = CLOCK_NEVER;
    world->mailboxes[index] = &worker->mailbox;
    mailbox_init(&worker->mailbox, &worker->router, on_post, worker);
    const struct router_config router = {
        .clock = sim_clock(world->sim),
        .config = world->config,
        .commons = &world->commons,
        .mailboxes = world->mailboxes,
        .worker = index,
        .workers = world->worker_count,
        .wall_ms = wall_of_world,
        .wall_user = world,
    };
    REQUIRE(router_init(&worker->router, &router) == 0);
    worker->bridge = (struct moq_native_bridge){
        .clock = sim_clock(world->sim), .on_peer = on_peer, .self = worker};
    REQUIRE(moq_native_bridge_init(&worker->bridge) == 0);

    const struct quic_endpoint_config endpoint = {
        .server_tls = peer_server_tls(),
        .app = &moq_native_app,
        .user = &worker->bridge,
        .limits = core_quic_limits(world->config),
        .congestion = core_congestion(world->config->quic.congestion),
    };
    worker->node = sim_add_endpoint(world->sim, &endpoint);
    REQUIRE(worker->node >= 0);
    sim_on_turn(world->sim, worker->node, relay_turn, worker);
}

void world_init(struct world *world, const struct world_setup *setup)
{
    log_set_level(LOG_LEVEL_ERROR); /* thousands of sessions would log more than helps */
    *world = (struct world){.config = load_config(setup->yaml)};
    router_commons_init(&world->commons);
    list_init(&world->hosts);
    world->sim = sim_new(setup->seed, &setup->link);
    world->wall_offset_ms = WORLD_WALL_MS - world_now(world) / NS_PER_MS;
    world->worker_count = count_workers(setup);
    for (uint32_t i = 0; i < world->worker_count; i++)
        worker_init(world, i);
}

int world_next_node(struct world *world)
{
    return world->workers[world->next_worker++ % world->worker_count].node;
}

void world_add_hook(struct world *world, struct core_hook *hook)
{
    core_hooks_add(&world->workers[0].router.hooks, hook);
}

int world_answer(struct world *world, uint64_t number, enum core_verdict verdict)
{
    return core_answer(&world->workers[0].router.hooks, number, verdict);
}

void world_stick(struct world *world, uint32_t worker, bool is_stuck)
{
    world->workers[worker].is_stuck = is_stuck;
    sim_wake(world->sim, world->workers[worker].node, world_now(world));
}

void world_stop(struct world *world)
{
    for (uint32_t i = 0; i < world->worker_count; i++)
        moq_native_bridge_shut_down(&world->workers[i].bridge, 0, "the relay stops");
}

static void host_free(struct host *host)
{
    while (!list_is_empty(&host->cameras))
        camera_free(container_of(host->cameras.next, struct camera, link));
    while (!list_is_empty(&host->clients))
        client_free(container_of(host->clients.next, struct client, link));
    moq_native_bridge_deinit(&host->bridge);
    list_remove(&host->link);
    free(host);
}

/* Stops like core: when no session is left, routers let go of each other, then everything is
 * freed. */
static void stop_routers(struct world *world)
{
    bool is_busy = true;
    for (uint32_t i = 0; i < world->worker_count; i++)
        router_stop(&world->workers[i].router);
    while (is_busy) {
        is_busy = false;
        for (uint32_t i = 0; i < world->worker_count; i++)
            is_busy |= mailbox_run(&world->workers[i].mailbox) > 0;
    }
    for (uint32_t i = 0; i < world->worker_count; i++)
        router_deinit(&world->workers[i].router);
}

void world_deinit(struct world *world)
{
    list_for_each (node, &world->hosts)
        sim_remove_endpoint(world->sim, container_of(node, struct host, link)->node);
    for (uint32_t i = 0; i < world->worker_count; i++)
        sim_remove_endpoint(world->sim, world->workers[i].node);
    while (!list_is_empty(&world->hosts))
        host_free(container_of(world->hosts.next, struct host, link));
    for (uint32_t i = 0; i < world->worker_count; i++)
        moq_native_bridge_deinit(&world->workers[i].bridge);
    const struct core_counters *counters = world_counters(world);
    REQUIRE(counters->sessions == 0);
    REQUIRE(counters->viewers == 0);
    REQUIRE(counters->announcements == 0);
    REQUIRE(counters->upstream_subscriptions == 0);
    stop_routers(world);
    REQUIRE(world->commons.waiting_count == 0);
    REQUIRE(!world->commons.identities);
    REQUIRE(!world->commons.audiences);
    router_commons_deinit(&world->commons);
    relay_config_free(&world->config);
    sim_free(&world->sim);
    REQUIRE(objects_report(stderr) == 0);
}

/* ---- Hosts ----------------------------------------------------------------------------------- */

static void check_clients_sessions(struct host *host)
{
    struct turns *turns = &host->turns;
    uint64_t position = 0;
    list_for_each (node, &host->clients) {
        const struct client *client = container_of(node, struct client, link);
        if (client->session && is_checked_now(turns, position))
            session_check(client->session);
        position++;
    }
    turns->sessions = position;
    turns->count++;
}

static uint64_t host_turn(void *self)
{
    struct host *host = self;
    uint64_t next_ns = CLOCK_NEVER;
    list_for_each_safe (node, &host->cameras) {
        uint64_t due_ns = camera_tick(container_of(node, struct camera, link));
        next_ns = due_ns < next_ns ? due_ns : next_ns;
    }
    tick_sessions(&host->bridge);
    check_clients_sessions(host);
    return next_ns;
}

struct host *world_host(struct world *world)
{
    return world_host_limited(world, &(struct quic_limits){0});
}

struct host *world_host_limited(struct world *world, const struct quic_limits *limits)
{
    struct host *host = calloc(1, sizeof *host);
    REQUIRE(host);
    host->world = world;
    list_init(&host->clients);
    list_init(&host->cameras);
    list_push_back(&world->hosts, &host->link);
    host->bridge = client_bridge;
    host->bridge.clock = sim_clock(world->sim);
    host->bridge.self = host;
    REQUIRE(moq_native_bridge_init(&host->bridge) == 0);
    const struct quic_endpoint_config endpoint = {
        .app = &moq_native_app, .user = &host->bridge, .limits = *limits};
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

uint64_t world_wall_ms(const struct world *world)
{
    return world->wall_offset_ms + world_now(world) / NS_PER_MS;
}

void world_jump(struct world *world, int64_t ms)
{
    world->wall_offset_ms += (uint64_t)ms;
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
    world->counters = (struct core_counters){0};
    for (uint32_t i = 0; i < world->worker_count; i++) {
        struct core_counters its;
        router_counters(&world->workers[i].router, &its);
#define ADD(name, help) world->counters.name += its.name;
        CORE_COUNTERS(ADD)
#undef ADD
    }
    return &world->counters;
}

bool world_is_empty(void *self)
{
    return world_counters(self)->sessions == 0;
}
