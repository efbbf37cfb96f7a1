/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How pictures are shown and what language a track has: the forms of files and catalogs, one into
 * the other. */
#ifndef MOQ_KARP_DISPLAY_H
#define MOQ_KARP_DISPLAY_H

#include "karp/catalog.h"

struct display_ratio {
    uint32_t width, height;
};

/* Divides both by what they have in common, and halves them until they fit 31 bits. Zeros stay. */
struct display_ratio display_ratio_of(uint64_t width, uint64_t height);

/* The shape of a pixel in a picture of that size; 0:0 when nothing is told. */
struct display_ratio display_pixel(const struct karp_display *display, uint32_t width,
                                   uint32_t height);

/* Quarter turns and mirroring as the signs of a, b, c and d in a matrix of ISO/IEC 14496-12, 6.2.2.
 * The first returns false, and changes nothing, for signs that are neither. */
bool display_turn_find(struct karp_display *display, const int signs[4]);
void display_turn_signs(const struct karp_display *display, int signs[4]);

/* Whether anything is specified in it. */
bool display_says_colour(const struct karp_colour *colour);

bool display_equals(const struct karp_display *a, const struct karp_display *b);

/* Three lowercase letters (ISO 639-2); letters, digits and hyphens (BCP 47). */
bool display_language_is_valid(const char *text);
bool display_language_tag_is_valid(const char *text);

#endif
