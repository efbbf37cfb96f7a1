/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* QUIC's variable-length integer (RFC 9000, section 16): big endian, 1, 2, 4 or 8 bytes, the length
 * in the top two bits. We write the shortest form and read any. */
#ifndef MOQ_BASE_VARINT_H
#define MOQ_BASE_VARINT_H

#include <stddef.h>
#include <stdint.h>

#include "base/symbols.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

#define VARINT_MAX ((UINT64_C(1) << 62) - 1)
enum { VARINT_MAX_BYTES = 8 };

/* Bytes of the shortest form of `value`; 0 if it is over VARINT_MAX. */
size_t varint_size(uint64_t value);

/* Writes the shortest form to `out`, which has room for VARINT_MAX_BYTES. Returns the bytes
 * written, 0 over VARINT_MAX. */
size_t varint_encode(uint8_t *out, uint64_t value);

/* Reads one integer from the first `n` bytes of `in`. Returns the bytes it took, or 0 if there are
 * not enough yet. */
size_t varint_decode(const uint8_t *in, size_t n, uint64_t *value);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
