/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* token/jws.c: the examples of the RFCs, and the tricks that other implementations fell for. */
#include "token/jws.h"

#include "tests/unit/token/maker.h"

#define JOE                                                                                        \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl" \
    "fQ"
#define HS256_TOKEN                                                                                \
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." JOE ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define RS256_TOKEN                                                                                \
    "eyJhbGciOiJSUzI1NiJ9." JOE                                                                    \
    ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp" \
    "5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHl" \
    "b1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9Q" \
    "OYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
#define ES256_TOKEN                                                                                \
    "eyJhbGciOiJFUzI1NiJ9." JOE                                                                    \
    ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
#define EDDSA_TOKEN                                                                                \
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"                                     \
    ".hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
/* RFC 7520, 4.4 */
#define HOBBIT_KEY                                                                                 \
    "{\"kty\":\"oct\",\"kid\":\"018c0ae5-4d9b-471b-bfd6-eef314bc7037\",\"use\":\"sig\",\"alg\":"   \
    "\"HS256\",\"k\":\"hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg\"}"
#define HOBBIT_TOKEN                                                                               \
    "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9"             \
    ".SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb25" \
    "0"                                                                                            \
    "byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hl" \
    "cmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0"

static void assert_good(const char *key, const char *token, const char *payload)
{
    struct token_keys *keys = keys_of(key);
    char why[TOKEN_WHY_BYTES] = "";
    struct jws jws;
    if (jws_verify(keys, token, &jws, why))
        fail_msg("%s", why);
    assert_non_null(strstr(jws.payload, payload));
    free(jws.payload);
    token_keys_free(&keys);
}

static void assert_refused(const char *key, const char *token, int error, const char *words)
{
    struct token_keys *keys = keys_of(key);
    char why[TOKEN_WHY_BYTES] = "";
    struct jws jws;
    int result = jws_verify(keys, token, &jws, why);
    if (result != error || !strstr(why, words))
        fail_msg("%d instead of %d: %s", result, error, why);
    assert_null(jws.payload);
    token_keys_free(&keys);
}

/* A token with this header and a good HS256 signature by OCT_KEY. */
static void assert_header_refused(const char *header, int error, const char *words)
{
    char *token = token_of(header, "{}");
    assert_refused(OCT_KEY, token, error, words);
    free(token);
}

static void the_examples_of_the_standards_are_good(void **state)
{
    (void)state;
    assert_good(OCT_KEY, HS256_TOKEN, "joe");
    assert_good(RSA_KEY, RS256_TOKEN, "joe");
    assert_good(EC_KEY, ES256_TOKEN, "joe");
    assert_good(OKP_KEY, EDDSA_TOKEN, "Example of Ed25519 signing");
    assert_good(HOBBIT_KEY, HOBBIT_TOKEN, "dangerous business");
}

static void no_byte_of_a_token_may_change_or_be_missing(void **state)
{
    static const char *const pairs[][2] = {{OCT_KEY, HS256_TOKEN},
                                           {RSA_KEY, RS256_TOKEN},
                                           {EC_KEY, ES256_TOKEN},
                                           {OKP_KEY, EDDSA_TOKEN}};
    char token[1024], why[TOKEN_WHY_BYTES];
    struct jws jws;
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct token_keys *keys = keys_of(pairs[i][0]);
        size_t n = strlen(pairs[i][1]);
        for (size_t at = 0; at < n; at++) {
            memcpy(token, pairs[i][1], n + 1);
            token[at] = token[at] == 'A' ? 'B' : 'A';
            assert_int_not_equal(jws_verify(keys, token, &jws, why), 0);
            memcpy(token, pairs[i][1], n + 1);
            token[at] = '\0';
            assert_int_not_equal(jws_verify(keys, token, &jws, why), 0);
        }
        token_keys_free(&keys);
    }
}

static void a_token_has_three_parts(void **state)
{
    static const char *const texts[] = {"",  ".",   "..",      "...",
                                        "a", "a.b", "a.b.c.d", "{\"alg\":\"none\"}"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_refused(OCT_KEY, texts[i], TOKEN_ERR_FORM, "the token");
    assert_refused(OCT_KEY, HS256_TOKEN ".", TOKEN_ERR_FORM, "three parts");
    assert_refused(OCT_KEY, HS256_TOKEN "\n", TOKEN_ERR_SIGNATURE, "signature");
    assert_refused(OCT_KEY, HS256_TOKEN "=", TOKEN_ERR_SIGNATURE, "signature");
    assert_refused(OCT_KEY, " " HS256_TOKEN, TOKEN_ERR_FORM, "base64url");
}

static void a_long_token_is_refused_before_it_is_decoded(void **state)
{
    char *token = malloc(TOKEN_MAX_BYTES + 2);
    (void)state;
    memset(token, '!', TOKEN_MAX_BYTES + 1);
    token[TOKEN_MAX_BYTES + 1] = '\0';
    assert_refused(OCT_KEY, token, TOKEN_ERR_SIZE, "longer than 8192 bytes");
    free(token);

    char payload[6145];
    memset(payload, 'x', sizeof payload);
    payload[6095] = '\0';
    token = token_of(HS256, payload);
    assert_int_equal(strlen(token), TOKEN_MAX_BYTES);
    assert_good(OCT_KEY, token, "xxx");
    free(token);
}

static void unsigned_tokens_are_refused(void **state)
{
    (void)state;
    assert_refused(OCT_KEY, "eyJhbGciOiJub25lIn0." JOE ".", TOKEN_ERR_ALGORITHM, "alg none");
    assert_header_refused("{\"alg\":\"none\"}", TOKEN_ERR_ALGORITHM, "alg none");
    assert_header_refused("{\"alg\":\"None\"}", TOKEN_ERR_ALGORITHM, "None");
    assert_header_refused("{\"alg\":\"NONE\"}", TOKEN_ERR_ALGORITHM, "NONE");
    assert_header_refused("{\"alg\":\"\"}", TOKEN_ERR_ALGORITHM, "algorithm");
    assert_header_refused("{}", TOKEN_ERR_ALGORITHM, "names no algorithm");
    assert_header_refused("{\"alg\":null}", TOKEN_ERR_ALGORITHM, "names no algorithm");
    assert_header_refused("{\"alg\":[\"HS256\"]}", TOKEN_ERR_ALGORITHM, "names no algorithm");
    assert_refused(OCT_KEY, "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." JOE ".",
                   TOKEN_ERR_SIGNATURE, "signature");
}

static void other_algorithms_are_refused(void **state)
{
    static const char *const names[] = {"RS384",  "RS512",   "PS384",      "PS512",  "ES512",
                                        "ES256K", "HS1",     "hs256",      "RSA1_5", "dir",
                                        "A128KW", "Ed25519", "\\u001b[31m"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char header[64];
        snprintf(header, sizeof header, "{\"alg\":\"%s\"}", names[i]);
        assert_header_refused(header, TOKEN_ERR_ALGORITHM, "is not HS256");
    }
}

/* The classic: who knows the public key signs by HMAC, with that key as the secret. */
static void a_public_key_is_no_secret(void **state)
{
    static const char *const secrets[] = {RSA_N, RSA_KEY, EC_X, EC_KEY};
    (void)state;
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        uint8_t raw[512];
        size_t n = 0;
        char *token = token_of_bytes(HS256, "{}", 2, secrets[i], strlen(secrets[i]));
        assert_refused(RSA_KEY, token, TOKEN_ERR_ALGORITHM, "no key is for that");
        assert_refused(EC_KEY, token, TOKEN_ERR_ALGORITHM, "no key is for that");
        free(token);
        if (!base64_decode(secrets[i], strlen(secrets[i]), raw, &n))
            continue;
        token = token_of_bytes(HS256, "{}", 2, raw, n);
        assert_refused(RSA_KEY, token, TOKEN_ERR_ALGORITHM, "no key is for that");
        free(token);
    }
    char *token =
        token_of_bytes("{\"alg\":\"HS256\",\"kid\":\"rsa\"}", "{}", 2, RSA_N, strlen(RSA_N));
    assert_refused(RSA_KEY, token, TOKEN_ERR_ALGORITHM, "its key (kid rsa) is for RS256");
    free(token);
}

static void a_key_is_for_one_algorithm(void **state)
{
    (void)state;
    assert_header_refused("{\"alg\":\"HS512\"}", TOKEN_ERR_ALGORITHM,
                          "signed by HS512, and no key");
    assert_refused("{\"kty\":\"RSA\",\"alg\":\"PS256\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}",
                   RS256_TOKEN, TOKEN_ERR_ALGORITHM, "no key is for that");
}

static void zeros_are_no_signature(void **state)
{
    char token[1024], zeros[400];
    (void)state;
    memset(zeros, 'A', sizeof zeros);
    snprintf(token, sizeof token, "eyJhbGciOiJFUzI1NiJ9." JOE ".%.86s", zeros);
    assert_refused(EC_KEY, token, TOKEN_ERR_SIGNATURE, "signature");
    snprintf(token, sizeof token, "eyJhbGciOiJFZERTQSJ9." JOE ".%.86s", zeros);
    assert_refused(OKP_KEY, token, TOKEN_ERR_SIGNATURE, "signature");
    snprintf(token, sizeof token, "eyJhbGciOiJSUzI1NiJ9." JOE ".%.342s", zeros);
    assert_refused(RSA_KEY, token, TOKEN_ERR_SIGNATURE, "signature");
    snprintf(token, sizeof token, "eyJhbGciOiJSUzI1NiJ9." JOE ".%.399s", zeros);
    assert_refused(RSA_KEY, token, TOKEN_ERR_SIGNATURE, "signature");
}

static void a_header_is_strict_json(void **state)
{
    (void)state;
    assert_header_refused("{\"alg\":\"HS256\",\"alg\":\"none\"}", TOKEN_ERR_FORM, "JSON object");
    assert_header_refused("[\"HS256\"]", TOKEN_ERR_FORM, "JSON object");
    assert_header_refused("{\"alg\":\"HS256\"} x", TOKEN_ERR_FORM, "JSON object");
    assert_header_refused("{\"alg\":\"HS256\\u0000\"}", TOKEN_ERR_FORM, "JSON object");
    assert_header_refused("{\"alg\":\"HS256\",\"x\":\"\xff\"}", TOKEN_ERR_FORM, "JSON object");
    assert_header_refused("", TOKEN_ERR_FORM, "JSON object");
    assert_header_refused("{\"alg\":\"HS256\",\"kid\":7}", TOKEN_ERR_FORM, "kid is not a text");
    assert_header_refused("{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}", TOKEN_ERR_FORM,
                          "(crit)");
    assert_header_refused("{\"alg\":\"HS256\",\"crit\":[]}", TOKEN_ERR_FORM, "(crit)");
}

/* Keys that a token brings, or says where to get, are not even looked at; nor is it unpacked. */
static void a_token_brings_no_key(void **state)
{
    char *token = token_of_bytes("{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}}",
                                 "{}", 2, "secret", 6);
    (void)state;
    assert_refused(OCT_KEY, token, TOKEN_ERR_SIGNATURE, "signature");
    free(token);
    token = token_of(
        "{\"alg\":\"HS256\",\"jku\":\"http://127.0.0.1:1/keys\",\"x5u\":\"http://127.0.0.1:1/\","
        "\"zip\":\"DEF\",\"x5c\":[\"AAAA\"]}",
        "{\"a\":1}");
    assert_good(OCT_KEY, token, "{\"a\":1}");
    free(token);
}

static void a_kid_says_which_key(void **state)
{
    static const char set[] =
        "{\"keys\":[" EC_KEY "," OCT_KEY "," RSA_KEY ",{\"kty\":\"oct\",\"alg\":\"HS256\","
        "\"kid\":\"second\",\"k\":\"hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg\"}]}";
    (void)state;
    assert_good(set, HS256_TOKEN, "joe");
    assert_good(set, ES256_TOKEN, "joe");
    assert_good(set, RS256_TOKEN, "joe");
    char *token = token_of("{\"alg\":\"HS256\",\"kid\":\"oct\"}", "{}");
    assert_good(set, token, "{}");
    free(token);
    token = token_of("{\"alg\":\"HS256\",\"kid\":\"second\"}", "{}");
    assert_refused(set, token, TOKEN_ERR_SIGNATURE, "(HS256, kid second)");
    free(token);
    token = token_of("{\"alg\":\"HS256\",\"kid\":\"third\"}", "{}");
    assert_refused(set, token, TOKEN_ERR_KEY, "unknown key (kid third)");
    free(token);
    token = token_of("{\"alg\":\"HS256\",\"kid\":\"\\u001b[2J\\n\"}", "{}");
    assert_refused(set, token, TOKEN_ERR_KEY, "(kid ?[2J?)");
    free(token);
}

static void a_key_without_kid_is_tried_for_a_kid_that_no_key_has(void **state)
{
    char *token = token_of("{\"alg\":\"HS256\",\"kid\":\"third\"}", "{}");
    (void)state;
    assert_good("{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"" OCT_K "\"}", token, "{}");
    free(token);
}

static void only_so_many_keys_are_tried(void **state)
{
    char set[4096] = "{\"keys\":[";
    (void)state;
    for (int i = 0; i <= TOKEN_TRIES_MAX; i++)
        sprintf(set + strlen(set),
                "{\"kty\":\"oct\",\"alg\":\"HS256\",\"kid\":\"%d\",\"k\":"
                "\"%dJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg\"},",
                i, i);
    strcat(set, OCT_KEY "]}");
    assert_refused(set, HS256_TOKEN, TOKEN_ERR_KEY,
                   "10 keys may have signed it, more than are tried (8)");
    char *token = token_of("{\"alg\":\"HS256\",\"kid\":\"oct\"}", "{}");
    assert_good(set, token, "{}");
    free(token);
}

static void a_key_that_is_not_for_verifying_does_not(void **state)
{
    (void)state;
    assert_refused("{\"kty\":\"oct\",\"alg\":\"HS256\",\"key_ops\":[\"sign\"],\"k\":\"" OCT_K "\"}",
                   HS256_TOKEN, TOKEN_ERR_KEY, "not for verifying (key_ops)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_standards_are_good),
        cmocka_unit_test(no_byte_of_a_token_may_change_or_be_missing),
        cmocka_unit_test(a_token_has_three_parts),
        cmocka_unit_test(a_long_token_is_refused_before_it_is_decoded),
        cmocka_unit_test(unsigned_tokens_are_refused),
        cmocka_unit_test(other_algorithms_are_refused),
        cmocka_unit_test(a_public_key_is_no_secret),
        cmocka_unit_test(a_key_is_for_one_algorithm),
        cmocka_unit_test(zeros_are_no_signature),
        cmocka_unit_test(a_header_is_strict_json),
        cmocka_unit_test(a_token_brings_no_key),
        cmocka_unit_test(a_kid_says_which_key),
        cmocka_unit_test(a_key_without_kid_is_tried_for_a_kid_that_no_key_has),
        cmocka_unit_test(only_so_many_keys_are_tried),
        cmocka_unit_test(a_key_that_is_not_for_verifying_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
