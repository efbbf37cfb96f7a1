/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which connection a key leads to. */
#include "tests/unit/prologue.h"

#include <string.h>

#include "base/error.h"
#include "quic/routes.h"

enum { KEYS = 500, STEPS = 100000 };

static const uint64_t secret[2] = {11, 22};

/* The table only keeps the pointer. */
static struct quic_conn *conn(uintptr_t number)
{
    return (struct quic_conn *)(number * 16);
}

static void a_key_leads_to_who_added_it(void **state)
{
    (void)state;
    struct routes routes;
    routes_init(&routes, secret);
    const uint8_t key[] = {1, 2, 3, 4, 5, 6, 7, 8};

    assert_null(routes_find(&routes, ROUTE_CID, key, sizeof key));
    assert_int_equal(routes_add(&routes, ROUTE_CID, key, sizeof key, conn(1)), 0);

    assert_ptr_equal(routes_find(&routes, ROUTE_CID, key, sizeof key), conn(1));
    assert_null(routes_find(&routes, ROUTE_CID, key, sizeof key - 1));
    assert_null(routes_find(&routes, ROUTE_TOKEN, key, sizeof key));
    routes_deinit(&routes);
}

static void a_key_cannot_be_taken_over(void **state)
{
    (void)state;
    struct routes routes;
    routes_init(&routes, secret);
    const uint8_t key[ROUTE_KEY_MAX_BYTES] = {9};
    assert_int_equal(routes_add(&routes, ROUTE_CID, key, sizeof key, conn(1)), 0);

    assert_int_equal(routes_add(&routes, ROUTE_CID, key, sizeof key, conn(2)), MOQ_ERR_DUPLICATE);
    routes_remove(&routes, ROUTE_CID, key, sizeof key, conn(2));

    assert_ptr_equal(routes_find(&routes, ROUTE_CID, key, sizeof key), conn(1));
    routes_deinit(&routes);
}

static void keys_that_are_too_long_lead_nowhere(void **state)
{
    (void)state;
    struct routes routes;
    routes_init(&routes, secret);
    const uint8_t key[255] = {1};

    assert_int_equal(routes_add(&routes, ROUTE_CID, key, ROUTE_KEY_MAX_BYTES + 1, conn(1)),
                     MOQ_ERR_INVALID);
    assert_null(routes_find(&routes, ROUTE_CID, key, sizeof key));
    routes_deinit(&routes);
}

/* Thousands of keys that come and go, compared with an array; the table must not fill up with what
 * was removed. */
static void it_agrees_with_an_array(void **state)
{
    (void)state;
    struct routes routes;
    routes_init(&routes, secret);
    static uintptr_t owners[KEYS];
    memset(owners, 0, sizeof owners);
    uint64_t random = 5;
    for (int i = 0; i < STEPS; i++) {
        uint64_t k = next_random(&random) % KEYS;
        uint8_t key[16] = {0};
        memcpy(key, &k, sizeof k);
        size_t n = 8 + k % 9;
        assert_ptr_equal(routes_find(&routes, ROUTE_CID, key, n),
                         owners[k] ? conn(owners[k]) : NULL);
        if (owners[k]) {
            routes_remove(&routes, ROUTE_CID, key, n, conn(owners[k]));
            owners[k] = 0;
        } else {
            owners[k] = (uintptr_t)i + 1;
            assert_int_equal(routes_add(&routes, ROUTE_CID, key, n, conn(owners[k])), 0);
        }
    }
    assert_in_range(routes.capacity, 512, 2048);
    routes_deinit(&routes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_leads_to_who_added_it),
        cmocka_unit_test(a_key_cannot_be_taken_over),
        cmocka_unit_test(keys_that_are_too_long_lead_nowhere),
        cmocka_unit_test(it_agrees_with_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
