/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads the sample entries of a track: which codec it has, and what the catalog says about it. */
#include "karp/import_internal.h"

#include "base/error.h"

enum { VISUAL_ENTRY_BYTES = 78 };

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

struct esds {
    uint8_t object_type;
    uint32_t bitrate;
    const uint8_t *config;
    size_t config_size;
};

static bool read_esds(struct reader in, struct esds *esds)
{
    uint32_t flags;
    box_version(&in, &flags);
    if (reader_u8(&in) != 3)
        return false;
    descriptor_length(&in);
    reader_skip(&in, 2);
    uint8_t optional = reader_u8(&in);
    reader_skip(&in, optional & 0x80 ? 2 : 0);
    reader_skip(&in, optional & 0x40 ? reader_u8(&in) : 0);
    reader_skip(&in, optional & 0x20 ? 2 : 0);
    if (reader_u8(&in) != 4)
        return false;
    descriptor_length(&in);
    esds->object_type = reader_u8(&in);
    reader_skip(&in, 4);
    uint32_t most = reader_u32(&in), average = reader_u32(&in);
    esds->bitrate = most > average ? most : average;
    if (reader_left(&in) == 0 || reader_u8(&in) != 5)
        return !in.is_short;
    esds->config_size = descriptor_length(&in);
    esds->config = reader_take(&in, esds->config_size);
    return !in.is_short;
}

/* Makes the record, which stays where it is, the description of the catalog's entry; the catalog copies it. */
static void describe(struct karp_track *track, const uint8_t *record, size_t size)
{
    track->description = (uint8_t *)(uintptr_t)record;
    track->description_size = size;
}

/* The AudioSpecificConfig knows better than the sample entry, where muxers write 2 channels and what fits 16 bits. */
static int read_mp4a(struct karp_importer *importer, struct reader children,
                     struct karp_track *track, struct karp_codec *codec)
{
    struct reader body;
    struct esds esds = {0};
    struct karp_aac aac = {0};
    int error = import_need_box(importer, children, "esds", &body);
    if (error)
        return error;
    if (!read_esds(body, &esds))
        return import_too_short(importer, "esds");
    if (esds.object_type != 0x40) {
        import_fail(importer, UNSUPPORTED_CODEC, "MPEG2", "object type 0x%02x is not AAC",
                    esds.object_type);
        return MOQ_ERR_UNSUPPORTED;
    }
    if (!esds.config || karp_aac_parse(esds.config, esds.config_size, &aac) != 0)
        return import_fail(importer, MP4, NULL, "esds has no AudioSpecificConfig");

    codec->kind = KARP_CODEC_AAC;
    codec->profile = aac.object_type;
    if (aac.channel_count != 0)
        track->channel_count = aac.channel_count;
    if (aac.sample_rate != 0 &&
        (track->sample_rate == 0 || track->sample_rate > 48000 || aac.sample_rate > UINT16_MAX))
        track->sample_rate = aac.sample_rate;
    track->has_bitrate = esds.bitrate > 0;
    track->bitrate_bps = esds.bitrate;
    describe(track, esds.config, esds.config_size);
    return 0;
}

static int read_opus(struct karp_importer *importer, struct reader children,
                     struct karp_track *track, struct karp_codec *codec)
{
    struct reader body;
    int error = import_need_box(importer, children, "dOps", &body);
    if (error)
        return error;
    struct karp_opus opus;
    if (karp_opus_parse(body.data, body.size, &opus) != 0)
        return import_fail(importer, MP4, NULL, "the box dOps is broken");
    track->channel_count = opus.channel_count;
    track->sample_rate = 48000;
    codec->kind = KARP_CODEC_OPUS;
    describe(track, body.data, body.size);
    return 0;
}

static int unsupported(struct karp_importer *importer, uint32_t type)
{
    struct box_name name = box_name_of(type);
    import_fail(importer, UNSUPPORTED_CODEC, name.text, "no codec that karp carries");
    return MOQ_ERR_UNSUPPORTED;
}

static int read_audio_entry(struct karp_importer *importer, struct box *entry,
                            struct karp_track *track, struct karp_codec *codec)
{
    struct reader *in = &entry->body;
    reader_skip(in, 8);
    uint16_t version = reader_u16(in);
    reader_skip(in, 6);
    track->channel_count = reader_u16(in);
    reader_skip(in, 6);
    track->sample_rate = reader_u32(in) >> 16;
    reader_skip(in, version == 1 ? 16 : version == 2 ? 36 : 0); /* QuickTime's extensions */
    if (in->is_short)
        return import_too_short(importer, "of the audio sample entry");

    struct reader children = reader_of(in->data + in->at, reader_left(in));
    if (entry->type == FOURCC('m', 'p', '4', 'a'))
        return read_mp4a(importer, children, track, codec);
    if (entry->type == FOURCC('O', 'p', 'u', 's'))
        return read_opus(importer, children, track, codec);
    return unsupported(importer, entry->type);
}

static int read_video_codec(struct karp_importer *importer, uint32_t type, struct reader children,
                            struct karp_track *track, struct karp_codec *codec)
{
    bool is_avc3 = type == FOURCC('a', 'v', 'c', '3');
    bool is_avc = is_avc3 || type == FOURCC('a', 'v', 'c', '1');
    bool is_hevc = type == FOURCC('h', 'e', 'v', '1') || type == FOURCC('h', 'v', 'c', '1');
    const char *record_type = is_avc                               ? "avcC"
                              : is_hevc                            ? "hvcC"
                              : type == FOURCC('v', 'p', '0', '9') ? "vpcC"
                                                                   : "av1C";
    if (type == FOURCC('v', 'p', '0', '8')) {
        codec->kind = KARP_CODEC_VP8;
        return 0;
    }
    if (!is_avc && !is_hevc && type != FOURCC('v', 'p', '0', '9') &&
        type != FOURCC('a', 'v', '0', '1'))
        return unsupported(importer, type);

    struct reader record;
    int error = import_need_box(importer, children, record_type, &record);
    if (error)
        return error;
    if (is_avc)
        error = karp_codec_from_avcc(record.data, record.size, is_avc3, codec);
    else if (is_hevc)
        error = karp_codec_from_hvcc(record.data, record.size, codec);
    else if (type == FOURCC('v', 'p', '0', '9'))
        error = karp_codec_from_vpcc(record.data, record.size, codec);
    else
        error = karp_codec_from_av1c(record.data, record.size, codec);
    if (error)
        return import_fail(importer, MP4, NULL, "the box %s is broken", record_type);
    if (is_avc || is_hevc)
        describe(track, record.data, record.size);
    return 0;
}

static int read_video_entry(struct karp_importer *importer, struct box *entry,
                            struct karp_track *track, struct karp_codec *codec)
{
    struct reader *in = &entry->body;
    reader_skip(in, 24);
    track->width = reader_u16(in);
    track->height = reader_u16(in);
    reader_skip(in, VISUAL_ENTRY_BYTES - 28);
    if (in->is_short)
        return import_too_short(importer, "of the visual sample entry");
    struct reader children = reader_of(in->data + in->at, reader_left(in));
    return read_video_codec(importer, entry->type, children, track, codec);
}

int import_entry(struct karp_importer *importer, struct reader stsd, struct karp_track *track,
                 struct karp_codec *codec)
{
    struct box entry, second;
    reader_skip(&stsd, 8);
    int found = box_next(&stsd, &entry, &importer->failure);
    if (found < 0)
        return found;
    if (found == 0) {
        import_fail(importer, MISSING_CODEC, NULL, "the track has no sample entry");
        return MOQ_ERR_UNSUPPORTED;
    }
    if (box_next(&stsd, &second, NULL) > 0) {
        import_fail(importer, MULTIPLE_CODECS, NULL, "the track changes its codec");
        return MOQ_ERR_UNSUPPORTED;
    }
    return track->kind == KARP_VIDEO ? read_video_entry(importer, &entry, track, codec)
                                     : read_audio_entry(importer, &entry, track, codec);
}
