/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a file's name says of it: its type, and whether its contents can change. */
#ifndef MOQ_ADMIN_FILE_KIND_H
#define MOQ_ADMIN_FILE_KIND_H

#include <stdbool.h>

/* By its ending; application/octet-stream if that is not known. */
const char *file_kind_type(const char *path);

/* Whether it is an HTML page. */
bool file_kind_is_page(const char *path);

/* Whether a build gave it a name that goes with its contents: assets/app-BkP3x_9f.js. The name, up
 * to its first dot, ends with a dash and 8 characters, and a digit or a capital is among them, so
 * that hardly a word is taken for a hash. */
bool file_kind_is_hashed(const char *path);

#endif
