/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Codecs from the configuration records of MP4 files, and the AudioSpecificConfig of AAC in both directions. */
#include "karp/codec.h"

#include <string.h>

#include "base/error.h"
#include "karp/internal.h"

/* Audio object types that say "the AAC below is doubled by spectral band replication". */
enum { AAC_LC = 2, AAC_HE = 5, AAC_HE_V2 = 29, AAC_ESCAPE = 31 };

static const uint32_t aac_rates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                     22050, 16000, 12000, 11025, 8000,  7350};
enum { AAC_RATES = sizeof aac_rates / sizeof *aac_rates, AAC_RATE_EXPLICIT = 15 };

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

/* Always hev1: old viewers refuse a catalog with hvc1 in it. */
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
    return 0;
}

static uint8_t read_object_type(struct bits *in)
{
    uint32_t type = bits_read(in, 5);
    return (uint8_t)(type == AAC_ESCAPE ? 32 + bits_read(in, 6) : type);
}

/* 0 for the reserved indices. */
static uint32_t read_rate(struct bits *in)
{
    uint32_t index = bits_read(in, 4);
    if (index == AAC_RATE_EXPLICIT)
        return bits_read(in, 24);
    return index < AAC_RATES ? aac_rates[index] : 0;
}

int karp_aac_parse(const uint8_t *config, size_t size, struct karp_aac *aac)
{
    struct bits in = bits_of(config, size, false);
    aac->object_type = read_object_type(&in);
    aac->sample_rate = read_rate(&in);
    uint32_t channels = bits_read(&in, 4);
    aac->channel_count = channels == 7 ? 8 : channels < 7 ? channels : 0;
    if (aac->object_type == AAC_HE || aac->object_type == AAC_HE_V2)
        aac->sample_rate = read_rate(&in);
    return in.is_short ? MOQ_ERR_MEDIA : 0;
}

struct bit_writer {
    uint8_t *out;
    unsigned at;
};

static void put_bits(struct bit_writer *to, uint32_t value, unsigned count)
{
    for (unsigned i = count; i > 0; i--, to->at++) {
        if (value >> (i - 1) & 1)
            to->out[to->at / 8] |= (uint8_t)(0x80 >> to->at % 8);
    }
}

static void put_object_type(struct bit_writer *to, uint8_t type)
{
    if (type >= AAC_ESCAPE) {
        put_bits(to, AAC_ESCAPE, 5);
        put_bits(to, (uint32_t)type - 32, 6);
        return;
    }
    put_bits(to, type, 5);
}

static void put_rate(struct bit_writer *to, uint32_t rate)
{
    for (uint32_t i = 0; i < AAC_RATES; i++) {
        if (aac_rates[i] == rate) {
            put_bits(to, i, 4);
            return;
        }
    }
    put_bits(to, AAC_RATE_EXPLICIT, 4);
    put_bits(to, rate, 24);
}

size_t karp_aac_print(const struct karp_aac *aac, uint8_t config[KARP_AAC_MAX_BYTES])
{
    uint32_t channels = aac->channel_count == 8 ? 7 : aac->channel_count;
    bool is_doubled = aac->object_type == AAC_HE || aac->object_type == AAC_HE_V2;
    if (channels > 7 || (aac->channel_count == 7) || aac->sample_rate == 0 ||
        aac->sample_rate >> 24 != 0 || aac->object_type == 0 || aac->object_type == AAC_ESCAPE ||
        aac->object_type > 94)
        return 0;

    memset(config, 0, KARP_AAC_MAX_BYTES);
    struct bit_writer to = {.out = config};
    put_object_type(&to, aac->object_type);
    put_rate(&to, is_doubled ? aac->sample_rate / 2 : aac->sample_rate);
    put_bits(&to, channels, 4);
    if (is_doubled) {
        put_rate(&to, aac->sample_rate);
        put_object_type(&to, AAC_LC);
    }
    put_bits(&to, 0, 3); /* frame length 1024, no core coder, no extension */
    return (to.at + 7) / 8;
}
