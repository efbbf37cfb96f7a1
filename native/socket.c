/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The UDP sockets on a loop. Each has its own bridge, so that a turn of a socket ticks only the
 * sessions of that socket.
 * Tested by tests/unit/native/test_loopback.c. */
#include "native/socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bind_error.h"
#include "native/address.h"

#define DEFAULT_BIND "[::]:0"
#define DEFAULT_BIND_IPV4 "0.0.0.0:0" /* for machines without IPv6 */

static void on_loop_turn(void *self)
{
    struct native_socket *socket = self;
    moq_native_bridge_tick(&socket->bridge);
}

int native_socket_open(struct moq_native *native, const struct native_socket_config *config,
                       struct native_socket **out)
{
    struct native_socket *socket = calloc(1, sizeof *socket);
    if (!socket)
        return MOQ_ERR_NOMEM;
    socket->native = native;
    socket->bridge = *config->bridge;
    socket->bridge.clock = &native->clock;
    struct quic_udp_config udp_config = {
        .loop = native->config.loop,
        .address = config->address,
        .address_size = config->address_size,
        .is_reuse_port = config->is_reuse_port,
        .is_gso_disabled = native->config.is_gso_disabled,
        .send_spread_ns = native->config.send_spread_ns,
        .is_gathering = config->server_tls != NULL,
        .clock = &native->clock,
        .endpoint = {.server_tls = config->server_tls,
                     .app = &moq_native_app,
                     .user = &socket->bridge,
                     .limits = native->config.limits,
                     .congestion = config->congestion != QUIC_CONGESTION_DEFAULT
                                       ? config->congestion
                                       : native->config.congestion,
                     .worker = config->worker,
                     .workers = config->workers,
                     .forward = config->forward,
                     .forward_self = config->bridge->self,
                     .commons = config->commons,
                     .qlog_directory = native->qlog_directory,
                     .keylog_file = native->keylog_file},
        .on_turn = on_loop_turn,
        .on_turn_self = socket,
    };
    int error = moq_native_bridge_init(&socket->bridge);
    if (!error)
        error = quic_udp_open(&socket->udp, &udp_config);
    if (error) {
        moq_native_bridge_deinit(&socket->bridge);
        free(socket);
        return error;
    }
    list_push_back(&native->sockets, &socket->node);
    native_hold(native);
    *out = socket;
    return 0;
}

static void on_udp_closed(void *user)
{
    struct native_socket *socket = user;
    struct moq_native *native = socket->native;
    moq_native_bridge_deinit(&socket->bridge);
    if (socket->on_closed)
        socket->on_closed(socket->on_closed_user);
    free(socket);
    native_release(native);
}

void native_socket_close(struct native_socket *socket, void (*on_closed)(void *user), void *user)
{
    list_remove(&socket->node);
    socket->on_closed = on_closed;
    socket->on_closed_user = user;
    quic_udp_close(socket->udp, on_udp_closed, socket);
}

void native_explain_bind(const char *bind, int error, char *out)
{
    struct sockaddr_storage address;
    struct bind_attempt attempt = {.error = errno};
    int n = snprintf(out, QUIC_ERROR_TEXT_BYTES, "cannot bind %.80s: ", bind);
    size_t left = QUIC_ERROR_TEXT_BYTES - (size_t)n;
    if (error != MOQ_ERR_IO || address_parse(bind, &address) != 0) {
        snprintf(out + n, left, "%s", moq_error_words(error));
        return;
    }
    attempt.port = address_port(&address);
    attempt.is_ipv6 = address.ss_family == AF_INET6;
    bind_error_explain(&attempt, out + n, left);
}

static int open_shared(struct moq_native *native, const struct moq_native_bridge *bridge,
                       const char *bind, struct native_socket **out)
{
    struct sockaddr_storage address;
    int error = address_parse(bind, &address);
    if (error)
        return error;
    struct native_socket_config config = {
        .address = (const struct sockaddr *)&address,
        .address_size = address_size((const struct sockaddr *)&address),
        .bridge = bridge,
    };
    return native_socket_open(native, &config, out);
}

static void close_shared(struct native_tenant *tenant)
{
    native_socket_close(container_of(tenant, struct native_socket, tenant), NULL, NULL);
}

int native_socket_share(struct moq_native *native, const struct moq_native_bridge *bridge,
                        struct native_socket **out, char *error_text)
{
    if (native->shared) {
        *out = container_of(native->shared, struct native_socket, tenant);
        return 0;
    }
    const char *bind = native->bind ? native->bind : DEFAULT_BIND;
    errno = 0;
    int error = open_shared(native, bridge, bind, out);
    if (error && !native->bind)
        error = open_shared(native, bridge, DEFAULT_BIND_IPV4, out);
    if (error) {
        native_explain_bind(bind, error, error_text);
        return error;
    }
    (*out)->tenant.close = close_shared;
    native->shared = &(*out)->tenant;
    return 0;
}

/* ---- Waking ---------------------------------------------------------------------------------- */

void moq_native_wake(struct moq_native *native)
{
    native->clock.now_ns = clock_monotonic_ns();
    list_for_each (node, &native->sockets) {
        quic_udp_wake(container_of(node, struct native_socket, node)->udp);
    }
}
