/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The two messages that open a session: versions and extensions.
 * Tested by tests/unit/transfork/test_message.c. */
#include "transfork/message_parts.h"

uint32_t message_pick_version(const struct msg_session_client *offer, uint32_t ours)
{
    uint32_t theirs = 0;
    for (size_t i = 0; i < offer->version_count; i++)
        theirs |= version_from_wire(offer->versions[i]);
    return version_pick(theirs & ours);
}

static void take_extension(struct message_in *in, const struct msg_extension *before, size_t count,
                           struct msg_extension *out)
{
    out->id = message_take_varint(in);
    for (size_t i = 0; !in->error && i < count; i++)
        if (before[i].id == out->id)
            in->error = MOQ_ERR_DECODE;
    out->size = (size_t)message_take_at_most(in, MESSAGE_MAX_EXTENSION_BYTES, MOQ_ERR_BOUNDS);
    out->data = message_take_bytes(in, out->size);
}

static size_t take_extensions(struct message_in *in, struct msg_extension *out)
{
    uint64_t count = message_take_at_most(in, MESSAGE_MAX_EXTENSIONS, MOQ_ERR_BOUNDS);
    for (size_t i = 0; i < count && !in->error; i++)
        take_extension(in, out, i, &out[i]);
    return (size_t)count;
}

static void put_extensions(struct message_out *out, const struct msg_extension *extensions,
                           size_t count)
{
    message_put_varint(out, count);
    for (size_t i = 0; i < count; i++) {
        message_put_varint(out, extensions[i].id);
        message_put_varint(out, extensions[i].size);
        message_put_bytes(out, extensions[i].data, extensions[i].size);
    }
}

int message_decode_session_client(const uint8_t *data, size_t n, size_t *used,
                                  struct msg_session_client *out)
{
    struct message_in in = message_in_of(data, n);
    uint64_t count = message_take_at_most(&in, MESSAGE_MAX_VERSIONS, MOQ_ERR_BOUNDS);
    for (size_t i = 0; i < count && !in.error; i++)
        out->versions[i] = message_take_varint(&in);
    out->version_count = (size_t)count;
    out->extension_count = take_extensions(&in, out->extensions);
    return message_in_end(&in, used);
}

int message_encode_session_client(struct byte_buf *buf, const struct msg_session_client *msg)
{
    struct message_out out = message_out_of(buf);
    message_put_varint(&out, msg->version_count);
    for (size_t i = 0; i < msg->version_count; i++)
        message_put_varint(&out, msg->versions[i]);
    put_extensions(&out, msg->extensions, msg->extension_count);
    return out.error;
}

int message_decode_session_server(const uint8_t *data, size_t n, size_t *used,
                                  struct msg_session_server *out)
{
    struct message_in in = message_in_of(data, n);
    out->version = message_take_varint(&in);
    out->extension_count = take_extensions(&in, out->extensions);
    return message_in_end(&in, used);
}

int message_encode_session_server(struct byte_buf *buf, const struct msg_session_server *msg)
{
    struct message_out out = message_out_of(buf);
    message_put_varint(&out, msg->version);
    put_extensions(&out, msg->extensions, msg->extension_count);
    return out.error;
}
