/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The protection of 1-RTT packets: keys that are made once, and the callbacks of ngtcp2 that use
 * them. Private to quic/. */
#ifndef MOQ_QUIC_AEAD_H
#define MOQ_QUIC_AEAD_H

#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include "quic/aead_wide.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Makes a packet key from a copy of `n` bytes of `key`, at most KEY_MAX_BYTES. aead_delete()
 * deletes it. `wide` must outlive it; NULL: wolfSSL does the work. Returns 0 or MOQ_ERR_NOMEM. */
int aead_key_new(ngtcp2_crypto_aead_ctx *out, const struct wide *wide, const uint8_t *key, size_t n,
                 bool is_seal);
/* Callbacks of ngtcp2, described in ngtcp2.h. */
int aead_encrypt(uint8_t *out, const ngtcp2_crypto_aead *aead, const ngtcp2_crypto_aead_ctx *key,
                 const uint8_t *plain, size_t n, const uint8_t *nonce, size_t nonce_size,
                 const uint8_t *header, size_t header_size);
int aead_decrypt(uint8_t *out, const ngtcp2_crypto_aead *aead, const ngtcp2_crypto_aead_ctx *key,
                 const uint8_t *sealed, size_t n, const uint8_t *nonce, size_t nonce_size,
                 const uint8_t *header, size_t header_size);
int aead_update_key(ngtcp2_conn *quic, uint8_t *rx_secret, uint8_t *tx_secret,
                    ngtcp2_crypto_aead_ctx *rx, uint8_t *rx_iv, ngtcp2_crypto_aead_ctx *tx,
                    uint8_t *tx_iv, const uint8_t *rx_secret_now, const uint8_t *tx_secret_now,
                    size_t secret_size, void *user);
void aead_delete(ngtcp2_conn *quic, ngtcp2_crypto_aead_ctx *key, void *user);
int aead_mask(uint8_t *out, const ngtcp2_crypto_cipher *cipher, const ngtcp2_crypto_cipher_ctx *key,
              const uint8_t *sample);

#ifdef __cplusplus
}
#endif
#endif
