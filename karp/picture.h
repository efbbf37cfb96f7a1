/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a sample of video is, told by its own bytes: flags of files are often wrong. */
#ifndef MOQ_KARP_PICTURE_H
#define MOQ_KARP_PICTURE_H

#include "karp/codec.h"

enum picture {
    PICTURE_UNKNOWN,  /* the bytes do not tell */
    PICTURE_KEY,      /* decoding can begin: IDR of H.264, IRAP of H.265, a key frame of others */
    PICTURE_RECOVERY, /* decoding can begin, and pictures are whole after a while (recovery point)
                       */
    PICTURE_INTRA,    /* depends on no other, but later ones may look back beyond it (H.264) */
    PICTURE_DELTA,
};

struct picture_format {
    enum karp_codec_kind kind;
    uint8_t length_bytes; /* before each NAL unit of H.264 and H.265; 0: four */
};

/* The format of samples that a codec and its configuration record (avcC or hvcC; may be empty)
 * describe. */
struct picture_format picture_format_of(enum karp_codec_kind kind, const uint8_t *record,
                                        size_t size);

enum picture picture_of(const struct picture_format *format, const uint8_t *payload, size_t size);

#endif
