/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads key files. Nothing of a file's text is ever repeated in an error: it may be a secret. */
#include "token/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/read_all.h"
#include "token/base64.h"
#include "token/words.h"

#define WHAT_IT_SHOULD_BE                                                                          \
    "a JWK, a JWK set, or one of them in base64url; moq-token generate makes one"

enum { FILE_BYTES = 128, PLACE_BYTES = FILE_BYTES + WORDS_SHOWN_BYTES + 40 };

int token_library_start(void)
{
    return r_global_init() == RHN_OK ? 0 : TOKEN_ERR_NOMEM;
}

void token_library_stop(void)
{
    r_global_close();
}

/* ---- The set --------------------------------------------------------------------------------- */

/* Where in a file an error is: "keys.jwk: key 2 (kid x)", or just the file if it has one key. */
static void name_place(const char file[FILE_BYTES], const json_t *jwk, size_t number,
                       char out[PLACE_BYTES])
{
    char shown[WORDS_SHOWN_BYTES], kid[WORDS_SHOWN_BYTES + 8] = "";
    const char *text = json_string_value(json_object_get(jwk, "kid"));
    if (text)
        snprintf(kid, sizeof kid, " (kid %s)", words_shown(text, shown));
    if (number)
        snprintf(out, PLACE_BYTES, "%s: key %zu%s", file, number, kid);
    else
        snprintf(out, PLACE_BYTES, "%s: the key%s", file, kid);
}

static bool has_twin(const struct token_keys *keys, const struct key *key)
{
    for (size_t i = 0; i < keys->count; i++)
        if (key->kid && keys->items[i].kid && keys->items[i].algorithm == key->algorithm &&
            strcmp(keys->items[i].kid, key->kid) == 0)
            return true;
    return false;
}

/* Adds one key; `number` is its place, counted from 1, or 0 if it is the only one. */
static int add_key(struct token_keys *keys, const json_t *jwk, size_t number, const char *file,
                   char *why)
{
    char place[PLACE_BYTES], what[TOKEN_WHY_BYTES];
    struct key *key = &keys->items[keys->count];
    int error = key_read(jwk, key, what);
    if (!error && has_twin(keys, key)) {
        key_clear(key);
        error = words_fail(what, TOKEN_ERR_KEY, "an earlier key has the same kid; rename one");
    }
    if (!error)
        keys->count++;
    if (!error)
        return 0;
    name_place(file, jwk, number, place);
    if (error == KEY_SKIPPED && number) {
        if (!*keys->skipped)
            words_fail(keys->skipped, 0, "%s is left out: %s", place, what);
        return 0;
    }
    return words_fail(why, error == KEY_SKIPPED ? TOKEN_ERR_KEY : error, "%s: %s", place, what);
}

static int add_set(struct token_keys *keys, const json_t *list, const char *file, char *why)
{
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count == 0)
        return words_fail(why, TOKEN_ERR_KEY, "%s: \"keys\" is no list of keys, or is empty", file);
    if (count > TOKEN_KEYS_MAX)
        return words_fail(why, TOKEN_ERR_SIZE, "%s: %zu keys; there may be %d", file, count,
                          TOKEN_KEYS_MAX);
    for (size_t i = 0; i < count; i++) {
        int error = add_key(keys, json_array_get(list, i), i + 1, file, why);
        if (error)
            return error;
    }
    return keys->count ? 0
                       : words_fail(why, TOKEN_ERR_KEY, "%s: no key is for tokens; %s", file,
                                    keys->skipped);
}

/* ---- The text -------------------------------------------------------------------------------- */

static const char *words_of_json(const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_duplicate_key:
        return "a member stands twice";
    case json_error_invalid_utf8:
        return "it is not UTF-8";
    case json_error_premature_end_of_input:
        return "it ends too early";
    default:
        return "it is not JSON";
    }
}

static json_t *parse_json(const char *text, size_t n, const char *file, char *why)
{
    json_error_t error;
    json_t *json = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        words_fail(why, TOKEN_ERR_KEY,
                   "%s: %s (line %d, column %d); expected is " WHAT_IT_SHOULD_BE, file,
                   words_of_json(&error), error.line, error.column);
    return json;
}

static json_t *parse_armoured(const char *text, size_t n, const char *file, char *why)
{
    size_t size = 0;
    uint8_t *plain = malloc(BASE64_DECODED_BYTES(n));
    json_t *json = NULL;
    if (!plain)
        words_fail(why, TOKEN_ERR_NOMEM, "out of memory");
    else if (!base64_decode_loosely(text, n, plain, &size) || size == 0 || plain[0] != '{')
        words_fail(why, TOKEN_ERR_KEY, "%s: %s; expected is " WHAT_IT_SHOULD_BE, file,
                   n > 10 && memcmp(text, "-----BEGIN", 10) == 0 ? "this is PEM"
                                                                 : "neither JSON nor base64url");
    else
        json = parse_json((char *)plain, size, file, why);
    if (plain)
        gnutls_memset(plain, 0, BASE64_DECODED_BYTES(n));
    free(plain);
    return json;
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static json_t *parse_text(const char *text, size_t n, const char *file, char *why)
{
    if (n > TOKEN_KEY_FILE_MAX_BYTES) {
        words_fail(why, TOKEN_ERR_SIZE, "%s: larger than %d bytes; is it a key file?", file,
                   TOKEN_KEY_FILE_MAX_BYTES);
        return NULL;
    }
    for (; n > 0 && is_space(*text); n--)
        text++;
    while (n > 0 && is_space(text[n - 1]))
        n--;
    if (n == 0) {
        words_fail(why, TOKEN_ERR_KEY, "%s: empty; expected is " WHAT_IT_SHOULD_BE, file);
        return NULL;
    }
    return *text == '{' ? parse_json(text, n, file, why) : parse_armoured(text, n, file, why);
}

struct token_keys *token_keys_parse(const char *text, size_t n, const char *name,
                                    char why[TOKEN_WHY_BYTES])
{
    char file[FILE_BYTES];
    snprintf(file, sizeof file, "%s", name);
    json_t *json = parse_text(text, n, file, why);
    if (!json)
        return NULL;
    struct token_keys *keys = calloc(1, sizeof *keys);
    const json_t *list = json_object_get(json, "keys");
    int error = !keys  ? words_fail(why, TOKEN_ERR_NOMEM, "out of memory")
                : list ? add_set(keys, list, file, why)
                       : add_key(keys, json, 0, file, why);
    json_decref(json);
    if (error)
        token_keys_free(&keys);
    return keys;
}

struct token_keys *token_keys_load(const char *path, char why[TOKEN_WHY_BYTES])
{
    char *buffer = malloc(TOKEN_KEY_FILE_MAX_BYTES + 1);
    if (!buffer) {
        words_fail(why, TOKEN_ERR_NOMEM, "out of memory");
        return NULL;
    }
    ssize_t n = read_path(path, buffer, TOKEN_KEY_FILE_MAX_BYTES + 1);
    struct token_keys *keys = NULL;
    if (n < 0 && (*path == '{' || strncmp(path, "eyJ", 3) == 0))
        words_fail(why, TOKEN_ERR_KEY, "the name of a file is needed, and this is a key itself");
    else if (n < 0)
        words_fail(why, TOKEN_ERR_KEY, "cannot read %.200s: %s", path, strerror(errno));
    else
        keys = token_keys_parse(buffer, (size_t)n, path, why);
    gnutls_memset(buffer, 0, TOKEN_KEY_FILE_MAX_BYTES + 1);
    free(buffer);
    return keys;
}

void token_keys_free(struct token_keys **keys)
{
    for (size_t i = 0; *keys && i < (*keys)->count; i++)
        key_clear(&(*keys)->items[i]);
    free(*keys);
    *keys = NULL;
}

size_t token_keys_count(const struct token_keys *keys)
{
    return keys->count;
}

struct token_key_info token_keys_at(const struct token_keys *keys, size_t index)
{
    const struct key *key = &keys->items[index];
    return (struct token_key_info){
        .kid = key->kid,
        .algorithm = key->algorithm->name,
        .can_sign = key->can_sign,
        .can_verify = key->can_verify,
    };
}

const char *token_keys_skipped(const struct token_keys *keys)
{
    return keys->skipped;
}
