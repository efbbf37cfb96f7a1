/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A cursor: reads a track in this process as a viewer of a peer is served one. Part of
 * transfork/transfork.h, which is the header to include.
 *
 * A cursor is pulled and never pushed. It is a position, not a queue: a reader that stalls falls
 * behind, and what it skips follows from the rule that applies to viewers (viewer_next.c). It reads
 * one group at a time, in whole frames. A group that it has begun is read to its end, unless it
 * becomes late; then the policy's order says which group comes next.
 *
 * What it keeps alive: the track, and the one group that it is in. */
#ifndef MOQ_CURSOR_H
#define MOQ_CURSOR_H

#include "transfork/transfork.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* A reader that wants the oldest groups first gets them in order: for a group that others have
 * overtaken, it waits this long, or for the policy's latency if that is shorter. */
#define MOQ_CURSOR_HOLE_NS UINT64_C(2000000000)

enum moq_cursor_start {
    MOQ_CURSOR_NEWEST, /* the newest group that is there, as a viewer without a range */
    MOQ_CURSOR_OLDEST, /* the oldest group that is there; older ones than the newest are not late */
    MOQ_CURSOR_NEXT,   /* the first group that begins from now on */
};

struct moq_cursor_config {
    struct moq_policy policy; /* its latency and order */
    enum moq_cursor_start start;
    /* A group of which more bytes than this are unread is cut for this cursor, with MOQ_ERR_BOUNDS.
     * Bytes count from when they arrive, frames that are not complete included. 0: no limit but
     * MOQ_GROUP_MAX_BYTES. */
    uint64_t unread_max_bytes;
    /* There may be something new to read. Called from inside the writer's call, so it must not
     * write to the track; it may free the cursor. May be NULL. */
    void (*on_news)(void *user);
    void *user;
};

enum moq_cursor_item_kind {
    MOQ_CURSOR_GROUP,     /* `sequence` begins */
    MOQ_CURSOR_FRAME,     /* `data` and `size`, of the group that has begun */
    MOQ_CURSOR_GROUP_END, /* `sequence` is over; `error` 0: complete */
    MOQ_CURSOR_GAP,       /* groups `sequence` to `last` do not come, because of `error` */
    MOQ_CURSOR_END,       /* the last item; `error` 0: the track ended normally */
};

struct moq_cursor_item {
    enum moq_cursor_item_kind kind;
    int error;
    uint64_t sequence, last;
    const uint8_t *data; /* memory of the cursor: valid until its next item, or until it is freed */
    size_t size;
};

struct moq_cursor_stats {
    uint64_t groups_read;    /* to their ends */
    uint64_t groups_cut;     /* begun and not read to their ends */
    uint64_t groups_skipped; /* that were there, and never begun */
    uint64_t bytes_read;     /* of payload */
    uint64_t backlog_bytes;  /* unread, of the group that it is in */
    uint64_t backlog_ns; /* how long ago the oldest unread group was superseded; 0: it was not */
};

struct moq_cursor;

/* Takes a reference to `track`. NULL: out of memory. */
struct moq_cursor *moq_cursor_new(struct moq_track *track, const struct moq_cursor_config *config);
void moq_cursor_free(struct moq_cursor **cursor); /* may point to NULL; sets it to NULL */

/* The next item. Returns 1; 0: nothing now; MOQ_ERR_NOMEM: try again; MOQ_ERR_CLOSED: END was
 * returned before. Groups that were cut before they were begun come as gaps; one that is cut later
 * gives its whole frames first. Gaps come between groups. */
int moq_cursor_next(struct moq_cursor *cursor, struct moq_cursor_item *item);
/* Whether moq_cursor_next would return anything else than 0 now. */
bool moq_cursor_has_next(const struct moq_cursor *cursor);

/* Call it now and then, for cursors whose readers stall, and before the track drops what is late:
 * counts groups that are late as skipped, lets go of the group that it is in once that is late, and
 * of a group of history, or of a whole track that has ended, when nothing was read for
 * MOQ_CURSOR_STALL_NS and for the policy's latency. The reader is told of it by the items that
 * follow (MOQ_ERR_EXPIRED). */
void moq_cursor_tend(struct moq_cursor *cursor);
#define MOQ_CURSOR_STALL_NS UINT64_C(10000000000)

/* Lets go of the track now. What follows is the end of the group that it is in, if there is one,
 * and the end, both with `error`. */
void moq_cursor_abandon(struct moq_cursor *cursor, int error);

void moq_cursor_stats(const struct moq_cursor *cursor, struct moq_cursor_stats *stats);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
