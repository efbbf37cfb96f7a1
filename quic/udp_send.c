/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Datagrams out: step 15 of a frame's walk. The trains of many connections are written into an
 * outbox, one behind the other, and one sendmmsg hands them to the kernel together: that spares a
 * call for each, and whoever receives them is woken once. A long train goes at once. */
#include "quic/udp_socket.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>

#include "base/log.h"
#include "quic/udp_address.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103 /* as in udp_socket.c */
#endif

enum {
    OUTBOX_MESSAGES = 16,
    OUTBOX_BYTES = 64 << 10,           /* with so much in it nothing is added */
    OUTBOX_TRAIN_MAX_BYTES = 16 << 10, /* a longer one is worth a call of its own */
    CONTROL_BYTES = 128,
};

struct message {
    union udp_address remote;
    struct iovec piece;
    bool is_train;
    _Alignas(struct cmsghdr) uint8_t control[CONTROL_BYTES];
};

struct udp_outbox {
    struct mmsghdr headers[OUTBOX_MESSAGES];
    struct message messages[OUTBOX_MESSAGES];
    size_t first, count; /* of the messages: those before `first` are out */
    size_t used;         /* bytes of `data`; the next train is written behind them */
    uint8_t data[OUTBOX_BYTES + OUTBOX_TRAIN_MAX_BYTES + QUIC_TRAIN_MAX_BYTES];
};

struct udp_outbox *udp_outbox_new(void)
{
    return calloc(1, sizeof(struct udp_outbox));
}

void udp_outbox_free(struct udp_outbox **outbox)
{
    free(*outbox);
    *outbox = NULL;
}

/* ---- One message ----------------------------------------------------------------------------- */

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

/* Answers leave from the address that was written to, also where the socket is bound to all of
 * them. */
static void add_local(struct msghdr *header, int family, const struct quic_datagram *train)
{
    union udp_address local;
    udp_address_load(&local, train->local, train->local_size);
    if (udp_address_is_wildcard(&local))
        return;
    if (family == AF_INET6) {
        udp_address_map(&local);
        struct in6_pktinfo info = {.ipi6_addr = local.in6.sin6_addr};
        add_control(header, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
    } else if (local.sa.sa_family == AF_INET) {
        struct in_pktinfo info = {.ipi_spec_dst = local.in.sin_addr};
        add_control(header, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    }
}

/* `n` bytes at `data`, which belong to `train`. */
static void compose(const struct udp_socket *self, const struct quic_datagram *train,
                    const uint8_t *data, size_t n, struct msghdr *header, struct message *message)
{
    udp_address_load(&message->remote, train->remote, train->remote_size);
    bool is_ipv4 = message->remote.sa.sa_family == AF_INET;
    if (self->family == AF_INET6)
        udp_address_map(&message->remote);
    message->piece = (struct iovec){.iov_base = (void *)(uintptr_t)data, .iov_len = n};
    *header = (struct msghdr){.msg_name = &message->remote,
                              .msg_namelen = udp_address_size(&message->remote),
                              .msg_iov = &message->piece,
                              .msg_iovlen = 1,
                              .msg_control = message->control};
    add_local(header, self->family, train);
    if (train->ecn != 0) {
        int ecn = train->ecn;
        add_control(header, is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6, is_ipv4 ? IP_TOS : IPV6_TCLASS,
                    &ecn, sizeof ecn);
    }
    message->is_train = n > train->segment_size;
    if (message->is_train) {
        uint16_t segment_size = (uint16_t)train->segment_size;
        add_control(header, IPPROTO_UDP, UDP_SEGMENT, &segment_size, sizeof segment_size);
    }
    if (header->msg_controllen == 0)
        header->msg_control = NULL;
}

static bool is_full(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

/* The kernel refuses what errno says. The device under this route may be one that cannot split
 * trains; then the next ones need not try. */
static void refuse(struct udp_socket *self, bool is_train)
{
    self->send_errors++;
    if (!is_train || !self->has_gso || (errno != EIO && errno != EINVAL))
        return;
    log_info(LOG_QUIC, "trains are sent packet by packet: %s", strerror(errno));
    self->has_gso = false;
}

/* ---- The outbox ------------------------------------------------------------------------------ */

/* What is refused is lost, as packets are: QUIC sends it again. */
int udp_socket_flush(struct udp_socket *self)
{
    struct udp_outbox *outbox = self->outbox;
    while (outbox->first < outbox->count) {
        int sent = sendmmsg(self->fd, outbox->headers + outbox->first,
                            (unsigned)(outbox->count - outbox->first), 0);
        if (sent > 0)
            outbox->first += (size_t)sent;
        else if (is_full())
            return MOQ_ERR_AGAIN;
        else if (errno != EINTR)
            refuse(self, outbox->messages[outbox->first++].is_train);
    }
    outbox->first = outbox->count = outbox->used = 0;
    return 0;
}

static bool is_outbox_full(const struct udp_outbox *outbox)
{
    return outbox->count == OUTBOX_MESSAGES || outbox->used >= OUTBOX_BYTES;
}

uint8_t *udp_socket_room(struct udp_socket *self)
{
    return self->outbox->data + self->outbox->used;
}

/* `n` bytes of a train; they mostly are in place already. Returns 0 or MOQ_ERR_AGAIN. */
static int put(struct udp_socket *self, const struct quic_datagram *train, size_t offset, size_t n)
{
    struct udp_outbox *outbox = self->outbox;
    if (is_outbox_full(outbox) && udp_socket_flush(self) != 0)
        return MOQ_ERR_AGAIN;
    uint8_t *data = udp_socket_room(self);
    struct message *message = &outbox->messages[outbox->count];
    if (data != train->data + offset)
        memmove(data, train->data + offset, n);
    compose(self, train, data, n, &outbox->headers[outbox->count].msg_hdr, message);
    outbox->used += n;
    outbox->count++;
    /* At once, so that the next train is written where it will be sent from. Without room in the
     * kernel, whoever comes next hears of it. */
    if (is_outbox_full(outbox))
        udp_socket_flush(self);
    return 0;
}

static int send_at_once(struct udp_socket *self, const struct quic_datagram *train)
{
    struct message message;
    struct msghdr header;
    if (udp_socket_flush(self) != 0)
        return MOQ_ERR_AGAIN;
    memset(&message, 0, sizeof message);
    compose(self, train, train->data, train->size, &header, &message);
    while (sendmsg(self->fd, &header, 0) < 0) {
        if (is_full())
            return MOQ_ERR_AGAIN;
        if (errno == EINTR)
            continue;
        refuse(self, message.is_train);
        return MOQ_ERR_IO;
    }
    return 0;
}

int udp_socket_send(struct udp_socket *self, const struct quic_datagram *train)
{
    if (self->has_gso && train->size > OUTBOX_TRAIN_MAX_BYTES)
        return send_at_once(self, train);

    size_t step = self->has_gso ? train->size : train->segment_size;
    while (self->resume_offset < train->size) {
        size_t left = train->size - self->resume_offset;
        size_t n = left < step ? left : step;
        int rv = put(self, train, self->resume_offset, n);
        if (rv != 0)
            return rv;
        self->resume_offset += n;
    }
    self->resume_offset = 0;
    return 0;
}
