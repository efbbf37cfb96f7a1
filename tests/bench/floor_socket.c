/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The floor's socket: recvmmsg with UDP_GRO, sendmsg with UDP_SEGMENT, and nothing else. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/floor.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum { BATCH = 16, DATAGRAM_MAX_BYTES = 65535, BUFFER_BYTES = 4 << 20 };

static struct sockaddr_in loopback(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

int floor_socket_open(unsigned port)
{
    struct sockaddr_in address = loopback(port);
    int on = 1, bytes = BUFFER_BYTES;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on) == 0)
        return fd;
    close(fd);
    return -1;
}

static size_t segment_size_of(struct msghdr *header, size_t n)
{
    struct cmsghdr *control = CMSG_FIRSTHDR(header);
    int size = 0;
    if (control && control->cmsg_level == IPPROTO_UDP && control->cmsg_type == UDP_GRO)
        memcpy(&size, CMSG_DATA(control), sizeof size);
    return size > 0 ? (size_t)size : n;
}

void floor_socket_receive(struct floor *floor,
                          void (*on_packet)(struct floor *floor, const ngtcp2_path *path,
                                            const uint8_t *data, size_t n))
{
    static uint8_t data[BATCH][DATAGRAM_MAX_BYTES];
    _Alignas(struct cmsghdr) uint8_t controls[BATCH][CMSG_SPACE(sizeof(int))];
    struct sockaddr_in remotes[BATCH], local = loopback(floor->options.port);
    struct mmsghdr messages[BATCH];
    struct iovec pieces[BATCH];
    for (size_t i = 0; i < BATCH; i++) {
        pieces[i] = (struct iovec){data[i], DATAGRAM_MAX_BYTES};
        messages[i].msg_hdr = (struct msghdr){.msg_name = &remotes[i],
                                              .msg_namelen = sizeof remotes[i],
                                              .msg_iov = &pieces[i],
                                              .msg_iovlen = 1,
                                              .msg_control = controls[i],
                                              .msg_controllen = sizeof controls[i]};
    }

    int count = recvmmsg(floor->fd, messages, BATCH, 0, NULL);
    for (int i = 0; i < count; i++) {
        size_t n = messages[i].msg_len, segment = segment_size_of(&messages[i].msg_hdr, n);
        ngtcp2_path path = {.local = {(struct sockaddr *)&local, sizeof local},
                            .remote = {(struct sockaddr *)&remotes[i], sizeof remotes[i]}};
        for (size_t at = 0; at < n; at += segment)
            on_packet(floor, &path, data[i] + at, n - at < segment ? n - at : segment);
    }
}

void floor_socket_send(const struct floor *floor, const ngtcp2_path *path, size_t n,
                       size_t segment_size)
{
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(uint16_t))] = {0};
    struct iovec piece = {(void *)(uintptr_t)floor->train, n};
    struct msghdr header = {.msg_name = path->remote.addr,
                            .msg_namelen = path->remote.addrlen,
                            .msg_iov = &piece,
                            .msg_iovlen = 1};
    if (n > segment_size) {
        uint16_t size = (uint16_t)segment_size;
        struct cmsghdr *message = (struct cmsghdr *)(void *)control;
        *message = (struct cmsghdr){CMSG_LEN(sizeof size), IPPROTO_UDP, UDP_SEGMENT};
        memcpy(CMSG_DATA(message), &size, sizeof size);
        header.msg_control = control;
        header.msg_controllen = sizeof control;
    }
    while (sendmsg(floor->fd, &header, 0) < 0 && errno == EINTR)
        ;
}
