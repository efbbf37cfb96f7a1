/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A network in one process under a virtual clock: endpoints joined by links that lose, repeat,
 * reorder and delay packets as a seed decides, so that hours of a bad network pass in a moment.
 * tests/sim/pair.c shows how it is used. */
#ifndef MOQ_TESTS_SIM_NETWORK_H
#define MOQ_TESTS_SIM_NETWORK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "quic/quic.h"

enum { SIM_MAX_ENDPOINTS = 64, SIM_PACKET_MAX_BYTES = 2048, SIM_QUEUE_MAX_PACKETS = 200000 };

struct sim;

struct sim_link { /* the same for every pair, in each direction; zeros: perfect, and no time passes
                   */
    double loss_percent, duplicate_percent,
        reorder_percent; /* reorder: held back for one more delay */
    uint64_t delay_ns, jitter_ns;
    uint64_t bandwidth_bps; /* of each sender; 0: no limit */
    uint64_t largest_bytes; /* of UDP payload: larger packets vanish; 0: no limit */
    bool is_device;         /* the limit is in the sender's device, which refuses whole trains */
    uint64_t queue_ns;      /* a packet that would wait longer for bandwidth is lost; 0: no limit */
};

struct sim_stats {
    uint64_t sent, delivered, lost, duplicated, reordered, unroutable, bytes;
};

struct sim *sim_new(uint64_t seed, const struct sim_link *link);
void sim_free(struct sim **sim);                                 /* frees the endpoints, too */
void sim_set_link(struct sim *sim, const struct sim_link *link); /* for packets from now on */
void sim_stats(const struct sim *sim, struct sim_stats *stats);

/* Makes an endpoint; fills in `clock`, `sink` and `seed` of `config`. Returns its number, or -1. */
int sim_add_endpoint(struct sim *sim, const struct quic_endpoint_config *config);
void sim_remove_endpoint(struct sim *sim, int node); /* frees it: packets for it are lost */
/* Replaces the endpoint at an address by a new one, as after a crash, with the same `seed`. */
int sim_restart_endpoint(struct sim *sim, int node, const struct quic_endpoint_config *config);

/* Gives `node` a link of its own, for packets in both directions from now on. */
void sim_set_node_link(struct sim *sim, int node, const struct sim_link *link);

struct quic_endpoint *sim_endpoint(struct sim *sim, int node);
const struct sockaddr_in *sim_address(const struct sim *sim, int node);
struct moq_clock *sim_clock(struct sim *sim);

/* From now on, the others see `node` at another port, and only that one leads to it: like a NAT
 * that has forgotten its mapping. */
void sim_rebind(struct sim *sim, int node);

/* From now on, `node` itself believes that it has another port, and the others see no change: like
 * a client that moves to another port behind a NAT. */
void sim_move_inside(struct sim *sim, int node, uint16_t port);

/* How many packets `node` may send before its sink says MOQ_ERR_AGAIN; it is writable again 1 ms
 * later. 0: no limit. */
void sim_set_sink_room(struct sim *sim, int node, size_t packets);

/* Sets a function that is called in each turn of `node` before the flush, like on_turn of
 * quic_udp. */
void sim_on_turn(struct sim *sim, int node, uint64_t (*on_turn)(void *self), void *self);

/* Gives `node` a turn at `when_ns`, if it has none before. */
void sim_wake(struct sim *sim, int node, uint64_t when_ns);

/* Sets a function that is called with each packet that `node` sends. It returns true to lose the
 * packet. */
void sim_on_packet(struct sim *sim, int node,
                   bool (*on_packet)(void *self, const uint8_t *data, size_t n), void *self);

/* Calls quic_endpoint_connect() with the addresses filled in. */
struct quic_conn *sim_connect(struct sim *sim, int from, int to,
                              const struct quic_connect_config *config);

/* Delivers bytes to `to` as if they came from an unknown address. */
void sim_inject(struct sim *sim, int to, const uint8_t *data, size_t n);

/* Delivers bytes to `to` as if `from` sent them now, without loss or delay. */
void sim_replay(struct sim *sim, int from, int to, const uint8_t *data, size_t n);

/* Lets time pass until `is_done` returns true (NULL: never), at most `limit_ns`. Returns whether it
 * did. */
bool sim_run_until(struct sim *sim, bool (*is_done)(void *self), void *self, uint64_t limit_ns);
void sim_run(struct sim *sim, uint64_t duration_ns);

/* Checking invariants takes long if there are many objects. Then each object is checked only once
 * in this many turns: what is wrong stays wrong. */
uint64_t sim_check_every(uint64_t count);

uint64_t sim_random(struct sim *sim); /* from the seed */

#endif
