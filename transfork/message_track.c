/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The messages whose layout differs between versions: SUBSCRIBE, SUBSCRIBE_UPDATE, INFO, FETCH.
 * Tested by tests/unit/transfork/test_message.c. */
#include "transfork/message_parts.h"

enum { ORDER_MAX = 2 };

static uint64_t take_order(struct message_in *in)
{
    return message_take_at_most(in, ORDER_MAX, MOQ_ERR_DECODE);
}

/* ---- Numbers and what they mean -------------------------------------------------------------- */

/* The browser client writes 2 for newest first in every version. */
uint8_t message_order_from_wire(uint32_t version, uint64_t order)
{
    uint64_t oldest = version_row(version)->order_oldest;
    if (order < oldest)
        return MOQ_ORDER_ANY;
    return order == oldest ? MOQ_ORDER_OLDEST : MOQ_ORDER_NEWEST;
}

uint64_t message_order_to_wire(uint32_t version, uint8_t order)
{
    uint64_t oldest = version_row(version)->order_oldest;
    if (order == MOQ_ORDER_ANY && oldest > 0)
        return 0;
    return order == MOQ_ORDER_OLDEST ? oldest : oldest + 1;
}

uint8_t message_priority_from_wire(uint64_t priority)
{
    return priority > UINT8_MAX ? UINT8_MAX : (uint8_t)priority;
}

struct moq_wish message_wish_from_wire(uint32_t version, const struct msg_wish *msg)
{
    return (struct moq_wish){
        .priority = message_priority_from_wire(msg->priority),
        .order = message_order_from_wire(version, msg->order),
        .expires_ms = msg->expires_ms,
        .min = msg->min,
        .max = msg->max,
    };
}

struct msg_wish message_wish_to_wire(uint32_t version, const struct moq_wish *wish)
{
    return (struct msg_wish){
        .priority = wish->priority,
        .order = message_order_to_wire(version, wish->order),
        .expires_ms = wish->expires_ms,
        .min = wish->min,
        .max = wish->max,
    };
}

struct moq_info message_info_from_wire(uint32_t version, const struct msg_info *msg)
{
    return (struct moq_info){
        .priority = message_priority_from_wire(msg->priority),
        .order = message_order_from_wire(version, msg->order),
        .expires_ms = msg->expires_ms,
        .latest = msg->latest,
    };
}

/* ---- SUBSCRIBE and SUBSCRIBE_UPDATE ---------------------------------------------------------- */

/* The fields after the priority. */
static void take_wish(struct message_in *in, bool has_expires, struct msg_wish *wish)
{
    wish->order = take_order(in);
    wish->expires_ms = has_expires ? message_take_varint(in) : 0;
    wish->min = message_take_optional(in);
    wish->max = message_take_optional(in);
}

static void put_wish(struct message_out *out, uint32_t version, const struct msg_wish *wish)
{
    message_put_varint(out, wish->order);
    if (version_row(version)->has_expires)
        message_put_varint(out, wish->expires_ms);
    message_put_optional(out, wish->min);
    message_put_optional(out, wish->max);
}

int message_decode_subscribe(uint32_t version, const uint8_t *data, size_t n, size_t *used,
                             struct msg_subscribe *out)
{
    struct message_in in = message_in_of(data, n);
    struct path_view view = {0};
    struct msg_subscribe msg;

    msg.id = message_take_varint(&in);
    message_take_path(&in, 1, &view);
    msg.wish.priority = message_take_priority(&in, version);
    take_wish(&in, version_row(version)->has_expires, &msg.wish);

    int error = message_in_end_with_path(&in, &view, used, &msg.path);
    if (!error)
        *out = msg;
    return error;
}

int message_encode_subscribe(uint32_t version, struct byte_buf *buf,
                             const struct msg_subscribe *msg)
{
    struct message_out out = message_out_of(buf);
    if (moq_path_count(msg->path) == 0 || msg->wish.order > ORDER_MAX)
        return MOQ_ERR_INVALID;
    message_put_varint(&out, msg->id);
    message_put_path(&out, msg->path);
    message_put_priority(&out, version, msg->wish.priority);
    put_wish(&out, version, &msg->wish);
    return out.error;
}

/* In an update the priority is a varint in every version. */
static int decode_update(bool has_expires, const uint8_t *data, size_t n, size_t *used,
                         struct msg_wish *out)
{
    struct message_in in = message_in_of(data, n);
    struct msg_wish msg = {.priority = message_take_varint(&in)};
    take_wish(&in, has_expires, &msg);
    int error = message_in_end(&in, used);
    if (!error)
        *out = msg;
    return error;
}

int message_decode_subscribe_update(uint32_t version, const uint8_t *in, size_t n, bool is_end,
                                    size_t *used, struct msg_wish *out)
{
    const struct version *row = version_row(version);
    int error = decode_update(row->has_expires, in, n, used, out);
    if (error != MOQ_ERR_AGAIN || !row->may_lack_expires || !is_end)
        return error;

    struct msg_wish short_form;
    size_t taken;
    if (decode_update(false, in, n, &taken, &short_form) != 0 || taken != n)
        return error;
    *out = short_form;
    *used = taken;
    return 0;
}

int message_encode_subscribe_update(uint32_t version, struct byte_buf *buf,
                                    const struct msg_wish *msg)
{
    struct message_out out = message_out_of(buf);
    if (msg->order > ORDER_MAX)
        return MOQ_ERR_INVALID;
    message_put_varint(&out, msg->priority);
    put_wish(&out, version, msg);
    return out.error;
}

/* ---- INFO ------------------------------------------------------------------------------------ */

/* An unknown order in INFO must not cost the subscription, so any number is accepted. */
int message_decode_info(uint32_t version, const uint8_t *data, size_t n, size_t *used,
                        struct msg_info *out)
{
    struct message_in in = message_in_of(data, n);
    const struct version *row = version_row(version);
    struct msg_info msg = {.priority = message_take_priority(&in, version)};

    if (row->is_latest_first)
        msg.latest = message_take_varint(&in);
    msg.order = message_take_varint(&in);
    if (row->has_expires)
        msg.expires_ms = message_take_varint(&in);
    if (!row->is_latest_first)
        msg.latest = message_take_varint(&in);

    int error = message_in_end(&in, used);
    if (!error)
        *out = msg;
    return error;
}

int message_encode_info(uint32_t version, struct byte_buf *buf, const struct msg_info *msg)
{
    struct message_out out = message_out_of(buf);
    const struct version *row = version_row(version);

    message_put_priority(&out, version, msg->priority);
    if (row->is_latest_first)
        message_put_varint(&out, msg->latest);
    message_put_varint(&out, msg->order);
    if (row->has_expires)
        message_put_varint(&out, msg->expires_ms);
    if (!row->is_latest_first)
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
