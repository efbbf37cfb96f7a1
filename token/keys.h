/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The inside of a set of keys. */
#ifndef MOQ_TOKEN_KEYS_H
#define MOQ_TOKEN_KEYS_H

#include "token/key.h"

struct token_keys {
    struct key items[TOKEN_KEYS_MAX];
    size_t count;
    char skipped[TOKEN_WHY_BYTES]; /* about the first key that was left out */
};

#endif
