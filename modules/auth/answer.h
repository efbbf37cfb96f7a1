/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What an auth server answers. */
#ifndef AUTH_ANSWER_H
#define AUTH_ANSWER_H

#include "token/token.h"

enum { ANSWER_MAX_AGE_S = 86400 }; /* a longer max_age is cut to this */

/* Reads the JSON of an answer with status 200: identity, publish, subscribe, cluster, expires,
 * max_age, claims (docs/auth.md). Each may be missing; one of the wrong type makes the whole answer
 * worthless. Fills `token`, which the caller clears with token_clear, and sets *max_age_ns if there
 * is a max_age. Returns 0, or a token_error with words in `why` and leaves `token` empty. */
int answer_read(const char *text, size_t n, struct token *token, uint64_t *max_age_ns,
                char why[TOKEN_WHY_BYTES]);

#endif
