/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Writes bits and Exp-Golomb codes, highest bit first, to make input for parsers. */
#ifndef TEST_KARP_BIT_WRITER_H
#define TEST_KARP_BIT_WRITER_H

#include <stddef.h>
#include <stdint.h>

struct bit_writer { /* zeros at the start */
    uint8_t bytes[1024];
    unsigned at; /* position in bits */
};

/* Writes the lowest `count` bits of `value`, at most 32. */
static inline void put_bits(struct bit_writer *to, uint32_t value, unsigned count)
{
    for (; count > 0; count--, to->at++)
        to->bytes[to->at / 8] |= (uint8_t)((value >> (count - 1) & 1) << (7 - to->at % 8));
}

static inline void put_zeros(struct bit_writer *to, unsigned count)
{
    to->at += count;
}

static inline void put_ue(struct bit_writer *to, uint32_t value)
{
    unsigned length = 0;
    while ((value + 1) >> (length + 1))
        length++;
    put_zeros(to, length);
    put_bits(to, value + 1, length + 1);
}

static inline void put_se(struct bit_writer *to, int32_t value)
{
    put_ue(to, value > 0 ? 2 * (uint32_t)value - 1 : 2 * (uint32_t)-value);
}

static inline size_t bytes_written(const struct bit_writer *to)
{
    return (to->at + 7) / 8;
}

#endif
