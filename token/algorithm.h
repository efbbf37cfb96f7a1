/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The algorithms that tokens may be signed with, one row each; there are no others. */
#ifndef MOQ_TOKEN_ALGORITHM_H
#define MOQ_TOKEN_ALGORITHM_H

#include <stdbool.h>
#include <stddef.h>

#include <gnutls/gnutls.h>
#include <rhonabwy.h>

enum algorithm_family { FAMILY_HMAC, FAMILY_RSA, FAMILY_EC, FAMILY_OKP };

struct algorithm {
    const char *name;  /* "alg" (RFC 7518, section 3.1; RFC 8037) */
    const char *kty;   /* of its keys */
    const char *curve; /* NULL: its keys have none */
    enum algorithm_family family;
    size_t part_bytes;      /* of a coordinate, or of the shortest secret; 0: RSA */
    size_t signature_bytes; /* 0: as many as the modulus has */
    jwa_alg jwa;
    gnutls_mac_algorithm_t mac;   /* HMAC only */
    gnutls_sign_algorithm_t sign; /* all others */
    unsigned key_bits;            /* of a new key */
};

const struct algorithm *algorithm_by_name(const char *name); /* NULL: not supported */
/* The one algorithm for keys of this type and curve. NULL: there is none, or a choice. */
const struct algorithm *algorithm_by_curve(const char *kty, const char *curve);
/* Whether any algorithm has keys of this type. */
bool algorithm_has_type(const char *kty);

#define ALGORITHM_NAMES "HS256, HS384, HS512, RS256, PS256, ES256, ES384 or EdDSA"

#endif
