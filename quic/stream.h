/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A stream: bytes of the application, after a header of ours on WebTransport. Private to quic/;
 * tested by tests/sim. */
#ifndef MOQ_QUIC_STREAM_H
#define MOQ_QUIC_STREAM_H

#include "base/bytes.h"
#include "base/list.h"
#include "quic/quic.h"
#include "quic/schedule.h"
#include "quic/wt_session.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    /* The most that one of HTTP/3's own streams may ever send. */
    INTERNAL_OUT_MAX_BYTES = 64 * 1024,
};

enum stream_kind {
    STREAM_APPLICATION, /* its bytes are the application's */
    STREAM_UNDECIDED,   /* opened by a peer on HTTP/3; its first bytes have not come yet */
    STREAM_INTERNAL,    /* one of HTTP/3's own streams */
    STREAM_PARKED,      /* the application's, but its session is not established yet */
    STREAM_DISCARDED,   /* refused; what comes is dropped */
};
struct stream_internal {  /* only internal and parked streams have one */
    struct bytes_log out; /* HTTP/3's bytes, which must not move until they are acknowledged */
    struct bytes_cursor out_cursor;
    struct byte_buf parked; /* the application's bytes, which wait for the session */
    uint64_t parked_reset_code, parked_stop_code;
    bool is_out_ended, is_parked_end, is_parked_reset, is_parked_stopped;
    bool is_parked_closed; /* closed in QUIC, but the application has not been told of it yet */
};

struct quic_stream {
    struct list link; /* in conn->streams; later in endpoint->dead_streams */
    struct schedule_node turn;
    struct quic_conn *conn;
    void *user;
    struct stream_internal *internal; /* owned, or NULL */
    int64_t id;
    uint64_t urgency;
    uint64_t written, acked; /* bytes of our direction, including the header */
    uint32_t reset_code;     /* valid if is_reset_wanted */
    uint8_t header[WT_STREAM_HEADER_MAX_BYTES];
    uint8_t header_size;
    uint8_t kind;             /* enum stream_kind */
    bool is_known : 1;        /* the application knows it and will be told of its end */
    bool is_write_over : 1;   /* nothing more will be written: its end was, or it is cut */
    bool is_cut : 1;          /* we have reset it, or the peer has stopped it */
    bool is_reset_wanted : 1; /* the reset waits until the header is acknowledged */
    bool is_blocked : 1;      /* by the peer's flow control, until that allows more */
};

/* NULL: out of memory. */
struct quic_stream *stream_new(struct quic_conn *conn, int64_t id, enum stream_kind kind);
/* Takes the stream out of all lists and has it freed at the end of the turn. */
void stream_bury(struct quic_stream *stream);
void stream_free(struct quic_stream *stream); /* frees it at once */
/* The internal part of a stream, which is made on first use. NULL: out of memory. */
struct stream_internal *stream_internal(struct quic_stream *stream);
bool stream_is_local(const struct quic_stream *stream);
bool stream_is_bidi(const struct quic_stream *stream);

/* Tells the application of a peer's stream. Its kind becomes APPLICATION, or DISCARDED if the
 * application refuses it. */
void stream_introduce(struct quic_stream *stream);
/* Called when QUIC has closed the stream: tells the application, and buries it. */
void stream_close(struct quic_stream *stream);
/* Resets and stops the stream. What comes after that is dropped. */
void stream_refuse(struct quic_stream *stream, uint64_t wire_code);

void stream_schedule(struct quic_stream *stream); /* it has something to write */
void stream_unschedule(struct quic_stream *stream);
void stream_written(struct quic_stream *stream, size_t n, bool is_end); /* ngtcp2 took `n` bytes */
void stream_acked(struct quic_stream *stream, uint64_t offset);

/* Fills `vec` with the next bytes to write, the header first. Returns the number of entries. If
 * that is 0 and `*is_end` is false, there is nothing to write. */
size_t stream_pull(struct quic_stream *stream, struct iovec *vec, size_t max, bool *is_end);

/* Converts the code of a stream error from the wire. We send codes in HTTP/3's range on raw QUIC,
 * too, but accept unmapped codes there. */
uint32_t stream_code_from_wire(const struct quic_conn *conn, uint64_t wire_code);

#ifdef __cplusplus
}
#endif
#endif
