/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Export: a catalog and frames become a fragmented MP4 that ffmpeg and browsers play: an init
 * segment, then a moof and mdat for each frame or each group.
 *
 * Presentation times are kept to the microsecond: for a catalog with a start, the file gets edit
 * lists that begin presentation there, so each frame has the time that it had in the published
 * file. Frames carry no decode times, so the exporter makes them up: strictly rising, and at or
 * before the presentation time of their frame, except where a track without a start begins at zero
 * and its frames are reordered: composition offsets are negative there. One frame of each track is
 * held back until the next one tells its duration, and at the beginning of a broadcast twice the
 * reorder depth in frames, but no more than 60 s of media.
 *
 * The configuration record and size of each video track are read from its first keyframe, and the
 * init segment waits for that, because the resolution may have changed in band since the catalog
 * was written. If the catalog describes all tracks that are still missing, frames wait for only 1 s
 * of media. */
#ifndef MOQ_KARP_EXPORT_H
#define MOQ_KARP_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "karp/catalog.h"
#include "karp/import.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

enum {
    /* Held while the init segment waits; then it is written without the silent tracks. */
    KARP_EXPORT_PENDING_MAX_BYTES = 32 << 20,
    KARP_EXPORT_PENDING_MAX_FRAMES = 1024,
    /* How long media waits for tracks that are described, but still silent: as long as the importer
     * waits, so a publisher of ours begins no track later than this after another. */
    KARP_EXPORT_PENDING_MAX_US = 1000000,
    /* Held at the start of a track with reordered frames. */
    KARP_EXPORT_OPENING_MAX_BYTES = 4 << 20,
    /* A larger group is split into several fragments. */
    KARP_EXPORT_FRAGMENT_MAX_BYTES = 16 << 20,
    KARP_EXPORT_FRAGMENT_MAX_SAMPLES = 1024,
    /* Between the end of one instance and the start of the next. */
    KARP_EXPORT_RESTART_GAP_US = 500000,
};

struct karp_export_options {
    bool is_fragment_per_group; /* otherwise one per frame, for the lowest latency */
    int64_t offset_us; /* added to every timestamp: a viewer who joins late may begin near 0 */
};

/* Why a frame was left out. X(name, words) */
#define KARP_EXPORT_LOSSES(X)                                                                      \
    X(TRACK, "of tracks that MP4 cannot describe")                                                 \
    X(UNDESCRIBED, "that came before it was known how to decode them")                             \
    X(BEFORE_KEYFRAME, "that came before the first keyframe of their track")                       \
    X(LATE, "that came after later ones were written")                                             \
    X(BEFORE_START, "from before the time at which the file begins")                               \
    X(EMPTY, "that are empty")                                                                     \
    X(TOO_LARGE, "that are larger than 16 MiB")                                                    \
    X(TIME, "with impossible times")                                                               \
    X(UNWRITTEN, "that were held back when writing failed or ended without a flush")

enum karp_export_loss {
#define KARP_EXPORT_LOSS_ENUM(name, words) KARP_EXPORT_LOSS_##name,
    KARP_EXPORT_LOSSES(KARP_EXPORT_LOSS_ENUM)
#undef KARP_EXPORT_LOSS_ENUM
        KARP_EXPORT_LOSS_COUNT,
};

/* The words for `loss`, which follow a number of frames. Never NULL. */
const char *karp_export_loss_words(enum karp_export_loss loss);

struct karp_export_counters {
    uint64_t frames, fragments, init_segments; /* written */
    uint64_t left_out[KARP_EXPORT_LOSS_COUNT]; /* frames, by reason */
    uint64_t dropped_frames;                   /* the sum of left_out */
};

/* Takes the next bytes of the file. The exporter function that called it returns its value if that
 * is not 0. */
typedef int (*karp_write)(void *user, const uint8_t *data, size_t size);

struct karp_exporter; /* private */

/* Copies `catalog`; `options` may be NULL. Tracks of codecs that we cannot describe are left out,
 * with a warning. Returns 0; MOQ_ERR_UNSUPPORTED if no track is left, or MOQ_ERR_NOMEM, and then
 * *exporter is NULL. */
int karp_exporter_new(struct karp_exporter **exporter, const struct karp_catalog *catalog,
                      const struct karp_export_options *options, karp_write on_write, void *user);
/* Frames that are held back are lost unless karp_exporter_flush() was called. */
void karp_exporter_free(struct karp_exporter *exporter);

/* Takes a frame: in decode order within its track, tracks in any order. `track` is the index in the
 * catalog. Times that start again under the same catalog must be put onto one timeline first: see
 * karp_timeline_place(). Returns 0; MOQ_ERR_EXPIRED: it begins a group at or before what has been
 * written, so skip that group; MOQ_ERR_BOUNDS: over KARP_FRAME_MAX_BYTES; MOQ_ERR_NOT_FOUND: no
 * such `track`; MOQ_ERR_NOMEM; or what on_write returned. */
int karp_exporter_frame(struct karp_exporter *exporter, const struct karp_frame *frame);

/* Writes everything that is held back, as at the end of the broadcast. */
int karp_exporter_flush(struct karp_exporter *exporter);

/* The broadcast continues as a newer instance. Flushes, then continues the timeline shortly after
 * the end of the old instance; a new init segment is written only if it differs. Errors as
 * karp_exporter_new(). */
int karp_exporter_restart(struct karp_exporter *exporter, const struct karp_catalog *catalog);

/* Whether frames of `catalog` can follow in the file without a restart, because it describes the
 * same tracks in the same way. */
bool karp_exporter_fits(const struct karp_exporter *exporter, const struct karp_catalog *catalog);

/* Whether the catalog's track is part of the file. */
bool karp_exporter_has_track(const struct karp_exporter *exporter, size_t track);

struct karp_export_counters karp_exporter_counters(const struct karp_exporter *exporter);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
