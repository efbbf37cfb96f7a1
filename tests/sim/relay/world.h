/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A whole relay and its peers in one process on a simulated network: the relay is server/core's
 * router behind an endpoint of quic, hosts are addresses with any number of clients. */
#ifndef MOQ_TESTS_SIM_RELAY_WORLD_H
#define MOQ_TESTS_SIM_RELAY_WORLD_H

#include "server/core/internal.h"
#include "tests/sim/network.h"

struct world_setup {
    uint64_t seed;
    struct sim_link link;
    const char *yaml; /* of the relay; NULL: all as by default */
};

struct world {
    struct sim *sim;
    struct relay_config *config;
    struct router router;
    struct moq_native_bridge bridge; /* the relay's */
    int node;                        /* the relay's */
    uint64_t next_sweep_ns;
    struct list hosts;
};

struct host { /* one address */
    struct list link;
    struct world *world;
    int node;
    struct moq_native_bridge bridge;
    struct list clients, feeds;
};

void world_init(struct world *world, const struct world_setup *setup);

/* Frees everything, sessions that are open included, and checks that nothing is left behind. */
void world_deinit(struct world *world);

/* An address of its own; the world's. */
struct host *world_host(struct world *world);

uint64_t world_now(const struct world *world);
void world_run(struct world *world, uint64_t duration_ns);
bool world_run_until(struct world *world, bool (*is_done)(void *self), void *self,
                     uint64_t limit_ns);
const struct core_counters *world_counters(struct world *world);
bool world_is_empty(void *world); /* no session is left at the relay; for world_run_until */

/* From now on nothing reaches this host and nothing comes from it. */
void host_vanish(struct host *host);

/* Ends its endpoint and all its clients without a word to anybody, as a crash. */
void host_crash(struct host *host);

#endif
