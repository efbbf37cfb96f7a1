/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Our side of a QUIC stream: what every kind of stream has in common.
 *
 * A stream has at most one owner, an object that gave it `stream_ops`. When the stream is over for
 * its owner, `on_over` is called once, and the stream has no owner any more: it lives until QUIC
 * has closed it, sends the rest of its log, and ignores incoming bytes. An owner that is done
 * before that calls stream_detach().
 *
 * Control streams write into a log that is kept until the peer has acknowledged it; streams that
 * carry a group (send_group.c, fetch_answer.c) send directly from the group. */
#ifndef MOQ_STREAM_H
#define MOQ_STREAM_H

#include "base/bytes.h"
#include "base/list.h"
#include "transfork/transport.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The longest message that a peer may send: a path at its limits with the longest varints, and room
 * for the other fields. The exception is the first message of a session, which may carry
 * extensions. */
enum { STREAM_MESSAGE_MAX_BYTES = 2048, STREAM_GREETING_MAX_BYTES = 16 * 1024 };

/* How much a peer may leave unread on a control stream: if more is waiting, the stream is cut with
 * MOQ_ERR_BOUNDS. */
enum { STREAM_BACKLOG_MAX_BYTES = 256 * 1024 };

struct moq_stream;

struct stream_ops {
    /* Reads the front of `data`, which is not empty. Returns how many bytes it took; MOQ_ERR_AGAIN:
     * it needs more, and gets them together with these; or an error that ends the stream. May
     * detach the stream. */
    long (*read)(struct moq_stream *stream, const uint8_t *data, size_t n);
    /* The peer finished its direction; `n` bytes were not taken by `read`. Returns 0 or an error
     * that ends the stream. NULL: leftover bytes are MOQ_ERR_DECODE; without any, our direction is
     * finished too and the owner is told. */
    int (*on_end)(struct moq_stream *stream, const uint8_t *left, size_t n);
    /* The stream is over (reset, stopped, malformed, closed), for the reason `error`. The last
     * call. */
    void (*on_over)(struct moq_stream *stream, int error);
    /* More of the log is in packets. May be NULL. */
    void (*on_sent)(struct moq_stream *stream);
    bool ignores_stop; /* our direction is silent anyway: STOP_SENDING does not end the stream */
};

/* Where a stream without a log gets its bytes: a group. It outlives the owner, because bytes may
 * have to be sent again. */
struct stream_source {
    size_t (*pull)(struct moq_stream *stream, struct iovec *vec, size_t max, bool *is_end);
    void (*on_sent)(struct moq_stream *stream, size_t n, bool is_end);
    void (*on_closed)(struct moq_stream *stream); /* releases the group */
    bool is_whole; /* the stream is part of the source's object, which frees it */
};

struct moq_stream {
    struct list node;             /* private: in its session's streams or waiting, or nowhere */
    struct moq_session *session;  /* read-only */
    void *handle;                 /* read-only: the transport's; NULL: not opened yet, or closed */
    const struct stream_ops *ops; /* read-only: NULL: no owner */
    void *owner;                  /* the object that `ops` works on */
    uint64_t credit_deadline_ns;  /* set by the owner: when waiting to be opened ends */
    const struct stream_source *source; /* read-only: NULL: the log */
    void *source_object;                /* the object that `source` works on */
    struct byte_buf in;                 /* private: bytes that are not parsed yet */
    struct bytes_log out;               /* private: what we send */
    struct bytes_cursor cursor;         /* private: the end of what is in packets */
    bool is_bidi, is_ours;              /* read-only */
    bool is_parked;                     /* private: waits until the versions are agreed */
    bool is_in_over, is_out_over;       /* read-only: the direction ended, by either side */
    bool is_ending;                     /* private: the end follows the last byte of the log */
    bool is_suspect;      /* for dialect.c: its bytes look like the other dialect of 04 */
    uint8_t suspect_kind; /* for dialect.c: enum message_kind */
    bool is_ending_in;    /* private: the peer's end came while the stream was parked */
};

/* A stream that the peer opened; it has no owner yet. NULL: out of memory. */
struct moq_stream *stream_new_accepted(struct moq_session *session, void *handle, bool is_bidi);

/* A bidirectional stream of ours, which begins with its type (enum message_bidi). It is opened now,
 * or as soon as the peer allows one more. NULL: out of memory. */
struct moq_stream *stream_new_asking(struct moq_session *session, uint64_t type,
                                     const struct stream_ops *ops, void *owner);

/* Opens a waiting stream. False: the peer allows no more. */
bool stream_open_waiting(struct moq_stream *stream);

/* Fails the streams that have waited too long to be opened. */
void streams_expire(struct moq_session *session);

/* For streams that are part of another object. */
void stream_init(struct moq_stream *stream, struct moq_session *session);
void stream_deinit(struct moq_stream *stream);

void stream_attach(struct moq_stream *stream, const struct stream_ops *ops, void *owner);
void stream_detach(struct moq_stream *stream); /* no more calls to the owner */

/* Appends to the log and wakes the stream. Returns 0; MOQ_ERR_BOUNDS over STREAM_BACKLOG_MAX_BYTES;
 * MOQ_ERR_NOMEM; MOQ_ERR_CLOSED if our direction has ended. */
int stream_write(struct moq_stream *stream, const void *data, size_t n);

/* One message of ours, on its way from an encoder to a stream:
 *
 *     struct stream_message message;
 *     int error = message_encode_gap(stream_compose(&message), &gap);
 *     return stream_send(stream, &message, error);
 */
struct stream_message {
    struct byte_buf buf;                      /* private: over `memory` */
    uint8_t memory[STREAM_MESSAGE_MAX_BYTES]; /* private */
};
struct byte_buf *stream_compose(struct stream_message *message); /* for the encoder to fill */

/* Writes the message as stream_write does, unless `error` is set: then it writes nothing and
 * returns `error`. */
int stream_send(struct moq_stream *stream, const struct stream_message *message, int error);

/* An on_end that always returns MOQ_ERR_DECODE, for streams whose first message is not complete. */
int stream_ends_too_early(struct moq_stream *stream, const uint8_t *left, size_t n);

/* A `read` that always returns MOQ_ERR_PROTOCOL, for streams on which no further message is
 * allowed. */
long stream_refuses_more(struct moq_stream *stream, const uint8_t *data, size_t n);
/* Bytes of the log that are not in packets. */
uint64_t stream_unsent(const struct moq_stream *stream);
/* Asks the transport for a turn to send. */
void stream_wake(struct moq_stream *stream);
void stream_set_urgency(struct moq_stream *stream, uint64_t urgency);

void stream_finish(struct moq_stream *stream); /* ends our direction after what was written */
void stream_reset(struct moq_stream *stream, int error); /* ends our direction at once */
void stream_stop(struct moq_stream *stream, int error);  /* ends the peer's direction */

/* Resets and stops the stream and detaches its owner, without telling it. Frees a stream that was
 * never opened. */
void stream_abort(struct moq_stream *stream, int error);

/* Resets and stops the stream, and tells the owner why (on_over). */
void stream_fail(struct moq_stream *stream, int error);

/* A version is agreed on: parses the bytes that were parked. */
void stream_unpark(struct moq_stream *stream);

#ifdef __cplusplus
}
#endif
#endif
