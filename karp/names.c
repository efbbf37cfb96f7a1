/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Instance ids, and the header of a media frame. */
#include "karp/karp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/varint.h"

uint64_t karp_id_next(uint64_t now_ms, uint64_t last_id)
{
    return now_ms > last_id ? now_ms : last_id + 1;
}

void karp_id_print(uint64_t id, char text[KARP_ID_MAX_BYTES])
{
    snprintf(text, KARP_ID_MAX_BYTES, "%" PRIu64, id);
}

bool karp_id_is_valid(const char *text, size_t size)
{
    if (size == 0 || size >= KARP_ID_MAX_BYTES)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
    }
    return true;
}

int karp_id_compare(const char *a, const char *b)
{
    a += strspn(a, "0");
    b += strspn(b, "0");
    size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length != b_length)
        return a_length < b_length ? -1 : 1;
    return strcmp(a, b);
}

/* The index of `id` or, if it is not there, the index at which to insert it. */
static size_t find_id_place(const struct karp_instances *instances, const char *id)
{
    size_t i = 0;
    while (i < instances->count && karp_id_compare(instances->ids[i], id) < 0)
        i++;
    return i;
}

static bool copy_id(char out[KARP_ID_MAX_BYTES], const char *id, size_t size)
{
    if (!karp_id_is_valid(id, size))
        return false;
    memcpy(out, id, size);
    out[size] = '\0';
    return true;
}

bool karp_instances_add(struct karp_instances *instances, const char *id, size_t size)
{
    char copy[KARP_ID_MAX_BYTES];
    if (!copy_id(copy, id, size))
        return false;

    size_t at = find_id_place(instances, copy), count = instances->count;
    bool is_known = at < count && strcmp(instances->ids[at], copy) == 0;
    bool is_full = count == KARP_MAX_INSTANCES;
    if (is_known || (is_full && at == 0))
        return false;
    bool is_newest = at == count;
    if (is_full) {
        at--;
        memmove(instances->ids, instances->ids + 1, at * sizeof *instances->ids);
    } else {
        memmove(instances->ids + at + 1, instances->ids + at,
                (count - at) * sizeof *instances->ids);
        instances->count++;
    }
    memcpy(instances->ids[at], copy, sizeof copy);
    return is_newest;
}

bool karp_instances_remove(struct karp_instances *instances, const char *id, size_t size)
{
    char copy[KARP_ID_MAX_BYTES];
    if (!copy_id(copy, id, size))
        return false;

    size_t at = find_id_place(instances, copy);
    if (at == instances->count || strcmp(instances->ids[at], copy) != 0)
        return false;
    instances->count--;
    memmove(instances->ids + at, instances->ids + at + 1,
            (instances->count - at) * sizeof *instances->ids);
    return at == instances->count;
}

const char *karp_instances_newest(const struct karp_instances *instances)
{
    return instances->count > 0 ? instances->ids[instances->count - 1] : NULL;
}

size_t karp_frame_header(uint64_t timestamp_us, uint8_t header[KARP_FRAME_HEADER_MAX_BYTES])
{
    return timestamp_us > KARP_TIMESTAMP_MAX_US ? 0 : varint_encode(header, timestamp_us);
}

int karp_frame_parse(const uint8_t *frame, size_t size, uint64_t *timestamp_us, size_t *payload)
{
    uint64_t timestamp;
    size_t header = varint_decode(frame, size, &timestamp);
    if (header == 0 || timestamp > KARP_TIMESTAMP_MAX_US)
        return MOQ_ERR_DECODE;
    *timestamp_us = timestamp;
    *payload = header;
    return 0;
}
