/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* File descriptors: the three standard ones, which may be closed at the start of a program (`>&-`,
 * some supervisors), whether enough are left, and what to do where they are not. */
#ifndef MOQ_BASE_DESCRIPTORS_H
#define MOQ_BASE_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/symbols.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* Opens /dev/null for each of descriptors 0, 1 and 2 that is closed, so that no file or socket gets
 * its number: libuv aborts when it has to close one of these, and messages for people would be
 * written into a connection. Each is opened for the wrong direction, so reading or writing it is an
 * error instead of empty input or lost output. Call it first in main(). Does nothing if /dev/null
 * cannot be opened. */
void descriptors_fill_standard(void);

/* Whether `count` more descriptors can be opened now; opens and closes them to find out. libuv
 * aborts when there are too few for the first loop of a process. */
bool descriptors_are_free(unsigned count);
enum { DESCRIPTORS_FREE_MAX = 4096 }; /* the largest `count` */

/* What to do where open(), socket() or accept() failed with this errno: how to allow more
 * descriptors if that was the reason, else `otherwise`. */
const char *descriptors_remedy(int error, const char *otherwise);

/* The same with what went wrong, as a sentence without a full stop: the words for `error`, and if
 * descriptors are what is missing, how many there may be and how to allow more. Writes at most
 * `size` bytes, the final zero included. */
void descriptors_explain(int error, char *out, size_t size);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop

#endif
