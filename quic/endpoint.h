/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The endpoint from the inside. Private to quic/; tested by tests/sim.
 *
 *   endpoint.c          turns: receive, tick, flush; finds the connection of a datagram
 *   endpoint_accept.c   datagrams of no connection: accept, Retry, versions, reset, refusal
 */
#ifndef MOQ_QUIC_ENDPOINT_H
#define MOQ_QUIC_ENDPOINT_H

#include <ngtcp2/ngtcp2.h>
#include <stdio.h>

#include "base/deadlines.h"
#include "base/list.h"
#include "quic/aead_wide.h"
#include "quic/pool.h"
#include "quic/quic.h"
#include "quic/reset_secret.h"
#include "quic/routes.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    CID_BYTES = 9,        /* ours: one byte that steers to a worker, eight that nobody guesses */
    LINGERING_MAX = 4096, /* closed connections that still answer; the next are forgotten at once */
    RANDOM_POOL_BYTES = 256,
    WAITING_MAX_BYTES = 2048, /* of one datagram of a handshake */
};

struct pending_train { /* built, but the sink did not take it */
    ngtcp2_path_storage path;
    const uint8_t *data; /* the sink's room */
    size_t size, segment_size;
    uint8_t ecn;
};

enum { PULL_MAX_PIECES = 16 };

struct stream_pull {            /* what a stream gave to be written */
    struct quic_stream *stream; /* NULL: none is being written */
    ngtcp2_vec pieces[PULL_MAX_PIECES];
    size_t first, count; /* of the pieces: those before `first` are used up */
    size_t taken, left;  /* bytes: in packets, of which the stream has not been told; not yet */
    bool is_end;         /* the stream ends after them */
    bool is_all;         /* it has no more than these */
};

struct waiting { /* a datagram of a handshake, copied; its turn comes after a flush */
    struct list link;
    ngtcp2_path_storage path;
    uint8_t ecn;
    size_t size;
    uint8_t data[];
};

struct false_starts { /* first packets that could not be read */
    uint64_t second;  /* of `now` */
    uint32_t now, before;
};

struct quic_endpoint {
    const struct moq_clock *clock;
    struct quic_tls *server_tls;
    const struct quic_app *app;
    void *user;
    struct quic_sink sink;
    struct quic_limits limits; /* without zeros */
    enum quic_congestion congestion;
    uint8_t worker, workers;
    bool is_steered;
    int (*forward)(void *self, uint8_t worker, const struct quic_datagram *packet);
    void *forward_self;
    struct quic_commons *commons; /* never NULL: alone it is `own` */
    struct quic_commons own;
    char *qlog_directory;
    FILE *keylog;
    struct routes routes;
    struct deadlines deadlines;
    struct pool pool;  /* ngtcp2's objects */
    struct wide *wide; /* for its keys; NULL: none */
    struct list conns, lingering, ready, dead_conns, dead_streams;
    struct list waiting;      /* of handshakes, oldest first */
    uint32_t handshake_spent; /* on them, in this turn */
    struct false_starts false_starts;
    uint64_t lingering_count;
    uint64_t last_number;
    uint8_t random_pool[RANDOM_POOL_BYTES];
    size_t random_left;
    uint64_t random_state; /* of a test's seed; 0: the system's randomness */
    uint8_t secret[32];    /* of address tokens */
    struct reset_secret reset_secret;
    uint64_t replies_left, replies_at_ns; /* a bucket for answers to datagrams of nobody */
    struct stream_pull pull;              /* of the connection that is writing */
    struct pending_train pending;
    bool is_blocked; /* `pending` waits for quic_endpoint_writable */
    bool is_shut_down;
    struct quic_endpoint_stats stats;
    uint8_t *own_room; /* for a sink that has none */
};

uint64_t endpoint_now(const struct quic_endpoint *endpoint);
void endpoint_random(struct quic_endpoint *endpoint, uint8_t *out, size_t n);
void endpoint_new_cid(struct quic_endpoint *endpoint, ngtcp2_cid *cid);
/* 1: one more; -1 */
void endpoint_count_conn(struct quic_endpoint *endpoint, int change);
void endpoint_count_half_open(struct quic_endpoint *endpoint, int change);
bool endpoint_is_full(const struct quic_endpoint *endpoint); /* no more are accepted */
int endpoint_reset_token(struct quic_endpoint *endpoint, const ngtcp2_cid *cid, uint8_t *token);

/* Where a train is written, QUIC_TRAIN_MAX_BYTES at most: not while is_blocked. */
uint8_t *endpoint_room(struct quic_endpoint *endpoint);
/* Sends what is at the start of that room. Once the sink is full the train waits, and is_blocked is
 * set. */
void endpoint_send(struct quic_endpoint *endpoint, const ngtcp2_path *path, size_t size,
                   size_t segment_size, uint8_t ecn);
/* A single packet from elsewhere, dropped if the sink is full. */
void endpoint_send_packet(struct quic_endpoint *endpoint, const ngtcp2_path *path, uint8_t ecn,
                          const uint8_t *data, size_t n);

/* endpoint_accept.c: datagrams of handshakes, and those that belong to no connection. */
/* Copies it into the queue, or drops it: no Initial, or no room. `conn`: the one it is for, or NULL
 * if that is not made yet. */
void endpoint_wait(struct quic_endpoint *endpoint, const struct quic_conn *conn,
                   const ngtcp2_path *path, uint8_t ecn, const uint8_t *data, size_t n);
void endpoint_accept_waiting(struct quic_endpoint *endpoint); /* a bounded part of the queue */
void endpoint_forget_waiting(struct quic_endpoint *endpoint);
void endpoint_spend_step(struct quic_endpoint *endpoint); /* TLS has something to do */
void endpoint_negotiate_version(struct quic_endpoint *endpoint, const ngtcp2_path *path,
                                const ngtcp2_version_cid *ids, size_t n);
void endpoint_reset_stateless(struct quic_endpoint *endpoint, const ngtcp2_path *path,
                              const uint8_t *data, size_t n);

#ifdef __cplusplus
}
#endif
#endif
