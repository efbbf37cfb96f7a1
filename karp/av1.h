/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The sequence header of AV1 (AV1 bitstream specification, 5.5): where it is, and what it says about the pictures. */
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

/* Looks through OBUs (of a frame, or behind the four bytes of an av1C). False when there is no sequence header or it does
 * not parse; `obu` is set all the same if it is there, and NULL if not. */
bool av1_find_sequence(struct reader in, struct av1_sequence *sequence);

#endif
