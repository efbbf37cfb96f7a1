/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* UTF-8 in text that others wrote. */
#ifndef MOQ_BASE_UTF8_H
#define MOQ_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the well-formed UTF-8 character at `text`; 0 where there is none. */
static inline size_t utf8_size(const unsigned char *text)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    static const uint8_t sizes[5] = {1, 0, 2, 3, 4}; /* by the count of leading 1 bits */
    int ones = __builtin_clz(~((unsigned)text[0] << 24));
    size_t size = ones < 5 ? sizes[ones] : 0;
    if (size < 2)
        return size;

    uint32_t code = text[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((text[i] & 0xc0) != 0x80) /* also the end of the string */
            return 0;
        code = code << 6 | (text[i] & 0x3fu);
    }
    bool is_surrogate = code >= 0xd800 && code < 0xe000;
    return code < least[size] || code > 0x10ffff || is_surrogate ? 0 : size;
}

#endif
