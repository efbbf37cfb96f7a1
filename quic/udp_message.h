/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One message to the kernel: a packet or a train, with what the kernel is to do about it in control
 * messages. Private to quic/udp_*.c.
 *
 * Hosts refuse single ones of these (a sandbox that knows no ECN, a device that cannot split
 * trains), and say EINVAL or EIO for all of them. Then the message is sent again at once with less
 * in it, and what it went without is left out from then on. */
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

struct udp_message { /* private, but for outboxes to keep */
    union udp_address remote, local;
    struct iovec piece;
    int family; /* the socket's */
    int ecn;
    uint16_t segment_size;
    uint8_t parts; /* UDP_PART_... that it has */
    union {
        struct cmsghdr align;
        uint8_t bytes[UDP_CONTROL_BYTES];
    } control;
};

/* `n` bytes at `data`, which belong to `train`, for sendmsg or sendmmsg. `header` points into
 * `message` and to `data`. */
void udp_message_compose(const struct udp_socket *socket, const struct quic_datagram *train,
                         const uint8_t *data, size_t n, struct msghdr *header,
                         struct udp_message *message);

/* The kernel took it. */
void udp_message_sent(struct udp_socket *socket, const struct udp_message *message);

/* The kernel refused it, for what errno says. Returns whether it was sent after all; if not, errno
 * is what it was. */
bool udp_message_send_reduced(struct udp_socket *socket, struct msghdr *header,
                              struct udp_message *message);

#ifdef __cplusplus
}
#endif
#endif
