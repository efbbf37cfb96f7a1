/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Small MP4 files, built box by box, and a listener that notes what the importer makes of them. */
#ifndef MOQ_TESTS_KARP_SAMPLE_FILES_H
#define MOQ_TESTS_KARP_SAMPLE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "karp/karp.h"

struct file {
    uint8_t data[65536];
    size_t size;
    const uint8_t *entry_boxes; /* private */
    size_t entry_boxes_size;
};

size_t file_begin(struct file *file, const char *type); /* begins a box; returns its offset */
void file_end(struct file *file, size_t place);
void file_put(struct file *file, uint64_t value, size_t bytes);
void file_text(struct file *file, const char *text);
void file_zeros(struct file *file, size_t count);
void file_u32_at(struct file *file, size_t place, uint32_t value);

/* A track of a sample moov. */
struct sample_track {
    uint32_t id, timescale;
    const char *handler, *codec; /* 4cc: "vide" and "avc1", "vp08", or "soun" and "mp4a", "Opus" */
    bool has_edit;
    uint32_t empty_edit; /* milliseconds */
    uint32_t media_time;
    void (*put_entries)(struct file *file); /* NULL: one entry that suits the codec */
    void (*put_tables)(struct file *file);  /* NULL: no sample tables */
    const char *language;                   /* three letters; NULL: und */
    const int8_t *turn;                     /* a, b, c and d of the matrix; NULL: all zeros */
    uint32_t screen_width, screen_height;
    const uint8_t *boxes; /* for the end of the visual sample entry */
    size_t boxes_size;
};

void file_video_entry(struct file *file, const char *codec, uint8_t level); /* level: of avcC */
void file_audio_entry(struct file *file, const char *codec);

extern const struct sample_track video_track;    /* id 1, avc1, 1000 ticks a second */
extern const struct sample_track audio_track;    /* id 2, Opus, 48000 ticks a second */
extern const struct sample_track both_tracks[2]; /* those two */

void file_ftyp(struct file *file);
void file_moov(struct file *file, const struct sample_track *tracks, size_t count);
void file_both(struct file *file); /* begins a file, up to the end of a moov with both_tracks */

struct sample_run {
    uint32_t track;
    uint64_t time; /* tfdt */
    enum { TIME_64, TIME_32, TIME_NONE } width;
    const char *texts; /* payloads, separated by spaces */
    uint32_t entry;    /* number of the sample entry; 0: not given */
    uint32_t duration;
    uint32_t first_flags, flags;
    int32_t offsets[8]; /* composition offsets */
};

/* Writes a moof with one run (default-base-is-moof) and its mdat. */
void file_fragment(struct file *file, const struct sample_run *run);

/* Write a fragment of pictures of 40 ms, the first of which is a keyframe, or of audio frames of
 * 20 ms. `time` is in ticks of both_tracks. */
void file_pictures(struct file *file, uint64_t time, const char *texts);
void file_sounds(struct file *file, uint64_t time, const char *texts);

/* Writes the beginning and two fragments: video frames "Key one two", audio frames "aa bb". */
void file_usual(struct file *file);

/* Notes one line per frame: "video1 12345 text", with '+' in front if it begins a group. */
struct notes {
    char text[8192];
    char catalog[4096];
    int catalogs;
    const struct karp_catalog *latest;
    int catalog_error, frame_error; /* returned to the importer */
    struct karp_import_counts counts;
};

extern const struct karp_import_events note_events;

/* Imports in pieces of `piece` bytes. Returns the first error of feed or finish; fills `failure`.
 */
int import_file(const uint8_t *data, size_t size, size_t piece, struct notes *notes,
                struct karp_failure *failure);

/* Imports a file and fails the test if there is an error. */
void import_well(const struct file *file, struct notes *notes);

/* Imports a file and fails the test if it is not refused with these words. */
void assert_failure(const struct file *file, const char *words);

int quiet(void **state); /* set-up of a group of tests: switches the log off */

#endif
