/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An echo server and a client on a simulated network, which most tests of quic/ need. */
#ifndef MOQ_TESTS_SIM_PAIR_H
#define MOQ_TESTS_SIM_PAIR_H

#include "tests/sim/peer.h"

struct pair {
    struct sim *sim;
    struct peer server, client;
    int server_node, client_node;
    enum quic_protocol protocol;
    struct quic_endpoint_config server_config, client_config; /* may be changed before pair_start */
    uint64_t idle_ns, keep_alive_ns; /* of the client's connections; 0: its limits */
};

struct pair_setup {
    uint64_t seed;
    enum quic_protocol protocol;
    struct sim_link link;
};

void pair_init(struct pair *pair, const struct pair_setup *setup);
void pair_start(struct pair *pair);             /* makes the endpoints */
struct quic_conn *pair_dial(struct pair *pair); /* begins to connect */
void pair_meet(struct pair *pair);    /* dials, and waits until both sides are connected */
void pair_connect(struct pair *pair); /* pair_start() and pair_meet() */

/* Frees everything, and checks that no object is left. */
void pair_deinit(struct pair *pair);

bool pair_is_over(void *pair);               /* both sides know that it has ended */
void pair_echo(struct pair *pair, size_t n); /* sends `n` bytes and waits until they are back */

struct quic_endpoint_stats pair_server_stats(struct pair *pair);

#endif
