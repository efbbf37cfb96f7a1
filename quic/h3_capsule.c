/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads capsules (RFC 9297, section 3) on the stream of the CONNECT, which tell how a WebTransport
 * session ends. Only CLOSE is kept, in a buffer of its largest size; anything else is skipped. */
#include <string.h>

#include "base/varint.h"
#include "quic/h3.h"

enum { CAPSULE_CLOSE = 0x2843, CAPSULE_DRAIN = 0x78ae, CLOSE_CODE_BYTES = 4 };

void h3_capsules_init(struct h3_capsules *capsules)
{
    memset(capsules, 0, sizeof *capsules);
}

static bool close_has_valid_size(uint64_t size)
{
    return size >= CLOSE_CODE_BYTES && size <= CLOSE_CODE_BYTES + H3_REASON_MAX_BYTES;
}

/* Takes code and reason. The reason ends up in log lines, so control characters become question
 * marks. */
static void finish_close(struct h3_capsules *capsules)
{
    const uint8_t *value = capsules->value;
    capsules->code = (uint32_t)value[0] << 24 | (uint32_t)value[1] << 16 | (uint32_t)value[2] << 8 |
                     (uint32_t)value[3];
    for (size_t i = CLOSE_CODE_BYTES; i < capsules->size; i++)
        if (capsules->value[i] < 0x20 || capsules->value[i] == 0x7f)
            capsules->value[i] = '?';
    capsules->value[capsules->size] = '\0';
    capsules->is_closed = true;
}

static void keep_close_value(struct h3_capsules *capsules, struct h3_span value)
{
    if (capsules->record.type != CAPSULE_CLOSE)
        return;
    memcpy(capsules->value + capsules->size, value.data, value.n);
    capsules->size += value.n;
}

static void finish_capsule(struct h3_capsules *capsules)
{
    if (capsules->record.type == CAPSULE_CLOSE)
        finish_close(capsules);
    else if (capsules->record.type == CAPSULE_DRAIN)
        capsules->is_draining = true;
}

uint64_t h3_capsules_feed(struct h3_capsules *capsules, struct h3_span in)
{
    for (;;) {
        if (capsules->is_closed)
            return in.n > 0 ? H3_MESSAGE_ERROR : 0;

        struct h3_span value = {0};
        switch (h3_record_next(&capsules->record, &in, &value)) {
        case H3_EVENT_MORE:
            return 0;
        case H3_EVENT_BEGIN:
            if (capsules->record.type == CAPSULE_CLOSE &&
                !close_has_valid_size(capsules->record.left))
                return H3_MESSAGE_ERROR;
            break;
        case H3_EVENT_VALUE:
            keep_close_value(capsules, value);
            break;
        case H3_EVENT_END:
            finish_capsule(capsules);
            break;
        }
    }
}

bool h3_capsules_are_whole(const struct h3_capsules *capsules)
{
    return h3_record_is_between(&capsules->record);
}

const char *h3_capsules_reason(const struct h3_capsules *capsules)
{
    return capsules->is_closed ? (const char *)capsules->value + CLOSE_CODE_BYTES : "";
}

/* The number of bytes of `reason` to send. A cut falls between two characters of UTF-8. */
static size_t reason_size(const char *reason)
{
    size_t size = strnlen(reason, H3_REASON_MAX_BYTES + 1);
    if (size <= H3_REASON_MAX_BYTES)
        return size;
    size = H3_REASON_MAX_BYTES;
    while (size > 0 && ((uint8_t)reason[size] & 0xc0) == 0x80)
        size--;
    return size;
}

int h3_close_encode(struct byte_buf *out, uint32_t code, const char *reason)
{
    size_t size = reason_size(reason);
    size_t value_size = CLOSE_CODE_BYTES + size;
    size_t capsule_size = varint_size(CAPSULE_CLOSE) + varint_size(value_size) + value_size;
    uint8_t bytes[CLOSE_CODE_BYTES] = {(uint8_t)(code >> 24), (uint8_t)(code >> 16),
                                       (uint8_t)(code >> 8), (uint8_t)code};

    int error = byte_buf_append_varint(out, 0); /* DATA */
    if (!error)
        error = byte_buf_append_varint(out, capsule_size);
    if (!error)
        error = byte_buf_append_varint(out, CAPSULE_CLOSE);
    if (!error)
        error = byte_buf_append_varint(out, value_size);
    if (!error)
        error = byte_buf_append(out, bytes, sizeof bytes);
    if (!error)
        error = byte_buf_append(out, reason, size);
    return error;
}
