/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A slice of a worker's viewers: some rows of a listing, filled on the worker's thread. */
#ifndef MOQ_CORE_SLICE_H
#define MOQ_CORE_SLICE_H

#include <uv.h>

#include "server/core/listing.h"
#include "server/core/router.h"

/* What one slice may cost its worker: rows, the bytes of their texts, and steps. A step is about a
 * nanosecond; comparing a path with a pattern takes at most the product of their lengths. */
enum {
    SLICE_ROWS_MAX = 64,
    SLICE_TEXT_BYTES = 64 << 10,
    SLICE_STEPS_MAX = 1 << 20,
    SLICE_STEPS_VISIT = 128,
    SLICE_STEPS_ROW = SLICE_STEPS_MAX / SLICE_ROWS_MAX,
};

struct slice {
    struct post post;
    uv_mutex_t mutex; /* protects is_asked */
    uv_cond_t answered;
    bool is_asked; /* the worker has it */
    /* What is asked; not changed while the worker has it. */
    char pattern[CORE_LISTING_PATTERN_BYTES]; /* "": all */
    uint64_t after;
    /* The worker's. */
    struct roster_cursor cursor;
    /* The answer. */
    struct core_viewer_row rows[SLICE_ROWS_MAX];
    size_t count;
    uint64_t reached; /* viewers up to this place have been looked at */
    bool is_end;      /* and there are no others */
    char text[SLICE_TEXT_BYTES];
    size_t text_bytes;
};

struct slice *slice_new(void); /* NULL: out of memory */
/* The worker's thread has ended, or never had it. */
void slice_free(struct slice **slice);

/* Asks for the viewers behind `after`; the worker must not have the slice. */
void slice_ask(struct slice *slice, struct mailbox *mailbox, const char *pattern, uint64_t after);
/* False: there is no answer by `deadline_ns` (of clock_monotonic_ns). */
bool slice_wait(struct slice *slice, uint64_t deadline_ns);

/* On the worker's thread: fills in the answer. */
void slice_fill(struct slice *slice, struct router *router);

#endif
