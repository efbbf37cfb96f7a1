/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Frames and capsules are records of type, length and value. This reader takes them apart, however
 * the bytes are cut, and stores only the two integers at their start. The caller decides what to
 * keep of a value, so a value of any length can be skipped. */
#include <string.h>

#include "base/varint.h"
#include "quic/h3.h"

/* Decodes the two integers. Returns false if they are not complete yet. */
static bool head_is_complete(struct h3_record *record)
{
    size_t used = varint_decode(record->head, record->head_size, &record->type);
    return used > 0 &&
           varint_decode(record->head + used, record->head_size - used, &record->left) > 0;
}

static enum h3_event read_head(struct h3_record *record, struct h3_span *in)
{
    while (in->n > 0) {
        record->head[record->head_size++] = *in->data++;
        in->n--;
        if (head_is_complete(record)) {
            record->is_in_value = true;
            return H3_EVENT_BEGIN;
        }
    }
    return H3_EVENT_MORE;
}

enum h3_event h3_record_next(struct h3_record *record, struct h3_span *in, struct h3_span *value)
{
    if (!record->is_in_value)
        return read_head(record, in);
    if (record->left == 0) {
        record->is_in_value = false;
        record->head_size = 0;
        return H3_EVENT_END;
    }
    if (in->n == 0)
        return H3_EVENT_MORE;

    *value = (struct h3_span){in->data, record->left < in->n ? (size_t)record->left : in->n};
    in->data += value->n;
    in->n -= value->n;
    record->left -= value->n;
    return H3_EVENT_VALUE;
}

bool h3_record_is_between(const struct h3_record *record)
{
    return !record->is_in_value && record->head_size == 0;
}
