/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The endpoint. Private to quic/; tested by tests/sim.
 *
 *   endpoint.c          turns (receive, tick, flush), and which connection a datagram belongs to
 *   endpoint_accept.c   datagrams without a connection: accept, Retry, Version Negotiation,
 *                       stateless reset, refusal
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
    CID_BYTES = 9,        /* of our IDs: one byte that names the worker, eight random bytes */
    LINGERING_MAX = 4096, /* closed connections that still answer; others are forgotten at once */
    RANDOM_POOL_BYTES = 256,
    WAITING_MAX_BYTES = 2048, /* largest datagram of a handshake that may wait */
};

struct pending_train { /* a train that the sink had no room for */
    ngtcp2_path_storage path;
    const uint8_t *data; /* in the sink's room */
    size_t size, segment_size;
    uint8_t ecn;
};

enum { PULL_MAX_PIECES = 16 };

struct stream_pull {            /* bytes that a stream has supplied for writing */
    struct quic_stream *stream; /* NULL: none is being written */
    ngtcp2_vec pieces[PULL_MAX_PIECES];
    size_t first, count; /* the pieces before `first` are used up */
    size_t taken;        /* bytes that are in packets, but the stream has not been told so */
    size_t left;         /* bytes that are not in packets yet */
    bool is_end;         /* the stream ends after these bytes */
    bool is_all;         /* the stream has no more bytes at the moment */
};
struct waiting { /* a copy of a handshake's datagram, to be handled after a flush */
    struct list link;
    ngtcp2_path_storage path;
    uint8_t ecn;
    size_t size;
    uint8_t data[];
};

struct false_starts {     /* first packets that could not be decrypted */
    uint64_t second;      /* the second that `now` counts */
    uint32_t now, before; /* in this second, and in the one before */
};

struct quic_endpoint {
    const struct moq_clock *clock;
    struct quic_tls *server_tls;
    const struct quic_app *app;
    void *user;
    struct quic_sink sink;
    struct quic_limits limits; /* with defaults in place of zeros */
    enum quic_congestion congestion;
    uint8_t worker, workers;
    bool is_steered;
    int (*forward)(void *self, uint8_t worker, const struct quic_datagram *packet);
    void *forward_self;
    struct quic_commons *commons; /* never NULL; of an endpoint that is alone it is `own` */
    struct quic_commons own;
    char *qlog_directory;
    FILE *keylog;
    struct routes routes;
    struct deadlines deadlines;
    struct pool pool;  /* memory for ngtcp2's objects */
    struct wide *wide; /* for packet keys; NULL: none */
    struct list conns, lingering, ready, dead_conns, dead_streams;
    struct list waiting;      /* datagrams of handshakes, oldest first */
    uint32_t handshake_spent; /* cost of the handshakes in this turn, see endpoint_accept.c */
    struct false_starts false_starts;
    uint64_t lingering_count;
    uint64_t last_number;
    uint8_t random_pool[RANDOM_POOL_BYTES];
    size_t random_left;
    uint64_t random_state; /* from the seed of a test; 0: the system's randomness is used */
    uint8_t secret[32];    /* for address tokens */
    struct reset_secret reset_secret;
    uint64_t replies_left, replies_at_ns; /* token bucket: answers to unknown datagrams */
    struct stream_pull pull;              /* of the connection that is writing */
    struct pending_train pending;
    bool is_blocked; /* `pending` waits for quic_endpoint_writable() */
    bool is_shut_down;
    struct quic_endpoint_stats stats;
    uint8_t *own_room; /* for a sink that has none */
};

uint64_t endpoint_now(const struct quic_endpoint *endpoint);
void endpoint_random(struct quic_endpoint *endpoint, uint8_t *out, size_t n);
void endpoint_new_cid(struct quic_endpoint *endpoint, ngtcp2_cid *cid);
/* `change`: 1 or -1. Returns how many connections all workers have then. */
uint32_t endpoint_count_conn(struct quic_endpoint *endpoint, int change);
void endpoint_count_half_open(struct quic_endpoint *endpoint, int change);
bool endpoint_is_full(const struct quic_endpoint *endpoint); /* no more are accepted */
/* Counts a connection of a client; false: as many as are allowed are there. */
bool endpoint_admit(struct quic_endpoint *endpoint);
int endpoint_reset_token(struct quic_endpoint *endpoint, const ngtcp2_cid *cid, uint8_t *token);

/* The place to write a train to, of QUIC_TRAIN_MAX_BYTES. Not to be used while `is_blocked`. */
uint8_t *endpoint_room(struct quic_endpoint *endpoint);
/* Sends the train at the start of that room. If the sink is full, the train waits and `is_blocked`
 * is set. */
void endpoint_send(struct quic_endpoint *endpoint, const ngtcp2_path *path, size_t size,
                   size_t segment_size, uint8_t ecn);
/* Sends a single packet that is not in that room. It is dropped if the sink is full. */
void endpoint_send_packet(struct quic_endpoint *endpoint, const ngtcp2_path *path, uint8_t ecn,
                          const uint8_t *data, size_t n);

/* endpoint_accept.c: datagrams of handshakes, and those without a connection. */
/* Copies a datagram into the queue. It is dropped if the queue is full, or if it is for no
 * connection and is not an Initial. `conn`: the connection that it is for; NULL if there is none
 * yet. */
void endpoint_wait(struct quic_endpoint *endpoint, const struct quic_conn *conn,
                   const ngtcp2_path *path, uint8_t ecn, const uint8_t *data, size_t n);
void endpoint_accept_waiting(struct quic_endpoint *endpoint); /* a bounded part of the queue */
void endpoint_forget_waiting(struct quic_endpoint *endpoint);
void endpoint_spend_step(struct quic_endpoint *endpoint); /* accounts for one step of TLS */
void endpoint_negotiate_version(struct quic_endpoint *endpoint, const ngtcp2_path *path,
                                const ngtcp2_version_cid *ids, size_t n);
void endpoint_reset_stateless(struct quic_endpoint *endpoint, const ngtcp2_path *path,
                              const uint8_t *data, size_t n);

#ifdef __cplusplus
}
#endif
#endif
