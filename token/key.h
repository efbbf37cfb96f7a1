/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One key: what it may do, and in the form that the cryptographic libraries take. */
#ifndef MOQ_TOKEN_KEY_H
#define MOQ_TOKEN_KEY_H

#include <gnutls/abstract.h>

#include "token/members.h"

struct key {
    const struct algorithm *algorithm;
    char *kid; /* NULL: none */
    bool can_sign, can_verify;
    bool has_scope;            /* its tokens may grant only what `scope` covers */
    struct token_grants scope; /* the member "scope" of moq-token-cli */
    struct members members;
    jwk_t *private_jwk;     /* NULL: it cannot sign */
    gnutls_pubkey_t pubkey; /* NULL: HMAC */
    gnutls_datum_t secret;  /* HMAC only */
    size_t signature_bytes;
};

/* Not an error of the file: the key is for another purpose, and `why` says for which. */
enum { KEY_SKIPPED = -1 };

/* Reads a JWK. Returns 0, KEY_SKIPPED or a token_error, with words in `why` that name neither file
 * nor key; `key` is empty then. */
int key_read(const json_t *jwk, struct key *key, char why[TOKEN_WHY_BYTES]);
void key_clear(struct key *key);

#endif
