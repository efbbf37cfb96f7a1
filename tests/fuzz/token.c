/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tokens. The first byte says how: the input as a whole token; or as the claims, or as the header,
 * of a token with a good signature, so that what lies behind the signature is reached too. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/token/hmac.h"
#include "token/token.h"

#define NOW_MS INT64_C(1750000000000)
#define SECRET "0123456789abcdef0123456789abcdef"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *sign_by_hmac(const char *header, size_t header_bytes, const char *claims,
                          size_t claims_bytes)
{
    return hmac_token((struct hmac_part){header, header_bytes},
                      (struct hmac_part){claims, claims_bytes},
                      (struct hmac_part){SECRET, strlen(SECRET)});
}

static char *token_of(uint8_t how, const char *text, size_t n)
{
    static const char header[] = "{\"alg\":\"HS256\"}", claims[] = "{\"put\":\"\"}";
    if (how % 3 == 0)
        return strndup(text, n);
    if (how % 3 == 1)
        return sign_by_hmac(header, sizeof header - 1, text, n);
    return sign_by_hmac(text, n, claims, sizeof claims - 1);
}

/* A good token is good in all its parts. */
static void check_token(const struct token *token)
{
    const struct token_prefixes *lists[] = {&token->grants.publish, &token->grants.subscribe};
    if (!token->claims || !token->identity || token->expires_ms <= NOW_MS)
        abort();
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k < lists[i]->count; k++) {
            const char *prefix = lists[i]->items[k];
            size_t n = strlen(prefix);
            if (n > TOKEN_PREFIX_MAX_BYTES || strstr(prefix, "//") || *prefix == '/' ||
                (n && prefix[n - 1] == '/') || !token_prefixes_cover(lists[i], prefix))
                abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char set[] = "{\"keys\":[{\"kty\":\"oct\",\"alg\":\"HS256\","
                              "\"k\":\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\"},"
                              "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"ec\","
                              "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                              "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"},"
                              "{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
                              "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";
    char why[TOKEN_WHY_BYTES] = "";
    struct token token;
    if (size < 1)
        return 0;
    struct token_keys *keys = token_keys_parse(set, sizeof set - 1, "set", why);
    char *text = token_of(data[0], (const char *)data + 1, size - 1);
    if (!keys || !text)
        abort();
    int error = token_verify(keys, text, NOW_MS, &token, why);
    if (!error)
        check_token(&token);
    else if (!*why || token.claims || token.grants.publish.count)
        abort();
    token_clear(&token);
    free(text);
    token_keys_free(&keys);
    return 0;
}
