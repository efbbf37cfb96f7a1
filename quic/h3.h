/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The slice of HTTP/3 that one WebTransport session needs, as a state machine over bytes: control streams, SETTINGS, the
 * extended CONNECT, capsules, stream headers, error mapping. Private to quic/. Opens and writes through callbacks, so it
 * is tested and fuzzed without QUIC. Sources: RFC 9114, 9204, 9220, 9297, draft-ietf-webtrans-http3-02 to -14. */
#ifndef MOQ_QUIC_H3_H
#define MOQ_QUIC_H3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct h3_session; /* one per connection with ALPN h3 */

/* What it asks of the connection. Streams are named by their QUIC ids here. */
struct h3_ops {
    /* Opens one of HTTP/3's own streams (control; client: also CONNECT). Returns the id, or -1: try h3_session_credit later. */
    int64_t (*open)(void *self, bool is_bidi);
    int (*write)(void *self, int64_t id, const uint8_t *data, size_t n, bool is_end); /* copied; small amounts only */
    void (*reset)(void *self, int64_t id, uint64_t h3_code);
    void (*stop)(void *self, int64_t id, uint64_t h3_code);
    void (*fail)(void *self, uint64_t h3_code, const char *reason); /* a connection error: close with this code */
    /* Server: a CONNECT for WebTransport is complete. The connection answers with h3_session_respond, now or later. */
    void (*on_request)(void *self, const char *authority, const char *path, const char *origin);
    void (*on_established)(void *self);                              /* both: the session is up */
    void (*on_refused)(void *self, int status);                      /* client: not a 200 */
    void (*on_session_closed)(void *self, uint32_t code, const char *reason); /* the peer ended it (capsule, FIN or reset) */
};

/* What to do with a stream of the peer once its first bytes are read. */
enum h3_stream_kind {
    H3_STREAM_MORE,        /* not clear yet: give more bytes */
    H3_STREAM_INTERNAL,    /* HTTP/3's own: keep feeding h3_session_received */
    H3_STREAM_APPLICATION, /* WebTransport: the rest, and all that follows, is the application's */
    H3_STREAM_PARKED,      /* WebTransport, but the session is not up yet: hold the bytes, ask again when it is */
    H3_STREAM_REJECTED,    /* was reset/stopped through the callbacks: discard what follows */
};

struct h3_session *h3_session_new(bool is_server, const struct h3_ops *ops, void *self);
void h3_session_free(struct h3_session **session);

int h3_session_start(struct h3_session *session);  /* opens the control stream and sends SETTINGS */
int h3_session_connect(struct h3_session *session, const char *authority, const char *path); /* client; waits for SETTINGS */
int h3_session_respond(struct h3_session *session, int status); /* server: 200 accepts */
void h3_session_credit(struct h3_session *session);

/* A peer's stream while its kind is MORE or INTERNAL, and our own CONNECT and control streams. Consumes from `data`; *used says
 * how much was HTTP/3's (all of it, unless the kind becomes APPLICATION or PARKED). */
enum h3_stream_kind h3_session_received(struct h3_session *session, int64_t id, const uint8_t *data, size_t n, bool is_end,
                                        size_t *used);
void h3_session_stream_reset(struct h3_session *session, int64_t id, uint64_t h3_code); /* an internal stream was reset/stopped */
void h3_session_stream_closed(struct h3_session *session, int64_t id);

bool h3_session_is_established(const struct h3_session *session);

/* The bytes that open a WebTransport stream of ours (at most 16). Returns how many. */
size_t h3_session_stream_header(const struct h3_session *session, bool is_bidi, uint8_t out[16]);

/* Sends CLOSE_WEBTRANSPORT_SESSION and FIN; is_over becomes true when the peer has ended its side. */
int h3_session_close(struct h3_session *session, uint32_t code, const char *reason);
bool h3_session_is_over(const struct h3_session *session);

/* Application error codes in HTTP/3's range (draft-ietf-webtrans-http3, section on errors). from_h3: -1 if it is none. */
uint64_t h3_code_from_app(uint32_t code);
int64_t h3_code_to_app(uint64_t h3_code);

#endif
