/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Formats error texts.
 * Tested by tests/unit/quic/test_cert.c. */
#include "quic/explain.h"

#include <stdarg.h>
#include <stdio.h>

#include "quic/quic.h"

void quic_explain(char *error_text, const char *format, ...)
{
    if (!error_text)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(error_text, QUIC_ERROR_TEXT_BYTES, format, args);
    va_end(args);
}
