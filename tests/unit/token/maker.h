/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Makes tokens that no honest signer would make: any header and payload, with a good HS256
 * signature. And the keys of the RFCs. */
#ifndef MOQ_TESTS_UNIT_TOKEN_MAKER_H
#define MOQ_TESTS_UNIT_TOKEN_MAKER_H

#include <string.h>

#include "tests/unit/prologue.h"
#include "tests/unit/token/hmac.h"
#include "token/token.h"

/* RFC 7515, A.1 */
#define OCT_K                                                                                      \
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
#define OCT_KEY "{\"kty\":\"oct\",\"alg\":\"HS256\",\"kid\":\"oct\",\"k\":\"" OCT_K "\"}"
/* RFC 7515, A.2 */
#define RSA_N                                                                                      \
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4" \
    "d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5re" \
    "xMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxX" \
    "FvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
#define RSA_KEY                                                                                    \
    "{\"kty\":\"RSA\",\"alg\":\"RS256\",\"kid\":\"rsa\",\"n\":\"" RSA_N "\",\"e\":\"AQAB\"}"
/* RFC 7515, A.3 */
#define EC_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define EC_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define EC_D "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
#define EC_NUMBERS "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\""
#define EC_KEY "{" EC_NUMBERS ",\"kid\":\"ec\"}"
#define EC_PRIVATE_KEY "{" EC_NUMBERS ",\"kid\":\"ec\",\"d\":\"" EC_D "\"}"
/* RFC 8037, A.1 */
#define OKP_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define OKP_KEY "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" OKP_X "\",\"kid\":\"okp\"}"

static inline struct token_keys *keys_of(const char *text)
{
    char why[TOKEN_WHY_BYTES] = "";
    struct token_keys *keys = token_keys_parse(text, strlen(text), "test.jwk", why);
    if (!keys)
        fail_msg("%s", why);
    return keys;
}

/* "HEADER.PAYLOAD" in base64url and its HMAC with `secret`. The caller frees it. */
static inline char *token_of_bytes(const char *header, const void *payload, size_t n,
                                   const void *secret, size_t secret_bytes)
{
    return hmac_token((struct hmac_part){header, strlen(header)}, (struct hmac_part){payload, n},
                      (struct hmac_part){secret, secret_bytes});
}

/* The same, signed with OCT_KEY. */
static inline char *token_of(const char *header, const char *payload)
{
    uint8_t secret[BASE64_DECODED_BYTES(sizeof OCT_K)];
    size_t n;
    assert_true(base64_decode(OCT_K, strlen(OCT_K), secret, &n));
    return token_of_bytes(header, payload, strlen(payload), secret, n);
}

#define HS256 "{\"alg\":\"HS256\"}"

#endif
