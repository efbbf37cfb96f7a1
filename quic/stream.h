/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A stream from the inside: bytes of the application behind a header of ours (WebTransport) or none
 * (raw QUIC). Private to quic/; tested by tests/sim. */
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
    /* All that one of HTTP/3's own streams may send in its life. */
    INTERNAL_OUT_MAX_BYTES = 64 * 1024,
};

enum stream_kind {
    STREAM_APPLICATION, /* its bytes are the application's */
    STREAM_UNDECIDED,   /* a peer's on HTTP/3 that has not said what it is */
    STREAM_INTERNAL,    /* HTTP/3's own */
    STREAM_PARKED,      /* the application's, but its session is not up yet */
    STREAM_DISCARDED,   /* refused: what comes is dropped */
};

struct stream_internal {  /* only streams of HTTP/3 and parked ones have it */
    struct bytes_log out; /* HTTP/3's bytes; they stay put until acknowledged */
    struct bytes_cursor out_cursor;
    struct byte_buf parked; /* the application's bytes that wait for the session */
    uint64_t parked_reset_code, parked_stop_code;
    bool is_out_ended, is_parked_end, is_parked_reset, is_parked_stopped;
    bool is_parked_closed; /* QUIC is done with it, the application has yet to hear of it */
};

struct quic_stream {
    struct list link; /* in conn->streams; later in endpoint->dead_streams */
    struct schedule_node turn;
    struct quic_conn *conn;
    void *user;
    struct stream_internal *internal; /* owned, or NULL */
    int64_t id;
    uint64_t urgency;
    uint64_t written, acked; /* bytes of our direction, header included */
    uint32_t reset_code;     /* if is_reset_wanted */
    uint8_t header[WT_STREAM_HEADER_MAX_BYTES];
    uint8_t header_size;
    uint8_t kind;             /* enum stream_kind */
    bool is_known : 1;        /* the application has a user for it and will hear of its end */
    bool is_write_over : 1;   /* nothing more is to be written: its end is, or it is cut */
    bool is_cut : 1;          /* a reset is on its way, or the peer stopped it */
    bool is_reset_wanted : 1; /* held back until the header is acknowledged */
    bool is_blocked : 1;      /* by the peer's flow control; joins again when it gives more */
};

/* NULL: out of memory. */
struct quic_stream *stream_new(struct quic_conn *conn, int64_t id, enum stream_kind kind);
/* Takes it out of everything; freed at the end of the turn. */
void stream_bury(struct quic_stream *stream);
void stream_free(struct quic_stream *stream); /* at once */
struct stream_internal *
stream_internal(struct quic_stream *stream); /* made on first use; NULL: out of memory */
bool stream_is_local(const struct quic_stream *stream);
bool stream_is_bidi(const struct quic_stream *stream);

/* Tells the application of a peer's stream; it becomes APPLICATION, or is refused and DISCARDED. */
void stream_introduce(struct quic_stream *stream);
/* QUIC is done with it: the last call to the application, and it is buried. */
void stream_close(struct quic_stream *stream);
/* Resets and stops; what comes is dropped. */
void stream_refuse(struct quic_stream *stream, uint64_t wire_code);

void stream_schedule(struct quic_stream *stream); /* it has something to write */
void stream_unschedule(struct quic_stream *stream);
void stream_written(struct quic_stream *stream, size_t n, bool is_end); /* ngtcp2 took `n` bytes */
void stream_acked(struct quic_stream *stream, uint64_t offset);

/* The next bytes of it to write, header first. Returns entries; 0 and no *is_end: nothing. */
size_t stream_pull(struct quic_stream *stream, struct iovec *vec, size_t max, bool *is_end);

/* Codes of stream errors on the wire: mapped to HTTP/3's range on both bindings; what comes may be
 * raw on raw QUIC. */
uint32_t stream_code_from_wire(const struct quic_conn *conn, uint64_t wire_code);

#ifdef __cplusplus
}
#endif
#endif
