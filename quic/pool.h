/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Memory of ngtcp2's objects: slabs of equal blocks, shared by all connections of an endpoint.
 *
 * A packet that is sent takes a few small objects until it is acknowledged. Kept per connection
 * they would stay for the worst moment of its life; kept here the next connection takes what the
 * last one gave back, while it is still in the processor's cache. Slabs lie outside the heap, so
 * what handshakes leave there does not hold them, and go back to the system when they are empty.
 * One thread's, as its endpoint. Under the address sanitizer every block is malloc's own
 * (POOL_IS_MALLOC). */
#ifndef MOQ_QUIC_POOL_H
#define MOQ_QUIC_POOL_H

#include <ngtcp2/ngtcp2.h>
#include <stdbool.h>

#include "base/list.h"

#if defined(__SANITIZE_ADDRESS__)
#define POOL_IS_MALLOC true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOL_IS_MALLOC true
#endif
#endif
#ifndef POOL_IS_MALLOC
#define POOL_IS_MALLOC false
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum {
    POOL_SLAB_BYTES = 64 * 1024, /* also their alignment: a block finds its slab by its address */
    POOL_BLOCK_MAX_BYTES = 12 * 1024, /* larger ones have memory of their own */
    POOL_CLASSES = 96,                /* sizes of blocks, see class_of() */
    POOL_SPARE_SLABS = 8,             /* empty ones that are kept */
};

struct pool {
    ngtcp2_mem mem;                  /* read-only: for ngtcp2 */
    struct list rooms[POOL_CLASSES]; /* private: slabs with a free block */
    struct list spares;              /* private: empty slabs */
    uint32_t spare_count;            /* private */
    uint32_t slab_count;             /* read-only: of both kinds, spares included */
    uint64_t block_count;            /* read-only: blocks in use */
};

void pool_init(struct pool *pool);   /* it must not move afterwards */
void pool_deinit(struct pool *pool); /* every block was given back */

/* As malloc, calloc and realloc; aligned to 16 bytes. */
void *pool_take(struct pool *pool, size_t size);
void *pool_take_zeroed(struct pool *pool, size_t count, size_t size);
void *pool_resize(struct pool *pool, void *block, size_t size);
void pool_give(struct pool *pool, void *block); /* NULL: nothing happens */

#ifdef __cplusplus
}
#endif
#endif
