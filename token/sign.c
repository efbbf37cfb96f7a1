/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Makes tokens, as the crate moq-token and npm @moq/token read them. */
#include "token/token.h"

#include <stdlib.h>
#include <string.h>

#include "token/jws.h"
#include "token/words.h"

static void set_list(json_t *json, const char *name, const char *const *items, size_t count)
{
    json_t *list = count ? json_array() : NULL;
    for (size_t i = 0; list && i < count; i++)
        json_array_append_new(list, json_string(items[i]));
    if (list)
        json_object_set_new(json, name, list);
}

static void set_time(json_t *json, const char *name, int64_t seconds)
{
    if (seconds != TOKEN_NEVER)
        json_object_set_new(json, name, json_integer(seconds));
}

static char *payload_of(const struct token_claims *claims)
{
    json_t *json = json_pack("{s:s}", "root", claims->root ? claims->root : "");
    if (!json)
        return NULL;
    set_list(json, "put", claims->publish, claims->publish_count);
    set_list(json, "get", claims->subscribe, claims->subscribe_count);
    if (claims->is_cluster)
        json_object_set_new(json, "cluster", json_true());
    set_time(json, "exp", claims->expires_s);
    set_time(json, "nbf", claims->not_before_s);
    set_time(json, "iat", claims->issued_s);
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    return text;
}

static const struct key *find_signer(const struct token_keys *keys, const char *kid, char *why)
{
    char shown[WORDS_SHOWN_BYTES];
    bool is_known = false;
    for (size_t i = 0; i < keys->count; i++) {
        const struct key *key = &keys->items[i];
        bool is_meant = !kid || (key->kid && strcmp(key->kid, kid) == 0);
        is_known |= is_meant;
        if (is_meant && key->can_sign)
            return key;
    }
    if (!is_known)
        words_fail(why, TOKEN_ERR_KEY, "there is no key with the kid %s",
                   words_shown(kid ? kid : "", shown));
    else
        words_fail(why, TOKEN_ERR_KEY,
                   "the key cannot sign: it is a public one, or its key_ops "
                   "do not have \"sign\"");
    return NULL;
}

static char *serialize_token(const struct key *key, const char *payload)
{
    jws_t *jws = NULL;
    char *made = NULL, *text = NULL;
    if (r_jws_init(&jws) == RHN_OK && r_jws_set_alg(jws, key->algorithm->jwa) == RHN_OK &&
        r_jws_set_header_str_value(jws, "typ", "JWT") == RHN_OK &&
        (!key->kid || r_jws_set_header_str_value(jws, "kid", key->kid) == RHN_OK) &&
        r_jws_set_payload(jws, (const unsigned char *)payload, strlen(payload)) == RHN_OK)
        made = r_jws_serialize(jws, key->private_jwk, R_FLAG_IGNORE_REMOTE);
    if (made)
        text = strdup(made);
    r_free(made);
    r_jws_free(jws);
    return text;
}

/* A token beyond the scope would be refused by everybody who verifies it. */
static int check_scope(const struct token_prefixes *scope, const char *root, const char *path,
                       char *why)
{
    char shown[WORDS_SHOWN_BYTES];
    struct token_prefixes one = {.count = 0};
    int error = token_prefixes_add(&one, root, path);
    if (error)
        words_fail(why, error, "a path cannot be granted: with its root it has more than %d bytes",
                   TOKEN_PREFIX_MAX_BYTES);
    else if (!token_prefixes_cover(scope, one.items[0]))
        error = words_fail(why, TOKEN_ERR_CLAIM, "\"%s\" is beyond the scope of the key",
                           words_shown(one.items[0], shown));
    token_prefixes_clear(&one);
    return error;
}

static int check_scopes(const struct key *key, const struct token_claims *claims, char *why)
{
    const char *root = claims->root ? claims->root : "";
    int error = 0;
    for (size_t i = 0; key->has_scope && !error && i < claims->publish_count; i++)
        error = check_scope(&key->scope.publish, root, claims->publish[i], why);
    for (size_t i = 0; key->has_scope && !error && i < claims->subscribe_count; i++)
        error = check_scope(&key->scope.subscribe, root, claims->subscribe[i], why);
    return error;
}

char *token_sign(const struct token_keys *keys, const char *kid, const struct token_claims *claims,
                 char why[TOKEN_WHY_BYTES])
{
    const struct key *key = find_signer(keys, kid, why);
    if (!key)
        return NULL;
    if (claims->publish_count + claims->subscribe_count == 0) {
        words_fail(why, TOKEN_ERR_CLAIM,
                   "the token would grant nothing: say what to publish or subscribe");
        return NULL;
    }
    if (check_scopes(key, claims, why))
        return NULL;
    char *payload = payload_of(claims);
    char *text = payload ? serialize_token(key, payload) : NULL;
    free(payload);
    if (!text)
        words_fail(why, TOKEN_ERR_KEY, "the key does not sign: its private part is broken");
    else if (strlen(text) > TOKEN_MAX_BYTES)
        words_fail(why, TOKEN_ERR_SIZE,
                   "the token would be longer than %d bytes: grant fewer paths", TOKEN_MAX_BYTES);
    else if (!jws_was_made_by(text, key))
        words_fail(why, TOKEN_ERR_KEY,
                   "the private and the public part of the key do not belong together");
    else
        return text;
    token_text_free(&text);
    return NULL;
}
