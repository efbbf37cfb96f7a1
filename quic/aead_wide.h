/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* AES-GCM in registers of 512 bits, four blocks at a time: a packet takes well under half of what
 * it takes in 128. The code is that of Intel's ipsec-mb, where the build found that library and the
 * processor has the instructions (VAES, VPCLMULQDQ, AVX-512; AMD's have them too). Elsewhere there
 * are no such keys, and wolfSSL does the work. */
#ifndef MOQ_QUIC_AEAD_WIDE_H
#define MOQ_QUIC_AEAD_WIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { WIDE_TAG_BYTES = 16, WIDE_NONCE_BYTES = 12 };

struct wide;     /* what the processor offers */
struct wide_key; /* lives no longer than that */

struct wide_packet {
    const uint8_t *nonce;  /* WIDE_NONCE_BYTES */
    const uint8_t *header; /* what is authenticated only */
    size_t header_size;
};

enum wide_registers { WIDE_512, WIDE_256, WIDE_128 }; /* bits */

/* What the processor has of that width; NULL: nothing. Takes a tenth of a millisecond. Connections
 * use WIDE_512 only. The others give the same bytes, so that tests run all of this on processors
 * without such registers. */
struct wide *wide_new(enum wide_registers registers);
void wide_free(struct wide **wide);

/* `n`: 16 or 32 bytes of `key`, for AES-128 and AES-256. NULL: another size, or out of memory. */
struct wide_key *wide_key_new(const struct wide *wide, const uint8_t *key, size_t n);
void wide_key_free(struct wide_key **key);

/* `n` bytes of `plain` and the tag after them to `out`, which may be where `plain` is. */
void wide_seal(const struct wide_key *key, const struct wide_packet *packet, uint8_t *out,
               const uint8_t *plain, size_t n);

/* The other way round: `n` counts the bytes without the tag after them. Returns false if that is
 * not the right one; `out` is to be thrown away then. */
bool wide_open(const struct wide_key *key, const struct wide_packet *packet, uint8_t *out,
               const uint8_t *sealed, size_t n);

#ifdef __cplusplus
}
#endif
#endif
