/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Writes boxes: big-endian fields, and a size that is filled in when the box ends.
 * Tested by tests/unit/karp/test_export.c. */
#include <string.h>

#include "base/check.h"

#include "karp/export_internal.h"

void writer_bytes(struct writer *to, const void *data, size_t size)
{
    if (!to->error)
        to->error = byte_buf_append(&to->buf, data, size);
}

void writer_number(struct writer *to, uint64_t value, unsigned bytes)
{
    uint8_t out[8];
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    writer_bytes(to, out, bytes);
}

void writer_zeros(struct writer *to, size_t count)
{
    static const uint8_t zeros[64];
    while (count > 0) {
        size_t part = count < sizeof zeros ? count : sizeof zeros;
        writer_bytes(to, zeros, part);
        count -= part;
    }
}

size_t writer_begin(struct writer *to, const char *type)
{
    size_t place = to->buf.size;
    writer_zeros(to, 4);
    writer_bytes(to, type, 4);
    return place;
}

size_t writer_begin_full(struct writer *to, const char *type, uint8_t version, uint32_t flags)
{
    size_t place = writer_begin(to, type);
    writer_number(to, (uint32_t)version << 24 | flags, 4);
    return place;
}

void writer_end(struct writer *to, size_t place)
{
    REQUIRE(to->error || place + 8 <= to->buf.size); /* a box begins there */
    size_t size = to->buf.size - place;
    for (size_t i = 0; i < 4 && !to->error; i++)
        to->buf.data[place + i] = (uint8_t)(size >> (24 - 8 * i));
}
