/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Frames of what relays tell each other, written and read.
 * Tested by tests/unit/modules/test_cluster_wire.c. */
#include "modules/cluster/wire.h"

#include <string.h>

#include "base/varint.h"

/* ---- Writing --------------------------------------------------------------------------------- */

struct pen {
    uint8_t *out;
    size_t size;
    bool is_full;
};

static void put_number(struct pen *pen, uint64_t value)
{
    pen->is_full |= pen->size + VARINT_MAX_BYTES > WIRE_FRAME_BYTES || value > VARINT_MAX;
    if (!pen->is_full)
        pen->size += varint_encode(pen->out + pen->size, value);
}

static void put_text(struct pen *pen, const char *data, size_t size)
{
    put_number(pen, size);
    pen->is_full |= pen->size + size > WIRE_FRAME_BYTES;
    if (pen->is_full || size == 0)
        return;
    memcpy(pen->out + pen->size, data, size);
    pen->size += size;
}

static size_t size_written(const struct pen *pen)
{
    return pen->is_full ? 0 : pen->size;
}

size_t wire_hello(uint8_t *out, const char *name)
{
    struct pen pen = {.out = out};
    put_number(&pen, WIRE_HELLO);
    put_number(&pen, WIRE_VERSION);
    put_text(&pen, name, strlen(name));
    return size_written(&pen);
}

size_t wire_advert(uint8_t *out, const struct wire_advert *advert)
{
    struct pen pen = {.out = out};
    put_number(&pen, WIRE_ADVERT);
    put_text(&pen, advert->name.data, advert->name.size);
    put_number(&pen, advert->boot);
    put_number(&pen, advert->sequence);
    put_number(&pen, advert->is_leaving);
    put_number(&pen, advert->link_count);
    for (size_t i = 0; i < advert->link_count; i++) {
        put_text(&pen, advert->links[i].to.data, advert->links[i].to.size);
        put_number(&pen, advert->links[i].cost);
    }
    return size_written(&pen);
}

size_t wire_offered(uint8_t *out, const char *path, uint64_t stamp)
{
    struct pen pen = {.out = out};
    put_number(&pen, WIRE_OFFERED);
    put_text(&pen, path, strlen(path));
    put_number(&pen, stamp);
    return size_written(&pen);
}

size_t wire_ended(uint8_t *out, const char *path)
{
    struct pen pen = {.out = out};
    put_number(&pen, WIRE_ENDED);
    put_text(&pen, path, strlen(path));
    return size_written(&pen);
}

size_t wire_listed(uint8_t *out)
{
    struct pen pen = {.out = out};
    put_number(&pen, WIRE_LISTED);
    return size_written(&pen);
}

/* ---- Reading --------------------------------------------------------------------------------- */

struct eye {
    const uint8_t *at;
    size_t left;
    bool has_failed;
};

static uint64_t take_number(struct eye *eye)
{
    uint64_t value = 0;
    size_t size = eye->has_failed ? 0 : varint_decode(eye->at, eye->left, &value);
    eye->has_failed |= size == 0;
    eye->at += size;
    eye->left -= size;
    return value;
}

/* A text of 1 to `max` - 1 bytes, none of which is zero. */
static struct wire_text take_text(struct eye *eye, size_t max)
{
    uint64_t size = take_number(eye);
    eye->has_failed |= size == 0 || size >= max || size > eye->left;
    if (eye->has_failed || memchr(eye->at, 0, (size_t)size)) {
        eye->has_failed = true;
        return (struct wire_text){NULL, 0};
    }
    struct wire_text text = {(const char *)eye->at, (size_t)size};
    eye->at += size;
    eye->left -= (size_t)size;
    return text;
}

static void take_links(struct eye *eye, struct wire_advert *advert)
{
    uint64_t count = take_number(eye);
    eye->has_failed |= count > WIRE_LINKS_MAX;
    for (uint64_t i = 0; i < count && !eye->has_failed; i++) {
        struct wire_link *link = &advert->links[advert->link_count++];
        link->to = take_text(eye, WIRE_NAME_BYTES);
        link->cost = take_number(eye);
    }
}

static void take_advert(struct eye *eye, struct wire_advert *advert)
{
    advert->name = take_text(eye, WIRE_NAME_BYTES);
    advert->boot = take_number(eye);
    advert->sequence = take_number(eye);
    advert->is_leaving = take_number(eye) & 1;
    advert->link_count = 0;
    take_links(eye, advert);
}

int wire_read(struct wire_frame *frame, const uint8_t *data, size_t size)
{
    struct eye eye = {.at = data, .left = size};
    uint64_t kind = take_number(&eye);
    if (eye.has_failed || size > WIRE_FRAME_BYTES)
        return -1;
    if (kind < WIRE_HELLO || kind > WIRE_LISTED)
        return 1;
    frame->kind = (enum wire_kind)kind;
    if (frame->kind == WIRE_HELLO) {
        frame->version = take_number(&eye);
        frame->name = take_text(&eye, WIRE_NAME_BYTES);
    } else if (frame->kind == WIRE_ADVERT) {
        take_advert(&eye, &frame->advert);
    } else if (frame->kind == WIRE_OFFERED || frame->kind == WIRE_ENDED) {
        frame->path = take_text(&eye, WIRE_PATH_BYTES);
        frame->stamp = frame->kind == WIRE_OFFERED ? take_number(&eye) : 0;
    }
    return eye.has_failed ? -1 : 0;
}
