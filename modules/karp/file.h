/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A file, or all *.mp4 of a directory in the order of their names, played at its own pace, once or
 * in a loop. The directory is read again before each round. */
#ifndef INGEST_FILE_H
#define INGEST_FILE_H

#include "modules/karp/backoff.h"
#include "modules/karp/ingest.h"

enum {
    FILE_PIECE_BYTES = 64 << 10,
    FILE_SLICE_BYTES = 4096, /* between two looks at the pace */
    FILE_NAMES_MAX = 4096,   /* of a directory; further ones are not played */
};

struct file_source; /* private */

struct file_config {
    const char *path; /* of the broadcast, as request_name wrote it; copied, as the next */
    const char *file; /* or directory */
    bool is_loop;
    struct ingest_ladder ladder;
    /* A file that is played once has ended; NULL: nobody asks. The source may be closed in it. */
    void (*on_end)(void *owner);
    void *owner;
};

/* Begins at once; whatever is wrong with the files goes to the log, and is tried again later.
 * `set` outlives the source. NULL: out of memory. */
struct file_source *file_open(struct ingest_set *set, const struct file_config *config);
/* Ends the broadcast; what is on the loop ends later. */
void file_close(struct file_source **source);

#endif
