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

/* Downcalls. `handle` is what `open` returned or what moq_session_accept_stream was given. None of
 * them calls back into the session before it returns. */
struct moq_transport_ops {
    /* A new stream of ours. NULL: the peer allows no more now; moq_session_credit follows when it
     * does. */
    void *(*open)(void *transport, bool is_bidi, struct moq_stream *stream);
    /* There are bytes (or the end) to send: call moq_stream_pull when there is room. */
    void (*wake)(void *handle);
    /* Which stream of this session goes first: the higher `urgency`. Streams of equal urgency take
     * turns. */
    void (*set_urgency)(void *handle, uint64_t urgency);
    void (*reset)(void *handle, uint32_t code); /* our direction: what was not sent is dropped */
    void (*stop)(void *handle, uint32_t code);  /* the peer's direction: please stop */
    /* Call moq_session_tick at `when_ns` of the session's clock, no longer at the time that was
     * said before; UINT64_MAX: not at all. */
    void (*wake_at)(void *transport, uint64_t when_ns);
    /* The session; moq_session_closed follows later. */
    void (*close)(void *transport, uint32_t code, const char *reason);
};

struct moq_transport {
    const struct moq_transport_ops *ops;
    void *self;
};

/* ---- Upcalls --------------------------------------------------------------------------------- */

/* The peer opened a stream. Returns our side of it, or NULL (out of memory or over a limit): the
 * transport then resets and stops it with code 11. */
struct moq_stream *moq_session_accept_stream(struct moq_session *session, void *handle,
                                             bool is_bidi);

void moq_stream_received(struct moq_stream *stream, const uint8_t *data, size_t n, bool is_end);

/* The peer gave up its direction; the peer wants no more of ours, which the transport resets. */
void moq_stream_was_reset(struct moq_stream *stream, uint32_t code);
void moq_stream_was_stopped(struct moq_stream *stream, uint32_t code);

/* The next unsent bytes: fills up to `max` entries of `vec`, returns how many. *is_end: the stream
 * ends right after them. Nothing moves until moq_stream_sent, which says how many of them are in
 * packets. The bytes stay put until they are acknowledged (all before `offset`) or the stream is
 * closed. */
size_t moq_stream_pull(struct moq_stream *stream, struct iovec *vec, size_t max, bool *is_end);
void moq_stream_sent(struct moq_stream *stream, size_t n, bool is_end);
void moq_stream_acked(struct moq_stream *stream, uint64_t offset);

/* Both directions are over, and what we sent is acknowledged; the last call. */
void moq_stream_closed(struct moq_stream *stream);

void moq_session_credit(struct moq_session *session); /* the peer allows more streams */

/* The time of `wake_at` has come: does what it demands (timeouts, late groups) and says the next
 * one. Too early is harmless. */
void moq_session_tick(struct moq_session *session);

/* The connection is gone. Every stream was closed before. `code` is the peer's code or 0. */
void moq_session_closed(struct moq_session *session, int error, const char *reason);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
