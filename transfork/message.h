/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every message of transfork 02, 03 and 04 (array paths), between bytes and structs.
 *
 * Messages have neither a type nor a length on the wire: the stream's type, the direction and the
 * place say which one comes. So every decoder takes the bytes that are there and returns:
 *
 *   0               *used bytes made *out; a path in it is a reference that the caller now owns
 *   MOQ_ERR_AGAIN   more than `n` bytes are needed. At the end of a stream that means
 *                   MOQ_ERR_DECODE
 *   MOQ_ERR_DECODE  the bytes cannot become a message
 *   MOQ_ERR_BOUNDS  it is over a limit of ours; also every message that is not complete after
 *                   MESSAGE_MAX_BYTES
 *   MOQ_ERR_NOMEM
 *
 * On an error, *used is unchanged and *out is undefined. Encoders append to a `byte_buf` and return
 * 0, an error of byte_buf_append, or MOQ_ERR_INVALID for what the version cannot express; on an
 * error, a part of the message may have been appended.
 *
 * Numbers stay as they are on the wire (INFO has to echo them); message_*_from_wire and _to_wire
 * translate. `version` is one bit of enum moq_version. Messages without that parameter look the
 * same in all versions. */
#ifndef MOQ_TRANSFORK_MESSAGE_H
#define MOQ_TRANSFORK_MESSAGE_H

#include "base/bytes.h"
#include "transfork/transfork.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MESSAGE_MAX_BYTES = 16 * 1024, /* not counting a frame's payload, which is not a message */
    MESSAGE_MAX_VERSIONS = 64,
    MESSAGE_MAX_EXTENSIONS = 64,
    MESSAGE_MAX_EXTENSION_BYTES = 4096,
};

/* ---- Stream types: the first varint of a stream ---------------------------------------------- */

enum message_bidi {
    BIDI_SESSION = 0,
    BIDI_ANNOUNCE = 1,
    BIDI_SUBSCRIBE = 2,
    BIDI_FETCH = 3,
    BIDI_INFO = 4
};
enum message_uni { UNI_GROUP = 0 };

int message_decode_stream_type(const uint8_t *in, size_t n, size_t *used, uint64_t *type);
int message_encode_stream_type(struct byte_buf *out, uint64_t type);

/* ---- Session stream -------------------------------------------------------------------------- */

struct msg_extension {
    uint64_t id;
    const uint8_t *data; /* in the decoded buffer */
    size_t size;
};

struct msg_session_client {
    uint64_t versions[MESSAGE_MAX_VERSIONS];
    size_t version_count;
    struct msg_extension extensions[MESSAGE_MAX_EXTENSIONS];
    size_t extension_count;
};
int message_decode_session_client(const uint8_t *in, size_t n, size_t *used,
                                  struct msg_session_client *out);
int message_encode_session_client(struct byte_buf *out, const struct msg_session_client *msg);

/* The version that a server chooses from an offer; `ours` is what it speaks (enum moq_version,
 * or-ed). 0: none in common. */
uint32_t message_pick_version(const struct msg_session_client *offer, uint32_t ours);

struct msg_session_server {
    uint64_t version;
    struct msg_extension extensions[MESSAGE_MAX_EXTENSIONS];
    size_t extension_count;
};
int message_decode_session_server(const uint8_t *in, size_t n, size_t *used,
                                  struct msg_session_server *out);
int message_encode_session_server(struct byte_buf *out, const struct msg_session_server *msg);

/* Only for peers with MOQ_CAN_BITRATE: others parse it as INFO. */
int message_decode_session_update(const uint8_t *in, size_t n, size_t *used, uint64_t *bitrate_bps);
int message_encode_session_update(struct byte_buf *out, uint64_t bitrate_bps);

/* ---- Announce stream ------------------------------------------------------------------------- */

/* ANNOUNCE_PLEASE and INFO_PLEASE are just a path. A prefix may have no parts. The path of a track
 * has at least one; without, decoding is MOQ_ERR_BOUNDS and encoding MOQ_ERR_INVALID. */
int message_decode_announce_please(const uint8_t *in, size_t n, size_t *used,
                                   struct moq_path **prefix);
int message_encode_announce_please(struct byte_buf *out, const struct moq_path *prefix);

enum message_announce { ANNOUNCE_ENDED = 0, ANNOUNCE_ACTIVE = 1, ANNOUNCE_LIVE = 2 };

struct msg_announce {
    enum message_announce status;
    struct moq_path *suffix; /* NULL with ANNOUNCE_LIVE */
};
/* Decoding accepts Live in all versions. Encoding it for a version without MOQ_CAN_LIVE is
 * MOQ_ERR_INVALID. */
int message_decode_announce(uint32_t version, const uint8_t *in, size_t n, size_t *used,
                            struct msg_announce *out);
int message_encode_announce(uint32_t version, struct byte_buf *out, const struct msg_announce *msg);

/* ---- Subscribe stream ------------------------------------------------------------------------ */

struct msg_wish {
    uint64_t priority;   /* biased by 128. SUBSCRIBE: one byte, or any varint of the same meaning */
    uint64_t order;      /* 02, 04: 0 oldest, else newest; 03: 0 default, 1 oldest, 2 newest */
    uint64_t expires_ms; /* 0: no limit; 04 does not carry it */
    uint64_t min, max;   /* MOQ_NO_GROUP: absent; in an update: unchanged */
};

struct msg_subscribe {
    uint64_t id;
    struct moq_path *path;
    struct msg_wish wish; /* the session refuses min > max */
};
int message_decode_subscribe(uint32_t version, const uint8_t *in, size_t n, size_t *used,
                             struct msg_subscribe *out);
int message_encode_subscribe(uint32_t version, struct byte_buf *out,
                             const struct msg_subscribe *msg);

/* `is_end`: the stream ends after these `n` bytes. An update on 02 may then lack `expires`, as the
 * Rust crate writes it. */
int message_decode_subscribe_update(uint32_t version, const uint8_t *in, size_t n, bool is_end,
                                    size_t *used, struct msg_wish *out);
int message_encode_subscribe_update(uint32_t version, struct byte_buf *out,
                                    const struct msg_wish *msg);

/* From a wish on the wire to the one used everywhere else, and back. */
struct moq_wish message_wish_from_wire(uint32_t version, const struct msg_wish *msg);
struct msg_wish message_wish_to_wire(uint32_t version, const struct moq_wish *wish);
uint64_t message_order_to_wire(uint32_t version, uint8_t order);   /* ANY is newest on 02 and 04 */
uint8_t message_order_from_wire(uint32_t version, uint64_t order); /* ANY only on 03 */
uint8_t message_priority_from_wire(uint64_t priority);             /* at most 255 */

struct msg_info {
    uint64_t priority, order; /* copies of the SUBSCRIBE's; decoding accepts any value */
    uint64_t expires_ms;
    uint64_t latest;
};
struct moq_info message_info_from_wire(uint32_t version, const struct msg_info *msg);
int message_decode_info(uint32_t version, const uint8_t *in, size_t n, size_t *used,
                        struct msg_info *out);
int message_encode_info(uint32_t version, struct byte_buf *out, const struct msg_info *msg);

struct msg_gap {
    uint64_t start, count; /* groups start..start + count, at most VARINT_MAX */
    uint64_t code;         /* moq_error_to_wire */
};
int message_decode_gap(const uint8_t *in, size_t n, size_t *used, struct msg_gap *out);
int message_encode_gap(struct byte_buf *out, const struct msg_gap *msg);

/* ---- Group stream ---------------------------------------------------------------------------- */

struct msg_group {
    uint64_t subscription, sequence;
};
int message_decode_group(const uint8_t *in, size_t n, size_t *used, struct msg_group *out);
int message_encode_group(struct byte_buf *out, const struct msg_group *msg);

/* The size that precedes each frame. Over MOQ_FRAME_MAX_BYTES, decoding is MOQ_ERR_BOUNDS and
 * encoding MOQ_ERR_INVALID. */
int message_decode_frame(const uint8_t *in, size_t n, size_t *used, uint64_t *size);
int message_encode_frame(struct byte_buf *out, uint64_t size);

/* ---- Fetch and info streams ------------------------------------------------------------------ */

struct msg_fetch {
    struct moq_path *path;
    uint64_t priority; /* as in SUBSCRIBE */
    uint64_t group;
    uint64_t offset; /* 02, 04: bytes after the GROUP header; 03: frames */
};
int message_decode_fetch(uint32_t version, const uint8_t *in, size_t n, size_t *used,
                         struct msg_fetch *out);
int message_encode_fetch(uint32_t version, struct byte_buf *out, const struct msg_fetch *msg);

int message_decode_fetch_update(const uint8_t *in, size_t n, size_t *used, uint64_t *priority);
int message_encode_fetch_update(struct byte_buf *out, uint64_t priority);

int message_decode_info_please(const uint8_t *in, size_t n, size_t *used, struct moq_path **path);
int message_encode_info_please(struct byte_buf *out, const struct moq_path *path);

/* ---- The other dialect of 04 ----------------------------------------------------------------- */

/* The Rust crate 0.12 speaks 04 too, but with paths as one string. It is recognised only to be
 * refused with a clear error. */
enum message_dialect {
    DIALECT_WAIT,   /* more bytes are needed to tell */
    DIALECT_EITHER, /* complete and valid in both: continue with arrays, the next message decides */
    DIALECT_ARRAY,  /* ours, or invalid in both */
    DIALECT_STRING,
};
enum message_kind { KIND_ANNOUNCE_PLEASE, KIND_ANNOUNCE, KIND_SUBSCRIBE, KIND_FETCH };

/* Judges the first message with a path on a stream of a 04 session. `in` is all that has come after
 * the stream's type. KIND_FETCH is a stream of type 3, which is INFO in the string dialect. Streams
 * of type 4 are always arrays. */
enum message_dialect message_dialect(enum message_kind kind, const uint8_t *in, size_t n);

#ifdef __cplusplus
}
#endif
#endif
