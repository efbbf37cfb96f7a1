/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A listener, TCP or unix, whose clients send a fragmented MP4 and nothing else. It has one
 * broadcast, so one client at a time; another is sent away, and the log says so. */
#ifndef INGEST_LISTEN_H
#define INGEST_LISTEN_H

#include "modules/karp/door.h"
#include "modules/karp/ingest.h"

struct listen_source; /* private */

struct listen_config {
    const char *path;               /* of the broadcast, as request_name wrote it */
    const struct sockaddr *address; /* TCP; NULL: unix. Borrowed during the call, as the next. */
    const char *unix_path;
    uint64_t silence_ms; /* 0: INGEST_SILENCE_MS */
    struct ingest_ladder ladder;
};

/* `set` outlives it. Returns 0, MOQ_ERR_NOMEM or MOQ_ERR_IO, with words in `error_text`. */
int listen_open(struct listen_source **source, struct ingest_set *set,
                const struct listen_config *config, char error_text[DOOR_ERROR_BYTES]);
/* Sends its client away, and closes what is on the loop. */
void listen_close(struct listen_source **source);
unsigned listen_port(const struct listen_source *source); /* 0: a unix socket */

#endif
