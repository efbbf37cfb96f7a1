/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a request says, as far as libmicrohttpd does not read it: the broadcast in its target, and
 * the credential that it brings. */
#ifndef INGEST_REQUEST_H
#define INGEST_REQUEST_H

#include <stddef.h>

#include "modules/karp/verdict.h"

enum {
    REQUEST_PATH_MAX_PARTS = 30,  /* the instance and the track come below it */
    REQUEST_PATH_MAX_BYTES = 900, /* with room for those two, up to what the relay takes */
    REQUEST_PATH_BYTES = REQUEST_PATH_MAX_BYTES + 1,
    /* With the final zero: what the relay takes, and more than the head of a request has room for
     * (VISIT_HEAD_MAX_BYTES). Whoever decides is given all of it. */
    REQUEST_CREDENTIAL_BYTES = (16 << 10) + 1,
};

/* The broadcast that the target of a request ("/demo/bbb?jwt=x") names. It is the part before '?'
 * as it is: escapes stay, because URLs of viewers are read like that too (docs/tools.md). Escapes
 * are looked at all the same: a part that is empty, "." or "..", or has a slash, a backslash or a
 * control character in it, escaped or not, is refused. Returns 0, or VERDICT_MALFORMED with the
 * reason. */
unsigned request_path(const char *target, char path[REQUEST_PATH_BYTES], struct verdict *why);

/* The same for a path of the configuration: without '/' at the beginning, and braces are allowed as
 * the relay writes them ("a{20}b"). */
unsigned request_name(const char *name, char path[REQUEST_PATH_BYTES], struct verdict *why);

/* The part of the target behind '?'; "" if there is none. Borrowed. */
const char *request_query(const char *target);

/* The value of `jwt` in a query. Returns its length; 0: there is none, or it is there twice or has
 * escapes, and whoever decides has to look at the query. What is too long is cut, so that it is too
 * long for whoever decides as well, and not the same as no token. */
size_t request_query_token(const char *query, char token[REQUEST_CREDENTIAL_BYTES]);

/* The token of "Bearer x" in an Authorization header. `header` may be NULL. Returns as above. */
size_t request_bearer(const char *header, char token[REQUEST_CREDENTIAL_BYTES]);

#endif
