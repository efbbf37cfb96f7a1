/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads a group frame by frame, for tools, modules and karp, which need payloads, not a stream of
 * bytes. */
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

/* The reader's position as a cursor; the public struct has only its parts. */
static struct bytes_cursor cursor_of_reader(const struct moq_group_reader *reader)
{
    return (struct bytes_cursor){.log = &reader->group->body->log,
                                 .chunk = reader->chunk,
                                 .offset = reader->offset,
                                 .position = reader->position};
}

static void keep_cursor(struct moq_group_reader *reader, const struct bytes_cursor *cursor)
{
    reader->chunk = cursor->chunk;
    reader->offset = cursor->offset;
    reader->position = cursor->position;
}

/* Takes the size that precedes a frame. */
static int read_frame_size(struct bytes_cursor *cursor, uint64_t *size)
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

/* Makes room for a payload that lies in several chunks. All its bytes have arrived, so a number
 * sent by a peer cannot make this allocation large. */
static int reserve_frame(struct moq_group_reader *reader, size_t size)
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

/* Points to the payload in the group if it lies in one chunk, as most do; otherwise copies it. */
static int read_frame_payload(struct moq_group_reader *reader, struct bytes_cursor *cursor,
                              size_t size, const uint8_t **data)
{
    static const uint8_t nothing[1];
    struct iovec vec = {.iov_len = 0};

    bytes_cursor_peek(cursor, &vec, 1, size);
    if (vec.iov_len == size) {
        *data = size > 0 ? vec.iov_base : nothing;
        bytes_cursor_advance(cursor, size);
        return 0;
    }
    int error = reserve_frame(reader, size);
    if (!error)
        bytes_cursor_read(cursor, reader->frame, size);
    *data = reader->frame;
    return error;
}

/* Why there is no next frame in a group that has ended. */
static int why_no_next_frame(const struct moq_group_reader *reader)
{
    if (reader->group->error)
        return reader->group->error;
    bool is_whole = reader->position == moq_group_length(reader->group);
    return is_whole ? MOQ_ERR_END : MOQ_ERR_WRONG_SIZE;
}

/* Looks for a frame that is there to its last byte: places `ahead` at its payload. MOQ_ERR_AGAIN:
 * it is not there yet. */
static int find_whole_frame(const struct moq_group_reader *reader, struct bytes_cursor *ahead,
                            uint64_t *payload)
{
    *ahead = cursor_of_reader(reader);
    int error = read_frame_size(ahead, payload);
    bool is_cut = !error && bytes_cursor_available(ahead) < *payload;
    return is_cut ? MOQ_ERR_AGAIN : error;
}

bool group_reader_has_next(const struct moq_group_reader *reader)
{
    bool has_ended = group_has_ended(reader->group); /* first: it may end while we look */
    struct bytes_cursor ahead;
    uint64_t payload;
    return find_whole_frame(reader, &ahead, &payload) != MOQ_ERR_AGAIN || has_ended;
}

int moq_group_reader_next(struct moq_group_reader *reader, const uint8_t **data, size_t *size)
{
    bool has_ended = group_has_ended(reader->group); /* first: it may end while we look */
    struct bytes_cursor ahead;
    uint64_t payload;

    int error = find_whole_frame(reader, &ahead, &payload);
    if (error == MOQ_ERR_AGAIN && has_ended)
        return why_no_next_frame(reader);
    if (!error)
        error = read_frame_payload(reader, &ahead, (size_t)payload, data);
    if (error)
        return error;
    keep_cursor(reader, &ahead);
    *size = (size_t)payload;
    return 0;
}
