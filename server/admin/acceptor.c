/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A connection that cannot be accepted keeps the socket readable: trying again at once would spin
 * until a descriptor is free, and nothing reports when that is. So the acceptor pauses for a
 * moment.
 * Tested by tests/e2e/test_limits.py. */
#include "server/admin/acceptor.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "base/log.h"

enum { BATCH = 64, RETRY_MS = 100, WHY_BYTES = 128 };

/* Errors of accept(2) that concern only one connection, which is gone. */
static bool is_of_connection(int error)
{
    return error == ECONNABORTED || error == EINTR || error == EPROTO || error == EPERM ||
           error == ENETDOWN || error == ENOPROTOOPT || error == EHOSTDOWN || error == ENONET ||
           error == EHOSTUNREACH || error == EOPNOTSUPP || error == ENETUNREACH;
}

static void on_retry(uv_timer_t *timer)
{
    acceptor_go_on(timer->data);
}

static void rest_acceptor(struct acceptor *acceptor, int error)
{
    uv_poll_stop(&acceptor->poll);
    if (!acceptor->is_short) {
        char why[WHY_BYTES];
        descriptors_explain(error, why, sizeof why);
        log_warn(LOG_ADMIN, "HTTP connections wait: %s", why);
    }
    acceptor->is_short = true;
    uv_timer_start(&acceptor->retry, on_retry, RETRY_MS, 0);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct acceptor *acceptor = poll->data;
    (void)status, (void)events;
    for (int i = 0; i < BATCH; i++) {
        struct sockaddr_storage address;
        socklen_t size = sizeof address;
        if (!acceptor->has_room(acceptor->self)) {
            uv_poll_stop(poll);
            return;
        }
        int fd =
            accept4(acceptor->fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            acceptor->on_connection(acceptor->self, fd, (const struct sockaddr *)&address, size);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            acceptor->is_short = false; /* no connection waits */
            return;
        } else if (!is_of_connection(errno)) {
            rest_acceptor(acceptor, errno);
            return;
        }
    }
}

/* Returns 0 or an errno. */
static int listen_on(int fd, const struct sockaddr *address)
{
    const int on = 1, off = 0;
    bool is_ipv6 = address->sa_family == AF_INET6;
    socklen_t size = is_ipv6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (is_ipv6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    return bind(fd, address, size) == 0 && listen(fd, SOMAXCONN) == 0 ? 0 : errno;
}

int acceptor_open(struct acceptor *acceptor, uv_loop_t *loop, const struct sockaddr *address)
{
    acceptor->fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (acceptor->fd < 0)
        return errno;
    int error = listen_on(acceptor->fd, address);
    if (error == 0)
        error = -uv_poll_init(loop, &acceptor->poll, acceptor->fd);
    if (error) {
        close(acceptor->fd);
        return error;
    }
    uv_timer_init(loop, &acceptor->retry);
    acceptor->poll.data = acceptor->retry.data = acceptor;
    uv_poll_start(&acceptor->poll, UV_READABLE, on_readable);
    return 0;
}

void acceptor_go_on(struct acceptor *acceptor)
{
    if (!uv_is_active((uv_handle_t *)&acceptor->poll))
        uv_poll_start(&acceptor->poll, UV_READABLE, on_readable);
}

void acceptor_close(struct acceptor *acceptor, uv_close_cb on_closed)
{
    acceptor->poll.data = acceptor->retry.data = acceptor->self;
    uv_close((uv_handle_t *)&acceptor->poll, on_closed);
    uv_close((uv_handle_t *)&acceptor->retry, on_closed);
    close(acceptor->fd);
}
