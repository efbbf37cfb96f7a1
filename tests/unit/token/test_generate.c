/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* token/generate.c: new keys, and their public halves. */
#include "token/keys.h"

#include "tests/unit/token/maker.h"

static void new_keys_are_named_and_differ(void **state)
{
    char why[TOKEN_WHY_BYTES] = "";
    (void)state;
    char *one = token_key_generate("HS256", NULL, NULL, why),
         *two = token_key_generate("HS256", NULL, NULL, why);
    struct token_keys *first = keys_of(one), *second = keys_of(two);
    assert_int_equal(strlen(token_keys_at(first, 0).kid), 16);
    assert_string_not_equal(token_keys_at(first, 0).kid, token_keys_at(second, 0).kid);
    assert_int_equal(first->items[0].secret.size, 32);
    assert_memory_not_equal(first->items[0].secret.data, second->items[0].secret.data, 32);
    token_keys_free(&first);
    token_keys_free(&second);
    token_text_free(&one);
    token_text_free(&two);
}

static void numbers_have_their_full_length(void **state)
{
    static const struct {
        const char *name, *member;
        size_t characters;
    } rows[] = {{"HS384", "k", 64}, {"HS512", "k", 86}, {"ES256", "x", 43},
                {"ES256", "d", 43}, {"ES384", "y", 64}, {"ES384", "d", 64},
                {"EdDSA", "x", 43}, {"EdDSA", "d", 43}, {"RS256", "n", 342}};
    char why[TOKEN_WHY_BYTES] = "";
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int times = 0; times < (rows[i].name[0] == 'R' ? 1 : 20); times++) {
            char *text = token_key_generate(rows[i].name, "k", NULL, why);
            json_t *json = json_loads(text, 0, NULL);
            assert_int_equal(json_string_length(json_object_get(json, rows[i].member)),
                             rows[i].characters);
            assert_string_equal(json_string_value(json_object_get(json, "alg")), rows[i].name);
            assert_int_equal(json_array_size(json_object_get(json, "key_ops")), 2);
            json_decref(json);
            token_text_free(&text);
        }
}

static void what_cannot_be_made_is_told(void **state)
{
    char why[TOKEN_WHY_BYTES] = "";
    (void)state;
    assert_null(token_key_generate("ES512", NULL, NULL, why));
    assert_non_null(strstr(why, "the algorithm ES512 is not HS256"));
    assert_null(token_key_generate("HS256", "a/b", NULL, why));
    assert_non_null(strstr(why, "letters, digits"));
    assert_null(token_key_generate("HS256", "", NULL, why));
}

static void a_public_half_has_nothing_private(void **state)
{
    char why[TOKEN_WHY_BYTES] = "";
    (void)state;
    struct token_keys *keys = keys_of(EC_PRIVATE_KEY);
    char *text = token_keys_public(keys, why);
    assert_string_equal(text, "{\"kty\":\"EC\",\"alg\":\"ES256\",\"key_ops\":[\"verify\"],\"kid\":"
                              "\"ec\",\"crv\":\"P-256\","
                              "\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}");
    token_text_free(&text);
    token_keys_free(&keys);
    char *rsa = token_key_generate("PS256", "p", NULL, why);
    keys = keys_of(rsa);
    text = token_keys_public(keys, why);
    json_t *json = json_loads(text, 0, NULL);
    static const char *const names[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_null(json_object_get(json, names[i]));
    assert_int_equal(json_object_size(json), 6);
    json_decref(json);
    token_text_free(&text);
    token_text_free(&rsa);
    token_keys_free(&keys);
}

static void a_set_becomes_a_set_and_secrets_stay(void **state)
{
    char why[TOKEN_WHY_BYTES] = "";
    (void)state;
    struct token_keys *keys = keys_of("{\"keys\":[" EC_PRIVATE_KEY "," OKP_KEY "]}");
    char *text = token_keys_public(keys, why);
    struct token_keys *public = keys_of(text);
    assert_int_equal(token_keys_count(public), 2);
    assert_false(token_keys_at(public, 0).can_sign);
    token_keys_free(&public);
    token_text_free(&text);
    token_keys_free(&keys);
    keys = keys_of("{\"keys\":[" EC_PRIVATE_KEY "," OCT_KEY "]}");
    assert_null(token_keys_public(keys, why));
    assert_string_equal(why, "a secret has no public half (HS256, kid oct)");
    token_keys_free(&keys);
}

static void a_scope_stays_with_the_public_half(void **state)
{
    static const char *const publish[] = {"a", "b"};
    const struct token_claims scope = {.root = "demo", .publish = publish, .publish_count = 2};
    char why[TOKEN_WHY_BYTES] = "";
    (void)state;
    char *jwk = token_key_generate("EdDSA", "k", &scope, why);
    struct token_keys *keys = keys_of(jwk);
    char *text = token_keys_public(keys, why);
    struct token_keys *public = keys_of(text);
    assert_true(public->items[0].has_scope);
    assert_true(token_prefixes_cover(&public->items[0].scope.publish, "demo/b/c"));
    assert_false(token_prefixes_cover(&public->items[0].scope.publish, "demo/c"));
    assert_int_equal(public->items[0].scope.subscribe.count, 0);
    token_keys_free(&public);
    token_keys_free(&keys);
    token_text_free(&text);
    token_text_free(&jwk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_keys_are_named_and_differ),
        cmocka_unit_test(numbers_have_their_full_length),
        cmocka_unit_test(what_cannot_be_made_is_told),
        cmocka_unit_test(a_public_half_has_nothing_private),
        cmocka_unit_test(a_set_becomes_a_set_and_secrets_stay),
        cmocka_unit_test(a_scope_stays_with_the_public_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
