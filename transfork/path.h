/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A path from the inside: it is kept as its own canonical wire encoding (count, then length and
 * bytes of each part, all lengths in their shortest form), so comparing, hashing and sending it are
 * operations on one run of bytes. */
#ifndef MOQ_TRANSFORK_PATH_H
#define MOQ_TRANSFORK_PATH_H

#include "transfork/transfork.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A path inside a buffer of someone else, checked against the limits but not copied. */
struct path_view {
    const uint8_t *parts; /* the first part's length */
    size_t size;          /* bytes of all parts with their lengths */
    size_t count;
};

/* Finds the path at the start of `in`. Returns 0 and sets *used; MOQ_ERR_AGAIN if the path is
 * longer than `n` bytes; MOQ_ERR_BOUNDS if it is over the limits, as soon as a byte shows it. */
int path_view_decode(const uint8_t *in, size_t n, size_t *used, struct path_view *view);

/* A new path with the same parts, with one reference for the caller. NULL: out of memory. */
struct moq_path *path_from_view(const struct path_view *view);

/* The wire encoding, *size bytes, which is valid as long as the path lives. */
const uint8_t *path_wire(const struct moq_path *path, size_t *size);

#ifdef __cplusplus
}
#endif
#endif
