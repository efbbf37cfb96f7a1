/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Two ways to hold bytes.
 *
 * `bytes_log` is append-only: one writer adds at the end, any number of cursors on any thread read
 * what is published. A published length never falls and published bytes never move, so a reader
 * needs one acquire load and no lock, and QUIC may keep pointers into it until they are
 * acknowledged.
 *
 * `byte_buf` is a plain growing buffer with a limit, for messages that are put together or not
 * complete yet. */
#ifndef MOQ_BASE_BYTES_H
#define MOQ_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/symbols.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct bytes_chunk; /* private: a piece of memory and the link to the next */

struct bytes_log {
    struct bytes_chunk *first,
        *last;         /* private to the writer, but `first` is also read by cursors */
    uint64_t length;   /* private: published bytes; use bytes_log_length() */
    uint64_t capacity; /* private to the writer: bytes that all chunks hold, freed ones included */
    uint64_t trimmed;  /* private to the writer: bytes of chunks that are freed */
};

/* A reader's place in a log. Valid as long as the log lives. */
struct bytes_cursor {
    const struct bytes_log *log;     /* private */
    const struct bytes_chunk *chunk; /* private: NULL before the first read */
    size_t offset;                   /* private: within the chunk */
    uint64_t position;               /* read-only: bytes read so far */
};

void bytes_log_init(struct bytes_log *log);
/* Frees the chunks; no cursor may be used afterwards. */
void bytes_log_deinit(struct bytes_log *log);

/* Copies `n` bytes to the end and publishes them. Returns 0, or MOQ_ERR_NOMEM and leaves the log as
 * it was. */
int bytes_log_append(struct bytes_log *log, const void *data, size_t n);

/* Frees the chunks that end before offset `up_to`, which is at most the length. Only for a log of
 * one thread, and only where every cursor that will be used again has passed `up_to`; no cursor may
 * be started afterwards. */
void bytes_log_trim(struct bytes_log *log, uint64_t up_to);

/* Trims up to where `cursor` is, the only one that will be used again, and if that is the end,
 * frees the last chunk too: the next append begins with a small one. */
void bytes_log_trim_read(struct bytes_log *log, struct bytes_cursor *cursor);

/* Published bytes, the trimmed ones included; any thread. */
uint64_t bytes_log_length(const struct bytes_log *log);

/* Memory held by the chunks, in bytes; the writer's thread. */
size_t bytes_log_footprint(const struct bytes_log *log);

/* Places the cursor at the first byte of `log`. */
void bytes_cursor_init(struct bytes_cursor *cursor, const struct bytes_log *log);

/* Bytes that are published and not read yet. */
uint64_t bytes_cursor_available(const struct bytes_cursor *cursor);

/* Points `vec` (room for `max`) at the next bytes, at most `limit` of them, without moving. Returns
 * the entries used. */
size_t bytes_cursor_peek(struct bytes_cursor *cursor, struct iovec *vec, size_t max, size_t limit);

/* Moves forward by `n`, which must be available. */
void bytes_cursor_advance(struct bytes_cursor *cursor, uint64_t n);

/* Copies `n` bytes to `out` and moves forward. Returns false and does nothing if fewer are
 * available. */
bool bytes_cursor_read(struct bytes_cursor *cursor, void *out, size_t n);

struct byte_buf {
    uint8_t *data;   /* read-only; NULL while empty and never used */
    size_t size;     /* read-only: bytes in use */
    size_t capacity; /* private */
    size_t limit;    /* read-only: size never exceeds it */
};

/* An empty buffer that may grow to `limit` bytes. */
void byte_buf_init(struct byte_buf *buf, size_t limit);
/* An empty buffer in `limit` bytes of the caller's memory. It allocates nothing and must not be
 * deinitialised. */
void byte_buf_init_over(struct byte_buf *buf, uint8_t *memory, size_t limit);
void byte_buf_deinit(struct byte_buf *buf);

/* Adds `n` bytes. Returns 0, MOQ_ERR_BOUNDS over the limit, or MOQ_ERR_NOMEM; on error nothing is
 * added. */
int byte_buf_append(struct byte_buf *buf, const void *data, size_t n);
/* Like byte_buf_append; also MOQ_ERR_INVALID if `value` is over VARINT_MAX. */
int byte_buf_append_varint(struct byte_buf *buf, uint64_t value);
int byte_buf_append_byte(struct byte_buf *buf, uint8_t byte);

/* Drops the first `n` bytes (all, if there are fewer) and moves the rest to the front. */
void byte_buf_consume(struct byte_buf *buf, size_t n);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
