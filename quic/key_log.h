/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Secrets of a TLS session as lines in the format of Wireshark (SSLKEYLOGFILE), for debugging. */
#ifndef MOQ_QUIC_KEY_LOG_H
#define MOQ_QUIC_KEY_LOG_H

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "quic/tls.h"

struct key_log_secrets {            /* of one level */
    const uint8_t *client, *server; /* what they send with; NULL: not known yet */
    size_t size;
};

/* Calls config->on_secret, which is set, for each of them. */
void key_log_write(const struct tls_session_config *config, WOLFSSL *ssl,
                   WOLFSSL_ENCRYPTION_LEVEL level, const struct key_log_secrets *secrets);

#endif
