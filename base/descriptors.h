/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The three standard descriptors, which a program may be started without (`>&-`, some supervisors).
 */
#ifndef MOQ_BASE_DESCRIPTORS_H
#define MOQ_BASE_DESCRIPTORS_H

#include <stdbool.h>

#include "base/symbols.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* Opens /dev/null for each of descriptors 0, 1 and 2 that is closed, so that no file or socket gets
 * its number: libuv aborts when it has to close one of these, and what is meant for people would be
 * written into a connection. Each is opened for the wrong direction, so that whoever needs it gets
 * an error instead of an empty input or lost output. To be called first in main(). Does nothing if
 * /dev/null cannot be opened. */
void descriptors_fill_standard(void);

/* Whether so many more descriptors can be opened now. libuv aborts when there are too few for the
 * first loop of a process. Opens and closes them. */
bool descriptors_are_free(unsigned count);
enum { DESCRIPTORS_FREE_MAX = 64 }; /* the largest `count` */

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop

#endif
