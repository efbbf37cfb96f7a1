/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Builds small MP4 files, and notes what the importer makes of them. */
#include "sample_files.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/log.h"

#define VIDEO_TRACK                                                                                \
    {                                                                                              \
        .id = 1, .timescale = 1000, .handler = "vide", .codec = "avc1"                             \
    }
#define AUDIO_TRACK                                                                                \
    {                                                                                              \
        .id = 2, .timescale = 48000, .handler = "soun", .codec = "Opus"                            \
    }
const struct sample_track video_track = VIDEO_TRACK;
const struct sample_track audio_track = AUDIO_TRACK;
const struct sample_track both_tracks[2] = {VIDEO_TRACK, AUDIO_TRACK};

void file_put(struct file *file, uint64_t value, size_t bytes)
{
    if (file->size + bytes > sizeof file->data)
        abort();
    for (size_t left = bytes; left > 0; left--) {
        uint64_t shifted = left > 8 ? 0 : value >> 8 * (left - 1);
        file->data[file->size++] = (uint8_t)shifted;
    }
}

void file_text(struct file *file, const char *text)
{
    for (; *text; text++)
        file_put(file, (uint8_t)*text, 1);
}

void file_zeros(struct file *file, size_t count)
{
    while (count-- > 0)
        file_put(file, 0, 1);
}

void file_u32_at(struct file *file, size_t place, uint32_t value)
{
    for (size_t i = 0; i < 4; i++)
        file->data[place + i] = (uint8_t)(value >> (24 - 8 * i));
}

size_t file_begin(struct file *file, const char *type)
{
    size_t place = file->size;
    file_put(file, 0, 4);
    file_text(file, type);
    return place;
}

void file_end(struct file *file, size_t place)
{
    file_u32_at(file, place, (uint32_t)(file->size - place));
}

void file_ftyp(struct file *file)
{
    size_t ftyp = file_begin(file, "ftyp");
    file_text(file, "iso6");
    file_put(file, 512, 4);
    file_end(file, ftyp);
}

void file_video_entry(struct file *file, const char *codec, uint8_t level)
{
    size_t entry = file_begin(file, codec);
    file_zeros(file, 24);
    file_put(file, 320, 2);
    file_put(file, 180, 2);
    file_zeros(file, 50);
    if (strncmp(codec, "avc", 3) == 0) {
        size_t record = file_begin(file, "avcC");
        file_put(file, 0x016400, 3);
        file_put(file, level, 1);
        file_put(file, 0xffe000, 3);
        file_end(file, record);
    }
    for (size_t i = 0; i < file->entry_boxes_size; i++)
        file_put(file, file->entry_boxes[i], 1);
    file_end(file, entry);
}

static void put_esds(struct file *file)
{
    size_t esds = file_begin(file, "esds");
    file_zeros(file, 4);
    file_put(file, 0x03190000, 4);
    file_put(file, 0x00, 1);
    file_put(file, 0x04114015000000, 7);
    file_put(file, 128000, 4);
    file_put(file, 64000, 4);
    file_put(file, 0x05021188, 4); /* LC, 48000 Hz, mono */
    file_end(file, esds);
}

void file_audio_entry(struct file *file, const char *codec)
{
    size_t entry = file_begin(file, codec);
    file_zeros(file, 16);
    file_put(file, 2, 2);
    file_zeros(file, 6);
    file_put(file, UINT32_C(44100) << 16, 4);
    if (strcmp(codec, "mp4a") == 0)
        put_esds(file);
    if (strcmp(codec, "Opus") == 0) {
        size_t record = file_begin(file, "dOps");
        file_put(file, 0x0002013800, 5);
        file_zeros(file, 6);
        file_end(file, record);
    }
    file_end(file, entry);
}

static void put_edits(struct file *file, const struct sample_track *track)
{
    size_t edts = file_begin(file, "edts"), elst = file_begin(file, "elst");
    file_zeros(file, 4);
    file_put(file, track->empty_edit ? 2 : 1, 4);
    if (track->empty_edit) {
        file_put(file, track->empty_edit, 4);
        file_put(file, 0xffffffff, 4);
        file_put(file, 0x10000, 4);
    }
    file_put(file, 0, 4);
    file_put(file, track->media_time, 4);
    file_put(file, 0x10000, 4);
    file_end(file, elst);
    file_end(file, edts);
}

static void put_media(struct file *file, const struct sample_track *track)
{
    size_t mdia = file_begin(file, "mdia");
    size_t mdhd = file_begin(file, "mdhd");
    file_zeros(file, 12);
    file_put(file, track->timescale, 4);
    file_zeros(file, 4);
    const char *language = track->language ? track->language : "und";
    uint32_t packed = 0;
    for (int i = 0; i < 3; i++)
        packed = packed << 5 | (language[i] & 31);
    file_put(file, packed << 16, 4);
    file_end(file, mdhd);
    size_t hdlr = file_begin(file, "hdlr");
    file_zeros(file, 8);
    file_text(file, track->handler);
    file_zeros(file, 13);
    file_end(file, hdlr);
    size_t minf = file_begin(file, "minf"), stbl = file_begin(file, "stbl");
    size_t stsd = file_begin(file, "stsd");
    file_put(file, 1, 8);
    if (track->put_entries)
        track->put_entries(file);
    file->entry_boxes = track->boxes;
    file->entry_boxes_size = track->boxes_size;
    if (!track->put_entries && strcmp(track->handler, "vide") == 0)
        file_video_entry(file, track->codec, 0x1f);
    else if (!track->put_entries)
        file_audio_entry(file, track->codec);
    file_end(file, stsd);
    if (track->put_tables)
        track->put_tables(file);
    file_end(file, stbl);
    file_end(file, minf);
    file_end(file, mdia);
}

static void put_trak(struct file *file, const struct sample_track *track)
{
    size_t trak = file_begin(file, "trak");
    size_t tkhd = file_begin(file, "tkhd");
    file_put(file, 3, 12);
    file_put(file, track->id, 4);
    file_zeros(file, 24);
    for (size_t i = 0; i < 4; i++) {
        file_put(file, track->turn ? (uint32_t)track->turn[i] << 16 : 0, 4);
        file_zeros(file, i % 2 * 4);
    }
    file_zeros(file, 12);
    file_put(file, track->screen_width << 16, 4);
    file_put(file, track->screen_height << 16, 4);
    file_end(file, tkhd);
    if (track->has_edit)
        put_edits(file, track);
    put_media(file, track);
    file_end(file, trak);
}

void file_moov(struct file *file, const struct sample_track *tracks, size_t count)
{
    size_t moov = file_begin(file, "moov");
    size_t mvhd = file_begin(file, "mvhd");
    file_zeros(file, 12);
    file_put(file, 1000, 4);
    file_zeros(file, 84);
    file_end(file, mvhd);
    for (size_t i = 0; i < count; i++)
        put_trak(file, &tracks[i]);
    size_t mvex = file_begin(file, "mvex");
    for (size_t i = 0; i < count; i++) {
        size_t trex = file_begin(file, "trex");
        file_put(file, tracks[i].id, 8);
        file_put(file, 1, 4);
        file_zeros(file, 12);
        file_end(file, trex);
    }
    file_end(file, mvex);
    file_end(file, moov);
}

static size_t word_length(const char *text)
{
    return strcspn(text, " ");
}

static uint32_t word_count(const char *texts)
{
    uint32_t count = *texts != '\0';
    for (; *texts; texts++)
        count += *texts == ' ';
    return count;
}

static void put_words(struct file *file, const char *texts)
{
    for (; *texts; texts++) {
        if (*texts != ' ')
            file_put(file, (uint8_t)*texts, 1);
    }
}

void file_fragment(struct file *file, const struct sample_run *run)
{
    size_t moof = file_begin(file, "moof"), traf = file_begin(file, "traf");
    size_t tfhd = file_begin(file, "tfhd");
    file_put(file, run->entry ? 0x2002a : 0x20028, 4);
    file_put(file, run->track, 4);
    if (run->entry)
        file_put(file, run->entry, 4);
    file_put(file, run->duration, 4);
    file_put(file, run->flags, 4);
    file_end(file, tfhd);
    if (run->width != TIME_NONE) {
        size_t tfdt = file_begin(file, "tfdt");
        file_put(file, run->width == TIME_64 ? 0x01000000 : 0, 4);
        file_put(file, run->time, run->width == TIME_64 ? 8 : 4);
        file_end(file, tfdt);
    }
    size_t trun = file_begin(file, "trun");
    file_put(file, 0x01000a05, 4);
    file_put(file, word_count(run->texts), 4);
    size_t offset = file->size;
    file_put(file, 0, 4);
    file_put(file, run->first_flags, 4);
    const char *word = run->texts;
    for (int i = 0; *word; i++) {
        file_put(file, word_length(word), 4);
        file_put(file, (uint32_t)run->offsets[i], 4);
        word += word_length(word);
        word += *word == ' ';
    }
    file_end(file, trun);
    file_end(file, traf);
    file_end(file, moof);
    file_u32_at(file, offset, (uint32_t)(file->size - moof + 8));
    size_t mdat = file_begin(file, "mdat");
    put_words(file, run->texts);
    file_end(file, mdat);
}

void file_both(struct file *file)
{
    file->size = 0;
    file_ftyp(file);
    file_moov(file, both_tracks, 2);
}

void file_pictures(struct file *file, uint64_t time, const char *texts)
{
    file_fragment(file, &(struct sample_run){.track = 1,
                                             .time = time,
                                             .texts = texts,
                                             .duration = 40,
                                             .first_flags = 0x02000000,
                                             .flags = 0x01010000});
}

void file_sounds(struct file *file, uint64_t time, const char *texts)
{
    file_fragment(file,
                  &(struct sample_run){.track = 2, .time = time, .texts = texts, .duration = 960});
}

void file_usual(struct file *file)
{
    const struct sample_track tracks[] = {video_track, audio_track};
    file_ftyp(file);
    file_moov(file, tracks, 2);
    file_fragment(file, &(struct sample_run){.track = 1,
                                             .time = 100,
                                             .texts = "Key one two",
                                             .duration = 40,
                                             .first_flags = 0x02000000,
                                             .flags = 0x01010000,
                                             .offsets = {0, 40, -40}});
    file_fragment(file, &(struct sample_run){.track = 2,
                                             .time = 4800,
                                             .texts = "aa bb",
                                             .duration = 960,
                                             .first_flags = 0x02000000,
                                             .flags = 0x02000000});
}

static int note_catalog(void *user, const struct karp_catalog *catalog)
{
    struct notes *notes = user;
    char *text = karp_catalog_print(catalog);
    snprintf(notes->catalog, sizeof notes->catalog, "%s", text ? text : "");
    free(text);
    notes->catalogs++;
    notes->latest = catalog;
    return notes->catalog_error;
}

static int note_frame(void *user, const struct karp_frame *frame)
{
    struct notes *notes = user;
    size_t used = strlen(notes->text);
    const char *name = notes->latest->tracks[frame->track].name;
    snprintf(notes->text + used, sizeof notes->text - used, "%s%s %" PRIu64 " %.*s\n",
             frame->is_group_start ? "+" : "", name, frame->timestamp_us,
             (int)(frame->size < 16 ? frame->size : 16), (const char *)frame->payload);
    return notes->frame_error;
}

const struct karp_import_events note_events = {note_catalog, note_frame};

int import_file(const uint8_t *data, size_t size, size_t piece, struct notes *notes,
                struct karp_failure *failure)
{
    struct karp_importer *importer = karp_importer_new(&note_events, notes, NULL);
    int error = 0;
    for (size_t at = 0; at < size && !error; at += piece) {
        size_t part = size - at < piece ? size - at : piece;
        uint8_t *copy = malloc(part); /* exact size, so that a sanitizer sees a read past the end */
        memcpy(copy, data + at, part);
        error = karp_importer_feed(importer, copy, part);
        free(copy);
    }
    if (!error)
        error = karp_importer_finish(importer);
    if (failure)
        *failure = *karp_importer_failure(importer);
    notes->counts = *karp_importer_counts(importer);
    karp_importer_free(importer);
    return error;
}

void import_well(const struct file *file, struct notes *notes)
{
    struct karp_failure failure;
    *notes = (struct notes){0};
    if (import_file(file->data, file->size, 100, notes, &failure) != 0)
        fail_msg("%s", failure.text);
}

void assert_failure(const struct file *file, const char *words)
{
    struct notes notes = {0};
    struct karp_failure failure = {0};
    assert_int_equal(import_file(file->data, file->size, 100, &notes, &failure), MOQ_ERR_MEDIA);
    if (!strstr(failure.text, words))
        fail_msg("\"%s\" is not in \"%s\"", words, failure.text);
}

int quiet(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_OFF);
    return 0;
}
