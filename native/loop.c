/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A loop's share: one clock, the UDP sockets on it, and who must be gone before the loop may end.
 * Each socket has a bridge of its own, so that a turn of one socket ticks the sessions of that
 * socket and no other. */
#include "native/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/objects.h"

enum { REAP_DELAY_MS = 10 }; /* so that a last packet gets out of the socket */

#define DEFAULT_BIND "[::]:0"
#define DEFAULT_BIND_IPV4 "0.0.0.0:0" /* for machines without IPv6 */

/* A copy, or NULL for NULL; *is_bad is set when memory is out. */
static char *copy_text(const char *text, bool *is_bad)
{
    char *copy = text ? strdup(text) : NULL;
    *is_bad |= text && !copy;
    return copy;
}

static void native_free(struct moq_native *native)
{
    free(native->bind);
    free(native->qlog_directory);
    free(native->keylog_file);
    free(native);
    object_died(OBJECT_native);
}

struct moq_native *moq_native_new(const struct moq_native_config *config)
{
    struct moq_native *native = calloc(1, sizeof *native);
    if (!native)
        return NULL;
    object_born(OBJECT_native);
    bool is_bad = false;
    native->config = *config;
    native->bind = copy_text(config->bind, &is_bad);
    native->qlog_directory = copy_text(config->qlog_directory, &is_bad);
    if (config->is_keylog_enabled)
        native->keylog_file = copy_text(getenv("SSLKEYLOGFILE"), &is_bad);
    if (is_bad) {
        native_free(native);
        return NULL;
    }
    native->clock.now_ns = clock_monotonic_ns();
    list_init(&native->sockets);
    list_init(&native->clients);
    list_init(&native->listeners);
    uv_timer_init(config->loop, &native->reaper);
    return native;
}

const struct clock *moq_native_clock(const struct moq_native *native)
{
    return &native->clock;
}

void moq_native_wake(struct moq_native *native)
{
    native->clock.now_ns = clock_monotonic_ns();
    list_for_each (node, &native->sockets) {
        quic_udp_wake(container_of(node, struct native_socket, node)->udp);
    }
}

/* ---- Sockets --------------------------------------------------------------------------------- */

static uint64_t on_turn(void *self)
{
    struct native_socket *socket = self;
    return moq_native_bridge_tick(&socket->bridge);
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
        .on_turn = on_turn,
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

static int open_client_socket(struct moq_native *native, const char *bind)
{
    struct sockaddr_storage address;
    int error = address_parse(bind, &address);
    if (error)
        return error;
    struct moq_native_bridge bridge = {.versions = 0};
    race_bridge(&bridge);
    struct native_socket_config config = {
        .address = (const struct sockaddr *)&address,
        .address_size = address_size((const struct sockaddr *)&address),
        .bridge = &bridge,
    };
    return native_socket_open(native, &config, &native->client_socket);
}

int native_client_socket(struct moq_native *native, struct native_socket **out, char *error_text)
{
    if (!native->client_socket) {
        const char *bind = native->bind ? native->bind : DEFAULT_BIND;
        errno = 0;
        int error = open_client_socket(native, bind);
        if (error && !native->bind)
            error = open_client_socket(native, DEFAULT_BIND_IPV4);
        if (error) {
            snprintf(error_text, QUIC_ERROR_TEXT_BYTES, "cannot bind %s: %s", bind,
                     error == MOQ_ERR_IO ? strerror(errno) : moq_error_words(error));
            return error;
        }
    }
    *out = native->client_socket;
    return 0;
}

/* ---- The end --------------------------------------------------------------------------------- */

static void on_reaper_closed(uv_handle_t *handle)
{
    struct moq_native *native = handle->data;
    void (*on_closed)(void *user) = native->on_closed;
    void *user = native->on_closed_user;
    native_free(native);
    if (on_closed)
        on_closed(user);
}

/* Clients and listeners first, for their peers are to be told; then the socket that clients shared.
 */
static void on_reap(uv_timer_t *timer)
{
    struct moq_native *native = timer->data;
    if (native->client_socket && native->held == 1) {
        struct native_socket *socket = native->client_socket;
        native->client_socket = NULL;
        native_socket_close(socket, NULL, NULL);
        return;
    }
    if (native->held == 0 && !native->is_reaper_closed) {
        native->is_reaper_closed = true;
        uv_close((uv_handle_t *)&native->reaper, on_reaper_closed);
    }
}

static void reap_soon(struct moq_native *native)
{
    native->reaper.data = native;
    if (native->is_closing && !native->is_reaper_closed)
        uv_timer_start(&native->reaper, on_reap, REAP_DELAY_MS, 0);
}

void native_hold(struct moq_native *native)
{
    native->held++;
}

void native_release(struct moq_native *native)
{
    native->held--;
    reap_soon(native);
}

void moq_native_close(struct moq_native **native_in, void (*on_closed)(void *user), void *user)
{
    struct moq_native *native = *native_in;
    *native_in = NULL;
    if (!native)
        return;
    native->is_closing = true;
    native->on_closed = on_closed;
    native->on_closed_user = user;
    clients_close(native);
    listeners_close(native);
    reap_soon(native);
}
