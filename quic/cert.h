/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A server's certificates: PEM pairs from files and, if wanted, a self-signed one that browsers may
 * pin by its hash. Private to quic/; quic/tls.c makes a TLS context of each.
 *
 * A `struct cert` never changes once it is there: a renewal puts a new one in its place, so whoever
 * made something of the old one compares `generation` to see that it has to be made again. Times
 * are Unix time; there is no clock here. Sources: RFC 5280, RFC 6125 section 6.4 (names), W3C
 * WebTransport section on serverCertificateHashes. */
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
    CERT_STORE_MAX = 64,           /* certificates of one server; more is refused with a message */
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
    uint64_t
        generation; /* differs from that of every other certificate of the store, past ones too */
    uint8_t fingerprint[QUIC_FINGERPRINT_BYTES]; /* SHA-256 of the leaf's DER */
    bool is_self_signed;                         /* made here, and renewed by cert_store_renew */
};

struct cert_store;

/* Loads the files of `config` and makes the self-signed certificate, which comes last. NULL on
 * failure; `error_text` (QUIC_ERROR_TEXT_BYTES, may be NULL) then says in one line which file and
 * what to do. An expired certificate is loaded with a warning: it may be a test's, and the file may
 * be replaced before the next reload. */
struct cert_store *cert_store_new(const struct quic_tls_server_config *config, uint64_t now_wall_ms,
                                  char *error_text);
void cert_store_free(struct cert_store **store);

size_t cert_store_count(const struct cert_store *store); /* at least 1 */
const struct cert *cert_store_at(const struct cert_store *store, size_t index);

/* The certificate to present: the first that is good for `server_name` (NULL and "": none was asked
 * for), else the last. Returns its index. */
size_t cert_store_choose(const struct cert_store *store, const char *server_name);

/* Warns of certificates from files that end soon or have ended. */
void cert_store_warn(struct cert_store *store, uint64_t now_wall_ms);

/* Replaces a self-signed certificate that ends within CERT_RENEW_BEFORE_SECONDS. Returns true if it
 * did: the old `struct cert` is gone, the new one has its index. If making one fails the old one
 * stays, with a warning. */
bool cert_store_renew(struct cert_store *store, uint64_t now_wall_ms);

/* Puts a copy of the self-signed certificate of `previous` in the place of this one's, if both are
 * for the same names and it does not end yet: who has pinned it goes on trusting. Returns false
 * when out of memory. */
bool cert_store_keep(struct cert_store *store, const struct cert_store *previous,
                     uint64_t now_wall_ms);

/* Client: whether the certificate in `der` is good for an IP address (4 or 16 bytes, network
 * order). wolfSSL_check_ip_address finds none unless it was built with WOLFSSL_IP_ALT_NAME. */
bool cert_has_address(const uint8_t *der, size_t n, const uint8_t *address, size_t address_size);

#ifdef __cplusplus
}
#endif
#endif
