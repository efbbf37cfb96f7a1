/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A command, such as ffmpeg, whose standard output is a fragmented MP4. It is started again when it
 * ends, with growing pauses, or only while somebody watches. Its standard error goes to the log. */
#ifndef INGEST_CHILD_H
#define INGEST_CHILD_H

#include "base/list.h"
#include "modules/karp/backoff.h"
#include "modules/karp/ingest.h"

enum {
    CHILD_TERM_MS = 3000,       /* between SIGTERM and SIGKILL */
    CHILD_LEAVE_MS = 1000,      /* after SIGTERM, when the relay ends */
    CHILD_IDLE_MS = 10000,      /* without a viewer, then one that is on demand is stopped */
    CHILD_SILENCE_MS = 15000,   /* without a byte, from the first on, then it is started again */
    CHILD_LINE_BYTES = 512,     /* of a line in the log; longer ones are cut */
    CHILD_LINES_PER_SECOND = 5, /* of the log; further ones are counted */
};

struct child_source; /* private */

/* Processes, also those of sources that were closed. Zero is not empty: see child_yard_init. */
struct child_yard {
    struct list processes;
};
void child_yard_init(struct child_yard *yard);
/* For the end of the relay, when the loop does not run any more: waits until all processes have
 * ended, for CHILD_LEAVE_MS at most, and then kills those that are left. All sources are closed
 * before. The loop must run once more to close what they had on it. */
void child_yard_clear(struct child_yard *yard);

struct child_config {
    const char *path;        /* of the broadcast, as request_name wrote it; copied, as the next */
    const char *command;     /* for /bin/sh -c */
    bool is_on_demand;       /* runs only while somebody watches */
    struct child_yard *yard; /* outlives the processes */
    uint64_t idle_ms, silence_ms; /* 0: as above */
    struct ingest_ladder ladder;
};

/* `set` outlives the source. NULL: out of memory. */
struct child_source *child_open(struct ingest_set *set, const struct child_config *config);
/* Ends the broadcast and stops the command: its process group gets SIGTERM and, after
 * CHILD_TERM_MS, SIGKILL. The loop has to run until then. */
void child_close(struct child_source **source);
/* Processes of this source that have not ended. */
unsigned child_running(const struct child_source *source);

#endif
