/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads the sample entries of a track: its codec, and what the catalog says about the track. */
#include "karp/import_internal.h"

#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "karp/av1.h"

enum { VISUAL_ENTRY_BYTES = 78 };

void import_describe(struct karp_track *track, const uint8_t *record, size_t size)
{
    track->description = (uint8_t *)(uintptr_t)record;
    track->description_size = size;
}

int import_refuse_entry(struct karp_importer *importer, uint32_t type)
{
    static const char encrypted[] = "encrypted media";
    static const struct {
        char type[5];
        const char *name;
    } known[] = {
        {"encv", encrypted},       {"enca", encrypted},
        {"drmi", encrypted},       {"drms", encrypted},
        {".mp3", "MP3"},           {"mp3 ", "MP3"},
        {"ac-3", "AC-3"},          {"ec-3", "E-AC-3"},
        {"ac-4", "AC-4"},          {"alac", "Apple Lossless"},
        {"fLaC", "FLAC"},          {"mlpa", "TrueHD"},
        {"dtsc", "DTS"},           {"dtse", "DTS"},
        {"dtsh", "DTS"},           {"dtsl", "DTS"},
        {"samr", "AMR"},           {"sawb", "AMR"},
        {"sowt", "PCM"},           {"twos", "PCM"},
        {"lpcm", "PCM"},           {"ipcm", "PCM"},
        {"fpcm", "PCM"},           {"in24", "PCM"},
        {"in32", "PCM"},           {"fl32", "PCM"},
        {"raw ", "uncompressed"},  {"mhm1", "MPEG-H 3D Audio"},
        {"mp4v", "MPEG-4 Visual"}, {"s263", "H.263"},
        {"vvc1", "H.266"},         {"vvi1", "H.266"},
        {"jpeg", "Motion JPEG"},   {"mjpa", "Motion JPEG"},
        {"apcn", "ProRes"},        {"apch", "ProRes"},
        {"apcs", "ProRes"},        {"apco", "ProRes"},
        {"ap4h", "ProRes"},
    };
    struct box_name name = box_name_of(type);
    const char *words = "no codec that karp knows";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].type, name.text) == 0)
            words = known[i].name;
    }
    import_fail(importer, UNSUPPORTED_CODEC, name.text,
                words == encrypted ? "%s, which karp does not carry"
                                   : "%s; karp carries H.264, H.265, VP8, VP9, AV1, AAC and Opus",
                words);
    return MOQ_ERR_UNSUPPORTED;
}

/* The codec of a visual sample entry of `type`, and the type of its configuration record. Dolby
 * Vision is H.264 or H.265 with additional data. */
static enum karp_codec_kind codec_kind_of_entry(uint32_t type, const char **record)
{
    static const struct {
        char type[5], record[5];
        enum karp_codec_kind kind;
    } known[] = {
        {"avc1", "avcC", KARP_CODEC_H264}, {"avc2", "avcC", KARP_CODEC_H264},
        {"avc3", "avcC", KARP_CODEC_H264}, {"avc4", "avcC", KARP_CODEC_H264},
        {"dvav", "avcC", KARP_CODEC_H264}, {"dva1", "avcC", KARP_CODEC_H264},
        {"hvc1", "hvcC", KARP_CODEC_H265}, {"hev1", "hvcC", KARP_CODEC_H265},
        {"dvh1", "hvcC", KARP_CODEC_H265}, {"dvhe", "hvcC", KARP_CODEC_H265},
        {"vp09", "vpcC", KARP_CODEC_VP9},  {"av01", "av1C", KARP_CODEC_AV1},
        {"vp08", "", KARP_CODEC_VP8},
    };
    struct box_name name = box_name_of(type);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].type, name.text) == 0) {
            *record = known[i].record;
            return known[i].kind;
        }
    }
    return KARP_CODEC_UNKNOWN;
}

/* The sequence header in the body of an av1C, after four bytes. One that does not tell its size
 * cannot stand in front of a frame. */
static struct reader sequence_of_av1c(struct reader record)
{
    enum { HAS_SIZE = 2 };

    struct av1_sequence sequence;
    reader_skip(&record, 4);
    bool is_found = av1_find_sequence(record, &sequence) && sequence.obu[0] & HAS_SIZE;
    return reader_of(sequence.obu, is_found ? sequence.obu_size : 0);
}

/* Takes the bitrate from a btrt box (ISO/IEC 14496-12, 8.5.2), the higher of highest and average,
 * as for audio. */
static void read_bitrate(struct reader children, struct karp_track *track)
{
    struct reader btrt;
    if (!box_find(children, FOURCC('b', 't', 'r', 't'), &btrt))
        return;
    reader_skip(&btrt, 4);
    uint32_t highest = reader_u32(&btrt), average = reader_u32(&btrt);
    if (btrt.is_short)
        return;
    track->bitrate_bps = highest > average ? highest : average;
    track->has_bitrate = track->bitrate_bps > 0;
}

static int read_video_codec(struct karp_importer *importer, uint32_t type, struct reader children,
                            struct import_description *description)
{
    struct karp_codec *codec = &description->codec;
    const char *record_type = "";
    enum karp_codec_kind kind = codec_kind_of_entry(type, &record_type);
    if (kind == KARP_CODEC_UNKNOWN)
        return import_refuse_entry(importer, type);
    codec->kind = kind;
    if (kind == KARP_CODEC_VP8)
        return 0;

    bool is_in_band = type == FOURCC('a', 'v', 'c', '3') || type == FOURCC('a', 'v', 'c', '4');
    struct reader record;
    int error = import_need_box(importer, children, record_type, &record);
    if (error)
        return error;
    if (record.size == 0)
        return import_fail(importer, MP4, NULL,
                           "the box %s is empty: the moov was written before the codec was known "
                           "(ffmpeg: -movflags +delay_moov)",
                           record_type);
    if (kind == KARP_CODEC_H264)
        error = karp_codec_from_avcc(record.data, record.size, is_in_band, codec);
    else if (kind == KARP_CODEC_H265)
        error = karp_codec_from_hvcc(record.data, record.size, codec);
    else if (kind == KARP_CODEC_VP9)
        error = karp_codec_from_vpcc(record.data, record.size, codec);
    else
        error = karp_codec_from_av1c(record.data, record.size, codec);
    if (error)
        return import_fail(importer, MP4, NULL,
                           "the box %s is cut short or of a version that karp does not know",
                           record_type);
    if (kind == KARP_CODEC_H264 || kind == KARP_CODEC_H265)
        import_describe(&description->track, record.data, record.size);
    if (kind == KARP_CODEC_AV1)
        description->sequence = sequence_of_av1c(record);
    return 0;
}

static int read_video_entry(struct karp_importer *importer, struct box *entry,
                            struct import_description *description)
{
    struct karp_track *track = &description->track;
    struct karp_codec *codec = &description->codec;
    struct reader *in = &entry->body;
    reader_skip(in, 24);
    track->width = reader_u16(in);
    track->height = reader_u16(in);
    reader_skip(in, VISUAL_ENTRY_BYTES - 28);
    if (in->is_short)
        return import_too_short(importer, "of the visual sample entry");
    struct reader children = reader_of(in->data + in->at, reader_left(in));
    int error = read_video_codec(importer, entry->type, children, description);
    if (error)
        return error;
    read_bitrate(children, track);
    import_display_entry(importer, children, track, codec);
    if (codec->kind == KARP_CODEC_AV1 && track->display.has_colour) {
        bool is_full = codec->colour.is_full_range;
        codec->colour = track->display.colour;
        if (track->display.is_range_untold)
            codec->colour.is_full_range = is_full;
    }
    return 0;
}

/* Takes the next entry. Returns false at the end, if a size does not fit, and after
 * IMPORT_MAX_ENTRIES. */
static bool next_entry(struct reader *stsd, struct box *entry, uint32_t *number)
{
    return *number < IMPORT_MAX_ENTRIES && box_next(stsd, entry, NULL) > 0 && ++*number;
}

static int read_entry(struct karp_importer *importer, struct box *entry,
                      struct import_description *description)
{
    return description->track.kind == KARP_VIDEO
               ? read_video_entry(importer, entry, description)
               : import_audio_entry(importer, entry, &description->track, &description->codec);
}

/* Chooses the entry to use, and notes which of the others karp cannot carry. Returns false if karp
 * can carry none. */
static bool choose_entry(struct karp_importer *importer, struct import_track *track,
                         struct reader stsd, struct karp_track blank)
{
    uint32_t wanted = importer->wanted_entries[track - importer->tracks];
    struct karp_failure first = {.kind = KARP_FAILURE_NONE};
    struct box entry;
    for (uint32_t number = 0; next_entry(&stsd, &entry, &number);) {
        struct import_description trial = {.track = blank};
        bool is_good = read_entry(importer, &entry, &trial) == 0;
        if (is_good && (track->entry == 0 || number == wanted))
            track->entry = number;
        if (!is_good)
            track->bad_entries |= UINT32_C(1) << (number - 1);
        if (!is_good && first.kind == KARP_FAILURE_NONE)
            first = importer->failure;
    }
    importer->failure = first;
    if (track->entry != 0 && track->bad_entries != 0)
        log_warn(LOG_MEDIA,
                 "import: samples of track %u that use one of its sample entries are left "
                 "out: %s",
                 track->id, first.text);
    return track->entry != 0;
}

int import_entry(struct karp_importer *importer, struct import_track *track, struct reader stsd,
                 struct import_description *description)
{
    struct box entry, chosen = {0};
    reader_skip(&stsd, 8);
    if (!choose_entry(importer, track, stsd, description->track))
        return importer->failure.kind != KARP_FAILURE_NONE
                   ? MOQ_ERR_MEDIA
                   : import_fail(importer, MISSING_CODEC, NULL, "the track has no sample entry");

    struct reader in = stsd;
    for (uint32_t number = 0; number < track->entry && next_entry(&in, &chosen, &number);)
        continue;
    for (uint32_t number = 0; next_entry(&stsd, &entry, &number);) {
        if (entry.type == chosen.type && entry.body.size == chosen.body.size &&
            memcmp(entry.body.data, chosen.body.data, entry.body.size) == 0)
            track->same_entries |= UINT32_C(1) << (number - 1);
        else
            track->has_other_entries = true;
        track->entry_count = number;
    }
    description->is_complete =
        chosen.type == FOURCC('h', 'v', 'c', '1') || chosen.type == FOURCC('d', 'v', 'h', '1');
    return read_entry(importer, &chosen, description);
}
