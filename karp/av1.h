/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* AV1 (bitstream specification, 5.3 to 5.9): finds the sequence header, reads what it says about
 * the pictures, and tells key frames from other frames. */
#ifndef MOQ_KARP_AV1_H
#define MOQ_KARP_AV1_H

#include "karp/codec.h"
#include "karp/internal.h"

struct av1_sequence {
    const uint8_t *obu; /* the whole OBU, for a configuration record */
    size_t obu_size;
    uint32_t width, height; /* pixels; the largest that a frame of the sequence may have */
    bool has_colour;        /* the header gives primaries, transfer and matrix */
    struct karp_colour colour;
};

/* Looks for a sequence header in the OBUs of a frame, or in those after the first four bytes of an
 * av1C. Returns false if there is none or if it does not parse. `sequence->obu` points into `in` if
 * a header was found, also one that does not parse; otherwise it is NULL. */
bool av1_find_sequence(struct reader in, struct av1_sequence *sequence);

/* The size of the temporal delimiter at the front of a sample; 0: there is none. */
size_t av1_delimiter_size(struct reader in);

/* The kind of the first frame in a sample (5.9.2). */
enum av1_frame { AV1_NO_FRAME, AV1_KEY_FRAME, AV1_OTHER_FRAME };

enum av1_frame av1_first_frame(struct reader in);

#endif
