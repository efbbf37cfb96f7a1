/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Finds the connection of a datagram, by its connection ID or by the token of a stateless reset,
 * with which a peer says that it has lost the connection. A hash table with open addressing. Peers
 * choose some of the keys, so the hash has a secret. */
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
    size_t capacity;     /* private: a power of two */
    size_t count;        /* private: slots in use */
    size_t used;         /* private: slots in use, and freed ones that chains still pass through */
    uint64_t secret[2];  /* private */
};

enum route_kind { ROUTE_CID = 1, ROUTE_TOKEN = 2 }; /* two separate key spaces in one table */

void routes_init(struct routes *routes, const uint64_t secret[2]);
void routes_deinit(struct routes *routes);

/* Adds a key of `n` bytes. Returns 0, MOQ_ERR_DUPLICATE if the key is in the table already,
 * MOQ_ERR_INVALID if it is too long, or MOQ_ERR_NOMEM. */
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
