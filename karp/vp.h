/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads the size of pictures from key frames of VP8 (RFC 6386, 9.1) and VP9 (bitstream
 * specification, 6.2). */
#ifndef MOQ_KARP_VP_H
#define MOQ_KARP_VP_H

#include "karp/codec.h"

/* Sets width and height in pixels. Returns false, and sets nothing, if the payload is not a key
 * frame of that codec. */
bool vp_frame_size(enum karp_codec_kind kind, const uint8_t *payload, size_t size, uint32_t *width,
                   uint32_t *height);

#endif
