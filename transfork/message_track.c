/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The messages whose layout differs between versions: SUBSCRIBE, SUBSCRIBE_UPDATE, INFO, FETCH. */
#include "transfork/message_parts.h"

enum { ORDER_MAX = 2 };

/* 04 has no Group Expires anywhere. */
static bool has_expires(uint32_t version)
{
    return version != MOQ_VERSION_04;
}

static uint64_t take_order(struct message_in *in)
{
    return message_take_at_most(in, ORDER_MAX, MOQ_ERR_DECODE);
}

/* ---- Numbers and what they mean -------------------------------------------------------------- */

/* 03 counts from 1 and has 0 for "as the publisher likes". The others say 1 for newest first; the
 * browser client says 2, also there. */
uint8_t message_order_from_wire(uint32_t version, uint64_t order)
{
    uint64_t oldest = version == MOQ_VERSION_03 ? 1 : 0;
    if (order < oldest)
        return MOQ_ORDER_ANY;
    return order == oldest ? MOQ_ORDER_OLDEST : MOQ_ORDER_NEWEST;
}

uint64_t message_order_to_wire(uint32_t version, uint8_t order)
{
    uint64_t oldest = version == MOQ_VERSION_03 ? 1 : 0;
    if (order == MOQ_ORDER_ANY && oldest > 0)
        return 0;
    return order == MOQ_ORDER_OLDEST ? oldest : oldest + 1;
}

uint8_t message_priority_from_wire(uint64_t priority)
{
    return priority > UINT8_MAX ? UINT8_MAX : (uint8_t)priority;
}

struct moq_wish message_wish(uint32_t version, const struct msg_subscribe *msg)
{
    return (struct moq_wish){
        .priority = message_priority_from_wire(msg->priority),
        .order = message_order_from_wire(version, msg->order),
        .expires_ms = msg->expires_ms,
        .min = msg->min,
        .max = msg->max,
    };
}

struct moq_wish message_update_wish(uint32_t version, const struct msg_subscribe_update *msg)
{
    return (struct moq_wish){
        .priority = message_priority_from_wire(msg->priority),
        .order = message_order_from_wire(version, msg->order),
        .expires_ms = msg->expires_ms,
        .min = msg->min,
        .max = msg->max,
    };
}

/* ---- SUBSCRIBE ------------------------------------------------------------------------------- */

int message_decode_subscribe(uint32_t version, const uint8_t *data, size_t n, size_t *used,
                             struct msg_subscribe *out)
{
    struct message_in in = message_in_of(data, n);
    struct path_view view = {0};
    struct msg_subscribe msg;

    msg.id = message_take_varint(&in);
    message_take_path(&in, 1, &view);
    msg.priority = message_take_priority(&in, version);
    msg.order = take_order(&in);
    msg.expires_ms = has_expires(version) ? message_take_varint(&in) : 0;
    msg.min = message_take_optional(&in);
    msg.max = message_take_optional(&in);

    int error = message_in_end_with_path(&in, &view, used, &msg.path);
    if (!error)
        *out = msg;
    return error;
}

int message_encode_subscribe(uint32_t version, struct byte_buf *buf,
                             const struct msg_subscribe *msg)
{
    struct message_out out = message_out_of(buf);
    if (moq_path_count(msg->path) == 0 || msg->order > ORDER_MAX)
        return MOQ_ERR_INVALID;
    message_put_varint(&out, msg->id);
    message_put_path(&out, msg->path);
    message_put_priority(&out, version, msg->priority);
    message_put_varint(&out, msg->order);
    if (has_expires(version))
        message_put_varint(&out, msg->expires_ms);
    message_put_optional(&out, msg->min);
    message_put_optional(&out, msg->max);
    return out.error;
}

/* ---- SUBSCRIBE_UPDATE: its priority is a varint in every version ----------------------------- */

static int decode_update(bool is_expires_here, const uint8_t *data, size_t n, size_t *used,
                         struct msg_subscribe_update *out)
{
    struct message_in in = message_in_of(data, n);
    struct msg_subscribe_update msg;

    msg.priority = message_take_varint(&in);
    msg.order = take_order(&in);
    msg.expires_ms = is_expires_here ? message_take_varint(&in) : 0;
    msg.min = message_take_optional(&in);
    msg.max = message_take_optional(&in);

    int error = message_in_end(&in, used);
    if (!error)
        *out = msg;
    return error;
}

int message_decode_subscribe_update(uint32_t version, const uint8_t *in, size_t n, bool is_end,
                                    size_t *used, struct msg_subscribe_update *out)
{
    int error = decode_update(has_expires(version), in, n, used, out);
    if (error != MOQ_ERR_AGAIN || version != MOQ_VERSION_02 || !is_end)
        return error;

    struct msg_subscribe_update short_form;
    size_t taken;
    if (decode_update(false, in, n, &taken, &short_form) != 0 || taken != n)
        return error;
    *out = short_form;
    *used = taken;
    return 0;
}

int message_encode_subscribe_update(uint32_t version, struct byte_buf *buf,
                                    const struct msg_subscribe_update *msg)
{
    struct message_out out = message_out_of(buf);
    if (msg->order > ORDER_MAX)
        return MOQ_ERR_INVALID;
    message_put_varint(&out, msg->priority);
    message_put_varint(&out, msg->order);
    if (has_expires(version))
        message_put_varint(&out, msg->expires_ms);
    message_put_optional(&out, msg->min);
    message_put_optional(&out, msg->max);
    return out.error;
}

/* ---- INFO ------------------------------------------------------------------------------------ */

/* A subscription must not die of what its INFO says, so any order will do. */
int message_decode_info(uint32_t version, const uint8_t *data, size_t n, size_t *used,
                        struct msg_info *out)
{
    struct message_in in = message_in_of(data, n);
    struct msg_info msg = {.priority = message_take_priority(&in, version)};

    if (version == MOQ_VERSION_03)
        msg.latest = message_take_varint(&in);
    msg.order = message_take_varint(&in);
    if (has_expires(version))
        msg.expires_ms = message_take_varint(&in);
    if (version != MOQ_VERSION_03)
        msg.latest = message_take_varint(&in);

    int error = message_in_end(&in, used);
    if (!error)
        *out = msg;
    return error;
}

int message_encode_info(uint32_t version, struct byte_buf *buf, const struct msg_info *msg)
{
    struct message_out out = message_out_of(buf);

    message_put_priority(&out, version, msg->priority);
    if (version == MOQ_VERSION_03)
        message_put_varint(&out, msg->latest);
    message_put_varint(&out, msg->order);
    if (has_expires(version))
        message_put_varint(&out, msg->expires_ms);
    if (version != MOQ_VERSION_03)
        message_put_varint(&out, msg->latest);
    return out.error;
}

/* ---- FETCH ----------------------------------------------------------------------------------- */

int message_decode_fetch(uint32_t version, const uint8_t *data, size_t n, size_t *used,
                         struct msg_fetch *out)
{
    struct message_in in = message_in_of(data, n);
    struct path_view view = {0};
    struct msg_fetch msg;

    message_take_path(&in, 1, &view);
    msg.priority = message_take_priority(&in, version);
    msg.group = message_take_varint(&in);
    msg.offset = message_take_varint(&in);

    int error = message_in_end_with_path(&in, &view, used, &msg.path);
    if (!error)
        *out = msg;
    return error;
}

int message_encode_fetch(uint32_t version, struct byte_buf *buf, const struct msg_fetch *msg)
{
    struct message_out out = message_out_of(buf);
    if (moq_path_count(msg->path) == 0)
        return MOQ_ERR_INVALID;
    message_put_path(&out, msg->path);
    message_put_priority(&out, version, msg->priority);
    message_put_varint(&out, msg->group);
    message_put_varint(&out, msg->offset);
    return out.error;
}
