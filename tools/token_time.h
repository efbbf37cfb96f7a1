/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Points in time as people give them to moq-token. */
#ifndef MOQ_TOOLS_TOKEN_TIME_H
#define MOQ_TOOLS_TOKEN_TIME_H

#include <stdbool.h>
#include <stdint.h>

/* Reads "now", a time from now on ("90s", "15m", "1h", "30d"), a date (RFC 3339:
 * "2026-12-31T23:59:59Z", "2026-12-31T23:59:59+01:00"), or seconds since 1970. Sets *seconds,
 * since 1970; `now_s` is the present. Returns false if it is none of these, or after the year
 * 9999. */
bool token_time_parse(const char *text, int64_t now_s, int64_t *seconds);

#endif
