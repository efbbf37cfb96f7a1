/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a session needs from QUIC, and what QUIC tells it: transfork knows streams of bytes and
 * nothing below.
 *
 * A stream lives from its opening (by either side) until `moq_stream_closed`; the transport's
 * handle is valid for just as long. Error codes here are transfork's small numbers (wire_code.h);
 * how they look on the wire is the transport's business, and so is holding back a reset until the
 * stream's header is acknowledged (Rust peers drop the session otherwise). */
#ifndef MOQ_TRANSPORT_H
#define MOQ_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "transfork/wire_code.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct moq_session;
struct moq_stream; /* transfork's side of a stream */

/* Calls down to the transport. `handle` is what `open` returned or what moq_session_accept_stream
 * was given. None of them calls back into the session before it returns. */
struct moq_transport_ops {
    /* Opens a stream of ours and returns its handle. NULL: the peer allows no more now;
     * moq_session_credit follows when it does. */
    void *(*open)(void *transport, bool is_bidi, struct moq_stream *stream);
    /* There are bytes, or the end, to send: the transport calls moq_stream_pull when it has
     * room. */
    void (*wake)(void *handle);
    /* The stream of the session with the highest `urgency` is sent first; streams of equal urgency
     * take turns. */
    void (*set_urgency)(void *handle, uint64_t urgency);
    void (*reset)(void *handle, uint32_t code); /* ends our direction; unsent bytes are dropped */
    void (*stop)(void *handle, uint32_t code);  /* asks the peer to end its direction */
    /* Asks for moq_session_tick at `when_ns` of the session's clock, in place of the time asked for
     * before; UINT64_MAX: no tick. */
    void (*wake_at)(void *transport, uint64_t when_ns);
    /* Closes the session; moq_session_closed follows later. */
    void (*close)(void *transport, uint32_t code, const char *reason);
};

struct moq_transport {
    const struct moq_transport_ops *ops;
    void *self;
};

/* ---- Calls up from the transport ------------------------------------------------------------- */

/* The peer opened a stream. Returns our side of it, or NULL (out of memory or over a limit): the
 * transport then resets and stops it with code 11. */
struct moq_stream *moq_session_accept_stream(struct moq_session *session, void *handle,
                                             bool is_bidi);

void moq_stream_received(struct moq_stream *stream, const uint8_t *data, size_t n, bool is_end);

/* The peer reset its direction; the peer asked us to stop ours, which the transport resets. */
void moq_stream_was_reset(struct moq_stream *stream, uint32_t code);
void moq_stream_was_stopped(struct moq_stream *stream, uint32_t code);

/* The next unsent bytes: fills up to `max` entries of `vec` and returns their number. *is_end: the
 * stream ends right after them. They count as sent only after moq_stream_sent, with `n` the number
 * of bytes that are in packets. They stay where they are until moq_stream_acked (for all bytes
 * before `offset`) or until the stream is closed. */
size_t moq_stream_pull(struct moq_stream *stream, struct iovec *vec, size_t max, bool *is_end);
void moq_stream_sent(struct moq_stream *stream, size_t n, bool is_end);
void moq_stream_acked(struct moq_stream *stream, uint64_t offset);

/* Both directions are over, and everything that we sent is acknowledged. The last call. */
void moq_stream_closed(struct moq_stream *stream);

void moq_session_credit(struct moq_session *session); /* the peer allows more streams */

/* The time given to `wake_at` has come: handles timeouts and late groups, and gives the next time.
 * Calling it too early does no harm. */
void moq_session_tick(struct moq_session *session);

/* The connection is gone; all its streams were closed before. `error` 0: a normal end. */
void moq_session_closed(struct moq_session *session, int error, const char *reason);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
