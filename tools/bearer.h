/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A token from a file, for the URL of a tool. It is read again for each connection, because a token
 * is often valid for less time than a tool runs. */
#ifndef MOQ_TOOLS_BEARER_H
#define MOQ_TOOLS_BEARER_H

#include "native/native.h"

/* Puts the token in the file `path` into the query of `url`: for moq_client_config.refresh, whose
 * user is the path. Returns 0, or an error with words in `error_text`, in which nothing of the
 * file's content stands. */
int bearer_refresh(void *path, struct moq_url *url, char *error_text);

#endif
