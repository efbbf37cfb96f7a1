/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* token/keys.c, key.c and members.c: what a key file may be, and the words for what it may not. */
#include "token/keys.h"

#include <unistd.h>

#include "tests/unit/token/maker.h"

#define PAIR(name, value) "\"" name "\":\"" value "\""
#define HS(more) "{" PAIR("kty", "oct") "," PAIR("k", OCT_K) more "}"

static void assert_refused(const char *text, const char *words)
{
    char why[TOKEN_WHY_BYTES] = "";
    struct token_keys *keys = token_keys_parse(text, strlen(text), "test.jwk", why);
    assert_null(keys);
    if (!strstr(why, words) || strncmp(why, "test.jwk", 8) != 0 || strstr(why, "AyM1"))
        fail_msg("%s", why);
}

static void assert_key(const char *text, const char *algorithm, bool can_sign, bool can_verify)
{
    struct token_keys *keys = keys_of(text);
    struct token_key_info info = token_keys_at(keys, 0);
    assert_int_equal(token_keys_count(keys), 1);
    assert_string_equal(info.algorithm, algorithm);
    assert_int_equal(info.can_sign, can_sign);
    assert_int_equal(info.can_verify, can_verify);
    token_keys_free(&keys);
    assert_null(keys);
}

static void an_algorithm_follows_from_the_type_where_there_is_one(void **state)
{
    (void)state;
    assert_key(EC_KEY, "ES256", false, true);
    assert_key(EC_PRIVATE_KEY, "ES256", true, true);
    assert_key(OKP_KEY, "EdDSA", false, true);
    assert_key(RSA_KEY, "RS256", false, true);
    assert_key(OCT_KEY, "HS256", true, true);
    assert_refused(HS(""), "add \"alg\": \"HS256\"");
    assert_refused("{\"kty\":\"RSA\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}",
                   "add \"alg\": \"RS256\" or \"PS256\"");
}

static void an_algorithm_agrees_with_the_type(void **state)
{
    (void)state;
    assert_refused(HS(",\"alg\":\"ES256\""), "ES256 is for keys of type EC and curve P-256");
    assert_refused("{" EC_NUMBERS ",\"alg\":\"ES384\"}",
                   "ES384 is for keys of type EC and curve P-384");
    assert_refused("{" EC_NUMBERS ",\"alg\":\"HS256\"}", "HS256 is for keys of type oct");
    assert_refused("{\"kty\":\"EC\",\"alg\":\"ES256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}",
                   "curve P-256");
    assert_refused(HS(",\"alg\":\"RS512\""), "its algorithm RS512 is not HS256");
    assert_refused("{" EC_NUMBERS ",\"alg\":7}", "alg is not a text");
}

static void a_secret_of_early_moq_token_has_no_type(void **state)
{
    (void)state;
    assert_key("{\"alg\":\"HS256\",\"key_ops\":[\"sign\",\"verify\"],\"k\":\"" OCT_K "\"}", "HS256",
               true, true);
    assert_refused("{\"alg\":\"HS256\"}", "\"kty\" is missing");
    assert_refused("{}", "\"kty\" is missing");
}

static void operations_and_use_are_obeyed(void **state)
{
    (void)state;
    assert_key(HS(",\"alg\":\"HS256\",\"key_ops\":[\"verify\"]"), "HS256", false, true);
    assert_key(HS(",\"alg\":\"HS256\",\"key_ops\":[\"sign\",\"encrypt\"]"), "HS256", true, false);
    assert_key("{" EC_NUMBERS ",\"key_ops\":[\"sign\",\"verify\"]}", "ES256", false, true);
    assert_key("{" EC_NUMBERS ",\"use\":\"sig\"}", "ES256", false, true);
    assert_refused("{" EC_NUMBERS ",\"use\":\"enc\"}",
                   "not for signatures (\"use\" is enc, not sig)");
    assert_refused("{" EC_NUMBERS ",\"use\":[]}", "use is not a text");
    assert_refused("{" EC_NUMBERS ",\"key_ops\":[]}", "neither sign nor verify");
    assert_refused("{" EC_NUMBERS ",\"key_ops\":[\"encrypt\"]}", "neither sign nor verify");
    assert_refused("{" EC_NUMBERS ",\"key_ops\":\"verify\"}", "key_ops is not a list");
    assert_refused("{" EC_NUMBERS ",\"key_ops\":[1]}", "key_ops is not a list of texts");
}

static void a_file_may_be_json_or_base64url(void **state)
{
    char *armoured = token_key_armour(EC_KEY), padded[512];
    (void)state;
    assert_key(armoured, "ES256", false, true);
    snprintf(padded, sizeof padded, " \n%s%.*s\r\n", armoured, (int)(-strlen(armoured) & 3), "==");
    assert_key(padded, "ES256", false, true);
    token_text_free(&armoured);
    assert_null(armoured);
    assert_key("\n\t " EC_KEY "\n", "ES256", false, true);
    armoured = token_key_armour("{\"keys\":[" EC_KEY "]}");
    assert_key(armoured, "ES256", false, true);
    token_text_free(&armoured);
}

static void another_text_is_told(void **state)
{
    (void)state;
    assert_refused("", "empty");
    assert_refused(" \n", "empty");
    assert_refused("-----BEGIN PRIVATE KEY-----", "this is PEM");
    assert_refused("secret!", "neither JSON nor base64url");
    assert_refused("c2VjcmV0", "neither JSON nor base64url");
    assert_refused("eyJr", "it ends too early (line 1");
    assert_refused("{\"kty\":", "it ends too early (line 1");
    assert_refused("{\n\"kty\" \"oct\"}", "it is not JSON (line 2");
    assert_refused("{\"kty\":\"oct\",\"kty\":\"EC\"}", "a member stands twice");
    assert_refused("{\"kty\":\"\xff\"}", "not UTF-8");
    assert_refused(OCT_KEY OCT_KEY, "it is not JSON");
    assert_refused("[" OCT_KEY "]", "neither JSON nor base64url");
}

static void the_numbers_of_a_key_are_checked(void **state)
{
    (void)state;
    assert_refused("{\"kty\":\"oct\",\"alg\":\"HS256\"}", "k is missing");
    assert_refused("{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"\"}", "k is empty");
    assert_refused("{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"a b\"}", "k is not base64url");
    assert_refused("{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":[1]}", "k is not a text");
    assert_refused("{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"c2VjcmV0\"}",
                   "6 bytes is too short: HS256 needs 32");
    assert_refused("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\"}", "y is missing");
    assert_refused("{\"kty\":\"EC\",\"crv\":\"P-256\",\"y\":\"" EC_Y "\",\"x\":\"" EC_X "AAAA\"}",
                   "x has 35 bytes");
    assert_refused("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}",
                   "x has 3 bytes, Ed25519 has 32");
    assert_refused("{\"kty\":\"RSA\",\"alg\":\"RS256\",\"n\":\"" EC_X "\",\"e\":\"AQAB\"}",
                   "an RSA key of 255 bits");
    assert_refused("{\"kty\":\"RSA\",\"alg\":\"RS256\",\"n\":\"" RSA_N "\",\"e\":\"AQ\"}",
                   "exponent e");
    assert_refused("{\"kty\":\"RSA\",\"alg\":\"RS256\",\"n\":\"" RSA_N "\",\"e\":\"AQAA\"}",
                   "exponent e");
    assert_refused("{\"kty\":\"RSA\",\"alg\":\"RS256\",\"n\":\"" RSA_N
                   "\",\"e\":\"AQAB\",\"d\":\"AQAB\"}",
                   "p is missing");
}

static void zeros_in_front_of_a_number_mean_nothing(void **state)
{
    (void)state;
    char text[600];
    uint8_t number[64] = {0};
    size_t n;
    assert_true(base64_decode(EC_X, strlen(EC_X), number + 1, &n));
    char *longer = base64_encode(number, n + 1);
    snprintf(text, sizeof text,
             "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"" EC_Y "\"}", longer);
    struct token_keys *keys = keys_of(text);
    assert_string_equal(json_string_value(json_object_get(keys->items[0].members.public_all, "x")),
                        EC_X);
    token_keys_free(&keys);
    free(longer);
}

static void a_set_leaves_out_what_is_for_others(void **state)
{
    (void)state;
    struct token_keys *keys =
        keys_of("{\"keys\":[{\"kty\":\"XYZ\",\"kid\":\"strange\"},{" EC_NUMBERS ",\"use\":\"enc\"},"
                "{\"kty\":\"EC\",\"crv\":\"P-521\"}," EC_KEY "]}");
    assert_int_equal(token_keys_count(keys), 1);
    assert_string_equal(token_keys_at(keys, 0).kid, "ec");
    assert_string_equal(token_keys_skipped(keys),
                        "test.jwk: key 1 (kid strange) is left out: its type XYZ is not "
                        "oct, RSA, EC or OKP");
    token_keys_free(&keys);
    assert_refused("{\"keys\":[{\"kty\":\"XYZ\"}]}",
                   "no key is for tokens; test.jwk: key 1 is left out");
}

static void errors_in_a_set_name_the_key(void **state)
{
    (void)state;
    assert_refused("{\"keys\":[]}", "no list of keys, or is empty");
    assert_refused("{\"keys\":{}}", "no list of keys");
    assert_refused("{\"keys\":[" EC_KEY ",7]}", "key 2: it is no JSON object");
    assert_refused("{\"keys\":[" EC_KEY ",{\"kty\":\"oct\",\"alg\":\"HS256\",\"kid\":\"b\"}]}",
                   "key 2 (kid b): k is missing");
    assert_refused("{\"keys\":[" EC_KEY "," EC_KEY "]}",
                   "key 2 (kid ec): an earlier key has the same kid");
    assert_refused("{\"kty\":\"oct\",\"alg\":\"HS256\",\"kid\":7}", "kid is not a text");
    assert_refused("{\"kty\":\"oct\",\"alg\":\"HS256\",\"kid\":\"\\u001b[2J\"}",
                   "the key (kid ?[2J): k is missing");
}

static void files_have_bounds(void **state)
{
    char *text = malloc(TOKEN_KEY_FILE_MAX_BYTES + 2), why[TOKEN_WHY_BYTES];
    (void)state;
    memset(text, ' ', TOKEN_KEY_FILE_MAX_BYTES + 1);
    memcpy(text, EC_KEY, strlen(EC_KEY));
    struct token_keys *keys = token_keys_parse(text, TOKEN_KEY_FILE_MAX_BYTES, "x", why);
    assert_non_null(keys);
    token_keys_free(&keys);
    assert_null(token_keys_parse(text, TOKEN_KEY_FILE_MAX_BYTES + 1, "x", why));
    assert_non_null(strstr(why, "larger than 262144 bytes"));

    strcpy(text, "{\"keys\":[");
    for (int i = 0; i <= TOKEN_KEYS_MAX; i++)
        sprintf(text + strlen(text), "%s{" EC_NUMBERS ",\"kid\":\"%d\"}", i ? "," : "", i);
    strcat(text, "]}");
    assert_refused(text, "65 keys; there may be 64");
    free(text);
}

static void a_file_is_read_or_told_why_not(void **state)
{
    char path[] = "/tmp/moq-token-test-XXXXXX", why[TOKEN_WHY_BYTES];
    int file = mkstemp(path);
    (void)state;
    assert_true(file >= 0);
    assert_int_equal(write(file, EC_KEY, strlen(EC_KEY)), strlen(EC_KEY));
    close(file);
    struct token_keys *keys = token_keys_load(path, why);
    assert_non_null(keys);
    token_keys_free(&keys);
    unlink(path);
    assert_null(token_keys_load(path, why));
    assert_non_null(strstr(why, "No such file"));
    assert_null(token_keys_load(OCT_KEY, why));
    assert_string_equal(why, "the name of a file is needed, and this is a key itself");
    assert_null(token_keys_load("/", why));
    assert_non_null(strstr(why, "directory"));
    assert_null(token_keys_load("/dev/null", why));
    assert_non_null(strstr(why, "/dev/null: empty"));
    assert_null(token_keys_load("/dev/zero", why));
    assert_non_null(strstr(why, "larger than"));
}

static void a_scope_that_is_not_understood_is_not_ignored(void **state)
{
    (void)state;
    assert_key("{" EC_NUMBERS ",\"scope\":{\"root\":\"demo\",\"put\":[\"a\"],\"get\":\"\"}}",
               "ES256", false, true);
    assert_key("{" EC_NUMBERS ",\"scope\":null}", "ES256", false, true);
    assert_refused("{" EC_NUMBERS ",\"scope\":{}}", "its scope is not made of");
    assert_refused("{" EC_NUMBERS ",\"scope\":{\"put\":[\"a\"],\"not\":1}}",
                   "its scope is not made of");
    assert_refused("{" EC_NUMBERS ",\"scope\":\"a\"}", "its scope is not made of");
    assert_refused("{" EC_NUMBERS ",\"scope\":{\"put\":[7]}}",
                   "its scope has a path that is not a text");
    assert_refused("{" EC_NUMBERS ",\"scope\":{\"put\":\"a\",\"root\":7}}",
                   "its scope is not made of");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_algorithm_follows_from_the_type_where_there_is_one),
        cmocka_unit_test(an_algorithm_agrees_with_the_type),
        cmocka_unit_test(a_secret_of_early_moq_token_has_no_type),
        cmocka_unit_test(operations_and_use_are_obeyed),
        cmocka_unit_test(a_file_may_be_json_or_base64url),
        cmocka_unit_test(another_text_is_told),
        cmocka_unit_test(the_numbers_of_a_key_are_checked),
        cmocka_unit_test(zeros_in_front_of_a_number_mean_nothing),
        cmocka_unit_test(a_set_leaves_out_what_is_for_others),
        cmocka_unit_test(errors_in_a_set_name_the_key),
        cmocka_unit_test(files_have_bounds),
        cmocka_unit_test(a_file_is_read_or_told_why_not),
        cmocka_unit_test(a_scope_that_is_not_understood_is_not_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
