/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* NAL units of H.264 and H.265: walking them in both framings, finding parameter sets, and what a
 * sequence parameter set says about the order of pictures. */
#ifndef MOQ_KARP_NAL_H
#define MOQ_KARP_NAL_H

#include "base/bytes.h"
#include "karp/codec.h"

enum {
    NAL_H264_SPS = 7,
    NAL_H264_PPS = 8,
    NAL_H265_VPS = 32,
    NAL_H265_SPS = 33,
    NAL_H265_PPS = 34,
    NAL_MAX_REORDER = 16, /* no level allows more pictures to wait */
};

struct nal {
    const uint8_t *data;
    size_t size;
};

struct nal_walk {
    struct nal left;
    bool is_annex_b;      /* start codes; otherwise a length before each */
    uint8_t length_bytes; /* of that length, 1 to 4 */
};

/* A walk over the units of a sample, in the framing that it has: start codes are known by their
 * sight, unless all lengths
 * (`length_bytes` each; 0: four) add up. */
struct nal_walk nal_walk_of(const uint8_t *payload, size_t size, uint8_t length_bytes);

/* Takes the next unit that is not empty; false at the end or where a length lies. */
bool nal_next(struct nal_walk *walk, struct nal *nal);

/* Its type; 255 when it is too short for its header. */
uint8_t nal_type(const struct nal *nal, bool is_h265);

/* Writes `payload` (start codes) to `out` with four bytes of length before each unit. */
int nal_to_lengths(struct nal payload, struct byte_buf *out);

struct nal_sps {
    uint8_t chroma_format, luma_depth, chroma_depth; /* depths in bits */
    unsigned reorder;       /* pictures that may come before one that is shown earlier */
    uint32_t width, height; /* of a picture, cropped */
    bool is_stretched;      /* H.264: its pixels are not square */
};

/* False when it does not parse. */
bool nal_sps_parse(const struct nal *nal, bool is_h265, struct nal_sps *sps);

/* Whether an hvcC body has all parameter sets, so that none comes with the frames: what the sample
 * entry hvc1 stands for. */
bool nal_is_complete(struct nal hvcc);

/* Says so in a body that comes from an entry hvc1, where muxers leave it out. */
void nal_mark_complete(uint8_t *hvcc, size_t size);

/* The SPS inside an avcC or hvcC body. */
bool nal_sps_of_config(struct nal config, bool is_h265, struct nal *sps);

/* Builds an avcC or hvcC body from the parameter sets in a keyframe. MOQ_ERR_NOT_FOUND when they
 * are not there. */
int nal_build_config(struct nal_walk payload, bool is_h265, struct byte_buf *out);

#endif
