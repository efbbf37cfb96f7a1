/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* They wait in an epoll set of their own, so that each costs nothing but its descriptor.
 * Tested by tests/e2e/test_https.py. */
#include "server/admin/arrivals.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 64, TLS_HANDSHAKE_RECORD = 0x16 }; /* RFC 8446, section 5.1 */

struct arrivals {
    const struct arrivals_ops *ops;
    void *self;
    int epoll_fd;
    uv_poll_t poll;
};

static void judge_arrival(struct arrivals *arrivals, int fd)
{
    unsigned char byte;
    ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    epoll_ctl(arrivals->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    if (n == 1) {
        arrivals->ops->on_first_byte(arrivals->self, fd, byte == TLS_HANDSHAKE_RECORD);
        return;
    }
    arrivals->ops->on_gone(arrivals->self, fd);
    close(fd);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct arrivals *arrivals = poll->data;
    struct epoll_event ready[BATCH];
    (void)status, (void)events;
    int count = epoll_wait(arrivals->epoll_fd, ready, BATCH, 0);
    for (int i = 0; i < count; i++)
        judge_arrival(arrivals, ready[i].data.fd);
}

struct arrivals *arrivals_open(uv_loop_t *loop, const struct arrivals_ops *ops, void *self)
{
    struct arrivals *arrivals = calloc(1, sizeof *arrivals);
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!arrivals || epoll_fd < 0 || uv_poll_init(loop, &arrivals->poll, epoll_fd)) {
        free(arrivals);
        if (epoll_fd >= 0)
            close(epoll_fd);
        return NULL;
    }
    arrivals->ops = ops;
    arrivals->self = self;
    arrivals->epoll_fd = epoll_fd;
    arrivals->poll.data = arrivals;
    uv_poll_start(&arrivals->poll, UV_READABLE, on_readable);
    return arrivals;
}

bool arrivals_add(struct arrivals *arrivals, int fd)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = fd};
    return epoll_ctl(arrivals->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void arrivals_close(struct arrivals **pointer)
{
    struct arrivals *arrivals = *pointer;
    *pointer = NULL;
    if (!arrivals)
        return;
    uv_poll_stop(&arrivals->poll);
    close(arrivals->epoll_fd);
    uv_close((uv_handle_t *)&arrivals->poll, on_closed);
}
