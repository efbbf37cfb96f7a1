/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* AES-GCM in 512-bit registers, four blocks at a time, which takes well under half the time that
 * 128-bit registers take. The code is Intel's ipsec-mb. It is used if the build has found that
 * library and the processor has the instructions (VAES, VPCLMULQDQ, AVX-512; AMD has them, too).
 * Otherwise there are no such keys, and wolfSSL does the work. */
#ifndef MOQ_QUIC_AEAD_WIDE_H
#define MOQ_QUIC_AEAD_WIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { WIDE_TAG_BYTES = 16, WIDE_NONCE_BYTES = 12 };

struct wide;     /* the functions that suit the processor */
struct wide_key; /* a key for them; must not outlive them */

struct wide_packet {
    const uint8_t *nonce;  /* WIDE_NONCE_BYTES */
    const uint8_t *header; /* authenticated but not encrypted */
    size_t header_size;
};

enum wide_registers { WIDE_512, WIDE_256, WIDE_128 }; /* bits */

/* What the processor has of that width; NULL: nothing. Takes a tenth of a millisecond. Connections
 * use WIDE_512 only. The others give the same bytes, so that tests run all of this on processors
 * without such registers. */
struct wide *wide_new(enum wide_registers registers);
void wide_free(struct wide **wide);

/* `n`: 16 bytes for AES-128, 32 for AES-256. NULL: another size, or out of memory. */
struct wide_key *wide_key_new(const struct wide *wide, const uint8_t *key, size_t n);
void wide_key_free(struct wide_key **key);

/* Encrypts `n` bytes of `plain` to `out`, which may be the same place, and puts the tag after
 * them. */
void wide_seal(const struct wide_key *key, const struct wide_packet *packet, uint8_t *out,
               const uint8_t *plain, size_t n);

/* Decrypts `n` bytes, not counting the tag after them. Returns false if the tag is wrong; then
 * `out` must not be used. */
bool wide_open(const struct wide_key *key, const struct wide_packet *packet, uint8_t *out,
               const uint8_t *sealed, size_t n);

#ifdef __cplusplus
}
#endif
#endif
