/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Memory for ngtcp2's objects: slabs of equal blocks, shared by all connections of an endpoint.
 *
 * Each packet takes a few small objects until it is acknowledged. If each connection kept its own,
 * it would always hold as many as it needed at its busiest moment. Here the next connection takes
 * the blocks that the last one gave back, while they are still in the processor's cache. Slabs are
 * outside the heap, so that memory left over by handshakes does not pin them, and empty slabs go
 * back to the system. A pool belongs to one thread, like its endpoint. Under the address sanitizer
 * every block comes from malloc (POOL_IS_MALLOC). */
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
    POOL_SLAB_BYTES = 64 * 1024, /* also the alignment, so that a block's address gives its slab */
    POOL_BLOCK_MAX_BYTES = 12 * 1024, /* larger blocks have memory of their own */
    POOL_CLASSES = 96,                /* number of block sizes, see class_of() */
    POOL_SPARE_SLABS = 8,             /* empty slabs that are kept */
};

struct pool {
    ngtcp2_mem mem;                  /* read-only: for ngtcp2 */
    struct list rooms[POOL_CLASSES]; /* private: slabs with a free block, by block size */
    struct list spares;              /* private: empty slabs */
    uint32_t spare_count;            /* private */
    uint32_t slab_count;             /* read-only: all slabs, including spares and large blocks */
    uint64_t block_count;            /* read-only: blocks in use */
};

void pool_init(struct pool *pool);   /* the pool must not move afterwards */
void pool_deinit(struct pool *pool); /* every block must have been given back */
/* Like malloc, calloc and realloc. Blocks are aligned to 16 bytes. */
void *pool_take(struct pool *pool, size_t size);
void *pool_take_zeroed(struct pool *pool, size_t count, size_t size);
void *pool_resize(struct pool *pool, void *block, size_t size);
void pool_give(struct pool *pool, void *block); /* like free */

#ifdef __cplusplus
}
#endif
#endif
