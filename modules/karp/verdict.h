/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An answer to whoever brings media: a status of HTTP, and a sentence for people. */
#ifndef INGEST_VERDICT_H
#define INGEST_VERDICT_H

#include <stdbool.h>

enum { VERDICT_TEXT_BYTES = 320 };

enum {
    VERDICT_OK = 200,
    VERDICT_MALFORMED = 400,
    VERDICT_UNAUTHORIZED = 401,
    VERDICT_FORBIDDEN = 403,
    VERDICT_NOT_FOUND = 404,
    VERDICT_METHOD = 405,
    VERDICT_SILENT = 408, /* nothing came for too long */
    VERDICT_TAKEN = 409,  /* somebody else publishes under this path */
    VERDICT_TOO_LARGE = 413,
    VERDICT_HEADER_TOO_LARGE = 431,
    VERDICT_FAILED = 500, /* the relay's fault */
    VERDICT_BUSY = 503,
};

struct verdict {
    unsigned status; /* 0: none yet */
    char text[VERDICT_TEXT_BYTES];
};

/* Sets it, and returns the status. */
unsigned verdict_set(struct verdict *verdict, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The words of HTTP for `status`, never NULL. */
const char *verdict_phrase(unsigned status);

#endif
