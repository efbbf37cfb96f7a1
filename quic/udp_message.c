/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Writes control messages, and finds out which of them the kernel accepts.
 * Tested by tests/unit/quic/test_udp_send.c. */
#include "quic/udp_message.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

#include "base/log.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103 /* as in udp_socket.c */
#endif

enum { FORBIDDEN_MARKS_MAX = 8 }; /* in a row: from then on there are none */

static void add_control(struct msghdr *header, int level, int type, const void *data, size_t n)
{
    struct cmsghdr *control =
        (struct cmsghdr *)(void *)((uint8_t *)header->msg_control + header->msg_controllen);
    control->cmsg_level = level;
    control->cmsg_type = type;
    control->cmsg_len = CMSG_LEN(n);
    memcpy(CMSG_DATA(control), data, n);
    header->msg_controllen += CMSG_SPACE(n);
}

/* Adds the local address. Answers must come from the address that the peer sent to, even if the
 * socket is bound to all addresses. */
static void add_local(struct msghdr *header, const struct udp_message *message)
{
    const union udp_address *local = &message->local;
    if (message->family == AF_INET6) {
        struct in6_pktinfo info = {.ipi6_addr = local->in6.sin6_addr};
        add_control(header, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
    } else {
        struct in_pktinfo info = {.ipi_spec_dst = local->in.sin_addr};
        add_control(header, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    }
}

static bool is_to_ipv4(const struct udp_message *message)
{
    return message->family == AF_INET || IN6_IS_ADDR_V4MAPPED(&message->remote.in6.sin6_addr);
}

static void add_ecn(struct msghdr *header, const struct udp_message *message)
{
    if (is_to_ipv4(message))
        add_control(header, IPPROTO_IP, IP_TOS, &message->ecn, sizeof message->ecn);
    else
        add_control(header, IPPROTO_IPV6, IPV6_TCLASS, &message->ecn, sizeof message->ecn);
}

static void write_control(struct msghdr *header, struct udp_message *message, unsigned parts)
{
    header->msg_control = message->control.bytes;
    header->msg_controllen = 0;
    if (parts & UDP_PART_LOCAL)
        add_local(header, message);
    if (parts & UDP_PART_ECN)
        add_ecn(header, message);
    if (parts & UDP_PART_TRAIN)
        add_control(header, IPPROTO_UDP, UDP_SEGMENT, &message->segment_size,
                    sizeof message->segment_size);
    if (header->msg_controllen == 0)
        header->msg_control = NULL;
}

/* Sets the address to send from. Returns whether the train has one and the socket can use it. */
static bool set_local(struct udp_message *message, const struct quic_datagram *train)
{
    union udp_address *local = &message->local;
    udp_address_load(local, train->local, train->local_size);
    bool is_known = !udp_address_is_wildcard(local);
    if (message->family == AF_INET6)
        udp_address_map(local);
    return is_known && local->sa.sa_family == message->family;
}

void udp_message_compose(const struct udp_socket *socket, const struct quic_datagram *train,
                         const uint8_t *data, size_t n, struct msghdr *header,
                         struct udp_message *message)
{
    message->family = socket->family;
    udp_address_load(&message->remote, train->remote, train->remote_size);
    if (message->family == AF_INET6)
        udp_address_map(&message->remote);
    message->piece = (struct iovec){.iov_base = (void *)(uintptr_t)data, .iov_len = n};
    message->ecn = train->ecn;
    message->segment_size = (uint16_t)train->segment_size;
    unsigned parts = set_local(message, train) ? UDP_PART_LOCAL : 0;
    if (train->ecn != 0)
        parts |= UDP_PART_ECN;
    if (n > train->segment_size)
        parts |= UDP_PART_TRAIN;
    message->parts = (uint8_t)(parts & ~(unsigned)socket->refused_parts);
    *header = (struct msghdr){.msg_name = &message->remote,
                              .msg_namelen = udp_address_size(&message->remote),
                              .msg_iov = &message->piece,
                              .msg_iovlen = 1};
    write_control(header, message, message->parts);
}

/* ---- Refused --------------------------------------------------------------------------------- */

static bool send_message(const struct udp_socket *socket, const struct msghdr *header)
{
    ssize_t sent;
    do
        sent = sendmsg(socket->fd, header, 0);
    while (sent < 0 && errno == EINTR);
    return sent >= 0;
}

/* Sends a message with these parts only. A train without UDP_SEGMENT is sent packet by packet;
 * packets for which there is no room are lost. */
static bool send_with(const struct udp_socket *socket, struct msghdr *header,
                      struct udp_message *message, unsigned parts)
{
    bool is_split = (message->parts & UDP_PART_TRAIN) && !(parts & UDP_PART_TRAIN);
    struct iovec whole = message->piece;
    size_t step = is_split ? message->segment_size : whole.iov_len;
    bool is_sent = true;
    write_control(header, message, parts);
    for (size_t offset = 0; is_sent && offset < whole.iov_len; offset += step) {
        size_t left = whole.iov_len - offset;
        message->piece = (struct iovec){.iov_base = (uint8_t *)whole.iov_base + offset,
                                        .iov_len = left < step ? left : step};
        is_sent = send_message(socket, header) || offset > 0;
    }
    message->piece = whole;
    return is_sent;
}

/* Remembers what the kernel has rejected. A local address may be rejected because the host no
 * longer has it, which says nothing about other addresses, unless the socket is bound to that
 * one. */
static void remember_refusal(struct udp_socket *socket, unsigned refused, const char *why)
{
    union udp_address bound;
    udp_address_load(&bound, (const struct sockaddr *)&socket->address, socket->address_size);
    if (udp_address_is_wildcard(&bound))
        refused &= ~(unsigned)UDP_PART_LOCAL;
    if (refused & UDP_PART_ECN)
        log_info(LOG_QUIC, "packets are sent without ECN marks: the kernel rejects them (%s)", why);
    if (refused & UDP_PART_TRAIN)
        log_info(LOG_QUIC,
                 "packets are sent one by one, without GSO: the kernel rejects trains (%s)", why);
    if (refused & UDP_PART_LOCAL)
        log_info(LOG_QUIC, "the kernel chooses the source address of packets: it rejects ours (%s)",
                 why);
    socket->refused_parts |= (uint8_t)refused;
    socket->has_gso = socket->has_gso && !(refused & UDP_PART_TRAIN);
}

/* The parts that may be the reason for the error `why`; 0: none of them. EPERM comes from a
 * firewall or a sandbox, which may object to ECN marks. It says nothing about trains. */
static unsigned parts_in_question(int why, unsigned parts)
{
    if (why == EPERM)
        return parts & UDP_PART_ECN;
    return why == EINVAL || why == EIO || why == EOPNOTSUPP || why == ENOPROTOOPT ? parts : 0;
}

/* Whether an EPERM may be chance. A firewall that drops packets at random or by rate causes it,
 * and so does a full connection table; the same packet passes the next time. */
static bool is_by_chance(struct udp_socket *socket, int why)
{
    return why == EPERM && ++socket->forbidden_marks < FORBIDDEN_MARKS_MAX;
}

void udp_message_sent(struct udp_socket *socket, const struct udp_message *message)
{
    if (message->parts & UDP_PART_ECN)
        socket->forbidden_marks = 0;
}

bool udp_message_send_reduced(struct udp_socket *socket, struct msghdr *header,
                              struct udp_message *message)
{
    /* Leaves out as little as possible. */
    static const uint8_t tries[] = {
        UDP_PART_ECN,
        UDP_PART_TRAIN,
        UDP_PART_LOCAL,
        UDP_PART_ECN | UDP_PART_TRAIN,
        UDP_PART_ECN | UDP_PART_LOCAL,
        UDP_PART_TRAIN | UDP_PART_LOCAL,
        UDP_PART_ECN | UDP_PART_TRAIN | UDP_PART_LOCAL,
    };
    int why = errno;
    unsigned parts = parts_in_question(why, message->parts);
    bool is_sent = false;
    for (size_t i = 0; i < sizeof tries && !is_sent; i++) {
        if ((parts & tries[i]) != tries[i])
            continue;
        is_sent = send_with(socket, header, message, message->parts & ~(unsigned)tries[i]);
        if (is_sent && !is_by_chance(socket, why))
            remember_refusal(socket, tries[i], strerror(why));
    }
    errno = why;
    return is_sent;
}
