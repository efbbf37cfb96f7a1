/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The server side: one socket whose connections become sessions. Each listener belongs to one
 * worker; several can share a port.
 * Tested by tests/unit/native/test_loopback.c. */
#include "native/native.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/objects.h"
#include "native/address.h"
#include "native/loop.h"
#include "native/socket.h"

struct moq_listener {
    struct native_tenant tenant;
    struct moq_native *native;
    const struct moq_listener_events *events;
    void *user;
    struct native_socket *socket; /* NULL: closed */
    uv_timer_t timer;             /* runs while the listener closes */
    bool is_closing;
    void (*on_closed)(void *user);
    void *on_closed_user;
};

static int on_peer(void *self, const struct moq_peer *peer, struct moq_session_config *config)
{
    struct moq_listener *listener = self;
    if (!listener->events || !listener->events->on_peer)
        return MOQ_ERR_REFUSED;
    return listener->events->on_peer(listener, peer, config);
}

static int on_stray(void *self, uint8_t worker, const struct quic_datagram *packet)
{
    struct moq_listener *listener = self;
    return listener->events->on_stray(listener, worker, packet);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct moq_listener *listener = handle->data;
    struct moq_native *native = listener->native;
    void (*on_closed)(void *user) = listener->on_closed;
    void *user = listener->on_closed_user;
    free(listener);
    object_died(OBJECT_listener);
    if (on_closed)
        on_closed(user);
    native_release(native);
}

static void on_socket_closed(void *user)
{
    struct moq_listener *listener = user;
    uv_close((uv_handle_t *)&listener->timer, on_timer_closed);
}

static void on_time_to_close(uv_timer_t *timer)
{
    struct moq_listener *listener = timer->data;
    struct native_socket *socket = listener->socket;
    listener->socket = NULL;
    if (socket)
        native_socket_close(socket, on_socket_closed, listener);
}

/* The last session is gone: closes the socket, but not from inside a callback of the socket. */
static void on_empty(void *self)
{
    struct moq_listener *listener = self;
    if (listener->is_closing && listener->socket)
        uv_timer_start(&listener->timer, on_time_to_close, 10, 0);
}

static int bind_socket(struct moq_listener *listener, const struct moq_listener_config *config,
                       const struct sockaddr_storage *address)
{
    struct moq_native_bridge bridge = {
        .versions = config->versions,
        .on_peer = on_peer,
        .on_empty = on_empty,
        .self = listener,
    };
    struct native_socket_config socket_config = {
        .address = (const struct sockaddr *)address,
        .address_size = address_size((const struct sockaddr *)address),
        .server_tls = config->tls,
        .congestion = config->congestion,
        .is_reuse_port = config->is_reuse_port,
        .worker = config->worker,
        .workers = config->workers,
        .forward = config->events && config->events->on_stray ? on_stray : NULL,
        .commons = config->commons,
        .bridge = &bridge,
    };
    return native_socket_open(listener->native, &socket_config, &listener->socket);
}

/* On a machine without IPv6, "[::]" still stands for all IPv4 addresses. */
static int bind_any_family(struct moq_listener *listener, const struct moq_listener_config *config,
                           struct sockaddr_storage *address)
{
    int error = bind_socket(listener, config, address);
    if (error != MOQ_ERR_IO || errno != EAFNOSUPPORT || !address_is_any_ipv6(address))
        return error;
    struct sockaddr_in6 from;
    memcpy(&from, address, sizeof from);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = from.sin6_port};
    memset(address, 0, sizeof *address);
    memcpy(address, &to, sizeof to);
    return bind_socket(listener, config, address);
}

static void close_tenant(struct native_tenant *tenant)
{
    struct moq_listener *listener = container_of(tenant, struct moq_listener, tenant);
    moq_listener_close(&listener, NULL, NULL);
}

int moq_listener_open(struct moq_native *native, const struct moq_listener_config *config,
                      struct moq_listener **out, char *error_text)
{
    char text[QUIC_ERROR_TEXT_BYTES] = "";
    struct sockaddr_storage address;
    int error = address_parse(config->address, &address);
    if (error) {
        snprintf(error_text ? error_text : text, sizeof text, "cannot listen on %s: %s",
                 config->address,
                 error == MOQ_ERR_INVALID ? "it is not HOST:PORT" : "unknown host");
        return MOQ_ERR_INVALID;
    }
    struct moq_listener *listener = calloc(1, sizeof *listener);
    if (!listener)
        return MOQ_ERR_NOMEM;
    listener->native = native;
    listener->events = config->events;
    listener->user = config->user;
    errno = 0;
    error = bind_any_family(listener, config, &address);
    if (error) {
        native_explain_bind(config->address, error, error_text ? error_text : text);
        free(listener);
        return error;
    }
    uv_timer_init(native->config.loop, &listener->timer);
    listener->timer.data = listener;
    listener->tenant.close = close_tenant;
    native_join(native, &listener->tenant);
    object_born(OBJECT_listener);
    *out = listener;
    return 0;
}

void *moq_listener_user(const struct moq_listener *listener)
{
    return listener->user;
}

struct quic_endpoint *moq_listener_endpoint(const struct moq_listener *listener)
{
    return quic_udp_endpoint(listener->socket->udp);
}

int moq_listener_address(const struct moq_listener *listener, struct sockaddr_storage *out,
                         socklen_t *size)
{
    return quic_udp_address(listener->socket->udp, out, size);
}

int moq_listener_steer(struct moq_listener *listener)
{
    return quic_udp_steer(listener->socket->udp);
}

void moq_listener_receive(struct moq_listener *listener, const struct quic_datagram *packet)
{
    if (listener->socket)
        quic_endpoint_receive(quic_udp_endpoint(listener->socket->udp), packet);
}

void moq_listener_close(struct moq_listener **listener_in, void (*on_closed)(void *user),
                        void *user)
{
    struct moq_listener *listener = *listener_in;
    *listener_in = NULL;
    if (!listener)
        return;
    listener->is_closing = true;
    listener->on_closed = on_closed;
    listener->on_closed_user = user;
    native_leave(&listener->tenant);
    moq_native_wake(listener->native);
    bool is_empty = listener->socket->bridge.link_count == 0;
    uv_timer_start(&listener->timer, on_time_to_close, is_empty ? 0 : CLOSE_PATIENCE_MS, 0);
    moq_native_bridge_shut_down(&listener->socket->bridge, 0, "the server is shutting down");
}
