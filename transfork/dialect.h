/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Refusing the string dialect of version 04 with clear words instead of a hang. */
#ifndef MOQ_DIALECT_H
#define MOQ_DIALECT_H

#include "transfork/message.h"
#include "transfork/session_state.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a `read` returns for a message that did not decode with `error`. On 04, bytes that only the
 * other dialect writes end the session. */
long dialect_check(struct moq_stream *stream, enum message_kind kind, const uint8_t *data, size_t n,
                   int error);

#ifdef __cplusplus
}
#endif
#endif
