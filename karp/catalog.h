/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The catalog: which tracks a broadcast has and how to decode them. It is one JSON document,
 * published as the only frame of a group; each new version is a new group. Source: docs/media.md,
 * which follows the catalog of the Rust crate moq-karp. */
#ifndef MOQ_KARP_CATALOG_H
#define MOQ_KARP_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "karp/codec.h"
#include "karp/failure.h"

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

enum {
    KARP_CATALOG_MAX_BYTES = 1 << 20,      /* larger documents are refused with TooLarge */
    KARP_CATALOG_MAX_TRACKS = 64,          /* of both kinds together */
    KARP_TRACK_NAME_MAX_BYTES = 256,       /* with the final zero */
    KARP_DESCRIPTION_MAX_BYTES = 64 << 10, /* a configuration record */
    KARP_LANGUAGE_MAX_BYTES = 4,           /* with the final zero, as the next */
    KARP_LANGUAGE_TAG_MAX_BYTES = 36,      /* longer tags are left out */
    KARP_CATALOG_PRIORITY = -1,            /* of the catalog's own track */
    KARP_AUDIO_PRIORITY = 1,
    KARP_VIDEO_PRIORITY = 2,
};

#define KARP_START_MAX_US (UINT64_C(1) << 61) /* as KARP_TIMESTAMP_MAX_US */

#define KARP_CATALOG_NAME                                                                          \
    "catalog.json" /* only where tracks have string names; array paths end at the id */

enum karp_track_kind { KARP_VIDEO, KARP_AUDIO };

/* How decoded pictures are shown, as in VideoDecoderConfig of WebCodecs. All zero: unchanged. */
struct karp_display {
    uint16_t rotation; /* degrees clockwise: 0, 90, 180 or 270 */
    bool is_flipped;   /* mirrored left to right, after the rotation */
    /* The ratio of width to height of the picture before its rotation; 0: that of its pixel counts,
     * or what the codec says. */
    uint32_t aspect_width, aspect_height;
    bool has_colour; /* the container states the colour, which overrides the codec's */
    struct karp_colour colour;
    bool is_range_untold; /* QuickTime's colr does not state the range; the stream may */
};

struct karp_track {
    enum karp_track_kind kind;
    char name[KARP_TRACK_NAME_MAX_BYTES]; /* the last part of its path; any text */
    int8_t priority;
    char codec[KARP_CODEC_MAX_BYTES];
    uint8_t *description; /* the body of avcC, hvcC or dOps, or an AudioSpecificConfig; NULL without
                             one; owned by the catalog */
    size_t description_size;
    uint32_t width, height;              /* video, pixels as coded */
    uint32_t sample_rate, channel_count; /* audio */
    bool has_bitrate;
    uint64_t bitrate_bps;
    /* The file's clock in ticks per second, which an export rounds to; 0: unknown. */
    uint32_t timescale;
    char language[KARP_LANGUAGE_MAX_BYTES]; /* three letters of ISO 639-2; "": undetermined */
    char language_tag[KARP_LANGUAGE_TAG_MAX_BYTES]; /* BCP 47; "": the file has none */
    struct karp_display display;                    /* video */
    char ladder[KARP_TRACK_NAME_MAX_BYTES]; /* video: what its renditions share; see ladder.h */
};

/* `timescale`, `language`, `language_tag`, `display`, `ladder`, the `description` of audio, and
 * `start` are extensions of ours, which other programs ignore. A publisher whose file has edit
 * lists moves all times up until none is negative, and the member "start" says how far. With that
 * and `timescale`, an export can restore the times of the file, including negative ones. A player
 * that does not know them plays the frames at the times that they carry. */
struct karp_catalog {
    struct karp_track *tracks; /* read-only; video before audio */
    size_t track_count;        /* read-only */
    bool has_start;            /* edit lists were applied */
    uint64_t start_us;         /* presentation time zero is at this timestamp; at most
                                  KARP_START_MAX_US */
};

struct karp_catalog *karp_catalog_new(void); /* empty; NULL: out of memory */
void karp_catalog_free(struct karp_catalog *catalog);

/* A deep copy, which the caller owns. NULL: out of memory. */
struct karp_catalog *karp_catalog_copy(const struct karp_catalog *catalog);

/* Reads a document. Unknown members are ignored, and null counts as absent. The caller owns
 * *catalog. Returns 0, MOQ_ERR_DECODE (malformed) or MOQ_ERR_BOUNDS (over a limit), and then there
 * is no catalog and `failure` (may be NULL) says why. */
int karp_catalog_parse(const char *json, size_t size, struct karp_catalog **catalog,
                       struct karp_failure *failure);

/* Prints compact JSON, with the keys in the order that all peers accept. The caller frees it. NULL:
 * out of memory, or a name is not UTF-8. */
char *karp_catalog_print(const struct karp_catalog *catalog);

/* Adds a copy of `track`, with its description. MOQ_ERR_DUPLICATE (name), MOQ_ERR_BOUNDS,
 * MOQ_ERR_NOMEM. Moves other tracks, so pointers to tracks become invalid. */
int karp_catalog_add(struct karp_catalog *catalog, const struct karp_track *track);

/* MOQ_ERR_NOT_FOUND when there is no track of that name. */
int karp_catalog_remove(struct karp_catalog *catalog, const char *name);

/* The track of that name, borrowed; NULL: none. */
const struct karp_track *karp_catalog_find(const struct karp_catalog *catalog, const char *name);

/* Whether both tracks are described in the same way; players resubscribe only to those that
 * differ. */
bool karp_track_equals(const struct karp_track *a, const struct karp_track *b);

/* Whether frames of one can follow those of the other: the bitrate, which encoders measure anew for
 * each file, may differ. */
bool karp_track_continues(const struct karp_track *a, const struct karp_track *b);

/* Why viewers of January 2025 would refuse the whole catalog because of this track, in words; NULL:
 * they accept it. */
const char *karp_track_objection(const struct karp_track *track);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
