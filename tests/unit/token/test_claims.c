/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* token/claims.c: what claims grant, and which one is wrong. */
#include "token/token.h"

#include "tests/unit/token/maker.h"

#define NOW_MS INT64_C(1750000000500) /* half a second after 1750000000 */

static int verify(const char *payload, struct token *token, char *why)
{
    struct token_keys *keys = keys_of(OCT_KEY);
    char *text = token_of(HS256, payload);
    int error = token_verify(keys, text, NOW_MS, token, why);
    free(text);
    token_keys_free(&keys);
    return error;
}

static struct token good(const char *payload)
{
    char why[TOKEN_WHY_BYTES] = "";
    struct token token;
    if (verify(payload, &token, why))
        fail_msg("%s: %s", payload, why);
    return token;
}

static void assert_refused(const char *payload, int error, const char *words)
{
    char why[TOKEN_WHY_BYTES] = "";
    struct token token;
    int result = verify(payload, &token, why);
    if (result != error || !strstr(why, words))
        fail_msg("%s: %d: %s", payload, result, why);
    assert_null(token.claims);
    assert_null(token.identity);
    assert_int_equal(token.grants.publish.count + token.grants.subscribe.count, 0);
}

/* `publish` and `subscribe`: the prefixes, each followed by a comma. */
static void assert_grants(const char *payload, const char *publish, const char *subscribe)
{
    struct token token = good(payload);
    const struct token_prefixes *lists[] = {&token.grants.publish, &token.grants.subscribe};
    const char *expected[] = {publish, subscribe};
    for (int i = 0; i < 2; i++) {
        char text[256] = "";
        for (size_t k = 0; k < lists[i]->count; k++)
            sprintf(text + strlen(text), "%s,", lists[i]->items[k]);
        assert_string_equal(text, expected[i]);
    }
    token_clear(&token);
}

static void paths_are_below_the_root(void **state)
{
    (void)state;
    assert_grants("{\"root\":\"demo\",\"put\":[\"alice\",\"bob\"],\"get\":[\"\"]}",
                  "demo/alice,demo/bob,", "demo,");
    assert_grants("{\"root\":\"/demo/\",\"put\":\"/alice/\"}", "demo/alice,", "");
    assert_grants("{\"put\":\"\"}", ",", "");
    assert_grants("{\"get\":[\"a\",\"b\"]}", "", "a,b,");
    assert_grants("{\"root\":\"\",\"put\":[],\"get\":\"a\"}", "", "a,");
    assert_grants("{\"root\":\"demo//x\",\"get\":\"a//b\"}", "", "demo/x/a/b,");
}

static void no_path_leads_out_of_the_root(void **state)
{
    (void)state;
    assert_grants("{\"root\":\"demo\",\"get\":[\"..\",\"../other\",\"%2e%2e\",\"/\"]}", "",
                  "demo/..,demo/../other,demo/%2e%2e,demo,");
}

static void older_tokens_name_their_lists_otherwise(void **state)
{
    (void)state;
    assert_grants("{\"root\":\"demo/\",\"pub\":\"alice\",\"sub\":\"\"}", "demo/alice,", "demo,");
    assert_grants("{\"root\":\"demo\",\"pub\":null,\"sub\":\"x\",\"exp\":null,\"iat\":null}", "",
                  "demo/x,");
    assert_grants("{\"sub\":[\"a\",\"b\"]}", "", "a,b,");
    assert_grants("{\"pub\":\"a\",\"get\":\"b\",\"sub\":\"alice\"}", "a,", "b,");
    assert_grants("{\"put\":\"a\",\"pub\":\"b\",\"sub\":\"alice\"}", "a,", "");
}

static void a_subject_grants_nothing_where_there_are_lists(void **state)
{
    (void)state;
    struct token token = good("{\"put\":\"a\",\"sub\":\"alice\"}");
    assert_string_equal(token.identity, "alice");
    assert_int_equal(token.grants.subscribe.count, 0);
    token_clear(&token);
    token = good("{\"sub\":\"a\"}");
    assert_string_equal(token.identity, "oct");
    token_clear(&token);
    assert_refused("{\"put\":\"a\",\"sub\":7}", TOKEN_ERR_CLAIM, "sub is not a text");
}

static void a_token_that_grants_nothing_is_refused(void **state)
{
    static const char *const payloads[] = {"{}", "{\"root\":\"demo\"}", "{\"put\":[],\"get\":[]}",
                                           "{\"pub\":null,\"sub\":null}", "{\"cluster\":true}"};
    (void)state;
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++)
        assert_refused(payloads[i], TOKEN_ERR_CLAIM, "grants nothing");
}

static void a_null_is_of_the_wrong_type(void **state)
{
    (void)state;
    assert_refused("{\"put\":\"a\",\"exp\":null}", TOKEN_ERR_CLAIM,
                   "exp is not a number of seconds");
    assert_refused("{\"get\":\"a\",\"nbf\":null}", TOKEN_ERR_CLAIM,
                   "nbf is not a number of seconds");
    assert_refused("{\"get\":\"a\",\"iat\":null}", TOKEN_ERR_CLAIM,
                   "iat is not a number of seconds");
    assert_refused("{\"put\":null,\"get\":\"a\"}", TOKEN_ERR_CLAIM, "put is neither a text nor");
    assert_refused("{\"put\":\"a\",\"get\":null}", TOKEN_ERR_CLAIM, "get is neither a text nor");
    assert_refused("{\"pub\":null,\"get\":\"a\"}", TOKEN_ERR_CLAIM, "put is neither a text nor");
    assert_refused("{\"put\":\"a\",\"cluster\":null}", TOKEN_ERR_CLAIM, "cluster");
    assert_refused("{\"put\":\"a\",\"sub\":null}", TOKEN_ERR_CLAIM, "sub is not a text");
}

static void lists_are_texts(void **state)
{
    static const char *const values[] = {"7",      "{}",        "true",     "[7]",
                                         "[null]", "[[\"a\"]]", "[\"a\",7]"};
    char payload[128];
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        snprintf(payload, sizeof payload, "{\"put\":%s}", values[i]);
        assert_refused(payload, TOKEN_ERR_CLAIM, "put is neither a text nor a list of texts");
        snprintf(payload, sizeof payload, "{\"sub\":%s}", values[i]);
        assert_refused(payload, TOKEN_ERR_CLAIM, "get is neither a text nor a list of texts");
    }
    assert_refused("{\"root\":null,\"put\":\"\"}", TOKEN_ERR_CLAIM, "root is not a text");
    assert_refused("{\"root\":[\"a\"],\"put\":\"\"}", TOKEN_ERR_CLAIM, "root is not a text");
    assert_refused("{\"put\":\"\",\"cluster\":\"true\"}", TOKEN_ERR_CLAIM, "cluster");
    assert_refused("{\"put\":\"\",\"cluster\":1}", TOKEN_ERR_CLAIM, "cluster");
}

static void lists_have_bounds(void **state)
{
    char payload[4096] = "{\"put\":[\"\"";
    (void)state;
    for (int i = 0; i < TOKEN_PREFIXES_MAX; i++)
        strcat(payload, ",\"\"");
    strcat(payload, "]}");
    assert_refused(payload, TOKEN_ERR_CLAIM, "put has more than 64 paths");
    snprintf(payload, sizeof payload, "{\"get\":\"%01025d\"}", 0);
    assert_refused(payload, TOKEN_ERR_CLAIM, "get has a path of more than 1024 bytes");
}

static void a_node_of_a_cluster_is_told(void **state)
{
    (void)state;
    struct token token = good("{\"put\":\"\",\"cluster\":true}");
    assert_true(token.is_cluster);
    token_clear(&token);
    token = good("{\"put\":\"\",\"cluster\":false}");
    assert_false(token.is_cluster);
    token_clear(&token);
}

static void a_token_is_valid_for_a_time(void **state)
{
    (void)state;
    struct token token = good("{\"put\":\"\",\"exp\":1750000001,\"nbf\":1750000000}");
    assert_int_equal(token.expires_ms, INT64_C(1750000001000));
    token_clear(&token);
    token = good("{\"put\":\"\",\"exp\":1750000000.501,\"nbf\":1750000000.5}");
    assert_int_equal(token.expires_ms, INT64_C(1750000000501));
    token_clear(&token);
    token = good("{\"put\":\"\",\"iat\":9999999999}");
    assert_true(token.expires_ms == TOKEN_NEVER);
    token_clear(&token);
    assert_refused("{\"put\":\"\",\"exp\":1750000000.5}", TOKEN_ERR_EXPIRED,
                   "expired at 2025-06-15 15:06:40 UTC (exp)");
    assert_refused("{\"put\":\"\",\"exp\":0}", TOKEN_ERR_EXPIRED,
                   "expired at 1970-01-01 00:00:00 UTC");
    assert_refused("{\"put\":\"\",\"exp\":-1e9}", TOKEN_ERR_EXPIRED, "expired at 1938");
    assert_refused("{\"put\":\"\",\"nbf\":1750000000.501}", TOKEN_ERR_EARLY,
                   "not valid before 2025-06-15 15:06:40 UTC (nbf)");
}

static void times_are_numbers_of_seconds(void **state)
{
    static const char *const names[] = {"exp", "nbf", "iat"};
    char payload[128];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(payload, sizeof payload, "{\"put\":\"\",\"%s\":\"1750000001\"}", names[i]);
        assert_refused(payload, TOKEN_ERR_CLAIM, "is not a number of seconds");
        snprintf(payload, sizeof payload, "{\"put\":\"\",\"%s\":1750000001000}", names[i]);
        assert_refused(payload, TOKEN_ERR_CLAIM, "is not a time before the year 10000");
        snprintf(payload, sizeof payload, "{\"put\":\"\",\"%s\":1e300}", names[i]);
        assert_refused(payload, TOKEN_ERR_CLAIM, "is not a time before the year 10000");
        snprintf(payload, sizeof payload, "{\"put\":\"\",\"%s\":-9223372036854775808}", names[i]);
        assert_refused(payload, TOKEN_ERR_CLAIM, "is not a time before the year 10000");
    }
}

static void claims_are_strict_json(void **state)
{
    (void)state;
    assert_refused("", TOKEN_ERR_FORM, "not JSON");
    assert_refused("hello", TOKEN_ERR_FORM, "not JSON");
    assert_refused("[]", TOKEN_ERR_FORM, "not a JSON object");
    assert_refused("{\"put\":\"\"} {}", TOKEN_ERR_FORM, "not JSON");
    assert_refused("{\"put\":\"\",\"put\":\"a\"}", TOKEN_ERR_FORM, "a claim stands twice");
    assert_refused("{\"put\":\"a\\u0000b\"}", TOKEN_ERR_FORM, "a text has a NUL");
    assert_refused("{\"put\":\"a\xff\"}", TOKEN_ERR_FORM, "not UTF-8");
    assert_refused("{\"put\":\"\",\"exp\":1e999}", TOKEN_ERR_FORM, "a number is too large");
    assert_refused("{\"put\":\"\",\"exp\":99999999999999999999}", TOKEN_ERR_FORM,
                   "a number is too large");
}

static void a_nul_in_the_text_does_not_end_it(void **state)
{
    static const char payload[] = "{\"put\":\"\"}\0{}";
    struct token_keys *keys = keys_of(OCT_KEY);
    uint8_t secret[BASE64_DECODED_BYTES(sizeof OCT_K)];
    char why[TOKEN_WHY_BYTES];
    struct token token;
    size_t n;
    (void)state;
    assert_true(base64_decode(OCT_K, strlen(OCT_K), secret, &n));
    char *text = token_of_bytes(HS256, payload, sizeof payload - 1, secret, n);
    assert_int_equal(token_verify(keys, text, NOW_MS, &token, why), TOKEN_ERR_FORM);
    free(text);
    token_keys_free(&keys);
}

static void all_claims_are_passed_on(void **state)
{
    (void)state;
    struct token token = good("{ \"put\" : \"a\", \"name\": \"\\n\", \"exp\": 1750000001.25 }");
    assert_string_equal(token.claims, "{\"put\":\"a\",\"name\":\"\\n\",\"exp\":1750000001.25}");
    token_clear(&token);
}

static void the_signature_is_checked_before_the_claims(void **state)
{
    struct token_keys *keys = keys_of(OCT_KEY);
    char why[TOKEN_WHY_BYTES];
    struct token token;
    char *text = token_of_bytes(HS256, "{\"exp\":1}", 9, "wrong", 5);
    (void)state;
    assert_int_equal(token_verify(keys, text, NOW_MS, &token, why), TOKEN_ERR_SIGNATURE);
    assert_string_equal(token_error_name(TOKEN_ERR_SIGNATURE), "signature");
    assert_string_equal(token_error_name(99), "unknown");
    free(text);
    token_keys_free(&keys);
}

static void errors_never_show_the_token(void **state)
{
    static const char *const payloads[] = {"{\"secret\"", "{\"put\":7,\"secret\":1}",
                                           "{\"secret\":1,\"secret\":2}",
                                           "{\"put\":\"\",\"exp\":1}"};
    char why[TOKEN_WHY_BYTES];
    struct token token;
    (void)state;
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        assert_int_not_equal(verify(payloads[i], &token, why), 0);
        assert_null(strstr(why, "secret"));
        assert_null(strstr(why, "eyJ"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_below_the_root),
        cmocka_unit_test(no_path_leads_out_of_the_root),
        cmocka_unit_test(older_tokens_name_their_lists_otherwise),
        cmocka_unit_test(a_subject_grants_nothing_where_there_are_lists),
        cmocka_unit_test(a_token_that_grants_nothing_is_refused),
        cmocka_unit_test(a_null_is_of_the_wrong_type),
        cmocka_unit_test(lists_are_texts),
        cmocka_unit_test(lists_have_bounds),
        cmocka_unit_test(a_node_of_a_cluster_is_told),
        cmocka_unit_test(a_token_is_valid_for_a_time),
        cmocka_unit_test(times_are_numbers_of_seconds),
        cmocka_unit_test(claims_are_strict_json),
        cmocka_unit_test(a_nul_in_the_text_does_not_end_it),
        cmocka_unit_test(all_claims_are_passed_on),
        cmocka_unit_test(the_signature_is_checked_before_the_claims),
        cmocka_unit_test(errors_never_show_the_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
