/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Fields of requests: whom they are for and, of files, which part is wanted, in which coding, and
 * what the client has already. Source: RFC 9110. But for Host, a field that cannot be read is
 * treated as if it were not there, as the RFC wants it. */
#ifndef MOQ_ADMIN_FIELDS_H
#define MOQ_ADMIN_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* ---- Host ------------------------------------------------------------------------------------ */

/* Whether it is a name or an address, with or without a port. It may be empty, for URLs that name
 * no server (RFC 9110, section 7.2; RFC 3986, section 3.2). */
bool fields_is_host(const char *field);

/* ---- Range ----------------------------------------------------------------------------------- */

enum range_verdict {
    RANGE_IS_ALL,     /* several ranges, another unit, or nothing that can be read: send all */
    RANGE_IS_PART,    /* one range, cut to the size */
    RANGE_IS_OUTSIDE, /* it begins behind the end */
};

struct range {
    uint64_t first, count; /* of bytes */
};

/* Reads Range. `field` may be NULL. */
enum range_verdict fields_range(const char *field, uint64_t size, struct range *range);

/* ---- Accept-Encoding ------------------------------------------------------------------------- */

enum { CODING_IDENTITY, CODING_GZIP, CODING_BROTLI, CODING_COUNT };

/* How welcome each coding is, in thousandths; 0: not at all. */
struct codings {
    unsigned weights[CODING_COUNT];
};

/* Reads Accept-Encoding. `field` may be NULL. */
struct codings fields_codings(const char *field);

/* ---- Validators ------------------------------------------------------------------------------ */

/* Whether `list`, of If-None-Match, has this strong entity tag, which has its quotes, or is "*". */
bool fields_have_tag(const char *list, const char *tag);

enum { FIELDS_DATE_BYTES = 32 };

/* As Last-Modified: "Sun, 06 Nov 1994 08:49:37 GMT". */
void fields_write_date(time_t time, char out[FIELDS_DATE_BYTES]);
/* Reads that form. False: it is another. */
bool fields_read_date(const char *field, time_t *time);

#endif
