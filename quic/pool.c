/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Slabs of equal blocks. Free blocks are in a list, and the one that was freed last is taken first.
 * Blocks that have never been used are not touched, so that the pages of a slab cost nothing before
 * they are needed. */
#include "quic/pool.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/check.h"

/* Block sizes rise in steps of 16 bytes, then 64, then 512. */
enum {
    ALIGNMENT = 16,
    SMALL_MAX_BYTES = 512,
    MIDDLE_MAX_BYTES = 2048,
    MIDDLE_STEP_BYTES = 64,
    LARGE_STEP_BYTES = 512,
    SMALL_CLASSES = SMALL_MAX_BYTES / ALIGNMENT,
    MIDDLE_CLASSES = (MIDDLE_MAX_BYTES - SMALL_MAX_BYTES) / MIDDLE_STEP_BYTES,
    LARGE_CLASSES = (POOL_BLOCK_MAX_BYTES - MIDDLE_MAX_BYTES) / LARGE_STEP_BYTES,
};
_Static_assert(SMALL_CLASSES + MIDDLE_CLASSES + LARGE_CLASSES <= POOL_CLASSES,
               "every size has a class");

struct free_block {
    struct free_block *next;
};

struct slab {
    struct list link; /* in `rooms` or `spares`; in neither if it is full, or a large block */
    struct free_block *free;
    size_t block_size;               /* for a large block: the bytes that fit into it */
    uint32_t used, carved, capacity; /* blocks in use, used at least once, that fit */
    uint32_t class_index;
};

enum { SLAB_HEAD_BYTES = (sizeof(struct slab) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT };

/* ---- Sizes ----------------------------------------------------------------------------------- */

static uint32_t steps_for(size_t size, size_t step)
{
    return (uint32_t)((size + step - 1) / step);
}

static uint32_t class_of(size_t size)
{
    if (size <= SMALL_MAX_BYTES)
        return size > 0 ? steps_for(size, ALIGNMENT) - 1 : 0;
    if (size <= MIDDLE_MAX_BYTES)
        return SMALL_CLASSES + steps_for(size - SMALL_MAX_BYTES, MIDDLE_STEP_BYTES) - 1;
    return SMALL_CLASSES + MIDDLE_CLASSES + steps_for(size - MIDDLE_MAX_BYTES, LARGE_STEP_BYTES) -
           1;
}

static size_t size_of_class(uint32_t index)
{
    if (index < SMALL_CLASSES)
        return (size_t)(index + 1) * ALIGNMENT;
    index -= SMALL_CLASSES;
    if (index < MIDDLE_CLASSES)
        return SMALL_MAX_BYTES + (size_t)(index + 1) * MIDDLE_STEP_BYTES;
    return MIDDLE_MAX_BYTES + (size_t)(index - MIDDLE_CLASSES + 1) * LARGE_STEP_BYTES;
}

/* ---- Slabs ----------------------------------------------------------------------------------- */

static struct slab *slab_of(const void *block)
{
    return (struct slab *)((uintptr_t)block & ~(uintptr_t)(POOL_SLAB_BYTES - 1));
}

/* Maps `n` bytes at a multiple of POOL_SLAB_BYTES. It maps more, and unmaps what is not needed. */
static void *map_aligned(size_t n)
{
    size_t room = n + POOL_SLAB_BYTES;
    uint8_t *start = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED)
        return NULL;
    size_t before = (POOL_SLAB_BYTES - (uintptr_t)start % POOL_SLAB_BYTES) % POOL_SLAB_BYTES;
    if (before > 0)
        munmap(start, before);
    munmap(start + before + n, room - before - n);
    return start + before;
}

static struct slab *take_spare(struct pool *pool)
{
    if (list_is_empty(&pool->spares))
        return NULL;
    struct slab *slab = container_of(pool->spares.next, struct slab, link);
    list_remove(&slab->link);
    pool->spare_count--;
    return slab;
}

static struct slab *slab_new(struct pool *pool, uint32_t class_index)
{
    struct slab *slab = take_spare(pool);
    if (!slab) {
        slab = map_aligned(POOL_SLAB_BYTES);
        if (!slab)
            return NULL;
        pool->slab_count++;
    }
    size_t size = size_of_class(class_index);
    *slab = (struct slab){
        .block_size = size,
        .capacity = (uint32_t)((POOL_SLAB_BYTES - SLAB_HEAD_BYTES) / size),
        .class_index = class_index,
    };
    list_init(&slab->link);
    list_push_front(&pool->rooms[class_index], &slab->link);
    return slab;
}

static void slab_retire(struct pool *pool, struct slab *slab)
{
    list_remove(&slab->link);
    if (pool->spare_count < POOL_SPARE_SLABS) {
        list_push_front(&pool->spares, &slab->link);
        pool->spare_count++;
        return;
    }
    pool->slab_count--;
    munmap(slab, POOL_SLAB_BYTES);
}

/* ---- Blocks with memory of their own --------------------------------------------------------- */

static void *take_large(size_t size)
{
    size_t room = SLAB_HEAD_BYTES + size;
    if (room < size || room > SIZE_MAX / 2)
        return NULL;
    room = (room + POOL_SLAB_BYTES - 1) & ~(size_t)(POOL_SLAB_BYTES - 1);
    struct slab *slab = map_aligned(room);
    if (!slab)
        return NULL;
    slab->block_size = room - SLAB_HEAD_BYTES;
    slab->class_index = POOL_CLASSES;
    return (uint8_t *)slab + SLAB_HEAD_BYTES;
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

static void *take_from(struct slab *slab)
{
    void *block = slab->free;
    if (block)
        slab->free = slab->free->next;
    else
        block = (uint8_t *)slab + SLAB_HEAD_BYTES + slab->carved++ * slab->block_size;
    if (++slab->used == slab->capacity)
        list_remove(&slab->link);
    return block;
}

void *pool_take(struct pool *pool, size_t size)
{
    if (POOL_IS_MALLOC)
        return malloc(size);
    void *block;
    if (size > POOL_BLOCK_MAX_BYTES) {
        block = take_large(size);
    } else {
        uint32_t index = class_of(size);
        struct list *room = &pool->rooms[index];
        struct slab *slab = list_is_empty(room) ? slab_new(pool, index)
                                                : container_of(room->next, struct slab, link);
        block = slab ? take_from(slab) : NULL;
    }
    pool->block_count += block != NULL;
    return block;
}

void *pool_take_zeroed(struct pool *pool, size_t count, size_t size)
{
    if (size > 0 && count > SIZE_MAX / size)
        return NULL;
    void *block = pool_take(pool, count * size);
    return block ? memset(block, 0, count * size) : NULL;
}

void *pool_resize(struct pool *pool, void *block, size_t size)
{
    if (POOL_IS_MALLOC)
        return realloc(block, size);
    size_t room = block ? slab_of(block)->block_size : 0;
    if (block && size <= room)
        return block;
    void *bigger = pool_take(pool, size);
    if (!bigger || !block)
        return bigger;
    memcpy(bigger, block, room);
    pool_give(pool, block);
    return bigger;
}

/* Whether the slab is the last of a small size. It is kept, because packets come and go far more
 * often than connections. */
static bool is_last_of_small(const struct pool *pool, const struct slab *slab)
{
    const struct list *room = &pool->rooms[slab->class_index];
    return slab->class_index < SMALL_CLASSES && room->next == room->prev;
}

void pool_give(struct pool *pool, void *block)
{
    if (POOL_IS_MALLOC) {
        free(block);
        return;
    }
    if (!block)
        return;
    struct slab *slab = slab_of(block);
    pool->block_count--;
    if (slab->class_index == POOL_CLASSES) {
        munmap(slab, slab->block_size + SLAB_HEAD_BYTES);
        return;
    }
    struct free_block *freed = block;
    freed->next = slab->free;
    slab->free = freed;
    if (slab->used-- == slab->capacity)
        list_push_front(&pool->rooms[slab->class_index], &slab->link);
    if (slab->used == 0 && !is_last_of_small(pool, slab))
        slab_retire(pool, slab);
}

/* ---- As ngtcp2 wants it ---------------------------------------------------------------------- */

static void *mem_malloc(size_t size, void *pool)
{
    return pool_take(pool, size);
}

static void mem_free(void *block, void *pool)
{
    pool_give(pool, block);
}

static void *mem_calloc(size_t count, size_t size, void *pool)
{
    return pool_take_zeroed(pool, count, size);
}

static void *mem_realloc(void *block, size_t size, void *pool)
{
    return pool_resize(pool, block, size);
}

void pool_init(struct pool *pool)
{
    *pool = (struct pool){.mem = {pool, mem_malloc, mem_free, mem_calloc, mem_realloc}};
    for (uint32_t i = 0; i < POOL_CLASSES; i++)
        list_init(&pool->rooms[i]);
    list_init(&pool->spares);
}

void pool_deinit(struct pool *pool)
{
    (void)EXPECT(pool->block_count == 0);
    for (uint32_t i = 0; i < SMALL_CLASSES; i++)
        list_for_each_safe (node, &pool->rooms[i]) {
            struct slab *slab = container_of(node, struct slab, link);
            if (slab->used == 0)
                slab_retire(pool, slab);
        }
    struct slab *slab;
    while ((slab = take_spare(pool))) {
        pool->slab_count--;
        munmap(slab, POOL_SLAB_BYTES);
    }
}
