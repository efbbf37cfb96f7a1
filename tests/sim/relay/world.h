/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A whole relay and its peers in one process on a simulated network. A worker of the relay is a
 * router of server/core with an endpoint of quic; a host is an address with any number of clients.
 * Posts between workers take a random time, by the seed. */
#ifndef MOQ_TESTS_SIM_RELAY_WORLD_H
#define MOQ_TESTS_SIM_RELAY_WORLD_H

#include "native/bridge.h"
#include "server/core/outlet.h"
#include "server/core/peer_session.h"
#include "server/core/router_turn.h"
#include "server/core/settings.h"
#include "server/core/source.h"
#include "tests/sim/network.h"

enum { WORLD_WORKERS_MAX = 4 };

/* The wall clock when a simulation begins: the year 2033. */
#define WORLD_WALL_MS UINT64_C(2000000000000)

struct world_setup {
    uint64_t seed;
    struct sim_link link;
    const char *yaml; /* configuration of the relay; NULL: defaults */
    uint32_t workers; /* clients are assigned to them in turn; 0: MOQ_SIM_WORKERS, or one */
};

/* Lets each turn check only some of many sessions. */
struct turns {
    uint64_t count, sessions; /* turns so far, and sessions in the last one */
};

struct world_worker {
    struct world *world;
    struct router router;
    struct mailbox mailbox;
    struct moq_native_bridge bridge;
    int node;
    uint64_t next_sweep_ns, next_sample_ns, next_post_ns;
    uint64_t posts; /* posts that it has run */
    bool is_stuck;  /* runs no posts */
    struct turns turns;
};

struct world {
    struct sim *sim;
    struct relay_config *config;
    struct router_commons commons;
    struct mailbox *mailboxes[WORLD_WORKERS_MAX];
    struct world_worker workers[WORLD_WORKERS_MAX];
    uint32_t worker_count, next_worker;
    struct core_counters counters;
    struct list hosts;
    uint64_t wall_offset_ms; /* from the simulated time to the wall clock */
};

struct host { /* one address */
    struct list link;
    struct world *world;
    int node;
    struct moq_native_bridge bridge;
    struct list clients, cameras;
    struct turns turns;
};

void world_init(struct world *world, const struct world_setup *setup);

/* Frees everything, including open sessions, and checks that no object is left. */
void world_deinit(struct world *world);

/* Makes a host with an address of its own. The world owns it. */
struct host *world_host(struct world *world);
/* Makes a host whose endpoint has these limits. */
struct host *world_host_limited(struct world *world, const struct quic_limits *limits);

int world_next_node(struct world *world); /* the node of the worker that gets the next client */
void world_add_hook(struct world *world, struct core_hook *hook); /* to the first worker's chain */
/* Like core_answer(), for the first worker's chain. */
int world_answer(struct world *world, uint64_t number, enum core_verdict verdict);
void world_stick(struct world *world, uint32_t worker, bool is_stuck); /* hears no other worker */
void world_stop(struct world *world); /* the relay ends its sessions cleanly */

uint64_t world_now(const struct world *world);
uint64_t world_wall_ms(const struct world *world);
void world_jump(struct world *world, int64_t ms); /* the wall clock jumps */
void world_run(struct world *world, uint64_t duration_ns);
bool world_run_until(struct world *world, bool (*is_done)(void *self), void *self,
                     uint64_t limit_ns);
const struct core_counters *world_counters(struct world *world); /* of all workers together */
bool world_is_empty(void *world); /* no session is left at the relay; for world_run_until */

/* From now on nothing reaches this host and nothing comes from it. */
void host_vanish(struct host *host);

/* Ends its endpoint and all its clients without telling anybody, like a crash. */
void host_crash(struct host *host);

#endif
