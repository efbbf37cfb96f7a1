/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The secret of stateless reset tokens (RFC 9000, section 10.3.2). A peer believes that its
 * connection is forgotten if a token shows it that was made with the same secret before. So the
 * secret has to outlast the process: it comes from a file or from a certificate's private key.
 * Private to quic/. */
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
    bool is_lasting; /* another process may come to the same bytes */
    uint8_t bytes[RESET_SECRET_BYTES];
};

/* From `config`'s file, whatever is in it, else from the private key of `first`, its first
 * certificate; a self-signed one's key dies with the process, so then *secret is not lasting.
 * Neither key nor file can be told from the secret. 0; MOQ_ERR_TLS, and `error_text`
 * (QUIC_ERROR_TEXT_BYTES, may be NULL) says in one line what is wrong and what to do. */
int reset_secret_find(struct reset_secret *secret, const struct quic_tls_server_config *config,
                      const struct cert *first, char *error_text);

#ifdef __cplusplus
}
#endif
#endif
