/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A server of HTTP or HTTPS without a socket of its own: libmicrohttpd, which is given connections
 * and run by the main loop. */
#ifndef MOQ_ADMIN_DAEMON_H
#define MOQ_ADMIN_DAEMON_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "server/admin/guests.h"
#include "server/admin/pages.h"

struct daemon;

struct daemon_config {
    uv_loop_t *loop;
    const struct pages *pages;    /* kept */
    struct guests *guests;        /* kept: its connections are among them */
    const struct quic_pem *pem;   /* NULL: plain HTTP; not kept */
    void (*on_ready)(void *self); /* daemon_run is to be called */
    void *self;
};

/* NULL: out of memory or descriptors, as errno says, or else the certificate cannot be used. */
struct daemon *daemon_start(const struct daemon_config *config);

/* Takes a connection that is among the guests. */
void daemon_add(struct daemon *daemon, int fd);
/* Serves what is ready. Returns after how many milliseconds it must be called again even if nothing
 * happens; UINT64_MAX: never. */
uint64_t daemon_run(struct daemon *daemon);
bool daemon_has_connections(const struct daemon *daemon);

/* Ends all its connections. Sets *daemon to NULL, may point to NULL. */
void daemon_stop(struct daemon **daemon);

#endif
