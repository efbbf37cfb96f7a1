/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads a group frame by frame, for tools, modules and karp, which want payloads and not a stream
 * of bytes. */
#include "transfork/group.h"
#include "transfork/message.h"

#include "base/varint.h"

void moq_group_reader_init(struct moq_group_reader *reader, struct moq_group *group)
{
    *reader = (struct moq_group_reader){.group = moq_group_ref(group)};
    bytes_cursor_init(&reader->cursor, &group->body->log);
    byte_buf_init(&reader->frame, MOQ_FRAME_MAX_BYTES);
}

void moq_group_reader_deinit(struct moq_group_reader *reader)
{
    byte_buf_deinit(&reader->frame);
    moq_group_unref(&reader->group);
}

/* The size in front of a frame. */
static int take_size(struct bytes_cursor *cursor, uint64_t *size)
{
    uint8_t bytes[VARINT_MAX_BYTES];
    uint64_t available = bytes_cursor_available(cursor);
    size_t n = available < sizeof bytes ? (size_t)available : sizeof bytes;
    struct bytes_cursor ahead = *cursor;
    size_t used;

    bytes_cursor_read(&ahead, bytes, n);
    int error = message_decode_frame(bytes, n, &used, size);
    if (!error)
        bytes_cursor_advance(cursor, used);
    return error;
}

/* Copies a payload that lies in several chunks into one piece. */
static int collect_bytes(struct bytes_cursor *cursor, size_t size, struct byte_buf *frame)
{
    while (frame->size < size) {
        struct iovec vec;
        bytes_cursor_peek(cursor, &vec, 1, size - frame->size);
        int error = byte_buf_append(frame, vec.iov_base, vec.iov_len);
        if (error)
            return error;
        bytes_cursor_advance(cursor, vec.iov_len);
    }
    return 0;
}

/* Points at the payload in the group if it lies in one piece there, as most do. */
static int take_payload(struct bytes_cursor *cursor, size_t size, struct byte_buf *frame,
                        const uint8_t **data)
{
    static const uint8_t nothing[1];
    struct iovec vec = {.iov_len = 0};

    byte_buf_consume(frame, frame->size);
    bytes_cursor_peek(cursor, &vec, 1, size);
    if (vec.iov_len < size) {
        int error = collect_bytes(cursor, size, frame);
        *data = frame->data;
        return error;
    }
    *data = size > 0 ? vec.iov_base : nothing;
    bytes_cursor_advance(cursor, size);
    return 0;
}

/* Why there is no next frame in a group that has ended. */
static int end_of_group(const struct moq_group_reader *reader)
{
    if (reader->group->error)
        return reader->group->error;
    return bytes_cursor_available(&reader->cursor) == 0 ? MOQ_ERR_END : MOQ_ERR_WRONG_SIZE;
}

int moq_group_reader_next(struct moq_group_reader *reader, const uint8_t **data, size_t *size)
{
    bool has_ended = group_has_ended(reader->group);
    struct bytes_cursor ahead = reader->cursor;
    uint64_t payload = 0;

    int error = take_size(&ahead, &payload);
    if (!error && bytes_cursor_available(&ahead) < payload)
        error = MOQ_ERR_AGAIN;
    if (error == MOQ_ERR_AGAIN && has_ended)
        return end_of_group(reader);
    if (!error)
        error = take_payload(&ahead, (size_t)payload, &reader->frame, data);
    if (error)
        return error;
    reader->cursor = ahead;
    *size = (size_t)payload;
    return 0;
}
