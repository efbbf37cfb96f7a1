/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads a group frame by frame, for tools, modules and karp, which want payloads and not a stream
 * of bytes. */
#include "transfork/group.h"
#include "transfork/message.h"

#include <stdlib.h>

#include "base/varint.h"

void moq_group_reader_init(struct moq_group_reader *reader, struct moq_group *group)
{
    *reader = (struct moq_group_reader){.group = moq_group_ref(group)};
}

void moq_group_reader_deinit(struct moq_group_reader *reader)
{
    free(reader->frame);
    reader->frame = NULL;
    reader->frame_bytes = 0;
    moq_group_unref(&reader->group);
}

/* The reader's place, which its public struct has in parts. */
static struct bytes_cursor place_of(const struct moq_group_reader *reader)
{
    return (struct bytes_cursor){.log = &reader->group->body->log,
                                 .chunk = reader->chunk,
                                 .offset = reader->offset,
                                 .position = reader->position};
}

static void set_place(struct moq_group_reader *reader, const struct bytes_cursor *cursor)
{
    reader->chunk = cursor->chunk;
    reader->offset = cursor->offset;
    reader->position = cursor->position;
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

/* Room for a payload that lies in several chunks; all of it is here, so no number of a peer's makes
 * this large. */
static int make_room(struct moq_group_reader *reader, size_t size)
{
    if (size <= reader->frame_bytes)
        return 0;
    uint8_t *frame = realloc(reader->frame, size);
    if (!frame)
        return MOQ_ERR_NOMEM;
    reader->frame = frame;
    reader->frame_bytes = size;
    return 0;
}

/* Points at the payload in the group if it lies in one piece there, as most do; else copies it
 * together. */
static int take_payload(struct moq_group_reader *reader, struct bytes_cursor *cursor, size_t size,
                        const uint8_t **data)
{
    static const uint8_t nothing[1];
    struct iovec vec = {.iov_len = 0};

    bytes_cursor_peek(cursor, &vec, 1, size);
    if (vec.iov_len == size) {
        *data = size > 0 ? vec.iov_base : nothing;
        bytes_cursor_advance(cursor, size);
        return 0;
    }
    int error = make_room(reader, size);
    if (!error)
        bytes_cursor_read(cursor, reader->frame, size);
    *data = reader->frame;
    return error;
}

/* Why there is no next frame in a group that has ended. */
static int end_of_group(const struct moq_group_reader *reader)
{
    if (reader->group->error)
        return reader->group->error;
    bool is_whole = reader->position == moq_group_length(reader->group);
    return is_whole ? MOQ_ERR_END : MOQ_ERR_WRONG_SIZE;
}

int moq_group_reader_next(struct moq_group_reader *reader, const uint8_t **data, size_t *size)
{
    bool has_ended = group_has_ended(reader->group);
    struct bytes_cursor ahead = place_of(reader);
    uint64_t payload = 0;

    int error = take_size(&ahead, &payload);
    if (!error && bytes_cursor_available(&ahead) < payload)
        error = MOQ_ERR_AGAIN;
    if (error == MOQ_ERR_AGAIN && has_ended)
        return end_of_group(reader);
    if (!error)
        error = take_payload(reader, &ahead, (size_t)payload, data);
    if (error)
        return error;
    set_place(reader, &ahead);
    *size = (size_t)payload;
    return 0;
}
