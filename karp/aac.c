/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The AudioSpecificConfig of AAC (ISO/IEC 14496-3, 1.6.2.1 and 4.4.1) in both directions.
 * Tested by tests/unit/karp/test_codec.c. */
#include "karp/codec.h"

#include <string.h>

#include "base/error.h"
#include "karp/internal.h"

/* Audio object types. HE and HE_V2 mean that spectral band replication doubles the rate of the AAC
 * below. */
enum {
    AAC_LC = 2,
    AAC_HE = 5,
    AAC_LD = 23,
    AAC_HE_V2 = 29,
    AAC_ESCAPE = 31,
    AAC_ELD = 39,
};

static const uint32_t aac_rates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                     22050, 16000, 12000, 11025, 8000,  7350};
enum { AAC_RATES = sizeof aac_rates / sizeof *aac_rates, AAC_RATE_EXPLICIT = 15 };

/* Channels of each channel configuration; 0: reserved, or given by a program config element. */
static const uint8_t aac_channels[16] = {0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 24, 8, 0};

static uint8_t read_object_type(struct bits *in)
{
    uint32_t type = bits_read(in, 5);
    return (uint8_t)(type == AAC_ESCAPE ? 32 + bits_read(in, 6) : type);
}

/* Reads a sampling frequency in Hz; 0 for a reserved index. */
static uint32_t read_rate(struct bits *in)
{
    uint32_t index = bits_read(in, 4);
    if (index == AAC_RATE_EXPLICIT)
        return bits_read(in, 24);
    return index < AAC_RATES ? aac_rates[index] : 0;
}

static uint32_t read_elements(struct bits *in, uint32_t count)
{
    uint32_t channels = 0;
    for (uint32_t i = 0; i < count; i++) {
        channels += bits_read(in, 1) ? 2 : 1;
        bits_skip(in, 4);
    }
    return channels;
}

/* Counts the channels of a program config element (4.4.1.1) and skips the tables in it. */
static uint32_t read_program(struct bits *in)
{
    bits_skip(in, 4 + 2 + 4);
    uint32_t front = bits_read(in, 4), side = bits_read(in, 4), back = bits_read(in, 4);
    uint32_t lfe = bits_read(in, 2);
    bits_skip(in, 3 + 4);
    for (int i = 0; i < 2; i++) /* mono and stereo mixdown */
        bits_skip(in, bits_read(in, 1) ? 4 : 0);
    bits_skip(in, bits_read(in, 1) ? 3 : 0);
    return read_elements(in, front + side + back) + lfe;
}

/* Whether a GASpecificConfig follows. Few object types have something else, and nothing of that is
 * needed here. */
static bool is_general_audio(uint8_t type)
{
    return (type >= 1 && type <= 4) || type == 6 || type == 7 || type == 17 ||
           (type >= 19 && type <= AAC_LD);
}

static void read_general(struct bits *in, uint8_t type, uint32_t configuration,
                         struct karp_aac *aac)
{
    bool is_short = bits_read(in, 1);
    if (type == AAC_LD)
        aac->frame_samples = is_short ? 480 : 512;
    else
        aac->frame_samples = is_short ? 960 : 1024;
    if (bits_read(in, 1))
        bits_skip(in, 14);
    bits_skip(in, 1);
    if (configuration == 0)
        aac->channel_count = read_program(in);
}

int karp_aac_parse(const uint8_t *config, size_t size, struct karp_aac *aac)
{
    struct bits in = bits_of(config, size, false);
    uint8_t type = read_object_type(&in);
    *aac = (struct karp_aac){.object_type = type, .frame_samples = 1024};
    aac->sample_rate = aac->core_rate = read_rate(&in);
    uint32_t configuration = bits_read(&in, 4);
    aac->channel_count = aac_channels[configuration];
    if (type == AAC_HE || type == AAC_HE_V2) {
        aac->sample_rate = read_rate(&in);
        type = read_object_type(&in);
    }
    if (in.is_short)
        return MOQ_ERR_MEDIA;
    if (type == AAC_ELD)
        aac->frame_samples = bits_read(&in, 1) ? 480 : 512;
    if (is_general_audio(type))
        read_general(&in, type, configuration, aac);
    return 0;
}

bool karp_aac_has_fixed_frames(const struct karp_aac *aac)
{
    uint8_t type = aac->object_type;
    bool is_known =
        is_general_audio(type) || type == AAC_HE || type == AAC_HE_V2 || type == AAC_ELD;
    return is_known && aac->core_rate > 0 && aac->frame_samples > 0;
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

/* The channel configuration for `channel_count`, among those that every decoder knows; 0: none. */
static uint32_t configuration_of(uint32_t channel_count)
{
    for (uint32_t i = 1; i <= 7; i++) {
        if (aac_channels[i] == channel_count)
            return i;
    }
    return 0;
}

size_t karp_aac_print(const struct karp_aac *aac, uint8_t config[KARP_AAC_MAX_BYTES])
{
    uint32_t configuration = configuration_of(aac->channel_count);
    bool is_doubled = aac->object_type == AAC_HE || aac->object_type == AAC_HE_V2;
    if (configuration == 0 || aac->sample_rate == 0 || aac->sample_rate >> 24 != 0 ||
        aac->object_type == 0 || aac->object_type == AAC_ESCAPE || aac->object_type > 94)
        return 0;

    memset(config, 0, KARP_AAC_MAX_BYTES);
    struct bit_writer to = {.out = config};
    put_object_type(&to, aac->object_type);
    put_rate(&to, is_doubled ? aac->sample_rate / 2 : aac->sample_rate);
    put_bits(&to, configuration, 4);
    if (is_doubled) {
        put_rate(&to, aac->sample_rate);
        put_object_type(&to, AAC_LC);
    }
    put_bits(&to, 0, 3); /* frame length 1024, no core coder, no extension */
    return (to.at + 7) / 8;
}
