/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The signature of a token (RFC 7515): whether a key of ours made it, and what it covers. */
#ifndef MOQ_TOKEN_JWS_H
#define MOQ_TOKEN_JWS_H

#include "token/keys.h"

struct jws {
    const struct key *key; /* that signed it */
    char *payload;         /* owned; ends with a NUL that is not counted */
    size_t payload_bytes;
};

/* Verifies the signature of `text`. Fills `jws`, whose payload the caller frees, or returns a
 * token_error with words in `why` and leaves it empty. */
int jws_verify(const struct token_keys *keys, const char *text, struct jws *jws,
               char why[TOKEN_WHY_BYTES]);

/* Whether `key` made the signature of `text`, whatever the key is for. Its header must be one that
 * jws_verify accepts. */
bool jws_was_made_by(const char *text, const struct key *key);

#endif
