/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The fields that messages are made of, for the codec's own files (message*.c) only.
 *
 * A reader or writer keeps its first error. After that, taking returns zero and putting does
 * nothing, so a codec just lists the fields of a message and checks for an error once, at the
 * end. */
#ifndef MOQ_TRANSFORK_MESSAGE_PARTS_H
#define MOQ_TRANSFORK_MESSAGE_PARTS_H

#include "transfork/message.h"
#include "transfork/path.h"
#include "transfork/version.h"

#ifdef __cplusplus
extern "C" {
#endif

struct message_in {
    const uint8_t *data;
    size_t size, at;
    int error;
};

struct message_in message_in_of(const uint8_t *data, size_t n);
uint64_t message_take_varint(struct message_in *in);
uint8_t message_take_byte(struct message_in *in);
/* A varint; one over `max` is `error`. */
uint64_t message_take_at_most(struct message_in *in, uint64_t max, int error);
const uint8_t *message_take_bytes(struct message_in *in, size_t n);
uint64_t message_take_optional(struct message_in *in); /* a group or MOQ_NO_GROUP */
uint64_t message_take_priority(struct message_in *in, uint32_t version);
void message_take_path(struct message_in *in, size_t least_parts, struct path_view *view);

/* Ends the decoding of a message. Returns 0 and sets *used (and *path, a reference for the caller),
 * or returns the message's error. */
int message_in_end(const struct message_in *in, size_t *used);
int message_in_end_with_path(const struct message_in *in, const struct path_view *view,
                             size_t *used, struct moq_path **path);

struct message_out {
    struct byte_buf *buf;
    int error;
};

struct message_out message_out_of(struct byte_buf *buf);
void message_put_varint(struct message_out *out, uint64_t value);
void message_put_byte(struct message_out *out, uint64_t value);
void message_put_bytes(struct message_out *out, const uint8_t *data, size_t n);
void message_put_optional(struct message_out *out, uint64_t value);
void message_put_priority(struct message_out *out, uint32_t version, uint64_t value);
void message_put_path(struct message_out *out, const struct moq_path *path);

#ifdef __cplusplus
}
#endif
#endif
