/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* native/url.c: what people type, and the path on which a publisher and a viewer must agree. */
#include "native/native.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "base/objects.h"

static struct moq_url url_of(const char *text)
{
    struct moq_url url;
    assert_int_equal(moq_url_parse(&url, text, NULL), 0);
    return url;
}

static void assert_refused(const char *text, int error, const char *word)
{
    char why[QUIC_ERROR_TEXT_BYTES] = "";
    struct moq_url url;
    assert_int_equal(moq_url_parse(&url, text, why), error);
    assert_non_null(strstr(why, word));
}

static void the_scheme_says_how_to_connect(void **state)
{
    (void)state;
    struct moq_url url = url_of("https://relay.example/demo");
    assert_int_equal(url.protocol, QUIC_PROTOCOL_WEBTRANSPORT);
    assert_false(url.is_fingerprint_fetched);
    url = url_of("HTTP://relay.example/demo");
    assert_int_equal(url.protocol, QUIC_PROTOCOL_WEBTRANSPORT);
    assert_true(url.is_fingerprint_fetched);
    url = url_of("moqf://relay.example/demo");
    assert_int_equal(url.protocol, QUIC_PROTOCOL_RAW);
    assert_refused("moqt://relay.example/demo", MOQ_ERR_UNSUPPORTED, "reserved");
    assert_refused("ftp://relay.example/demo", MOQ_ERR_UNSUPPORTED, "scheme");
    assert_refused("relay.example:4443", MOQ_ERR_INVALID, "https://");
}

static void host_and_port_are_taken_apart(void **state)
{
    (void)state;
    struct moq_url url = url_of("https://relay.example");
    assert_string_equal(url.host, "relay.example");
    assert_int_equal(url.port, 443);
    url = url_of("https://localhost:4443/a");
    assert_string_equal(url.host, "localhost");
    assert_int_equal(url.port, 4443);
    url = url_of("https://[::1]:4443/a");
    assert_string_equal(url.host, "::1");
    assert_int_equal(url.port, 4443);
    url = url_of("https://[2001:db8::7]");
    assert_string_equal(url.host, "2001:db8::7");
    assert_int_equal(url.port, 443);
}

static void a_bad_host_or_port_is_refused_with_a_reason(void **state)
{
    (void)state;
    assert_refused("https:///a", MOQ_ERR_INVALID, "host");
    assert_refused("https://:4443/a", MOQ_ERR_INVALID, "host");
    assert_refused("https://h:0/a", MOQ_ERR_INVALID, "port");
    assert_refused("https://h:65536/a", MOQ_ERR_INVALID, "port");
    assert_refused("https://h:99999999999999999999/a", MOQ_ERR_INVALID, "port");
    assert_refused("https://h:4x/a", MOQ_ERR_INVALID, "port");
    assert_refused("https://[::1/a", MOQ_ERR_INVALID, "]");
    assert_refused("https://[::1]4443/a", MOQ_ERR_INVALID, "port");
    assert_refused("https://[host]/a", MOQ_ERR_INVALID, "IPv6");
    assert_refused("https://me@h/a", MOQ_ERR_INVALID, "user");
    assert_refused("https://h h/a", MOQ_ERR_INVALID, "character");
}

static void a_host_or_path_beyond_its_bounds_is_refused(void **state)
{
    (void)state;
    char text[2 * MOQ_URL_PATH_BYTES] = "https://";
    memset(text + 8, 'a', 256);
    assert_refused(text, MOQ_ERR_INVALID, "too long");
    memset(text, 0, sizeof text);
    strcpy(text, "https://h/");
    memset(text + 10, 'a', MOQ_URL_PATH_BYTES);
    assert_refused(text, MOQ_ERR_INVALID, "too long");
}

static void the_path_keeps_its_escapes_and_its_query(void **state)
{
    (void)state;
    assert_string_equal(url_of("https://h").path, "/");
    assert_string_equal(url_of("https://h/a%2Fb?jwt=x#top").path, "/a%2Fb?jwt=x");
    assert_string_equal(url_of("https://h?x").path, "/?x");
    assert_string_equal(url_of("https://h/a b").path, "/a%20b");
    assert_string_equal(url_of("https://h/\xc3\xa4").path, "/%C3%A4");
    assert_refused("https://h/a\nb", MOQ_ERR_INVALID, "control");
}

static void assert_broadcast(const char *text, const char *const *parts, size_t count)
{
    struct moq_url url = url_of(text);
    struct moq_path *path = moq_url_broadcast(&url);
    assert_non_null(path);
    assert_int_equal(moq_path_count(path), count);
    for (size_t i = 0; i < count; i++) {
        struct moq_part part = moq_path_part(path, i);
        assert_int_equal(part.size, strlen(parts[i]));
        assert_memory_equal(part.data, parts[i], part.size);
    }
    moq_path_unref(&path);
}

static void the_broadcast_is_cut_as_rust_peers_cut_it(void **state)
{
    (void)state;
    assert_broadcast("https://h/demo/bbb", (const char *[]){"demo", "bbb"}, 2);
    assert_broadcast("https://h", (const char *[]){""}, 1);
    assert_broadcast("https://h/", (const char *[]){""}, 1);
    assert_broadcast("https://h/demo/bbb/", (const char *[]){"demo", "bbb", ""}, 3);
    assert_broadcast("https://h//a", (const char *[]){"", "a"}, 2);
    assert_broadcast("https://h/a%20b//c?x/y#z", (const char *[]){"a%20b", "", "c"}, 3);
    assert_broadcast("https://h/x#y/z", (const char *[]){"x"}, 1);
    assert_broadcast("https://h/a%2Fb/c?d/e#f/g", (const char *[]){"a%2Fb", "c"}, 2);
}

/* What a program prints is what its user pastes after the host. */
static void the_text_of_a_path_is_its_name_in_a_url(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a",    "%",        "%2f",  "%C3%A4",   " ",    "/",
                                         "{",    "}",        "{20}", "\xc3\xa4", "?",    "#",
                                         "{2f}", "{00}",     "\"",   "..",       "\x01", "//",
                                         "\\",   "=&;'*!$(", "<",    "\x7f",     "{...", "{7b}"};
    enum { PIECES = sizeof pieces / sizeof pieces[0] };
    uint32_t seed = 1;
    for (int round = 0; round < 5000; round++) {
        char raw[64] = "", text[MOQ_PATH_TEXT_BYTES], url_text[MOQ_PATH_TEXT_BYTES + 32];
        for (int i = 0; i < 6; i++)
            strcat(raw, pieces[((seed = seed * 1664525 + 1013904223) >> 16) % PIECES]);
        struct moq_path *path = moq_path_from_name(raw, strlen(raw));
        snprintf(url_text, sizeof url_text, "moqf://h/%s", moq_path_text(path, text, sizeof text));
        struct moq_url url = url_of(url_text);
        struct moq_path *again = moq_url_broadcast(&url);
        if (!moq_path_equal(path, again))
            fail_msg("%s is another path", url_text);
        moq_path_unref(&path);
        moq_path_unref(&again);
    }
}

static void only_bytes_in_braces_are_not_as_rust_peers_have_it(void **state)
{
    (void)state;
    assert_broadcast("https://h/a{20}b/{2F}?{20}", (const char *[]){"a b", "/"}, 2);
    assert_broadcast("https://h/{}/a", (const char *[]){"", "a"}, 2);
    assert_broadcast("https://h/{a}{room}", (const char *[]){"%7Ba%7D%7Broom%7D"}, 1);
    assert_string_equal(url_of("https://h/{20}?x={20}").path, "/{20}?x=%7B20%7D");
    assert_refused("https://h/long{...}", MOQ_ERR_INVALID, "cut");

    char path[MOQ_URL_PATH_BYTES];
    struct moq_url url = url_of("https://h/{20}{/%20?x=%7D");
    moq_url_request_path(&url, path);
    assert_string_equal(path, "/%7B20%7D%7B/%20?x=%7D");
}

static void the_longest_path_fits_its_request(void **state)
{
    (void)state;
    char text[MOQ_URL_PATH_BYTES * 2] = "https://h/{00}", path[MOQ_URL_PATH_BYTES];
    size_t taken = strlen(text);
    struct moq_url url;
    while (strcat(text, "b"), moq_url_parse(&url, text, NULL) == 0)
        taken++;
    text[taken] = '\0';
    url = url_of(text);
    moq_url_request_path(&url, path);
    assert_int_equal(strlen(path), taken - strlen("https://h") + 4);
}

static void a_broadcast_of_too_many_parts_is_none(void **state)
{
    (void)state;
    struct moq_url url = url_of("https://h/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8"
                                "/9/0/1/2/3");
    assert_null(moq_url_broadcast(&url));
    assert_int_equal(object_count(OBJECT_path), 0);
}

static void assert_set(const char *text, const char *expected)
{
    struct moq_url url = url_of(text);
    assert_int_equal(moq_url_set_parameter(&url, "jwt", "a.b.c"), 0);
    assert_string_equal(url.path, expected);
    assert_true(moq_url_has_token(&url));
}

static void a_parameter_is_set_once(void **state)
{
    (void)state;
    assert_set("https://h", "/?jwt=a.b.c");
    assert_set("https://h/demo", "/demo?jwt=a.b.c");
    assert_set("https://h/demo?x=1", "/demo?x=1&jwt=a.b.c");
    assert_set("https://h/demo?jwt=old", "/demo?jwt=a.b.c");
    assert_set("https://h/demo?jwt=old&x=1&jwt=", "/demo?x=1&jwt=a.b.c");
    assert_set("https://h/demo?x=1&jwt=old&y=2", "/demo?x=1&y=2&jwt=a.b.c");
    assert_set("https://h/demo?xjwt=1&jwtx=2", "/demo?xjwt=1&jwtx=2&jwt=a.b.c");
    assert_set("https://h/jwt=x", "/jwt=x?jwt=a.b.c");
    struct moq_url url = url_of("https://h/jwt=x?xjwt=1&jwtx=2&jwt");
    assert_false(moq_url_has_token(&url));
}

static void a_parameter_that_does_not_fit_changes_nothing(void **state)
{
    (void)state;
    static char value[MOQ_URL_PATH_BYTES], sent[MOQ_URL_PATH_BYTES];
    struct moq_url url = url_of("https://h/a{20}b?jwt=old"), before = url;
    memset(value, 'v', sizeof value - 1);
    assert_int_equal(moq_url_set_parameter(&url, "jwt", value), MOQ_ERR_BOUNDS);
    assert_memory_equal(&url, &before, sizeof url);
    size_t n = sizeof value - 1;
    for (value[n] = '\0'; moq_url_set_parameter(&url, "jwt", value); value[--n] = '\0')
        ;
    moq_url_request_path(&url, sent);
    assert_true(n > MOQ_URL_PATH_BYTES - 32);
    assert_int_equal(strlen(sent), strlen("/a%7B20%7Db?jwt=") + n);
}

static void assert_hidden(const char *text, const char *expected)
{
    char copy[128];
    snprintf(copy, sizeof copy, "%s", text);
    assert_ptr_equal(moq_url_hide_token(copy), copy);
    assert_string_equal(copy, expected);
}

static void a_token_is_not_shown(void **state)
{
    (void)state;
    assert_hidden("https://h/a?jwt=eyJ.x.y: it is wrong", "https://h/a?jwt=*** it is wrong");
    assert_hidden("https://h/a?jwt=eyJ.x.y", "https://h/a?jwt=***");
    assert_hidden("https://h/a?jwt=eyJ&x=1&jwt=z", "https://h/a?jwt=***&x=1&jwt=*");
    assert_hidden("(\"https://h/a?jwt=eyJ#b\")", "(\"https://h/a?jwt=***#b\")");
    assert_hidden("jwt=", "jwt=");
    assert_hidden("nothing to hide", "nothing to hide");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_scheme_says_how_to_connect),
        cmocka_unit_test(host_and_port_are_taken_apart),
        cmocka_unit_test(a_bad_host_or_port_is_refused_with_a_reason),
        cmocka_unit_test(a_host_or_path_beyond_its_bounds_is_refused),
        cmocka_unit_test(the_path_keeps_its_escapes_and_its_query),
        cmocka_unit_test(the_broadcast_is_cut_as_rust_peers_cut_it),
        cmocka_unit_test(the_text_of_a_path_is_its_name_in_a_url),
        cmocka_unit_test(only_bytes_in_braces_are_not_as_rust_peers_have_it),
        cmocka_unit_test(the_longest_path_fits_its_request),
        cmocka_unit_test(a_broadcast_of_too_many_parts_is_none),
        cmocka_unit_test(a_parameter_is_set_once),
        cmocka_unit_test(a_parameter_that_does_not_fit_changes_nothing),
        cmocka_unit_test(a_token_is_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
