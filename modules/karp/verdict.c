/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Texts that are too long are cut: they may quote what a peer has sent.
 * Tested by tests/unit/modules/test_karp_request.c. */
#include "modules/karp/verdict.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

unsigned verdict_set(struct verdict *verdict, unsigned status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    verdict->status = status;
    vsnprintf(verdict->text, sizeof verdict->text, format, arguments);
    va_end(arguments);
    return status;
}

const char *verdict_phrase(unsigned status)
{
    static const struct {
        unsigned status;
        const char *phrase;
    } phrases[] = {
        {VERDICT_OK, "OK"},
        {VERDICT_MALFORMED, "Bad Request"},
        {VERDICT_UNAUTHORIZED, "Unauthorized"},
        {VERDICT_FORBIDDEN, "Forbidden"},
        {VERDICT_NOT_FOUND, "Not Found"},
        {VERDICT_METHOD, "Method Not Allowed"},
        {VERDICT_SILENT, "Request Timeout"},
        {VERDICT_TAKEN, "Conflict"},
        {VERDICT_TOO_LARGE, "Content Too Large"},
        {VERDICT_HEADER_TOO_LARGE, "Request Header Fields Too Large"},
        {VERDICT_FAILED, "Internal Server Error"},
        {VERDICT_BUSY, "Service Unavailable"},
    };
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Unknown";
}
