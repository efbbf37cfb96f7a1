/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Writes the init segment: ftyp and a moov without samples. Times are in microseconds, as on the
 * wire, or in ticks of the file that was published.
 * Tested by tests/unit/karp/test_export_config.c. */
#include "karp/export_internal.h"

#include <string.h>

#include "karp/display.h"

enum { FIXED_ONE = 0x10000 };

/* Writes the matrix that rotates and mirrors pictures of that size, then moves their corner back to
 * zero. */
static void write_matrix(struct writer *to, const struct karp_display *display, uint32_t width,
                         uint32_t height)
{
    int turn[4];
    display_turn_signs(display, turn);
    uint32_t from[2] = {width << 16, height << 16};
    uint32_t x = (turn[0] < 0 ? from[0] : 0) + (turn[2] < 0 ? from[1] : 0);
    uint32_t y = (turn[1] < 0 ? from[0] : 0) + (turn[3] < 0 ? from[1] : 0);
    for (int i = 0; i < 4; i++) {
        writer_number(to, (uint32_t)(turn[i] * FIXED_ONE), 4);
        if (i % 2 == 1)
            writer_zeros(to, 4);
    }
    writer_number(to, x, 4);
    writer_number(to, y, 4);
    writer_number(to, 0x40000000, 4);
}

static void write_ftyp(struct writer *to)
{
    size_t ftyp = writer_begin(to, "ftyp");
    writer_bytes(to, "iso6", 4);
    writer_number(to, 512, 4);
    writer_bytes(to, "iso6cmfcmp41", 12);
    writer_end(to, ftyp);
}

static void write_mvhd(struct writer *to, uint32_t next_id)
{
    size_t mvhd = writer_begin_full(to, "mvhd", 0, 0);
    writer_zeros(to, 8);
    writer_number(to, EXPORT_US_PER_S, 4);
    writer_zeros(to, 4);
    writer_number(to, 0x10000, 4);
    writer_number(to, 0x100, 2);
    writer_zeros(to, 10);
    write_matrix(to, &(struct karp_display){.rotation = 0}, 0, 0);
    writer_zeros(to, 24);
    writer_number(to, next_id, 4);
    writer_end(to, mvhd);
}

static void write_tkhd(struct writer *to, const struct export_track *track)
{
    enum { ENABLED_AND_IN_MOVIE = 3 };

    size_t tkhd = writer_begin_full(to, "tkhd", 0, ENABLED_AND_IN_MOVIE);
    writer_zeros(to, 8);
    writer_number(to, track->id, 4);
    writer_zeros(to, 18);
    writer_number(to, track->kind == KARP_AUDIO, 2); /* alternate group */
    writer_number(to, track->kind == KARP_AUDIO ? 0x100 : 0, 2);
    writer_zeros(to, 2);
    const struct karp_display *display = &track->entry->display;
    struct display_ratio pixel = display_pixel(display, track->width, track->height);
    uint64_t width = track->width & 0xffff, height = track->height & 0xffff;
    if (pixel.width > 0)
        width = width * pixel.width / pixel.height;
    if (width > UINT16_MAX)
        width = UINT16_MAX;
    write_matrix(to, display, (uint32_t)width, (uint32_t)height);
    writer_number(to, width << 16, 4);
    writer_number(to, height << 16, 4);
    writer_end(to, tkhd);
}

static void write_config(struct writer *to, const struct export_track *track, const char *type)
{
    size_t box = writer_begin(to, type);
    writer_bytes(to, track->config.data, track->config.size);
    writer_end(to, box);
}

/* Whether the parameter sets of H.265 are only in the record, either because the record says so or
 * because the codec string does. Apple's players accept no other form. */
static bool is_hvc1(const struct export_track *track)
{
    struct nal record = {track->config.data, track->config.size}, unit;
    bool is_told = !track->codec.is_in_band && !track->is_made;
    return nal_is_complete(record) || (is_told && nal_sps_of_config(record, true, &unit));
}

/* The box types of the sample entry and of the configuration record for a codec. Without
 * a description, the record is that of the first frames only, and later ones may bring others. */
static void video_types(const struct export_track *track, const char **entry, const char **record)
{
    const struct karp_codec *codec = &track->codec;
    *entry = "vp08";
    *record = "vpcC";
    if (codec->kind == KARP_CODEC_H264) {
        bool has_sets_in_frames = track->is_made && track->entry->description_size == 0;
        *entry = codec->is_in_band || has_sets_in_frames ? "avc3" : "avc1";
        *record = "avcC";
    } else if (codec->kind == KARP_CODEC_H265) {
        *entry = is_hvc1(track) ? "hvc1" : "hev1";
        *record = "hvcC";
    } else if (codec->kind == KARP_CODEC_VP9) {
        *entry = "vp09";
    } else if (codec->kind == KARP_CODEC_AV1) {
        *entry = "av01";
        *record = "av1C";
    }
}

static void write_pasp(struct writer *to, const struct export_track *track)
{
    struct display_ratio pixel = display_pixel(&track->entry->display, track->width, track->height);
    if (pixel.width == 0 && !track->is_square)
        return;
    if (pixel.width == 0)
        pixel = (struct display_ratio){1, 1};
    size_t pasp = writer_begin(to, "pasp");
    writer_number(to, pixel.width, 4);
    writer_number(to, pixel.height, 4);
    writer_end(to, pasp);
}

/* Writes the colour that the container gave, or else the one in the codec string. */
static void write_colr(struct writer *to, const struct export_track *track)
{
    static const struct karp_colour usual = {1, 1, 1, false};
    const struct karp_display *display = &track->entry->display;
    const struct karp_colour *told = display->has_colour ? &display->colour : &track->codec.colour;
    bool is_usual = told->primaries == usual.primaries && told->transfer == usual.transfer &&
                    told->matrix == usual.matrix && told->is_full_range == usual.is_full_range;
    if (!display->has_colour && (track->codec.kind != KARP_CODEC_AV1 || is_usual))
        return;
    bool is_range_untold = display->has_colour && display->is_range_untold;
    size_t colr = writer_begin(to, "colr");
    writer_bytes(to, is_range_untold ? "nclc" : "nclx", 4);
    writer_number(to, told->primaries, 2);
    writer_number(to, told->transfer, 2);
    writer_number(to, told->matrix, 2);
    if (!is_range_untold)
        writer_number(to, told->is_full_range ? 0x80 : 0, 1);
    writer_end(to, colr);
}

static void write_video_entry(struct writer *to, const struct export_track *track)
{
    const char *type, *record;
    video_types(track, &type, &record);
    size_t entry = writer_begin(to, type);
    writer_zeros(to, 6);
    writer_number(to, 1, 2);
    writer_zeros(to, 16);
    writer_number(to, track->width & 0xffff, 2);
    writer_number(to, track->height & 0xffff, 2);
    writer_number(to, 0x480000, 4);
    writer_number(to, 0x480000, 4);
    writer_zeros(to, 4);
    writer_number(to, 1, 2);
    writer_zeros(to, 32);
    writer_number(to, 24, 2);
    writer_number(to, 0xffff, 2);
    write_config(to, track, record);
    write_pasp(to, track);
    write_colr(to, track);
    writer_end(to, entry);
}

/* Begins an MPEG-4 descriptor (ISO/IEC 14496-1, 8.3.3). Its length is in groups of seven bits. */
static void begin_descriptor(struct writer *to, uint8_t tag, size_t size)
{
    writer_number(to, tag, 1);
    for (unsigned shift = 21; shift > 0; shift -= 7)
        writer_number(to, 0x80 | (size >> shift & 0x7f), 1);
    writer_number(to, size & 0x7f, 1);
}

/* Writes the AudioSpecificConfig inside its three nested descriptors. */
static void write_esds(struct writer *to, const struct export_track *track)
{
    enum { DESCRIPTOR_HEADER = 5, DECODER_FIELDS = 13, STREAM_FIELDS = 3, SYNC_BYTES = 1 };

    uint64_t bps = track->entry->has_bitrate ? track->entry->bitrate_bps : 0;
    if (bps > UINT32_MAX)
        bps = UINT32_MAX;
    size_t decoder = DECODER_FIELDS + DESCRIPTOR_HEADER + track->config.size;
    size_t esds = writer_begin_full(to, "esds", 0, 0);
    begin_descriptor(to, 0x03,
                     STREAM_FIELDS + DESCRIPTOR_HEADER + decoder + DESCRIPTOR_HEADER + SYNC_BYTES);
    writer_number(to, track->id & 0xffff, 2);
    writer_number(to, 0, 1);
    begin_descriptor(to, 0x04, decoder);
    writer_number(to, 0x40, 1); /* MPEG-4 audio */
    writer_number(to, 0x15, 1); /* an audio stream */
    writer_number(to, 0, 3);
    writer_number(to, bps, 4);
    writer_number(to, bps, 4);
    begin_descriptor(to, 0x05, track->config.size);
    writer_bytes(to, track->config.data, track->config.size);
    begin_descriptor(to, 0x06, SYNC_BYTES);
    writer_number(to, 0x02, 1);
    writer_end(to, esds);
}

static void write_audio_entry(struct writer *to, const struct export_track *track)
{
    bool is_opus = track->codec.kind == KARP_CODEC_OPUS;
    uint32_t rate = track->entry->sample_rate;
    size_t entry = writer_begin(to, is_opus ? "Opus" : "mp4a");
    writer_zeros(to, 6);
    writer_number(to, 1, 2);
    writer_zeros(to, 8);
    writer_number(to, track->channel_count & 0xffff, 2);
    writer_number(to, 16, 2);
    writer_zeros(to, 4);
    writer_number(to, rate <= UINT16_MAX ? rate : 0, 2);
    writer_zeros(to, 2);
    if (is_opus)
        write_config(to, track, "dOps");
    else
        write_esds(to, track);
    writer_end(to, entry);
}

static void write_stbl(struct writer *to, const struct export_track *track)
{
    static const char *const tables[] = {"stts", "stsc", "stsz", "stco"};

    size_t stbl = writer_begin(to, "stbl");
    size_t stsd = writer_begin_full(to, "stsd", 0, 0);
    writer_number(to, 1, 4);
    if (track->kind == KARP_VIDEO)
        write_video_entry(to, track);
    else
        write_audio_entry(to, track);
    writer_end(to, stsd);
    for (int i = 0; i < 4; i++) {
        size_t table = writer_begin_full(to, tables[i], 0, 0);
        writer_zeros(to, i == 2 ? 8 : 4);
        writer_end(to, table);
    }
    writer_end(to, stbl);
}

static void write_minf(struct writer *to, const struct export_track *track)
{
    size_t minf = writer_begin(to, "minf");
    size_t header = track->kind == KARP_VIDEO ? writer_begin_full(to, "vmhd", 0, 1)
                                              : writer_begin_full(to, "smhd", 0, 0);
    writer_zeros(to, track->kind == KARP_VIDEO ? 8 : 4);
    writer_end(to, header);
    size_t dinf = writer_begin(to, "dinf");
    size_t dref = writer_begin_full(to, "dref", 0, 0);
    writer_number(to, 1, 4);
    writer_end(to, writer_begin_full(to, "url ", 0, 1)); /* the media is in this file */
    writer_end(to, dref);
    writer_end(to, dinf);
    write_stbl(to, track);
    writer_end(to, minf);
}

static void write_mdia(struct writer *to, const struct export_track *track)
{
    size_t mdia = writer_begin(to, "mdia");
    size_t mdhd = writer_begin_full(to, "mdhd", 0, 0);
    writer_zeros(to, 8);
    writer_number(to, track->timescale, 4);
    writer_zeros(to, 4);
    const char *language = track->entry->language[0] ? track->entry->language : "und";
    uint32_t packed = 0;
    for (int i = 0; i < 3; i++)
        packed = packed << 5 | (language[i] & 31);
    writer_number(to, packed, 2);
    writer_zeros(to, 2);
    writer_end(to, mdhd);
    size_t hdlr = writer_begin_full(to, "hdlr", 0, 0);
    writer_zeros(to, 4);
    writer_bytes(to, track->kind == KARP_VIDEO ? "vide" : "soun", 4);
    writer_zeros(to, 12);
    writer_bytes(to, track->kind == KARP_VIDEO ? "video" : "audio", 6);
    writer_end(to, hdlr);
    if (track->entry->language_tag[0]) {
        size_t elng = writer_begin_full(to, "elng", 0, 0);
        writer_bytes(to, track->entry->language_tag, strlen(track->entry->language_tag) + 1);
        writer_end(to, elng);
    }
    write_minf(to, track);
    writer_end(to, mdia);
}

/* Writes an edit list that skips from the start of media time to the start of presentation. */
static void write_edits(struct writer *to, const struct karp_exporter *exporter,
                        const struct export_track *track)
{
    size_t edts = writer_begin(to, "edts");
    size_t elst = writer_begin_full(to, "elst", 1, 0);
    writer_number(to, 1, 4);
    writer_zeros(to, 8); /* until the end */
    writer_number(to, (uint64_t)export_edit_ticks(exporter, track), 8);
    writer_number(to, 0x10000, 4); /* at normal speed */
    writer_end(to, elst);
    writer_end(to, edts);
}

static void write_mvex(struct writer *to, const struct karp_exporter *exporter)
{
    size_t mvex = writer_begin(to, "mvex");
    for (size_t i = 0; i < exporter->catalog->track_count; i++) {
        if (!exporter->tracks[i].is_used)
            continue;
        size_t trex = writer_begin_full(to, "trex", 0, 0);
        writer_number(to, exporter->tracks[i].id, 4);
        writer_number(to, 1, 4);
        writer_zeros(to, 12);
        writer_end(to, trex);
    }
    writer_end(to, mvex);
}

int export_init_build(const struct karp_exporter *exporter, struct byte_buf *out)
{
    struct writer to = {.error = 0};
    byte_buf_init(&to.buf, EXPORT_BOXES_MAX_BYTES);
    write_ftyp(&to);
    size_t moov = writer_begin(&to, "moov");
    write_mvhd(&to, (uint32_t)exporter->catalog->track_count + 1);
    for (size_t i = 0; i < exporter->catalog->track_count; i++) {
        const struct export_track *track = &exporter->tracks[i];
        if (!track->is_used)
            continue;
        size_t trak = writer_begin(&to, "trak");
        write_tkhd(&to, track);
        if (exporter->has_start)
            write_edits(&to, exporter, track);
        write_mdia(&to, track);
        writer_end(&to, trak);
    }
    write_mvex(&to, exporter);
    writer_end(&to, moov);
    *out = to.buf;
    return to.error;
}
