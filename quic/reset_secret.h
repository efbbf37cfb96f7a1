/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The secret from which stateless reset tokens are made (RFC 9000, section 10.3.2). A peer accepts
 * that its connection is lost if the token is made with the same secret as the one it was given. So
 * the secret has to outlast the process: it comes from a file, or from the private key of a
 * certificate. Private to quic/. */
#ifndef MOQ_QUIC_RESET_SECRET_H
#define MOQ_QUIC_RESET_SECRET_H

#include <stdint.h>

#include "quic/cert.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    RESET_SECRET_BYTES = 32,
    RESET_SECRET_FILE_MIN_BYTES = 32, /* a shorter file is refused: it could be guessed */
};

struct reset_secret {
    bool is_lasting; /* another process derives the same bytes from the same source */
    uint8_t bytes[RESET_SECRET_BYTES];
};

/* Derives the secret from the content of `config`'s file if it has one, otherwise from the private
 * key of `first`, the first certificate. The key of a self-signed certificate ends with the
 * process, so `*secret` is not lasting then. Neither the file nor the key can be derived from the
 * secret. Returns 0, or MOQ_ERR_TLS; then `error_text` (QUIC_ERROR_TEXT_BYTES, may be NULL) says in
 * one line what is wrong and what to do. */
int reset_secret_find(struct reset_secret *secret, const struct quic_tls_server_config *config,
                      const struct cert *first, char *error_text);

#ifdef __cplusplus
}
#endif
#endif
