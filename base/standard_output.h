/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The last step of a program that prints a result. The result may go into a file, where a part of
 * it is worse than nothing, so a failed write has to be reported. */
#ifndef MOQ_BASE_STANDARD_OUTPUT_H
#define MOQ_BASE_STANDARD_OUTPUT_H

#include "base/symbols.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* Flushes standard output. If any output could not be written, now or before, prints that on
 * standard error for `program` and returns MOQ_ERR_IO; else returns 0. */
int standard_output_end(const char *program);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
