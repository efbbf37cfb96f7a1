/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Connections whose first byte has not come yet. It says whether a client speaks TLS, so HTTP and
 * HTTPS share a port. */
#ifndef MOQ_ADMIN_ARRIVALS_H
#define MOQ_ADMIN_ARRIVALS_H

#include <stdbool.h>
#include <uv.h>

struct arrivals;

struct arrivals_ops {
    void (*on_first_byte)(void *self, int fd, bool is_tls); /* takes it; nothing has been read */
    void (*on_gone)(void *self, int fd);                    /* it is about to be closed */
};

/* `ops` are kept. NULL: out of memory or descriptors. */
struct arrivals *arrivals_open(uv_loop_t *loop, const struct arrivals_ops *ops, void *self);
/* Waits for the first byte of `fd`. False: the kernel has no memory, and nothing has changed. */
bool arrivals_add(struct arrivals *arrivals, int fd);
/* Those that wait stay open: they are the caller's. Sets *arrivals to NULL, may point to NULL. */
void arrivals_close(struct arrivals **arrivals);

#endif
