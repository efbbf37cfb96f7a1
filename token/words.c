/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Builds the words of errors. Tested by tests/unit/token/test_claims.c. */
#include "token/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int words_fail(char why[TOKEN_WHY_BYTES], int error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, TOKEN_WHY_BYTES, format, arguments);
    va_end(arguments);
    return error;
}

const char *words_shown(const char *text, char out[WORDS_SHOWN_BYTES])
{
    size_t n = strnlen(text, WORDS_SHOWN_BYTES);
    size_t shown = n < WORDS_SHOWN_BYTES ? n : WORDS_SHOWN_BYTES - 4;
    for (size_t i = 0; i < shown; i++)
        out[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
    memcpy(out + shown, n < WORDS_SHOWN_BYTES ? "" : "...", n < WORDS_SHOWN_BYTES ? 1 : 4);
    return out;
}

const char *words_time(int64_t time_ms, char out[WORDS_TIME_BYTES])
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm parts;
    if (!gmtime_r(&seconds, &parts) || !strftime(out, WORDS_TIME_BYTES, "%F %T UTC", &parts))
        snprintf(out, WORDS_TIME_BYTES, "%lld ms", (long long)time_ms);
    return out;
}

const char *token_error_name(int error)
{
    static const char *const names[] = {
        [TOKEN_OK] = "ok",
        [TOKEN_ERR_SIZE] = "size",
        [TOKEN_ERR_FORM] = "form",
        [TOKEN_ERR_ALGORITHM] = "algorithm",
        [TOKEN_ERR_KEY] = "key",
        [TOKEN_ERR_SIGNATURE] = "signature",
        [TOKEN_ERR_EXPIRED] = "expired",
        [TOKEN_ERR_EARLY] = "early",
        [TOKEN_ERR_CLAIM] = "claim",
        [TOKEN_ERR_NOMEM] = "memory",
    };
    return error >= 0 && error <= TOKEN_ERR_NOMEM ? names[error] : "unknown";
}
