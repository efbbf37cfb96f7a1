/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Key files: whatever is read as keys can be listed, and has public halves or says why not. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "token/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[TOKEN_WHY_BYTES] = "";
    char *exact = malloc(size ? size : 1); /* of exactly this size: reading on is noticed */
    if (!exact)
        return 0;
    memcpy(exact, data, size);
    struct token_keys *keys = token_keys_parse(exact, size, "fuzz", why);
    free(exact);
    if (!keys) {
        if (!*why)
            abort();
        return 0;
    }
    for (size_t i = 0; i < token_keys_count(keys); i++)
        if (!token_keys_at(keys, i).algorithm)
            abort();
    char *public = token_keys_public(keys, why);
    if (public) {
        struct token_keys *again = token_keys_parse(public, strlen(public), "public", why);
        if (!again && size < 1024) /* normal forms may be longer than what was read */
            abort();
        token_keys_free(&again);
    }
    token_text_free(&public);
    token_keys_free(&keys);
    return 0;
}
