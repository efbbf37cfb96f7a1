/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Makes certificates: reads them from files (cert_file.c) or signs them itself
 * (cert_self_signed.c). Private to cert*.c. */
#ifndef MOQ_QUIC_CERT_INTERNAL_H
#define MOQ_QUIC_CERT_INTERNAL_H

#include "quic/cert.h"

enum { CERT_NAME_MAX_BYTES = 253, CERT_SELF_SIGNED_MAX_NAMES = 64 };

/* Both return a certificate that the caller owns and whose `generation` is not set, or NULL with
 * one line in `error_text`. */
struct cert *cert_load(const struct quic_certificate *files, char *error_text);
struct cert *cert_make(const char *const *names, size_t name_count, uint64_t now_s,
                       char *error_text);
void cert_free(struct cert **cert);
struct cert *cert_copy(const struct cert *cert); /* NULL: out of memory */

/* Whether the certificate may be presented to a client that asks for this host name, which has
 * `name_size` bytes. */
bool cert_is_good_for(const struct cert *cert, const char *name, size_t name_size);

/* Reads a file of at most CERT_FILE_MAX_BYTES and adds a final zero. The caller owns the result.
 * NULL: `error_text` says why, and ends with `remedy` if the path is not a file of the right
 * kind. */
char *cert_read_file(const char *path, size_t *size, const char *remedy, char *error_text);

/* cert_end.c: logs that the certificate ends soon or has ended, unless `told` shows that it did so
 * before. `told` is 0 at first, then what the last call returned. */
enum { CERT_DATE_BYTES = 32, CERT_ENDED = 4 };
uint8_t cert_warn_of_end(const struct cert *cert, uint8_t told, uint64_t now_s);
/* Logs that the certificate is not valid yet, or that it has no names. */
void cert_warn_of_start(const struct cert *cert, uint64_t now_s);
/* Fills in the names, times and fingerprint of the leaf. 0, MOQ_ERR_TLS if it is not X.509, or
 * MOQ_ERR_NOMEM. */
int cert_read_leaf(struct cert *cert, const uint8_t *der, size_t n);

#endif
