/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One UDP socket as QUIC wants it: many datagrams per call in (recvmmsg, UDP_GRO) and out
 * (sendmmsg, UDP_SEGMENT), with the local address and the ECN bits of each. Steps 1 and 15 of a
 * frame's walk. Private to quic/udp.c; opening and the way in are in udp_socket.c, the way out in
 * udp_send.c and udp_message.c.
 *
 * IPv4 on a dual-stack socket appears as IPv4 to the caller in both directions. */
#ifndef MOQ_QUIC_UDP_SOCKET_H
#define MOQ_QUIC_UDP_SOCKET_H

#include "quic/quic.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { UDP_TRAIN_MAX_PACKETS = 64 }; /* what every kernel with UDP_SEGMENT takes */

struct udp_ring;   /* private: memory to receive into */
struct udp_outbox; /* private: what waits to be sent */

struct udp_socket {
    int fd;                          /* read-only; -1: closed */
    int family;                      /* read-only */
    struct sockaddr_storage address; /* read-only: what was bound, its port filled in */
    socklen_t address_size;          /* read-only */
    bool has_gso;                    /* read-only: the kernel takes trains */
    uint8_t refused_parts;           /* private: what it takes not, see udp_message.h */
    uint8_t forbidden_marks;         /* private: by a firewall, since one passed */
    size_t resume_offset;            /* private: how much of a train is in the outbox already */
    struct udp_ring *ring;           /* private */
    struct udp_outbox *outbox;       /* private */
    uint64_t send_errors;            /* read-only: datagrams that the kernel refused for good */
};

struct udp_socket_config {
    const struct sockaddr *address;
    socklen_t address_size;
    bool is_shared;  /* others of this process may bind the same address after it */
    bool is_joining; /* it binds an address that is_shared already */
    bool is_gso_disabled;
};

/* Returns 0 or MOQ_ERR_IO (errno says why), MOQ_ERR_NOMEM. */
int udp_socket_open(struct udp_socket *socket, const struct udp_socket_config *config);
void udp_socket_close(struct udp_socket *socket);

/* Of several on one address, when all are open: the kernel gives a datagram to the socket whose
 * number, in the order of opening, is the first byte of its connection ID modulo `count`. 0 or
 * MOQ_ERR_IO (errno): it goes by addresses instead. */
int udp_socket_steer(const struct udp_socket *socket, uint8_t count);

enum { UDP_BATCH = 64 };

/* One recvmmsg for at most `batch` trains, UDP_BATCH or fewer; `on_datagram` gets each. Returns how
 * many came (fewer than asked for: nothing is left), 0: nothing there, MOQ_ERR_IO. */
int udp_socket_receive(struct udp_socket *socket, int batch,
                       void (*on_datagram)(void *self, const struct quic_datagram *datagram),
                       void *self);

/* Where the next train belongs, up to QUIC_TRAIN_MAX_BYTES: from there it is sent without a copy.
 * Until a train was taken it is the same place. */
uint8_t *udp_socket_room(struct udp_socket *socket);

/* A train of 16 KB or less goes with others: when there are enough of them, before a longer one, or
 * at udp_socket_flush. 0, MOQ_ERR_AGAIN (give the same train again later), MOQ_ERR_IO (dropped and
 * counted). */
int udp_socket_send(struct udp_socket *socket, const struct quic_datagram *train);

/* 0: nothing waits any more; MOQ_ERR_AGAIN: the kernel has no room for the rest. */
int udp_socket_flush(struct udp_socket *socket);

/* Of udp_socket.c: NULL if out of memory. */
struct udp_outbox *udp_outbox_new(void);
void udp_outbox_free(struct udp_outbox **outbox);

#ifdef __cplusplus
}
#endif
#endif
