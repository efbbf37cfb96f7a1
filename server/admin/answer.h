/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Answers to requests, with the header fields that all of them have. */
#ifndef MOQ_ADMIN_ANSWER_H
#define MOQ_ADMIN_ANSWER_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

/* Which pages of a browser may read an answer. */
enum answer_readers {
    ANSWER_FOR_ALL, /* those of all origins */
    ANSWER_FOR_OWN, /* only those that come from here themselves */
};

struct answer {
    unsigned status;
    const char *type;
    enum answer_readers readers;
};

/* Adds a header field. False: out of memory. Nothing happens if `response` is NULL. */
bool answer_add(struct MHD_Response *response, const char *name, const char *value);

/* Sends `response`, which is freed; NULL: out of memory, the connection ends. */
enum MHD_Result answer_send(struct MHD_Connection *connection, const struct answer *answer,
                            struct MHD_Response *response);

/* A text that is not kept by caches; it is copied. */
enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned status, const char *text);
/* `body` is taken, and NULL if out of memory. It is not kept by caches. */
enum MHD_Result answer_body(struct MHD_Connection *connection, const struct answer *answer,
                            char *body, size_t size);

/* To OPTIONS, which browsers ask before they let a page of another origin ask for more than a plain
 * GET. */
enum MHD_Result answer_options(struct MHD_Connection *connection, enum answer_readers readers);
/* To any method but GET, HEAD and OPTIONS. */
enum MHD_Result answer_wrong_method(struct MHD_Connection *connection);

#endif
