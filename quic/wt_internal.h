/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the files of one WebTransport session share: wt_session.c (its life), wt_receive.c (what a
 * peer's streams are for), wt_frame.c (frames on HTTP/3's own streams), wt_request.c (CONNECT and
 * its answer). */
#ifndef MOQ_QUIC_WT_INTERNAL_H
#define MOQ_QUIC_WT_INTERNAL_H

#include "base/bytes.h"
#include "base/list.h"
#include "quic/wt_session.h"

enum { WT_BUFFERED_MAX_BYTES = 64 * 1024 }; /* of all incomplete HEADERS of a connection */

enum wt_role {
    WT_ROLE_OPENING, /* not all of the first bytes are here */
    WT_ROLE_CONTROL,
    WT_ROLE_QPACK_ENCODER,
    WT_ROLE_QPACK_DECODER,
    WT_ROLE_REQUEST, /* carries frames: requests at a server, the CONNECT at a client */
    WT_ROLE_DISCARD, /* nothing on it matters */
    WT_ROLE_PARKED,
};

/* A peer's stream (or our CONNECT) that is not the application's. */
struct wt_stream {
    struct list link;
    int64_t id;
    int64_t session_id; /* PARKED: whose it is */
    enum wt_role role;
    bool is_dead;     /* closed during a callback; freed when the call that reads ends */
    bool is_rejected; /* was reset and stopped */
    bool has_headers;
    bool has_capsules; /* the accepted CONNECT: its DATA is capsules */
    uint8_t opening[WT_STREAM_HEADER_MAX_BYTES];
    uint8_t opening_size;
    struct h3_record record;
    struct byte_buf payload;
    struct h3_capsules *capsules; /* NULL: none came yet */
};

enum wt_state {
    WT_STATE_IDLE,
    WT_STATE_WANTED,    /* client: connect was called, the CONNECT is not sent yet */
    WT_STATE_REQUESTED, /* the CONNECT is sent, or came, and has no answer yet */
    WT_STATE_ESTABLISHED,
    WT_STATE_CLOSING, /* our CLOSE is sent; the peer has not ended its side */
    WT_STATE_OVER,
};

struct wt_session {
    const struct wt_session_ops *ops;
    void *self;
    bool is_server, is_failed, is_started, has_no_datagrams, has_settings, has_peer_control;
    bool has_peer_encoder, has_peer_decoder, is_draining;
    bool is_draft_09; /* server: the request has its field for protocols, not the later one */
    enum wt_state state;
    int64_t control_id;          /* ours; -1: not open yet */
    int64_t session_id;          /* the CONNECT stream; -1: none */
    int64_t refused_id;          /* server: the last CONNECT that was refused; -1: none */
    uint64_t goaway_id;          /* the last one heard; UINT64_MAX: none */
    struct h3_settings settings; /* the peer's */
    struct list streams;
    size_t parked_count, buffered_bytes;
    uint64_t datagrams_dropped;
    unsigned depth;          /* of calls that read: streams are freed at 0 */
    struct byte_buf request; /* client: the CONNECT's HEADERS frame, until it is sent */
};

void wt_session_fail(struct wt_session *session, uint64_t h3_code, const char *reason);
int wt_session_write(struct wt_session *session, int64_t id, struct h3_span bytes, bool is_end);
/* Client: sends the CONNECT if it can be sent now. */
void wt_session_try_connect(struct wt_session *session);
void wt_session_peer_ended(struct wt_session *session, uint32_t code, const char *reason);

struct wt_stream *wt_stream_find(const struct wt_session *session, int64_t id);
/* NULL: no memory, failed. */
struct wt_stream *wt_stream_new(struct wt_session *session, int64_t id, enum wt_role role);
void wt_stream_kill(struct wt_session *session, struct wt_stream *stream); /* marks it dead */
void wt_session_leave(struct wt_session *session); /* ends what depth++ began; frees dead streams */
/* Resets and stops. */
void wt_session_reject(struct wt_session *session, int64_t id, uint64_t h3_code);
void wt_stream_reject(struct wt_session *session, struct wt_stream *stream, uint64_t h3_code);
void wt_stream_feed(struct wt_session *session, struct wt_stream *stream, struct h3_span in);
void wt_stream_ended(struct wt_session *session, struct wt_stream *stream); /* its FIN came */
bool wt_stream_is_connect(const struct wt_session *session, const struct wt_stream *stream);

/* The HEADERS payload of `stream` is complete: a request at a server, an answer at a client. */
void wt_headers_received(struct wt_session *session, struct wt_stream *stream);

/* Stream error: `stream` is rejected, and a session that hangs on it is over. */
void wt_stream_break(struct wt_session *session, struct wt_stream *stream, uint64_t h3_code);

#endif
