/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Recognises peers that use the string dialect of version 04 and refuses them with a clear error.
 * Without this they would hang. */
#ifndef MOQ_DIALECT_H
#define MOQ_DIALECT_H

#include "transfork/message.h"
#include "transfork/session_state.h"

#ifdef __cplusplus
extern "C" {
#endif

/* To be called with a message that could not be decoded because of `error`. On 04, ends the session
 * if only the other dialect can have written these bytes. Returns the error that the stream's
 * `read` has to return. */
long dialect_check(struct moq_stream *stream, enum message_kind kind, const uint8_t *data, size_t n,
                   int error);

#ifdef __cplusplus
}
#endif
#endif
