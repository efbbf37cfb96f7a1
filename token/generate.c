/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Makes keys and their public halves, as the crate moq-token and npm @moq/token read them. */
#include "token/token.h"

#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>

#include "token/base64.h"
#include "token/keys.h"
#include "token/words.h"

enum { KID_RANDOM_BYTES = 8, SECRET_MAX_BYTES = 64 };

void token_text_free(char **text)
{
    if (*text)
        gnutls_memset(*text, 0, strlen(*text));
    free(*text);
    *text = NULL;
}

char *token_key_armour(const char *json)
{
    return base64_encode(json, strlen(json));
}

/* ---- New keys -------------------------------------------------------------------------------- */

/* A kid that is a good name for a file too, as the other tools want it. */
static bool is_kid(const char *kid)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    return *kid && kid[strspn(kid, allowed)] == '\0';
}

static json_t *generate_secret(const struct algorithm *algorithm)
{
    uint8_t secret[SECRET_MAX_BYTES];
    if (gnutls_rnd(GNUTLS_RND_KEY, secret, algorithm->part_bytes) != 0)
        return NULL;
    char *text = base64_encode(secret, algorithm->part_bytes);
    json_t *json = text ? json_pack("{s:s}", "k", text) : NULL;
    gnutls_memset(secret, 0, sizeof secret);
    token_text_free(&text);
    return json;
}

static json_t *generate_pair(const struct algorithm *algorithm)
{
    static const int types[] = {
        [FAMILY_RSA] = R_KEY_TYPE_RSA,
        [FAMILY_EC] = R_KEY_TYPE_EC,
        [FAMILY_OKP] = R_KEY_TYPE_EDDSA,
    };
    jwk_t *private = NULL, *public = NULL;
    json_t *json = NULL;
    if (r_jwk_init(&private) == RHN_OK && r_jwk_init(&public) == RHN_OK &&
        r_jwk_generate_key_pair(private, public, types[algorithm->family], algorithm->key_bits,
                                NULL) == RHN_OK)
        json = r_jwk_export_to_json_t(private);
    r_jwk_free(private);
    r_jwk_free(public);
    return json;
}

/* Its members in the order in which a person reads them: what the key is for first. */
static json_t *describe_key(const struct algorithm *algorithm, const char *kid,
                            const json_t *numbers)
{
    bool is_private = json_object_get(numbers, "k") || json_object_get(numbers, "d");
    json_t *json =
        json_pack("{s:s, s:s, s:o}", "kty", algorithm->kty, "alg", algorithm->name, "key_ops",
                  is_private ? json_pack("[s, s]", "sign", "verify") : json_pack("[s]", "verify"));
    if (json && kid)
        json_object_set_new(json, "kid", json_string(kid));
    if (json)
        json_object_update_missing(json, (json_t *)numbers);
    return json;
}

static json_t *list_of(const char *const *items, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < count; i++)
        json_array_append_new(list, json_string(items[i]));
    return list;
}

static json_t *scope_of(const struct token_claims *claims)
{
    return json_pack("{s:s, s:o, s:o}", "root", claims->root ? claims->root : "", "put",
                     list_of(claims->publish, claims->publish_count), "get",
                     list_of(claims->subscribe, claims->subscribe_count));
}

static char *generate_text(const struct algorithm *algorithm, const char *kid,
                           const struct token_claims *scope, char *why)
{
    struct members members;
    json_t *numbers =
        algorithm->family == FAMILY_HMAC ? generate_secret(algorithm) : generate_pair(algorithm);
    json_t *json = NULL;
    char *text = NULL;
    words_fail(why, TOKEN_ERR_NOMEM, "no key could be made");
    if (numbers && members_read(numbers, algorithm, &members, why) == 0) {
        json = describe_key(algorithm, kid, members.all);
        members_clear(&members);
    }
    if (json && scope)
        json_object_set_new(json, "scope", scope_of(scope));
    if (json)
        text = json_dumps(json, JSON_COMPACT);
    json_decref(numbers);
    json_decref(json);
    return text;
}

char *token_key_generate(const char *algorithm, const char *kid, const struct token_claims *scope,
                         char why[TOKEN_WHY_BYTES])
{
    char shown[WORDS_SHOWN_BYTES], random_kid[2 * KID_RANDOM_BYTES + 1];
    uint8_t bytes[KID_RANDOM_BYTES];
    const struct algorithm *row = algorithm_by_name(algorithm);
    int error = 0;
    if (!row)
        error = words_fail(why, TOKEN_ERR_ALGORITHM, "the algorithm %s is not " ALGORITHM_NAMES,
                           words_shown(algorithm, shown));
    else if (kid && !is_kid(kid))
        error = words_fail(why, TOKEN_ERR_KEY, "a kid has only letters, digits, '-' and '_'");
    else if (gnutls_rnd(GNUTLS_RND_NONCE, bytes, sizeof bytes) != 0)
        error = words_fail(why, TOKEN_ERR_NOMEM, "there are no random numbers");
    if (error)
        return NULL;
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(random_kid + 2 * i, 3, "%02x", bytes[i]);
    return generate_text(row, kid ? kid : random_kid, scope, why);
}

/* ---- Public halves --------------------------------------------------------------------------- */

static json_t *scope_again(const struct token_grants *scope)
{
    const struct token_claims claims = {
        .publish = (const char *const *)scope->publish.items,
        .publish_count = scope->publish.count,
        .subscribe = (const char *const *)scope->subscribe.items,
        .subscribe_count = scope->subscribe.count,
    };
    return scope_of(&claims);
}

static int add_public(json_t *list, const struct key *key, char *why)
{
    char shown[WORDS_SHOWN_BYTES];
    if (!key->pubkey)
        return words_fail(why, TOKEN_ERR_KEY, "a secret has no public half (%s, kid %s)",
                          key->algorithm->name, words_shown(key->kid ? key->kid : "none", shown));
    json_t *json = describe_key(key->algorithm, key->kid, key->members.public_all);
    if (json && key->has_scope)
        json_object_set_new(json, "scope", scope_again(&key->scope));
    return json_array_append_new(list, json) ? words_fail(why, TOKEN_ERR_NOMEM, "out of memory")
                                             : 0;
}

char *token_keys_public(const struct token_keys *keys, char why[TOKEN_WHY_BYTES])
{
    json_t *list = json_array(), *set = NULL;
    char *text = NULL;
    int error = list ? 0 : words_fail(why, TOKEN_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < keys->count && !error; i++)
        error = add_public(list, &keys->items[i], why);
    if (!error)
        set = keys->count == 1 ? json_incref(json_array_get(list, 0))
                               : json_pack("{s:O}", "keys", list);
    if (!error && !(text = json_dumps(set, JSON_COMPACT)))
        words_fail(why, TOKEN_ERR_NOMEM, "out of memory");
    json_decref(set);
    json_decref(list);
    return text;
}
