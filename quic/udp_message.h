/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One message to the kernel: a packet or a train, with control messages that say how to send it.
 * Private to quic/udp_*.c.
 *
 * Some hosts reject certain control messages: a sandbox may not know ECN, a device may be unable to
 * split trains. The error is EINVAL or EIO in each case. Then the message is sent again at once
 * with fewer control messages, and those that it succeeded without are left out from then on. */
#ifndef MOQ_QUIC_UDP_MESSAGE_H
#define MOQ_QUIC_UDP_MESSAGE_H

#include <netinet/in.h>

#include "quic/udp_address.h"
#include "quic/udp_socket.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    UDP_PART_LOCAL = 1, /* the address to send from: IP_PKTINFO, IPV6_PKTINFO */
    UDP_PART_ECN = 2,   /* IP_TOS, IPV6_TCLASS */
    UDP_PART_TRAIN = 4, /* UDP_SEGMENT */
    UDP_CONTROL_BYTES = 128,
};

struct udp_message { /* private, but outboxes contain it */
    union udp_address remote, local;
    struct iovec piece;
    int family; /* of the socket */
    int ecn;
    uint16_t segment_size;
    uint8_t parts; /* the UDP_PART_... that it has */
    union {
        struct cmsghdr align;
        uint8_t bytes[UDP_CONTROL_BYTES];
    } control;
};

/* Prepares `header` for sendmsg or sendmmsg, to send the `n` bytes at `data`, which belong to
 * `train`. `header` points into `message` and to `data`. */
void udp_message_compose(const struct udp_socket *socket, const struct quic_datagram *train,
                         const uint8_t *data, size_t n, struct msghdr *header,
                         struct udp_message *message);

/* Called when the kernel has accepted a message. */
void udp_message_sent(struct udp_socket *socket, const struct udp_message *message);

/* Called when the kernel has rejected a message, with its reason in errno. Returns whether the
 * message could be sent with fewer control messages; if not, errno is unchanged. */
bool udp_message_send_reduced(struct udp_socket *socket, struct msghdr *header,
                              struct udp_message *message);

#ifdef __cplusplus
}
#endif
#endif
