/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Linear probing with markers in freed slots. When three quarters are full, the table grows and the
 * markers are removed. */
#include "quic/routes.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { FIRST_CAPACITY = 256 };

struct route {
    struct quic_conn *conn; /* NULL: `kind` says whether the slot is empty or freed */
    uint8_t kind, size;
    uint8_t key[ROUTE_KEY_MAX_BYTES];
};

enum { KIND_EMPTY = 0, KIND_FREED = 0xff };

/* Folds a 128-bit product. Every bit of the input affects every bit of the result, and nobody can
 * aim at a slot without knowing the secret. */
static uint64_t fold_product(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static size_t hash_of_key(const struct routes *routes, enum route_kind kind, const uint8_t *key,
                          size_t n)
{
    uint64_t words[3] = {0};
    memcpy(words, key, n);
    uint64_t h = fold_product(words[0] ^ routes->secret[0], words[1] ^ routes->secret[1]);
    h = fold_product(h ^ words[2] ^ routes->secret[1],
                     (uint64_t)n ^ ((uint64_t)kind << 8) ^ routes->secret[0]);
    return (size_t)h;
}

static struct route *find_route(const struct routes *routes, enum route_kind kind,
                                const uint8_t *key, size_t n)
{
    if (routes->capacity == 0 || n > ROUTE_KEY_MAX_BYTES)
        return NULL;
    size_t mask = routes->capacity - 1;
    for (size_t i = hash_of_key(routes, kind, key, n) & mask;; i = (i + 1) & mask) {
        struct route *slot = &routes->slots[i];
        if (slot->kind == KIND_EMPTY)
            return NULL;
        if (slot->kind == kind && slot->size == n && memcmp(slot->key, key, n) == 0)
            return slot;
    }
}

/* Puts a key that is not in the table into the first free slot of its chain. There always is
 * one. */
static void place_route(struct routes *routes, const struct route *route)
{
    size_t mask = routes->capacity - 1;
    size_t i = hash_of_key(routes, (enum route_kind)route->kind, route->key, route->size) & mask;
    while (routes->slots[i].conn)
        i = (i + 1) & mask;
    if (routes->slots[i].kind == KIND_EMPTY)
        routes->used++;
    routes->slots[i] = *route;
    routes->count++;
}

static int rebuild_routes(struct routes *routes)
{
    size_t capacity = FIRST_CAPACITY;
    while (capacity < routes->count * 2 + 2)
        capacity *= 2;
    struct route *slots = calloc(capacity, sizeof *slots);
    if (!slots)
        return MOQ_ERR_NOMEM;

    struct routes before = *routes;
    routes->slots = slots;
    routes->capacity = capacity;
    routes->count = routes->used = 0;
    for (size_t i = 0; i < before.capacity; i++)
        if (before.slots[i].conn)
            place_route(routes, &before.slots[i]);
    free(before.slots);
    return 0;
}

void routes_init(struct routes *routes, const uint64_t secret[2])
{
    *routes = (struct routes){.secret = {secret[0], secret[1]}};
}

void routes_deinit(struct routes *routes)
{
    free(routes->slots);
    *routes = (struct routes){0};
}

int routes_add(struct routes *routes, enum route_kind kind, const uint8_t *key, size_t n,
               struct quic_conn *conn)
{
    if (n > ROUTE_KEY_MAX_BYTES)
        return MOQ_ERR_INVALID;
    if (find_route(routes, kind, key, n))
        return MOQ_ERR_DUPLICATE;
    if ((routes->used + 1) * 4 > routes->capacity * 3) {
        int rv = rebuild_routes(routes);
        if (rv != 0)
            return rv;
    }

    struct route route = {.conn = conn, .kind = (uint8_t)kind, .size = (uint8_t)n};
    memcpy(route.key, key, n);
    place_route(routes, &route);
    return 0;
}

void routes_remove(struct routes *routes, enum route_kind kind, const uint8_t *key, size_t n,
                   const struct quic_conn *conn)
{
    struct route *slot = find_route(routes, kind, key, n);
    if (!slot || slot->conn != conn)
        return;
    slot->conn = NULL;
    slot->kind = KIND_FREED;
    routes->count--;
}

struct quic_conn *routes_find(const struct routes *routes, enum route_kind kind, const uint8_t *key,
                              size_t n)
{
    struct route *slot = find_route(routes, kind, key, n);
    return slot ? slot->conn : NULL;
}
