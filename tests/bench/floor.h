/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The floor of fan-out: the least that a program can spend if it only makes frames and pushes them
 * over QUIC, or passes on the bytes that it is fed. There is no relay and no protocol: every
 * connection (ALPN moqf-02) gets the only track, each group as a unidirectional stream. Anything
 * that our relay spends beyond that is its own cost. */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <stdbool.h>

#include "base/now.h"
#include "quic/quic.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tls_session;

enum {
    FLOOR_CONNS_MAX = 4096,
    FLOOR_CID_BYTES = 9,
    FLOOR_TRAIN_MAX_BYTES = 64 * 1024,
    FLOOR_TRAIN_MAX_PACKETS = 64,
    FLOOR_WINDOW_BYTES = 1 << 20, /* of a connection: how far a feeder is ahead of its viewers */
};

struct floor_options {
    unsigned port, rate, size, group_ms; /* rate 0: there is always another frame */
    unsigned viewers, warm_up_ms, measure_ms;
    bool
        is_fed; /* serve: bytes come from a connection, frames are not made; view: feed them, too */
};

struct floor {
    struct floor_options options;
    int fd;
    struct moq_clock clock;
    struct quic_tls *tls;
    uint64_t made;             /* bytes of the track */
    uint64_t granted;          /* of them, to the feeder */
    struct floor_conn *feeder; /* or NULL */
    unsigned group_bytes;      /* of every group */
    uint8_t *body; /* of every group: all are alike, and bytes that are fed overwrite it */
    uint32_t count;
    struct floor_conn *conns[FLOOR_CONNS_MAX];
    uint64_t due_ns[FLOOR_CONNS_MAX]; /* apart from the connections, to be read in one go */
    uint8_t train[FLOOR_TRAIN_MAX_BYTES];
};

/* ---- floor_conn.c: a connection -------------------------------------------------------------- */

struct floor_conn {
    struct floor *floor;
    ngtcp2_conn *quic;
    struct tls_session *tls;
    ngtcp2_crypto_conn_ref ref;
    ngtcp2_cid first_dcid;
    uint32_t index;  /* the first bytes of its connection IDs */
    int64_t stream;  /* of the current group, or -1; the feeder's own */
    uint64_t group;  /* the one at hand */
    uint64_t offset; /* in it */
    bool is_blocked; /* by flow control, until a packet comes */
};

/* Its index is the number of earlier connections. NULL: it cannot be made. */
struct floor_conn *floor_conn_new(struct floor *floor, const ngtcp2_path *path, const uint8_t *data,
                                  size_t n);
void floor_conn_free(struct floor_conn *conn);

/* Both return false when it is over. */
bool floor_conn_receive(struct floor_conn *conn, const ngtcp2_path *path, const uint8_t *data,
                        size_t n);
bool floor_conn_expire(struct floor_conn *conn);
bool floor_conn_write(struct floor_conn *conn); /* all that it may, and sets its due time */
bool floor_conn_has_data(const struct floor_conn *conn);
uint64_t floor_conn_position(const struct floor_conn *conn); /* in the track */
void floor_conn_grant(struct floor_conn *feeder, uint64_t n);
bool floor_conn_is_up(const struct floor_conn *conn);

/* ---- floor_socket.c: the calls to the system ------------------------------------------------- */

int floor_socket_open(unsigned port);
/* Hands over what is there, packet by packet. */
void floor_socket_receive(struct floor *floor,
                          void (*on_packet)(struct floor *floor, const ngtcp2_path *path,
                                            const uint8_t *data, size_t n));
void floor_socket_send(const struct floor *floor, const ngtcp2_path *path, size_t n,
                       size_t segment_size);

/* ---- floor_client.c: viewers, on our own quic/, as the relay's are --------------------------- */

int floor_client(const struct floor_options *options);

#ifdef __cplusplus
}
#endif
#endif
