/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How pictures are shown and what language a track has: conversion between the forms that files and
 * catalogs use. */
#ifndef MOQ_KARP_DISPLAY_H
#define MOQ_KARP_DISPLAY_H

#include "karp/catalog.h"

struct display_ratio {
    uint32_t width, height;
};

/* Reduces the ratio to lowest terms and halves both numbers until they fit 31 bits. A zero stays
 * zero. */
struct display_ratio display_ratio_of(uint64_t width, uint64_t height);

/* The aspect ratio of a pixel in a picture of `width` x `height`; 0:0 if `display` does not say. */
struct display_ratio display_pixel(const struct karp_display *display, uint32_t width,
                                   uint32_t height);

/* Convert between rotation and mirroring and the signs of a, b, c and d in a matrix of
 * ISO/IEC 14496-12, 6.2.2. The first returns false, and changes nothing, for any other matrix. */
bool display_turn_find(struct karp_display *display, const int signs[4]);
void display_turn_signs(const struct karp_display *display, int signs[4]);

/* Whether any member differs from "unspecified", or the range is full. */
bool display_says_colour(const struct karp_colour *colour);

bool display_equals(const struct karp_display *a, const struct karp_display *b);

/* Whether `text` has the form of a language: three lowercase letters (ISO 639-2). */
bool display_language_is_valid(const char *text);

/* Whether `text` has the form of a language tag (BCP 47): letters, digits and hyphens, with the
 * final zero at most KARP_LANGUAGE_TAG_MAX_BYTES. */
bool display_language_tag_is_valid(const char *text);

#endif
