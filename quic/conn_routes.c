/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The keys that lead to a connection: its IDs and reset tokens. Each connection keeps a list of its
 * keys, so that they can be removed when it ends. */
#include "quic/conn.h"

#include <stdlib.h>
#include <string.h>

#include "quic/endpoint.h"

int conn_route_add(struct quic_conn *conn, enum route_kind kind, const uint8_t *key, size_t n)
{
    if (conn->route_count == CONN_ROUTES_MAX)
        return MOQ_ERR_BOUNDS;
    if (conn->route_count == conn->route_capacity) {
        uint8_t capacity = (uint8_t)(conn->route_capacity + 4);
        struct conn_route *grown = realloc(conn->routes, capacity * sizeof *grown);
        if (!grown)
            return MOQ_ERR_NOMEM;
        conn->routes = grown;
        conn->route_capacity = capacity;
    }
    int rv = routes_add(&conn->endpoint->routes, kind, key, n, conn);
    if (rv != 0)
        return rv;
    struct conn_route *route = &conn->routes[conn->route_count++];
    *route = (struct conn_route){.kind = (uint8_t)kind, .size = (uint8_t)n};
    memcpy(route->key, key, n);
    return 0;
}

void conn_route_remove(struct quic_conn *conn, enum route_kind kind, const uint8_t *key, size_t n)
{
    for (uint8_t i = 0; i < conn->route_count; i++) {
        struct conn_route *route = &conn->routes[i];
        if (route->kind != kind || route->size != n || memcmp(route->key, key, n) != 0)
            continue;
        routes_remove(&conn->endpoint->routes, kind, key, n, conn);
        *route = conn->routes[--conn->route_count];
        return;
    }
}

void conn_routes_clear(struct quic_conn *conn)
{
    for (uint8_t i = 0; i < conn->route_count; i++) {
        const struct conn_route *route = &conn->routes[i];
        routes_remove(&conn->endpoint->routes, (enum route_kind)route->kind, route->key,
                      route->size, conn);
    }
    conn->route_count = 0;
}
