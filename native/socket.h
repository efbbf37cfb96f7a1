/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A UDP socket on the loop, its endpoint and its sessions. Private to native/. */
#ifndef MOQ_NATIVE_SOCKET_H
#define MOQ_NATIVE_SOCKET_H

#include "base/clock.h"
#include "native/bridge.h"
#include "native/loop.h"
#include "quic/udp.h"

struct native_socket {
    struct list node;            /* in the native's sockets */
    struct native_tenant tenant; /* used by the socket that clients share */
    struct moq_native *native;
    struct quic_udp *udp;
    struct moq_native_bridge bridge;
    void (*on_closed)(void *user);
    void *on_closed_user;
};

struct native_socket_config {
    const struct sockaddr *address;
    socklen_t address_size;
    struct quic_tls *server_tls;     /* NULL: for clients */
    enum quic_congestion congestion; /* default: the moq_native's */
    bool is_reuse_port;
    uint8_t worker, workers;
    int (*forward)(void *self, uint8_t worker, const struct quic_datagram *packet); /* or NULL */
    struct quic_commons *commons;                                                   /* or NULL */
    const struct moq_native_bridge *bridge; /* callbacks, versions, limits, self; copied */
};

/* Returns 0 and sets *out, MOQ_ERR_IO with errno, or MOQ_ERR_NOMEM. */
int native_socket_open(struct moq_native *native, const struct native_socket_config *config,
                       struct native_socket **out);
/* Writes what went wrong and what to do, for the operator. `error` as above, with errno unchanged;
 * `bind` is the address as configured; `out` has QUIC_ERROR_TEXT_BYTES. */
void native_explain_bind(const char *bind, int error, char *out);
/* Closes and frees the socket; `on_closed`, which may be NULL, follows from the loop. */
void native_socket_close(struct native_socket *socket, void (*on_closed)(void *user), void *user);

/* The socket that clients share. The first call opens it, with the callbacks of `bridge`. It is
 * closed after everything else on the loop. `error_text` has QUIC_ERROR_TEXT_BYTES. */
int native_socket_share(struct moq_native *native, const struct moq_native_bridge *bridge,
                        struct native_socket **out, char *error_text);

#endif
