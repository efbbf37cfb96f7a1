/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The keys that a connection keeps: those that its peer retires lead nowhere from then on, the
 * others go on, and all of them go with it. */
#include "tests/unit/prologue.h"

#include <stdlib.h>

#include "quic/conn.h"
#include "quic/endpoint.h"

static struct quic_endpoint endpoint;

static int open_table(void **state)
{
    static const uint64_t secret[2] = {11, 22};
    (void)state;
    routes_init(&endpoint.routes, secret);
    return 0;
}

static int close_table(void **state)
{
    (void)state;
    assert_int_equal(endpoint.routes.count, 0);
    routes_deinit(&endpoint.routes);
    return 0;
}

static void add(struct quic_conn *conn, enum route_kind kind, uint8_t number)
{
    const uint8_t key[ROUTE_TOKEN_BYTES] = {number};
    assert_int_equal(conn_route_add(conn, kind, key, sizeof key), 0);
}

static void retire(struct quic_conn *conn, enum route_kind kind, uint8_t number)
{
    const uint8_t key[ROUTE_TOKEN_BYTES] = {number};
    conn_route_remove(conn, kind, key, sizeof key);
}

static const struct quic_conn *owner_of(enum route_kind kind, uint8_t number)
{
    const uint8_t key[ROUTE_TOKEN_BYTES] = {number};
    return routes_find(&endpoint.routes, kind, key, sizeof key);
}

static void what_is_retired_leads_nowhere_and_the_others_go_on(void **state)
{
    (void)state;
    struct quic_conn conn = {.endpoint = &endpoint}, other = {.endpoint = &endpoint};
    for (uint8_t i = 0; i < 10; i++)
        add(&conn, ROUTE_CID, i);
    add(&conn, ROUTE_TOKEN, 3);
    add(&other, ROUTE_CID, 20);
    retire(&conn, ROUTE_CID, 3);
    retire(&conn, ROUTE_CID, 9);
    retire(&conn, ROUTE_CID, 20); /* of another */
    retire(&conn, ROUTE_CID, 30); /* of nobody */
    for (uint8_t i = 0; i < 10; i++)
        assert_ptr_equal(owner_of(ROUTE_CID, i), i == 3 || i == 9 ? NULL : &conn);
    assert_ptr_equal(owner_of(ROUTE_TOKEN, 3), &conn);
    assert_ptr_equal(owner_of(ROUTE_CID, 20), &other);
    conn_routes_clear(&conn);
    assert_ptr_equal(owner_of(ROUTE_CID, 20), &other);
    conn_routes_clear(&other);
    free(conn.routes);
    free(other.routes);
}

/* A peer may keep retiring IDs and asking for new ones. */
static void only_those_in_use_count(void **state)
{
    (void)state;
    struct quic_conn conn = {.endpoint = &endpoint};
    const uint8_t one_more[] = {0xff};
    for (uint8_t i = 0; i < CONN_ROUTES_MAX; i++)
        add(&conn, ROUTE_CID, i);
    assert_int_equal(conn_route_add(&conn, ROUTE_CID, one_more, 1), MOQ_ERR_BOUNDS);
    assert_null(routes_find(&endpoint.routes, ROUTE_CID, one_more, 1));
    for (uint8_t i = 0; i < CONN_ROUTES_MAX; i++) {
        retire(&conn, ROUTE_CID, i);
        add(&conn, ROUTE_CID, (uint8_t)(CONN_ROUTES_MAX + i));
    }
    conn_routes_clear(&conn);
    free(conn.routes);
}

static void a_key_of_another_is_not_kept(void **state)
{
    (void)state;
    struct quic_conn conn = {.endpoint = &endpoint}, other = {.endpoint = &endpoint};
    const uint8_t key[ROUTE_TOKEN_BYTES] = {1};
    add(&other, ROUTE_CID, 1);
    assert_int_equal(conn_route_add(&conn, ROUTE_CID, key, sizeof key), MOQ_ERR_DUPLICATE);
    conn_routes_clear(&conn);
    assert_ptr_equal(owner_of(ROUTE_CID, 1), &other);
    conn_routes_clear(&other);
    free(conn.routes);
    free(other.routes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_retired_leads_nowhere_and_the_others_go_on,
                                        open_table, close_table),
        cmocka_unit_test_setup_teardown(only_those_in_use_count, open_table, close_table),
        cmocka_unit_test_setup_teardown(a_key_of_another_is_not_kept, open_table, close_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
