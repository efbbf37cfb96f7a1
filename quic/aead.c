/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Packet protection in one call: part of steps 3 and 14 of a frame's walk. ngtcp2's own callbacks go
 * through wolfSSL's EVP layer, five calls per packet, each of which finds out again which cipher it
 * is; for AES-GCM the key lies ready inside, and wolfCrypt seals or opens a packet at once. */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/openssl/evp.h>
#include <wolfssl/wolfcrypt/aes.h>

#include "quic/internal.h"

enum { TAG_BYTES = 16 }; /* of every cipher that QUIC has */

static bool is_aes_gcm(const WOLFSSL_EVP_CIPHER_CTX *context)
{
    return (context->flags & WOLFSSL_EVP_CIPH_MODE) == WOLFSSL_EVP_CIPH_GCM_MODE;
}

/* house: parameters (ngtcp2 gives them) */
int aead_encrypt(uint8_t *out, const ngtcp2_crypto_aead *aead, const ngtcp2_crypto_aead_ctx *key,
                 const uint8_t *plain, size_t n, const uint8_t *nonce, size_t nonce_size,
                 const uint8_t *header, size_t header_size)
{
    WOLFSSL_EVP_CIPHER_CTX *context = key->native_handle;
    if (!is_aes_gcm(context))
        return ngtcp2_crypto_encrypt_cb(out, aead, key, plain, n, nonce, nonce_size, header,
                                        header_size);
    int rv = wc_AesGcmEncrypt(&context->cipher.aes, out, plain, (word32)n, nonce,
                              (word32)nonce_size, out + n, TAG_BYTES, header, (word32)header_size);
    return rv == 0 ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
}

/* house: parameters (ngtcp2 gives them) */
int aead_decrypt(uint8_t *out, const ngtcp2_crypto_aead *aead, const ngtcp2_crypto_aead_ctx *key,
                 const uint8_t *sealed, size_t n, const uint8_t *nonce, size_t nonce_size,
                 const uint8_t *header, size_t header_size)
{
    WOLFSSL_EVP_CIPHER_CTX *context = key->native_handle;
    if (!is_aes_gcm(context))
        return ngtcp2_crypto_decrypt_cb(out, aead, key, sealed, n, nonce, nonce_size, header,
                                        header_size);
    if (n < TAG_BYTES)
        return NGTCP2_ERR_DECRYPT;
    size_t plain_size = n - TAG_BYTES;
    int rv = wc_AesGcmDecrypt(&context->cipher.aes, out, sealed, (word32)plain_size, nonce,
                              (word32)nonce_size, sealed + plain_size, TAG_BYTES, header,
                              (word32)header_size);
    return rv == 0 ? 0 : NGTCP2_ERR_DECRYPT;
}

int aead_mask(uint8_t *out, const ngtcp2_crypto_cipher *cipher, const ngtcp2_crypto_cipher_ctx *key,
              const uint8_t *sample)
{
    WOLFSSL_EVP_CIPHER_CTX *context = key->native_handle;
    if ((context->flags & WOLFSSL_EVP_CIPH_MODE) != WOLFSSL_EVP_CIPH_ECB_MODE)
        return ngtcp2_crypto_hp_mask_cb(out, cipher, key, sample);
    int rv = wc_AesEcbEncrypt(&context->cipher.aes, out, sample, NGTCP2_HP_SAMPLELEN);
    return rv == 0 ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
}
