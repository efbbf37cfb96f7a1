/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where quic and transfork meet: a connection becomes a transport, and a QUIC stream one of
 * transfork's. The bridge itself only adds a heap of the times at which sessions need a tick. Lies
 * between steps 5 and 6, and 12 and 13.
 * Tested by tests/unit/native/test_loopback.c. */
#include "native/bridge.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/clock.h"
#include "base/check.h"
#include "base/log.h"
#include "base/objects.h"

/* The shortest time between two ticks of a session, whatever it asks for. */
#define LEAST_WAIT_NS NS_PER_MS

/* One connection: the user of the quic_conn and the transport of the session. */
struct link {
    struct list node;
    struct deadline deadline; /* when the session needs a tick */
    struct moq_native_bridge *bridge;
    struct quic_conn *conn;
    struct moq_session *session; /* NULL: none yet */
    void *user; /* client: as given to _connect; NULL: forgotten, or a server's connection */
    bool is_client;
    bool is_ready; /* on_ready was called */
};

static struct link *link_new(struct moq_native_bridge *bridge, void *user, bool is_client)
{
    struct link *link = calloc(1, sizeof *link);
    if (!link || deadlines_add(bridge->deadlines, &link->deadline)) {
        free(link);
        return NULL;
    }
    link->bridge = bridge;
    link->user = user;
    link->is_client = is_client;
    list_push_back(&bridge->links, &link->node);
    bridge->link_count++;
    object_born(OBJECT_native_link);
    return link;
}

static void link_free(struct link *link)
{
    if (!link)
        return;
    struct moq_native_bridge *bridge = link->bridge;
    deadlines_remove(bridge->deadlines, &link->deadline);
    list_remove(&link->node);
    free(link);
    object_died(OBJECT_native_link);
    bridge->link_count--;
}

/* ---- Downcalls ------------------------------------------------------------------------------- */

static void *transport_open(void *self, bool is_bidi, struct moq_stream *stream)
{
    struct link *link = self;
    return quic_conn_open(link->conn, is_bidi, stream);
}

static void transport_wake(void *handle)
{
    quic_stream_wake(handle);
}

static void transport_set_urgency(void *handle, uint64_t urgency)
{
    quic_stream_set_urgency(handle, urgency);
}

static void transport_reset(void *handle, uint32_t code)
{
    quic_stream_reset(handle, code);
}

static void transport_stop(void *handle, uint32_t code)
{
    quic_stream_stop(handle, code);
}

static void transport_wake_at(void *self, uint64_t when_ns)
{
    struct link *link = self;
    uint64_t soonest_ns = link->bridge->clock->now_ns + LEAST_WAIT_NS;
    deadlines_set(link->bridge->deadlines, &link->deadline,
                  when_ns < soonest_ns ? soonest_ns : when_ns);
}

static void transport_close(void *self, uint32_t code, const char *reason)
{
    struct link *link = self;
    quic_conn_close(link->conn, code, reason ? reason : "");
}

static const struct moq_transport_ops transport_ops = {
    .open = transport_open,
    .wake = transport_wake,
    .set_urgency = transport_set_urgency,
    .reset = transport_reset,
    .stop = transport_stop,
    .wake_at = transport_wake_at,
    .close = transport_close,
};

/* ---- Upcalls --------------------------------------------------------------------------------- */

static void fill_session_config(const struct link *link, struct moq_session_config *config)
{
    const struct moq_native_bridge *bridge = link->bridge;
    static const struct moq_session_limits no_limits;
    config->is_server = !link->is_client;
    config->clock = bridge->clock;
    if (!config->versions)
        config->versions = bridge->versions ? bridge->versions : MOQ_VERSION_ALL;
    if (memcmp(&config->limits, &no_limits, sizeof no_limits) == 0)
        config->limits = bridge->limits;
}

static int on_accept(void *user, struct quic_conn *conn)
{
    struct moq_native_bridge *bridge = user;
    if (!bridge->on_peer)
        return MOQ_ERR_REFUSED;
    struct link *link = link_new(bridge, NULL, false);
    struct moq_session *session = moq_session_alloc();
    if (!link || !session) {
        link_free(link);
        moq_session_free(&session);
        return MOQ_ERR_NOMEM;
    }
    link->conn = conn;

    const char *origin = quic_conn_origin(conn);
    struct moq_peer peer = {
        .conn = conn,
        .protocol = quic_conn_protocol(conn),
        .path = quic_conn_path(conn),
        .origin = origin,
        .server_name = quic_conn_server_name(conn),
        .address = quic_conn_remote(conn),
    };
    struct moq_session_config config = {.is_browser = origin && *origin};
    int error = bridge->on_peer(bridge->self, &peer, &config);
    if (error) {
        link_free(link);
        moq_session_free(&session);
        return error;
    }
    fill_session_config(link, &config);
    link->session = session;
    moq_session_start(session, &config, (struct moq_transport){&transport_ops, link});
    quic_conn_set_user(conn, link);
    return 0;
}

static void on_connected(struct quic_conn *conn)
{
    struct link *link = quic_conn_user(conn);
    if (!link || !link->is_client || !link->user)
        return;
    struct moq_native_bridge *bridge = link->bridge;
    struct moq_session_config config = {.is_server = false};
    int error = bridge->on_client(bridge->self, link->user, conn, &config);
    if (!error) {
        fill_session_config(link, &config);
        link->session = moq_session_new(&config, (struct moq_transport){&transport_ops, link});
        error = link->session ? 0 : MOQ_ERR_NOMEM;
    }
    if (error)
        quic_conn_close(conn, moq_error_to_wire(error), moq_error_words(error));
}

static void *on_stream(struct quic_conn *conn, struct quic_stream *stream, bool is_bidi)
{
    struct link *link = quic_conn_user(conn);
    if (!link || !link->session)
        return NULL;
    return moq_session_accept_stream(link->session, stream, is_bidi);
}

static void link_notice_ready(struct link *link)
{
    if (link->is_ready || !link->session || !moq_session_version(link->session))
        return;
    link->is_ready = true;
    if (link->user && link->bridge->on_ready)
        link->bridge->on_ready(link->bridge->self, link->user, link->session);
}

static void on_data(struct quic_stream *stream, const uint8_t *data, size_t n, bool is_end)
{
    struct link *link = quic_conn_user(quic_stream_conn(stream));
    moq_stream_received(quic_stream_user(stream), data, n, is_end);
    link_notice_ready(link);
}

static void on_reset(struct quic_stream *stream, uint32_t code)
{
    moq_stream_was_reset(quic_stream_user(stream), code);
}

static void on_stopped(struct quic_stream *stream, uint32_t code)
{
    moq_stream_was_stopped(quic_stream_user(stream), code);
}

static size_t on_pull(struct quic_stream *stream, struct iovec *vec, size_t max, bool *is_end)
{
    return moq_stream_pull(quic_stream_user(stream), vec, max, is_end);
}

static void on_sent(struct quic_stream *stream, size_t n, bool is_end)
{
    moq_stream_sent(quic_stream_user(stream), n, is_end);
}

static void on_acked(struct quic_stream *stream, uint64_t offset)
{
    moq_stream_acked(quic_stream_user(stream), offset);
}

static void on_stream_closed(struct quic_stream *stream)
{
    moq_stream_closed(quic_stream_user(stream));
}

static void on_credit(struct quic_conn *conn, bool is_bidi)
{
    struct link *link = quic_conn_user(conn);
    (void)is_bidi;
    if (!link || !link->session)
        return;
    moq_session_credit(link->session);
}

static void on_rate(struct quic_conn *conn, uint64_t bits_per_second)
{
    struct link *link = quic_conn_user(conn);
    if (link && link->session)
        moq_session_set_bitrate(link->session, bits_per_second);
}

static int close_error(const struct quic_close *why)
{
    if (why->error || why->code == 0)
        return why->error;
    return moq_error_from_wire(why->code);
}

static void on_closed(struct quic_conn *conn, const struct quic_close *why)
{
    struct link *link = quic_conn_user(conn);
    if (!link)
        return;
    struct moq_native_bridge *bridge = link->bridge;
    int error = close_error(why);
    if (link->session)
        moq_session_closed(link->session, error, why->reason);
    if (link->user && bridge->on_lost)
        bridge->on_lost(bridge->self, link->user, error, why->reason);
    if (link->session)
        moq_session_free(&link->session);
    quic_conn_set_user(conn, NULL);
    link_free(link);
    if (bridge->link_count == 0 && bridge->on_empty)
        bridge->on_empty(bridge->self);
}

static uint64_t next_session_due_ns(void *user)
{
    const struct moq_native_bridge *bridge = user;
    return deadlines_earliest(bridge->deadlines);
}

static const struct quic_app_protocol protocols[] = {{.alpn = MOQ_TRANSFORK_ALPN}};

const struct quic_app moq_native_app = {
    .protocols = {protocols, sizeof protocols / sizeof protocols[0]},
    .code_of = moq_error_to_wire,
    .on_accept = on_accept,
    .on_connected = on_connected,
    .on_stream = on_stream,
    .on_data = on_data,
    .on_reset = on_reset,
    .on_stopped = on_stopped,
    .on_pull = on_pull,
    .on_sent = on_sent,
    .on_acked = on_acked,
    .on_stream_closed = on_stream_closed,
    .on_credit = on_credit,
    .on_rate = on_rate,
    .on_closed = on_closed,
    .due_ns = next_session_due_ns,
};

/* ---- The bridge ------------------------------------------------------------------------------ */

int moq_native_bridge_init(struct moq_native_bridge *bridge)
{
    list_init(&bridge->links);
    bridge->link_count = 0;
    bridge->deadlines = calloc(1, sizeof *bridge->deadlines);
    return bridge->deadlines ? 0 : MOQ_ERR_NOMEM;
}

void moq_native_bridge_deinit(struct moq_native_bridge *bridge)
{
    if (!bridge->deadlines)
        return;
    REQUIRE(list_is_empty(&bridge->links));
    deadlines_deinit(bridge->deadlines);
    free(bridge->deadlines);
    bridge->deadlines = NULL;
}

struct quic_conn *moq_native_bridge_connect(struct moq_native_bridge *bridge,
                                            struct quic_endpoint *endpoint,
                                            const struct quic_connect_config *config, void *user)
{
    struct link *link = link_new(bridge, user, true);
    if (!link)
        return NULL;
    struct quic_connect_config linked = *config;
    linked.user = link;
    struct quic_conn *conn = link->conn = quic_endpoint_connect(endpoint, &linked);
    if (!conn)
        link_free(link);
    return conn;
}

void moq_native_bridge_forget(struct quic_conn *conn)
{
    struct link *link = quic_conn_user(conn);
    if (!link)
        return;
    link->user = NULL;
    quic_conn_close(conn, 0, "");
}

struct moq_session *moq_native_bridge_session(const struct quic_conn *conn)
{
    const struct link *link = quic_conn_user(conn);
    return link ? link->session : NULL;
}

void moq_native_bridge_shut_down(struct moq_native_bridge *bridge, int error, const char *reason)
{
    bridge->on_peer = NULL;
    list_for_each_safe (node, &bridge->links) {
        struct link *link = container_of(node, struct link, node);
        if (link->session)
            moq_session_close(link->session, error, reason);
        else
            quic_conn_close(link->conn, moq_error_to_wire(error), reason);
    }
}

void moq_native_bridge_tick(struct moq_native_bridge *bridge)
{
    struct deadline *due;
    while ((due = deadlines_pop(bridge->deadlines, bridge->clock->now_ns)))
        moq_session_tick(container_of(due, struct link, deadline)->session);
}
