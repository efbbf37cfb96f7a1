/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Claims: from the text that a signature covers to what its bearer may do. A claim that is
 * understood but malformed makes the whole token worthless; one that is not understood is passed
 * on. */
#include "token/token.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "token/jws.h"
#include "token/words.h"

#define SECONDS_MAX 253402300800.0 /* the year 10000 */

struct reading {
    const json_t *json;
    const struct key *key;
    struct token *token;
    char *why;
};

static const char *words_of_json(const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_duplicate_key:
        return "a claim stands twice";
    case json_error_invalid_utf8:
        return "a text is not UTF-8";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "a text has a NUL";
    case json_error_numeric_overflow:
        return "a number is too large";
    default:
        return "they are not JSON";
    }
}

/* Those of early versions of moq-token, which call the lists otherwise. */
static bool is_early(const json_t *json)
{
    return !json_object_get(json, "put") && !json_object_get(json, "get");
}

/* NULL: it is missing. A null is a value of the wrong type: a number that went wrong is written so,
 * and a token must not live for ever because of one. Only early versions of moq-token write it for
 * what is missing. */
static const json_t *find_claim(const json_t *json, const char *name)
{
    const json_t *value = json_object_get(json, name);
    return json_is_null(value) && is_early(json) ? NULL : value;
}

/* ---- Times ----------------------------------------------------------------------------------- */

static int read_time(const struct reading *reading, const char *name, int64_t absent, int64_t *ms)
{
    const json_t *value = find_claim(reading->json, name);
    *ms = absent;
    if (!value)
        return 0;
    double seconds = json_number_value(value);
    if (!json_is_number(value))
        return words_fail(reading->why, TOKEN_ERR_CLAIM, "%s is not a number of seconds", name);
    if (!(fabs(seconds) < SECONDS_MAX))
        return words_fail(reading->why, TOKEN_ERR_CLAIM,
                          "%s is not a time before the year 10000 (it counts seconds)", name);
    *ms = (int64_t)floor(seconds * 1000);
    return 0;
}

static int read_times(const struct reading *reading, int64_t now_ms)
{
    char when[WORDS_TIME_BYTES];
    int64_t not_before_ms, issued_ms;
    int error = read_time(reading, "exp", TOKEN_NEVER, &reading->token->expires_ms);
    if (!error)
        error = read_time(reading, "nbf", INT64_MIN, &not_before_ms);
    if (!error)
        error = read_time(reading, "iat", INT64_MIN, &issued_ms);
    if (error)
        return error;
    if (now_ms >= reading->token->expires_ms)
        return words_fail(reading->why, TOKEN_ERR_EXPIRED, "the token expired at %s (exp)",
                          words_time(reading->token->expires_ms, when));
    if (now_ms < not_before_ms)
        return words_fail(reading->why, TOKEN_ERR_EARLY, "the token is not valid before %s (nbf)",
                          words_time(not_before_ms, when));
    return 0;
}

/* ---- Grants ---------------------------------------------------------------------------------- */

/* The claim of this name, or by its older name if that may be used; NULL: neither is there. */
static const json_t *find_list(const json_t *json, const char *name, const char *older)
{
    const json_t *value = find_claim(json, name);
    return value || !older ? value : find_claim(json, older);
}

static int read_prefixes(const struct reading *reading, const char *name, const json_t *value,
                         struct token_prefixes *list)
{
    const json_t *root = json_object_get(reading->json, "root");
    size_t count = json_is_array(value) ? json_array_size(value) : value ? 1 : 0;
    if (count > TOKEN_PREFIXES_MAX)
        return words_fail(reading->why, TOKEN_ERR_CLAIM, "%s has more than %d paths", name,
                          TOKEN_PREFIXES_MAX);
    for (size_t i = 0; i < count; i++) {
        const json_t *path = json_is_array(value) ? json_array_get(value, i) : value;
        if (!json_is_string(path))
            return words_fail(reading->why, TOKEN_ERR_CLAIM,
                              "%s is neither a text nor a list of texts", name);
        int error =
            token_prefixes_add(list, root ? json_string_value(root) : "", json_string_value(path));
        if (error == TOKEN_ERR_NOMEM)
            return words_fail(reading->why, error, "out of memory");
        if (error)
            return words_fail(reading->why, TOKEN_ERR_CLAIM, "%s has a path of more than %d bytes",
                              name, TOKEN_PREFIX_MAX_BYTES);
    }
    return 0;
}

static int check_scope(const struct reading *reading, const char *name,
                       const struct token_prefixes *list, const struct token_prefixes *scope)
{
    char shown[WORDS_SHOWN_BYTES];
    for (size_t i = 0; i < list->count; i++)
        if (!token_prefixes_cover(scope, list->items[i]))
            return words_fail(reading->why, TOKEN_ERR_CLAIM,
                              "%s has \"%s\", which is beyond the scope of its key", name,
                              words_shown(list->items[i], shown));
    return 0;
}

static int read_grants(const struct reading *reading)
{
    struct token_grants *grants = &reading->token->grants;
    const struct token_grants *scope = &reading->key->scope;
    const json_t *put = find_list(reading->json, "put", "pub");
    const json_t *get = find_list(reading->json, "get", is_early(reading->json) ? "sub" : NULL);
    const json_t *root = json_object_get(reading->json, "root");
    if (root && !json_is_string(root))
        return words_fail(reading->why, TOKEN_ERR_CLAIM, "root is not a text");
    int error = read_prefixes(reading, "put", put, &grants->publish);
    if (!error)
        error = read_prefixes(reading, "get", get, &grants->subscribe);
    if (!error && reading->key->has_scope)
        error = check_scope(reading, "put", &grants->publish, &scope->publish);
    if (!error && reading->key->has_scope)
        error = check_scope(reading, "get", &grants->subscribe, &scope->subscribe);
    if (!error && grants->publish.count + grants->subscribe.count == 0)
        error = words_fail(reading->why, TOKEN_ERR_CLAIM,
                           "the token grants nothing: put and get are empty");
    return error;
}

/* ---- All of them ----------------------------------------------------------------------------- */

static int read_cluster(const struct reading *reading)
{
    const json_t *value = find_claim(reading->json, "cluster");
    if (value && !json_is_boolean(value))
        return words_fail(reading->why, TOKEN_ERR_CLAIM, "cluster is neither true nor false");
    reading->token->is_cluster = json_is_true(value);
    return 0;
}

/* "sub" names somebody only where it does not list paths, as in early versions of moq-token. */
static int read_identity(const struct reading *reading)
{
    const json_t *sub = json_object_get(reading->json, "sub");
    bool is_subject = !is_early(reading->json);
    const char *name = is_subject ? json_string_value(sub) : NULL;
    if (is_subject && sub && !name)
        return words_fail(reading->why, TOKEN_ERR_CLAIM, "sub is not a text");
    if (!name)
        name = reading->key->kid ? reading->key->kid : "";
    reading->token->identity = strdup(name);
    reading->token->claims = json_dumps(reading->json, JSON_COMPACT);
    return reading->token->identity && reading->token->claims
               ? 0
               : words_fail(reading->why, TOKEN_ERR_NOMEM, "out of memory");
}

static int read_claims(const struct reading *reading, int64_t now_ms)
{
    int error = read_times(reading, now_ms);
    if (!error)
        error = read_grants(reading);
    if (!error)
        error = read_cluster(reading);
    return error ? error : read_identity(reading);
}

int token_verify(const struct token_keys *keys, const char *text, int64_t now_ms,
                 struct token *token, char why[TOKEN_WHY_BYTES])
{
    struct jws jws;
    json_error_t wrong;
    *token = (struct token){.identity = NULL};
    int error = jws_verify(keys, text, &jws, why);
    if (error)
        return error;
    json_t *json = json_loadb(jws.payload, jws.payload_bytes, JSON_REJECT_DUPLICATES, &wrong);
    const struct reading reading = {json, jws.key, token, why};
    if (!json)
        error = words_fail(why, TOKEN_ERR_FORM, "the token's claims: %s", words_of_json(&wrong));
    else if (!json_is_object(json))
        error = words_fail(why, TOKEN_ERR_FORM, "the token's claims are not a JSON object");
    else
        error = read_claims(&reading, now_ms);
    json_decref(json);
    free(jws.payload);
    if (error)
        token_clear(token);
    return error;
}

void token_clear(struct token *token)
{
    token_grants_clear(&token->grants);
    free(token->identity);
    free(token->claims);
    *token = (struct token){.identity = NULL};
}
