/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads a moov: its tracks, their codecs for the catalog, the defaults of their fragments and their edit lists. */
#include "karp/import_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"

enum { BOX_MAX_DEPTH = 8, VISUAL_ENTRY_BYTES = 78, AUDIO_ENTRY_BYTES = 28 };

static bool is_container(uint32_t type)
{
    static const uint32_t types[] = {FOURCC('t', 'r', 'a', 'k'), FOURCC('m', 'd', 'i', 'a'),
                                     FOURCC('m', 'i', 'n', 'f'), FOURCC('s', 't', 'b', 'l'),
                                     FOURCC('e', 'd', 't', 's'), FOURCC('m', 'v', 'e', 'x'),
                                     FOURCC('t', 'r', 'a', 'f')};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i] == type)
            return true;
    }
    return false;
}

int import_check_boxes(struct reader in, int depth, struct karp_failure *failure)
{
    struct box box;
    int found;
    while ((found = box_next(&in, &box, failure)) > 0) {
        int error = depth < BOX_MAX_DEPTH && is_container(box.type)
                        ? import_check_boxes(box.body, depth + 1, failure)
                        : 0;
        if (error)
            return error;
    }
    return found;
}

/* Finds a child that has to be there. */
static int need_box(struct karp_importer *importer, struct reader in, const char *type,
                    struct reader *body)
{
    const uint8_t *t = (const uint8_t *)type;
    if (box_find(in, FOURCC(t[0], t[1], t[2], t[3]), body))
        return 0;
    return import_fail(importer, MISSING_BOX, type, "the moov is not complete without it");
}

static int too_short(struct karp_importer *importer, const char *type)
{
    return import_fail(importer, MP4, NULL, "the box %s is too short for its fields", type);
}

/* Reads the time scale of mvhd and mdhd, which have the same beginning. */
static int read_timescale(struct karp_importer *importer, struct reader in, const char *type,
                          uint32_t *timescale)
{
    uint32_t flags;
    uint8_t version = box_version(&in, &flags);
    reader_skip(&in, version == 1 ? 16 : 8);
    *timescale = reader_u32(&in);
    if (in.is_short)
        return too_short(importer, type);
    if (*timescale == 0)
        return import_fail(importer, MP4, NULL, "the time scale of %s is zero", type);
    return 0;
}

/* Applies the empty edits at the front and the first real one; what follows would be montage, which a live stream has
 * no place for. */
static void read_edits(struct karp_importer *importer, struct import_track *track, struct reader in)
{
    uint32_t flags;
    bool is_wide = box_version(&in, &flags) == 1;
    uint32_t count = reader_u32(&in);
    int64_t empty = 0;
    for (uint32_t i = 0; i < count && !in.is_short; i++) {
        uint64_t duration = reader_number(&in, is_wide ? 8 : 4);
        int64_t media_time = is_wide ? (int64_t)reader_u64(&in) : (int64_t)(int32_t)reader_u32(&in);
        reader_skip(&in, 4);
        bool is_sane = duration < IMPORT_NUMBER_MAX >> 32 && media_time < INT64_C(1) << 48;
        if (in.is_short || !is_sane)
            return;
        if (media_time >= 0) {
            track->edit = media_time - empty;
            return;
        }
        empty += (int64_t)((duration * track->timescale + importer->movie_timescale / 2) /
                           importer->movie_timescale); /* to the nearest, as players do */
        if (empty >= INT64_C(1) << 48)
            return;
    }
    track->edit = -empty;
}

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

/* The AudioSpecificConfig knows better than the sample entry, where muxers write 2 channels and what fits 16 bits. */
static int read_mp4a(struct karp_importer *importer, struct reader children,
                     struct karp_track *track, struct karp_codec *codec)
{
    struct reader body;
    struct esds esds = {0};
    struct karp_aac aac = {0};
    int error = need_box(importer, children, "esds", &body);
    if (error)
        return error;
    if (!read_esds(body, &esds))
        return too_short(importer, "esds");
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
    return 0;
}

static int read_opus(struct karp_importer *importer, struct reader children,
                     struct karp_track *track, struct karp_codec *codec)
{
    struct reader body;
    int error = need_box(importer, children, "dOps", &body);
    if (error)
        return error;
    reader_skip(&body, 1);
    track->channel_count = reader_u8(&body);
    track->sample_rate = 48000;
    codec->kind = KARP_CODEC_OPUS;
    return body.is_short ? too_short(importer, "dOps") : 0;
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
        return too_short(importer, "of the audio sample entry");

    struct reader children = reader_of(in->data + in->at, reader_left(in));
    if (entry->type == FOURCC('m', 'p', '4', 'a'))
        return read_mp4a(importer, children, track, codec);
    if (entry->type == FOURCC('O', 'p', 'u', 's'))
        return read_opus(importer, children, track, codec);
    return unsupported(importer, entry->type);
}

/* Copies the record into the catalog's entry as its description; the catalog copies it again. */
static void describe(struct karp_track *track, const struct reader *record)
{
    track->description = (uint8_t *)(uintptr_t)record->data;
    track->description_size = record->size;
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
    int error = need_box(importer, children, record_type, &record);
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
        describe(track, &record);
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
        return too_short(importer, "of the visual sample entry");
    struct reader children = reader_of(in->data + in->at, reader_left(in));
    return read_video_codec(importer, entry->type, children, track, codec);
}

static int read_entry(struct karp_importer *importer, struct reader stsd, struct karp_track *track,
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

static int add_to_catalog(struct karp_importer *importer, struct import_track *track,
                          struct karp_track *entry, const struct karp_codec *codec)
{
    bool is_video = entry->kind == KARP_VIDEO;
    track->kind = entry->kind;
    entry->priority =
        is_video ? importer->options.video_priority : importer->options.audio_priority;
    snprintf(entry->name, sizeof entry->name, is_video ? "video%u" : "audio%u", track->id);
    int error = karp_codec_print(codec, entry->codec);
    if (!error)
        error = karp_catalog_add(importer->catalog, entry);
    if (error == MOQ_ERR_NOMEM)
        return failure_nomem(&importer->failure);
    if (error)
        return import_fail(importer, DUPLICATE_TRACK, NULL, "%s: %s", entry->name,
                           moq_error_words(error));
    track->is_used = true;

    const char *objection = karp_track_objection(entry);
    if (objection)
        log_warn(LOG_MEDIA, "import: %s (%s): %s", entry->name, entry->codec, objection);
    return 0;
}

static int handler_kind(struct karp_importer *importer, struct reader mdia,
                        enum karp_track_kind *kind)
{
    struct reader hdlr;
    int error = need_box(importer, mdia, "hdlr", &hdlr);
    if (error)
        return error;
    reader_skip(&hdlr, 8);
    uint32_t type = reader_u32(&hdlr);
    *kind = type == FOURCC('v', 'i', 'd', 'e') ? KARP_VIDEO : KARP_AUDIO;
    if (type == FOURCC('v', 'i', 'd', 'e') || type == FOURCC('s', 'o', 'u', 'n'))
        return 0;
    bool is_text = type == FOURCC('s', 'b', 't', 'l') || type == FOURCC('t', 'e', 'x', 't') ||
                   type == FOURCC('s', 'u', 'b', 't');
    struct box_name name = box_name_of(type);
    import_fail(importer, UNSUPPORTED_TRACK, is_text ? "subtitle" : "unknown", "handler '%s'",
                name.text);
    return MOQ_ERR_UNSUPPORTED;
}

static int read_media(struct karp_importer *importer, struct import_track *track,
                      struct reader mdia)
{
    struct karp_track entry = {.kind = KARP_VIDEO};
    struct karp_codec codec = {.kind = KARP_CODEC_UNKNOWN};
    struct reader mdhd, minf, stbl, stsd;
    int error = need_box(importer, mdia, "mdhd", &mdhd);
    if (!error)
        error = read_timescale(importer, mdhd, "mdhd", &track->timescale);
    if (!error)
        error = handler_kind(importer, mdia, &entry.kind);
    if (!error)
        error = need_box(importer, mdia, "minf", &minf);
    if (!error)
        error = need_box(importer, minf, "stbl", &stbl);
    if (!error)
        error = need_box(importer, stbl, "stsd", &stsd);
    if (!error)
        error = read_entry(importer, stsd, &entry, &codec);
    if (!error)
        error = add_to_catalog(importer, track, &entry, &codec);
    return error;
}

static int read_track_id(struct karp_importer *importer, struct import_track *track,
                         struct reader trak)
{
    struct reader tkhd;
    uint32_t flags;
    int error = need_box(importer, trak, "tkhd", &tkhd);
    if (error)
        return error;
    reader_skip(&tkhd, box_version(&tkhd, &flags) == 1 ? 16 : 8);
    track->id = reader_u32(&tkhd);
    if (tkhd.is_short)
        return too_short(importer, "tkhd");
    for (const struct import_track *other = importer->tracks; other < track; other++) {
        if (other->id == track->id)
            return import_fail(importer, DUPLICATE_TRACK, NULL, "two tracks have the id %u",
                               track->id);
    }
    return 0;
}

static int read_trak(struct karp_importer *importer, struct reader trak)
{
    if (importer->track_count == KARP_IMPORT_MAX_TRACKS)
        return import_fail(importer, TOO_LARGE, NULL, "more than %d tracks",
                           KARP_IMPORT_MAX_TRACKS);
    struct import_track *track = &importer->tracks[importer->track_count];
    *track = (struct import_track){.timescale = 1};
    struct reader mdia, edts, elst;
    int error = read_track_id(importer, track, trak);
    if (!error)
        error = need_box(importer, trak, "mdia", &mdia);
    if (!error)
        error = read_media(importer, track, mdia);
    if (error && error != MOQ_ERR_UNSUPPORTED)
        return error;

    importer->track_count++;
    if (error)
        log_warn(LOG_MEDIA, "import: track %u is left out, %s", track->id, importer->failure.text);
    else if (box_find(trak, FOURCC('e', 'd', 't', 's'), &edts) &&
             box_find(edts, FOURCC('e', 'l', 's', 't'), &elst))
        read_edits(importer, track, elst);
    return 0;
}

static int read_trex(struct karp_importer *importer, struct reader in)
{
    reader_skip(&in, 4);
    uint32_t id = reader_u32(&in);
    reader_skip(&in, 4);
    uint32_t duration = reader_u32(&in), size = reader_u32(&in), flags = reader_u32(&in);
    if (in.is_short)
        return too_short(importer, "trex");
    for (size_t i = 0; i < importer->track_count; i++) {
        struct import_track *track = &importer->tracks[i];
        if (track->id != id)
            continue;
        track->default_duration = duration;
        track->default_size = size;
        track->default_flags = flags;
    }
    return 0;
}

static int read_all(struct karp_importer *importer, struct reader in, const char *type,
                    int (*read)(struct karp_importer *importer, struct reader in))
{
    const uint8_t *t = (const uint8_t *)type;
    struct box box;
    int error = 0;
    while (!error && box_next(&in, &box, NULL) > 0) {
        if (box.type == FOURCC(t[0], t[1], t[2], t[3]))
            error = read(importer, box.body);
    }
    return error;
}

/* Gives every used track its place in the catalog, and the samples of its tables to the fragment at hand. */
static int finish_tracks(struct karp_importer *importer, struct reader moov)
{
    struct box box;
    for (size_t i = 0; box_next(&moov, &box, NULL) > 0;) {
        if (box.type != FOURCC('t', 'r', 'a', 'k'))
            continue;
        struct import_track *track = &importer->tracks[i++];
        struct reader mdia = {0}, minf = {0}, stbl;
        if (!track->is_used || !box_find(box.body, FOURCC('m', 'd', 'i', 'a'), &mdia) ||
            !box_find(mdia, FOURCC('m', 'i', 'n', 'f'), &minf) ||
            !box_find(minf, FOURCC('s', 't', 'b', 'l'), &stbl))
            continue;

        char name[KARP_TRACK_NAME_MAX_BYTES];
        snprintf(name, sizeof name, track->kind == KARP_VIDEO ? "video%u" : "audio%u", track->id);
        track->index =
            (size_t)(karp_catalog_find(importer->catalog, name) - importer->catalog->tracks);
        int error = import_tables(importer, track, stbl);
        if (error)
            return error;
    }
    importer->has_fragment = importer->sample_count > 0;
    importer->has_fragment_mdat = false;
    return 0;
}

static int check_tracks(struct karp_importer *importer)
{
    if (importer->track_count == 0)
        return import_fail(importer, MISSING_TRACKS, NULL, "the moov has no track");
    if (importer->catalog->track_count > 0)
        return 0;
    char reason[KARP_FAILURE_TEXT_BYTES];
    snprintf(reason, sizeof reason, "%s", importer->failure.text);
    return import_fail(importer, MISSING_TRACKS, NULL, "none can be used; the last: %s", reason);
}

int import_moov(struct karp_importer *importer, struct reader body)
{
    struct reader mvhd, mvex;
    importer->track_count = importer->sample_count = importer->next_sample = 0;
    karp_catalog_free(importer->catalog);
    importer->catalog = karp_catalog_new();
    if (!importer->catalog)
        return failure_nomem(&importer->failure);

    int error = import_check_boxes(body, 0, &importer->failure);
    if (!error)
        error = need_box(importer, body, "mvhd", &mvhd);
    if (!error)
        error = read_timescale(importer, mvhd, "mvhd", &importer->movie_timescale);
    if (!error)
        error = read_all(importer, body, "trak", read_trak);
    if (!error)
        error = check_tracks(importer);
    if (!error && box_find(body, FOURCC('m', 'v', 'e', 'x'), &mvex))
        error = read_all(importer, mvex, "trex", read_trex);
    return error ? error : finish_tracks(importer, body);
}
