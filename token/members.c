/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads the numbers of a key. Libraries write them in different ways (with a zero in front, without
 * the zeros that the standard wants, with padding), so each is brought into its one right form.
 * Tested by tests/unit/token/test_keys.c. */
#include "token/members.h"

#include <stdlib.h>
#include <string.h>

#include "token/base64.h"
#include "token/words.h"

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8192 };

enum member_form {
    FORM_INTEGER, /* without leading zeros */
    FORM_PART,    /* as many bytes as the curve has */
    FORM_OCTETS,  /* as it is */
};

struct member {
    enum algorithm_family family;
    const char *name;
    enum member_form form;
    bool is_private;
};

static const struct member table[] = {
    {FAMILY_HMAC, "k", FORM_OCTETS, true},  {FAMILY_RSA, "n", FORM_INTEGER, false},
    {FAMILY_RSA, "e", FORM_INTEGER, false}, {FAMILY_RSA, "d", FORM_INTEGER, true},
    {FAMILY_RSA, "p", FORM_INTEGER, true},  {FAMILY_RSA, "q", FORM_INTEGER, true},
    {FAMILY_RSA, "dp", FORM_INTEGER, true}, {FAMILY_RSA, "dq", FORM_INTEGER, true},
    {FAMILY_RSA, "qi", FORM_INTEGER, true}, {FAMILY_EC, "x", FORM_PART, false},
    {FAMILY_EC, "y", FORM_PART, false},     {FAMILY_EC, "d", FORM_PART, true},
    {FAMILY_OKP, "x", FORM_OCTETS, false},  {FAMILY_OKP, "d", FORM_OCTETS, true},
};

enum { MEMBERS = sizeof table / sizeof table[0] };

struct number {
    uint8_t *bytes; /* owned, from `start` on */
    size_t start, size;
};

static void number_free(struct number *number)
{
    if (number->bytes)
        gnutls_memset(number->bytes, 0, number->start + number->size);
    free(number->bytes);
    *number = (struct number){NULL, 0, 0};
}

/* Decodes a member, with `room` bytes of zeros in front of it. */
static int number_decode(const json_t *value, const char *name, size_t room, struct number *number,
                         char *why)
{
    const char *text = json_string_value(value);
    if (!text)
        return words_fail(why, TOKEN_ERR_KEY, "%s is not a text", name);
    size_t n = strlen(text), size;
    number->bytes = calloc(1, room + BASE64_DECODED_BYTES(n));
    if (!number->bytes)
        return words_fail(why, TOKEN_ERR_NOMEM, "out of memory");
    if (!base64_decode_loosely(text, n, number->bytes + room, &size)) {
        number_free(number);
        return words_fail(why, TOKEN_ERR_KEY, "%s is not base64url", name);
    }
    number->start = room;
    number->size = size;
    return 0;
}

static void strip_zeros(struct number *number)
{
    while (number->size > 0 && number->bytes[number->start] == 0) {
        number->start++;
        number->size--;
    }
}

static int number_shape(struct number *number, const struct member *member,
                        const struct algorithm *algorithm, char *why)
{
    size_t part = algorithm->part_bytes;
    if (member->form != FORM_OCTETS)
        strip_zeros(number);
    if (member->form == FORM_PART && number->size <= part) {
        number->start -= part - number->size;
        number->size = part;
    }
    if (number->size == 0)
        return words_fail(why, TOKEN_ERR_KEY, "%s is empty", member->name);
    if (algorithm->family == FAMILY_HMAC && number->size < part)
        return words_fail(why, TOKEN_ERR_KEY,
                          "its secret of %zu bytes is too short: %s needs %zu (RFC 7518, 3.2)",
                          number->size, algorithm->name, part);
    if (algorithm->curve && number->size != part)
        return words_fail(why, TOKEN_ERR_KEY, "%s has %zu bytes, %s has %zu", member->name,
                          number->size, algorithm->curve, part);
    return 0;
}

static size_t bits_of(const struct number *number)
{
    size_t bits = number->size * 8;
    for (uint8_t top = number->bytes[number->start]; !(top & 0x80) && bits > 0; top <<= 1)
        bits--;
    return bits;
}

/* A modulus that is too small can be factored, one that is too large makes each check slow. An even
 * exponent, or 1, makes signatures that anybody can forge. */
static int check_rsa(const struct member *member, const struct number *number, char *why)
{
    const uint8_t *bytes = number->bytes + number->start;
    size_t bits = bits_of(number);
    if (strcmp(member->name, "n") == 0 && (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX))
        return words_fail(why, TOKEN_ERR_KEY, "an RSA key of %zu bits; it must have %d to %d", bits,
                          RSA_BITS_MIN, RSA_BITS_MAX);
    if (strcmp(member->name, "e") == 0 && (bits < 2 || bits > 64 || !(bytes[number->size - 1] & 1)))
        return words_fail(why, TOKEN_ERR_KEY, "its exponent e is not a usual one such as AQAB");
    return 0;
}

static int store_number(struct members *members, const struct member *member,
                        const struct number *number, char *why)
{
    char *text = base64_encode(number->bytes + number->start, number->size);
    int failed = text ? json_object_set_new(members->all, member->name, json_string(text)) : -1;
    if (!failed && !member->is_private)
        failed = json_object_set_new(members->public_all, member->name, json_string(text));
    token_text_free(&text);
    if (strcmp(member->name, "n") == 0 || strcmp(member->name, "k") == 0)
        members->key_bytes = number->size;
    members->is_private |= member->is_private;
    return failed ? words_fail(why, TOKEN_ERR_NOMEM, "out of memory") : 0;
}

static int read_member(const json_t *value, const struct member *member,
                       const struct algorithm *algorithm, struct members *members, char *why)
{
    struct number number = {NULL, 0, 0};
    int error = number_decode(value, member->name, algorithm->part_bytes, &number, why);
    if (!error)
        error = number_shape(&number, member, algorithm, why);
    if (!error && algorithm->family == FAMILY_RSA)
        error = check_rsa(member, &number, why);
    if (!error)
        error = store_number(members, member, &number, why);
    number_free(&number);
    return error;
}

static bool is_private_wanted(const json_t *jwk, enum algorithm_family family)
{
    return family == FAMILY_HMAC || json_object_get(jwk, "d");
}

static int read_all(const json_t *jwk, const struct algorithm *algorithm, struct members *members,
                    char *why)
{
    bool is_wanted = is_private_wanted(jwk, algorithm->family);
    for (size_t i = 0; i < MEMBERS; i++) {
        const json_t *value = json_object_get(jwk, table[i].name);
        if (table[i].family != algorithm->family || (table[i].is_private && !is_wanted))
            continue;
        if (!value)
            return words_fail(why, TOKEN_ERR_KEY, "%s is missing", table[i].name);
        int error = read_member(value, &table[i], algorithm, members, why);
        if (error)
            return error;
    }
    return 0;
}

static json_t *frame_new(const struct algorithm *algorithm)
{
    json_t *object = json_pack("{s:s}", "kty", algorithm->kty);
    if (object && algorithm->curve)
        json_object_set_new(object, "crv", json_string(algorithm->curve));
    return object;
}

int members_read(const json_t *jwk, const struct algorithm *algorithm, struct members *members,
                 char why[TOKEN_WHY_BYTES])
{
    *members = (struct members){.all = frame_new(algorithm), .public_all = frame_new(algorithm)};
    int error = members->all && members->public_all
                    ? read_all(jwk, algorithm, members, why)
                    : words_fail(why, TOKEN_ERR_NOMEM, "out of memory");
    if (error)
        members_clear(members);
    else if (algorithm->family == FAMILY_HMAC) {
        json_decref(members->public_all);
        members->public_all = NULL;
    }
    return error;
}

void members_clear(struct members *members)
{
    json_decref(members->all);
    json_decref(members->public_all);
    *members = (struct members){.all = NULL};
}
