/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Blocks of all sizes come and go: none overlaps another, each keeps its bytes, and what is given
 * back is given out again or returned to the system. */
#include "tests/unit/prologue.h"

#include <stdlib.h>
#include <string.h>

#include "quic/pool.h"

enum { BLOCKS = 2000, STEPS = 100000, SIZE_MAX_BYTES = 3 * POOL_SLAB_BYTES };

struct held {
    uint8_t *data;
    size_t size;
    uint8_t mark;
};

/* Mostly small, now and then of any size. */
static size_t any_size(void)
{
    size_t size = (size_t)rand();
    return rand() % 100 == 0 ? size % SIZE_MAX_BYTES : size % 700;
}

static void fill(struct held *held, uint8_t *data, size_t size)
{
    assert_non_null(data);
    assert_int_equal((uintptr_t)data % 16, 0);
    *held = (struct held){data, size, (uint8_t)rand()};
    memset(data, held->mark, size);
}

static void check(const struct held *held, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(held->data[i], held->mark);
}

static void grow_or_shrink(struct pool *pool, struct held *held)
{
    size_t size = any_size();
    held->data = pool_resize(pool, held->data, size > 0 ? size : 1);
    check(held, size < held->size ? size : held->size);
    fill(held, held->data, size);
}

static void blocks_keep_their_bytes(void **state)
{
    (void)state;
    static struct held held[BLOCKS];
    struct pool pool;
    pool_init(&pool);
    srand(7);
    for (int step = 0; step < STEPS; step++) {
        struct held *one = &held[rand() % BLOCKS];
        if (!one->data) {
            size_t size = any_size();
            fill(one, pool_take(&pool, size), size);
            continue;
        }
        check(one, one->size);
        if (rand() % 3 == 0) {
            grow_or_shrink(&pool, one);
            continue;
        }
        pool_give(&pool, one->data);
        *one = (struct held){0};
    }
    for (int i = 0; i < BLOCKS; i++)
        pool_give(&pool, held[i].data);
    assert_int_equal(pool.block_count, 0);
    assert_true(pool.slab_count <= POOL_SPARE_SLABS + POOL_CLASSES);
    pool_deinit(&pool);
    assert_int_equal(pool.slab_count, 0);
}

static void zeroed_blocks_are_zero_and_never_too_small(void **state)
{
    (void)state;
    struct pool pool;
    pool_init(&pool);
    uint8_t *used = pool_take(&pool, 100);
    memset(used, 1, 100);
    pool_give(&pool, used);

    uint8_t *zeroed = pool_take_zeroed(&pool, 10, 10);
    for (int i = 0; i < 100; i++)
        assert_int_equal(zeroed[i], 0);

    volatile size_t many = SIZE_MAX / 2;
    assert_null(pool_take_zeroed(&pool, many, 3));
    pool_give(&pool, zeroed);
    pool_deinit(&pool);
}

/* The purpose of the pool: thousands of small objects fill few slabs, and leave none. */
static void slabs_are_filled_and_given_back(void **state)
{
    (void)state;
    static void *blocks[BLOCKS];
    struct pool pool;
    pool_init(&pool);
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = pool_take(&pool, 200);
    uint32_t slabs = pool.slab_count;
    assert_true(slabs <= BLOCKS * 208 / POOL_SLAB_BYTES + 1);
    for (int i = 0; i < BLOCKS; i++)
        pool_give(&pool, blocks[i]);
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = pool_take(&pool, 1000);
    for (int i = 0; i < BLOCKS; i++)
        pool_give(&pool, blocks[i]);
    assert_true(pool.slab_count <= POOL_SPARE_SLABS + 1); /* and one of the small size */
    pool_deinit(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_keep_their_bytes),
        cmocka_unit_test(zeroed_blocks_are_zero_and_never_too_small),
        cmocka_unit_test(slabs_are_filled_and_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
