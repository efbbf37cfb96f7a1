/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads the size of pictures and the reorder depth from sequence parameter sets of H.264 (ISO/IEC
 * 14496-10, 7.3.2.1.1 and annex E) and H.265 (ISO/IEC 23008-2, 7.3.2.2). */
#include "karp/internal.h"
#include "karp/nal.h"

static bool has_chroma_fields(uint32_t profile)
{
    static const uint8_t profiles[] = {100, 110, 122, 244, 44,  83, 86,
                                       118, 128, 138, 139, 134, 135};
    for (size_t i = 0; i < sizeof profiles; i++) {
        if (profiles[i] == profile)
            return true;
    }
    return false;
}

static void skip_scaling_lists(struct bits *in, unsigned lists)
{
    for (unsigned i = 0; i < lists && !in->is_short; i++) {
        if (!bits_read(in, 1))
            continue;
        int last = 8, next = 8;
        for (int j = 0; j < (i < 6 ? 16 : 64) && next != 0 && !in->is_short; j++) {
            next = (last + bits_se(in) % 256 + 256) % 256;
            last = next ? next : last;
        }
    }
}

static void skip_hrd(struct bits *in)
{
    uint32_t last = bits_ue(in);
    bits_skip(in, 8);
    for (uint32_t i = 0; i <= last && i < 32 && !in->is_short; i++) {
        bits_ue(in);
        bits_ue(in);
        bits_skip(in, 1);
    }
    bits_skip(in, 20);
}

/* Skips `count` Exp-Golomb codes. */
static void skip_ue(struct bits *in, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        bits_ue(in);
}

static bool read_is_stretched(struct bits *in)
{
    enum { UNSPECIFIED = 0, SQUARE = 1, EXPLICIT = 255 };

    uint32_t ratio = bits_read(in, 1) ? bits_read(in, 8) : UNSPECIFIED;
    if (ratio != EXPLICIT)
        return ratio != UNSPECIFIED && ratio != SQUARE;
    uint32_t across = bits_read(in, 16), down = bits_read(in, 16);
    return across != down && across > 0 && down > 0;
}

/* Reads the video usability information (VUI, annex E). Returns whether it has the reorder depth;
 * if so, sets `*reorder`. */
static bool read_vui(struct bits *in, struct nal_sps *sps, uint32_t *reorder)
{
    sps->is_stretched = read_is_stretched(in);
    if (bits_read(in, 1))
        bits_skip(in, 1);
    if (bits_read(in, 1)) {
        bits_skip(in, 4);
        if (bits_read(in, 1))
            bits_skip(in, 24);
    }
    if (bits_read(in, 1))
        skip_ue(in, 2);
    if (bits_read(in, 1))
        bits_skip(in, 65);

    bool has_nal_hrd = bits_read(in, 1);
    if (has_nal_hrd)
        skip_hrd(in);
    bool has_vcl_hrd = bits_read(in, 1);
    if (has_vcl_hrd)
        skip_hrd(in);
    if (has_nal_hrd || has_vcl_hrd)
        bits_skip(in, 1);
    bits_skip(in, 1);
    if (!bits_read(in, 1))
        return false;
    bits_skip(in, 1);
    skip_ue(in, 4);
    *reorder = bits_ue(in);
    return !in->is_short;
}

/* Reads the picture order count type. Type 2 means that pictures are shown in decoding order. */
static uint32_t read_order_type(struct bits *in)
{
    uint32_t type = bits_ue(in);
    if (type == 0) {
        bits_ue(in);
    } else if (type == 1) {
        bits_skip(in, 1);
        skip_ue(in, 2);
        uint32_t cycle = bits_ue(in);
        skip_ue(in, cycle < 256 ? cycle : 0);
    }
    return type;
}

/* Cropping counts in chroma samples, so its unit is two pixels where chroma is subsampled. */
struct crop_unit {
    uint32_t across, down;
};

static struct crop_unit crop_unit_of(uint8_t chroma_format)
{
    bool is_half_wide = chroma_format == 1 || chroma_format == 2;
    return (struct crop_unit){is_half_wide ? 2 : 1, chroma_format == 1 ? 2 : 1};
}

/* Reads how much is cropped at the four edges, and subtracts it from the size. */
static void read_crop(struct bits *in, struct crop_unit unit, struct nal_sps *sps)
{
    if (!bits_read(in, 1))
        return;
    uint64_t across = bits_ue(in), down;
    across = unit.across * (across + bits_ue(in));
    down = bits_ue(in);
    down = unit.down * (down + bits_ue(in));
    sps->width = across < sps->width ? sps->width - (uint32_t)across : 0;
    sps->height = down < sps->height ? sps->height - (uint32_t)down : 0;
}

/* Reads the size, which counts in macroblocks and, for interlaced video, per field. */
static void read_h264_size(struct bits *in, struct nal_sps *sps)
{
    enum { MACROBLOCK = 16, MAX_BLOCKS = 4096 };

    uint32_t across = bits_ue(in), down = bits_ue(in);
    uint32_t fields = bits_read(in, 1) ? 1 : 2;
    if (fields == 2)
        bits_skip(in, 1);
    bits_skip(in, 1);
    bool is_sane = across < MAX_BLOCKS && down < MAX_BLOCKS;
    sps->width = is_sane ? (across + 1) * MACROBLOCK : 0;
    sps->height = is_sane ? (down + 1) * MACROBLOCK * fields : 0;
    struct crop_unit unit = crop_unit_of(sps->chroma_format);
    unit.down *= fields;
    read_crop(in, unit, sps);
}

static void read_chroma_fields(struct bits *in, struct nal_sps *sps)
{
    sps->chroma_format = bits_ue(in) & 3;
    bits_skip(in, sps->chroma_format == 3 ? 1 : 0);
    sps->luma_depth = (uint8_t)(8 + bits_ue(in) % 8);
    sps->chroma_depth = (uint8_t)(8 + bits_ue(in) % 8);
}

/* Parses an SPS of H.264. If its VUI has no reorder depth, that is the number of reference frames,
 * or 0 if pictures are shown in decoding order. */
static bool parse_h264_sps(const struct nal *nal, struct nal_sps *sps)
{
    struct bits in = bits_of(nal->data + 1, nal->size - 1, true);
    uint32_t profile = bits_read(&in, 8);
    bits_skip(&in, 16);
    bits_ue(&in);
    *sps = (struct nal_sps){.chroma_format = 1, .luma_depth = 8, .chroma_depth = 8};
    if (has_chroma_fields(profile)) {
        read_chroma_fields(&in, sps);
        bits_skip(&in, 1);
        if (bits_read(&in, 1))
            skip_scaling_lists(&in, sps->chroma_format == 3 ? 12 : 8);
    }
    bits_ue(&in);
    bool is_in_order = read_order_type(&in) == 2;
    uint32_t reorder = bits_ue(&in);
    bits_skip(&in, 1);
    read_h264_size(&in, sps);
    if (in.is_short)
        return false;

    if ((!bits_read(&in, 1) || !read_vui(&in, sps, &reorder)) && is_in_order)
        reorder = 0;
    sps->reorder = reorder < NAL_MAX_REORDER ? reorder : NAL_MAX_REORDER;
    return true;
}

/* Skips the profiles and levels of temporal layers. */
static void skip_layers(struct bits *in, uint32_t layers)
{
    uint32_t flags[8] = {0};
    for (uint32_t i = 0; i < layers; i++)
        flags[i] = bits_read(in, 2);
    bits_skip(in, layers > 0 ? 2 * (8 - layers) : 0);
    for (uint32_t i = 0; i < layers; i++) {
        bits_skip(in, flags[i] & 2 ? 88 : 0);
        bits_skip(in, flags[i] & 1 ? 8 : 0);
    }
}

static bool parse_h265_sps(const struct nal *nal, struct nal_sps *sps)
{
    struct bits in = bits_of(nal->data + 2, nal->size - 2, true);
    bits_skip(&in, 4);
    uint32_t layers = bits_read(&in, 3);
    bits_skip(&in, 1 + 96);
    skip_layers(&in, layers);
    bits_ue(&in);
    *sps = (struct nal_sps){.chroma_format = bits_ue(&in) & 3};
    bits_skip(&in, sps->chroma_format == 3 ? 1 : 0);
    sps->width = bits_ue(&in);
    sps->height = bits_ue(&in);
    read_crop(&in, crop_unit_of(sps->chroma_format), sps);
    sps->luma_depth = (uint8_t)(8 + bits_ue(&in) % 8);
    sps->chroma_depth = (uint8_t)(8 + bits_ue(&in) % 8);
    bits_ue(&in);

    uint32_t reorder = 0;
    for (uint32_t i = bits_read(&in, 1) ? 0 : layers; i <= layers; i++) {
        bits_ue(&in);
        reorder = bits_ue(&in);
        bits_ue(&in);
    }
    sps->reorder = reorder < NAL_MAX_REORDER ? reorder : NAL_MAX_REORDER;
    return !in.is_short;
}

bool nal_sps_parse(const struct nal *nal, bool is_h265, struct nal_sps *sps)
{
    if (nal->size < 4)
        return false;
    return is_h265 ? parse_h265_sps(nal, sps) : parse_h264_sps(nal, sps);
}
