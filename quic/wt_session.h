/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The slice of HTTP/3 that one WebTransport session needs, as a state machine over bytes: control
 * streams, SETTINGS, the extended CONNECT, capsules, stream headers, error mapping. Private to
 * quic/. Opens and writes through callbacks, so it is tested and fuzzed without QUIC.
 *
 * Callbacks may call respond, close and stream_closed, never free. A connection has one session;
 * what else a peer asks for is answered and forgotten here. Sources: RFC 9114, 9204, 9220, 9297,
 * draft-ietf-webtrans-http3-02 to -14. */
#ifndef MOQ_QUIC_WT_SESSION_H
#define MOQ_QUIC_WT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quic/h3.h"

#ifdef __cplusplus
extern "C" {
#endif

struct wt_session; /* one per connection with ALPN h3 */

enum {
    WT_PARKED_MAX_STREAMS = 16,      /* early streams; more are rejected here */
    WT_PARKED_MAX_BYTES = 64 * 1024, /* of all early streams: the connection, which holds them, */
    WT_PARKED_MAX_SECONDS = 5,       /* rejects over either with H3_WT_BUFFERED_STREAM_REJECTED */
    WT_STREAM_HEADER_MAX_BYTES = 16,
};

struct wt_request { /* a CONNECT for WebTransport; the strings live during the call */
    const char *authority, *path;
    const char *origin;    /* "" if there was none */
    const char *protocols; /* what the client offers to speak, a list (RFC 9651); "" if nothing */
};

/* What it asks of the connection. Streams are named by their QUIC ids here. */
struct wt_session_ops {
    /* Opens one of HTTP/3's own streams (control; client: also CONNECT). Returns the id, or -1: try
     * wt_session_credit later. */
    int64_t (*open)(void *self, bool is_bidi);
    /* The bytes are copied; small amounts only. 0 or an error, which fails the connection. */
    int (*write)(void *self, int64_t id, const uint8_t *data, size_t n, bool is_end);
    void (*reset)(void *self, int64_t id, uint64_t h3_code);
    void (*stop)(void *self, int64_t id, uint64_t h3_code);
    /* A connection error: close with this code. Called at most once; all input is discarded after
     * it. */
    void (*fail)(void *self, uint64_t h3_code, const char *reason);
    /* Server: a CONNECT for WebTransport is complete. The connection answers with
     * wt_session_respond, now or later. */
    void (*on_request)(void *self, const struct wt_request *request);
    /* Both: the session is up. Client: `protocol` is what the server chose, as it stands in the
     * answer; "" if nothing, and at a server. */
    void (*on_established)(void *self, const char *protocol);
    void (*on_refused)(void *self, int status); /* client: not a 2xx; 0: ended without an answer */
    /* The peer ended it (capsule, FIN or reset), also a request that was not answered yet. Not
     * after wt_session_close. Streams of the session are to be reset and stopped with
     * H3_WT_SESSION_GONE. */
    void (*on_session_closed)(void *self, uint32_t code, const char *reason);
};

/* What to do with a stream of the peer once its first bytes are read. */
enum wt_stream_kind {
    WT_STREAM_MORE,        /* not clear yet: give more bytes */
    WT_STREAM_INTERNAL,    /* HTTP/3's own: keep feeding wt_session_received */
    WT_STREAM_APPLICATION, /* WebTransport: the rest, and all that follows, is the application's */
    WT_STREAM_PARKED,      /* WebTransport, but the session is not up yet: hold the bytes; call
                            * wt_session_received with n = 0 when it is, or when it was refused */
    WT_STREAM_REJECTED,    /* was reset/stopped through the callbacks: discard what follows */
};

struct wt_session *wt_session_new(bool is_server, const struct wt_session_ops *ops, void *self);
void wt_session_free(struct wt_session **session);

/* The peer's transport parameters allow no datagrams. Without this call it is taken that they do.
 */
void wt_session_set_no_datagrams(struct wt_session *session);

/* Opens the control stream and sends SETTINGS. 0, or what `write` returned. */
int wt_session_start(struct wt_session *session);

/* Client: asks for a session, and to speak one of `protocols` (as in wt_request), as soon as the
 * server's SETTINGS allow it; `fail` tells when they do not. 0; MOQ_ERR_INVALID when it was called
 * before, MOQ_ERR_BOUNDS (strings too long), MOQ_ERR_NOMEM. */
int wt_session_connect(struct wt_session *session, const char *authority, const char *path,
                       const char *protocols);

/* Server: answers on_request. 200 accepts, and chooses `protocol` as it was offered ("": none); 4xx
 * and 5xx refuse, and the client may ask again. 0; MOQ_ERR_CLOSED when there is no request to
 * answer (any more). */
int wt_session_respond(struct wt_session *session, int status, const char *protocol);

void wt_session_credit(struct wt_session *session); /* `open` may succeed now */

/* A peer's stream while its kind is MORE, INTERNAL or PARKED, and our own CONNECT stream. Consumes
 * from `data`; *used says how much was HTTP/3's (all of it, unless the kind becomes APPLICATION or
 * PARKED). */
enum wt_stream_kind wt_session_received(struct wt_session *session, int64_t id, const uint8_t *data,
                                        size_t n, bool is_end, size_t *used);
/* The peer reset its direction of a stream that is not the application's, or of our CONNECT. */
void wt_session_stream_reset(struct wt_session *session, int64_t id, uint64_t h3_code);
/* The peer stopped our direction of such a stream, or of our control stream. What is not clear yet
 * may still become the application's: it is only not to be written to. */
void wt_session_stream_stopped(struct wt_session *session, int64_t id, uint64_t h3_code);
/* Any stream: it is forgotten. */
void wt_session_stream_closed(struct wt_session *session, int64_t id);

/* A QUIC datagram came. There is no use for its content: it is checked and dropped. */
void wt_session_datagram(struct wt_session *session, const uint8_t *data, size_t n);
uint64_t wt_session_datagrams_dropped(const struct wt_session *session);

bool wt_session_is_established(const struct wt_session *session);

/* The bytes that open a WebTransport stream of ours. Returns how many; 0 when there is no session.
 */
size_t wt_session_stream_header(const struct wt_session *session, bool is_bidi,
                                uint8_t out[WT_STREAM_HEADER_MAX_BYTES]);

/* Sends CLOSE_WEBTRANSPORT_SESSION and FIN; is_over becomes true when the peer has ended its side.
 * A session that is not up yet is cancelled and over at once. 0, or MOQ_ERR_CLOSED when it ended
 * before. */
int wt_session_close(struct wt_session *session, uint32_t code, const char *reason);
bool wt_session_is_over(const struct wt_session *session);

#ifdef __cplusplus
}
#endif
#endif
