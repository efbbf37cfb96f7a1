/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The parts of the importer:
 *
 *   import.c           walks over the top-level boxes
 *   import_order.c     checks their order
 *   import_setup.c     decides whether a moov begins a new instance or is a repetition
 *   import_moov.c      reads a moov
 *   import_entry.c     reads its sample entries
 *   import_audio.c     reads those of audio
 *   import_display.c   reads how pictures are shown, and languages
 *   import_tables.c    reads its sample tables
 *   import_moof.c      reads a moof
 *   import_time.c      keeps the decode times of each track on one time line
 *   import_restart.c   keeps tracks in sync when their times start again
 *   import_pace.c      corrects audio times by the known duration of frames
 *   import_media.c     cuts samples out of an mdat
 *   import_output.c    hands out the catalog and frames, once it is known where times begin
 *   import_groups.c    decides where groups begin
 *   import_sequence.c  gives keyframes of AV1 the sequence header that they lack
 *   import_boxes.c     helps those that read boxes */
#ifndef MOQ_KARP_IMPORT_INTERNAL_H
#define MOQ_KARP_IMPORT_INTERNAL_H

#include "base/bytes.h"
#include "karp/import.h"
#include "karp/internal.h"
#include "karp/picture.h"

/* Sample flags of a trun (ISO/IEC 14496-12, 8.8.3.1), as keyframes and other pictures have them. */
enum {
    SAMPLE_FLAGS_KEY = 0x02000000,
    SAMPLE_FLAGS_DELTA = 0x01010000,
    SAMPLE_FLAG_NON_SYNC = 0x10000
};

enum {
    IMPORT_MAX_ENTRIES = 32,         /* sample entries per track; later ones are not read */
    IMPORT_JITTER_US = 100000,       /* a smaller step back does not count as a new start */
    IMPORT_SEQUENCE_MAX_BYTES = 256, /* longer sequence headers of AV1 are not kept */
};

/* Larger positions and times are refused, so that sums cannot overflow 64 bits. */
#define IMPORT_NUMBER_MAX (UINT64_C(1) << 62)

/* Decode times above this, or below its negative, are refused. */
#define IMPORT_TIME_MAX (INT64_C(1) << 60)

/* The time of a track. Members named `_dts`, `step` and `fragment_end` are ticks of the track, with
 * wraps undone; those named `_us` are microseconds. An epoch is the time between two restarts: see
 * import_restart.c. */
struct import_clock {
    bool has_begun, is_new_start; /* is_new_start: times start again in the current fragment */
    bool is_key_first;            /* the current fragment begins with a sync sample, by its flags */
    int64_t wrapped;              /* ticks added to the file's times because they have wrapped */
    int64_t first_dts;            /* of the epoch */
    int64_t last_dts, next_dts;   /* decode time of the last sample, and its end */
    int64_t left_dts;             /* next_dts at the last restart of the track */
    int64_t step;                 /* duration of the last sample that had one */
    int64_t fragment_end;         /* latest presentation end in the current fragment */
    uint32_t epoch;       /* the newest epoch of the importer that the track has settled on */
    uint32_t moov_number; /* repetitions of the moov before the last fragment */
    int64_t origin_us;    /* first presentation time of the track, with offset */
    int64_t first_us;     /* first presentation time of the epoch, as in the file */
    int64_t offset_us;    /* added to all times of the epoch */
    int64_t end_us;       /* latest end of all fragments so far, with offset */
    int64_t fragment_us;  /* length of the last fragment */
    bool has_phase;       /* `phase_us` is known: other tracks had begun before */
    int64_t phase_us;     /* start of the last fragment minus the end of the others */
};

/* A track whose times have started again, while it is undecided whether others do so as well. */
struct import_restart {
    struct import_track *track;          /* NULL: nothing is undecided */
    bool was_alone;                      /* the last restart was one of a single track */
    uint64_t position;                   /* of the restart in the input, in bytes */
    int64_t start_us;                    /* of the first fragment after it, as in the file */
    int64_t end_us;                      /* of the track before the restart, with offset */
    int64_t next_us;                     /* where it would go on without a restart, with offset */
    int64_t old_offset_us, old_first_us; /* of the track's clock before the restart */
    int64_t old_earliest_us;             /* of the importer before the restart */
};

/* When the next audio frame is expected, by the known duration of frames. See import_pace.c. */
struct import_pace {
    bool is_off;            /* nothing is corrected: the duration is unknown or does not fit */
    uint32_t rate, samples; /* Hz, and samples per frame; samples 0: each Opus packet says it */
    bool has_expected;
    bool is_settled;  /* two frames have been seen */
    bool is_mended;   /* the last frame was moved */
    bool is_late;     /* the frames of the run were later than expected, not earlier */
    int64_t expected; /* presentation time of the next frame, in ticks */
    uint32_t part;    /* fraction of a tick to be added to it, in units of 1 / `rate` */
    unsigned run;     /* frames in a row that were off in the same direction */
    unsigned strikes; /* moved frames in a row whose next frame did not fit either */
    int64_t least;    /* the smallest distance by which a frame of the run was off, in ticks */
};

struct import_groups {
    bool has_started, has_warned;
    bool has_flagged_key, has_flagged_delta; /* sample flags have said so at least once */
    bool is_wanted;    /* audio: a video keyframe has come since the group began */
    uint64_t start_us; /* of the group */
    uint64_t key_us;   /* audio: the keyframe that asked for a group last, and its track */
    uint32_t key_id;
};

struct import_track {
    uint32_t id, timescale;
    bool is_used;        /* false: the track cannot be carried and its samples are skipped */
    enum karp_loss loss; /* why it is not used */
    enum karp_track_kind kind;
    size_t index;          /* in the catalog */
    uint32_t entry;        /* number of the sample entry in use, from 1 */
    uint32_t same_entries; /* entries that say the same, as bits; bit 0 is entry 1 */
    uint32_t bad_entries;  /* entries that karp cannot carry, as bits */
    uint32_t entry_count;  /* at most IMPORT_MAX_ENTRIES */
    bool has_other_entries;
    uint32_t default_entry, default_duration, default_size, default_flags;
    int64_t edit;         /* ticks that the edit list subtracts from every time; may be negative */
    struct reader tables; /* the body of its stbl; valid while the moov is read */
    struct import_clock clock;

    struct picture_format format;
    uint8_t sequence[IMPORT_SEQUENCE_MAX_BYTES]; /* AV1: of av1C, for keyframes without one */
    size_t sequence_size;
    struct import_groups groups;
    struct import_pace pace;

    /* Of the current fragment; times in ticks. */
    uint32_t sample_count;
    int64_t lowest_pts, highest_pts;
};

/* What the position of a sample is relative to, until its mdat begins. */
enum import_place {
    IMPORT_IN_INPUT,
    IMPORT_IN_FILE, /* the current file; several files may follow each other in one input */
    IMPORT_IN_MDAT, /* the payload of the mdat */
};

struct import_sample {
    uint64_t position;
    int64_t pts; /* ticks of the track, edit list applied */
    uint32_t size, flags, order;
    uint8_t track;
    uint8_t place; /* an enum import_place */
    uint8_t entry; /* number of its sample entry, from 1; 0: no such entry can exist */
};

/* When a sample is decoded and for how long it lasts, in ticks of its track. */
struct import_span {
    int64_t dts;
    uint32_t duration;
};

/* The first decode time of a fragment, as in the file. */
struct import_start {
    uint64_t time;
    bool is_wide; /* the field has 64 bits, otherwise 32 */
};

/* Types of boxes at the top level. */
enum {
    IMPORT_FTYP = FOURCC('f', 't', 'y', 'p'),
    IMPORT_MOOV = FOURCC('m', 'o', 'o', 'v'),
    IMPORT_MOOF = FOURCC('m', 'o', 'o', 'f'),
    IMPORT_MDAT = FOURCC('m', 'd', 'a', 't'),
    IMPORT_ZEROS = 0, /* not a box: some recorders leave zeros after the last box */
};

enum import_state { IMPORT_HEADER, IMPORT_BUFFER, IMPORT_SKIP, IMPORT_PADDING, IMPORT_MEDIA };

struct karp_importer {
    struct karp_import_events events;
    void *user;
    struct karp_import_options options;
    struct karp_failure failure;
    int error; /* the first error, which is final */

    enum import_state state;
    uint64_t position; /* of the next byte in the input */
    uint8_t header[16];
    size_t header_size;
    uint32_t box_type;
    uint64_t box_start;
    uint64_t box_left; /* IMPORT_NUMBER_MAX: the box extends to the end of the file */
    bool has_any_box, has_moov, has_fragment, has_fragment_mdat;
    bool has_left_out;      /* samples of this fragment were left out; another mdat may hold them */
    uint64_t file_start;    /* start of the current file, which absolute positions count from */
    bool is_file_open;      /* the current file has had no media yet */
    struct byte_buf box;    /* the moov or moof that is being collected */
    struct byte_buf moov;   /* the current moov, if a track of it has several sample entries */
    struct byte_buf held;   /* frames that wait for the catalog, or for a restart to be settled */
    struct byte_buf pieces; /* the first bytes of an incomplete sample */
    struct byte_buf mended; /* a keyframe of AV1 with its sequence header */

    uint32_t movie_timescale;
    struct reader mvhd;        /* valid while a moov is read, as is the next member */
    const char *lost_in_entry; /* what the last sample entry has that cannot be carried; NULL: no */
    struct import_track tracks[KARP_IMPORT_MAX_TRACKS];
    size_t track_count;
    size_t further_tracks;    /* tracks of the moov beyond KARP_IMPORT_MAX_TRACKS */
    uint64_t further_samples; /* samples in their tables */
    /* By track: the sample entry that is to be used, from 1; 0: no particular one. */
    uint32_t wanted_entries[KARP_IMPORT_MAX_TRACKS];
    struct karp_catalog *catalog;
    bool is_catalog_due; /* the catalog waits for the first times, and frames wait for it */
    bool is_second_moov; /* a new moov in mid-stream, which the user may refuse */

    /* Of the current fragment; sorted by position once its mdat has begun. */
    struct import_sample *samples;
    size_t sample_count, sample_capacity, next_sample;

    /* Times. An epoch lasts until they start again. */
    uint32_t moov_number, epoch; /* repetitions of the moov so far; epochs before this one */
    uint32_t epoch_moov_number;  /* moov_number when the epoch began */
    int64_t epoch_us;            /* added to the times of the epoch */
    int64_t earliest_us;         /* the lowest first_us of all tracks of the epoch */
    struct import_restart restart;
    bool is_shift_known, has_warned_latency, has_warned_negative, has_told_restart;
    uint64_t shift_us, fragment_us;
    struct karp_import_counts counts;
};

/* Checks that the bytes in `header` are the header of a box, which claims `size` bytes. The first
 * box must also be one that a file can begin with; if not, the failure says what the input is. */
int import_check_box(struct karp_importer *importer, uint64_t size);

/* Checks that an input that ends inside its first box header may be an MP4 file that was cut off.
 * Fails like import_check_box() otherwise. */
int import_check_stub(struct karp_importer *importer);

/* Checks the bytes after zeros in place of a box: only zeros may follow, up to the end. */
int import_check_zeros(struct karp_importer *importer, const uint8_t *data, size_t size);

/* Checks that the current box may come here: a moov before any media, a moof before each mdat. */
int import_check_order(struct karp_importer *importer);

/* Checks every size in a tree of boxes, so that searches in it need not. */
int import_check_boxes(struct reader in, int depth, struct karp_failure *failure);

/* Finds a child box, and fails if there is none. `type` has four characters. */
int import_need_box(struct karp_importer *importer, struct reader in, const char *type,
                    struct reader *body);

/* Fails because the box `type` is too short for its fields. */
int import_too_short(struct karp_importer *importer, const char *type);

/* Takes a complete moov: sets up its tracks, unless it repeats the current one, and reads the
 * samples in its tables. */
int import_setup(struct karp_importer *importer, struct reader moov);

/* Changes over to another sample entry, for the track with the index `track`. This begins a new
 * instance of the broadcast, unless the catalog stays the same. */
int import_switch_entry(struct karp_importer *importer, size_t track, uint32_t entry);

/* Adds to the catalog where presentation begins, and the timescales that an export rounds times to.
 * Called if presentation does not begin at zero. */
void import_note_start(struct karp_importer *importer);

/* Reads a complete moov: tracks and catalog. */
int import_moov(struct karp_importer *importer, struct reader body);

/* Adds the samples in the tables of the moov that is being read. */
int import_moov_samples(struct karp_importer *importer);

/* What the catalog says about a track. */
struct import_description {
    struct karp_track track;
    struct karp_codec codec;
    bool is_complete;       /* hvc1: frames carry no parameter sets */
    struct reader sequence; /* AV1: the sequence header in av1C; valid while the moov is read */
};

/* Reads the wanted sample entry of a track or, if karp cannot carry that one or none is wanted, the
 * first one that it can carry. The caller has set the kind in `description`. If karp can carry
 * none, fails with the reason for the first entry. */
int import_entry(struct karp_importer *importer, struct import_track *track, struct reader stsd,
                 struct import_description *description);

/* Reads an audio sample entry. */
int import_audio_entry(struct karp_importer *importer, struct box *entry, struct karp_track *track,
                       struct karp_codec *codec);

/* Fails because karp cannot carry the codec of a sample entry of `type`. */
int import_refuse_entry(struct karp_importer *importer, uint32_t type);

/* Sets the description of a track. It points at `record`, which must stay until the track has been
 * added to the catalog, which copies it. */
void import_describe(struct karp_track *track, const uint8_t *record, size_t size);

/* The number of samples in the sample tables of a stbl. */
uint32_t import_table_samples(struct reader stbl);

/* Adds the samples in a track's tables to the current fragment. */
int import_tables(struct karp_importer *importer, struct import_track *track);

/* Read how pictures are shown: the first from the boxes in a visual sample entry, the second from
 * the headers of a track, including its language. They warn about what the catalog cannot carry. */
void import_display_entry(struct karp_importer *importer, struct reader children,
                          struct karp_track *entry, const struct karp_codec *codec);
void import_display(struct karp_importer *importer, const struct import_track *track,
                    struct reader trak, struct karp_track *entry);

/* Reads a complete moof that began at byte `start` of the input. */
int import_moof(struct karp_importer *importer, struct reader body, uint64_t start);

/* Whether samples of `track` with the sample entry `entry` (from 1) are left out; if so, sets
 * `loss`. NULL: a track that was not read. Samples with an entry number that does not exist are not
 * left out for that. */
bool import_is_lost(const struct karp_importer *importer, const struct import_track *track,
                    uint32_t entry, enum karp_loss *loss);

/* Converts `entry` to the form in struct import_sample. */
uint8_t import_entry_number(const struct import_track *track, uint32_t entry);

/* Counts samples that are left out. */
void import_leave_out(struct karp_importer *importer, enum karp_loss loss, uint64_t samples);

/* Begins a fragment. The one before is dropped, unless `is_joining`: both share an mdat. */
void import_begin_fragment(struct karp_importer *importer, bool is_joining);

/* Adds a sample to the current fragment. */
int import_add_sample(struct karp_importer *importer, struct import_track *track,
                      const struct import_sample *sample, const struct import_span *span);

/* Called where the payload of an mdat begins. Sorts the samples by position and checks that they
 * lie inside. */
int import_media_begin(struct karp_importer *importer);

/* Prepares for the audio frames of a track. */
void import_pace_init(struct import_pace *pace, const struct import_description *description);

/* Corrects the presentation time of an audio frame: takes `pts`, the time in the file, and returns
 * the time to use, both in ticks. */
int64_t import_pace(struct import_track *track, int64_t pts, const uint8_t *payload, size_t size);

/* Whether a new group begins with `frame`, a sample of `track` with these sample flags. */
bool import_begins_group(struct karp_importer *importer, struct import_track *track,
                         const struct karp_frame *frame, uint32_t flags);

/* The first keeps the sequence header that an av1C has. The second is called for the first frame of
 * a group. If it is a keyframe of AV1 without a sequence header, and the av1C has one, `frame` gets
 * both; they are valid until the next call. */
void import_sequence_keep(struct import_track *track, struct reader sequence);
int import_sequence_add(struct karp_importer *importer, const struct import_track *track,
                        struct karp_frame *frame);

/* Takes the next bytes of an mdat. */
int import_media(struct karp_importer *importer, const uint8_t *data, size_t size);

/* Converts ticks to microseconds, rounded down. Returns false if the result is out of range. */
bool import_to_us(const struct import_track *track, int64_t ticks, int64_t *us);

/* The same for sums and log lines. A result that is out of range is clamped. */
int64_t import_us_of(const struct import_track *track, int64_t ticks);

/* Called where a fragment of a track begins, at `start` (NULL: at the end of the one before). Sets
 * the decode time of its first sample, in ticks. */
int import_time_begin(struct karp_importer *importer, struct import_track *track,
                      const struct import_start *start, int64_t *dts);

/* Notes the times of a sample that is not empty. */
void import_time_sample(struct import_track *track, const struct import_sample *sample,
                        const struct import_span *span);

/* Called when all samples of a fragment are known. Sets the offset of tracks whose times start
 * again; it may still change while `restart.track` is set. */
void import_time_settle(struct karp_importer *importer);

/* Settles an undecided restart, if there is one: all tracks have started again together. */
void import_restart_together(struct karp_importer *importer);

/* The latest end of all tracks that have begun, with offset; INT64_MIN: none has begun. */
int64_t import_end_of_all(const struct karp_importer *importer);

/* Finds the constant that moves the first samples of all tracks to zero or above, and puts it into
 * the catalog. A track that has not begun is assumed to begin at time zero of the file, before its
 * edit list is applied. */
void import_time_shift(struct karp_importer *importer);

void import_output_init(struct karp_importer *importer);

/* Takes a complete sample: hands it out, or keeps a copy while the catalog or a restart is still
 * undecided. */
int import_output(struct karp_importer *importer, const struct import_sample *sample,
                  const uint8_t *payload);

/* Called where the data of a fragment begins. Hands out the catalog if it is due and times are
 * known. */
int import_output_fragment(struct karp_importer *importer);

/* Stops waiting: hands out the catalog if it is due, settles an undecided restart, and hands out
 * the frames that waited. */
int import_output_open(struct karp_importer *importer);

#define import_fail(importer, kind, what, ...)                                                     \
    failure_set(&(importer)->failure, KARP_FAILURE_##kind, what, __VA_ARGS__)

#endif
