/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the files of h3 share: records (frames and capsules have one shape), SETTINGS, header
 * blocks, capsules, and the session itself. Each part but the last works on bytes alone. */
#ifndef MOQ_QUIC_H3_INTERNAL_H
#define MOQ_QUIC_H3_INTERNAL_H

#include "base/bytes.h"
#include "base/list.h"
#include "quic/h3.h"

enum {
    H3_SETTINGS_MAX_BYTES = 4096,      /* longer: H3_EXCESSIVE_LOAD */
    H3_SETTINGS_MAX_PAIRS = 256,       /* more: H3_EXCESSIVE_LOAD */
    H3_HEADERS_MAX_BYTES = 16384,      /* encoded and decoded; longer: H3_EXCESSIVE_LOAD */
    H3_BUFFERED_MAX_BYTES = 64 * 1024, /* of all incomplete HEADERS of a connection */
    H3_RESPONSE_MAX_BYTES = 48,
};

/* ---- h3_record.c: type, length, value -------------------------------------------------------- */

struct h3_span {
    const uint8_t *data;
    size_t n;
};

/* Zeroed is ready. */
struct h3_record {
    uint64_t type, left; /* read-only from BEGIN to END: `left` bytes of the value are to come */
    uint8_t head[16];    /* private: two integers, as far as they are here */
    uint8_t head_size;   /* private */
    bool is_in_value;    /* private */
};

enum h3_event { H3_EVENT_MORE, H3_EVENT_BEGIN, H3_EVENT_VALUE, H3_EVENT_END };

/* Takes the next piece from the front of `in`. VALUE sets `value`, which points into `in`. */
enum h3_event h3_record_next(struct h3_record *record, struct h3_span *in, struct h3_span *value);
bool h3_record_is_between(const struct h3_record *record); /* no record is cut short here */

/* ---- h3_settings.c --------------------------------------------------------------------------- */

struct h3_settings {
    bool has_webtransport; /* of any draft */
    bool has_datagrams;    /* RFC 9297, or its draft 04 */
    bool has_rfc_datagrams;
};

/* 0 or an h3_code. */
uint64_t h3_settings_parse(const uint8_t *payload, size_t n, struct h3_settings *settings);

/* The first bytes of our control stream: its type and SETTINGS. */
struct h3_span h3_settings_bytes(bool is_server);

/* ---- h3_qpack.c: header blocks --------------------------------------------------------------- */

enum h3_field {
    H3_FIELD_METHOD,
    H3_FIELD_SCHEME,
    H3_FIELD_AUTHORITY,
    H3_FIELD_PATH,
    H3_FIELD_PROTOCOL,
    H3_FIELD_STATUS,
    H3_FIELD_ORIGIN,
    H3_FIELD_COUNT
};

struct h3_fields {
    char *value[H3_FIELD_COUNT]; /* owned; NULL: not present */
};

/* Decodes a block, of a request or of a response. 0 or an h3_code: H3_MESSAGE_ERROR and
 * H3_EXCESSIVE_LOAD concern the stream, others the connection. `fields` is to be freed in either
 * case. */
uint64_t h3_fields_decode(struct h3_span block, bool is_request, struct h3_fields *fields);
void h3_fields_deinit(struct h3_fields *fields);

/* What a request asks for: 200 for a WebTransport session, 0 for a malformed one, else the status
 * to refuse with. */
int h3_fields_judge_request(const struct h3_fields *fields);
int h3_fields_status(const struct h3_fields *fields); /* 100 to 599; 0: malformed */

/* Adds the HEADERS frame of the CONNECT. 0, MOQ_ERR_BOUNDS or MOQ_ERR_NOMEM. */
int h3_request_encode(struct byte_buf *out, const char *authority, const char *path);
size_t h3_response_encode(uint8_t out[H3_RESPONSE_MAX_BYTES], int status); /* HEADERS frame */

/* ---- h3_capsule.c ---------------------------------------------------------------------------- */

/* The capsules of one CONNECT stream. */
struct h3_capsules {
    struct h3_record record; /* private */
    bool is_closed;          /* read-only: CLOSE came, `code` and `reason` are set */
    bool is_draining;        /* read-only: DRAIN came */
    uint32_t code;           /* read-only */
    size_t size;             /* private: bytes of CLOSE's value so far */
    uint8_t value[4 + H3_REASON_MAX_BYTES + 1]; /* private */
};

void h3_capsules_init(struct h3_capsules *capsules);

/* 0, or H3_MESSAGE_ERROR: bytes behind CLOSE, or a CLOSE that is too short or too long. */
uint64_t h3_capsules_feed(struct h3_capsules *capsules, struct h3_span in);
bool h3_capsules_are_whole(const struct h3_capsules *capsules); /* none is cut short here */
const char *
h3_capsules_reason(const struct h3_capsules *capsules); /* no control characters; "" before CLOSE */

/* Adds DATA{CLOSE_WEBTRANSPORT_SESSION}; a long reason is cut between two characters. */
int h3_close_encode(struct byte_buf *out, uint32_t code, const char *reason);

/* ---- the session: h3.c, h3_receive.c, h3_frame.c, h3_request.c ------------------------------- */

enum h3_role {
    H3_ROLE_OPENING, /* not all of the first bytes are here */
    H3_ROLE_CONTROL,
    H3_ROLE_QPACK_ENCODER,
    H3_ROLE_QPACK_DECODER,
    H3_ROLE_REQUEST, /* carries frames: requests at a server, the CONNECT at a client */
    H3_ROLE_DISCARD, /* nothing on it matters */
    H3_ROLE_PARKED,
};

/* A peer's stream (or our CONNECT) that is not the application's. */
struct h3_stream {
    struct list link;
    int64_t id;
    int64_t session_id; /* PARKED: whose it is */
    enum h3_role role;
    bool is_dead;     /* closed during a callback; freed when the call that reads ends */
    bool is_rejected; /* was reset and stopped */
    bool has_headers;
    bool has_capsules; /* the accepted CONNECT: its DATA is capsules */
    uint8_t opening[H3_STREAM_HEADER_MAX_BYTES];
    uint8_t opening_size;
    struct h3_record record;
    struct byte_buf payload;
    struct h3_capsules *capsules; /* NULL: none came yet */
};

enum h3_state {
    H3_STATE_IDLE,
    H3_STATE_WANTED,    /* client: connect was called, the CONNECT is not sent yet */
    H3_STATE_REQUESTED, /* the CONNECT is sent, or came, and has no answer yet */
    H3_STATE_ESTABLISHED,
    H3_STATE_CLOSING, /* our CLOSE is sent; the peer has not ended its side */
    H3_STATE_OVER,
};

struct h3_session {
    const struct h3_ops *ops;
    void *self;
    bool is_server, is_failed, is_started, has_no_datagrams, has_settings, has_peer_control;
    bool has_peer_encoder, has_peer_decoder, is_draining;
    enum h3_state state;
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

void h3_session_fail(struct h3_session *session, uint64_t h3_code, const char *reason);
int h3_session_write(struct h3_session *session, int64_t id, struct h3_span bytes, bool is_end);
void h3_session_try_connect(
    struct h3_session *session); /* client: sends the CONNECT if it can be sent now */
void h3_session_peer_ended(struct h3_session *session, uint32_t code, const char *reason);

struct h3_stream *h3_stream_find(const struct h3_session *session, int64_t id);
struct h3_stream *h3_stream_new(struct h3_session *session, int64_t id,
                                enum h3_role role); /* NULL: no memory, failed */
void h3_stream_kill(struct h3_session *session, struct h3_stream *stream); /* marks it dead */
void h3_session_leave(struct h3_session *session); /* ends what depth++ began; frees dead streams */
void h3_session_reject(struct h3_session *session, int64_t id,
                       uint64_t h3_code); /* resets and stops */
void h3_stream_reject(struct h3_session *session, struct h3_stream *stream, uint64_t h3_code);
void h3_stream_feed(struct h3_session *session, struct h3_stream *stream, struct h3_span in);
void h3_stream_ended(struct h3_session *session, struct h3_stream *stream); /* its FIN came */
bool h3_stream_is_connect(const struct h3_session *session, const struct h3_stream *stream);

/* The HEADERS payload of `stream` is complete: a request at a server, an answer at a client. */
void h3_headers_received(struct h3_session *session, struct h3_stream *stream);

/* Stream error: `stream` is rejected, and a session that hangs on it is over. */
void h3_stream_break(struct h3_session *session, struct h3_stream *stream, uint64_t h3_code);

#endif
