/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The parts of HTTP/3 that a WebTransport session needs, as functions on bytes: records (frames and
 * capsules have the same form), SETTINGS, header blocks, capsules, error codes. Private to quic/;
 * the session is in quic/wt_session.h. Sources: RFC 9114, 9204, 9220, 9297,
 * draft-ietf-webtrans-http3-02 to -14. */
#ifndef MOQ_QUIC_H3_H
#define MOQ_QUIC_H3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    H3_SETTINGS_MAX_BYTES = 4096, /* longer: H3_EXCESSIVE_LOAD */
    H3_SETTINGS_MAX_PAIRS = 256,  /* more: H3_EXCESSIVE_LOAD */
    H3_HEADERS_MAX_BYTES = 16384, /* encoded and decoded; longer: H3_EXCESSIVE_LOAD */
    H3_RESPONSE_MAX_BYTES = 48,
    H3_REASON_MAX_BYTES = 1024, /* reason of a close or a refusal; a longer one of ours is cut */
};

/* ---- h3_code.c ------------------------------------------------------------------------------- */

/* Error codes of HTTP/3 (RFC 9114 section 8.1), QPACK, datagrams and WebTransport. */
enum h3_code {
    H3_DATAGRAM_ERROR = 0x33,
    H3_NO_ERROR = 0x100,
    H3_GENERAL_PROTOCOL_ERROR = 0x101,
    H3_INTERNAL_ERROR = 0x102,
    H3_STREAM_CREATION_ERROR = 0x103,
    H3_CLOSED_CRITICAL_STREAM = 0x104,
    H3_FRAME_UNEXPECTED = 0x105,
    H3_FRAME_ERROR = 0x106,
    H3_EXCESSIVE_LOAD = 0x107,
    H3_ID_ERROR = 0x108,
    H3_SETTINGS_ERROR = 0x109,
    H3_MISSING_SETTINGS = 0x10a,
    H3_REQUEST_REJECTED = 0x10b,
    H3_REQUEST_CANCELLED = 0x10c,
    H3_REQUEST_INCOMPLETE = 0x10d,
    H3_MESSAGE_ERROR = 0x10e,
    H3_QPACK_DECOMPRESSION_FAILED = 0x200,
    H3_WT_SESSION_GONE = 0x170d7b68,
    H3_WT_REQUIREMENTS_NOT_MET = 0x212c0d48,
    H3_WT_BUFFERED_STREAM_REJECTED = 0x3994bd84,
};

/* Map application error codes to and from HTTP/3's range (draft-ietf-webtrans-http3, section on
 * errors). h3_code_to_app() returns -1 for a code outside that range. */
uint64_t h3_code_from_app(uint32_t code);
int64_t h3_code_to_app(uint64_t h3_code);

/* ---- h3_record.c: type, length, value -------------------------------------------------------- */

struct h3_span {
    const uint8_t *data;
    size_t n;
};

/* A reader of records. Set it to zeros before the first use. */
struct h3_record {
    uint64_t type, left; /* read-only, valid from BEGIN to END: bytes of the value still to come */
    uint8_t head[16];    /* private: the two integers, or the part of them that has arrived */
    uint8_t head_size;   /* private */
    bool is_in_value;    /* private */
};

enum h3_event { H3_EVENT_MORE, H3_EVENT_BEGIN, H3_EVENT_VALUE, H3_EVENT_END };

/* Takes the next piece from the front of `in`. VALUE sets `value`, which points into `in`. */
enum h3_event h3_record_next(struct h3_record *record, struct h3_span *in, struct h3_span *value);
bool h3_record_is_between(const struct h3_record *record); /* whether no record is incomplete */

/* ---- h3_settings.c --------------------------------------------------------------------------- */

struct h3_settings {
    bool has_webtransport; /* of any draft */
    bool has_datagrams;    /* RFC 9297, or its draft 04 */
    bool has_rfc_datagrams;
};

/* Parses the payload of a SETTINGS frame. Returns 0 or an h3_code. */
uint64_t h3_settings_parse(const uint8_t *payload, size_t n, struct h3_settings *settings);

/* The first bytes of our control stream: the stream type and SETTINGS. Static. */
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
    H3_FIELD_PROTOCOLS,      /* wt-available-protocols: offered by a client */
    H3_FIELD_PROTOCOLS_09,   /* the same with its name in draft 09 */
    H3_FIELD_SUBPROTOCOL,    /* wt-protocol: chosen by the server */
    H3_FIELD_SUBPROTOCOL_09, /* the same with its name in draft 09 */
    H3_FIELD_REASON,         /* reason: why a server of ours refuses */
    H3_FIELD_COUNT
};

struct h3_fields {
    char *value[H3_FIELD_COUNT]; /* owned; NULL: not present */
};

/* Decodes the header block of a request or of a response. Returns 0 or an h3_code: H3_MESSAGE_ERROR
 * and H3_EXCESSIVE_LOAD are errors of the stream, others of the connection. The caller frees
 * `fields` with h3_fields_deinit() also after an error. */
uint64_t h3_fields_decode(struct h3_span block, bool is_request, struct h3_fields *fields);
void h3_fields_deinit(struct h3_fields *fields);

/* The status for a request: 200 if it asks for a WebTransport session, 0 if it is malformed,
 * otherwise the status with which to refuse it. */
int h3_fields_judge_request(const struct h3_fields *fields);
int h3_fields_status(const struct h3_fields *fields); /* 100 to 599; 0: malformed */

/* Appends the HEADERS frame of the CONNECT to `out`. `protocols`: the value of
 * wt-available-protocols; "": without that field. 0, MOQ_ERR_BOUNDS or MOQ_ERR_NOMEM. */
int h3_request_encode(struct byte_buf *out, const char *authority, const char *path,
                      const char *protocols);
/* Appends the HEADERS frame of an answer that accepts and names a protocol, in the field of draft
 * 09 or in the later one. 0, MOQ_ERR_BOUNDS or MOQ_ERR_NOMEM. */
int h3_accept_encode(struct byte_buf *out, const char *protocol, bool is_draft_09);
/* Appends the HEADERS frame of an answer that refuses and says why; bytes that a field cannot have
 * are replaced. 0, MOQ_ERR_BOUNDS or MOQ_ERR_NOMEM. */
int h3_refuse_encode(struct byte_buf *out, int status, const char *reason);
/* Writes the HEADERS frame of an answer with `status` and returns its size. */
size_t h3_response_encode(uint8_t out[H3_RESPONSE_MAX_BYTES], int status);

/* ---- h3_capsule.c ---------------------------------------------------------------------------- */

/* The capsules of one CONNECT stream. */
struct h3_capsules {
    struct h3_record record; /* private */
    bool is_closed;          /* read-only: CLOSE has come; `code` and the reason are set */
    bool is_draining;        /* read-only: DRAIN has come */
    uint32_t code;           /* read-only */
    size_t size;             /* private: bytes in `value` so far */
    uint8_t value[4 + H3_REASON_MAX_BYTES + 1]; /* private */
};

void h3_capsules_init(struct h3_capsules *capsules);

/* Takes the next bytes. Returns 0, or H3_MESSAGE_ERROR if bytes follow CLOSE, or if CLOSE is too
 * short or too long. */
uint64_t h3_capsules_feed(struct h3_capsules *capsules, struct h3_span in);
bool h3_capsules_are_whole(const struct h3_capsules *capsules); /* whether none is incomplete */
/* The reason of CLOSE, without control characters; "" before CLOSE. */
const char *h3_capsules_reason(const struct h3_capsules *capsules);
/* Appends a DATA frame with CLOSE_WEBTRANSPORT_SESSION. A long reason is cut between two
 * characters. 0 or MOQ_ERR_NOMEM. */
int h3_close_encode(struct byte_buf *out, uint32_t code, const char *reason);

#ifdef __cplusplus
}
#endif
#endif
