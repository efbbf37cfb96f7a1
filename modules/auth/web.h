/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* HTTP requests from a worker's loop: libcurl, driven by libuv. Connections are kept alive.
 * Redirects are not followed, certificates are verified, and proxies of the environment are not
 * used. */
#ifndef AUTH_WEB_H
#define AUTH_WEB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct relay_worker;

enum { WEB_ANSWER_MAX_BYTES = 65536 }; /* of the header and of the body; more is a failure */

struct web; /* of one worker */

struct web_request {
    const char *url, *ca; /* `ca` NULL: the system's */
    const char *body;     /* JSON */
    uint64_t timeout_ms;  /* for all of it */
};

struct web_answer {
    bool is_cancelled;   /* by web_close */
    long status;         /* of HTTP; 0: there is no answer */
    const char *failure; /* why not, for people; NULL: there is one */
    const char *body;    /* borrowed */
    size_t body_bytes;
};

/* Called once, from the loop, never before web_post returns. */
typedef void web_on_answer(void *user, const struct web_answer *answer);

struct web *web_new(struct relay_worker *worker); /* NULL: out of memory */
/* Everything is copied. False: out of memory, and `on_answer` is not called. */
bool web_post(struct web *web, const struct web_request *request, web_on_answer *on_answer,
              void *user);
uint32_t web_open_count(const struct web *web); /* requests without an answer yet */
/* Cancels all of them. The loop frees the rest. Sets *web to NULL; NULL: does nothing. */
void web_close(struct web **web);

#endif
