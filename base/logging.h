/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How much the libraries say on standard error: a line of text, or one JSON object, for what an
 * operator should know. They begin with level "info". */
#ifndef MOQ_BASE_LOGGING_H
#define MOQ_BASE_LOGGING_H

#include <stdbool.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* `level`: off, error, warn, info, debug or trace. `topic`: as lines name it (quic, tls, session,
 * ...), or NULL for all of them. Any thread, at any time. 0, or MOQ_ERR_INVALID: there is no such
 * topic or level. */
int moq_log_set(const char *topic, const char *level);

void moq_log_set_json(bool is_json); /* JSON instead of text; any thread, at any time */

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
