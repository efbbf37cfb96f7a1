/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* quic/app_protocol.h: names of protocols in ALPN and in the fields of a CONNECT. */
#include "tests/unit/prologue.h"

#include <string.h>

#include "quic/app_protocol.h"

static const struct quic_app_protocol items[] = {
    {.alpn = "five", .subprotocol = "five"},
    {.alpn = "four", .subprotocol = "four"},
    {.alpn = "old", .subprotocol = NULL},
    {.alpn = NULL, .subprotocol = "web"},
};
static const struct quic_app_protocols all = {items, 4}, named = {items, 2}, none = {NULL, 0};

static const char *chosen(const char *field, const char *item)
{
    char got[SUBPROTOCOL_MAX_BYTES];
    const struct quic_app_protocol *protocol = subprotocol_choose(&all, field, got);
    assert_string_equal(got, item);
    return protocol ? protocol->subprotocol : NULL;
}

static void lists_are_written_in_our_order(void **state)
{
    (void)state;
    char text[ALPN_LIST_MAX_BYTES];
    assert_int_equal(alpn_list(&all, true, text), 0);
    assert_string_equal(text, "h3,five,four,old");
    assert_int_equal(alpn_list(&all, false, text), 0);
    assert_string_equal(text, "five,four,old");
    assert_int_equal(alpn_list(&none, true, text), 0);
    assert_string_equal(text, "h3");
    assert_int_equal(subprotocol_list(&all, text), 0);
    assert_string_equal(text, "\"five\", \"four\", \"web\"");
    assert_int_equal(subprotocol_list(&none, text), 0);
    assert_string_equal(text, "");
}

static void a_list_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char name[ALPN_LIST_MAX_BYTES + 1], text[ALPN_LIST_MAX_BYTES];
    memset(name, 'n', sizeof name);
    name[ALPN_LIST_MAX_BYTES - 1] = '\0';
    struct quic_app_protocol one = {name, name};
    struct quic_app_protocols protocols = {&one, 1};
    assert_int_equal(alpn_list(&protocols, false, text), 0);
    assert_int_equal(alpn_list(&protocols, true, text), MOQ_ERR_BOUNDS);
    assert_int_equal(subprotocol_list(&protocols, text), MOQ_ERR_BOUNDS);
}

static void the_first_that_we_have_is_chosen_in_the_form_it_came(void **state)
{
    (void)state;
    assert_string_equal(chosen("\"four\", \"five\"", "\"four\""), "four");
    assert_string_equal(chosen("six, five", "five"), "five");
    assert_string_equal(chosen("  six\t,\"web\"", "\"web\""), "web");
    assert_string_equal(chosen("\"si\\\"x\", five;a;b=1;c=\"x, y\", four", "five"), "five");
    assert_string_equal(chosen("five;q=0.5;t=:YQ==:;u=?1;v=@1;w=to/ken", "five"), "five");
    assert_null(chosen("\"six\"", ""));
    assert_null(chosen("", ""));
    assert_null(chosen("\"old\"", "")); /* has no name there */
    assert_null(chosen("\"fiv\", \"five5\", \"FIVE\"", ""));
}

static void a_malformed_list_does_not_count(void **state)
{
    (void)state;
    static const char *const malformed[] = {
        "five,",    "five four",   "five;",     "five;=1", "five;a=",
        "\"five",   "(five four)", "five, (a)", "5",       "five, \"a\\b\"",
        "five;A=1", ", five",      "five;a=\"", "=five",
    };
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        assert_null(chosen(malformed[i], ""));
}

static void a_name_beyond_the_bound_is_passed_over(void **state)
{
    (void)state;
    char field[SUBPROTOCOL_MAX_BYTES + 32];
    memset(field, 'a', SUBPROTOCOL_MAX_BYTES);
    strcpy(field + SUBPROTOCOL_MAX_BYTES, ", four");
    assert_string_equal(chosen(field, "four"), "four");
}

static void what_has_no_name_is_the_default(void **state)
{
    (void)state;
    assert_ptr_equal(subprotocol_default(&all), &items[2]);
    assert_null(subprotocol_default(&named));
    assert_null(subprotocol_default(&none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_written_in_our_order),
        cmocka_unit_test(a_list_that_is_too_long_is_refused),
        cmocka_unit_test(the_first_that_we_have_is_chosen_in_the_form_it_came),
        cmocka_unit_test(a_malformed_list_does_not_count),
        cmocka_unit_test(a_name_beyond_the_bound_is_passed_over),
        cmocka_unit_test(what_has_no_name_is_the_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
