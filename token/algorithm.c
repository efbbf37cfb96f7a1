/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The table of algorithms. Tested by tests/unit/token/test_jws.c. */
#include "token/algorithm.h"

#include <string.h>

static const struct algorithm algorithms[] = {
    {"HS256", "oct", NULL, FAMILY_HMAC, 32, 32, R_JWA_ALG_HS256, GNUTLS_MAC_SHA256, 0, 256},
    {"HS384", "oct", NULL, FAMILY_HMAC, 48, 48, R_JWA_ALG_HS384, GNUTLS_MAC_SHA384, 0, 384},
    {"HS512", "oct", NULL, FAMILY_HMAC, 64, 64, R_JWA_ALG_HS512, GNUTLS_MAC_SHA512, 0, 512},
    {"RS256", "RSA", NULL, FAMILY_RSA, 0, 0, R_JWA_ALG_RS256, 0, GNUTLS_SIGN_RSA_SHA256, 2048},
    {"PS256", "RSA", NULL, FAMILY_RSA, 0, 0, R_JWA_ALG_PS256, 0, GNUTLS_SIGN_RSA_PSS_RSAE_SHA256,
     2048},
    {"ES256", "EC", "P-256", FAMILY_EC, 32, 64, R_JWA_ALG_ES256, 0,
     GNUTLS_SIGN_ECDSA_SECP256R1_SHA256, 256},
    {"ES384", "EC", "P-384", FAMILY_EC, 48, 96, R_JWA_ALG_ES384, 0,
     GNUTLS_SIGN_ECDSA_SECP384R1_SHA384, 384},
    {"EdDSA", "OKP", "Ed25519", FAMILY_OKP, 32, 64, R_JWA_ALG_EDDSA, 0, GNUTLS_SIGN_EDDSA_ED25519,
     256},
};

enum { ALGORITHMS = sizeof algorithms / sizeof algorithms[0] };

const struct algorithm *algorithm_by_name(const char *name)
{
    for (size_t i = 0; i < ALGORITHMS; i++)
        if (strcmp(algorithms[i].name, name) == 0)
            return &algorithms[i];
    return NULL;
}

const struct algorithm *algorithm_by_curve(const char *kty, const char *curve)
{
    for (size_t i = 0; i < ALGORITHMS && curve; i++)
        if (algorithms[i].curve && strcmp(algorithms[i].kty, kty) == 0 &&
            strcmp(algorithms[i].curve, curve) == 0)
            return &algorithms[i];
    return NULL;
}

bool algorithm_has_type(const char *kty)
{
    for (size_t i = 0; i < ALGORITHMS; i++)
        if (strcmp(algorithms[i].kty, kty) == 0)
            return true;
    return false;
}
