/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Import: bytes of a fragmented MP4, in pieces of any size, become a catalog and frames.
 *
 * The importer holds no more than it needs: the current moov or moof, the list of samples still to
 * come in an mdat, one sample that arrives in pieces and, at the beginning, frames until each track
 * has begun. After that, a sample that is complete in the given bytes is passed on without a copy.
 *
 * Times are presentation times, after edit lists. There are no negative times on the wire, so if a
 * first sample lies before zero (the priming of AAC), all tracks are moved by the same constant;
 * karp_importer_shift_us() and the catalog's start say by how much. Times that wrap, or that start
 * again under the same moov (an encoder that restarts, a looped file), continue where they were,
 * all tracks by the same offset. */
#ifndef MOQ_KARP_IMPORT_H
#define MOQ_KARP_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "karp/catalog.h"
#include "karp/failure.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

enum {
    /* A larger one is refused with TooLarge, as with every limit here. */
    KARP_IMPORT_MOOV_MAX_BYTES = 4 << 20,
    KARP_IMPORT_MOOF_MAX_BYTES = 1 << 20,
    /* In one fragment, or in a moov with sample tables, including empty samples and those of tracks
     * that are left out; 32 bytes of memory each. */
    KARP_IMPORT_MAX_SAMPLES = 1 << 18,
    KARP_IMPORT_MAX_TRACKS = 64,     /* further ones are left out */
    KARP_FRAME_MAX_BYTES = 16 << 20, /* payload of one frame */
    KARP_GROUP_MAX_US = 10000000,    /* an audio group without a video keyframe lasts this long */
};

#define KARP_TIMESTAMP_MAX_US (UINT64_C(1) << 61)

/* A frame on its way to a track. Valid during the call. */
struct karp_frame {
    size_t track;          /* index into the tracks of the catalog */
    bool is_group_start;   /* a new group begins with this frame; the one before it is finished */
    uint64_t timestamp_us; /* presentation time */
    const uint8_t *payload;
    size_t size;
};

struct karp_import_events {
    /* All tracks are known, and where their times begin. Called just before the first frame is
     * handed out, or at the end of a file without frames. Frames wait for the first one of each
     * track, but only until a fragment begins that is more than 1 s after the first one, and at
     * most 16 MiB of them. Called again for a moov with other tracks in mid-stream: that is a new
     * instance of the broadcast. A moov that differs only in dates, tags or durations counts as a
     * repetition. A return value other than 0 refuses the catalog (MultipleInit the second time)
     * and ends the import. */
    int (*on_catalog)(void *user, const struct karp_catalog *catalog);
    /* Frames come in the order of the file. A return value other than 0 ends the import with that
     * value. */
    int (*on_frame)(void *user, const struct karp_frame *frame);
};

struct karp_import_options {
    int8_t video_priority, audio_priority; /* for the catalog; both 0: the usual 2 and 1 */
};

/* Why a sample was left out. X(name, words) */
#define KARP_LOSSES(X)                                                                             \
    X(NO_MEDIA_TRACK, "of tracks that have neither picture nor sound")                             \
    X(TRACK, "of tracks that cannot be carried")                                                   \
    X(UNKNOWN_TRACK, "of tracks that the moov does not have")                                      \
    X(FURTHER_TRACK, "of tracks that are not among the first 64 of the moov")                      \
    X(ENTRY, "under a sample entry that cannot be carried")

enum karp_loss {
#define KARP_LOSS_ENUM(name, words) KARP_LOSS_##name,
    KARP_LOSSES(KARP_LOSS_ENUM)
#undef KARP_LOSS_ENUM
        KARP_LOSS_COUNT,
};

struct karp_import_counts {
    uint64_t frames;                    /* handed out */
    uint64_t left_out[KARP_LOSS_COUNT]; /* samples, by reason */
    uint64_t restarts;                  /* how often times have started again */
};

/* The words for `loss`, which follow a number of samples. Never NULL. */
const char *karp_loss_words(enum karp_loss loss);

struct karp_importer; /* private */

/* `options` may be NULL. NULL: out of memory. */
struct karp_importer *karp_importer_new(const struct karp_import_events *events, void *user,
                                        const struct karp_import_options *options);
void karp_importer_free(struct karp_importer *importer);

/* Takes the next bytes of the file. Returns 0; MOQ_ERR_MEDIA: see karp_importer_failure();
 * MOQ_ERR_NOMEM; or what a callback returned. After an error, call only karp_importer_failure(),
 * _counts() and _free(). */
int karp_importer_feed(struct karp_importer *importer, const uint8_t *data, size_t size);

/* The file has ended. MOQ_ERR_MEDIA when it ends inside a box, without a moov, or before the
 * samples of its last moof. */
int karp_importer_finish(struct karp_importer *importer);

const struct karp_failure *karp_importer_failure(const struct karp_importer *importer);

/* What was handed out and what was left out so far: nothing else of the input is lost. */
const struct karp_import_counts *karp_importer_counts(const struct karp_importer *importer);

/* How many microseconds every timestamp is above the one in the file; known from the first frame
 * on. */
uint64_t karp_importer_shift_us(const struct karp_importer *importer);

/* The presentation time that the samples of the last fragment span, less one frame: the latency
 * that the muxer adds. */
uint64_t karp_importer_fragment_us(const struct karp_importer *importer);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
