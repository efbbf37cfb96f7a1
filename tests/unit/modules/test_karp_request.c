/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Paths and credentials of requests; and how long a source that fails again and again waits. */
#include "modules/karp/request.h"

#include "tests/unit/prologue.h"

#include <stdio.h>
#include <string.h>

#include "modules/karp/backoff.h"
#include "token/token.h"

static void assert_path(const char *target, const char *expected)
{
    char path[REQUEST_PATH_BYTES];
    struct verdict why;
    assert_int_equal(request_path(target, path, &why), 0);
    assert_string_equal(path, expected);
}

static void assert_no_path(const char *target, const char *words)
{
    char path[REQUEST_PATH_BYTES];
    struct verdict why;
    assert_int_equal(request_path(target, path, &why), VERDICT_MALFORMED);
    if (!strstr(why.text, words))
        fail_msg("%s: \"%s\"", target, why.text);
}

static void a_path_is_what_a_viewer_writes_into_its_url(void **state)
{
    (void)state;
    assert_path("/demo/bbb", "demo/bbb");
    assert_path("/demo/bbb?jwt=x/../y", "demo/bbb");
    assert_path("/my%20room", "my%20room");
    assert_path("/a..b/...", "a..b/...");
    assert_path("/a:@!$&'()*+,;=-_~", "a:@!$&'()*+,;=-_~");
}

static void tricks_are_refused(void **state)
{
    (void)state;
    assert_no_path("/", "no path");
    assert_no_path("/?jwt=x", "no path");
    assert_no_path("demo", "does not begin with a slash");
    assert_no_path("http://elsewhere/demo", "does not begin with a slash");
    assert_no_path("*", "does not begin with a slash");
    assert_no_path("//demo", "empty part");
    assert_no_path("/demo//bbb", "empty part");
    assert_no_path("/demo/", "empty part");
    assert_no_path("/demo/../secret", "\"..\"");
    assert_no_path("/demo/..", "\"..\"");
    assert_no_path("/./demo", "\"..\"");
    assert_no_path("/demo/%2e%2E/secret", "\"..\"");
    assert_no_path("/demo/.%2e", "\"..\"");
    assert_no_path("/demo%2fbbb", "slash");
    assert_no_path("/demo%5Cbbb", "slash");
    assert_no_path("/demo%00", "control");
    assert_no_path("/demo%0abbb", "control");
    assert_no_path("/demo%7f", "control");
    assert_no_path("/100%", "hexadecimal");
    assert_no_path("/%4", "hexadecimal");
    assert_no_path("/%zz", "hexadecimal");
    assert_no_path("/a b", "URLs escape");
    assert_no_path("/a{20}b", "URLs escape");
    assert_no_path("/a\\b", "URLs escape");
    assert_no_path("/caf\xc3\xa9", "URLs escape");
    assert_no_path("/a#b", "URLs escape");
}

static void paths_are_bounded(void **state)
{
    char target[REQUEST_PATH_MAX_BYTES + 3];
    (void)state;
    memset(target, 'a', sizeof target);
    target[0] = '/';
    target[REQUEST_PATH_MAX_BYTES + 1] = '\0';
    assert_path(target, target + 1);
    target[REQUEST_PATH_MAX_BYTES + 1] = 'a';
    target[REQUEST_PATH_MAX_BYTES + 2] = '\0';
    assert_no_path(target, "900 bytes");
    for (int i = 0; i < REQUEST_PATH_MAX_PARTS; i++)
        memcpy(target + 2 * i, "/a", 3);
    assert_path(target, target + 1);
    memcpy(target + 2 * REQUEST_PATH_MAX_PARTS, "/a", 3);
    assert_no_path(target, "30 parts");
}

static void names_of_the_configuration_may_have_braces(void **state)
{
    char path[REQUEST_PATH_BYTES];
    struct verdict why;
    (void)state;
    assert_int_equal(request_name("my{20}room/x", path, &why), 0);
    assert_string_equal(path, "my{20}room/x");
    assert_int_equal(request_name("", path, &why), VERDICT_MALFORMED);
    assert_int_equal(request_name("/demo", path, &why), VERDICT_MALFORMED);
    assert_int_equal(request_name("demo/..", path, &why), VERDICT_MALFORMED);
}

static void assert_query_token(const char *target, const char *expected)
{
    char token[REQUEST_CREDENTIAL_BYTES];
    assert_int_equal(request_query_token(request_query(target), token), strlen(expected));
    assert_string_equal(token, expected);
}

static void a_token_can_be_in_the_query(void **state)
{
    (void)state;
    assert_query_token("/a?jwt=x.y.z", "x.y.z");
    assert_query_token("/a?b=c&jwt=x.y.z&d=e", "x.y.z");
    assert_query_token("/a?xjwt=x&jwtx=y", "");
    assert_query_token("/a?jwt", "");
    assert_query_token("/a?jwt=", "");
    assert_query_token("/a?&&jwt=x", "x");
    assert_query_token("/jwt=x", "");
    assert_query_token("/a?jwt=x&jwt=x", "");
    assert_query_token("/a?jwt=&b=c&jwt=x", "");
    assert_query_token("/a?jwt=%78", "");
    assert_query_token("/a?jwt=x&b=%78", "x");
    assert_query_token("/a", "");
}

static void assert_bearer(const char *header, const char *expected)
{
    char token[REQUEST_CREDENTIAL_BYTES];
    assert_int_equal(request_bearer(header, token), strlen(expected));
    assert_string_equal(token, expected);
}

static void a_token_can_be_a_bearers(void **state)
{
    char header[TOKEN_MAX_BYTES + 64] = "Bearer ";
    (void)state;
    assert_bearer("Bearer x.y.z", "x.y.z");
    assert_bearer("bearer   x.y.z ", "x.y.z");
    assert_bearer("Bearer", "");
    assert_bearer("Bearer ", "");
    assert_bearer("Basic eDp5", "");
    assert_bearer(NULL, "");
    memset(header + 7, 'x', TOKEN_MAX_BYTES);
    assert_bearer(header, header + 7);
    header[7 + TOKEN_MAX_BYTES] = 'x';
    assert_bearer(header, header + 7);
}

enum { HEAD_BYTES = 16 << 10 }; /* VISIT_HEAD_MAX_BYTES */

/* A module that decides refuses it as too long; it must not look as if there were none. */
static void a_long_token_is_passed_on(void **state)
{
    char header[7 + HEAD_BYTES] = "Bearer ", query[4 + HEAD_BYTES] = "jwt=";
    char token[REQUEST_CREDENTIAL_BYTES];
    (void)state;
    memset(header + 7, 'x', sizeof header - 8);
    assert_bearer(header, header + 7);
    memset(query + 4, 'x', sizeof query - 5);
    assert_int_equal(request_query_token(query, token), strlen(query + 4));
    assert_string_equal(token, query + 4);
}

static void assert_wait(struct backoff *backoff, uint64_t ran_ms, uint64_t about_ms)
{
    uint64_t wait_ms = backoff_next_ms(backoff, ran_ms);
    assert_in_range(wait_ms, about_ms * 3 / 4, about_ms * 5 / 4);
}

static void waits_double_up_to_a_minute(void **state)
{
    struct backoff backoff = {.random = 7};
    (void)state;
    for (uint64_t about_ms = 1000; about_ms < 60000; about_ms *= 2)
        assert_wait(&backoff, 10, about_ms);
    for (int i = 0; i < 100; i++)
        assert_wait(&backoff, 10, 60000);
    assert_wait(&backoff, 30000, 1000); /* it was well in between */
    assert_wait(&backoff, 29999, 2000);
}

static void waits_of_two_sources_differ(void **state)
{
    struct backoff one = {.random = 1}, two = {.random = 2};
    int same = 0;
    (void)state;
    for (int i = 0; i < 20; i++)
        same += backoff_next_ms(&one, 0) == backoff_next_ms(&two, 0);
    assert_true(same < 5);
}

static void verdicts_are_cut_and_have_words(void **state)
{
    struct verdict verdict;
    char longer[2 * VERDICT_TEXT_BYTES];
    (void)state;
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(verdict_set(&verdict, VERDICT_TAKEN, "%s", longer), VERDICT_TAKEN);
    assert_int_equal(strlen(verdict.text), VERDICT_TEXT_BYTES - 1);
    assert_string_equal(verdict_phrase(VERDICT_TAKEN), "Conflict");
    assert_string_equal(verdict_phrase(299), "Unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_what_a_viewer_writes_into_its_url),
        cmocka_unit_test(tricks_are_refused),
        cmocka_unit_test(paths_are_bounded),
        cmocka_unit_test(names_of_the_configuration_may_have_braces),
        cmocka_unit_test(a_token_can_be_in_the_query),
        cmocka_unit_test(a_token_can_be_a_bearers),
        cmocka_unit_test(a_long_token_is_passed_on),
        cmocka_unit_test(waits_double_up_to_a_minute),
        cmocka_unit_test(waits_of_two_sources_differ),
        cmocka_unit_test(verdicts_are_cut_and_have_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
