/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The variable-length integer of RFC 9000, section 16. */
#include "base/varint.h"

size_t varint_size(uint64_t value)
{
    if (value < (UINT64_C(1) << 6))
        return 1;
    if (value < (UINT64_C(1) << 14))
        return 2;
    if (value < (UINT64_C(1) << 30))
        return 4;
    return value <= VARINT_MAX ? 8 : 0;
}

size_t varint_encode(uint8_t *out, uint64_t value)
{
    static const uint8_t prefix[9] = {[1] = 0x00, [2] = 0x40, [4] = 0x80, [8] = 0xc0};

    size_t size = varint_size(value);
    for (size_t i = size; i > 0; i--) {
        out[i - 1] = (uint8_t)value;
        value >>= 8;
    }
    if (size > 0)
        out[0] |= prefix[size];
    return size;
}

size_t varint_decode(const uint8_t *in, size_t n, uint64_t *value)
{
    if (n == 0)
        return 0;
    size_t size = (size_t)1 << (in[0] >> 6);
    if (n < size)
        return 0;

    uint64_t v = in[0] & 0x3f;
    for (size_t i = 1; i < size; i++)
        v = v << 8 | in[i];
    *value = v;
    return size;
}
