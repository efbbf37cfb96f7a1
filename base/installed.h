/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where the files of this program's installation are. */
#ifndef MOQ_BASE_INSTALLED_H
#define MOQ_BASE_INSTALLED_H

#include <stddef.h>

#include "base/symbols.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* Writes the path of what is `from_program`, a path relative to the folder of the running program,
 * such as ../share/moq-relay/web. So an installation may be moved, and a build has the same order.
 * If there is nothing, it is the path where it would be. */
void installed_path(const char *from_program, char *out, size_t size);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop

#endif
