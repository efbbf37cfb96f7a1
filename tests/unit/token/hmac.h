/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Signs any header and payload, also those that no honest signer would. */
#ifndef MOQ_TESTS_UNIT_TOKEN_HMAC_H
#define MOQ_TESTS_UNIT_TOKEN_HMAC_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/gnutls.h>
#include <gnutls/crypto.h>

#include "token/base64.h"

struct hmac_part {
    const void *data;
    size_t size;
};

/* "HEADER.PAYLOAD.HMAC" in base64url, by SHA-256. The caller frees it. */
static inline char *hmac_token(struct hmac_part header, struct hmac_part payload,
                               struct hmac_part secret)
{
    uint8_t hash[32];
    char *first = base64_encode(header.data, header.size);
    char *second = base64_encode(payload.data, payload.size);
    size_t room = strlen(first) + strlen(second) + 64;
    char *token = (char *)malloc(room);
    int used = snprintf(token, room, "%s.%s", first, second);
    gnutls_hmac_fast(GNUTLS_MAC_SHA256, secret.data, secret.size, token, (size_t)used, hash);
    char *third = base64_encode(hash, sizeof hash);
    snprintf(token + used, room - (size_t)used, ".%s", third);
    free(first);
    free(second);
    free(third);
    return token;
}

#endif
