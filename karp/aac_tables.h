/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The tables of ISO/IEC 14496-3 that aac_frame.c needs to walk over a frame of AAC. */
#ifndef MOQ_KARP_AAC_TABLES_H
#define MOQ_KARP_AAC_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AAC_BOOKS = 12, AAC_CODE_MAX_BITS = 19 };

/* A canonical Huffman book. `follow` has one hexadecimal digit per code: the number of sign bits
 * after the code, plus 4 for each escape sequence after those. NULL: nothing follows any code. */
struct aac_book {
    uint8_t counts[AAC_CODE_MAX_BITS]; /* number of codes that have 1, 2, ... bits */
    const char *follow;
};

extern const struct aac_book aac_books[AAC_BOOKS]; /* for spectral data, by number; 0 is silence */
extern const struct aac_book aac_scale_book;       /* for the differences of scale factors */

/* The first spectral line of each scale factor band, then the end of the last band. */
struct aac_bands {
    const uint16_t *offsets;
    uint8_t count;
};

/* The bands at `rate` Hz, for short or long windows. Static; never NULL. */
const struct aac_bands *aac_bands_of(uint32_t rate, bool is_short);

#endif
