/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every error of the project: one list that gives the code our functions return (negative), the
 * code that goes to a peer (transfork's stream and session codes) and the words for people. Foreign
 * codes are turned into these at the border where they come in. */
#ifndef MOQ_BASE_ERROR_H
#define MOQ_BASE_ERROR_H

#include <stdint.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* X(name, our code, wire code, words) */
#define MOQ_ERRORS(X)                                                                              \
    X(CANCELLED, -1, 0, "cancelled")                                                               \
    X(REQUIRED_EXTENSION, -2, 1, "a required extension is missing")                                \
    X(TRANSPORT, -3, 4, "the connection failed")                                                   \
    X(DECODE, -4, 5, "the bytes do not parse")                                                     \
    X(VERSION, -5, 9, "unsupported version")                                                       \
    X(UNEXPECTED_STREAM, -6, 10, "a stream of this type is not expected here")                     \
    X(BOUNDS, -7, 11, "a limit is exceeded")                                                       \
    X(DUPLICATE, -8, 12, "it exists already")                                                      \
    X(NOT_FOUND, -9, 13, "not found")                                                              \
    X(WRONG_SIZE, -10, 14, "a frame ends before its announced size")                               \
    X(PROTOCOL, -11, 15, "the peer violates the protocol")                                         \
    X(EXPIRED, -12, 0, "too late to be useful")                                                    \
    X(CLOSED, -13, 0, "already closed")                                                            \
    X(TIMEOUT, -14, 4, "timed out")                                                                \
    X(NOMEM, -15, 4, "out of memory")                                                              \
    X(AGAIN, -16, 0, "not now, try again later")                                                   \
    X(INVALID, -17, 5, "an argument is invalid")                                                   \
    X(IO, -18, 4, "input or output failed")                                                        \
    X(TLS, -19, 4, "TLS failed")                                                                   \
    X(NAME_LOOKUP, -20, 4, "the host name cannot be resolved")                                     \
    X(REFUSED, -21, 13, "refused")                                                                 \
    X(UNSUPPORTED, -22, 15, "not supported")                                                       \
    X(OFFLINE, -23, 13, "nobody publishes it")                                                     \
    X(END, -24, 0, "the end")                                                                      \
    X(MEDIA, -25, 5, "the media is malformed")                                                     \
    X(STREAMS, -26, 11, "the peer allows no more streams at a time")

enum moq_error {
    MOQ_OK = 0,
#define MOQ_ERROR_ENUM(name, code, wire, words) MOQ_ERR_##name = (code),
    MOQ_ERRORS(MOQ_ERROR_ENUM)
#undef MOQ_ERROR_ENUM
};

/* First wire code that belongs to applications (transfork draft, section on errors). */
enum { MOQ_WIRE_APP = 64 };

/* The words for `error`, never NULL; "success" for 0. */
const char *moq_error_words(int error);

/* The code a peer is told for `error`; 0 (cancel) for anything that is not in the list. */
uint32_t moq_error_to_wire(int error);

/* Our code for what a peer sent; unknown numbers become MOQ_ERR_CANCELLED. Several of ours share
 * wire codes 0, 4, 5, 11, 13 and 15: the first in the list is returned. */
int moq_error_from_wire(uint64_t wire);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
