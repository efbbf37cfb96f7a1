/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ratios, rotation and mirroring, and the forms of languages.
 * Tested by tests/unit/karp/test_export_config.c and tests/unit/karp/test_import.c. */
#include "karp/display.h"

#include <string.h>

enum { COLOUR_UNSPECIFIED = 2 };

/* The signs of each quarter turn; then of each quarter turn that is followed by mirroring left to
 * right. */
static const int8_t turns[8][4] = {{1, 0, 0, 1},  {0, 1, -1, 0}, {-1, 0, 0, -1}, {0, -1, 1, 0},
                                   {-1, 0, 0, 1}, {0, 1, 1, 0},  {1, 0, 0, -1},  {0, -1, -1, 0}};

struct display_ratio display_ratio_of(uint64_t width, uint64_t height)
{
    uint64_t a = width, b = height;
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    if (a > 1) {
        width /= a;
        height /= a;
    }
    while (width > INT32_MAX || height > INT32_MAX) {
        width = (width + 1) / 2;
        height = (height + 1) / 2;
    }
    return (struct display_ratio){(uint32_t)width, (uint32_t)height};
}

struct display_ratio display_pixel(const struct karp_display *display, uint32_t width,
                                   uint32_t height)
{
    if (display->aspect_width == 0 || display->aspect_height == 0 || width == 0 || height == 0)
        return (struct display_ratio){0, 0};
    return display_ratio_of((uint64_t)display->aspect_width * height,
                            (uint64_t)display->aspect_height * width);
}

bool display_turn_find(struct karp_display *display, const int signs[4])
{
    for (unsigned i = 0; i < 8; i++) {
        bool is_it = true;
        for (int j = 0; j < 4; j++)
            is_it = is_it && turns[i][j] == signs[j];
        if (!is_it)
            continue;
        display->rotation = (uint16_t)(i % 4 * 90);
        display->is_flipped = i >= 4;
        return true;
    }
    return false;
}

void display_turn_signs(const struct karp_display *display, int signs[4])
{
    for (int j = 0; j < 4; j++)
        signs[j] = turns[display->rotation / 90 % 4 + (display->is_flipped ? 4 : 0)][j];
}

bool display_says_colour(const struct karp_colour *colour)
{
    return colour->primaries != COLOUR_UNSPECIFIED || colour->transfer != COLOUR_UNSPECIFIED ||
           colour->matrix != COLOUR_UNSPECIFIED || colour->is_full_range;
}

bool display_equals(const struct karp_display *a, const struct karp_display *b)
{
    const struct karp_colour *x = &a->colour, *y = &b->colour;
    bool is_same_colour =
        a->has_colour == b->has_colour &&
        (!a->has_colour ||
         (x->primaries == y->primaries && x->transfer == y->transfer && x->matrix == y->matrix &&
          x->is_full_range == y->is_full_range && a->is_range_untold == b->is_range_untold));
    return is_same_colour && a->rotation == b->rotation && a->is_flipped == b->is_flipped &&
           a->aspect_width == b->aspect_width && a->aspect_height == b->aspect_height;
}

bool display_language_is_valid(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyz") == 3 && text[3] == '\0';
}

bool display_language_tag_is_valid(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    size_t length = strspn(text, allowed);
    return length > 0 && length < KARP_LANGUAGE_TAG_MAX_BYTES && text[length] == '\0';
}
