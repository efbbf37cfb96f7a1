/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* NAL units of H.264 and H.265: walks over them in both framings, finds parameter sets, and reads
 * what a sequence parameter set says about the size and order of pictures. */
#ifndef MOQ_KARP_NAL_H
#define MOQ_KARP_NAL_H

#include "base/bytes.h"
#include "karp/codec.h"

enum {
    NAL_H264_SPS = 7,
    NAL_H264_PPS = 8,
    NAL_H264_DELIMITER = 9,
    NAL_H265_VPS = 32,
    NAL_H265_SPS = 33,
    NAL_H265_PPS = 34,
    NAL_H265_DELIMITER = 35,
    NAL_MAX_REORDER = 16, /* no level allows a larger reorder depth */
};

struct nal {
    const uint8_t *data;
    size_t size;
};

struct nal_walk {
    struct nal left;
    bool is_annex_b;      /* units are separated by start codes; otherwise each has a length */
    uint8_t length_bytes; /* size of that length, 1 to 4 */
};

/* Begins a walk over the units of a sample and detects its framing. A sample that begins with a
 * start code has start codes, unless it can also be read as units with lengths of `length_bytes`
 * bytes (0: four). */
struct nal_walk nal_walk_of(const uint8_t *payload, size_t size, uint8_t length_bytes);

/* Takes the next unit that is not empty. Returns false at the end, or if a length does not fit. */
bool nal_next(struct nal_walk *walk, struct nal *nal);

/* The type of a unit; 255 if it is too short for its header. */
uint8_t nal_type(const struct nal *nal, bool is_h265);

/* Appends `payload`, which has start codes, to `out`, with a length of four bytes before each
 * unit. */
int nal_to_lengths(struct nal payload, struct byte_buf *out);

/* Appends a unit to `out`, with a start code of four bytes before it. */
int nal_append(const struct nal *nal, struct byte_buf *out);

/* Appends the units that are left in `walk` to `out`, with a start code of four bytes before each.
 * Returns 0, also if a length does not fit, which ends the walk; then bytes are left in it. */
int nal_to_start_codes(struct nal_walk *walk, struct byte_buf *out);

/* Appends the parameter sets in an avcC or hvcC body to `out`, in the order of the body and with
 * start codes. MOQ_ERR_NOT_FOUND if a kind of set that a decoder needs is missing. */
int nal_sets_to_start_codes(struct nal config, bool is_h265, struct byte_buf *out);

/* Whether the walk has a parameter set of each kind that a decoder needs. */
bool nal_has_sets(struct nal_walk walk, bool is_h265);

struct nal_sps {
    uint8_t chroma_format, luma_depth, chroma_depth; /* depths in bits */
    unsigned reorder;       /* most pictures that precede one in decoding and follow it in output */
    uint32_t width, height; /* of a picture in pixels, after cropping */
    bool is_stretched;      /* H.264: pixels are not square */
};

/* Returns false if the SPS cannot be parsed. */
bool nal_sps_parse(const struct nal *nal, bool is_h265, struct nal_sps *sps);

/* Whether an hvcC body says that it has all parameter sets, so that frames carry none. That is what
 * the sample entry hvc1 means. */
bool nal_is_complete(struct nal hvcc);

/* Marks an hvcC body from a sample entry hvc1 that way, because some muxers do not. */
void nal_mark_complete(uint8_t *hvcc, size_t size);

/* Finds the SPS inside an avcC or hvcC body. Returns false if there is none. */
bool nal_sps_of_config(struct nal config, bool is_h265, struct nal *sps);

/* Appends to `out` an avcC or hvcC body made of the parameter sets in a keyframe. MOQ_ERR_NOT_FOUND
 * if a set is missing. */
int nal_build_config(struct nal_walk payload, bool is_h265, struct byte_buf *out);

#endif
