/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A certificate and its key. Private to quic/; cert_store.h has the certificates of a server.
 *
 * A `struct cert` never changes: a renewal replaces it by a new one. Times are Unix time, passed in
 * by the caller. Sources: RFC 5280, RFC 6125 section 6.4 (names). */
#ifndef MOQ_QUIC_CERT_H
#define MOQ_QUIC_CERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quic/quic.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    CERT_FILE_MAX_BYTES = 1 << 20, /* a larger PEM file is refused */
    CERT_MAX_NAMES = 256, /* DNS names of one certificate; the rest is ignored with a warning */
    CERT_SELF_SIGNED_SECONDS = 14 * 86400, /* the longest validity that browsers allow for a pin */
    CERT_BACKDATED_SECONDS = 86400,        /* for clients whose clock is behind */
    CERT_RENEW_BEFORE_SECONDS = 86400,     /* so a certificate is in use for 12 days */
};

struct cert {              /* all read-only; lives until its store is freed or renews it */
    char *chain_pem;       /* leaf first; for wolfSSL_CTX_use_certificate_chain_buffer */
    size_t chain_pem_size; /* without the final zero */
    char *key_pem;         /* for wolfSSL_CTX_use_PrivateKey_buffer, WOLFSSL_FILETYPE_PEM */
    size_t key_pem_size;
    char **names; /* DNS names it is valid for, in lower case; some may begin with "*." */
    size_t name_count;
    bool has_names; /* it has alternative names, which may also be addresses */
    char *file;     /* path of the chain; NULL: the certificate was made by this process */
    uint64_t not_before_s, not_after_s;
    /* Unique among all certificates that the store has or had. */
    uint64_t generation;
    uint8_t fingerprint[QUIC_FINGERPRINT_BYTES]; /* SHA-256 of the leaf's DER */
    bool is_self_signed; /* made by this process, and renewed by cert_store_renew() */
};

/* Copies what a server needs. Returns 0 or MOQ_ERR_NOMEM. */
int cert_copy_pem(const struct cert *cert, struct quic_pem *pem);

/* Client: whether the certificate in `der` is valid for an IP address (4 or 16 bytes in network
 * order). wolfSSL_check_ip_address() only works if wolfSSL was built with WOLFSSL_IP_ALT_NAME. */
bool cert_has_address(const uint8_t *der, size_t n, const uint8_t *address, size_t address_size);

#ifdef __cplusplus
}
#endif
#endif
