/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the libraries log on standard error for the operator: one line of text or one JSON object
 * per event. The default level is "info". */
#ifndef MOQ_BASE_LOGGING_H
#define MOQ_BASE_LOGGING_H

#include <stdbool.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* Sets the level of one topic. `level` is off, error, warn, info, debug or trace. `topic` is a name
 * that log lines show (quic, tls, session, ...), or NULL for all topics. Any thread, at any time.
 * Returns 0, or MOQ_ERR_INVALID if there is no such topic or level. */
int moq_log_set(const char *topic, const char *level);

void moq_log_set_json(bool is_json); /* JSON instead of text; any thread, at any time */

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
