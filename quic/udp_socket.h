/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A UDP socket for QUIC. It receives (recvmmsg, UDP_GRO) and sends (sendmmsg, UDP_SEGMENT) many
 * datagrams per call, with the local address and the ECN bits of each. Steps 1 and 15 of a frame's
 * walk. Private to quic/udp.c. udp_socket.c opens sockets and receives; udp_send.c and
 * udp_message.c send.
 *
 * The caller sees IPv4 on a dual-stack socket as IPv4 in both directions. */
#ifndef MOQ_QUIC_UDP_SOCKET_H
#define MOQ_QUIC_UDP_SOCKET_H

#include "quic/quic.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { UDP_TRAIN_MAX_PACKETS = 64 }; /* every kernel with UDP_SEGMENT accepts this many */

struct udp_ring;   /* private: memory to receive into */
struct udp_outbox; /* private: what waits to be sent */

struct udp_socket {
    int fd;                          /* read-only; -1: closed */
    int family;                      /* read-only */
    struct sockaddr_storage address; /* read-only: the bound address with its actual port */
    socklen_t address_size;          /* read-only */
    bool has_gso;                    /* read-only: the kernel accepts trains */
    uint8_t refused_parts;           /* private: what the kernel rejects, see udp_message.h */
    uint8_t forbidden_marks;         /* private: with ECN, rejected by EPERM since one passed */
    size_t resume_offset;            /* private: bytes of the train in the outbox already */
    struct udp_ring *ring;           /* private */
    struct udp_outbox *outbox;       /* private */
    uint64_t send_errors;            /* read-only: messages rejected in every form */
};

struct udp_socket_config {
    const struct sockaddr *address;
    socklen_t address_size;
    bool is_shared;  /* other sockets of this process may bind the same address afterwards */
    bool is_joining; /* binds an address for which another socket has set is_shared */
    bool is_gso_disabled;
};

/* Opens and binds a socket. Returns 0, MOQ_ERR_IO (errno says why) or MOQ_ERR_NOMEM. */
int udp_socket_open(struct udp_socket *socket, const struct udp_socket_config *config);
void udp_socket_close(struct udp_socket *socket);

/* Steers datagrams among `count` sockets on one address. Call it for one of them when all are open.
 * The kernel then passes a datagram to the socket whose number, in the order of opening, is the
 * first byte of the connection ID modulo `count`. Returns 0, or MOQ_ERR_IO (errno says why); then
 * the kernel chooses by addresses. */
int udp_socket_steer(const struct udp_socket *socket, uint8_t count);

enum { UDP_BATCH = 64 };

/* Receives at most `batch` (up to UDP_BATCH) trains with one recvmmsg, and calls `on_datagram` for
 * each. Returns their number, or MOQ_ERR_IO. If it is less than `batch`, nothing is left. */
int udp_socket_receive(struct udp_socket *socket, int batch,
                       void (*on_datagram)(void *self, const struct quic_datagram *datagram),
                       void *self);

/* The place to write the next train to, of QUIC_TRAIN_MAX_BYTES, so that it can be sent without a
 * copy. It stays the same until a train has been accepted. */
uint8_t *udp_socket_room(struct udp_socket *socket);

/* Sends a train. A train of at most 16 KB is sent together with others: when there are enough of
 * them, before a longer train, or by udp_socket_flush(). Returns 0, MOQ_ERR_AGAIN (pass the same
 * train again later) or MOQ_ERR_IO (it was dropped and counted). */
int udp_socket_send(struct udp_socket *socket, const struct quic_datagram *train);
/* Sends what waits. Returns 0, or MOQ_ERR_AGAIN if the kernel has no room for the rest. */
int udp_socket_flush(struct udp_socket *socket);

/* For udp_socket.c. NULL: out of memory. */
struct udp_outbox *udp_outbox_new(void);
void udp_outbox_free(struct udp_outbox **outbox);

#ifdef __cplusplus
}
#endif
#endif
