/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Compares state that is kept in two places: counts with lists, states with what goes with them. */
#include "quic/check.h"

#include "base/check.h"

/* ---- Streams --------------------------------------------------------------------------------- */

void stream_check(const struct quic_stream *stream)
{
    const struct stream_internal *internal = stream->internal;
    REQUIRE(stream->id >= 0);
    REQUIRE(stream->acked <= stream->written);
    REQUIRE(stream->header_size <= WT_STREAM_HEADER_MAX_BYTES);
    REQUIRE(!stream->is_cut || stream->is_write_over);
    REQUIRE(!stream->turn.is_in || !stream->is_write_over);
    REQUIRE(!stream->turn.is_in || !stream->is_blocked);
    REQUIRE(!stream->is_known || stream->kind == STREAM_APPLICATION);
    REQUIRE(stream->kind != STREAM_PARKED || internal);
    REQUIRE(!internal || stream->kind == STREAM_PARKED || stream->kind == STREAM_DISCARDED ||
            internal->parked.size == 0);
}

/* ---- Connections ----------------------------------------------------------------------------- */

static void check_streams(const struct quic_conn *conn)
{
    uint64_t parked_bytes = 0;
    bool is_any_in = false;
    list_for_each (node, &conn->streams) {
        const struct quic_stream *stream = container_of(node, struct quic_stream, link);
        REQUIRE(stream->conn == conn);
        stream_check(stream);
        is_any_in |= stream->turn.is_in;
        parked_bytes += stream->internal ? stream->internal->parked.size : 0;
    }
    REQUIRE(parked_bytes == conn->parked_bytes);
    REQUIRE(is_any_in == (schedule_first(&conn->schedule) != NULL));
}

static void check_routes(const struct quic_conn *conn)
{
    REQUIRE(conn->route_count <= conn->route_capacity);
    for (uint8_t i = 0; i < conn->route_count; i++) {
        const struct conn_route *route = &conn->routes[i];
        REQUIRE(routes_find(&conn->endpoint->routes, (enum route_kind)route->kind, route->key,
                            route->size) == conn);
    }
}

void conn_check(const struct quic_conn *conn)
{
    bool is_lingering = conn->state == CONN_LINGERING;
    REQUIRE(is_lingering == conn->is_released);
    REQUIRE(is_lingering == (conn->quic == NULL));
    REQUIRE(is_lingering == (conn->linger != NULL));
    REQUIRE(!conn->wt || conn->protocol == QUIC_PROTOCOL_WEBTRANSPORT);
    REQUIRE(!conn->is_half_open || conn->state == CONN_HANDSHAKE || conn->state == CONN_ENDING);
    REQUIRE(conn->state != CONN_OPEN || conn->is_known);
    REQUIRE((conn->state != CONN_TURNING_AWAY && conn->state != CONN_SESSION_CLOSING) ||
            conn->close_at_ns != CLOCK_NEVER);
    REQUIRE(conn->deadline.place != 0);
    REQUIRE(list_is_empty(&conn->ready) || !is_lingering);
    check_routes(conn);
    check_streams(conn);
}

/* ---- Endpoints ------------------------------------------------------------------------------- */

struct totals {
    uint64_t half_open, routes;
};

static uint64_t check_conns(const struct quic_endpoint *endpoint, const struct list *conns,
                            bool is_lingering, struct totals *totals)
{
    uint64_t count = 0;
    list_for_each (node, conns) {
        const struct quic_conn *conn = container_of(node, struct quic_conn, link);
        REQUIRE(conn->endpoint == endpoint);
        REQUIRE((conn->state == CONN_LINGERING) == is_lingering);
        conn_check(conn);
        totals->half_open += conn->is_half_open;
        totals->routes += conn->route_count;
        count++;
    }
    return count;
}

static uint64_t count_nodes(const struct list *list)
{
    uint64_t count = 0;
    list_for_each (node, list)
        count++;
    return count;
}

void endpoint_check(const struct quic_endpoint *endpoint)
{
    struct totals totals = {0};
    REQUIRE(check_conns(endpoint, &endpoint->conns, false, &totals) == endpoint->stats.connections);
    REQUIRE(check_conns(endpoint, &endpoint->lingering, true, &totals) ==
            endpoint->lingering_count);
    REQUIRE(totals.half_open == endpoint->stats.half_open);
    REQUIRE(totals.routes == endpoint->routes.count);
    REQUIRE(count_nodes(&endpoint->waiting) == endpoint->stats.datagrams_waiting);
    REQUIRE(!endpoint->is_blocked || endpoint->pending.size > 0);
    REQUIRE(endpoint->pull.stream == NULL);
}
