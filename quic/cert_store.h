/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A server's certificates: PEM pairs from files and, if wanted, a self-signed one that browsers
 * may pin by its hash. Private to quic/; quic/tls.c makes a TLS context of each, and compares
 * `generation` to see whether it has to be made again. Source: W3C WebTransport, section on
 * serverCertificateHashes. */
#ifndef MOQ_QUIC_CERT_STORE_H
#define MOQ_QUIC_CERT_STORE_H

#include "quic/cert.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CERT_STORE_MAX = 64 }; /* certificates of one server; more is refused with a message */

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

#ifdef __cplusplus
}
#endif
#endif
