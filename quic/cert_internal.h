/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How certificates come to be: from files (cert_file.c) or made here (cert_self_signed.c). Private
 * to cert*.c. */
#ifndef MOQ_QUIC_CERT_INTERNAL_H
#define MOQ_QUIC_CERT_INTERNAL_H

#include "quic/cert.h"

enum { CERT_NAME_MAX_BYTES = 253, CERT_SELF_SIGNED_MAX_NAMES = 64 };

/* Both return a certificate without generation, owned by the caller, or NULL with a line in
 * `error_text`. */
struct cert *cert_load(const struct quic_certificate *files, char *error_text);
struct cert *cert_make(const char *const *names, size_t name_count, uint64_t now_s,
                       char *error_text);
void cert_free(struct cert **cert);
struct cert *cert_copy(const struct cert *cert); /* NULL: out of memory */

/* Whether it may be presented to who asks for this host name, of `name_size` bytes. */
bool cert_is_good_for(const struct cert *cert, const char *name, size_t name_size);

/* A whole file of at most CERT_FILE_MAX_BYTES, with a NUL after it; owned by the caller. NULL, and
 * `error_text` says why; `remedy` is what to do about something that is no such file. */
char *cert_read_file(const char *path, size_t *size, const char *remedy, char *error_text);

/* cert_end.c: logs that the certificate ends soon or has ended, unless that was `told` before.
 * Returns what is told then; 0 at the start. */
enum { CERT_DATE_BYTES = 32, CERT_ENDED = 4 };
uint8_t cert_warn_of_end(const struct cert *cert, uint8_t told, uint64_t now_s);
void cert_warn_of_start(const struct cert *cert, uint64_t now_s); /* and of having no names */

/* Fills in what the leaf says of itself. 0, MOQ_ERR_TLS when it is no X.509, MOQ_ERR_NOMEM. */
int cert_read_leaf(struct cert *cert, const uint8_t *der, size_t n);

#endif
