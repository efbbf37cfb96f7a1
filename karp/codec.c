/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Parsing and printing codec strings. */
#include "karp/codec.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/hex.h"

static const struct karp_colour default_colour = {1, 1, 1, false};

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Reads exactly `digits` digits of `base` at `*at` and moves `*at` after them. */
static bool take_number(const char **at, int digits, int base, uint32_t *value)
{
    uint32_t sum = 0;
    for (int i = 0; i < digits; i++) {
        int digit = hex_digit((*at)[i]);
        if (digit < 0 || digit >= base)
            return false;
        sum = sum * (uint32_t)base + (uint32_t)digit;
    }
    *at += digits;
    *value = sum;
    return true;
}

static bool take_byte(const char **at, int digits, int base, uint8_t *value)
{
    uint32_t number;
    if (!take_number(at, digits, base, &number) || number > UINT8_MAX)
        return false;
    *value = (uint8_t)number;
    return true;
}

static bool take_char(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

/* Reads a run of 1 to `most` digits of `base`. */
static bool take_run(const char **at, int most, int base, uint32_t *value)
{
    int digits = 0;
    while (digits < most && isxdigit((unsigned char)(*at)[digits]) &&
           (base == 16 || isdigit((unsigned char)(*at)[digits])))
        digits++;
    return digits > 0 && take_number(at, digits, base, value);
}

/* PPCCLL; further parts after a dot are ignored, as the Rust programs do. */
static bool parse_avc_string(const char *at, struct karp_codec *codec)
{
    codec->kind = KARP_CODEC_H264;
    return take_byte(&at, 2, 16, &codec->profile) &&
           take_byte(&at, 2, 16, &codec->constraints[0]) && take_byte(&at, 2, 16, &codec->level) &&
           (*at == '\0' || *at == '.');
}

static uint32_t reverse_bits(uint32_t value)
{
    uint32_t reversed = 0;
    for (int i = 0; i < 32; i++)
        reversed |= (value >> i & 1) << (31 - i);
    return reversed;
}

/* [A-C]profile.compatibility.{L|H}level[.constraint]... */
static bool parse_hevc_string(const char *at, struct karp_codec *codec)
{
    codec->kind = KARP_CODEC_H265;
    if (*at >= 'A' && *at <= 'C')
        codec->profile_space = (uint8_t)(*at++ - 'A' + 1);

    uint32_t profile, compatibility, level, constraint;
    if (!take_run(&at, 2, 10, &profile) || !take_char(&at, '.') ||
        !take_run(&at, 8, 16, &compatibility) || !take_char(&at, '.'))
        return false;
    codec->is_high_tier = *at == 'H';
    if ((*at != 'L' && *at != 'H') || (at++, !take_run(&at, 3, 10, &level)) || level > UINT8_MAX)
        return false;
    for (int i = 0; i < 6 && take_char(&at, '.'); i++) {
        if (!take_run(&at, 2, 16, &constraint))
            return false;
        codec->constraints[i] = (uint8_t)constraint;
    }
    codec->profile = (uint8_t)profile;
    codec->level = (uint8_t)level;
    codec->compatibility = reverse_bits(compatibility);
    return *at == '\0' && profile < 32;
}

/* Three or eight decimal fields. */
static bool parse_vp9_string(const char *at, struct karp_codec *codec)
{
    uint32_t field[8] = {0, 0, 0, 1, 1, 1, 1, 0};
    int count = 0;
    do {
        if (count == 8 || !take_run(&at, 3, 10, &field[count]) || field[count] > UINT8_MAX)
            return false;
        count++;
    } while (take_char(&at, '.'));

    codec->kind = KARP_CODEC_VP9;
    codec->profile = (uint8_t)field[0];
    codec->level = (uint8_t)field[1];
    codec->bit_depth = (uint8_t)field[2];
    codec->chroma = (uint8_t)field[3];
    codec->colour = (struct karp_colour){(uint8_t)field[4], (uint8_t)field[5], (uint8_t)field[6],
                                         field[7] == 1};
    return *at == '\0' && (count == 3 || count == 8);
}

/* .M.CCC.cp.tc.mc.F */
static bool parse_av1_tail(const char *at, struct karp_codec *codec)
{
    uint8_t mono, full;
    struct karp_colour *colour = &codec->colour;
    if (!take_char(&at, '.') || !take_byte(&at, 1, 2, &mono) || !take_char(&at, '.') ||
        !take_byte(&at, 3, 10, &codec->chroma) || !take_char(&at, '.') ||
        !take_byte(&at, 2, 10, &colour->primaries) || !take_char(&at, '.') ||
        !take_byte(&at, 2, 10, &colour->transfer) || !take_char(&at, '.') ||
        !take_byte(&at, 2, 10, &colour->matrix) || !take_char(&at, '.') ||
        !take_byte(&at, 1, 2, &full))
        return false;
    codec->is_monochrome = mono;
    colour->is_full_range = full;
    return *at == '\0';
}

/* P.LLT.DD and an optional tail, all fields of fixed width. */
static bool parse_av1_string(const char *at, struct karp_codec *codec)
{
    codec->kind = KARP_CODEC_AV1;
    codec->chroma = 110;
    codec->colour = default_colour;
    if (!take_byte(&at, 1, 3, &codec->profile) || !take_char(&at, '.') ||
        !take_byte(&at, 2, 10, &codec->level) || (*at != 'M' && *at != 'H'))
        return false;
    codec->is_high_tier = *at++ == 'H';
    if (!take_char(&at, '.') || !take_byte(&at, 2, 10, &codec->bit_depth))
        return false;
    return *at == '\0' || parse_av1_tail(at, codec);
}

static bool parse_aac_string(const char *at, struct karp_codec *codec)
{
    uint32_t object_type;
    codec->kind = KARP_CODEC_AAC;
    if (!take_run(&at, 3, 10, &object_type) || object_type > UINT8_MAX)
        return false;
    codec->profile = (uint8_t)object_type;
    return *at == '\0';
}

/* Parses avc3 and hev1. A malformed string becomes an unknown codec instead of an error, because
 * viewers do not refuse it either. */
static void parse_lenient(const char *text, struct karp_codec *codec)
{
    bool is_known = has_prefix(text, "avc3.") ? parse_avc_string(text + 5, codec)
                                              : parse_hevc_string(text + 5, codec);
    if (is_known)
        codec->is_in_band = true;
    else
        *codec = (struct karp_codec){.kind = KARP_CODEC_UNKNOWN};
}

int karp_codec_parse(const char *text, struct karp_codec *codec)
{
    static const struct {
        const char *prefix;
        bool (*parse)(const char *at, struct karp_codec *codec);
    } parsers[] = {{"avc1.", parse_avc_string},
                   {"hvc1.", parse_hevc_string},
                   {"vp09.", parse_vp9_string},
                   {"av01.", parse_av1_string},
                   {"mp4a.40.", parse_aac_string}};

    *codec = (struct karp_codec){.kind = KARP_CODEC_UNKNOWN};
    if (strlen(text) >= KARP_CODEC_MAX_BYTES)
        return MOQ_ERR_INVALID;
    if (strcmp(text, "vp8") == 0)
        codec->kind = KARP_CODEC_VP8;
    else if (strcmp(text, "opus") == 0)
        codec->kind = KARP_CODEC_OPUS;
    else if (has_prefix(text, "avc3.") || has_prefix(text, "hev1."))
        parse_lenient(text, codec);

    for (size_t i = 0; i < sizeof parsers / sizeof *parsers; i++) {
        if (has_prefix(text, parsers[i].prefix))
            return parsers[i].parse(text + strlen(parsers[i].prefix), codec) ? 0 : MOQ_ERR_INVALID;
    }
    return 0;
}

static void print_h265(const struct karp_codec *codec, char *text)
{
    static const char *const spaces[] = {"", "A", "B", "C"};

    int length =
        snprintf(text, KARP_CODEC_MAX_BYTES, "%s.%s%d.%x.%c%d", codec->is_in_band ? "hev1" : "hvc1",
                 spaces[codec->profile_space & 3], codec->profile,
                 reverse_bits(codec->compatibility), codec->is_high_tier ? 'H' : 'L', codec->level);
    int count = 6;
    while (count > 0 && codec->constraints[count - 1] == 0)
        count--;
    for (int i = 0; i < count; i++)
        length += snprintf(text + length, (size_t)(KARP_CODEC_MAX_BYTES - length), ".%X",
                           codec->constraints[i]);
}

static void print_vp9(const struct karp_codec *codec, char *text)
{
    const struct karp_colour *c = &codec->colour;
    int length = snprintf(text, KARP_CODEC_MAX_BYTES, "vp09.%02d.%02d.%02d", codec->profile,
                          codec->level, codec->bit_depth);
    bool is_default = codec->chroma == 1 && c->primaries == 1 && c->transfer == 1 &&
                      c->matrix == 1 && !c->is_full_range;
    if (!is_default)
        snprintf(text + length, (size_t)(KARP_CODEC_MAX_BYTES - length),
                 ".%02d.%02d.%02d.%02d.%02d", codec->chroma, c->primaries, c->transfer, c->matrix,
                 c->is_full_range);
}

static void print_av1(const struct karp_codec *codec, char *text)
{
    const struct karp_colour *c = &codec->colour;
    int length = snprintf(text, KARP_CODEC_MAX_BYTES, "av01.%d.%02d%c.%02d", codec->profile,
                          codec->level, codec->is_high_tier ? 'H' : 'M', codec->bit_depth);
    bool is_default = !codec->is_monochrome && codec->chroma == 110 && c->primaries == 1 &&
                      c->transfer == 1 && c->matrix == 1 && !c->is_full_range;
    if (!is_default)
        snprintf(text + length, (size_t)(KARP_CODEC_MAX_BYTES - length),
                 ".%d.%03d.%02d.%02d.%02d.%d", codec->is_monochrome, codec->chroma, c->primaries,
                 c->transfer, c->matrix, c->is_full_range);
}

int karp_codec_print(const struct karp_codec *codec, char text[KARP_CODEC_MAX_BYTES])
{
    switch (codec->kind) {
    case KARP_CODEC_H264:
        snprintf(text, KARP_CODEC_MAX_BYTES, "%s.%02x%02x%02x", codec->is_in_band ? "avc3" : "avc1",
                 codec->profile, codec->constraints[0], codec->level);
        return 0;
    case KARP_CODEC_H265:
        print_h265(codec, text);
        return 0;
    case KARP_CODEC_VP8:
        snprintf(text, KARP_CODEC_MAX_BYTES, "vp8");
        return 0;
    case KARP_CODEC_VP9:
        print_vp9(codec, text);
        return 0;
    case KARP_CODEC_AV1:
        print_av1(codec, text);
        return 0;
    case KARP_CODEC_AAC:
        snprintf(text, KARP_CODEC_MAX_BYTES, "mp4a.40.%d", codec->profile);
        return 0;
    case KARP_CODEC_OPUS:
        snprintf(text, KARP_CODEC_MAX_BYTES, "opus");
        return 0;
    case KARP_CODEC_UNKNOWN:
        break;
    }
    text[0] = '\0';
    return MOQ_ERR_INVALID;
}

bool karp_codec_suits_old_viewers(const char *text)
{
    struct karp_codec codec;
    return karp_codec_parse(text, &codec) == 0 && !has_prefix(text, "hvc1.") &&
           !(codec.kind == KARP_CODEC_AV1 && codec.profile > 1);
}
