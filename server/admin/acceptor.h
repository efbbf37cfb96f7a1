/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The listening socket of HTTP. Connections that cannot be taken yet wait in the kernel's queue. */
#ifndef MOQ_ADMIN_ACCEPTOR_H
#define MOQ_ADMIN_ACCEPTOR_H

#include <stdbool.h>
#include <sys/socket.h>
#include <uv.h>

struct acceptor {
    uv_poll_t poll;
    uv_timer_t retry;             /* while there is no descriptor for a connection */
    bool (*has_room)(void *self); /* for one more connection */
    /* Takes `fd`, which does not block. */
    void (*on_connection)(void *self, int fd, const struct sockaddr *address, socklen_t size);
    void *self;
    int fd;
    bool is_short; /* descriptors have run out, and the log says so */
};

/* Listens on `address`; callbacks and `self` are set before. Returns 0 or an errno: nothing is
 * open then. */
int acceptor_open(struct acceptor *acceptor, uv_loop_t *loop, const struct sockaddr *address);

/* There may be room again: continues to accept. */
void acceptor_go_on(struct acceptor *acceptor);

enum { ACCEPTOR_HANDLES = 2 };
/* Calls `on_closed` for each of its ACCEPTOR_HANDLES handles, whose `data` is self. */
void acceptor_close(struct acceptor *acceptor, uv_close_cb on_closed);

#endif
