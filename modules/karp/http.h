/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A server of HTTP/1.1 that takes media by PUT and POST. The path of the URL is the broadcast. */
#ifndef INGEST_HTTP_H
#define INGEST_HTTP_H

#include <sys/socket.h>

#include "modules/karp/door.h"
#include "modules/karp/ingest.h"

/* Of these, the one that has waited longest for its request makes room for the next connection. If
 * all have sent theirs, further ones wait in the kernel's queue. */
enum { HTTP_CONNECTIONS_MAX = 64 };

struct http_server; /* private */

struct http_config {
    const struct sockaddr *address; /* borrowed during the call */
    uint64_t silence_ms;            /* of a body; 0: INGEST_SILENCE_MS */
    struct ingest_ladder ladder;
};

/* `set` outlives the server. Returns 0, MOQ_ERR_NOMEM or MOQ_ERR_IO, with words in `error_text`. */
int http_open(struct http_server **server, struct ingest_set *set, const struct http_config *config,
              char error_text[DOOR_ERROR_BYTES]);
/* Ends all connections and their broadcasts, and closes what is on the loop. */
void http_close(struct http_server **server);
unsigned http_port(const struct http_server *server);

#endif
