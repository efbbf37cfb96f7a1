/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Append-only logs of chunks, their cursors, and bounded buffers. */
#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "base/objects.h"
#include "base/varint.h"

/* Chunk sizes double from the first to the largest, so a control stream or a small audio group
 * takes little memory and a large video group needs few links. */
enum { CHUNK_FIRST_BYTES = 128, CHUNK_MAX_BYTES = 64 * 1024 };

struct bytes_chunk {
    struct bytes_chunk *next;
    size_t capacity;
    size_t used; /* for the writer only; readers use the published length */
    uint8_t data[];
};

static struct bytes_chunk *chunk_new(size_t wanted, const struct bytes_chunk *previous)
{
    size_t capacity = previous ? (previous->capacity + sizeof *previous) * 2 : CHUNK_FIRST_BYTES;
    while (capacity < wanted + sizeof *previous && capacity < CHUNK_MAX_BYTES)
        capacity *= 2;
    if (capacity > CHUNK_MAX_BYTES)
        capacity = CHUNK_MAX_BYTES;

    struct bytes_chunk *chunk = malloc(capacity);
    if (!chunk)
        return NULL;
    chunk->next = NULL;
    chunk->capacity = capacity - sizeof *chunk;
    chunk->used = 0;
    object_born(OBJECT_chunk);
    return chunk;
}

/* Frees `chunk` and all that follow it. */
static void chunks_free(struct bytes_chunk *chunk)
{
    while (chunk) {
        struct bytes_chunk *next = chunk->next;
        free(chunk);
        object_died(OBJECT_chunk);
        chunk = next;
    }
}

void bytes_log_init(struct bytes_log *log)
{
    *log = (struct bytes_log){0};
}

void bytes_log_deinit(struct bytes_log *log)
{
    chunks_free(log->first);
    bytes_log_init(log);
}

/* Makes room for `n` more bytes after `log->last` before anything is written, so that an append is
 * all or nothing. */
static int reserve_chunks(struct bytes_log *log, size_t n)
{
    uint64_t room = log->capacity - log->length;
    struct bytes_chunk *tail = log->last;
    struct bytes_chunk *first_new = NULL, *last_new = NULL;
    uint64_t added = 0;

    while (room + added < n) {
        struct bytes_chunk *chunk =
            chunk_new((size_t)(n - room - added), last_new ? last_new : tail);
        if (!chunk) {
            chunks_free(first_new);
            return MOQ_ERR_NOMEM;
        }
        if (last_new)
            last_new->next = chunk;
        else
            first_new = chunk;
        last_new = chunk;
        added += chunk->capacity;
    }
    if (!first_new)
        return 0;

    if (tail)
        tail->next = first_new;
    else
        log->first = log->last = first_new;
    log->capacity += added;
    return 0;
}

int bytes_log_append(struct bytes_log *log, const void *data, size_t n)
{
    if (n == 0)
        return 0;
    int error = reserve_chunks(log, n);
    if (error)
        return error;

    const uint8_t *from = data;
    for (size_t left = n; left > 0;) {
        struct bytes_chunk *chunk = log->last;
        if (chunk->used == chunk->capacity) {
            log->last = chunk->next;
            continue;
        }
        size_t room = chunk->capacity - chunk->used;
        size_t part = left < room ? left : room;
        memcpy(chunk->data + chunk->used, from, part);
        chunk->used += part;
        from += part;
        left -= part;
    }
    __atomic_store_n(&log->length, log->length + n, __ATOMIC_RELEASE);
    return 0;
}

uint64_t bytes_log_length(const struct bytes_log *log)
{
    return __atomic_load_n(&log->length, __ATOMIC_ACQUIRE);
}

size_t bytes_log_footprint(const struct bytes_log *log)
{
    return (size_t)(log->capacity - log->trimmed);
}

/* A cursor that has read the last byte of a chunk still points at that chunk, so a chunk is freed
 * only if it ends before `up_to`, not at it. */
void bytes_log_trim(struct bytes_log *log, uint64_t up_to)
{
    REQUIRE(up_to <= bytes_log_length(log));
    while (log->first != log->last && log->trimmed + log->first->capacity < up_to) {
        struct bytes_chunk *chunk = log->first;
        log->first = chunk->next;
        log->trimmed += chunk->capacity;
        free(chunk);
        object_died(OBJECT_chunk);
    }
}

void bytes_log_trim_read(struct bytes_log *log, struct bytes_cursor *cursor)
{
    bytes_log_trim(log, cursor->position);
    if (cursor->position < bytes_log_length(log))
        return;
    chunks_free(log->first);
    log->first = log->last = NULL;
    log->capacity = log->trimmed = log->length;
    *cursor = (struct bytes_cursor){.log = log, .position = log->length};
}

void bytes_cursor_init(struct bytes_cursor *cursor, const struct bytes_log *log)
{
    *cursor = (struct bytes_cursor){.log = log};
}

uint64_t bytes_cursor_available(const struct bytes_cursor *cursor)
{
    return bytes_log_length(cursor->log) - cursor->position;
}

/* Moves on to the next chunk if this one is used up. Called only when a byte is available, so the
 * next chunk exists. */
static void settle_cursor(struct bytes_cursor *cursor)
{
    if (!cursor->chunk)
        cursor->chunk = cursor->log->first;
    while (cursor->offset == cursor->chunk->capacity) {
        cursor->chunk = cursor->chunk->next;
        cursor->offset = 0;
    }
}

size_t bytes_cursor_peek(struct bytes_cursor *cursor, struct iovec *vec, size_t max, size_t limit)
{
    uint64_t available = bytes_cursor_available(cursor);
    size_t left = available < limit ? (size_t)available : limit;
    if (left == 0)
        return 0;

    settle_cursor(cursor);
    size_t used = 0, offset = cursor->offset;
    for (const struct bytes_chunk *chunk = cursor->chunk; left > 0 && used < max;) {
        size_t room = chunk->capacity - offset;
        size_t part = left < room ? left : room;
        vec[used++] = (struct iovec){(void *)(uintptr_t)(chunk->data + offset), part};
        left -= part;
        offset = 0;
        if (left > 0)
            chunk = chunk->next;
    }
    return used;
}

void bytes_cursor_advance(struct bytes_cursor *cursor, uint64_t n)
{
    REQUIRE(n <= bytes_cursor_available(cursor));
    while (n > 0) {
        settle_cursor(cursor);
        size_t room = cursor->chunk->capacity - cursor->offset;
        size_t part = n < room ? (size_t)n : room;
        cursor->offset += part;
        cursor->position += part;
        n -= part;
    }
}

bool bytes_cursor_read(struct bytes_cursor *cursor, void *out, size_t n)
{
    if (bytes_cursor_available(cursor) < n)
        return false;
    uint8_t *to = out;
    while (n > 0) {
        struct iovec vec;
        bytes_cursor_peek(cursor, &vec, 1, n);
        memcpy(to, vec.iov_base, vec.iov_len);
        bytes_cursor_advance(cursor, vec.iov_len);
        to += vec.iov_len;
        n -= vec.iov_len;
    }
    return true;
}

void byte_buf_init(struct byte_buf *buf, size_t limit)
{
    *buf = (struct byte_buf){.limit = limit};
}

void byte_buf_init_over(struct byte_buf *buf, uint8_t *memory, size_t limit)
{
    *buf = (struct byte_buf){.data = memory, .capacity = limit, .limit = limit};
}

void byte_buf_deinit(struct byte_buf *buf)
{
    free(buf->data);
    byte_buf_init(buf, buf->limit);
}

/* Grows the capacity to at least `size` bytes, which is within the limit. Not inlined, because gcc
 * would then warn of a realloc of the caller's memory: it does not see that a buffer made by
 * byte_buf_init_over never grows. */
__attribute__((noinline)) static int byte_buf_grow(struct byte_buf *buf, size_t size)
{
    size_t capacity = buf->capacity ? buf->capacity : 64;
    while (capacity < size)
        capacity *= 2;
    uint8_t *grown = realloc(buf->data, capacity);
    if (!grown)
        return MOQ_ERR_NOMEM;
    buf->data = grown;
    buf->capacity = capacity;
    return 0;
}

int byte_buf_append(struct byte_buf *buf, const void *data, size_t n)
{
    if (n > buf->limit - buf->size)
        return MOQ_ERR_BOUNDS;
    if (n == 0)
        return 0;

    if (buf->size + n > buf->capacity && byte_buf_grow(buf, buf->size + n))
        return MOQ_ERR_NOMEM;
    memcpy(buf->data + buf->size, data, n);
    buf->size += n;
    return 0;
}

int byte_buf_append_varint(struct byte_buf *buf, uint64_t value)
{
    uint8_t bytes[VARINT_MAX_BYTES];
    size_t n = varint_encode(bytes, value);
    return n ? byte_buf_append(buf, bytes, n) : MOQ_ERR_INVALID;
}

int byte_buf_append_byte(struct byte_buf *buf, uint8_t byte)
{
    return byte_buf_append(buf, &byte, 1);
}

void byte_buf_consume(struct byte_buf *buf, size_t n)
{
    if (n > buf->size)
        n = buf->size;
    buf->size -= n;
    if (buf->size > 0)
        memmove(buf->data, buf->data + n, buf->size);
}
