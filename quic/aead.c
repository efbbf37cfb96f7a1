/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Packet protection in one call: part of steps 3 and 14 of a frame's walk. ngtcp2's own callbacks go
 * through wolfSSL's EVP layer, five calls per packet, each of which finds out again which cipher it
 * is; for AES-GCM the key lies ready inside, and wolfCrypt seals or opens a packet at once. */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/openssl/evp.h>
#include <wolfssl/wolfcrypt/aes.h>

#include "quic/internal.h"

#include <stdlib.h>
#include <string.h>

enum { TAG_BYTES = 16, KEY_MAX_BYTES = 32 }; /* of every cipher that QUIC has */

/* ---- Keys of the next phase ------------------------------------------------------------------ */

/* ngtcp2 wants the keys of the next key phase ready from the start. Most connections end before it
 * comes, and a cipher context is more than a kilobyte: the bytes of the key wait here until they are
 * used. Handles of such a key are odd, to tell them from contexts. */
struct next_key {
    ngtcp2_crypto_aead_ctx made; /* empty: not used yet */
    uint8_t key[KEY_MAX_BYTES];
    bool is_seal;
};

static struct next_key *next_key_of(const void *handle)
{
    uintptr_t number = (uintptr_t)handle;
    return number & 1 ? (struct next_key *)(number - 1) : NULL;
}

/* Puts a key that waits in place of a context. Returns 0 or MOQ_ERR_NOMEM. */
static int postpone(ngtcp2_crypto_aead_ctx *context, const uint8_t *key, size_t n, bool is_seal)
{
    struct next_key *next = calloc(1, sizeof *next);
    if (!next)
        return MOQ_ERR_NOMEM;
    memcpy(next->key, key, n);
    next->is_seal = is_seal;
    ngtcp2_crypto_aead_ctx_free(context);
    context->native_handle = (uint8_t *)next + 1;
    return 0;
}

static int make(struct next_key *next, const ngtcp2_crypto_aead *aead)
{
    size_t nonce_size = ngtcp2_crypto_aead_noncelen(aead);
    int rv = next->is_seal
                 ? ngtcp2_crypto_aead_ctx_encrypt_init(&next->made, aead, next->key, nonce_size)
                 : ngtcp2_crypto_aead_ctx_decrypt_init(&next->made, aead, next->key, nonce_size);
    if (rv == 0)
        ngtcp2_secure_clear(next->key, sizeof next->key);
    return rv;
}

/* NULL: out of memory. */
static WOLFSSL_EVP_CIPHER_CTX *context_of(const ngtcp2_crypto_aead_ctx *key,
                                          const ngtcp2_crypto_aead *aead)
{
    struct next_key *next = next_key_of(key->native_handle);
    if (!next)
        return key->native_handle;
    if (!next->made.native_handle && make(next, aead) != 0)
        return NULL;
    return next->made.native_handle;
}

/* house: parameters (ngtcp2 gives them) */
int aead_update_key(ngtcp2_conn *quic, uint8_t *rx_secret, uint8_t *tx_secret,
                    ngtcp2_crypto_aead_ctx *rx, uint8_t *rx_iv, ngtcp2_crypto_aead_ctx *tx,
                    uint8_t *tx_iv, const uint8_t *rx_secret_now, const uint8_t *tx_secret_now,
                    size_t secret_size, void *user)
{
    (void)user;
    uint8_t rx_key[KEY_MAX_BYTES], tx_key[KEY_MAX_BYTES];
    size_t n = ngtcp2_crypto_aead_keylen(&ngtcp2_conn_get_crypto_ctx2(quic)->aead);
    if (n > KEY_MAX_BYTES ||
        ngtcp2_crypto_update_key(quic, rx_secret, tx_secret, rx, rx_key, rx_iv, tx, tx_key, tx_iv,
                                 rx_secret_now, tx_secret_now, secret_size) != 0)
        return NGTCP2_ERR_CALLBACK_FAILURE;
    /* Without memory the context itself stays. */
    (void)postpone(rx, rx_key, n, false);
    (void)postpone(tx, tx_key, n, true);
    ngtcp2_secure_clear(rx_key, sizeof rx_key);
    ngtcp2_secure_clear(tx_key, sizeof tx_key);
    return 0;
}

void aead_delete(ngtcp2_conn *quic, ngtcp2_crypto_aead_ctx *key, void *user)
{
    (void)quic, (void)user;
    struct next_key *next = next_key_of(key->native_handle);
    if (!next) {
        ngtcp2_crypto_aead_ctx_free(key);
        return;
    }
    ngtcp2_crypto_aead_ctx_free(&next->made);
    ngtcp2_secure_clear(next, sizeof *next);
    free(next);
}

/* ---- The processor ---------------------------------------------------------------------------- */

#if defined(WOLFSSL_AESNI)
#define USES_HARDWARE(aes) ((aes)->use_aesni != 0)
#elif defined(__aarch64__) && defined(WOLFSSL_ARMASM) && !defined(WOLFSSL_ARMASM_NO_HW_CRYPTO)
#define USES_HARDWARE(aes) ((aes)->use_aes_hw_crypto != 0)
#else
#define USES_HARDWARE(aes) ((void)(aes), false)
#endif

/* Asks a context that has a key: a build that could, on a processor that cannot, does not. */
bool quic_has_hardware_aes(void)
{
    static const uint8_t key[AES_128_KEY_SIZE];
    Aes aes;
    if (wc_AesInit(&aes, NULL, INVALID_DEVID) != 0)
        return false;
    bool has_hardware = wc_AesGcmSetKey(&aes, key, sizeof key) == 0 && USES_HARDWARE(&aes);
    wc_AesFree(&aes);
    return has_hardware;
}

/* ---- Packets --------------------------------------------------------------------------------- */

static bool is_aes_gcm(const WOLFSSL_EVP_CIPHER_CTX *context)
{
    return (context->flags & WOLFSSL_EVP_CIPH_MODE) == WOLFSSL_EVP_CIPH_GCM_MODE;
}

/* house: parameters (ngtcp2 gives them) */
int aead_encrypt(uint8_t *out, const ngtcp2_crypto_aead *aead, const ngtcp2_crypto_aead_ctx *key,
                 const uint8_t *plain, size_t n, const uint8_t *nonce, size_t nonce_size,
                 const uint8_t *header, size_t header_size)
{
    WOLFSSL_EVP_CIPHER_CTX *context = context_of(key, aead);
    if (!context)
        return NGTCP2_ERR_CALLBACK_FAILURE;
    if (!is_aes_gcm(context))
        return ngtcp2_crypto_encrypt_cb(out, aead, &(ngtcp2_crypto_aead_ctx){context}, plain, n,
                                        nonce, nonce_size, header, header_size);
    int rv = wc_AesGcmEncrypt(&context->cipher.aes, out, plain, (word32)n, nonce,
                              (word32)nonce_size, out + n, TAG_BYTES, header, (word32)header_size);
    return rv == 0 ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
}

/* house: parameters (ngtcp2 gives them) */
int aead_decrypt(uint8_t *out, const ngtcp2_crypto_aead *aead, const ngtcp2_crypto_aead_ctx *key,
                 const uint8_t *sealed, size_t n, const uint8_t *nonce, size_t nonce_size,
                 const uint8_t *header, size_t header_size)
{
    WOLFSSL_EVP_CIPHER_CTX *context = context_of(key, aead);
    if (!context)
        return NGTCP2_ERR_CALLBACK_FAILURE;
    if (!is_aes_gcm(context))
        return ngtcp2_crypto_decrypt_cb(out, aead, &(ngtcp2_crypto_aead_ctx){context}, sealed, n,
                                        nonce, nonce_size, header, header_size);
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
