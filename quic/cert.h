/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A certificate and its key. Private to quic/; a server's are in cert_store.h.
 *
 * A `struct cert` never changes once it is there: a renewal puts a new one in its place. Times are
 * Unix time; there is no clock here. Sources: RFC 5280, RFC 6125 section 6.4 (names). */
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
    CERT_FILE_MAX_BYTES = 1 << 20, /* a PEM file that is larger is refused */
    CERT_MAX_NAMES = 256, /* DNS names of one certificate; the rest is ignored with a warning */
    CERT_SELF_SIGNED_SECONDS = 14 * 86400, /* browsers pin nothing that is valid for longer */
    CERT_BACKDATED_SECONDS = 86400,        /* for clients whose clock is behind */
    CERT_RENEW_BEFORE_SECONDS = 86400,     /* so renewed after 12 days of use */
};

struct cert {              /* all read-only; lives until its store is freed or renews it */
    char *chain_pem;       /* leaf first; for wolfSSL_CTX_use_certificate_chain_buffer */
    size_t chain_pem_size; /* without the NUL that ends it */
    char *key_pem;         /* for wolfSSL_CTX_use_PrivateKey_buffer, WOLFSSL_FILETYPE_PEM */
    size_t key_pem_size;
    char **names; /* DNS names it is good for, lower case, perhaps with a leading "*." */
    size_t name_count;
    bool has_names; /* or addresses */
    char *file;     /* of the chain; NULL: made here */
    uint64_t not_before_s, not_after_s;
    /* Differs from that of every other certificate of the store, past ones too. */
    uint64_t generation;
    uint8_t fingerprint[QUIC_FINGERPRINT_BYTES]; /* SHA-256 of the leaf's DER */
    bool is_self_signed;                         /* made here, and renewed by cert_store_renew */
};

/* Client: whether the certificate in `der` is good for an IP address (4 or 16 bytes, network
 * order). wolfSSL_check_ip_address finds none unless it was built with WOLFSSL_IP_ALT_NAME. */
bool cert_has_address(const uint8_t *der, size_t n, const uint8_t *address, size_t address_size);

#ifdef __cplusplus
}
#endif
#endif
