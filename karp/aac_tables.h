/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What walking over a frame of AAC needs of the tables of ISO/IEC 14496-3. */
#ifndef MOQ_KARP_AAC_TABLES_H
#define MOQ_KARP_AAC_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AAC_BOOKS = 12, AAC_CODE_MAX_BITS = 19 };

/* A canonical Huffman book. `follow` has a hexadecimal digit for each code: how many sign bits
 * follow it, plus 4 for each escape sequence after those; NULL: nothing ever follows. */
struct aac_book {
    uint8_t counts[AAC_CODE_MAX_BITS]; /* of codes with 1, 2, ... bits */
    const char *follow;
};

extern const struct aac_book aac_books[AAC_BOOKS]; /* of spectral data, by number; 0 is silence */
extern const struct aac_book aac_scale_book;       /* of differences of scale factors */

/* Where the bands of scale factors begin, and at last where they end. */
struct aac_bands {
    const uint16_t *offsets;
    uint8_t count;
};

const struct aac_bands *aac_bands_of(uint32_t rate, bool is_short);

#endif
