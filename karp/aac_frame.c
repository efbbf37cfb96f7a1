/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Walks over the elements of a frame of AAC (ISO/IEC 14496-3, 4.4.2 and 4.4.2.7). An element has no
 * length field, so the codes of its scale factors and spectral data are decoded to find its end.
 * Their values are not needed. */
#include "karp/aac_frame.h"

#include <string.h>

#include "base/hex.h"
#include "karp/aac_tables.h"
#include "karp/internal.h"

enum {
    SINGLE_CHANNEL = 0,
    CHANNEL_PAIR = 1,
    LOW_FREQUENCY = 3,
    DATA_STREAM = 4,
    FILL = 6,
    END_OF_BLOCK = 7,

    EIGHT_SHORT = 2,           /* window_sequence: eight short windows instead of a long one */
    FRAME_MAX_BYTES = 1 << 16, /* far more than a decoder's buffer holds */
    MAX_WINDOWS = 8,
    MAX_BANDS = 64,
    MAX_ELEMENTS = 16, /* elements with channels: more than any configuration has */

    BOOK_OF_PAIRS = 5, /* codes of this book and above stand for two values, others for four */
    BOOK_RESERVED = 12,
    BOOK_NOISE = 13, /* this book and above have no spectral data */
};

/* The windows of one channel, or of both channels of a pair that share them. */
struct windows {
    bool is_short;
    uint32_t band_count, group_count;
    uint8_t group_sizes[MAX_WINDOWS];
    const struct aac_bands *bands;
};

struct walk {
    struct bits in;
    uint32_t rate;
    bool is_broken;
    uint8_t books[MAX_WINDOWS][MAX_BANDS]; /* of the current channel, by group and band */
};

/* Takes a code and returns its index in the book. Marks the walk as broken if there is no such
 * code. */
static uint32_t take_code(struct walk *walk, const struct aac_book *book)
{
    uint32_t code = 0, first = 0, place = 0;
    for (int i = 0; i < AAC_CODE_MAX_BITS; i++) {
        code = code << 1 | bits_read(&walk->in, 1);
        uint32_t count = book->counts[i];
        if (code - first < count)
            return place + code - first;
        place += count;
        first = (first + count) << 1;
    }
    walk->is_broken = true;
    return 0;
}

static void skip_escape(struct walk *walk)
{
    uint32_t ones = 0;
    while (ones < 9 && bits_read(&walk->in, 1))
        ones++;
    bits_skip(&walk->in, ones + 4);
}

static void skip_values(struct walk *walk, const struct aac_book *book, uint32_t codes)
{
    for (uint32_t i = 0; i < codes && !walk->is_broken && !walk->in.is_short; i++) {
        uint32_t place = take_code(walk, book);
        if (!book->follow || walk->is_broken)
            continue;
        uint32_t follow = (uint32_t)hex_digit(book->follow[place]);
        bool is_quad = book < &aac_books[BOOK_OF_PAIRS];
        bits_skip(&walk->in, is_quad ? follow : follow % 4);
        for (uint32_t escapes = is_quad ? 0 : follow / 4; escapes > 0; escapes--)
            skip_escape(walk);
    }
}

static void read_windows(struct walk *walk, struct windows *windows)
{
    struct bits *in = &walk->in;
    bits_skip(in, 1);
    windows->is_short = bits_read(in, 2) == EIGHT_SHORT;
    bits_skip(in, 1);
    windows->group_count = 1;
    windows->group_sizes[0] = 1;
    windows->bands = aac_bands_of(walk->rate, windows->is_short);
    if (windows->is_short) {
        windows->band_count = bits_read(in, 4);
        for (int i = 1; i < MAX_WINDOWS; i++) {
            if (!bits_read(in, 1))
                windows->group_sizes[windows->group_count++] = 0;
            windows->group_sizes[windows->group_count - 1]++;
        }
    } else {
        windows->band_count = bits_read(in, 6);
        walk->is_broken |= bits_read(in, 1); /* only other profiles use prediction */
    }
    walk->is_broken |= windows->band_count > windows->bands->count;
}

static void read_sections(struct walk *walk, const struct windows *windows)
{
    uint32_t bits = windows->is_short ? 3 : 5, all = (1U << bits) - 1;
    for (uint32_t group = 0; group < windows->group_count; group++) {
        uint32_t band = 0;
        while (band < windows->band_count && !walk->in.is_short && !walk->is_broken) {
            uint32_t book = bits_read(&walk->in, 4), length = 0, part;
            do {
                part = bits_read(&walk->in, bits);
                length += part;
            } while (part == all && length < MAX_BANDS);
            walk->is_broken = book == BOOK_RESERVED || length > windows->band_count - band;
            for (uint32_t i = 0; i < length && !walk->is_broken; i++)
                walk->books[group][band++] = (uint8_t)book;
        }
    }
}

static void skip_scale_factors(struct walk *walk, const struct windows *windows)
{
    enum { FIRST_NOISE_BITS = 9 };

    bool had_noise = false;
    for (uint32_t group = 0; group < windows->group_count; group++) {
        for (uint32_t band = 0; band < windows->band_count && !walk->is_broken; band++) {
            uint8_t book = walk->books[group][band];
            if (book == BOOK_NOISE && !had_noise)
                bits_skip(&walk->in, FIRST_NOISE_BITS);
            else if (book > 0)
                take_code(walk, &aac_scale_book);
            had_noise |= book == BOOK_NOISE;
        }
    }
}

static void skip_pulses(struct bits *in)
{
    uint32_t count = bits_read(in, 2) + 1;
    bits_skip(in, 6 + count * (5 + 4));
}

/* Skips the filters of temporal noise shaping (tns_data). */
static void skip_filters(struct bits *in, bool is_short)
{
    for (int i = 0; i < (is_short ? MAX_WINDOWS : 1); i++) {
        uint32_t count = bits_read(in, is_short ? 1 : 2);
        uint32_t coefficient_bits = count > 0 ? 3 + bits_read(in, 1) : 0;
        for (; count > 0; count--) {
            bits_skip(in, is_short ? 4 : 6);
            uint32_t order = bits_read(in, is_short ? 3 : 5);
            bits_skip(in, order > 0 ? 1 : 0);
            uint32_t saved = order > 0 ? bits_read(in, 1) : 0;
            bits_skip(in, order * (coefficient_bits - saved));
        }
    }
}

static void skip_spectrum(struct walk *walk, const struct windows *windows)
{
    const uint16_t *offsets = windows->bands->offsets;
    for (uint32_t group = 0; group < windows->group_count; group++) {
        for (uint32_t band = 0; band < windows->band_count; band++) {
            uint8_t book = walk->books[group][band];
            uint32_t values =
                (uint32_t)(offsets[band + 1] - offsets[band]) * windows->group_sizes[group];
            if (book > 0 && book < BOOK_NOISE)
                skip_values(walk, &aac_books[book], values / (book < BOOK_OF_PAIRS ? 4 : 2));
        }
    }
}

/* Skips an individual_channel_stream. `shared`: the windows that a pair has in common and that came
 * before it; NULL: the channel has windows of its own. */
static void skip_channel(struct walk *walk, const struct windows *shared)
{
    struct bits *in = &walk->in;
    struct windows own = {.is_short = false};
    bits_skip(in, 8);
    if (!shared)
        read_windows(walk, &own);
    const struct windows *windows = shared ? shared : &own;
    if (walk->is_broken)
        return;
    read_sections(walk, windows);
    skip_scale_factors(walk, windows);
    if (bits_read(in, 1))
        skip_pulses(in);
    if (bits_read(in, 1))
        skip_filters(in, windows->is_short);
    walk->is_broken |= bits_read(in, 1); /* only another profile uses gain control */
    if (!walk->is_broken && !in->is_short)
        skip_spectrum(walk, windows);
}

static void skip_pair(struct walk *walk)
{
    struct windows windows = {.is_short = false};
    bool is_shared = bits_read(&walk->in, 1);
    if (is_shared) {
        read_windows(walk, &windows);
        if (bits_read(&walk->in, 2) == 1)
            bits_skip(&walk->in, windows.group_count * windows.band_count);
    }
    for (int i = 0; i < 2 && !walk->is_broken; i++)
        skip_channel(walk, is_shared ? &windows : NULL);
}

static void skip_data(struct bits *in)
{
    bool is_aligned = bits_read(in, 1);
    uint32_t count = bits_read(in, 8);
    if (count == 255)
        count += bits_read(in, 8);
    while (is_aligned && in->at_bit != 0)
        bits_skip(in, 1);
    bits_skip(in, count * 8);
}

static void skip_fill(struct bits *in)
{
    uint32_t count = bits_read(in, 4);
    if (count == 15)
        count += bits_read(in, 8) - 1;
    bits_skip(in, count * 8);
}

/* Skips an element of that kind, and adds its letter to `order` if it carries channels. Returns
 * false if the element cannot be skipped. */
static bool skip_element(struct walk *walk, uint32_t kind, char *order)
{
    static const char letters[] = {'S', 'P', 0, 'L'};
    if (kind != FILL)
        bits_skip(&walk->in, 4);
    if (kind == FILL)
        skip_fill(&walk->in);
    else if (kind == DATA_STREAM)
        skip_data(&walk->in);
    else if (kind == CHANNEL_PAIR)
        skip_pair(walk);
    else if (kind == SINGLE_CHANNEL || kind == LOW_FREQUENCY)
        skip_channel(walk, NULL);
    else
        return false;
    size_t length = strlen(order);
    if (kind <= LOW_FREQUENCY && length + 1 < MAX_ELEMENTS)
        order[length] = letters[kind];
    return !walk->is_broken && !walk->in.is_short;
}

uint32_t aac_frame_channels(const uint8_t *payload, size_t size, uint32_t core_rate)
{
    static const struct {
        const char *order;
        uint32_t channels;
    } usual[] = {{"S", 1}, {"P", 2}, {"SP", 3}, {"SPS", 4}, {"SPP", 5}, {"SPPL", 6}, {"SPPPL", 8}};
    struct walk walk = {.in = bits_of(payload, size, false), .rate = core_rate};
    char order[MAX_ELEMENTS] = "";
    uint32_t kind;
    if (size > FRAME_MAX_BYTES)
        return 0;
    while ((kind = bits_read(&walk.in, 3)) != END_OF_BLOCK) {
        if (walk.in.is_short || !skip_element(&walk, kind, order))
            return 0;
    }
    if (walk.in.at_byte + (walk.in.at_bit != 0) != size)
        return 0;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        if (strcmp(order, usual[i].order) == 0)
            return usual[i].channels;
    }
    return 0;
}
