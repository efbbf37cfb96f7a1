/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tests of packet protection: what our callbacks make is what ngtcp2's own make, for every cipher. */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/openssl/evp.h>
#include <wolfssl/quic.h>

#include "tests/unit/quic/prologue.h"

#include <string.h>

#include "quic/internal.h"

enum { TAG_BYTES = 16, NONCE_BYTES = 12, HEADER_BYTES = 11, PACKET_BYTES = 1452 };

static const uint8_t secret[32] = {7, 6, 5, 4, 3, 2, 1}, nonce[NONCE_BYTES] = {1, 2, 3},
                     header[HEADER_BYTES] = {0x40, 9};
static const ngtcp2_crypto_aead no_aead;

static const WOLFSSL_EVP_CIPHER *aead_cipher(size_t index)
{
    const WOLFSSL_EVP_CIPHER *all[] = {wolfSSL_EVP_aes_128_gcm(), wolfSSL_EVP_aes_256_gcm(),
                                       wolfSSL_EVP_chacha20_poly1305()};
    return index < 3 ? all[index] : NULL;
}

static ngtcp2_crypto_aead_ctx key_of(const WOLFSSL_EVP_CIPHER *cipher, bool is_encrypt)
{
    static const uint8_t iv[16];
    ngtcp2_crypto_aead_ctx key = {wolfSSL_quic_crypt_new(cipher, secret, iv, is_encrypt)};
    assert_non_null(key.native_handle);
    return key;
}

static void fill(uint8_t *data, size_t n)
{
    uint64_t random = n;
    for (size_t i = 0; i < n; i++)
        data[i] = (uint8_t)next_random(&random);
}

static int encrypt(uint8_t *out, const ngtcp2_crypto_aead_ctx *key, const uint8_t *plain, size_t n)
{
    return aead_encrypt(out, &no_aead, key, plain, n, nonce, NONCE_BYTES, header, HEADER_BYTES);
}

static int decrypt(uint8_t *out, const ngtcp2_crypto_aead_ctx *key, const uint8_t *sealed, size_t n)
{
    return aead_decrypt(out, &no_aead, key, sealed, n, nonce, NONCE_BYTES, header, HEADER_BYTES);
}

static void packets_of_every_size_are_sealed_as_ngtcp2_does(void **state)
{
    (void)state;
    const WOLFSSL_EVP_CIPHER *cipher;
    for (size_t i = 0; (cipher = aead_cipher(i)); i++) {
        ngtcp2_crypto_aead_ctx ours = key_of(cipher, true), theirs = key_of(cipher, true);
        for (size_t n = 1; n <= PACKET_BYTES; n += n < 64 ? 1 : 97) {
            uint8_t plain[PACKET_BYTES], a[PACKET_BYTES + TAG_BYTES], b[PACKET_BYTES + TAG_BYTES];
            fill(plain, n);
            assert_int_equal(encrypt(a, &ours, plain, n), 0);
            assert_int_equal(ngtcp2_crypto_encrypt_cb(b, &no_aead, &theirs, plain, n, nonce,
                                                      NONCE_BYTES, header, HEADER_BYTES),
                             0);
            assert_memory_equal(a, b, n + TAG_BYTES);
        }
        wolfSSL_EVP_CIPHER_CTX_free(ours.native_handle);
        wolfSSL_EVP_CIPHER_CTX_free(theirs.native_handle);
    }
}

static void a_sealed_packet_opens_in_place_and_only_unharmed(void **state)
{
    (void)state;
    const WOLFSSL_EVP_CIPHER *cipher;
    for (size_t i = 0; (cipher = aead_cipher(i)); i++) {
        ngtcp2_crypto_aead_ctx seals = key_of(cipher, true), opens = key_of(cipher, false);
        uint8_t plain[PACKET_BYTES], sealed[PACKET_BYTES + TAG_BYTES], out[PACKET_BYTES];
        fill(plain, PACKET_BYTES);
        memcpy(sealed, plain, PACKET_BYTES);
        assert_int_equal(encrypt(sealed, &seals, sealed, PACKET_BYTES), 0);

        size_t edges[] = {0, PACKET_BYTES - 1, PACKET_BYTES, PACKET_BYTES + TAG_BYTES - 1};
        for (size_t edge = 0; edge < sizeof edges / sizeof *edges; edge++) {
            sealed[edges[edge]] ^= 1;
            assert_int_equal(decrypt(out, &opens, sealed, sizeof sealed), NGTCP2_ERR_DECRYPT);
            sealed[edges[edge]] ^= 1;
        }
        assert_int_equal(decrypt(sealed, &opens, sealed, sizeof sealed), 0);
        assert_memory_equal(sealed, plain, PACKET_BYTES);
        wolfSSL_EVP_CIPHER_CTX_free(seals.native_handle);
        wolfSSL_EVP_CIPHER_CTX_free(opens.native_handle);
    }
}

static void what_is_shorter_than_a_tag_does_not_open(void **state)
{
    (void)state;
    uint8_t sealed[TAG_BYTES] = {0}, out[TAG_BYTES];
    ngtcp2_crypto_aead_ctx key = key_of(wolfSSL_EVP_aes_128_gcm(), false);

    for (size_t n = 0; n < TAG_BYTES; n++)
        assert_int_equal(decrypt(out, &key, sealed, n), NGTCP2_ERR_DECRYPT);
    wolfSSL_EVP_CIPHER_CTX_free(key.native_handle);
}

/* RFC 9001, appendices A.2 and A.5. */
static void headers_are_masked_as_in_the_rfc(void **state)
{
    (void)state;
    static const uint8_t aes_key[] = {0x9f, 0x50, 0x44, 0x9e, 0x04, 0xa0, 0xe8, 0x10,
                                      0x28, 0x3a, 0x1e, 0x99, 0x33, 0xad, 0xed, 0xd2};
    static const uint8_t aes_sample[] = {0xd1, 0xb1, 0xc9, 0x8d, 0xd7, 0x68, 0x9f, 0xb8,
                                         0xec, 0x11, 0xd2, 0x42, 0xb1, 0x23, 0xdc, 0x9b};
    static const uint8_t aes_mask[] = {0x43, 0x7b, 0x9a, 0xec, 0x36};
    static const uint8_t chacha_key[] = {0x25, 0xa2, 0x82, 0xb9, 0xe8, 0x2f, 0x06, 0xf2,
                                         0x1f, 0x48, 0x89, 0x17, 0xa4, 0xfc, 0x8f, 0x1b,
                                         0x73, 0x57, 0x36, 0x85, 0x60, 0x85, 0x97, 0xd0,
                                         0xef, 0xcb, 0x07, 0x6b, 0x0a, 0xb7, 0xa7, 0xa4};
    static const uint8_t chacha_sample[] = {0x5e, 0x5c, 0xd5, 0x5c, 0x41, 0xf6, 0x90, 0x80,
                                            0x57, 0x5d, 0x79, 0x99, 0xc2, 0x5a, 0x5b, 0xfb};
    static const uint8_t chacha_mask[] = {0xae, 0xfe, 0xfe, 0x7d, 0x03};
    static const ngtcp2_crypto_cipher no_cipher;
    uint8_t out[NGTCP2_HP_SAMPLELEN];

    ngtcp2_crypto_cipher_ctx aes = {
        wolfSSL_quic_crypt_new(wolfSSL_EVP_aes_128_ecb(), aes_key, NULL, 1)};
    assert_int_equal(aead_mask(out, &no_cipher, &aes, aes_sample), 0);
    assert_memory_equal(out, aes_mask, sizeof aes_mask);

    ngtcp2_crypto_cipher_ctx chacha = {
        wolfSSL_quic_crypt_new(wolfSSL_EVP_chacha20(), chacha_key, NULL, 1)};
    assert_int_equal(aead_mask(out, &no_cipher, &chacha, chacha_sample), 0);
    assert_memory_equal(out, chacha_mask, sizeof chacha_mask);
    wolfSSL_EVP_CIPHER_CTX_free(aes.native_handle);
    wolfSSL_EVP_CIPHER_CTX_free(chacha.native_handle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_of_every_size_are_sealed_as_ngtcp2_does),
        cmocka_unit_test(a_sealed_packet_opens_in_place_and_only_unharmed),
        cmocka_unit_test(what_is_shorter_than_a_tag_does_not_open),
        cmocka_unit_test(headers_are_masked_as_in_the_rfc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
