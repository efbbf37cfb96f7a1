/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The importer from the inside.
 *
 *   import.c import_order.c   the walk over the top-level boxes, and in which order they may come
 *   import_setup.c            whether a moov is new, a repetition, or under other sample entries
 *   import_moov.c             reads a moov
 *   import_entry.c            its sample entries, import_audio.c those of sound
 *   import_display.c          how pictures are shown, and languages
 *   import_tables.c           its sample tables
 *   import_moof.c             reads a fragment
 *   import_time.c             keeps the decode times of each track on one line
 *   import_restart.c          puts tracks in step whose times start again
 *   import_pace.c             mends times of sound by the length of its frames
 *   import_media.c            cuts samples out of an mdat
 *   import_output.c           hands out catalog and frames, once it is known where times begin
 *   import_groups.c           tells where groups begin
 *   import_boxes.c            serves those that read boxes */
#ifndef MOQ_KARP_IMPORT_INTERNAL_H
#define MOQ_KARP_IMPORT_INTERNAL_H

#include "base/bytes.h"
#include "karp/import.h"
#include "karp/internal.h"
#include "karp/picture.h"

/* Sample flags as a trun has them: "depends on no other", and "is no sync sample". */
enum {
    SAMPLE_FLAGS_KEY = 0x02000000,
    SAMPLE_FLAGS_DELTA = 0x01010000,
    SAMPLE_FLAG_NON_SYNC = 0x10000
};

enum { IMPORT_MAX_ENTRIES = 32 }; /* sample entries of a track; those after them are not read */

/* Positions and times beyond this are refused, so that sums stay far from the end of 64 bits. */
#define IMPORT_NUMBER_MAX (UINT64_C(1) << 62)

enum { IMPORT_JITTER_US = 100000 }; /* times may go back so far without a new start */

/* Decode times beyond this, either way, are refused. */
#define IMPORT_TIME_MAX (INT64_C(1) << 60)

/* Where the time of a track stands. Ticks are those of the file without its wraps, microseconds
 * those that are told. */
struct import_clock {
    bool has_begun, is_new_start; /* is_new_start: the fragment at hand starts again */
    bool is_key_first;            /* the fragment at hand begins with what is flagged as a key */
    int64_t wrapped;              /* ticks added to what the file says, in turns of 2^32 */
    int64_t first_dts;            /* of the epoch */
    int64_t last_dts, next_dts;   /* of the last sample, and where it ends */
    int64_t left_dts;             /* next_dts when the track started again last */
    int64_t step;                 /* duration of the last sample that had one */
    int64_t fragment_end;         /* of the fragment at hand */
    uint32_t epoch;               /* of the importer's, that the track takes part in */
    uint32_t moov_number;         /* repetitions of the moov before the last fragment */
    int64_t origin_us;            /* first presentation time of all, offset added */
    int64_t first_us;             /* first presentation time of the epoch, as the file has it */
    int64_t offset_us;            /* added to all times of the epoch */
    int64_t end_us;               /* of all that was read, offset added */
    int64_t fragment_us;          /* length of the last fragment */
    bool has_phase;               /* others had begun when the last fragment came: */
    int64_t phase_us;             /* its start less their end */
};

/* A track that has started again, while it is open whether others do so as well. */
struct import_restart {
    struct import_track *track; /* NULL: nothing is open */
    bool was_alone;             /* how it ended */
    uint64_t position;          /* of its fragment in the input */
    int64_t start_us;           /* of its fragment, as the file has it */
    int64_t end_us;             /* of the track before it, offset added */
    int64_t next_us;            /* where it would go on if nothing had happened, offset added */
    int64_t old_offset_us, old_first_us; /* of the track before it */
    int64_t old_earliest_us;             /* of the importer */
};

/* Where the next frame of sound is expected, by the known length of frames. */
struct import_pace {
    bool is_off;            /* the length is not known, or not what the file goes by */
    uint32_t rate, samples; /* of a frame; samples 0: each packet tells */
    bool has_expected, is_settled, is_mended, is_late; /* is_settled: two frames have been seen */
    int64_t expected;                                  /* ticks */
    uint32_t part;                                     /* of a tick more, in parts of `rate` */
    unsigned run, strikes; /* frames that were off the same way; mended ones that went wrong */
    int64_t least;         /* by which those of the run were off */
};

struct import_groups {
    bool has_started, has_warned;
    bool has_flagged_key, has_flagged_delta; /* by flags alone */
    bool is_wanted;    /* audio: a video keyframe has passed since the group began */
    uint64_t start_us; /* of the group */
};

struct import_track {
    uint32_t id, timescale;
    bool is_used;        /* otherwise a track that we cannot carry: its samples are passed over */
    enum karp_loss loss; /* why it is not used */
    enum karp_track_kind kind;
    size_t index;          /* in the catalog */
    uint32_t entry;        /* number of the sample entry in use, from 1 */
    uint32_t same_entries; /* those that say the same: bit 0 is number 1 */
    uint32_t bad_entries;  /* those that karp cannot carry */
    uint32_t entry_count;  /* at most IMPORT_MAX_ENTRIES */
    bool has_other_entries;
    uint32_t default_entry, default_duration, default_size, default_flags;
    int64_t edit;         /* ticks that the edit list takes off every time; negative: adds */
    struct reader tables; /* the body of its stbl, while the moov is read */
    struct import_clock clock;

    struct picture_format format;
    struct import_groups groups;
    struct import_pace pace;

    /* Of the fragment at hand. */
    uint32_t sample_count;
    int64_t lowest_pts, highest_pts;
};

/* What the position of a sample is counted from until its mdat has begun. */
enum import_place {
    IMPORT_IN_INPUT,
    IMPORT_IN_FILE, /* the file at hand, which may come after others in the same input */
    IMPORT_IN_MDAT, /* the payload of the mdat */
};

struct import_sample {
    uint64_t position;
    int64_t pts; /* ticks of the track, edit list applied */
    uint32_t size, flags, order;
    uint8_t track;
    uint8_t place; /* an import_place */
    uint8_t entry; /* number of its sample entry, from 1; 0: one that the moov cannot have */
};

/* When a sample is decoded, in ticks. */
struct import_span {
    int64_t dts;
    uint32_t duration;
};

/* What a fragment says about its first decode time. */
struct import_start {
    uint64_t time;
    bool is_wide; /* 64 bits; otherwise 32 */
};

/* Types of boxes at the top level. */
enum {
    IMPORT_FTYP = FOURCC('f', 't', 'y', 'p'),
    IMPORT_MOOV = FOURCC('m', 'o', 'o', 'v'),
    IMPORT_MOOF = FOURCC('m', 'o', 'o', 'f'),
    IMPORT_MDAT = FOURCC('m', 'd', 'a', 't'),
    IMPORT_ZEROS = 0, /* no box, but what some recorders leave after the last one */
};

enum import_state { IMPORT_HEADER, IMPORT_BUFFER, IMPORT_SKIP, IMPORT_PADDING, IMPORT_MEDIA };

struct karp_importer {
    struct karp_import_events events;
    void *user;
    struct karp_import_options options;
    struct karp_failure failure;
    int error; /* the first one; nothing works after it */

    enum import_state state;
    uint64_t position; /* of the next byte in the file */
    uint8_t header[16];
    size_t header_size;
    uint32_t box_type;
    uint64_t box_start,
        box_left; /* box_left is IMPORT_NUMBER_MAX for a box that reaches to the end of the file */
    bool has_any_box, has_moov, has_fragment, has_fragment_mdat;
    bool has_left_out;      /* samples of the fragment at hand: a further mdat may hold them */
    uint64_t file_start;    /* of the file at hand, that absolute positions count from */
    bool is_file_open;      /* no media of it has come yet */
    struct byte_buf box;    /* the moov or moof at hand */
    struct byte_buf moov;   /* the one in force, when its tracks have several sample entries */
    struct byte_buf held;   /* frames that wait for the catalog */
    struct byte_buf pieces; /* of a sample that is not complete yet */

    uint32_t movie_timescale;
    struct reader mvhd;        /* while a moov is read, as the next */
    const char *lost_in_entry; /* what the sample entry read last has that is not carried; NULL */
    struct import_track tracks[KARP_IMPORT_MAX_TRACKS];
    size_t track_count;
    size_t further_tracks;    /* of the moov, after KARP_IMPORT_MAX_TRACKS */
    uint64_t further_samples; /* in their tables */
    /* Used last by tracks; 0: none was asked for. */
    uint32_t wanted_entries[KARP_IMPORT_MAX_TRACKS];
    struct karp_catalog *catalog;
    bool is_catalog_due; /* it waits for the first times, and frames wait for it */
    bool is_second_moov; /* in mid-stream, which the user may refuse */

    /* Of the fragment at hand, by position once its mdat has begun. */
    struct import_sample *samples;
    size_t sample_count, sample_capacity, next_sample;

    /* Times. An epoch lasts until they start again. */
    uint32_t moov_number, epoch; /* repetitions of the moov; epochs before the one that runs now */
    uint32_t epoch_moov_number;  /* moov_number when the epoch began */
    int64_t epoch_us;            /* added to the times of the epoch */
    int64_t earliest_us;         /* first_us of the track that began it first */
    struct import_restart restart;
    bool is_shift_known, has_warned_latency, has_warned_negative;
    uint64_t shift_us, fragment_us;
    struct karp_import_counts counts;
};

/* Checks that what is at hand is the header of a box, of `size` bytes as it says; of the first one
 * that it can begin a file, otherwise fails with what the input is. */
int import_check_box(struct karp_importer *importer, uint64_t size);

/* Checks that an input that ends in its first header can be an MP4 file that was cut; otherwise
 * fails as import_check_box. */
int import_check_stub(struct karp_importer *importer);

/* Checks bytes after zeros in place of a box: there may be nothing but zeros up to the end. */
int import_check_zeros(struct karp_importer *importer, const uint8_t *data, size_t size);

/* Checks that the box at hand may come now: moov before any media, a moof before each mdat. */
int import_check_order(struct karp_importer *importer);

/* Checks every size in a tree of boxes, so that later searches cannot be misled. */
int import_check_boxes(struct reader in, int depth, struct karp_failure *failure);

/* Finds a child that has to be there. `type` has four characters. */
int import_need_box(struct karp_importer *importer, struct reader in, const char *type,
                    struct reader *body);

/* Fails because the box `type` is too short for its fields. */
int import_too_short(struct karp_importer *importer, const char *type);

/* A complete moov: sets up its tracks, unless it repeats the one in force, and reads the samples in
 * its tables. */
int import_setup(struct karp_importer *importer, struct reader moov);

/* The samples that follow are under another sample entry of the track with the index `track`: a new
 * instance, unless it says the same to the catalog. */
int import_switch_entry(struct karp_importer *importer, size_t track, uint32_t entry);

/* Presentation does not begin at zero: the catalog tells where, and the clocks that times are to be
 * rounded to. */
void import_note_start(struct karp_importer *importer);

/* Reads a complete moov: tracks and catalog. */
int import_moov(struct karp_importer *importer, struct reader body);

/* Adds the samples that the tables of the moov at hand have. */
int import_moov_samples(struct karp_importer *importer);

/* What the catalog says about a track. */
struct import_description {
    struct karp_track track;
    struct karp_codec codec;
    bool is_complete; /* no parameter sets come with the frames: hvc1 */
};

/* Reads the sample entry of a track that is wanted or, if that is none, the first that karp can
 * carry; the kind of `description` is known already. Fails with the reason of the first entry. */
int import_entry(struct karp_importer *importer, struct import_track *track, struct reader stsd,
                 struct import_description *description);

/* Reads an audio sample entry. */
int import_audio_entry(struct karp_importer *importer, struct box *entry, struct karp_track *track,
                       struct karp_codec *codec);

/* Fails because of what a sample entry of `type` holds. */
int import_refuse_entry(struct karp_importer *importer, uint32_t type);

/* Makes the record, which stays where it is, the description of the catalog's entry; the catalog
 * copies it. */
void import_describe(struct karp_track *track, const uint8_t *record, size_t size);

/* How many samples the tables have. */
uint32_t import_table_samples(struct reader stbl);

/* Adds the samples of a track's tables to the fragment at hand. */
int import_tables(struct karp_importer *importer, struct import_track *track);

/* Reads how pictures are shown: from the boxes in a visual sample entry, and from the headers of
 * its track, which tell the language of any track. What the catalog cannot carry is told in a
 * warning. */
void import_display_entry(struct karp_importer *importer, struct reader children,
                          struct karp_track *entry, const struct karp_codec *codec);
void import_display(struct karp_importer *importer, const struct import_track *track,
                    struct reader trak, struct karp_track *entry);

/* Reads a complete moof that began at `start` in the file. */
int import_moof(struct karp_importer *importer, struct reader body, uint64_t start);

/* Whether samples of `track` (NULL: one that was not read) under sample entry `entry` (from 1) are
 * left out, and why. An entry that the moov cannot have is nonsense, and no reason. */
bool import_is_lost(const struct karp_importer *importer, const struct import_track *track,
                    uint32_t entry, enum karp_loss *loss);

/* `entry` as a sample keeps it. */
uint8_t import_entry_number(const struct import_track *track, uint32_t entry);

/* Counts samples that are left out. */
void import_leave_out(struct karp_importer *importer, enum karp_loss loss, uint64_t samples);

/* A new fragment begins. The one before is forgotten, unless both are `is_joining` in one mdat. */
void import_begin_fragment(struct karp_importer *importer, bool is_joining);

/* Adds a sample to the fragment at hand. */
int import_add_sample(struct karp_importer *importer, struct import_track *track,
                      const struct import_sample *sample, const struct import_span *span);

/* The payload of an mdat begins: puts the samples in order and checks that they lie inside. */
int import_media_begin(struct karp_importer *importer);

/* Gets ready for frames of sound as `description` says. */
void import_pace_init(struct import_pace *pace, const struct import_description *description);

/* The presentation time of a frame of sound that the file dates `pts`. */
int64_t import_pace(struct import_track *track, int64_t pts, const uint8_t *payload, size_t size);

/* Whether a new group begins with `frame`, a sample of `track` with these flags. */
bool import_begins_group(struct karp_importer *importer, struct import_track *track,
                         const struct karp_frame *frame, uint32_t flags);

/* Takes bytes of an mdat; all of them. */
int import_media(struct karp_importer *importer, const uint8_t *data, size_t size);

/* Ticks to microseconds, rounded down. False when the result is beyond any clock. */
bool import_to_us(const struct import_track *track, int64_t ticks, int64_t *us);

/* The same for sums and logs, where the end of all time will do for what lies beyond it. */
int64_t import_us_of(const struct import_track *track, int64_t ticks);

/* A fragment of a track begins at `start`; NULL: where the one before ended. Sets the decode time
 * of its first sample. */
int import_time_begin(struct karp_importer *importer, struct import_track *track,
                      const struct import_start *start, int64_t *dts);

/* Notes a sample with media in it. */
void import_time_sample(struct import_track *track, const struct import_sample *sample,
                        const struct import_span *span);

/* All samples of the fragment are known: tracks that start again get their offset. It may still
 * change while `restart.track` is set. */
void import_time_settle(struct karp_importer *importer);

/* What has started again did not do so alone, as far as is known: nothing is open after this. */
void import_restart_together(struct karp_importer *importer);

/* Where the last of the tracks that have begun ends, offset added; INT64_MIN: none has. */
int64_t import_end_of_all(const struct karp_importer *importer);

/* Finds the one constant that keeps the first samples of all tracks at or above zero, and tells the
 * catalog. Of a track that has not begun the worst is assumed: a first sample at zero, less the
 * edit. */
void import_time_shift(struct karp_importer *importer);

void import_output_init(struct karp_importer *importer);

/* A sample is whole: hands it out, or keeps a copy until the catalog can be told. */
int import_output(struct karp_importer *importer, const struct import_sample *sample,
                  const uint8_t *payload);

/* The data of a fragment begins: tells the catalog if it is due and times are known. */
int import_output_fragment(struct karp_importer *importer);

/* Waits no longer: tells the catalog if it is due, settles a restart that is open, and hands out
 * what waited for them. */
int import_output_open(struct karp_importer *importer);

#define import_fail(importer, kind, what, ...)                                                     \
    failure_set(&(importer)->failure, KARP_FAILURE_##kind, what, __VA_ARGS__)

#endif
