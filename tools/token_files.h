/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Keys and tokens of moq-token in files, and on standard input and output ("-"). */
#ifndef MOQ_TOOLS_TOKEN_FILES_H
#define MOQ_TOOLS_TOKEN_FILES_H

#include <stdbool.h>

#include "token/token.h"

/* Each of these prints for moq-token what went wrong. */

/* The keys of `file`, owned by the caller. NULL: they cannot be read. */
struct token_keys *token_files_keys(const char *file);

/* Reads a token, without the white space around it, to `out`. Returns false if it cannot be
 * read. */
bool token_files_token(const char *file, char out[TOKEN_MAX_BYTES + 2]);

/* Writes a key to a new file that its owner alone may read if `is_secret`. A file that is there
 * already is left alone. Returns false if it cannot be written; there is no file then. */
bool token_files_write(const char *file, const char *text, bool is_secret);

#endif
