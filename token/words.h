/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Words for errors, in which nothing stands that a terminal or a log could trip over. */
#ifndef MOQ_TOKEN_WORDS_H
#define MOQ_TOKEN_WORDS_H

#include <stdint.h>

#include "token/token.h"

enum { WORDS_SHOWN_BYTES = 72, WORDS_TIME_BYTES = 32 };

/* Writes the words to `why` and returns `error`. */
int words_fail(char why[TOKEN_WHY_BYTES], int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A foreign text such as a kid, for an error: cut, and '?' for what is not printable ASCII. Returns
 * `out`. */
const char *words_shown(const char *text, char out[WORDS_SHOWN_BYTES]);

/* A time such as "2026-11-30 03:44:41 UTC". Returns `out`. */
const char *words_time(int64_t time_ms, char out[WORDS_TIME_BYTES]);

#endif
