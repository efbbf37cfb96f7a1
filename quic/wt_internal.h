/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Shared by the files of a WebTransport session: wt_session.c (its life), wt_receive.c (assigns a
 * peer's streams), wt_frame.c (frames on HTTP/3's own streams), wt_request.c (CONNECT and its
 * answer). */
#ifndef MOQ_QUIC_WT_INTERNAL_H
#define MOQ_QUIC_WT_INTERNAL_H

#include "base/bytes.h"
#include "base/list.h"
#include "quic/wt_session.h"

enum { WT_BUFFERED_MAX_BYTES = 64 * 1024 }; /* all incomplete HEADERS of a connection together */
enum wt_role {
    WT_ROLE_OPENING, /* the integers at its beginning are not complete yet */
    WT_ROLE_CONTROL,
    WT_ROLE_QPACK_ENCODER,
    WT_ROLE_QPACK_DECODER,
    WT_ROLE_REQUEST, /* carries frames: a request at a server, the CONNECT at a client */
    WT_ROLE_DISCARD, /* its content is ignored */
    WT_ROLE_PARKED,
};

/* A stream that does not belong to the application: opened by the peer, or our CONNECT. */
struct wt_stream {
    struct list link;
    int64_t id;
    int64_t session_id; /* PARKED: the session that it belongs to */
    enum wt_role role;
    bool is_dead;     /* closed during a callback; freed when the outermost read returns */
    bool is_rejected; /* reset and stopped */
    bool has_headers;
    bool has_capsules; /* the accepted CONNECT, whose DATA is capsules */
    uint8_t opening[WT_STREAM_HEADER_MAX_BYTES];
    uint8_t opening_size;
    struct h3_record record;
    struct byte_buf payload;
    struct h3_capsules *capsules; /* NULL: none has come yet */
};

enum wt_state {
    WT_STATE_IDLE,
    WT_STATE_WANTED,    /* client: connect was called, the CONNECT is not sent yet */
    WT_STATE_REQUESTED, /* the CONNECT was sent or received, and has no answer yet */
    WT_STATE_ESTABLISHED,
    WT_STATE_CLOSING, /* our CLOSE is sent; the peer has not ended its side yet */
    WT_STATE_OVER,
};

struct wt_session {
    const struct wt_session_ops *ops;
    void *self;
    bool is_server, is_failed, is_started, has_no_datagrams, has_settings, has_peer_control;
    bool has_peer_encoder, has_peer_decoder, is_draining;
    bool is_draft_09; /* server: the request offers protocols in the field of draft 09 */
    enum wt_state state;
    int64_t control_id;          /* our control stream; -1: not open yet */
    int64_t session_id;          /* the CONNECT stream; -1: none */
    int64_t refused_id;          /* server: the last CONNECT that was refused; -1: none */
    uint64_t goaway_id;          /* of the last GOAWAY received; UINT64_MAX: none */
    struct h3_settings settings; /* the peer's */
    struct list streams;
    size_t parked_count, buffered_bytes;
    uint64_t datagrams_dropped;
    unsigned depth;          /* nesting of reads; dead streams are freed when it returns to 0 */
    struct byte_buf request; /* client: the CONNECT's HEADERS frame, until it is sent */
};

void wt_session_fail(struct wt_session *session, uint64_t h3_code, const char *reason);
int wt_session_write(struct wt_session *session, int64_t id, struct h3_span bytes, bool is_end);
/* Client: sends the CONNECT if that is possible now. */
void wt_session_try_connect(struct wt_session *session);
void wt_session_peer_ended(struct wt_session *session, uint32_t code, const char *reason);

struct wt_stream *wt_stream_find(const struct wt_session *session, int64_t id);
/* NULL: out of memory; the session has failed. */
struct wt_stream *wt_stream_new(struct wt_session *session, int64_t id, enum wt_role role);
void wt_stream_kill(struct wt_session *session, struct wt_stream *stream); /* marks it dead */
/* Leaves a read that began with depth++, and frees dead streams after the outermost one. */
void wt_session_leave(struct wt_session *session);
/* Both reset and stop a stream. */
void wt_session_reject(struct wt_session *session, int64_t id, uint64_t h3_code);
void wt_stream_reject(struct wt_session *session, struct wt_stream *stream, uint64_t h3_code);
void wt_stream_feed(struct wt_session *session, struct wt_stream *stream, struct h3_span in);
void wt_stream_ended(struct wt_session *session, struct wt_stream *stream); /* its FIN came */
bool wt_stream_is_connect(const struct wt_session *session, const struct wt_stream *stream);

/* The HEADERS payload of `stream` is complete: a request at a server, an answer at a client. */
void wt_headers_received(struct wt_session *session, struct wt_stream *stream);

/* Handles a stream error: rejects `stream`, and ends the session if it is its CONNECT. */
void wt_stream_break(struct wt_session *session, struct wt_stream *stream, uint64_t h3_code);

#endif
