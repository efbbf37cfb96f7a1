/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which connection a datagram is for: connection IDs that lead to it, and the tokens by which a
 * peer that forgot it says so (stateless reset). Open addressing over one array. Peers choose some
 * of the keys, so the hash is keyed. */
#ifndef MOQ_QUIC_ROUTES_H
#define MOQ_QUIC_ROUTES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { ROUTE_KEY_MAX_BYTES = 20, ROUTE_TOKEN_BYTES = 16 };

struct quic_conn;
struct route; /* private */

struct routes {
    struct route *slots; /* private */
    size_t capacity,
        count;   /* private: capacity is a power of two; count: slots in use, freed ones not */
    size_t used; /* private: count and freed slots that still carry a chain */
    uint64_t secret[2]; /* private */
};

enum route_kind { ROUTE_CID = 1, ROUTE_TOKEN = 2 }; /* two spaces of keys in one table */

void routes_init(struct routes *routes, const uint64_t secret[2]);
void routes_deinit(struct routes *routes);

/* Returns 0, MOQ_ERR_DUPLICATE if the key leads somewhere already, MOQ_ERR_INVALID for keys that
 * are too long, MOQ_ERR_NOMEM. */
int routes_add(struct routes *routes, enum route_kind kind, const uint8_t *key, size_t n,
               struct quic_conn *conn);

/* Removes the key if it leads to `conn`. */
void routes_remove(struct routes *routes, enum route_kind kind, const uint8_t *key, size_t n,
                   const struct quic_conn *conn);

struct quic_conn *routes_find(const struct routes *routes, enum route_kind kind, const uint8_t *key,
                              size_t n);

#ifdef __cplusplus
}
#endif
#endif
