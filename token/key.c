/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads a JWK (RFC 7517, section 4): first what it is for, then the key itself.
 * Tested by tests/unit/token/test_keys.c. */
#include "token/key.h"

#include <stdlib.h>
#include <string.h>

#include "token/base64.h"
#include "token/words.h"

/* ---- What it is for -------------------------------------------------------------------------- */

/* Sets *text to a member, to NULL if it is not there. */
static int read_text(const json_t *jwk, const char *name, const char **text, char *why)
{
    const json_t *value = json_object_get(jwk, name);
    *text = json_string_value(value);
    return value && !*text ? words_fail(why, TOKEN_ERR_KEY, "%s is not a text", name) : 0;
}

static int read_use(const json_t *jwk, char *why)
{
    char shown[WORDS_SHOWN_BYTES];
    const char *use;
    int error = read_text(jwk, "use", &use, why);
    if (error || !use || strcmp(use, "sig") == 0)
        return error;
    return words_fail(why, KEY_SKIPPED, "it is not for signatures (\"use\" is %s, not sig)",
                      words_shown(use, shown));
}

/* Sets what "key_ops" allows; without that member, everything is. */
static int read_operations(const json_t *jwk, struct key *key, char *why)
{
    const json_t *list = json_object_get(jwk, "key_ops");
    key->can_sign = key->can_verify = !list;
    if (!list)
        return 0;
    if (!json_is_array(list))
        return words_fail(why, TOKEN_ERR_KEY, "key_ops is not a list");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (!name)
            return words_fail(why, TOKEN_ERR_KEY, "key_ops is not a list of texts");
        key->can_sign |= strcmp(name, "sign") == 0;
        key->can_verify |= strcmp(name, "verify") == 0;
    }
    return key->can_sign || key->can_verify
               ? 0
               : words_fail(why, KEY_SKIPPED, "key_ops has neither sign nor verify");
}

static int choose_algorithm(const char *kty, const char *crv, struct key *key, char *why)
{
    key->algorithm = algorithm_by_curve(kty, crv);
    if (key->algorithm)
        return 0;
    if (!crv && strcmp(kty, "RSA") == 0)
        return words_fail(why, TOKEN_ERR_KEY,
                          "it does not say its algorithm: add \"alg\": \"RS256\" or \"PS256\"");
    if (!crv && strcmp(kty, "oct") == 0)
        return words_fail(
            why, TOKEN_ERR_KEY,
            "it does not say its algorithm: add \"alg\": \"HS256\" (or HS384, HS512)");
    char shown[WORDS_SHOWN_BYTES];
    return words_fail(why, KEY_SKIPPED, "its curve %s is not P-256, P-384 or Ed25519",
                      words_shown(crv ? crv : "(none)", shown));
}

static bool curve_agrees(const struct algorithm *algorithm, const char *crv)
{
    return !algorithm->curve || (crv && strcmp(algorithm->curve, crv) == 0);
}

/* "kty" may be missing: early versions of moq-token wrote secrets so. */
static int read_algorithm(const json_t *jwk, struct key *key, char *why)
{
    char shown[WORDS_SHOWN_BYTES];
    const char *kty, *crv, *name;
    int error = read_text(jwk, "kty", &kty, why);
    if (!error)
        error = read_text(jwk, "crv", &crv, why);
    if (!error)
        error = read_text(jwk, "alg", &name, why);
    if (error)
        return error;
    if (!kty && !json_object_get(jwk, "k"))
        return words_fail(why, TOKEN_ERR_KEY, "it is no JWK: \"kty\" is missing");
    kty = kty ? kty : "oct";
    if (!algorithm_has_type(kty))
        return words_fail(why, KEY_SKIPPED, "its type %s is not oct, RSA, EC or OKP",
                          words_shown(kty, shown));
    if (!name)
        return choose_algorithm(kty, crv, key, why);
    key->algorithm = algorithm_by_name(name);
    words_shown(name, shown);
    if (!key->algorithm)
        return words_fail(why, KEY_SKIPPED, "its algorithm %s is not " ALGORITHM_NAMES, shown);
    if (strcmp(key->algorithm->kty, kty) != 0 || !curve_agrees(key->algorithm, crv))
        return words_fail(why, TOKEN_ERR_KEY, "its algorithm %s is for keys of type %s%s%s", shown,
                          key->algorithm->kty, key->algorithm->curve ? " and curve " : "",
                          key->algorithm->curve ? key->algorithm->curve : "");
    return 0;
}

/* ---- What its tokens may grant --------------------------------------------------------------- */

static int add_scope(struct token_prefixes *list, const char *root, const json_t *value, char *why)
{
    size_t count = json_is_array(value) ? json_array_size(value) : value ? 1 : 0;
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_is_array(value) ? json_array_get(value, i) : value;
        if (!json_is_string(one))
            return words_fail(why, TOKEN_ERR_KEY, "its scope has a path that is not a text");
        int error = token_prefixes_add(list, root, json_string_value(one));
        if (error)
            return words_fail(why, error, "its scope has too many or too long paths");
    }
    return 0;
}

/* A ceiling that is not understood must not be taken for none. */
static int read_scope(const json_t *jwk, struct key *key, char *why)
{
    const json_t *scope = json_object_get(jwk, "scope");
    const json_t *root = json_object_get(scope, "root");
    const json_t *put = json_object_get(scope, "put"), *get = json_object_get(scope, "get");
    if (!scope || json_is_null(scope))
        return 0;
    if (json_object_size(scope) != (size_t) !!root + !!put + !!get || !(put || get) ||
        (root && !json_is_string(root)))
        return words_fail(why, TOKEN_ERR_KEY,
                          "its scope is not made of \"root\", \"put\" and \"get\"");
    const char *base = root ? json_string_value(root) : "";
    key->has_scope = true;
    int error = add_scope(&key->scope.publish, base, put, why);
    return error ? error : add_scope(&key->scope.subscribe, base, get, why);
}

/* ---- The key itself -------------------------------------------------------------------------- */

static int import_jwk(const json_t *members, jwk_t **jwk)
{
    if (r_jwk_init(jwk) != RHN_OK)
        return TOKEN_ERR_NOMEM;
    return r_jwk_import_from_json_t(*jwk, (json_t *)members) == RHN_OK ? 0 : TOKEN_ERR_KEY;
}

static int import_secret(struct key *key)
{
    const char *text = json_string_value(json_object_get(key->members.all, "k"));
    size_t n = strlen(text), size = 0;
    uint8_t *secret = malloc(BASE64_DECODED_BYTES(n));
    if (!secret)
        return TOKEN_ERR_NOMEM;
    base64_decode(text, n, secret, &size);
    key->secret = (gnutls_datum_t){secret, (unsigned)size};
    return 0;
}

static int import_public(struct key *key)
{
    jwk_t *jwk = NULL;
    int error = import_jwk(key->members.public_all, &jwk);
    if (!error) {
        key->pubkey = r_jwk_export_to_gnutls_pubkey(jwk, R_FLAG_IGNORE_REMOTE);
        error = key->pubkey ? 0 : TOKEN_ERR_KEY;
    }
    r_jwk_free(jwk);
    return error;
}

static int import_key(const json_t *jwk, struct key *key, char *why)
{
    const struct algorithm *algorithm = key->algorithm;
    int error = members_read(jwk, algorithm, &key->members, why);
    if (error)
        return error;
    key->signature_bytes =
        algorithm->signature_bytes ? algorithm->signature_bytes : key->members.key_bytes;
    key->can_sign &= key->members.is_private;
    error = algorithm->family == FAMILY_HMAC ? import_secret(key) : import_public(key);
    if (!error && key->can_sign)
        error = import_jwk(key->members.all, &key->private_jwk);
    return error ? words_fail(why, error, "its numbers make no %s key", algorithm->kty) : 0;
}

int key_read(const json_t *jwk, struct key *key, char why[TOKEN_WHY_BYTES])
{
    const char *kid = NULL;
    *key = (struct key){.kid = NULL};
    int error = json_is_object(jwk) ? read_text(jwk, "kid", &kid, why)
                                    : words_fail(why, TOKEN_ERR_KEY, "it is no JSON object");
    if (!error)
        error = read_use(jwk, why);
    if (!error)
        error = read_operations(jwk, key, why);
    if (!error)
        error = read_algorithm(jwk, key, why);
    if (!error)
        error = read_scope(jwk, key, why);
    if (!error)
        error = import_key(jwk, key, why);
    if (!error && kid && !(key->kid = strdup(kid)))
        error = words_fail(why, TOKEN_ERR_NOMEM, "out of memory");
    if (error)
        key_clear(key);
    return error;
}

void key_clear(struct key *key)
{
    if (key->secret.data)
        gnutls_memset(key->secret.data, 0, key->secret.size);
    free(key->secret.data);
    gnutls_pubkey_deinit(key->pubkey);
    r_jwk_free(key->private_jwk);
    members_clear(&key->members);
    token_grants_clear(&key->scope);
    free(key->kid);
    *key = (struct key){.kid = NULL};
}
