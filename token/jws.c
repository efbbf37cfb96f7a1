/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Verifies compact JWS. The algorithm that a token names only selects keys: a key verifies by its
 * own algorithm, so a public key never serves as the secret of an HMAC, and "none" has no keys. Of
 * the header, "alg", "kid" and "crit" are read and nothing else. The bytes that were signed go to
 * GnuTLS as they came; no other code parses them first. */
#include "token/jws.h"

#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>

#include "token/base64.h"
#include "token/words.h"

enum { SIGNATURE_MAX_BYTES = 1024, HASH_MAX_BYTES = 64 };

struct piece {
    const char *text;
    size_t n;
};

struct pieces {
    struct piece header, payload, signature, signed_part; /* the last: header, dot and payload */
};

struct header {
    json_t *json; /* owned */
    const char *kid;
    const struct algorithm *algorithm;
};

/* What became of the keys that were looked at. */
struct search {
    const struct pieces *pieces;
    const struct header *header;
    bool is_named; /* a key has the token's kid, so no other may have signed it */
    unsigned fitting, tried;
    const struct key *other_algorithm, *not_for_verifying, *found;
};

/* ---- Its pieces ------------------------------------------------------------------------------ */

static int split_text(const char *text, struct pieces *pieces, char *why)
{
    size_t n = strnlen(text, TOKEN_MAX_BYTES + 1);
    if (n > TOKEN_MAX_BYTES)
        return words_fail(why, TOKEN_ERR_SIZE, "the token is longer than %d bytes",
                          TOKEN_MAX_BYTES);
    const char *end = text + n, *first = memchr(text, '.', n);
    const char *second = first ? memchr(first + 1, '.', (size_t)(end - first) - 1) : NULL;
    if (!second || memchr(second + 1, '.', (size_t)(end - second) - 1))
        return words_fail(why, TOKEN_ERR_FORM,
                          n ? "the token is not three parts with dots between them"
                            : "the token is empty");
    pieces->header = (struct piece){text, (size_t)(first - text)};
    pieces->payload = (struct piece){first + 1, (size_t)(second - first) - 1};
    pieces->signature = (struct piece){second + 1, (size_t)(end - second) - 1};
    pieces->signed_part = (struct piece){text, (size_t)(second - text)};
    return 0;
}

/* Decodes a piece to memory that the caller frees, with a NUL behind it. */
static int decode_piece(struct piece piece, const char *name, char **bytes, size_t *size, char *why)
{
    *bytes = malloc(BASE64_DECODED_BYTES(piece.n) + 1);
    if (!*bytes)
        return words_fail(why, TOKEN_ERR_NOMEM, "out of memory");
    if (base64_decode(piece.text, piece.n, (uint8_t *)*bytes, size)) {
        (*bytes)[*size] = '\0';
        return 0;
    }
    free(*bytes);
    *bytes = NULL;
    return words_fail(why, TOKEN_ERR_FORM, "the token's %s is not base64url", name);
}

/* ---- The header ------------------------------------------------------------------------------ */

static int read_algorithm(struct header *header, char *why)
{
    char shown[WORDS_SHOWN_BYTES];
    const char *name = json_string_value(json_object_get(header->json, "alg"));
    if (!name)
        return words_fail(why, TOKEN_ERR_ALGORITHM, "the token names no algorithm (alg)");
    if (strcmp(name, "none") == 0)
        return words_fail(why, TOKEN_ERR_ALGORITHM, "the token is not signed (alg none)");
    header->algorithm = algorithm_by_name(name);
    return header->algorithm ? 0
                             : words_fail(why, TOKEN_ERR_ALGORITHM,
                                          "the token's algorithm %s is not " ALGORITHM_NAMES,
                                          words_shown(name, shown));
}

static int read_header(struct piece piece, struct header *header, char *why)
{
    char *text;
    size_t n;
    int error = decode_piece(piece, "header", &text, &n, why);
    if (error)
        return error;
    header->json = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    if (!json_is_object(header->json))
        return words_fail(why, TOKEN_ERR_FORM, "the token's header is not a JSON object");
    if (json_object_get(header->json, "crit"))
        return words_fail(why, TOKEN_ERR_FORM,
                          "the token needs an extension that is not supported (crit)");
    const json_t *kid = json_object_get(header->json, "kid");
    header->kid = json_string_value(kid);
    if (kid && !header->kid)
        return words_fail(why, TOKEN_ERR_FORM, "the token's kid is not a text");
    return read_algorithm(header, why);
}

/* ---- The signature --------------------------------------------------------------------------- */

static bool check_hmac(const struct key *key, gnutls_datum_t data, gnutls_datum_t signature)
{
    uint8_t hash[HASH_MAX_BYTES];
    if (gnutls_hmac_fast(key->algorithm->mac, key->secret.data, key->secret.size, data.data,
                         data.size, hash) != 0)
        return false;
    return gnutls_memcmp(hash, signature.data, signature.size) == 0;
}

/* A JWS has the two numbers of an ECDSA signature side by side, GnuTLS wants them in DER. */
static bool check_ecdsa(const struct key *key, gnutls_datum_t data, gnutls_datum_t signature)
{
    unsigned half = signature.size / 2;
    const gnutls_datum_t r = {signature.data, half}, s = {signature.data + half, half};
    gnutls_datum_t encoded;
    if (gnutls_encode_rs_value(&encoded, &r, &s) != 0)
        return false;
    int result = gnutls_pubkey_verify_data2(key->pubkey, key->algorithm->sign, 0, &data, &encoded);
    gnutls_free(encoded.data);
    return result >= 0;
}

static bool check_signature(const struct pieces *pieces, const struct key *key)
{
    uint8_t bytes[BASE64_DECODED_BYTES(SIGNATURE_MAX_BYTES / 3 * 4 + 4)];
    size_t n;
    if (pieces->signature.n > SIGNATURE_MAX_BYTES / 3 * 4 + 4 ||
        !base64_decode(pieces->signature.text, pieces->signature.n, bytes, &n) ||
        n != key->signature_bytes)
        return false;
    const gnutls_datum_t data = {(uint8_t *)pieces->signed_part.text,
                                 (unsigned)pieces->signed_part.n};
    const gnutls_datum_t signature = {bytes, (unsigned)n};
    if (key->algorithm->family == FAMILY_HMAC)
        return check_hmac(key, data, signature);
    if (key->algorithm->family == FAMILY_EC)
        return check_ecdsa(key, data, signature);
    return gnutls_pubkey_verify_data2(key->pubkey, key->algorithm->sign, 0, &data, &signature) >= 0;
}

bool jws_was_made_by(const char *text, const struct key *key)
{
    char why[TOKEN_WHY_BYTES];
    struct pieces pieces;
    return split_text(text, &pieces, why) == 0 && check_signature(&pieces, key);
}

/* ---- The key --------------------------------------------------------------------------------- */

static bool has_kid(const struct key *key, const char *kid)
{
    return key->kid && kid && strcmp(key->kid, kid) == 0;
}

/* A token that names a key is for that one. If no key has that name, those without names remain. */
static bool is_candidate(const struct search *search, const struct key *key)
{
    const char *kid = search->header->kid;
    return !kid || (search->is_named ? has_kid(key, kid) : !key->kid);
}

static void try_key(struct search *search, const struct key *key)
{
    if (search->found || !is_candidate(search, key))
        return;
    if (key->algorithm != search->header->algorithm) {
        search->other_algorithm = key;
        return;
    }
    if (!key->can_verify) {
        search->not_for_verifying = key;
        return;
    }
    search->fitting++;
    if (search->tried == TOKEN_TRIES_MAX)
        return;
    search->tried++;
    if (check_signature(search->pieces, key))
        search->found = key;
}

/* Words for a search that found nothing. */
static int explain_search(const struct search *search, char *why)
{
    const char *name = search->header->algorithm->name;
    char kid[WORDS_SHOWN_BYTES] = "none";
    if (search->header->kid)
        words_shown(search->header->kid, kid);
    if (search->fitting > search->tried)
        return words_fail(why, TOKEN_ERR_KEY,
                          "the token names no key (kid), and %u keys may have signed it, more than "
                          "are tried (%d)",
                          search->fitting, TOKEN_TRIES_MAX);
    if (search->fitting > 0)
        return words_fail(
            why, TOKEN_ERR_SIGNATURE,
            "the token's signature is not one of the key it should be of (%s, kid %s)", name, kid);
    if (search->not_for_verifying)
        return words_fail(why, TOKEN_ERR_KEY,
                          "the token's key (kid %s) is not for verifying (key_ops)", kid);
    if (search->other_algorithm && search->is_named)
        return words_fail(why, TOKEN_ERR_ALGORITHM,
                          "the token is signed by %s, its key (kid %s) is for %s", name, kid,
                          search->other_algorithm->algorithm->name);
    if (search->other_algorithm)
        return words_fail(why, TOKEN_ERR_ALGORITHM,
                          "the token is signed by %s, and no key is for that", name);
    return words_fail(why, TOKEN_ERR_KEY, "the token is signed with an unknown key (kid %s)", kid);
}

static int find_key(const struct token_keys *keys, struct search *search, char *why)
{
    for (size_t i = 0; i < keys->count; i++)
        search->is_named |= has_kid(&keys->items[i], search->header->kid);
    for (size_t i = 0; i < keys->count; i++)
        try_key(search, &keys->items[i]);
    return search->found ? 0 : explain_search(search, why);
}

int jws_verify(const struct token_keys *keys, const char *text, struct jws *jws,
               char why[TOKEN_WHY_BYTES])
{
    struct pieces pieces;
    struct header header = {.json = NULL};
    struct search search = {.pieces = &pieces, .header = &header};
    *jws = (struct jws){.key = NULL};
    int error = split_text(text, &pieces, why);
    if (!error)
        error = read_header(pieces.header, &header, why);
    if (!error)
        error = find_key(keys, &search, why);
    if (!error)
        error = decode_piece(pieces.payload, "payload", &jws->payload, &jws->payload_bytes, why);
    if (!error)
        jws->key = search.found;
    json_decref(header.json);
    return error;
}
