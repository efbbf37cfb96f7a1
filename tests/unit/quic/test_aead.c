/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tests of packet protection: what our callbacks make is what ngtcp2's own make, for every cipher.
 */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/openssl/evp.h>
#include <wolfssl/quic.h>

#include "tests/unit/prologue.h"

#include <string.h>

#include "quic/aead.h"
#include "quic/aead_wide.h"
#include "quic/keys.h"

enum { TAG_BYTES = 16, HEADER_BYTES = 11, PACKET_BYTES = 1452 };

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

/* ---- Keys of 1-RTT packets ------------------------------------------------------------------- */

enum { WIDTHS = WIDE_128 + 1 };

static struct wide *offers[WIDTHS]; /* NULL: this processor has no such registers */

static ngtcp2_crypto_aead aead_of(size_t index)
{
    return (ngtcp2_crypto_aead){.native_handle = (void *)(uintptr_t)aead_cipher(index),
                                .max_overhead = TAG_BYTES};
}

static ngtcp2_crypto_aead_ctx packet_key(const struct wide *wide, size_t index, bool is_seal)
{
    ngtcp2_crypto_aead aead = aead_of(index);
    ngtcp2_crypto_aead_ctx key = {0};
    assert_int_equal(aead_key_new(&key, wide, secret, ngtcp2_crypto_aead_keylen(&aead), is_seal),
                     0);
    return key;
}

static void check_sealing_and_opening(const struct wide *wide)
{
    for (size_t i = 0; aead_cipher(i); i++) {
        ngtcp2_crypto_aead aead = aead_of(i);
        ngtcp2_crypto_aead_ctx seals = packet_key(wide, i, true),
                               opens = packet_key(wide, i, false),
                               theirs = key_of(aead_cipher(i), true);
        for (size_t n = 0; n <= PACKET_BYTES; n += n < 300 ? 1 : 97) {
            uint8_t plain[PACKET_BYTES], a[PACKET_BYTES + TAG_BYTES], b[PACKET_BYTES + TAG_BYTES];
            fill(plain, n);
            memcpy(a, plain, n);
            assert_int_equal(
                aead_encrypt(a, &aead, &seals, a, n, nonce, NONCE_BYTES, header, HEADER_BYTES), 0);
            assert_int_equal(ngtcp2_crypto_encrypt_cb(b, &aead, &theirs, plain, n, nonce,
                                                      NONCE_BYTES, header, HEADER_BYTES),
                             0);
            assert_memory_equal(a, b, n + TAG_BYTES);

            a[n / 2] ^= 0x10;
            assert_int_equal(aead_decrypt(b, &aead, &opens, a, n + TAG_BYTES, nonce, NONCE_BYTES,
                                          header, HEADER_BYTES),
                             NGTCP2_ERR_DECRYPT);
            a[n / 2] ^= 0x10;
            assert_int_equal(aead_decrypt(a, &aead, &opens, a, n + TAG_BYTES, nonce, NONCE_BYTES,
                                          header, HEADER_BYTES),
                             0);
            assert_memory_equal(a, plain, n);
        }
        aead_delete(NULL, &seals, NULL);
        aead_delete(NULL, &opens, NULL);
        wolfSSL_EVP_CIPHER_CTX_free(theirs.native_handle);
    }
}

static void they_seal_as_ngtcp2_does_and_open(void **state)
{
    (void)state;
    check_sealing_and_opening(NULL);
    for (size_t i = 0; i < WIDTHS; i++)
        check_sealing_and_opening(offers[i]);
}

static void check_kernel(const struct wide *wide, size_t index)
{
    ngtcp2_crypto_aead_ctx theirs = key_of(aead_cipher(index), true);
    struct wide_key *key = wide_key_new(wide, secret, index == 0 ? 16 : 32);
    assert_non_null(key);
    for (size_t n = 1; n <= PACKET_BYTES; n++) {
        uint8_t plain[PACKET_BYTES], a[PACKET_BYTES + TAG_BYTES], b[PACKET_BYTES + TAG_BYTES];
        struct wide_packet packet = {nonce, header, n % (HEADER_BYTES + 1)};
        fill(plain, n);
        wide_seal(key, &packet, a, plain, n);
        assert_int_equal(ngtcp2_crypto_encrypt_cb(b, &no_aead, &theirs, plain, n, nonce,
                                                  NONCE_BYTES, header, packet.header_size),
                         0);
        assert_memory_equal(a, b, n + TAG_BYTES);
        assert_true(wide_open(key, &packet, a, a, n));
        assert_memory_equal(a, plain, n);
        b[n + n % TAG_BYTES] ^= 1;
        assert_false(wide_open(key, &packet, a, b, n));
    }
    wide_key_free(&key);
    assert_null(key);
    wolfSSL_EVP_CIPHER_CTX_free(theirs.native_handle);
}

static void registers_of_no_width_change_a_byte(void **state)
{
    static const char *const names[WIDTHS] = {"512", "256", "128"};
    (void)state;
    for (size_t i = 0; i < WIDTHS; i++) {
        print_message("registers of %s bits: %s\n", names[i], offers[i] ? "yes" : "no");
        if (!offers[i])
            continue;
        assert_null(wide_key_new(offers[i], secret, 15));
        check_kernel(offers[i], 0);
        check_kernel(offers[i], 1);
    }
}

/* Without it nothing of the file is tried. */
static void a_processor_with_aes_instructions_has_the_narrowest(void **state)
{
    (void)state;
#if defined(MOQ_IPSEC_MB)
    bool has_it = __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
    assert_int_equal(offers[WIDE_128] != NULL, has_it);
    assert_int_equal(offers[WIDE_256] != NULL, has_it && __builtin_cpu_supports("avx2"));
    assert_true(!offers[WIDE_512] || __builtin_cpu_supports("avx512f"));
#else
    for (size_t i = 0; i < WIDTHS; i++)
        assert_null(offers[i]);
#endif
}

/* RFC 9001, appendix A.1, and RFC 9369, appendix A.1: the client's Initial secrets. */
static void keys_are_derived_as_in_the_rfcs(void **state)
{
    (void)state;
    static const uint8_t secrets[2][32] = {
        {0xc0, 0x0c, 0xf1, 0x51, 0xca, 0x5b, 0xe0, 0x75, 0xed, 0x0e, 0xbf,
         0xb5, 0xc8, 0x03, 0x23, 0xc4, 0x2d, 0x6b, 0x7d, 0xb6, 0x78, 0x81,
         0x28, 0x9a, 0xf4, 0x00, 0x8f, 0x1f, 0x6c, 0x35, 0x7a, 0xea},
        {0x14, 0xec, 0x9d, 0x6e, 0xb9, 0xfd, 0x7a, 0xf8, 0x3b, 0xf5, 0xa6,
         0x68, 0xbc, 0x17, 0xa7, 0xe2, 0x83, 0x76, 0x6a, 0xad, 0xe7, 0xec,
         0xd0, 0x89, 0x1f, 0x70, 0xf9, 0xff, 0x7f, 0x4b, 0xf4, 0x7b}};
    static const struct {
        uint32_t version;
        uint8_t key[16], iv[NONCE_BYTES], mask_key[16];
    } expected[2] = {{NGTCP2_PROTO_VER_V1,
                      {0x1f, 0x36, 0x96, 0x13, 0xdd, 0x76, 0xd5, 0x46, 0x77, 0x30, 0xef, 0xcb, 0xe3,
                       0xb1, 0xa2, 0x2d},
                      {0xfa, 0x04, 0x4b, 0x2f, 0x42, 0xa3, 0xfd, 0x3b, 0x46, 0xfb, 0x25, 0x5c},
                      {0x9f, 0x50, 0x44, 0x9e, 0x04, 0xa0, 0xe8, 0x10, 0x28, 0x3a, 0x1e, 0x99, 0x33,
                       0xad, 0xed, 0xd2}},
                     {NGTCP2_PROTO_VER_V2,
                      {0x8b, 0x1a, 0x0b, 0xc1, 0x21, 0x28, 0x42, 0x90, 0xa2, 0x9e, 0x09, 0x71, 0xb5,
                       0xcd, 0x04, 0x5d},
                      {0x91, 0xf7, 0x3e, 0x23, 0x51, 0xd8, 0xfa, 0x91, 0x66, 0x0e, 0x90, 0x9f},
                      {0x45, 0xb9, 0x5e, 0x15, 0x23, 0x5d, 0x6f, 0x45, 0xa6, 0xb1, 0x9c, 0xbc, 0xb0,
                       0x29, 0x4b, 0xa9}}};
    ngtcp2_crypto_ctx crypto = {.aead = aead_of(0),
                                .md = {(void *)(uintptr_t)wolfSSL_EVP_sha256()}};
    for (size_t i = 0; i < 2; i++) {
        struct packet_keys keys;
        assert_int_equal(
            keys_derive(&keys, expected[i].version, &crypto, secrets[i], sizeof secrets[i]), 0);
        assert_memory_equal(keys.key, expected[i].key, sizeof expected[i].key);
        assert_memory_equal(keys.iv, expected[i].iv, NONCE_BYTES);
        assert_memory_equal(keys.mask_key, expected[i].mask_key, sizeof expected[i].mask_key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_of_every_size_are_sealed_as_ngtcp2_does),
        cmocka_unit_test(a_sealed_packet_opens_in_place_and_only_unharmed),
        cmocka_unit_test(what_is_shorter_than_a_tag_does_not_open),
        cmocka_unit_test(headers_are_masked_as_in_the_rfc),
        cmocka_unit_test(they_seal_as_ngtcp2_does_and_open),
        cmocka_unit_test(registers_of_no_width_change_a_byte),
        cmocka_unit_test(a_processor_with_aes_instructions_has_the_narrowest),
        cmocka_unit_test(keys_are_derived_as_in_the_rfcs),
    };
    for (size_t i = 0; i < WIDTHS; i++)
        offers[i] = wide_new((enum wide_registers)i);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (size_t i = 0; i < WIDTHS; i++)
        wide_free(&offers[i]);
    return failed;
}
