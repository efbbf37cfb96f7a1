/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* AV1 (bitstream specification, 5.3 to 5.9): where the sequence header is and what it says about
 * the pictures, and which frames are key frames. */
#ifndef MOQ_KARP_AV1_H
#define MOQ_KARP_AV1_H

#include "karp/codec.h"
#include "karp/internal.h"

struct av1_sequence {
    const uint8_t *obu; /* the whole OBU, for a configuration record */
    size_t obu_size;
    uint32_t width, height; /* the largest of its frames */
    bool has_colour;        /* otherwise it says nothing of the primaries, transfer and matrix */
    struct karp_colour colour;
};

/* Looks through OBUs (of a frame, or after the four bytes of an av1C). False when there is no
 * sequence header or it does not parse; `obu` is set all the same if it is there, and NULL if
 * not. */
bool av1_find_sequence(struct reader in, struct av1_sequence *sequence);

/* What the first frame of a sample is (5.9.2). */
enum av1_frame { AV1_NO_FRAME, AV1_KEY_FRAME, AV1_OTHER_FRAME };

enum av1_frame av1_first_frame(struct reader in);

#endif
