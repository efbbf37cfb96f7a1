/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Protects a packet with one call: part of steps 3 and 14 of a frame's walk. For AES-GCM that is a
 * call to aead_wide.h if it is available, otherwise to wolfCrypt, with the key that is inside a
 * context of wolfSSL. ngtcp2's own callbacks make five calls per packet to wolfSSL's EVP layer,
 * each of which has to find out which cipher it is; only the other ciphers use them. */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/openssl/evp.h>
#include <wolfssl/quic.h>
#include <wolfssl/wolfcrypt/aes.h>

#include "quic/aead.h"
#include "quic/conn.h"
#include "quic/endpoint.h"
#include "quic/keys.h"

#include <stdlib.h>
#include <string.h>

enum { TAG_BYTES = 16 }; /* for all ciphers of QUIC */

/* ---- Keys ------------------------------------------------------------------------------------ */

/* A key of 1-RTT packets. A cipher that has been set up takes more than a kilobyte, and ngtcp2
 * wants the keys of the next phase from the start although most connections end before it. So only
 * the bytes of a key are kept until it is used. Handles of these keys are odd, to tell them from
 * contexts of wolfSSL, which the packets of handshakes use. */
struct packet_key {
    const struct wide *offer;       /* NULL: the processor has none */
    struct wide_key *wide;          /* for AES-GCM, if there is an offer; */
    ngtcp2_crypto_aead_ctx context; /* otherwise wolfSSL's; both empty: not used yet */
    uint8_t key[KEY_MAX_BYTES];
    bool is_seal;
};

static struct packet_key *packet_key_of(const ngtcp2_crypto_aead_ctx *key)
{
    uintptr_t number = (uintptr_t)key->native_handle;
    return number & 1 ? (struct packet_key *)(number - 1) : NULL;
}

int aead_key_new(ngtcp2_crypto_aead_ctx *out, const struct wide *wide, const uint8_t *key, size_t n,
                 bool is_seal)
{
    struct packet_key *made = calloc(1, sizeof *made);
    if (!made)
        return MOQ_ERR_NOMEM;
    made->offer = wide;
    memcpy(made->key, key, n);
    made->is_seal = is_seal;
    out->native_handle = (uint8_t *)made + 1;
    return 0;
}

static int make_context(struct packet_key *key, const ngtcp2_crypto_aead *aead)
{
    size_t nonce_size = ngtcp2_crypto_aead_noncelen(aead);
    return key->is_seal
               ? ngtcp2_crypto_aead_ctx_encrypt_init(&key->context, aead, key->key, nonce_size)
               : ngtcp2_crypto_aead_ctx_decrypt_init(&key->context, aead, key->key, nonce_size);
}

/* Sets up the cipher on first use. Returns 0, or another number when out of memory. */
static int make_ready(struct packet_key *key, const ngtcp2_crypto_aead *aead)
{
    if (key->wide || key->context.native_handle)
        return 0;
    if (key->offer && wolfSSL_quic_aead_is_gcm(aead->native_handle))
        key->wide = wide_key_new(key->offer, key->key, ngtcp2_crypto_aead_keylen(aead));
    int rv = key->wide ? 0 : make_context(key, aead);
    if (rv == 0)
        ngtcp2_secure_clear(key->key, sizeof key->key);
    return rv;
}

/* house: parameters (ngtcp2 gives them) */
int aead_update_key(ngtcp2_conn *quic, uint8_t *rx_secret, uint8_t *tx_secret,
                    ngtcp2_crypto_aead_ctx *rx, uint8_t *rx_iv, ngtcp2_crypto_aead_ctx *tx,
                    uint8_t *tx_iv, const uint8_t *rx_secret_now, const uint8_t *tx_secret_now,
                    size_t secret_size, void *user)
{
    const struct quic_conn *conn = user;
    const struct wide *wide = conn->endpoint->wide;
    uint8_t rx_key[KEY_MAX_BYTES], tx_key[KEY_MAX_BYTES];
    ngtcp2_crypto_aead_ctx rx_made = {0}, tx_made = {0};
    size_t n = ngtcp2_crypto_aead_keylen(&ngtcp2_conn_get_crypto_ctx2(quic)->aead);
    if (n > KEY_MAX_BYTES ||
        ngtcp2_crypto_update_key(quic, rx_secret, tx_secret, rx, rx_key, rx_iv, tx, tx_key, tx_iv,
                                 rx_secret_now, tx_secret_now, secret_size) != 0)
        return NGTCP2_ERR_CALLBACK_FAILURE;
    /* When out of memory, the context of wolfSSL stays in use. */
    if (aead_key_new(&rx_made, wide, rx_key, n, false) == 0) {
        ngtcp2_crypto_aead_ctx_free(rx);
        *rx = rx_made;
    }
    if (aead_key_new(&tx_made, wide, tx_key, n, true) == 0) {
        ngtcp2_crypto_aead_ctx_free(tx);
        *tx = tx_made;
    }
    ngtcp2_secure_clear(rx_key, sizeof rx_key);
    ngtcp2_secure_clear(tx_key, sizeof tx_key);
    return 0;
}

void aead_delete(ngtcp2_conn *quic, ngtcp2_crypto_aead_ctx *key, void *user)
{
    (void)quic, (void)user;
    struct packet_key *ours = packet_key_of(key);
    if (!ours) {
        ngtcp2_crypto_aead_ctx_free(key);
        return;
    }
    wide_key_free(&ours->wide);
    ngtcp2_crypto_aead_ctx_free(&ours->context);
    ngtcp2_secure_clear(ours, sizeof *ours);
    free(ours);
}

/* ---- The processor --------------------------------------------------------------------------- */

#if defined(WOLFSSL_AESNI)
#define USES_HARDWARE(aes) ((aes)->use_aesni != 0)
#elif defined(__aarch64__) && defined(WOLFSSL_ARMASM) && !defined(WOLFSSL_ARMASM_NO_HW_CRYPTO)
#define USES_HARDWARE(aes) ((aes)->use_aes_hw_crypto != 0)
#else
#define USES_HARDWARE(aes) ((void)(aes), false)
#endif

/* Whether wolfCrypt uses AES instructions. Only a context with a key shows that, because the answer
 * depends on both the build and the processor. */
static bool has_instructions(void)
{
    static const uint8_t key[AES_128_KEY_SIZE];
    Aes aes;
    if (wc_AesInit(&aes, NULL, INVALID_DEVID) != 0)
        return false;
    bool has_hardware = wc_AesGcmSetKey(&aes, key, sizeof key) == 0 && USES_HARDWARE(&aes);
    wc_AesFree(&aes);
    return has_hardware;
}

enum quic_aes quic_aes_in_use(void)
{
    /* Called in any case, because wolfSSL learns here what the processor can do, and uses that for
     * handshakes and header protection. */
    if (!has_instructions())
        return QUIC_AES_SOFTWARE;
    struct wide *wide = wide_new(WIDE_512);
    bool is_wide = wide != NULL;
    wide_free(&wide);
    return is_wide ? QUIC_AES_WIDE : QUIC_AES_INSTRUCTIONS;
}

/* ---- Packets --------------------------------------------------------------------------------- */

static bool is_aes_gcm(const WOLFSSL_EVP_CIPHER_CTX *context)
{
    return (context->flags & WOLFSSL_EVP_CIPH_MODE) == WOLFSSL_EVP_CIPH_GCM_MODE;
}

/* house: parameters (ngtcp2 gives them) */
static int encrypt_by_context(uint8_t *out, const ngtcp2_crypto_aead *aead,
                              const ngtcp2_crypto_aead_ctx *key, const uint8_t *plain, size_t n,
                              const uint8_t *nonce, size_t nonce_size, const uint8_t *header,
                              size_t header_size)
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
int aead_encrypt(uint8_t *out, const ngtcp2_crypto_aead *aead, const ngtcp2_crypto_aead_ctx *key,
                 const uint8_t *plain, size_t n, const uint8_t *nonce, size_t nonce_size,
                 const uint8_t *header, size_t header_size)
{
    struct packet_key *ours = packet_key_of(key);
    if (ours && make_ready(ours, aead) != 0)
        return NGTCP2_ERR_CALLBACK_FAILURE;
    if (!ours || !ours->wide)
        return encrypt_by_context(out, aead, ours ? &ours->context : key, plain, n, nonce,
                                  nonce_size, header, header_size);
    wide_seal(ours->wide, &(struct wide_packet){nonce, header, header_size}, out, plain, n);
    return 0;
}

/* house: parameters (ngtcp2 gives them) */
static int decrypt_by_context(uint8_t *out, const ngtcp2_crypto_aead *aead,
                              const ngtcp2_crypto_aead_ctx *key, const uint8_t *sealed, size_t n,
                              const uint8_t *nonce, size_t nonce_size, const uint8_t *header,
                              size_t header_size)
{
    WOLFSSL_EVP_CIPHER_CTX *context = key->native_handle;
    if (!is_aes_gcm(context))
        return ngtcp2_crypto_decrypt_cb(out, aead, key, sealed, n, nonce, nonce_size, header,
                                        header_size);
    size_t plain_size = n - TAG_BYTES;
    int rv = wc_AesGcmDecrypt(&context->cipher.aes, out, sealed, (word32)plain_size, nonce,
                              (word32)nonce_size, sealed + plain_size, TAG_BYTES, header,
                              (word32)header_size);
    return rv == 0 ? 0 : NGTCP2_ERR_DECRYPT;
}

/* house: parameters (ngtcp2 gives them) */
int aead_decrypt(uint8_t *out, const ngtcp2_crypto_aead *aead, const ngtcp2_crypto_aead_ctx *key,
                 const uint8_t *sealed, size_t n, const uint8_t *nonce, size_t nonce_size,
                 const uint8_t *header, size_t header_size)
{
    struct packet_key *ours = packet_key_of(key);
    if (n < TAG_BYTES)
        return NGTCP2_ERR_DECRYPT;
    if (ours && make_ready(ours, aead) != 0)
        return NGTCP2_ERR_CALLBACK_FAILURE;
    if (!ours || !ours->wide)
        return decrypt_by_context(out, aead, ours ? &ours->context : key, sealed, n, nonce,
                                  nonce_size, header, header_size);
    const struct wide_packet packet = {nonce, header, header_size};
    return wide_open(ours->wide, &packet, out, sealed, n - TAG_BYTES) ? 0 : NGTCP2_ERR_DECRYPT;
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
