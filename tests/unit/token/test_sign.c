/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* token/sign.c: what is signed here is verified here, and keys sign only what they may. */
#include "token/token.h"

#include "tests/unit/token/maker.h"

#define NOW_MS INT64_C(1750000000000)

static const char *const lists[] = {"alice", "bob/cam"};
static const struct token_claims claims = {
    .root = "demo",
    .publish = lists,
    .publish_count = 2,
    .subscribe = lists,
    .subscribe_count = 1,
    .is_cluster = true,
    .expires_s = 1750000060,
    .issued_s = 1750000000,
    .not_before_s = TOKEN_NEVER,
};

static void what_every_algorithm_signs_is_verified(void **state)
{
    static const char *const names[] = {"HS256", "HS384", "HS512", "RS256",
                                        "PS256", "ES256", "ES384", "EdDSA"};
    char why[TOKEN_WHY_BYTES] = "";
    struct token token;
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *jwk = token_key_generate(names[i], "k", NULL, why);
        struct token_keys *keys = keys_of(jwk);
        char *text = token_sign(keys, NULL, &claims, why);
        if (!text || token_verify(keys, text, NOW_MS, &token, why))
            fail_msg("%s: %s", names[i], why);
        assert_string_equal(
            token.claims, "{\"root\":\"demo\",\"put\":[\"alice\",\"bob/cam\"],\"get\":[\"alice\"],"
                          "\"cluster\":true,\"exp\":1750000060,\"iat\":1750000000}");
        assert_string_equal(token.identity, "k");
        assert_string_equal(token.grants.publish.items[1], "demo/bob/cam");
        token_clear(&token);
        token_text_free(&text);
        token_keys_free(&keys);
        token_text_free(&jwk);
    }
}

static void the_public_half_verifies_and_does_not_sign(void **state)
{
    char why[TOKEN_WHY_BYTES] = "";
    struct token token;
    (void)state;
    struct token_keys *private = keys_of(EC_PRIVATE_KEY), *public = keys_of(EC_KEY);
    char *text = token_sign(private, "ec", &claims, why);
    assert_non_null(text);
    assert_int_equal(token_verify(public, text, NOW_MS, &token, why), 0);
    token_clear(&token);
    assert_int_equal(token_verify(public, text, NOW_MS + 60000, &token, why), TOKEN_ERR_EXPIRED);
    token_text_free(&text);
    assert_null(token_sign(public, NULL, &claims, why));
    assert_non_null(strstr(why, "cannot sign"));
    assert_null(token_sign(private, "other", &claims, why));
    assert_non_null(strstr(why, "no key with the kid other"));
    token_keys_free(&private);
    token_keys_free(&public);
}

static void a_set_signs_with_the_key_that_is_named(void **state)
{
    char why[TOKEN_WHY_BYTES] = "";
    struct token token;
    (void)state;
    struct token_keys *keys = keys_of("{\"keys\":[" RSA_KEY "," EC_PRIVATE_KEY "," OCT_KEY "]}");
    static const char *const wanted[] = {NULL, "ec", "oct"};
    for (int i = 0; i < 3; i++) {
        char *text = token_sign(keys, wanted[i], &claims, why);
        assert_non_null(text);
        assert_int_equal(token_verify(keys, text, NOW_MS, &token, why), 0);
        assert_string_equal(token.identity, wanted[i] ? wanted[i] : "ec");
        token_clear(&token);
        token_text_free(&text);
    }
    assert_null(token_sign(keys, "rsa", &claims, why));
    token_keys_free(&keys);
}

static void nothing_useless_is_signed(void **state)
{
    char why[TOKEN_WHY_BYTES] = "", *large;
    struct token_keys *keys = keys_of(OCT_KEY);
    struct token_claims none = {.root = "demo", .expires_s = TOKEN_NEVER};
    (void)state;
    assert_null(token_sign(keys, NULL, &none, why));
    assert_non_null(strstr(why, "grant nothing"));
    large = calloc(1, TOKEN_MAX_BYTES + 1);
    memset(large, 'a', TOKEN_MAX_BYTES);
    none.subscribe = (const char *const *)&large;
    none.subscribe_count = 1;
    assert_null(token_sign(keys, NULL, &none, why));
    assert_non_null(strstr(why, "longer than 8192 bytes"));
    free(large);
    token_keys_free(&keys);
}

static void halves_of_two_keys_are_noticed(void **state)
{
    char why[TOKEN_WHY_BYTES] = "";
    (void)state;
    struct token_keys *keys = keys_of("{" EC_NUMBERS ",\"d\":\"" EC_X "\"}");
    assert_null(token_sign(keys, NULL, &claims, why));
    assert_non_null(strstr(why, "the key"));
    token_keys_free(&keys);
}

/* Signed with the same key in another file, where it has no scope. */
static void assert_beyond_scope(const struct token_keys *keys, const struct token_claims *wish)
{
    char why[TOKEN_WHY_BYTES] = "";
    struct token token;
    struct token_keys *free_keys = keys_of(EC_PRIVATE_KEY);
    char *text = token_sign(free_keys, NULL, wish, why);
    assert_non_null(text);
    assert_int_equal(token_verify(keys, text, NOW_MS, &token, why), TOKEN_ERR_CLAIM);
    assert_non_null(strstr(why, "beyond the scope of its key"));
    assert_null(token_sign(keys, NULL, wish, why));
    assert_non_null(strstr(why, "is beyond the scope of the key"));
    token_text_free(&text);
    token_keys_free(&free_keys);
}

static void a_key_grants_no_more_than_its_scope(void **state)
{
    static const char *const wide[] = {""}, *const other[] = {"bob"}, *const near[] = {"alice2"};
    const char *const *all[] = {wide, other, near};
    char why[TOKEN_WHY_BYTES] = "";
    struct token token;
    (void)state;
    struct token_keys *keys = keys_of("{" EC_NUMBERS ",\"kid\":\"ec\",\"d\":\"" EC_D
                                      "\",\"scope\":{\"root\":\"demo\",\"put\":[\"alice\"]}}");
    struct token_claims wish = {.root = "demo",
                                .publish = lists,
                                .publish_count = 1,
                                .expires_s = TOKEN_NEVER,
                                .issued_s = TOKEN_NEVER,
                                .not_before_s = TOKEN_NEVER};
    char *text = token_sign(keys, NULL, &wish, why);
    assert_int_equal(token_verify(keys, text, NOW_MS, &token, why), 0);
    token_clear(&token);
    token_text_free(&text);
    for (int i = 0; i < 3; i++) {
        wish.publish = all[i];
        assert_beyond_scope(keys, &wish);
    }
    wish = (struct token_claims){.root = "demo",
                                 .subscribe = lists,
                                 .subscribe_count = 1,
                                 .expires_s = TOKEN_NEVER,
                                 .issued_s = TOKEN_NEVER,
                                 .not_before_s = TOKEN_NEVER};
    assert_beyond_scope(keys, &wish);
    token_keys_free(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_every_algorithm_signs_is_verified),
        cmocka_unit_test(the_public_half_verifies_and_does_not_sign),
        cmocka_unit_test(a_set_signs_with_the_key_that_is_named),
        cmocka_unit_test(nothing_useless_is_signed),
        cmocka_unit_test(halves_of_two_keys_are_noticed),
        cmocka_unit_test(a_key_grants_no_more_than_its_scope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
