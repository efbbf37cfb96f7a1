/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tested by tests/e2e/test_http.py. */
#include "server/admin/answer.h"

#include <stdlib.h>
#include <string.h>

bool answer_add(struct MHD_Response *response, const char *name, const char *value)
{
    return response && MHD_add_response_header(response, name, value) == MHD_YES;
}

enum MHD_Result answer_send(struct MHD_Connection *connection, const struct answer *answer,
                            struct MHD_Response *response)
{
    if (!response)
        return MHD_NO;
    if (answer->type)
        answer_add(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
    answer_add(response, "X-Content-Type-Options", "nosniff");
    answer_add(response, "Referrer-Policy", "no-referrer");
    if (answer->readers == ANSWER_FOR_ALL) {
        answer_add(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_ORIGIN, "*");
        answer_add(response, "Access-Control-Expose-Headers",
                   "Accept-Ranges, Content-Encoding, Content-Length, Content-Range, ETag");
    }
    enum MHD_Result result = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result send_fresh(struct MHD_Connection *connection, const struct answer *answer,
                                  struct MHD_Response *response)
{
    answer_add(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    return answer_send(connection, answer, response);
}

/* libmicrohttpd does not change what it only copies. */
static struct MHD_Response *copy_text(const char *text)
{
    return MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text,
                                           MHD_RESPMEM_MUST_COPY);
}

enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned status, const char *text)
{
    const struct answer answer = {status, "text/plain; charset=utf-8", ANSWER_FOR_ALL};
    return send_fresh(connection, &answer, copy_text(text));
}

enum MHD_Result answer_body(struct MHD_Connection *connection, const struct answer *answer,
                            char *body, size_t size)
{
    if (!body)
        return answer_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
    struct MHD_Response *response =
        MHD_create_response_from_buffer(size, body, MHD_RESPMEM_MUST_FREE);
    if (!response)
        free(body);
    return send_fresh(connection, answer, response);
}

/* ---- Methods --------------------------------------------------------------------------------- */

static const char methods[] = "GET, HEAD, OPTIONS";

/* What a page of another origin may send. */
static void allow_page(struct MHD_Connection *connection, struct MHD_Response *response)
{
    const char *is_private = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                                         "Access-Control-Request-Private-Network");
    answer_add(response, "Access-Control-Allow-Methods", "GET, HEAD");
    answer_add(response, "Access-Control-Allow-Headers",
               "Cache-Control, If-Modified-Since, If-None-Match, If-Range, Pragma, Range");
    answer_add(response, "Access-Control-Max-Age", "86400");
    /* A page on the internet, and a relay at home: such as a player that is tried. */
    if (is_private && strcmp(is_private, "true") == 0)
        answer_add(response, "Access-Control-Allow-Private-Network", "true");
}

enum MHD_Result answer_options(struct MHD_Connection *connection, enum answer_readers readers)
{
    const struct answer answer = {MHD_HTTP_NO_CONTENT, NULL, readers};
    struct MHD_Response *response = copy_text("");
    answer_add(response, MHD_HTTP_HEADER_ALLOW, methods);
    if (readers == ANSWER_FOR_ALL)
        allow_page(connection, response);
    return answer_send(connection, &answer, response);
}

enum MHD_Result answer_wrong_method(struct MHD_Connection *connection)
{
    const struct answer answer = {MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain; charset=utf-8",
                                  ANSWER_FOR_ALL};
    struct MHD_Response *response = copy_text("only GET and HEAD are served here\n");
    answer_add(response, MHD_HTTP_HEADER_ALLOW, methods);
    return send_fresh(connection, &answer, response);
}
