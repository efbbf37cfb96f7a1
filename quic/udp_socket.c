/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* recvmmsg, sendmsg and their control messages. Steps 1 and 15 of a frame's walk. */
#include "quic/udp_socket.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum {
    DATAGRAM_MAX_BYTES = 65535, /* a train that UDP_GRO put together */
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

union address {
    struct sockaddr sa;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

/* ---- Addresses ------------------------------------------------------------------------------- */

static socklen_t address_size(const union address *address)
{
    return address->sa.sa_family == AF_INET6 ? sizeof address->in6 : sizeof address->in;
}

/* ::ffff:1.2.3.4 becomes 1.2.3.4. */
static void unmap(union address *address)
{
    if (address->sa.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&address->in6.sin6_addr))
        return;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = address->in6.sin6_port};
    memcpy(&in.sin_addr, address->in6.sin6_addr.s6_addr + 12, sizeof in.sin_addr);
    address->in = in;
}

static struct in6_addr mapped(struct in_addr in)
{
    struct in6_addr in6 = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
    memcpy(in6.s6_addr + 12, &in, sizeof in);
    return in6;
}

static void map(union address *address)
{
    if (address->sa.sa_family != AF_INET)
        return;
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
                               .sin6_port = address->in.sin_port,
                               .sin6_addr = mapped(address->in.sin_addr)};
    address->in6 = in6;
}

static void load(union address *address, const void *from, socklen_t n)
{
    memset(address, 0, sizeof *address);
    memcpy(address, from, n < sizeof *address ? n : sizeof *address);
}

static bool is_wildcard(const union address *address)
{
    if (address->sa.sa_family == AF_INET)
        return address->in.sin_addr.s_addr == htonl(INADDR_ANY);
    return IN6_IS_ADDR_UNSPECIFIED(&address->in6.sin6_addr);
}

/* ---- Opening --------------------------------------------------------------------------------- */

static void set_option(int fd, int level, int name, int value)
{
    /* Each of these is an improvement that a kernel may lack. */
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
    /* Byte 1 of packets with a short header, byte 6 of others. */
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
    /* An IPv6 wildcard takes IPv4 too, whatever the system's default is. */
    if (socket->family == AF_INET6)
        setsockopt(socket->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (config->is_joining && setsockopt(socket->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
        return MOQ_ERR_IO;
    if (bind(socket->fd, config->address, config->address_size) != 0)
        return MOQ_ERR_IO;
    /* The first one takes the address for itself before it lets others in: an address that another
     * process has is taken, whatever that one allows. */
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
    self->ring = rv == 0 ? malloc(sizeof *self->ring) : NULL;
    if (rv == 0 && self->ring) {
        self->ring->used = UDP_BATCH;
        return 0;
    }
    int saved = errno;
    udp_socket_close(self);
    errno = saved;
    return rv != 0 ? rv : MOQ_ERR_NOMEM;
}

void udp_socket_close(struct udp_socket *self)
{
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
    free(self->ring);
    self->ring = NULL;
}

/* ---- In -------------------------------------------------------------------------------------- */

static void read_control(struct cmsghdr *control, union address *local,
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

/* Only what the last batch changed. */
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

int udp_socket_receive(struct udp_socket *self,
                       void (*on_datagram)(void *self, const struct quic_datagram *datagram),
                       void *receiver)
{
    struct udp_ring *ring = self->ring;
    prepare_ring(ring, ring->used);
    ring->used = 0;
    int count = recvmmsg(self->fd, ring->messages, UDP_BATCH, 0, NULL);
    if (count < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : MOQ_ERR_IO;
    ring->used = (size_t)count;

    for (int i = 0; i < count; i++) {
        struct msghdr *header = &ring->messages[i].msg_hdr;
        size_t n = ring->messages[i].msg_len;
        union address local, remote;
        struct quic_datagram datagram = {.data = ring->data[i], .size = n, .segment_size = n};
        load(&local, &self->address, self->address_size);
        load(&remote, header->msg_name, header->msg_namelen);
        for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c))
            read_control(c, &local, &datagram);
        unmap(&local);
        unmap(&remote);
        datagram.local = &local.sa;
        datagram.local_size = address_size(&local);
        datagram.remote = &remote.sa;
        datagram.remote_size = address_size(&remote);
        on_datagram(receiver, &datagram);
    }
    return count;
}

/* ---- Out ------------------------------------------------------------------------------------- */

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
    union address local;
    load(&local, train->local, train->local_size);
    if (is_wildcard(&local))
        return;
    if (family == AF_INET6) {
        map(&local);
        struct in6_pktinfo info = {.ipi6_addr = local.in6.sin6_addr};
        add_control(header, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
    } else if (local.sa.sa_family == AF_INET) {
        struct in_pktinfo info = {.ipi_spec_dst = local.in.sin_addr};
        add_control(header, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    }
}

static int send_message(struct udp_socket *self, const struct quic_datagram *train, size_t offset,
                        size_t n)
{
    _Alignas(struct cmsghdr) uint8_t control[CONTROL_BYTES] = {0};
    union address remote;
    load(&remote, train->remote, train->remote_size);
    bool is_ipv4 = remote.sa.sa_family == AF_INET;
    if (self->family == AF_INET6)
        map(&remote);
    struct iovec piece = {.iov_base = (void *)(uintptr_t)(train->data + offset), .iov_len = n};
    struct msghdr header = {.msg_name = &remote,
                            .msg_namelen = address_size(&remote),
                            .msg_iov = &piece,
                            .msg_iovlen = 1,
                            .msg_control = control};
    add_local(&header, self->family, train);
    if (train->ecn != 0) {
        int ecn = train->ecn;
        add_control(&header, is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6, is_ipv4 ? IP_TOS : IPV6_TCLASS,
                    &ecn, sizeof ecn);
    }
    if (n > train->segment_size) {
        uint16_t segment_size = (uint16_t)train->segment_size;
        add_control(&header, IPPROTO_UDP, UDP_SEGMENT, &segment_size, sizeof segment_size);
    }
    if (header.msg_controllen == 0)
        header.msg_control = NULL;

    while (sendmsg(self->fd, &header, 0) < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return MOQ_ERR_AGAIN;
        if (errno != EINTR)
            return MOQ_ERR_IO;
    }
    return 0;
}

/* Packet by packet. Full in the middle: goes on from there when the same train is given again. */
static int send_one_by_one(struct udp_socket *self, const struct quic_datagram *train)
{
    int result = 0;
    while (self->resume_offset < train->size) {
        size_t left = train->size - self->resume_offset;
        size_t n = left < train->segment_size ? left : train->segment_size;
        int rv = send_message(self, train, self->resume_offset, n);
        if (rv == MOQ_ERR_AGAIN)
            return rv;
        if (rv != 0) {
            self->send_errors++;
            result = rv;
        }
        self->resume_offset += n;
    }
    self->resume_offset = 0;
    return result;
}

int udp_socket_send(struct udp_socket *self, const struct quic_datagram *train)
{
    bool is_train = train->size > train->segment_size;
    if (!is_train || !self->has_gso || self->resume_offset > 0)
        return send_one_by_one(self, train);

    int rv = send_message(self, train, 0, train->size);
    if (rv == 0 || rv == MOQ_ERR_AGAIN)
        return rv;
    if (errno == EIO || errno == EINVAL) {
        /* The device under this route cannot do it; the next trains need not try. */
        log_info(LOG_QUIC, "trains are sent packet by packet: %s", strerror(errno));
        self->has_gso = false;
        return send_one_by_one(self, train);
    }
    self->send_errors++;
    return rv;
}
