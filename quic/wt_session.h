/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The part of HTTP/3 that one WebTransport session needs, as a state machine over bytes: control
 * streams, SETTINGS, the extended CONNECT, capsules, stream headers, error mapping. Private to
 * quic/. It opens and writes streams through callbacks, so it is tested and fuzzed without QUIC.
 *
 * Callbacks may call wt_session_respond(), wt_session_close() and wt_session_stream_closed(), but
 * not wt_session_free(). A connection has one session; any other request of a peer is answered here
 * and forgotten. Sources: RFC 9114, 9204, 9220, 9297, draft-ietf-webtrans-http3-02 to -14. */
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
    WT_PARKED_MAX_STREAMS = 16, /* early streams; the session rejects more */
    /* Limits for all early streams together. The connection, which holds their bytes, rejects
     * streams that exceed one of them with H3_WT_BUFFERED_STREAM_REJECTED. */
    WT_PARKED_MAX_BYTES = 64 * 1024,
    WT_PARKED_MAX_SECONDS = 5,
    WT_STREAM_HEADER_MAX_BYTES = 16,
};

struct wt_request { /* a CONNECT for WebTransport; the strings are valid during the call */
    const char *authority, *path;
    const char *origin;    /* "" if there is none */
    const char *protocols; /* protocols that the client offers, a list (RFC 9651); "" if none */
};
/* What the session asks of the connection. Streams are identified by their QUIC stream IDs. */
struct wt_session_ops {
    /* Opens one of HTTP/3's own streams: the control stream or, at a client, the CONNECT. Returns
     * its ID, or -1 if none can be opened now; call wt_session_credit() when one can. */
    int64_t (*open)(void *self, bool is_bidi);
    /* Writes a small number of bytes, which are copied. Returns 0 or an error, which fails the
     * connection. */
    int (*write)(void *self, int64_t id, const uint8_t *data, size_t n, bool is_end);
    void (*reset)(void *self, int64_t id, uint64_t h3_code);
    void (*stop)(void *self, int64_t id, uint64_t h3_code);
    /* A connection error: the connection must close with this code. Called at most once. All input
     * is discarded after it. */
    void (*fail)(void *self, uint64_t h3_code, const char *reason);
    /* Server: a CONNECT for WebTransport is complete. The connection answers with
     * wt_session_respond(), now or later. */
    void (*on_request)(void *self, const struct wt_request *request);
    /* The session is established. `protocol`: at a client, the one that the server has chosen, as
     * it appears in the answer, "" if none; at a server always "". */
    void (*on_established)(void *self, const char *protocol);
    /* Client. `words`: what the server says beside the status, "" if nothing. Status 0: the stream
     * ended without an answer. */
    void (*on_refused)(void *self, int status, const char *words);
    /* The peer has ended the session by a capsule, FIN or reset, or has given up a request that was
     * not answered yet. Not called after wt_session_close(). The connection must reset and stop the
     * streams of the session with H3_WT_SESSION_GONE. */
    void (*on_session_closed)(void *self, uint32_t code, const char *reason);
};

/* What to do with a stream of the peer once its first bytes are read. */
enum wt_stream_kind {
    WT_STREAM_MORE,        /* not known yet: pass more bytes */
    WT_STREAM_INTERNAL,    /* one of HTTP/3's own: pass all its bytes to wt_session_received() */
    WT_STREAM_APPLICATION, /* the rest of the bytes, and all later ones, are the application's */
    /* The application's, but the session is not established yet: hold the bytes. Call
     * wt_session_received() with n = 0 when it is established or refused. */
    WT_STREAM_PARKED,
    WT_STREAM_REJECTED, /* it was reset and stopped through the callbacks: discard what follows */
};

struct wt_session *wt_session_new(bool is_server, const struct wt_session_ops *ops, void *self);
void wt_session_free(struct wt_session **session);

/* Says that the peer's transport parameters do not allow datagrams. The default is that they do. */
void wt_session_set_no_datagrams(struct wt_session *session);

/* Opens the control stream and sends SETTINGS. 0, or what `write` returned. */
int wt_session_start(struct wt_session *session);

/* Client: asks for a session, and offers `protocols` (as in wt_request), as soon as the server's
 * SETTINGS allow it; if they do not, calls `fail`. Returns 0, MOQ_ERR_INVALID if it was called
 * before, MOQ_ERR_BOUNDS if the strings are too long, or MOQ_ERR_NOMEM. */
int wt_session_connect(struct wt_session *session, const char *authority, const char *path,
                       const char *protocols);

/* Server: answers on_request(). 200 accepts, and `text` is the protocol exactly as it was offered
 * ("": none). 4xx and 5xx refuse with the words `text` ("": none), which our clients read in the
 * header field "reason", and the client may ask again. Returns 0, or MOQ_ERR_CLOSED if no request
 * waits for an answer. */
int wt_session_respond(struct wt_session *session, int status, const char *text);
/* Server: answers on_request() of a page in a browser with 200, so that it can be refused by
 * wt_session_close(): scripts see how a session was closed, but neither the status nor the fields
 * of a refusal. on_established() is not called. Returns as wt_session_respond(). */
int wt_session_turn_away(struct wt_session *session);

void wt_session_credit(struct wt_session *session); /* `open` may succeed now */

/* Takes bytes of our CONNECT stream, or of a peer's stream while its kind is MORE, INTERNAL or
 * PARKED. Sets `*used` to the number of bytes that were HTTP/3's: all of them, unless the kind
 * becomes APPLICATION or PARKED. */
enum wt_stream_kind wt_session_received(struct wt_session *session, int64_t id, const uint8_t *data,
                                        size_t n, bool is_end, size_t *used);
/* The peer has reset its direction of our CONNECT, or of a stream that is not the application's. */
void wt_session_stream_reset(struct wt_session *session, int64_t id, uint64_t h3_code);
/* The peer has stopped our direction of such a stream, or of our control stream. A stream whose
 * kind is not known yet may still become the application's, but cannot be written to. */
void wt_session_stream_stopped(struct wt_session *session, int64_t id, uint64_t h3_code);
/* QUIC has closed a stream of any kind: the session forgets it. */
void wt_session_stream_closed(struct wt_session *session, int64_t id);
/* Takes a QUIC datagram, which is checked and dropped, because nothing uses datagrams. */
void wt_session_datagram(struct wt_session *session, const uint8_t *data, size_t n);
uint64_t wt_session_datagrams_dropped(const struct wt_session *session);

bool wt_session_is_established(const struct wt_session *session);

/* Writes the bytes that open a WebTransport stream of ours. Returns their number; 0 if there is no
 * session. */
size_t wt_session_stream_header(const struct wt_session *session, bool is_bidi,
                                uint8_t out[WT_STREAM_HEADER_MAX_BYTES]);

/* Sends CLOSE_WEBTRANSPORT_SESSION and FIN. wt_session_is_over() becomes true when the peer has
 * ended its side. A session that is not established yet is cancelled and over at once. Returns 0,
 * or MOQ_ERR_CLOSED if it has ended before. */
int wt_session_close(struct wt_session *session, uint32_t code, const char *reason);
bool wt_session_is_over(const struct wt_session *session);

#ifdef __cplusplus
}
#endif
#endif
