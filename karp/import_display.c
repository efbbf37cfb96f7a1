/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads from a moov how pictures are shown and what language a track has. Most of that goes into
 * the catalog; warnings tell the publisher what the catalog cannot carry.
 * Tested by tests/unit/karp/test_import.c. */
#include "karp/import_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "karp/display.h"
#include "karp/nal.h"

enum { FIXED_ONE = 1 << 16 };

static void set_aspect(struct karp_display *display, uint64_t width, uint64_t height)
{
    struct display_ratio ratio = display_ratio_of(width, height);
    display->aspect_width = ratio.width;
    display->aspect_height = ratio.height;
}

/* Whether the catalog has to say that pixels are square, because the codec's own data says
 * otherwise. The parser of H.265 does not look for that, so for H.265 the answer is always yes. */
static bool must_say_square(const struct karp_track *track, const struct karp_codec *codec)
{
    struct nal record = {track->description, track->description_size}, unit;
    struct nal_sps sps = {.is_stretched = false};
    if (codec->kind == KARP_CODEC_H264 && nal_sps_of_config(record, false, &unit))
        nal_sps_parse(&unit, false, &sps);
    return codec->kind == KARP_CODEC_H265 || sps.is_stretched;
}

static void read_pasp(struct reader in, struct karp_track *track, const struct karp_codec *codec)
{
    uint64_t horizontal = reader_u32(&in), vertical = reader_u32(&in);
    bool is_there = !in.is_short && horizontal > 0 && vertical > 0;
    if (is_there && (horizontal != vertical || must_say_square(track, codec)))
        set_aspect(&track->display, track->width * horizontal, track->height * vertical);
}

/* Reads a colr box: nclx, or QuickTime's nclc, which has no range. ICC profiles are ignored,
 * because a catalog cannot carry them. */
static void read_colr(struct reader in, struct karp_track *track)
{
    uint32_t type = reader_u32(&in);
    uint16_t primaries = reader_u16(&in), transfer = reader_u16(&in), matrix = reader_u16(&in);
    bool is_known = type == FOURCC('n', 'c', 'l', 'x') || type == FOURCC('n', 'c', 'l', 'c');
    if (in.is_short || !is_known || (primaries | transfer | matrix) > UINT8_MAX)
        return;
    bool is_told = type == FOURCC('n', 'c', 'l', 'x'), is_full = is_told && reader_u8(&in) & 0x80;
    struct karp_colour colour = {(uint8_t)primaries, (uint8_t)transfer, (uint8_t)matrix, is_full};
    track->display.is_range_untold = !is_told;
    track->display.has_colour = display_says_colour(&colour);
    track->display.colour = colour;
}

void import_display_entry(struct karp_importer *importer, struct reader children,
                          struct karp_track *entry, const struct karp_codec *codec)
{
    static const struct {
        uint32_t type;
        const char *words;
    } lost[] = {
        {FOURCC('c', 'l', 'a', 'p'), "its clean aperture (clap)"},
        {FOURCC('m', 'd', 'c', 'v'), "the colour volume of its mastering display (mdcv)"},
        {FOURCC('S', 'm', 'D', 'm'), "the colour volume of its mastering display (SmDm)"},
        {FOURCC('c', 'l', 'l', 'i'), "its content light level (clli)"},
        {FOURCC('C', 'o', 'L', 'L'), "its content light level (CoLL)"},
        {FOURCC('d', 'v', 'c', 'C'), "its Dolby Vision configuration (dvcC)"},
        {FOURCC('d', 'v', 'v', 'C'), "its Dolby Vision configuration (dvvC)"},
        {FOURCC('s', 't', '3', 'd'), "its stereoscopic layout (st3d)"},
        {FOURCC('s', 'v', '3', 'd'), "its spherical projection (sv3d)"},
    };
    struct reader body;
    if (box_find(children, FOURCC('p', 'a', 's', 'p'), &body))
        read_pasp(body, entry, codec);
    if (box_find(children, FOURCC('c', 'o', 'l', 'r'), &body))
        read_colr(body, entry);
    importer->lost_in_entry = NULL;
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
        if (box_find(children, lost[i].type, &body))
            importer->lost_in_entry = lost[i].words;
    }
}

/* The part of a matrix (ISO/IEC 14496-12, 6.2.2) that rotates, mirrors and scales, as 16.16 fixed
 * point. */
struct turn {
    int64_t a, b, c, d;
};

static struct turn read_turn(struct reader *in)
{
    struct turn turn;
    turn.a = (int32_t)reader_u32(in);
    turn.b = (int32_t)reader_u32(in);
    reader_skip(in, 4);
    turn.c = (int32_t)reader_u32(in);
    turn.d = (int32_t)reader_u32(in);
    reader_skip(in, 16);
    bool is_zero = turn.a == 0 && turn.b == 0 && turn.c == 0 && turn.d == 0;
    return is_zero || in->is_short ? (struct turn){FIXED_ONE, 0, 0, FIXED_ONE} : turn;
}

/* Multiplies two 16.16 numbers of 32 bits. Dividing first keeps the sum of two products in
 * range. */
static int64_t fixed_product(int64_t a, int64_t b)
{
    return a * b / FIXED_ONE;
}

/* Applies `first`, the matrix of the track, then `second`, the matrix of the movie. */
static struct turn combine_turns(struct turn first, struct turn second)
{
    return (struct turn){fixed_product(first.a, second.a) + fixed_product(first.b, second.c),
                         fixed_product(first.a, second.b) + fixed_product(first.b, second.d),
                         fixed_product(first.c, second.a) + fixed_product(first.d, second.c),
                         fixed_product(first.c, second.b) + fixed_product(first.d, second.d)};
}

/* The sign of a 16.16 number; 0 if it is at most one hundredth, which is rounding. */
static int sign_of(int64_t number)
{
    return (number > FIXED_ONE / 100) - (number < -FIXED_ONE / 100);
}

/* Puts rotation and mirroring into `track->display`. Unequal scales mean pixels that are not
 * square, and become the aspect ratio. Returns false if the matrix does anything else. */
static bool apply_turn(struct turn turn, struct karp_track *track)
{
    const int signs[4] = {sign_of(turn.a), sign_of(turn.b), sign_of(turn.c), sign_of(turn.d)};
    if (!display_turn_find(&track->display, signs))
        return false;
    uint64_t across = (uint64_t)(llabs(turn.a) + llabs(turn.b));
    uint64_t down = (uint64_t)(llabs(turn.c) + llabs(turn.d));
    if (across == down)
        return true;
    struct display_ratio pixel = display_ratio_of(across, down);
    uint64_t width = track->display.aspect_width, height = track->display.aspect_height;
    if (width == 0) {
        width = track->width;
        height = track->height;
    }
    set_aspect(&track->display, width * pixel.width, height * pixel.height);
    return true;
}

/* Takes the aspect ratio from the size on screen in tkhd, if nothing else gives it. A size that
 * differs from the coded one by rounding only is ignored, and so is one that was written with width
 * and height swapped because of the rotation. */
static void take_screen_size(struct karp_track *track, uint64_t width, uint64_t height)
{
    uint64_t coded_width = track->width, coded_height = track->height;
    if (track->display.aspect_width > 0 || width == 0 || height == 0)
        return;
    uint64_t wider = width * coded_height, higher = height * coded_width;
    uint64_t difference = wider > higher ? wider - higher : higher - wider;
    bool is_turned = width * coded_width == height * coded_height;
    if (difference > coded_width + coded_height && !is_turned)
        set_aspect(&track->display, width, height);
}

/* Reads the matrices and the size on screen. Returns false if the catalog cannot carry the
 * matrix. */
static bool read_geometry(struct reader mvhd, struct reader tkhd, struct karp_track *track)
{
    uint32_t flags;
    reader_skip(&tkhd, box_version(&tkhd, &flags) == 1 ? 32 : 20);
    reader_skip(&tkhd, 16);
    struct turn turn = read_turn(&tkhd);
    uint32_t width = reader_u32(&tkhd) >> 16, height = reader_u32(&tkhd) >> 16;
    reader_skip(&mvhd, box_version(&mvhd, &flags) == 1 ? 28 : 16);
    reader_skip(&mvhd, 16);
    bool is_carried = tkhd.is_short || apply_turn(combine_turns(turn, read_turn(&mvhd)), track);
    take_screen_size(track, width, height);
    return is_carried;
}

/* Reads the language of mdhd: three letters of five bits each. QuickTime files have codes below
 * 0x400 instead, numbers of Macintosh languages; the table has the first of them. */
static void read_language(struct reader mdhd, struct karp_track *track)
{
    static const char macintosh[][4] = {
        "eng", "fra", "deu", "ita", "nld", "swe", "spa", "dan", "por", "nor", "heb",
        "jpn", "ara", "fin", "ell", "isl", "mlt", "tur", "hrv", "zho", "urd", "hin",
        "tha", "kor", "lit", "pol", "hun", "est", "lav", "smi", "fao", "fas", "rus",
        "zho", "nld", "gle", "sqi", "ron", "ces", "slk", "slv"};
    uint32_t flags;
    reader_skip(&mdhd, box_version(&mdhd, &flags) == 1 ? 28 : 16);
    uint16_t code = reader_u16(&mdhd);
    char text[KARP_LANGUAGE_MAX_BYTES] = {0};
    for (int i = 0; i < 3; i++)
        text[i] = (char)(0x60 + (code >> (10 - 5 * i) & 31));
    if (!mdhd.is_short && code < sizeof macintosh / sizeof *macintosh)
        memcpy(text, macintosh[code], sizeof *macintosh);
    if (!mdhd.is_short && display_language_is_valid(text) && strcmp(text, "und") != 0)
        memcpy(track->language, text, sizeof text);
}

static void read_language_tag(struct reader elng, struct karp_track *track)
{
    uint32_t flags;
    box_version(&elng, &flags);
    size_t size = reader_left(&elng);
    if (size == 0 || size > sizeof track->language_tag)
        return;
    char text[KARP_LANGUAGE_TAG_MAX_BYTES] = {0};
    memcpy(text, elng.data + elng.at, size);
    if (text[sizeof text - 1] == '\0' && display_language_tag_is_valid(text))
        memcpy(track->language_tag, text, sizeof text);
}

void import_display(struct karp_importer *importer, const struct import_track *track,
                    struct reader trak, struct karp_track *entry)
{
    struct reader tkhd, mdia, mdhd, elng;
    bool is_video = entry->kind == KARP_VIDEO;
    if (is_video && importer->lost_in_entry)
        log_warn(LOG_MEDIA, "import: track %u: %s is dropped, because the catalog cannot carry it",
                 track->id, importer->lost_in_entry);
    if (is_video && box_find(trak, FOURCC('t', 'k', 'h', 'd'), &tkhd) &&
        !read_geometry(importer->mvhd, tkhd, entry))
        log_warn(LOG_MEDIA,
                 "import: the matrix of track %u is not a turn by 90, 180 or 270 degrees; it is "
                 "dropped, so viewers see the pictures as they are coded",
                 track->id);
    if (!box_find(trak, FOURCC('m', 'd', 'i', 'a'), &mdia))
        return;
    if (box_find(mdia, FOURCC('m', 'd', 'h', 'd'), &mdhd))
        read_language(mdhd, entry);
    if (box_find(mdia, FOURCC('e', 'l', 'n', 'g'), &elng))
        read_language_tag(elng, entry);
}
