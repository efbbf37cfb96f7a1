/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tells the two dialects of version 04 apart: parses the bytes in both, and accepts a parse only if
 * it uses all of them.
 *
 * In an array, each part begins with its length. For parts under 32 bytes that is a control
 * character, which strings do not contain. The first character of a string, on the other hand,
 * would be the length of a part, and a larger one than the few bytes after it allow. */
#include "transfork/message_parts.h"

enum { TEXT_MAX_BYTES = 1023, ORDER_LAST = 2 };

/* 0: the message is complete and nothing is left over. Else MOQ_ERR_AGAIN, or what is wrong. */
static int verdict_of(const struct message_in *in)
{
    if (in->error)
        return in->error;
    return in->at == in->size ? 0 : MOQ_ERR_DECODE;
}

static void take_text(struct message_in *in, bool may_be_empty)
{
    size_t size = (size_t)message_take_at_most(in, TEXT_MAX_BYTES, MOQ_ERR_DECODE);
    if (!in->error && size == 0 && !may_be_empty)
        in->error = MOQ_ERR_DECODE;
    /* One control character makes a string invalid, so check what has arrived of an incomplete one
     * too. */
    size_t here = size < in->size - in->at ? size : in->size - in->at;
    for (size_t i = 0; !in->error && i < here; i++)
        if (in->data[in->at + i] < 0x20 || in->data[in->at + i] == 0x7f)
            in->error = MOQ_ERR_DECODE;
    message_take_bytes(in, size);
}

static void take_name(struct message_in *in, bool is_text, size_t least_parts)
{
    struct path_view view;
    if (is_text)
        take_text(in, least_parts == 0);
    else
        message_take_path(in, least_parts, &view);
}

static void take_subscribe(struct message_in *in, bool is_text)
{
    message_take_varint(in);
    take_name(in, is_text, 1);
    message_take_byte(in);
    message_take_at_most(in, ORDER_LAST, MOQ_ERR_DECODE);
    message_take_optional(in);
    message_take_optional(in);
}

static void take_announce(struct message_in *in, bool is_text)
{
    uint8_t status = message_take_byte(in);
    if (!in->error && status > ANNOUNCE_LIVE)
        in->error = MOQ_ERR_DECODE;
    if (status != ANNOUNCE_LIVE)
        take_name(in, is_text, 0);
}

/* In the string dialect, a stream of type 3 carries INFO_PLEASE, which is only a name. */
static void take_fetch(struct message_in *in, bool is_text)
{
    take_name(in, is_text, 1);
    if (is_text)
        return;
    message_take_byte(in);
    message_take_varint(in);
    message_take_varint(in);
}

static int judge_reading(enum message_kind kind, const uint8_t *data, size_t n, bool is_text)
{
    struct message_in in = message_in_of(data, n);
    switch (kind) {
    case KIND_ANNOUNCE_PLEASE:
        take_name(&in, is_text, 0);
        break;
    case KIND_ANNOUNCE:
        take_announce(&in, is_text);
        break;
    case KIND_SUBSCRIBE:
        take_subscribe(&in, is_text);
        break;
    case KIND_FETCH:
        take_fetch(&in, is_text);
        break;
    }
    return verdict_of(&in);
}

/* Whether the string begins as names in that dialect do. The bytes are a complete string
 * message. */
static bool looks_like_text(enum message_kind kind, const uint8_t *data, size_t n)
{
    struct message_in in = message_in_of(data, n);
    if (kind == KIND_ANNOUNCE)
        message_take_byte(&in);
    if (kind == KIND_SUBSCRIBE)
        message_take_varint(&in);
    message_take_varint(&in);
    uint8_t first = message_take_byte(&in);
    return !in.error && (first == '/' || first == '*');
}

enum message_dialect message_dialect(enum message_kind kind, const uint8_t *in, size_t n)
{
    int array = judge_reading(kind, in, n, false), string = judge_reading(kind, in, n, true);
    bool is_named = string == 0 && looks_like_text(kind, in, n);

    if (array == 0 && string == 0)
        return is_named ? DIALECT_STRING : DIALECT_EITHER;
    if (array == 0)
        return DIALECT_ARRAY;
    /* The first bytes of an array can look like a complete string. In SUBSCRIBE that is next to
     * impossible, because many fields follow the path; elsewhere only strings that begin as names
     * do are believed. */
    if (string == 0 && (array != MOQ_ERR_AGAIN || kind == KIND_SUBSCRIBE || is_named))
        return DIALECT_STRING;
    bool is_open = array == MOQ_ERR_AGAIN || string == MOQ_ERR_AGAIN || string == 0;
    return is_open && n < MESSAGE_MAX_BYTES ? DIALECT_WAIT : DIALECT_ARRAY;
}
