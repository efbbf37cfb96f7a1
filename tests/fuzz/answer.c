/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Fuzz target: what an auth server answers. What is accepted keeps the bounds of a token. */
#include "modules/auth/answer.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[TOKEN_WHY_BYTES] = "";
    struct token token;
    uint64_t max_age_ns = 0;
    int error = answer_read((const char *)data, size, &token, &max_age_ns, why);
    REQUIRE(error ? why[0] && !token.identity : token.identity && token.claims);
    REQUIRE(max_age_ns <= ANSWER_MAX_AGE_S * UINT64_C(1000000000));
    for (size_t i = 0; i < token.grants.publish.count; i++)
        REQUIRE(strlen(token.grants.publish.items[i]) <= TOKEN_PREFIX_MAX_BYTES);
    token_clear(&token);
    return 0;
}
