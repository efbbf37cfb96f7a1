/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The end of a program that was asked to print something. What it printed may be on its way into a
 * file, and a part of it is worse than none. */
#ifndef MOQ_BASE_STANDARD_OUTPUT_H
#define MOQ_BASE_STANDARD_OUTPUT_H

#include "base/symbols.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* Flushes standard output. Returns 0, or MOQ_ERR_IO if any of it could not be written, now or
 * before, after saying so on standard error for `program`. */
int standard_output_end(const char *program);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
