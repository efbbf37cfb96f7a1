/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads big-endian bytes, bits and boxes from untrusted input. Reading past the end gives zeros and
 * sets a flag.
 * Tested by tests/unit/karp/test_export_config.c. */
#include "karp/internal.h"

#include "base/error.h"

struct reader reader_of(const uint8_t *data, size_t size)
{
    return (struct reader){.data = data, .size = size};
}

size_t reader_left(const struct reader *in)
{
    return in->size - in->at;
}

uint64_t reader_number(struct reader *in, size_t bytes)
{
    const uint8_t *from = reader_take(in, bytes);
    uint64_t value = 0;
    for (size_t i = 0; from && i < bytes; i++)
        value = value << 8 | from[i];
    return value;
}

uint8_t reader_u8(struct reader *in)
{
    return (uint8_t)reader_number(in, 1);
}

uint16_t reader_u16(struct reader *in)
{
    return (uint16_t)reader_number(in, 2);
}

uint32_t reader_u32(struct reader *in)
{
    return (uint32_t)reader_number(in, 4);
}

uint64_t reader_u64(struct reader *in)
{
    return reader_number(in, 8);
}

void reader_skip(struct reader *in, uint64_t bytes)
{
    if (bytes > reader_left(in)) {
        in->is_short = true;
        in->at = in->size;
        return;
    }
    in->at += (size_t)bytes;
}

const uint8_t *reader_take(struct reader *in, size_t bytes)
{
    if (bytes > reader_left(in)) {
        in->is_short = true;
        in->at = in->size;
        return NULL;
    }
    const uint8_t *from = in->data + in->at;
    in->at += bytes;
    return from;
}

struct bits bits_of(const uint8_t *data, size_t size, bool is_escaped)
{
    return (struct bits){.data = data, .size = size, .is_escaped = is_escaped};
}

/* Steps over an emulation prevention byte at the read position, if there is one. */
static void pass_escape(struct bits *in)
{
    if (in->is_escaped && in->zeros >= 2 && in->at_byte < in->size && in->data[in->at_byte] == 3) {
        in->at_byte++;
        in->zeros = 0;
    }
}

static uint32_t next_bit(struct bits *in)
{
    if (in->at_bit == 0)
        pass_escape(in);
    if (in->at_byte >= in->size) {
        in->is_short = true;
        return 0;
    }

    uint8_t byte = in->data[in->at_byte];
    uint32_t bit = (uint32_t)(byte >> (7 - in->at_bit)) & 1;
    if (++in->at_bit == 8) {
        in->at_bit = 0;
        in->at_byte++;
        in->zeros = byte == 0 ? in->zeros + 1 : 0;
    }
    return bit;
}

uint32_t bits_read(struct bits *in, unsigned count)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < count && !in->is_short; i++)
        value = value << 1 | next_bit(in);
    return in->is_short ? 0 : value;
}

void bits_skip(struct bits *in, unsigned count)
{
    for (unsigned i = 0; i < count && !in->is_short; i++)
        next_bit(in);
}

uint32_t bits_ue(struct bits *in)
{
    unsigned zeros = 0;
    while (!in->is_short && next_bit(in) == 0)
        zeros++;
    if (zeros > 31)
        in->is_short = true;
    if (in->is_short)
        return 0;
    return (uint32_t)((UINT64_C(1) << zeros) - 1 + bits_read(in, zeros));
}

int32_t bits_se(struct bits *in)
{
    uint32_t code = bits_ue(in);
    int64_t half = (int64_t)code / 2 + (code & 1);
    return (int32_t)(code & 1 ? half : -half);
}

struct box_name box_name_of(uint32_t type)
{
    struct box_name name = {{0}};
    for (int i = 0; i < 4; i++) {
        uint8_t c = (uint8_t)(type >> (24 - 8 * i));
        name.text[i] = c >= 0x20 && c < 0x7f ? (char)c : '?';
    }
    return name;
}

/* Some QuickTime writers end a list of boxes with four zero bytes. */
static bool is_terminator(const struct reader *in)
{
    const uint8_t *at = in->data + in->at;
    return reader_left(in) == 4 && (at[0] | at[1] | at[2] | at[3]) == 0;
}

int box_next(struct reader *in, struct box *box, struct karp_failure *failure)
{
    size_t left = reader_left(in);
    if (left == 0 || is_terminator(in))
        return 0;
    if (left < 8)
        return failure_set(failure, KARP_FAILURE_MP4, NULL, "%zu stray bytes where a box begins",
                           left);

    uint64_t size = reader_u32(in), header = 8;
    box->type = reader_u32(in);
    if (size == 1) {
        size = reader_u64(in);
        header = 16;
    } else if (size == 0) {
        size = left;
    }
    if (size < header || size > left || in->is_short)
        return failure_set(failure, KARP_FAILURE_INVALID_SIZE, box_name_of(box->type).text,
                           "the box says %llu bytes, its parent has %zu left",
                           (unsigned long long)size, left);

    size_t bytes = (size_t)(size - header);
    box->body = reader_of(reader_take(in, bytes), bytes);
    return 1;
}

bool box_find(struct reader in, uint32_t type, struct reader *body)
{
    struct box box = {.type = 0}; /* gcc does not see that box_next() sets it */
    while (box_next(&in, &box, NULL) > 0) {
        if (box.type == type) {
            *body = box.body;
            return true;
        }
    }
    return false;
}

uint8_t box_version(struct reader *body, uint32_t *flags)
{
    uint32_t word = reader_u32(body);
    *flags = word & 0xffffff;
    return (uint8_t)(word >> 24);
}
