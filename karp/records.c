/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads the configuration records of MP4 files; that of AAC is in aac.c.
 * Tested by tests/unit/karp/test_codec.c. */
#include "karp/codec.h"

#include <string.h>

#include "base/error.h"
#include "karp/av1.h"

int karp_codec_from_avcc(const uint8_t *record, size_t size, bool is_in_band,
                         struct karp_codec *codec)
{
    if (size < 7 || record[0] != 1)
        return MOQ_ERR_MEDIA;
    *codec = (struct karp_codec){.kind = KARP_CODEC_H264,
                                 .is_in_band = is_in_band,
                                 .profile = record[1],
                                 .constraints = {record[2]},
                                 .level = record[3]};
    return 0;
}

/* The result is always in-band (hev1), because old viewers refuse a catalog with hvc1 in it. The
 * record tells which of the two it really is. */
int karp_codec_from_hvcc(const uint8_t *record, size_t size, struct karp_codec *codec)
{
    if (size < 23 || record[0] != 1)
        return MOQ_ERR_MEDIA;
    struct reader in = reader_of(record + 1, size - 1);
    uint8_t first = reader_u8(&in);
    *codec = (struct karp_codec){.kind = KARP_CODEC_H265,
                                 .is_in_band = true,
                                 .profile_space = first >> 6,
                                 .is_high_tier = (first >> 5 & 1) != 0,
                                 .profile = first & 31,
                                 .compatibility = reader_u32(&in)};
    memcpy(codec->constraints, reader_take(&in, 6), 6);
    codec->level = reader_u8(&in);
    return 0;
}

int karp_codec_from_vpcc(const uint8_t *record, size_t size, struct karp_codec *codec)
{
    struct reader in = reader_of(record, size);
    uint32_t flags;
    if (box_version(&in, &flags) != 1 || size < 12)
        return MOQ_ERR_MEDIA;
    *codec = (struct karp_codec){.kind = KARP_CODEC_VP9, .profile = reader_u8(&in)};
    codec->level = reader_u8(&in);
    uint8_t format = reader_u8(&in);
    codec->bit_depth = format >> 4;
    codec->chroma = format >> 1 & 7;
    codec->colour.is_full_range = (format & 1) != 0;
    codec->colour.primaries = reader_u8(&in);
    codec->colour.transfer = reader_u8(&in);
    codec->colour.matrix = reader_u8(&in);
    return 0;
}

int karp_codec_from_av1c(const uint8_t *record, size_t size, struct karp_codec *codec)
{
    if (size < 4 || record[0] != 0x81)
        return MOQ_ERR_MEDIA;
    struct bits in = bits_of(record + 1, size - 1, false);
    *codec = (struct karp_codec){.kind = KARP_CODEC_AV1, .colour = {1, 1, 1, false}};
    codec->profile = (uint8_t)bits_read(&in, 3);
    codec->level = (uint8_t)bits_read(&in, 5);
    codec->is_high_tier = bits_read(&in, 1);
    bool is_high_depth = bits_read(&in, 1), is_twelve = bits_read(&in, 1);
    codec->bit_depth = !is_high_depth ? 8 : is_twelve ? 12 : 10;
    codec->is_monochrome = bits_read(&in, 1);
    uint32_t x = bits_read(&in, 1), y = bits_read(&in, 1), position = bits_read(&in, 2);
    codec->chroma = (uint8_t)(x * 100 + y * 10 + (x && y ? position : 0));
    struct av1_sequence sequence;
    if (av1_find_sequence(reader_of(record + 4, size - 4), &sequence) && sequence.has_colour)
        codec->colour = sequence.colour;
    return 0;
}

/* See "Encapsulation of Opus in ISO Base Media File Format", 4.3.2. Only mapping family 0 has no
 * channel mapping table. */
int karp_opus_parse(const uint8_t *record, size_t size, struct karp_opus *opus)
{
    struct reader in = reader_of(record, size);
    uint8_t version = reader_u8(&in);
    opus->channel_count = reader_u8(&in);
    reader_skip(&in, 8); /* pre-skip, rate of the source, gain */
    opus->mapping_family = reader_u8(&in);
    bool is_mapped = opus->mapping_family != 0;
    reader_skip(&in, is_mapped ? 2 + (uint64_t)opus->channel_count : 0);
    bool is_possible = opus->channel_count > 0 && (is_mapped || opus->channel_count <= 2);
    return in.is_short || version != 0 || !is_possible ? MOQ_ERR_MEDIA : 0;
}
