/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Derives the keys of 1-RTT packets from the secrets of TLS (RFC 9001, section 5.1). ngtcp2's
 * helper would use the ciphers of wolfSSL, but 1-RTT packets use aead.c. The few packets of
 * handshakes are left to the helper. */
#ifndef MOQ_QUIC_KEYS_H
#define MOQ_QUIC_KEYS_H

#include <ngtcp2/ngtcp2.h>
#include <stdbool.h>
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "quic/aead_wide.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { KEY_MAX_BYTES = 32, NONCE_BYTES = 12 }; /* for all ciphers of QUIC */
struct packet_keys {
    uint8_t key[KEY_MAX_BYTES]; /* of the size of the cipher's key, as is mask_key */
    uint8_t mask_key[KEY_MAX_BYTES];
    uint8_t iv[NONCE_BYTES];
};

/* Derives keys from the `n` bytes of `secret`. `version` is that of QUIC, `crypto` the cipher and
 * hash. Returns 0 or MOQ_ERR_TLS. */
int keys_derive(struct packet_keys *keys, uint32_t version, const ngtcp2_crypto_ctx *crypto,
                const uint8_t *secret, size_t n);

struct keys_place {
    ngtcp2_conn *quic;
    WOLFSSL *ssl;
    const struct wide *wide; /* kept; NULL: none */
};

/* Derives keys and installs them in ngtcp2, for received (`is_rx`) or sent packets. Returns 0 or
 * MOQ_ERR_TLS. */
int keys_install(const struct keys_place *place, bool is_rx, const uint8_t *secret, size_t n);

#ifdef __cplusplus
}
#endif
#endif
