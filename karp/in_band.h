/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Puts parameter sets into the frames: H.264 and H.265 as WebCodecs expects them without a
 * description, with start codes, and all sets in front of each keyframe. The other codecs have what
 * a decoder needs in their keyframes. */
#ifndef MOQ_KARP_IN_BAND_H
#define MOQ_KARP_IN_BAND_H

#include "base/bytes.h"
#include "karp/catalog.h"
#include "karp/import.h"

/* A frame may grow by its parameter sets and by longer start codes; more is refused. */
enum { IN_BAND_FRAME_MAX_BYTES = KARP_FRAME_MAX_BYTES + (1 << 20) };

struct in_band_track {
    bool is_changed; /* its frames get start codes */
    bool is_h265;
    uint8_t length_bytes;
    struct byte_buf sets; /* the sets of the description, with start codes */
};

struct in_band {
    struct in_band_track tracks[KARP_CATALOG_MAX_TRACKS]; /* in the order of the catalog */
    struct byte_buf frame;
    uint64_t broken; /* read-only: frames that had bytes which are no unit; those are left out */
};

void in_band_init(struct in_band *in_band);
void in_band_deinit(struct in_band *in_band);

/* Takes the descriptions out of the video tracks of `catalog`. A track whose description lacks a
 * set keeps it, and its frames stay as they are. */
int in_band_catalog(struct in_band *in_band, struct karp_catalog *catalog);

/* Changes a frame of that catalog; its payload is valid until the next call. MOQ_ERR_BOUNDS: it
 * becomes too large. */
int in_band_frame(struct in_band *in_band, struct karp_frame *frame);

#endif
