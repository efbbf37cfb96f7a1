/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The fields that messages are made of, and the short messages: stream types, announces, groups,
 * frames, plain paths. */
#include "transfork/message_parts.h"

#include "base/varint.h"

/* ---- Reading --------------------------------------------------------------------------------- */

struct message_in message_in_of(const uint8_t *data, size_t n)
{
    return (struct message_in){.data = data, .size = n};
}

uint64_t message_take_varint(struct message_in *in)
{
    uint64_t value = 0;
    if (in->error)
        return 0;
    size_t taken = varint_decode(in->data + in->at, in->size - in->at, &value);
    if (taken == 0)
        in->error = MOQ_ERR_AGAIN;
    in->at += taken;
    return value;
}

uint8_t message_take_byte(struct message_in *in)
{
    if (!in->error && in->at == in->size)
        in->error = MOQ_ERR_AGAIN;
    return in->error ? 0 : in->data[in->at++];
}

uint64_t message_take_at_most(struct message_in *in, uint64_t max, int error)
{
    uint64_t value = message_take_varint(in);
    if (!in->error && value > max)
        in->error = error;
    return in->error ? 0 : value;
}

const uint8_t *message_take_bytes(struct message_in *in, size_t n)
{
    if (!in->error && n > in->size - in->at)
        in->error = MOQ_ERR_AGAIN;
    if (in->error)
        return NULL;
    in->at += n;
    return in->data + in->at - n;
}

/* On the wire, 0 means absent and any other value is the sequence plus one. */
uint64_t message_take_optional(struct message_in *in)
{
    uint64_t value = message_take_varint(in);
    return in->error || value == 0 ? MOQ_NO_GROUP : value - 1;
}

uint64_t message_take_priority(struct message_in *in, uint32_t version)
{
    return version_row(version)->has_varints ? message_take_varint(in) : message_take_byte(in);
}

void message_take_path(struct message_in *in, size_t least_parts, struct path_view *view)
{
    if (in->error)
        return;
    size_t used = 0;
    in->error = path_view_decode(in->data + in->at, in->size - in->at, &used, view);
    if (!in->error && view->count < least_parts)
        in->error = MOQ_ERR_BOUNDS;
    in->at += used;
}

int message_in_end(const struct message_in *in, size_t *used)
{
    bool is_endless = in->error == MOQ_ERR_AGAIN && in->size >= MESSAGE_MAX_BYTES;
    if (is_endless || in->at > MESSAGE_MAX_BYTES)
        return MOQ_ERR_BOUNDS;
    if (!in->error)
        *used = in->at;
    return in->error;
}

int message_in_end_with_path(const struct message_in *in, const struct path_view *view,
                             size_t *used, struct moq_path **path)
{
    size_t taken;
    int error = message_in_end(in, &taken);
    if (error)
        return error;
    struct moq_path *made = path_from_view(view);
    if (!made)
        return MOQ_ERR_NOMEM;
    *path = made;
    *used = taken;
    return 0;
}

/* ---- Writing --------------------------------------------------------------------------------- */

struct message_out message_out_of(struct byte_buf *buf)
{
    return (struct message_out){.buf = buf};
}

void message_put_varint(struct message_out *out, uint64_t value)
{
    if (!out->error)
        out->error = byte_buf_append_varint(out->buf, value);
}

void message_put_byte(struct message_out *out, uint64_t value)
{
    if (!out->error && value > UINT8_MAX)
        out->error = MOQ_ERR_INVALID;
    if (!out->error)
        out->error = byte_buf_append_byte(out->buf, (uint8_t)value);
}

void message_put_bytes(struct message_out *out, const uint8_t *data, size_t n)
{
    if (!out->error)
        out->error = byte_buf_append(out->buf, data, n);
}

void message_put_optional(struct message_out *out, uint64_t value)
{
    message_put_varint(out, value == MOQ_NO_GROUP ? 0 : value + 1);
}

void message_put_priority(struct message_out *out, uint32_t version, uint64_t value)
{
    if (version_row(version)->has_varints)
        message_put_varint(out, value);
    else
        message_put_byte(out, value);
}

void message_put_path(struct message_out *out, const struct moq_path *path)
{
    size_t size;
    const uint8_t *wire = path_wire(path, &size);
    message_put_bytes(out, wire, size);
}

/* ---- One number ------------------------------------------------------------------------------ */

static int decode_number(const uint8_t *data, size_t n, size_t *used, uint64_t *value)
{
    struct message_in in = message_in_of(data, n);
    uint64_t number = message_take_varint(&in);
    int error = message_in_end(&in, used);
    if (!error)
        *value = number;
    return error;
}

int message_decode_stream_type(const uint8_t *in, size_t n, size_t *used, uint64_t *type)
{
    return decode_number(in, n, used, type);
}

int message_encode_stream_type(struct byte_buf *out, uint64_t type)
{
    return byte_buf_append_varint(out, type);
}

int message_decode_session_update(const uint8_t *in, size_t n, size_t *used, uint64_t *bitrate_bps)
{
    return decode_number(in, n, used, bitrate_bps);
}

int message_encode_session_update(struct byte_buf *out, uint64_t bitrate_bps)
{
    return byte_buf_append_varint(out, bitrate_bps);
}

int message_decode_fetch_update(const uint8_t *in, size_t n, size_t *used, uint64_t *priority)
{
    return decode_number(in, n, used, priority);
}

int message_encode_fetch_update(struct byte_buf *out, uint64_t priority)
{
    return byte_buf_append_varint(out, priority);
}

int message_decode_frame(const uint8_t *in, size_t n, size_t *used, uint64_t *size)
{
    uint64_t number;
    size_t taken;
    int error = decode_number(in, n, &taken, &number);
    if (error)
        return error;
    if (number > MOQ_FRAME_MAX_BYTES)
        return MOQ_ERR_BOUNDS;
    *size = number;
    *used = taken;
    return 0;
}

int message_encode_frame(struct byte_buf *out, uint64_t size)
{
    return size > MOQ_FRAME_MAX_BYTES ? MOQ_ERR_INVALID : byte_buf_append_varint(out, size);
}

/* ---- Just a path ----------------------------------------------------------------------------- */

static int decode_path(const uint8_t *data, size_t n, size_t least_parts, size_t *used,
                       struct moq_path **path)
{
    struct message_in in = message_in_of(data, n);
    struct path_view view = {0};
    message_take_path(&in, least_parts, &view);
    return message_in_end_with_path(&in, &view, used, path);
}

static int encode_path(struct byte_buf *buf, size_t least_parts, const struct moq_path *path)
{
    struct message_out out = message_out_of(buf);
    if (moq_path_count(path) < least_parts)
        return MOQ_ERR_INVALID;
    message_put_path(&out, path);
    return out.error;
}

int message_decode_announce_please(const uint8_t *in, size_t n, size_t *used,
                                   struct moq_path **prefix)
{
    return decode_path(in, n, 0, used, prefix);
}

int message_encode_announce_please(struct byte_buf *out, const struct moq_path *prefix)
{
    return encode_path(out, 0, prefix);
}

int message_decode_info_please(const uint8_t *in, size_t n, size_t *used, struct moq_path **path)
{
    return decode_path(in, n, 1, used, path);
}

int message_encode_info_please(struct byte_buf *out, const struct moq_path *path)
{
    return encode_path(out, 1, path);
}

/* ---- ANNOUNCE -------------------------------------------------------------------------------- */

/* Where the status is one raw byte, values from 0x40 on are errors and do not begin a longer
 * varint. */
static uint64_t take_status(struct message_in *in, uint32_t version)
{
    if (version_row(version)->has_varints)
        return message_take_at_most(in, ANNOUNCE_LIVE, MOQ_ERR_DECODE);
    uint8_t status = message_take_byte(in);
    if (!in->error && status > ANNOUNCE_LIVE)
        in->error = MOQ_ERR_DECODE;
    return status;
}

int message_decode_announce(uint32_t version, const uint8_t *data, size_t n, size_t *used,
                            struct msg_announce *out)
{
    struct message_in in = message_in_of(data, n);
    struct msg_announce msg = {.status = (enum message_announce)take_status(&in, version)};
    struct path_view view = {0};
    int error;

    if (msg.status == ANNOUNCE_LIVE) {
        error = message_in_end(&in, used);
    } else {
        message_take_path(&in, 0, &view);
        error = message_in_end_with_path(&in, &view, used, &msg.suffix);
    }
    if (!error)
        *out = msg;
    return error;
}

int message_encode_announce(uint32_t version, struct byte_buf *buf, const struct msg_announce *msg)
{
    struct message_out out = message_out_of(buf);
    if (msg->status == ANNOUNCE_LIVE && !(version_row(version)->can & MOQ_CAN_LIVE))
        return MOQ_ERR_INVALID;
    message_put_varint(&out, msg->status);
    if (msg->status != ANNOUNCE_LIVE)
        message_put_path(&out, msg->suffix);
    return out.error;
}

/* ---- GROUP and GAP --------------------------------------------------------------------------- */

int message_decode_group(const uint8_t *data, size_t n, size_t *used, struct msg_group *out)
{
    struct message_in in = message_in_of(data, n);
    struct msg_group msg;
    msg.subscription = message_take_varint(&in);
    msg.sequence = message_take_varint(&in);
    int error = message_in_end(&in, used);
    if (!error)
        *out = msg;
    return error;
}

int message_encode_group(struct byte_buf *buf, const struct msg_group *msg)
{
    struct message_out out = message_out_of(buf);
    message_put_varint(&out, msg->subscription);
    message_put_varint(&out, msg->sequence);
    return out.error;
}

int message_decode_gap(const uint8_t *data, size_t n, size_t *used, struct msg_gap *out)
{
    struct message_in in = message_in_of(data, n);
    struct msg_gap msg;
    msg.start = message_take_varint(&in);
    msg.count = message_take_at_most(&in, VARINT_MAX - msg.start, MOQ_ERR_BOUNDS);
    msg.code = message_take_varint(&in);
    int error = message_in_end(&in, used);
    if (!error)
        *out = msg;
    return error;
}

int message_encode_gap(struct byte_buf *buf, const struct msg_gap *msg)
{
    struct message_out out = message_out_of(buf);
    if (msg->start > VARINT_MAX || msg->count > VARINT_MAX - msg->start)
        return MOQ_ERR_INVALID;
    message_put_varint(&out, msg->start);
    message_put_varint(&out, msg->count);
    message_put_varint(&out, msg->code);
    return out.error;
}
