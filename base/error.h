/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every error of the project, in one list: the negative code that our functions return, and the
 * words for people. Codes of other libraries and of peers are mapped to these where they enter;
 * which code a peer is sent for an error is up to the protocol that it speaks. */
#ifndef MOQ_BASE_ERROR_H
#define MOQ_BASE_ERROR_H

#include <stdint.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* X(name, code, words) */
#define MOQ_ERRORS(X)                                                                              \
    X(CANCELLED, -1, "cancelled")                                                                  \
    X(REQUIRED_EXTENSION, -2, "a required extension is missing")                                   \
    X(TRANSPORT, -3, "the connection failed")                                                      \
    X(DECODE, -4, "the bytes do not parse")                                                        \
    X(VERSION, -5, "unsupported version")                                                          \
    X(UNEXPECTED_STREAM, -6, "a stream of this type is not expected here")                         \
    X(BOUNDS, -7, "a limit is exceeded")                                                           \
    X(DUPLICATE, -8, "it already exists")                                                          \
    X(NOT_FOUND, -9, "not found")                                                                  \
    X(WRONG_SIZE, -10, "a frame ends before its stated size")                                      \
    X(PROTOCOL, -11, "the peer violates the protocol")                                             \
    X(EXPIRED, -12, "too late to be useful")                                                       \
    X(CLOSED, -13, "already closed")                                                               \
    X(TIMEOUT, -14, "timed out")                                                                   \
    X(NOMEM, -15, "out of memory")                                                                 \
    X(AGAIN, -16, "not now, try again later")                                                      \
    X(INVALID, -17, "an argument is invalid")                                                      \
    X(IO, -18, "input or output failed")                                                           \
    X(TLS, -19, "TLS failed")                                                                      \
    X(NAME_LOOKUP, -20, "the host name cannot be resolved")                                        \
    X(REFUSED, -21, "refused")                                                                     \
    X(UNSUPPORTED, -22, "not supported")                                                           \
    X(OFFLINE, -23, "nobody publishes it")                                                         \
    X(END, -24, "the end")                                                                         \
    X(MEDIA, -25, "the media is malformed")                                                        \
    X(STREAMS, -26, "the peer allows no more streams at a time")                                   \
    X(UNAUTHORIZED, -27, "no valid credentials")

enum moq_error {
    MOQ_OK = 0,
#define MOQ_ERROR_ENUM(name, code, words) MOQ_ERR_##name = (code),
    MOQ_ERRORS(MOQ_ERROR_ENUM)
#undef MOQ_ERROR_ENUM
};

/* The words for `error`, never NULL; "success" for 0. */
const char *moq_error_words(int error);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
