/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads the audio sample entries of ISO and QuickTime files: AAC and Opus.
 * Tested by tests/unit/karp/test_import_layouts.c. */
#include "karp/import_internal.h"

#include <string.h>

#include "base/error.h"

/* Reads the length of an MPEG-4 descriptor: groups of seven bits, at most four of them. */
static size_t descriptor_length(struct reader *in)
{
    size_t length = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t byte = reader_u8(in);
        length = length << 7 | (byte & 0x7f);
        if (!(byte & 0x80))
            break;
    }
    return length;
}

/* Skips descriptors until one with `tag` begins. Returns its length; 0 if there is none. */
static size_t find_descriptor(struct reader *in, uint8_t tag)
{
    while (reader_left(in) > 0) {
        bool is_found = reader_u8(in) == tag;
        size_t length = descriptor_length(in);
        if (is_found)
            return length;
        reader_skip(in, length);
    }
    return 0;
}

struct esds {
    uint8_t object_type;
    uint32_t bitrate;
    const uint8_t *config;
    size_t config_size;
};

/* Reads an ES_Descriptor (3) with a DecoderConfigDescriptor (4), which may have a
 * DecoderSpecificInfo (5): ISO/IEC 14496-1, 7.2.6. The lengths of the outer two are often wrong,
 * and are ignored. */
static bool read_esds(struct reader in, struct esds *esds)
{
    enum { TAG_STREAM = 3, TAG_DECODER = 4, TAG_CONFIG = 5 };

    uint32_t flags;
    box_version(&in, &flags);
    if (find_descriptor(&in, TAG_STREAM) == 0)
        return false;
    reader_skip(&in, 2);
    uint8_t optional = reader_u8(&in);
    reader_skip(&in, optional & 0x80 ? 2 : 0);
    reader_skip(&in, optional & 0x40 ? reader_u8(&in) : 0);
    reader_skip(&in, optional & 0x20 ? 2 : 0);
    if (find_descriptor(&in, TAG_DECODER) == 0)
        return false;
    esds->object_type = reader_u8(&in);
    reader_skip(&in, 4);
    uint32_t most = reader_u32(&in), average = reader_u32(&in);
    esds->bitrate = most > average ? most : average;
    if (in.is_short)
        return false;
    esds->config_size = find_descriptor(&in, TAG_CONFIG);
    esds->config = reader_take(&in, esds->config_size);
    return esds->config_size == 0 || esds->config;
}

/* The audio object type for an MPEG-2 object type in an esds; 0 for MPEG-4, where the configuration
 * has it. */
static uint8_t aac_profile(uint8_t object_type)
{
    enum { OBJECT_MPEG2_MAIN = 0x66, OBJECT_MPEG2_SSR = 0x68 };

    bool is_mpeg2 = object_type >= OBJECT_MPEG2_MAIN && object_type <= OBJECT_MPEG2_SSR;
    return is_mpeg2 ? (uint8_t)(object_type - OBJECT_MPEG2_MAIN + 1) : 0;
}

static int refuse_object_type(struct karp_importer *importer, uint8_t type)
{
    static const struct {
        uint8_t type;
        const char *word, *name;
    } known[] = {
        {0x69, "MP3", "MPEG-2 audio of layer 1, 2 or 3"},
        {0x6b, "MP3", "MPEG-1 audio of layer 1, 2 or 3"},
        {0xa5, "AC-3", "AC-3"},
        {0xa6, "E-AC-3", "E-AC-3"},
        {0xa9, "DTS", "DTS"},
        {0xad, "Opus", "Opus without a dOps box"},
        {0xdd, "Vorbis", "Vorbis"},
        {0xe1, "QCELP", "QCELP"},
    };
    const char *word = "MPEG2", *name = "not AAC";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].type == type) {
            word = known[i].word;
            name = known[i].name;
        }
    }
    import_fail(importer, UNSUPPORTED_CODEC, word,
                "object type 0x%02x is %s; karp carries AAC and Opus", type, name);
    return MOQ_ERR_UNSUPPORTED;
}

/* Takes channels and rate from the AudioSpecificConfig rather than from the sample entry, where
 * muxers write 2 channels and a rate that fits 16 bits. MPEG-2 AAC may have no configuration; then
 * the entry is used. */
static int read_mp4a(struct karp_importer *importer, struct reader record, struct karp_track *track,
                     struct karp_codec *codec)
{
    enum { OBJECT_MPEG4_AUDIO = 0x40 };

    struct esds esds = {0};
    struct karp_aac aac = {0};
    if (!read_esds(record, &esds))
        return import_too_short(importer, "esds");
    uint8_t profile = aac_profile(esds.object_type);
    if (esds.object_type != OBJECT_MPEG4_AUDIO && profile == 0)
        return refuse_object_type(importer, esds.object_type);
    if (esds.config_size >= 4 && memcmp(esds.config, "ADIF", 4) == 0)
        return import_fail(importer, MP4, NULL,
                           "esds has an ADIF header in the place of an AudioSpecificConfig");
    bool has_config = esds.config_size > 0 || profile == 0;
    if (has_config && karp_aac_parse(esds.config, esds.config_size, &aac) != 0)
        return import_fail(importer, MP4, NULL,
                           "esds has no AudioSpecificConfig (ffmpeg: -bsf:a aac_adtstoasc)");

    codec->kind = KARP_CODEC_AAC;
    codec->profile = has_config ? aac.object_type : profile;
    if (aac.channel_count != 0)
        track->channel_count = aac.channel_count;
    if (aac.sample_rate != 0 &&
        (track->sample_rate == 0 || track->sample_rate > 48000 || aac.sample_rate > UINT16_MAX))
        track->sample_rate = aac.sample_rate;
    track->has_bitrate = esds.bitrate > 0;
    track->bitrate_bps = esds.bitrate;
    import_describe(track, esds.config, esds.config_size);
    return 0;
}

static int read_opus(struct karp_importer *importer, struct reader record, struct karp_track *track,
                     struct karp_codec *codec)
{
    struct karp_opus opus;
    if (karp_opus_parse(record.data, record.size, &opus) != 0)
        return import_fail(importer, MP4, NULL, "the box dOps is broken");
    track->channel_count = opus.channel_count;
    track->sample_rate = 48000;
    codec->kind = KARP_CODEC_OPUS;
    import_describe(track, record.data, record.size);
    return 0;
}

/* Version 2 of QuickTime's sample entry has other fields for rate and channels. */
static void read_version_2(struct reader in, struct karp_track *track)
{
    reader_skip(&in, 4);
    uint64_t bits = reader_u64(&in);
    uint32_t channels = reader_u32(&in);
    double rate;
    memcpy(&rate, &bits, sizeof rate);
    if (in.is_short)
        return;
    track->sample_rate = rate >= 1 && rate < 1e6 ? (uint32_t)rate : 0;
    track->channel_count = channels;
}

/* Finds the box `type` among the children of a sample entry, or in a `wave` box, where QuickTime
 * puts it. QuickTime's versions 1 and 2 have more fields before the children, but other files use
 * the same version numbers without them, so all places are tried. */
static bool find_record(const struct reader *in, uint16_t version, const char *type,
                        struct reader *record)
{
    static const uint8_t extensions[] = {0, 16, 36};
    const uint8_t *t = (const uint8_t *)type;
    uint32_t wanted = FOURCC(t[0], t[1], t[2], t[3]);
    size_t count = sizeof extensions;
    size_t first = version < count ? version : 0;
    for (size_t i = 0; i < count; i++) {
        struct reader children = *in, wave;
        reader_skip(&children, extensions[(first + i) % count]);
        if (box_find(children, wanted, record) ||
            (box_find(children, FOURCC('w', 'a', 'v', 'e'), &wave) &&
             box_find(wave, wanted, record)))
            return true;
    }
    return false;
}

int import_audio_entry(struct karp_importer *importer, struct box *entry, struct karp_track *track,
                       struct karp_codec *codec)
{
    struct reader *in = &entry->body, record;
    bool is_aac = entry->type == FOURCC('m', 'p', '4', 'a');
    reader_skip(in, 8);
    uint16_t version = reader_u16(in);
    reader_skip(in, 6);
    track->channel_count = reader_u16(in);
    reader_skip(in, 6);
    track->sample_rate = reader_u32(in) >> 16;
    if (in->is_short)
        return import_too_short(importer, "of the audio sample entry");
    if (version == 2)
        read_version_2(*in, track);
    if (!is_aac && entry->type != FOURCC('O', 'p', 'u', 's'))
        return import_refuse_entry(importer, entry->type);

    const char *type = is_aac ? "esds" : "dOps";
    if (!find_record(in, version, type, &record))
        return import_fail(importer, MISSING_BOX, type, "the sample entry has none");
    return is_aac ? read_mp4a(importer, record, track, codec)
                  : read_opus(importer, record, track, codec);
}
