/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Finds out from the bytes of a video sample what kind of picture it is, because the sample flags
 * in files are often wrong. */
#ifndef MOQ_KARP_PICTURE_H
#define MOQ_KARP_PICTURE_H

#include "karp/codec.h"

enum picture {
    PICTURE_UNKNOWN,  /* the bytes do not say */
    PICTURE_KEY,      /* decoding can begin: an IDR of H.264, IRAP of H.265, or a key frame */
    PICTURE_RECOVERY, /* a recovery point: decoding can begin, pictures are whole a little later */
    PICTURE_INTRA,    /* H.264: depends on no other, but later pictures may depend on older ones */
    PICTURE_DELTA,    /* depends on other pictures */
};

struct picture_format {
    enum karp_codec_kind kind;
    uint8_t length_bytes; /* H.264 and H.265: size of the length before each NAL unit; 0: four */
};

/* The format of the samples of a codec with this configuration record (avcC or hvcC; may be
 * empty). */
struct picture_format picture_format_of(enum karp_codec_kind kind, const uint8_t *record,
                                        size_t size);

enum picture picture_of(const struct picture_format *format, const uint8_t *payload, size_t size);

#endif
