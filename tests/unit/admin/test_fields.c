/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* server/admin/fields.c: what is read from the fields of a request, and what is not. */
#include "server/admin/fields.h"

#include <string.h>

#include "tests/unit/prologue.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void hosts_are_names_and_addresses(void **state)
{
    static const char *const hosts[] = {
        "localhost", "relay.example:4443", "127.0.0.1", "[::1]:443",
        "[fe80::1]", "[v1.a:b]",           "",          ":443",
        "a:",        "a%20b%C3",           "a_b-c~",    "localhost \t"};
    static const char *const others[] = {"a b",  "a, b",  "a/b",    "a@b",    "a:b",  "a:1:2",
                                         "a:1b", "[::1",  "[::1]a", "[::1 ]", "[a]]", "%",
                                         "a%2",  "a%2gb", "\xff",   "a\"b",   " a",   "http://a"};
    (void)state;
    for (size_t i = 0; i < COUNT(hosts); i++)
        assert_true(fields_is_host(hosts[i]));
    for (size_t i = 0; i < COUNT(others); i++)
        assert_false(fields_is_host(others[i]));
}

static void one_range_is_cut_to_the_size(void **state)
{
    static const struct {
        const char *field;
        uint64_t size, first, count;
    } cases[] = {
        {"bytes=0-0", 10, 0, 1},
        {"bytes=5-", 10, 5, 5},
        {"bytes=0-", 1, 0, 1},
        {"bytes=5-9", 10, 5, 5},
        {"bytes=5-99999999999999999999999999", 10, 5, 5},
        {"bytes=-3", 10, 7, 3},
        {"bytes=-30", 10, 0, 10},
        {"BYTES= 2-3 ", 10, 2, 2},
        {"bytes=18446744073709551614-18446744073709551615", UINT64_MAX, UINT64_MAX - 1, 1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct range range;
        assert_int_equal(fields_range(cases[i].field, cases[i].size, &range), RANGE_IS_PART);
        assert_int_equal(range.first, cases[i].first);
        assert_int_equal(range.count, cases[i].count);
    }
}

static void ranges_behind_the_end_are_outside(void **state)
{
    static const char *const fields[] = {"bytes=10-", "bytes=10-20", "bytes=-0",
                                         "bytes=99999999999999999999999-"};
    struct range range;
    (void)state;
    for (size_t i = 0; i < COUNT(fields); i++)
        assert_int_equal(fields_range(fields[i], 10, &range), RANGE_IS_OUTSIDE);
    assert_int_equal(fields_range("bytes=0-", 0, &range), RANGE_IS_OUTSIDE);
    assert_int_equal(fields_range("bytes=-1", 0, &range), RANGE_IS_OUTSIDE);
}

static void other_ranges_are_ignored(void **state)
{
    static const char *const fields[] = {"",          "bytes",        "bytes=",     "bytes=-",
                                         "bytes=a-b", "bytes=1-2,4-", "bytes=3-2",  "bytes 1-2",
                                         "items=1-2", "bytes=1-2x",   "bytes=--1",  "bytes=+1-2",
                                         "bytes=1",   "bytes=-1-",    "bytes=1 - 2"};
    struct range range;
    (void)state;
    assert_int_equal(fields_range(NULL, 10, &range), RANGE_IS_ALL);
    for (size_t i = 0; i < COUNT(fields); i++)
        assert_int_equal(fields_range(fields[i], 10, &range), RANGE_IS_ALL);
}

static void codings_have_weights(void **state)
{
    static const struct {
        const char *field;
        unsigned identity, gzip, brotli;
    } cases[] = {
        {"gzip, deflate, br", 1, 1000, 1000},
        {"gzip;q=0.5, br;q=1.0", 1, 500, 1000},
        {"br;q=0", 1, 0, 0},
        {"*", 1000, 1000, 1000},
        {"*;q=0.2, gzip;q=0", 200, 0, 200},
        {"identity;q=0.5, GZIP ; Q=0.25", 500, 250, 0},
        {"identity;q=0, *;q=0", 0, 0, 0},
        {"br;level=1;q=0.125,,x-gzip", 1, 1000, 125},
        {"brotli, gzip2, b", 1, 0, 0},
        {"br;q=1.9", 1, 0, 1000},
        {"br;q=", 1, 0, 0},
        {"br;", 1, 0, 1000},
        {";;,;q=1", 1, 0, 0},
        {"br;q=0.0001", 1, 0, 0},
        {"", 1, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct codings codings = fields_codings(cases[i].field);
        assert_int_equal(codings.weights[CODING_IDENTITY], cases[i].identity);
        assert_int_equal(codings.weights[CODING_GZIP], cases[i].gzip);
        assert_int_equal(codings.weights[CODING_BROTLI], cases[i].brotli);
    }
    assert_int_equal(fields_codings(NULL).weights[CODING_GZIP], 0);
}

static void tags_are_found_in_lists(void **state)
{
    (void)state;
    assert_true(fields_have_tag("\"a\"", "\"a\""));
    assert_true(fields_have_tag("\"b\", W/\"a\"", "\"a\""));
    assert_true(fields_have_tag(" *", "\"a\""));
    assert_false(fields_have_tag("\"ab\"", "\"a\""));
    assert_false(fields_have_tag("\"b\",\"a", "\"a\""));
    assert_false(fields_have_tag("a", "\"a\""));
    assert_false(fields_have_tag("", "\"a\""));
}

static void dates_come_back(void **state)
{
    static const char *const others[] = {"", "Sunday, 06-Nov-94 08:49:37 GMT", "now",
                                         "Sun, 06 Nov 1994 08:49:37 GMTx"};
    char text[FIELDS_DATE_BYTES];
    time_t time = 0;
    (void)state;
    fields_write_date(784111777, text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_true(fields_read_date(text, &time));
    assert_int_equal(time, 784111777);
    for (size_t i = 0; i < COUNT(others); i++)
        assert_false(fields_read_date(others[i], &time));
}

/* Nothing is read behind the end of a field, whatever stands in it. */
static void random_fields_are_read_to_their_ends(void **state)
{
    static const char letters[] = "bytes=0123456789-, \t;q.grizp*\"W/[]:%";
    uint64_t seed = 3;
    (void)state;
    for (int turn = 0; turn < 100000; turn++) {
        size_t n = next_random(&seed) % 24;
        char *field = test_calloc(n + 1, 1);
        struct range range = {0, 1};
        for (size_t i = 0; i < n; i++)
            field[i] = letters[next_random(&seed) % (sizeof letters - 1)];
        if (fields_range(field, 100, &range) == RANGE_IS_PART)
            assert_true(range.count > 0 && range.first + range.count <= 100);
        struct codings codings = fields_codings(field);
        for (int i = 0; i < CODING_COUNT; i++)
            assert_true(codings.weights[i] <= 1000);
        fields_have_tag(field, "\"a\"");
        fields_is_host(field);
        test_free(field);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_are_names_and_addresses),
        cmocka_unit_test(one_range_is_cut_to_the_size),
        cmocka_unit_test(ranges_behind_the_end_are_outside),
        cmocka_unit_test(other_ranges_are_ignored),
        cmocka_unit_test(codings_have_weights),
        cmocka_unit_test(tags_are_found_in_lists),
        cmocka_unit_test(dates_come_back),
        cmocka_unit_test(random_fields_are_read_to_their_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
