/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Opens sockets, and receives datagrams with their control messages: step 1 of a frame's walk.
 * udp_send.c sends them.
 * Tested by tests/unit/quic/test_udp.c. */
#include "quic/udp_socket.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "quic/udp_address.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103 /* as in udp_send.c */
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum {
    DATAGRAM_MAX_BYTES = 65535, /* a train that UDP_GRO has put together */
    CONTROL_BYTES = 128,
    SOCKET_BUFFER_BYTES = 4 << 20,
    ECN_MASK = 3,
};

struct udp_ring {
    struct mmsghdr messages[UDP_BATCH];
    struct iovec pieces[UDP_BATCH];
    struct sockaddr_storage remotes[UDP_BATCH];
    _Alignas(struct cmsghdr) uint8_t controls[UDP_BATCH][CONTROL_BYTES];
    uint8_t data[UDP_BATCH][DATAGRAM_MAX_BYTES];
    size_t used; /* entries that the kernel has written to */
};

/* ---- Opening --------------------------------------------------------------------------------- */

static void set_option(int fd, int level, int name, int value)
{
    /* An old kernel may lack one of these options, which only improve things. */
    if (setsockopt(fd, level, name, &value, sizeof value) != 0)
        log_debug(LOG_QUIC, "socket option %d/%d: %s", level, name, strerror(errno));
}

static void set_options(const struct udp_socket *socket)
{
    int fd = socket->fd;
    set_option(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER_BYTES);
    set_option(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER_BYTES);
    set_option(fd, IPPROTO_UDP, UDP_GRO, 1);
    set_option(fd, IPPROTO_IP, IP_RECVTOS, 1);
    set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
    if (socket->family == AF_INET) {
        set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
        return;
    }
    set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    set_option(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
    set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
}

int udp_socket_steer(const struct udp_socket *socket, uint8_t count)
{
    /* The connection ID begins at byte 1 of packets with a short header, at byte 6 of others. */
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x80, 0, 2),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6), BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 1), BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, count),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
    return setsockopt(socket->fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) ==
                   0
               ? 0
               : MOQ_ERR_IO;
}

static bool has_gso(int fd)
{
    int value = 0;
    socklen_t n = sizeof value;
    return getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &value, &n) == 0;
}

static int bind_socket(struct udp_socket *socket, const struct udp_socket_config *config)
{
    int off = 0, on = 1;
    /* An IPv6 wildcard socket receives IPv4, too, whatever the default of the system is. */
    if (socket->family == AF_INET6)
        setsockopt(socket->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (config->is_joining && setsockopt(socket->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
        return MOQ_ERR_IO;
    if (bind(socket->fd, config->address, config->address_size) != 0)
        return MOQ_ERR_IO;
    /* The first socket binds before it allows sharing. So binding fails if another process has the
     * address, even if that process allows sharing. */
    if (config->is_shared && setsockopt(socket->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
        return MOQ_ERR_IO;
    socket->address_size = sizeof socket->address;
    return getsockname(socket->fd, (struct sockaddr *)&socket->address, &socket->address_size) == 0
               ? 0
               : MOQ_ERR_IO;
}

static int open_socket(struct udp_socket *self, const struct udp_socket_config *config)
{
    self->family = config->address->sa_family;
    self->fd = socket(self->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (self->fd < 0 || bind_socket(self, config) != 0)
        return MOQ_ERR_IO;
    set_options(self);
    self->has_gso = !config->is_gso_disabled && has_gso(self->fd);
    return 0;
}

int udp_socket_open(struct udp_socket *self, const struct udp_socket_config *config)
{
    *self = (struct udp_socket){.fd = -1};
    int rv = open_socket(self, config);
    if (rv == 0) {
        self->ring = malloc(sizeof *self->ring);
        self->outbox = udp_outbox_new();
        rv = self->ring && self->outbox ? 0 : MOQ_ERR_NOMEM;
    }
    if (rv == 0) {
        self->ring->used = UDP_BATCH;
        return 0;
    }
    int saved = errno;
    udp_socket_close(self);
    errno = saved;
    return rv;
}

void udp_socket_close(struct udp_socket *self)
{
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
    free(self->ring);
    self->ring = NULL;
    udp_outbox_free(&self->outbox);
}

/* ---- In -------------------------------------------------------------------------------------- */

static void read_control(struct cmsghdr *control, union udp_address *local,
                         struct quic_datagram *datagram)
{
    const void *data = CMSG_DATA(control);
    int level = control->cmsg_level, type = control->cmsg_type;
    int number;
    if (level == IPPROTO_UDP && type == UDP_GRO) {
        memcpy(&number, data, sizeof number);
        datagram->segment_size = number > 0 ? (size_t)number : datagram->size;
    } else if (level == IPPROTO_IP && type == IP_TOS) {
        datagram->ecn = *(const uint8_t *)data & ECN_MASK;
    } else if (level == IPPROTO_IPV6 && type == IPV6_TCLASS) {
        memcpy(&number, data, sizeof number);
        datagram->ecn = (uint8_t)(number & ECN_MASK);
    } else if (level == IPPROTO_IP && type == IP_PKTINFO && local->sa.sa_family == AF_INET) {
        struct in_pktinfo info;
        memcpy(&info, data, sizeof info);
        local->in.sin_addr = info.ipi_addr;
    } else if (level == IPPROTO_IPV6 && type == IPV6_PKTINFO && local->sa.sa_family == AF_INET6) {
        struct in6_pktinfo info;
        memcpy(&info, data, sizeof info);
        local->in6.sin6_addr = info.ipi6_addr;
    }
}

/* Resets the first `count` entries, which are those that the last batch has changed. */
static void prepare_ring(struct udp_ring *ring, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ring->pieces[i] = (struct iovec){.iov_base = ring->data[i], .iov_len = DATAGRAM_MAX_BYTES};
        ring->messages[i].msg_hdr = (struct msghdr){.msg_name = &ring->remotes[i],
                                                    .msg_namelen = sizeof ring->remotes[i],
                                                    .msg_iov = &ring->pieces[i],
                                                    .msg_iovlen = 1,
                                                    .msg_control = ring->controls[i],
                                                    .msg_controllen = CONTROL_BYTES};
    }
}

int udp_socket_receive(struct udp_socket *self, int batch,
                       void (*on_datagram)(void *self, const struct quic_datagram *datagram),
                       void *receiver)
{
    struct udp_ring *ring = self->ring;
    prepare_ring(ring, ring->used);
    ring->used = 0;
    int count = recvmmsg(self->fd, ring->messages, (unsigned)batch, 0, NULL);
    if (count < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : MOQ_ERR_IO;
    ring->used = (size_t)count;

    for (int i = 0; i < count; i++) {
        struct msghdr *header = &ring->messages[i].msg_hdr;
        size_t n = ring->messages[i].msg_len;
        union udp_address local, remote;
        struct quic_datagram datagram = {.data = ring->data[i], .size = n, .segment_size = n};
        udp_address_load(&local, &self->address, self->address_size);
        udp_address_load(&remote, header->msg_name, header->msg_namelen);
        for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c))
            read_control(c, &local, &datagram);
        udp_address_unmap(&local);
        udp_address_unmap(&remote);
        datagram.local = &local.sa;
        datagram.local_size = udp_address_size(&local);
        datagram.remote = &remote.sa;
        datagram.remote_size = udp_address_size(&remote);
        on_datagram(receiver, &datagram);
    }
    return count;
}
