/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* native/address.c: text to addresses and back, and the order in which the addresses of a host are
 * tried. */
#include "native/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void assert_round_trip(const char *text, const char *expected)
{
    struct sockaddr_storage address;
    char out[ADDRESS_TEXT_BYTES];
    assert_int_equal(address_parse(text, &address), 0);
    assert_string_equal(address_text((const struct sockaddr *)&address, out), expected);
}

static void addresses_to_bind_are_read(void **state)
{
    (void)state;
    assert_round_trip("[::]:4443", "[::]:4443");
    assert_round_trip("0.0.0.0:443", "0.0.0.0:443");
    assert_round_trip("127.0.0.1:0", "127.0.0.1:0");
    assert_round_trip("[::ffff:10.0.0.1]:9", "10.0.0.1:9");
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",      "4443",   "::1:4443", "[::1]",
                                        "host:", "host:x", ":x",       "[::]:65536"};
    struct sockaddr_storage address;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(address_parse(texts[i], &address), MOQ_ERR_INVALID);
        assert_int_equal(moq_address_check(texts[i]), MOQ_ERR_INVALID);
    }
    assert_int_equal(address_parse("host.invalid:1", &address), MOQ_ERR_NAME_LOOKUP);
    assert_int_equal(moq_address_check("host.invalid:1"), 0);
}

/* A resolver's answer of the given families: '6' or '4'; the port says the place. */
static void fill(struct address_list *list, const char *families)
{
    static struct addrinfo infos[16];
    static struct sockaddr_in6 addresses[16];
    size_t count = strlen(families);
    for (size_t i = 0; i < count; i++) {
        bool is_ipv6 = families[i] == '6';
        struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&addresses[i];
        memset(&addresses[i], 0, sizeof addresses[i]);
        addresses[i].sin6_family = is_ipv6 ? AF_INET6 : AF_INET;
        v4->sin_port = htons((uint16_t)i);
        infos[i] = (struct addrinfo){.ai_family = is_ipv6 ? AF_INET6 : AF_INET,
                                     .ai_addr = (struct sockaddr *)&addresses[i],
                                     .ai_next = i + 1 < count ? &infos[i + 1] : NULL};
        infos[i].ai_addrlen = address_size(infos[i].ai_addr);
    }
    address_list_fill(list, count ? infos : NULL);
}

static void assert_order(const char *families, const char *places)
{
    struct address_list list;
    fill(&list, families);
    assert_int_equal(list.count, strlen(places));
    for (size_t i = 0; i < list.count; i++) {
        const struct sockaddr_in *address = (const void *)&list.items[i];
        assert_int_equal(ntohs(address->sin_port), places[i] - '0');
    }
}

static void families_take_turns_and_the_resolver_s_first_stays_first(void **state)
{
    (void)state;
    assert_order("", "");
    assert_order("6", "0");
    assert_order("664", "021");
    assert_order("6644", "0213");
    assert_order("4466", "0213");
    assert_order("666644", "041523");
    assert_order("6666666666", "01234567");
}

static void a_socket_of_one_family_drops_the_other(void **state)
{
    (void)state;
    struct address_list list;
    struct sockaddr_storage local;
    fill(&list, "6644");
    assert_int_equal(address_parse("[::]:0", &local), 0);
    address_list_fit(&list, &local);
    assert_int_equal(list.count, 4);
    assert_int_equal(address_parse("[::1]:0", &local), 0);
    address_list_fit(&list, &local);
    assert_int_equal(list.count, 2);
    assert_int_equal(address_parse("127.0.0.1:0", &local), 0);
    address_list_fit(&list, &local);
    assert_int_equal(list.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_to_bind_are_read),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(families_take_turns_and_the_resolver_s_first_stays_first),
        cmocka_unit_test(a_socket_of_one_family_drops_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
