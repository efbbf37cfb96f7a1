/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The members of a track that only our catalogs have, all optional: the timescale of the file, the
 * language, the ladder, and how pictures are shown. The last group has the names, forms and
 * meanings of VideoDecoderConfig in WebCodecs, and its words for colours. A colour that has no word
 * there is written as its number in ISO/IEC 23091-2.
 * Tested by tests/unit/karp/test_catalog.c. */
#include <string.h>

#include "karp/catalog_internal.h"
#include "karp/display.h"

struct word {
    uint8_t number;
    const char *text;
};

enum { MAX_WORDS = 6, COLOUR_UNSPECIFIED = 2 };

static const struct colour_member {
    const char *name;
    struct word words[MAX_WORDS + 1]; /* the list ends with a NULL text */
} colour_members[3] = {
    {"primaries",
     {{1, "bt709"}, {5, "bt470bg"}, {6, "smpte170m"}, {9, "bt2020"}, {12, "smpte432"}, {0, NULL}}},
    {"transfer",
     {{1, "bt709"},
      {6, "smpte170m"},
      {8, "linear"},
      {13, "iec61966-2-1"},
      {16, "pq"},
      {18, "hlg"},
      {0, NULL}}},
    {"matrix",
     {{0, "rgb"}, {1, "bt709"}, {5, "bt470bg"}, {6, "smpte170m"}, {9, "bt2020-ncl"}, {0, NULL}}},
};

/* Reads an integer in [lowest, highest]. Returns false, and sets nothing, for any other member. */
static bool read_number(const json_t *object, const char *member, json_int_t lowest,
                        json_int_t highest, uint32_t *number)
{
    const json_t *value = json_object_get(object, member);
    if (!json_is_integer(value) || json_integer_value(value) < lowest ||
        json_integer_value(value) > highest)
        return false;
    *number = (uint32_t)json_integer_value(value);
    return true;
}

static uint8_t read_colour_number(const json_t *object, const struct colour_member *member)
{
    uint32_t number = COLOUR_UNSPECIFIED;
    const char *text = json_string_value(json_object_get(object, member->name));
    read_number(object, member->name, 0, UINT8_MAX, &number);
    for (const struct word *word = member->words; text && word->text; word++) {
        if (strcmp(word->text, text) == 0)
            number = word->number;
    }
    return (uint8_t)number;
}

static void read_display(const json_t *object, struct karp_display *display)
{
    const json_t *space = json_object_get(object, "colorSpace");
    uint32_t rotation = 0, width, height;
    if (read_number(object, "rotation", 0, 270, &rotation) && rotation % 90 == 0)
        display->rotation = (uint16_t)rotation;
    display->is_flipped = json_is_true(json_object_get(object, "flip"));
    if (read_number(object, "displayAspectWidth", 1, INT32_MAX, &width) &&
        read_number(object, "displayAspectHeight", 1, INT32_MAX, &height)) {
        display->aspect_width = width;
        display->aspect_height = height;
    }
    if (!json_is_object(space))
        return;
    const json_t *range = json_object_get(space, "fullRange");
    display->colour =
        (struct karp_colour){read_colour_number(space, &colour_members[0]),
                             read_colour_number(space, &colour_members[1]),
                             read_colour_number(space, &colour_members[2]), json_is_true(range)};
    display->is_range_untold = !json_is_boolean(range);
    display->has_colour = display_says_colour(&display->colour);
}

static void read_ladder(const json_t *object, struct karp_track *track)
{
    const json_t *value = json_object_get(object, "ladder");
    size_t length = json_is_string(value) ? json_string_length(value) : 0;
    if (length > 0 && length < sizeof track->ladder)
        memcpy(track->ladder, json_string_value(value), length + 1);
}

void catalog_read_ours(const json_t *object, struct karp_track *track)
{
    const char *language = json_string_value(json_object_get(object, "language"));
    const char *tag = json_string_value(json_object_get(object, "languageTag"));
    if (language && display_language_is_valid(language))
        memcpy(track->language, language, sizeof track->language);
    if (tag && display_language_tag_is_valid(tag))
        memcpy(track->language_tag, tag, strlen(tag) + 1);
    read_number(object, "timescale", 1, UINT32_MAX, &track->timescale);
    if (track->kind == KARP_VIDEO) {
        read_display(object, &track->display);
        read_ladder(object, track);
    }
}

/* A NULL value makes json_object_set_new fail. */
static bool add_colour_number(json_t *space, const struct colour_member *member, uint8_t number)
{
    if (number == COLOUR_UNSPECIFIED)
        return true;
    for (const struct word *word = member->words; word->text; word++) {
        if (word->number == number)
            return json_object_set_new(space, member->name, json_string(word->text)) == 0;
    }
    return json_object_set_new(space, member->name, json_integer(number)) == 0;
}

static bool add_colour(json_t *object, const struct karp_display *display)
{
    const struct karp_colour *colour = &display->colour;
    json_t *space = json_object();
    bool is_written =
        space && add_colour_number(space, &colour_members[0], colour->primaries) &&
        add_colour_number(space, &colour_members[1], colour->transfer) &&
        add_colour_number(space, &colour_members[2], colour->matrix) &&
        (display->is_range_untold ||
         json_object_set_new(space, "fullRange", json_boolean(colour->is_full_range)) == 0);
    return json_object_set_new(object, "colorSpace", space) == 0 && is_written;
}

static bool write_display(json_t *object, const struct karp_display *display)
{
    bool is_written = true;
    if (display->rotation > 0)
        is_written = json_object_set_new(object, "rotation", json_integer(display->rotation)) == 0;
    if (is_written && display->is_flipped)
        is_written = json_object_set_new(object, "flip", json_true()) == 0;
    if (is_written && display->aspect_width > 0)
        is_written = json_object_set_new(object, "displayAspectWidth",
                                         json_integer(display->aspect_width)) == 0 &&
                     json_object_set_new(object, "displayAspectHeight",
                                         json_integer(display->aspect_height)) == 0;
    if (is_written && display->has_colour)
        is_written = add_colour(object, display);
    return is_written;
}

bool catalog_write_ours(json_t *object, const struct karp_track *track)
{
    bool is_written = true;
    if (track->timescale > 0)
        is_written = json_object_set_new(object, "timescale", json_integer(track->timescale)) == 0;
    if (is_written && track->language[0])
        is_written = json_object_set_new(object, "language", json_string(track->language)) == 0;
    if (is_written && track->language_tag[0])
        is_written =
            json_object_set_new(object, "languageTag", json_string(track->language_tag)) == 0;
    if (is_written && track->ladder[0])
        is_written = json_object_set_new(object, "ladder", json_string(track->ladder)) == 0;
    return is_written && write_display(object, &track->display);
}
