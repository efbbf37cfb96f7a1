/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The certificates of a server: PEM pairs from files and, if configured, a self-signed certificate
 * that browsers can pin by its hash. Private to quic/. quic/tls.c makes a TLS context for each, and
 * compares `generation` to see whether it has to be made again. Source: W3C WebTransport, section
 * on serverCertificateHashes. */
#ifndef MOQ_QUIC_CERT_STORE_H
#define MOQ_QUIC_CERT_STORE_H

#include "quic/cert.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CERT_STORE_MAX = 64 }; /* certificates of one server; more are refused with a message */

struct cert_store;

/* Loads the files of `config` and makes the self-signed certificate, which comes last. Returns NULL
 * on failure; `error_text` (QUIC_ERROR_TEXT_BYTES, may be NULL) then says in one line which file is
 * at fault and what to do. An expired certificate is loaded with a warning, because it may belong
 * to a test, or may be replaced before the next reload. */
struct cert_store *cert_store_new(const struct quic_tls_server_config *config, uint64_t now_wall_ms,
                                  char *error_text);
void cert_store_free(struct cert_store **store);

size_t cert_store_count(const struct cert_store *store); /* at least 1 */
const struct cert *cert_store_at(const struct cert_store *store, size_t index);

/* Returns the index of the certificate to present: the first one that is valid for `server_name`.
 * Where none is, it is 0: a client that asks for another name, or for none because its URL has an
 * address (NULL and ""), can only pin, and what it is told to pin is the first certificate. */
size_t cert_store_choose(const struct cert_store *store, const char *server_name);

/* Logs warnings about certificates from files that end soon or have ended. */
void cert_store_warn(struct cert_store *store, uint64_t now_wall_ms);

/* Replaces a self-signed certificate that ends within CERT_RENEW_BEFORE_SECONDS. Returns true if it
 * did: the old `struct cert` has been freed and the new one has its index. If the new one cannot be
 * made, logs a warning and keeps the old one. */
bool cert_store_renew(struct cert_store *store, uint64_t now_wall_ms);

/* Replaces the self-signed certificate by a copy of the one in `previous`, if both are for the same
 * names and the old one does not end soon. Clients that have pinned it then still trust it. Returns
 * false when out of memory. */
bool cert_store_keep(struct cert_store *store, const struct cert_store *previous,
                     uint64_t now_wall_ms);

#ifdef __cplusplus
}
#endif
#endif
