/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tells the kind of a picture: H.264 (ISO/IEC 14496-10, 7.3 and D.1), H.265 (ISO/IEC 23008-2, 7.3
 * and D.2), VP8 (RFC 6386, 9.1), VP9 (bitstream specification, 6.2) and AV1 (see av1.h).
 * Tested by tests/unit/karp/test_import_groups.c. */
#include "karp/picture.h"

#include "karp/av1.h"
#include "karp/internal.h"
#include "karp/nal.h"

enum {
    H264_SLICE = 1,
    H264_PARTITION_A = 2,
    H264_IDR = 5,
    H264_SEI = 6,
    /* Types up to this one are pictures that depend on others; the next ones are reserved. */
    H265_LAST_SLICE = 9,
    H265_FIRST_IRAP = 16,
    H265_LAST_IRAP = 23,
    H265_SEI = 39,
    SEI_RECOVERY_POINT = 6,
    SEI_MAX_BYTES = 1024, /* only this much of an SEI unit is searched */
};

struct picture_format picture_format_of(enum karp_codec_kind kind, const uint8_t *record,
                                        size_t size)
{
    struct picture_format format = {.kind = kind};
    size_t at = kind == KARP_CODEC_H265 ? 21 : 4;
    bool has_units = kind == KARP_CODEC_H264 || kind == KARP_CODEC_H265;
    if (has_units && size > at)
        format.length_bytes = (uint8_t)((record[at] & 3) + 1);
    return format;
}

/* Reads a type or size in an SEI: the sum of bytes up to the first that is not 255. */
static uint32_t read_sei_number(struct bits *in)
{
    uint32_t number = 0, byte;
    do {
        byte = bits_read(in, 8);
        number += byte;
    } while (byte == 255 && !in->is_short);
    return number;
}

static bool has_recovery_point(const struct nal *sei, size_t header)
{
    if (sei->size < header + 2)
        return false;
    size_t size = sei->size < SEI_MAX_BYTES ? sei->size : SEI_MAX_BYTES;
    struct bits in = bits_of(sei->data + header, size - header, true);
    while (!in.is_short) {
        uint32_t type = read_sei_number(&in), bytes = read_sei_number(&in);
        if (in.is_short || bytes >= SEI_MAX_BYTES)
            return false;
        if (type == SEI_RECOVERY_POINT)
            return bytes > 0;
        bits_skip(&in, 8 * bytes);
    }
    return false;
}

/* Whether a slice of H.264 is of type I or SI. */
static bool is_intra_slice(const struct nal *slice)
{
    struct bits in = bits_of(slice->data + 1, slice->size - 1, true);
    bits_ue(&in);
    uint32_t type = bits_ue(&in) % 5;
    return !in.is_short && (type == 2 || type == 4);
}

static enum picture h264_picture(struct nal_walk walk)
{
    bool has_slice = false, is_recovery = false, is_intra = true;
    struct nal nal;
    while (nal_next(&walk, &nal)) {
        uint8_t type = nal_type(&nal, false);
        if (type == H264_IDR)
            return PICTURE_KEY;
        if (type == H264_SEI)
            is_recovery |= has_recovery_point(&nal, 1);
        if (type != H264_SLICE && type != H264_PARTITION_A)
            continue;
        has_slice = true;
        is_intra = is_intra && is_intra_slice(&nal);
    }
    if (!has_slice)
        return PICTURE_UNKNOWN;
    if (is_recovery)
        return PICTURE_RECOVERY;
    return is_intra ? PICTURE_INTRA : PICTURE_DELTA;
}

static enum picture h265_picture(struct nal_walk walk)
{
    bool has_slice = false, is_recovery = false;
    struct nal nal;
    while (nal_next(&walk, &nal)) {
        uint8_t type = nal_type(&nal, true);
        if (type >= H265_FIRST_IRAP && type <= H265_LAST_IRAP)
            return PICTURE_KEY;
        if (type == H265_SEI)
            is_recovery |= has_recovery_point(&nal, 2);
        has_slice |= type <= H265_LAST_SLICE;
    }
    if (!has_slice)
        return PICTURE_UNKNOWN;
    return is_recovery ? PICTURE_RECOVERY : PICTURE_DELTA;
}

static enum picture vp9_picture(const uint8_t *payload, size_t size)
{
    struct bits in = bits_of(payload, size, false);
    if (bits_read(&in, 2) != 2)
        return PICTURE_UNKNOWN;
    uint32_t profile = bits_read(&in, 2);
    bits_skip(&in, profile == 3 ? 1 : 0);
    bool shows_old_frame = bits_read(&in, 1);
    bool is_delta = bits_read(&in, 1);
    return shows_old_frame || is_delta ? PICTURE_DELTA : PICTURE_KEY;
}

static enum picture av1_picture(const uint8_t *payload, size_t size)
{
    switch (av1_first_frame(reader_of(payload, size))) {
    case AV1_KEY_FRAME:
        return PICTURE_KEY;
    case AV1_OTHER_FRAME:
        return PICTURE_DELTA;
    case AV1_NO_FRAME:
        break;
    }
    return PICTURE_UNKNOWN;
}

enum picture picture_of(const struct picture_format *format, const uint8_t *payload, size_t size)
{
    struct nal_walk walk = nal_walk_of(payload, size, format->length_bytes);
    if (size == 0)
        return PICTURE_UNKNOWN;
    switch (format->kind) {
    case KARP_CODEC_H264:
        return h264_picture(walk);
    case KARP_CODEC_H265:
        return h265_picture(walk);
    case KARP_CODEC_VP8:
        return payload[0] & 1 ? PICTURE_DELTA : PICTURE_KEY;
    case KARP_CODEC_VP9:
        return vp9_picture(payload, size);
    case KARP_CODEC_AV1:
        return av1_picture(payload, size);
    case KARP_CODEC_AAC:
    case KARP_CODEC_OPUS:
    case KARP_CODEC_UNKNOWN:
        break;
    }
    return PICTURE_UNKNOWN;
}
