/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The inputs of a publisher: standard input, or one file or pipe for each rendition. Each has an
 * importer, and all of them together hand out one catalog and its frames, as a single importer
 * would.
 *
 * Pipes are read as they come, because one program may write to several of them and waits for all.
 * Files are read so that none of them gets ahead of the others. */
#ifndef MOQ_TOOLS_FEEDS_H
#define MOQ_TOOLS_FEEDS_H

#include "base/bytes.h"
#include "karp/karp.h"
#include "tools/input.h"

enum { FEEDS_SLICE_BYTES = 4096 }; /* what one step takes */

struct feeds;

struct feed { /* private */
    struct feeds *feeds;
    const char *name; /* as given; "-": standard input */
    struct input *input;
    struct karp_importer *importer;
    void *rendition;         /* for karp_renditions_events */
    struct byte_buf waiting; /* input that is read but not imported yet */
    uint64_t newest_us;      /* presentation time of what it has handed out */
    bool is_over;            /* nothing more can be read */
    bool is_finished;        /* and everything is handed out */
};

struct feeds_events {
    struct karp_import_events media;
    void (*on_warning)(void *user, const char *line);
    void (*on_news)(void *user); /* a step can be made: data has come, or an input is over */
};

struct feeds_options {
    const char *const *names; /* files, or "-" */
    size_t count;             /* 1 to KARP_RENDITIONS_MAX_INPUTS */
    bool is_in_band, has_auto;
    struct karp_import_options import;
};

struct feeds {
    struct feeds_events events;
    void *user;
    struct feed items[KARP_RENDITIONS_MAX_INPUTS]; /* private, as the next two */
    size_t count, next;
    struct karp_renditions *renditions;
    int error;          /* read-only: the first of an importer, or of what takes its media */
    size_t failed;      /* read-only: which of them */
    bool is_unreadable; /* read-only: an input could not be read to its end */
    bool is_all_handed; /* private: the renditions are finished */
};

/* Returns 0 or MOQ_ERR_NOMEM. Call feeds_deinit in any case. */
int feeds_init(struct feeds *feeds, const struct feeds_options *options,
               const struct feeds_events *events, void *user);
void feeds_deinit(struct feeds *feeds);

/* Opens all inputs, which are held then. Otherwise prints which one cannot be opened and returns
 * an error of libuv. */
int feeds_open(struct feeds *feeds, uv_loop_t *loop);
void feeds_close(struct feeds *feeds);

/* Whether all inputs are regular files, which can be read at any pace without losing anything. */
bool feeds_are_files(const struct feeds *feeds);

void feeds_hold(struct feeds *feeds);
/* Reads on, but holds inputs of which something still waits. */
void feeds_go_on(struct feeds *feeds);
/* No further input counts: what waits is dropped. */
void feeds_stop(struct feeds *feeds);

/* Imports the next slice. Returns false if there is nothing to do now, or after an error. */
bool feeds_step(struct feeds *feeds);
/* Whether everything has been read and handed out. */
bool feeds_are_over(const struct feeds *feeds);

/* Why the import failed, in words; "": that was printed when reading failed. */
const char *feeds_failure(const struct feeds *feeds, char *text, size_t size);
/* Prints what importers have left out. Returns whether video or audio is among it. */
bool feeds_tell_losses(const struct feeds *feeds);

#endif
