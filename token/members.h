/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The members of a JWK that are the key itself (RFC 7518, section 6; RFC 8037), in their normal
 * form. All other members stay outside: certificates, addresses, anything unknown. */
#ifndef MOQ_TOKEN_MEMBERS_H
#define MOQ_TOKEN_MEMBERS_H

#include <stdbool.h>

#include <jansson.h>

#include "token/algorithm.h"
#include "token/token.h"

struct members {
    json_t *all;        /* kty, crv, and the members; owned */
    json_t *public_all; /* the same without private ones; NULL: a secret has none; owned */
    bool is_private;
    size_t key_bytes; /* of the secret or the modulus, else 0 */
};

/* Reads what `algorithm` needs from `jwk`: coordinates with all their leading zeros, integers
 * without any. Returns 0 or a token_error with words in `why`, and fills `members` or leaves it
 * empty. */
int members_read(const json_t *jwk, const struct algorithm *algorithm, struct members *members,
                 char why[TOKEN_WHY_BYTES]);
void members_clear(struct members *members);

#endif
