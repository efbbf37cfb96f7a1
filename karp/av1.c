/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sequence headers of AV1 (AV1 bitstream specification, 5.3 to 5.5).
 * Tested by tests/unit/karp/test_codec.c. */
#include "karp/av1.h"

enum {
    OBU_SEQUENCE_HEADER = 1,
    OBU_TEMPORAL_DELIMITER = 2,
    OBU_FRAME_HEADER = 3,
    OBU_FRAME = 6,
    COLOUR_UNSPECIFIED = 2,
    SELECTED_BY_FRAME = 2,
};

struct obu {
    uint8_t type;
    const uint8_t *whole;
    size_t whole_size;
    struct reader body;
};

/* Takes the next OBU. Returns false if its size does not fit. */
static bool next_obu(struct reader *in, struct obu *obu)
{
    obu->whole = in->data + in->at;
    uint8_t header = reader_u8(in);
    reader_skip(in, header & 4 ? 1 : 0);
    uint64_t size = 0;
    for (unsigned i = 0; header & 2 && i < 8; i++) {
        uint8_t byte = reader_u8(in);
        size |= (uint64_t)(byte & 0x7f) << 7 * i;
        if (!(byte & 0x80))
            break;
    }
    size_t body_size = header & 2 ? (size_t)size : reader_left(in);
    const uint8_t *body = reader_take(in, body_size);
    obu->body = reader_of(body, body ? body_size : 0);
    obu->type = header >> 3 & 15;
    obu->whole_size = (size_t)(in->data + in->at - obu->whole);
    return !in->is_short;
}

/* Reads timing_info and decoder_model_info (5.5.3, 5.5.4). Returns the width in bits of the buffer
 * delays in the operating points; 0: there is no decoder model. */
static uint32_t read_timing(struct bits *in)
{
    if (!bits_read(in, 1))
        return 0;
    bits_skip(in, 64);
    if (bits_read(in, 1))
        bits_ue(in);
    if (!bits_read(in, 1))
        return 0;
    uint32_t delay_bits = bits_read(in, 5) + 1;
    bits_skip(in, 32 + 5 + 5);
    return delay_bits;
}

static void skip_operating_points(struct bits *in)
{
    uint32_t delay_bits = read_timing(in);
    bool has_display_delay = bits_read(in, 1);
    uint32_t count = bits_read(in, 5) + 1;
    for (uint32_t i = 0; i < count && !in->is_short; i++) {
        bits_skip(in, 12);
        if (bits_read(in, 5) > 7)
            bits_skip(in, 1);
        if (delay_bits > 0 && bits_read(in, 1))
            bits_skip(in, 2 * delay_bits + 1);
        if (has_display_delay && bits_read(in, 1))
            bits_skip(in, 4);
    }
}

/* Skips the flags of the coding tools that the sequence may use. */
static void skip_tools(struct bits *in)
{
    bits_skip(in, 4);
    bool has_order = bits_read(in, 1);
    bits_skip(in, has_order ? 2 : 0);
    uint32_t screen_content = bits_read(in, 1) ? SELECTED_BY_FRAME : bits_read(in, 1);
    if (screen_content > 0 && !bits_read(in, 1))
        bits_skip(in, 1);
    bits_skip(in, has_order ? 3 : 0);
}

static void read_colour(struct bits *in, uint32_t profile, struct av1_sequence *sequence)
{
    struct karp_colour *colour = &sequence->colour;
    bool is_high = bits_read(in, 1);
    bits_skip(in, profile == 2 && is_high ? 1 : 0);
    bits_skip(in, profile == 1 ? 0 : 1);
    sequence->has_colour = bits_read(in, 1);
    *colour =
        (struct karp_colour){COLOUR_UNSPECIFIED, COLOUR_UNSPECIFIED, COLOUR_UNSPECIFIED, false};
    if (sequence->has_colour) {
        colour->primaries = (uint8_t)bits_read(in, 8);
        colour->transfer = (uint8_t)bits_read(in, 8);
        colour->matrix = (uint8_t)bits_read(in, 8);
    }
    bool is_srgb = colour->primaries == 1 && colour->transfer == 13 && colour->matrix == 0;
    colour->is_full_range = is_srgb || bits_read(in, 1);
}

static bool parse_sequence(struct reader body, struct av1_sequence *sequence)
{
    struct bits in = bits_of(body.data, body.size, false);
    uint32_t profile = bits_read(&in, 3);
    bits_skip(&in, 1);
    bool is_reduced = bits_read(&in, 1);
    if (is_reduced)
        bits_skip(&in, 5);
    else
        skip_operating_points(&in);
    uint32_t width_bits = bits_read(&in, 4) + 1, height_bits = bits_read(&in, 4) + 1;
    sequence->width = bits_read(&in, width_bits) + 1;
    sequence->height = bits_read(&in, height_bits) + 1;
    if (!is_reduced && bits_read(&in, 1))
        bits_skip(&in, 4 + 3);
    bits_skip(&in, 3);
    if (!is_reduced)
        skip_tools(&in);
    bits_skip(&in, 3);
    read_colour(&in, profile, sequence);
    return !in.is_short;
}

bool av1_find_sequence(struct reader in, struct av1_sequence *sequence)
{
    struct obu obu = {.type = 0};
    *sequence = (struct av1_sequence){.obu = NULL};
    while (obu.type != OBU_SEQUENCE_HEADER) {
        if (reader_left(&in) == 0 || !next_obu(&in, &obu))
            return false;
    }
    sequence->obu = obu.whole;
    sequence->obu_size = obu.whole_size;
    return parse_sequence(obu.body, sequence);
}

size_t av1_delimiter_size(struct reader in)
{
    struct obu obu;
    bool has_one =
        reader_left(&in) > 0 && next_obu(&in, &obu) && obu.type == OBU_TEMPORAL_DELIMITER;
    return has_one ? obu.whole_size : 0;
}

enum av1_frame av1_first_frame(struct reader in)
{
    struct obu obu;
    bool is_still = false;
    while (reader_left(&in) > 0 && next_obu(&in, &obu)) {
        struct bits bits = bits_of(obu.body.data, obu.body.size, false);
        if (obu.type == OBU_SEQUENCE_HEADER) {
            bits_skip(&bits, 3 + 1); /* profile, still picture */
            is_still = bits_read(&bits, 1);
        } else if (obu.type == OBU_FRAME_HEADER || obu.type == OBU_FRAME) {
            bool shows_old_frame = !is_still && bits_read(&bits, 1);
            bool is_key = is_still || (!shows_old_frame && bits_read(&bits, 2) == 0);
            if (bits.is_short)
                return AV1_NO_FRAME;
            return is_key ? AV1_KEY_FRAME : AV1_OTHER_FRAME;
        }
    }
    return AV1_NO_FRAME;
}
