/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The parts of the exporter: export.c takes frames and waits for configurations, export_config.c
 * and export_sound.c find those, export_init.c writes the init segment, export_opening.c and
 * export_time.c make decode times, export_fragment.c writes fragments. */
#ifndef MOQ_KARP_EXPORT_INTERNAL_H
#define MOQ_KARP_EXPORT_INTERNAL_H

#include "base/bytes.h"
#include "base/list.h"
#include "karp/export.h"
#include "karp/nal.h"

enum {
    EXPORT_US_PER_S = 1000000,
    EXPORT_BOXES_MAX_BYTES = 8 << 20,
    EXPORT_FRAME_US = 33333,       /* assumed duration of a video frame if nothing says it */
    EXPORT_TIMESCALE_MAX = 200000, /* timestamps in microseconds cannot express finer ones */
    EXPORT_LEAD_US = 100000,       /* media time before zero, per frame of reorder depth */
};

/* Boxes under construction. The first error sticks. */
struct writer {
    struct byte_buf buf;
    int error;
};

void writer_number(struct writer *to, uint64_t value, unsigned bytes); /* big endian */
void writer_bytes(struct writer *to, const void *data, size_t size);
void writer_zeros(struct writer *to, size_t count);
/* Begins a box. Returns its offset, which writer_end() needs to fill in the size. */
size_t writer_begin(struct writer *to, const char *type);
size_t writer_begin_full(struct writer *to, const char *type, uint8_t version, uint32_t flags);
void writer_end(struct writer *to, size_t place);

struct export_sample {
    int64_t pts, dts; /* microseconds; of the last sample of a track, dts is only a candidate */
    uint32_t size;
    bool is_key;
};

struct export_track {
    bool is_used;      /* part of the file */
    bool is_ready;     /* its configuration is known */
    bool is_unseen;    /* known from the catalog only; `is_annex_b` is not known yet */
    bool is_described; /* `config` is usable, but a keyframe may still replace it */
    bool is_made;      /* `config` was made of the parameter sets of a frame */
    enum karp_track_kind kind;
    uint32_t id; /* in the file */
    const struct karp_track *entry;
    struct karp_codec codec;
    uint32_t width, height; /* video: coded pixels, of the frames at the beginning of the file */
    uint32_t channel_count; /* audio */
    bool is_square;         /* the codec's own data does not say that pixels are not square */
    struct byte_buf config; /* body of avcC, hvcC, vpcC, av1C or dOps, or the AudioSpecificConfig */
    uint32_t frame_us;      /* assumed duration of the last frame */
    bool is_annex_b;        /* frames have start codes, which are turned into lengths */

    bool has_started, is_skipping; /* is_skipping: the current group came too late */
    bool has_newest;
    int64_t newest_pts;

    /* Decode times: the reorder + 1 largest presentation times so far, ascending; see
     * export_time.c. */
    unsigned reorder;
    int64_t window[NAL_MAX_REORDER + 2];
    unsigned window_count;
    bool is_timed;        /* the window has been filled */
    int64_t decode_shift; /* added to the times of the window, in microseconds */
    uint32_t timescale;   /* in the file: ticks per second */
    int64_t tick_us;      /* one tick, rounded up: the least distance between decode times */
    int64_t last_dts;     /* last decode time used; initially one tick below the lowest allowed */

    /* The first frames, held until the window can be filled; see export_opening.c. `held` links
     * struct export_pending, whose timestamps are times in the file; it is initialised when the
     * first frame is added. */
    struct list held;
    int64_t opening[2 * NAL_MAX_REORDER + 2]; /* their times, ascending */
    size_t opening_count, opening_bytes;

    struct export_sample *samples; /* of the current fragment; the last one is held back */
    size_t sample_count, sample_capacity;
    struct byte_buf data;
    uint32_t last_duration;
    int64_t end_us; /* the latest end of a frame so far */
};

struct export_pending {
    struct list node;
    struct karp_frame frame; /* its payload is a copy that follows the struct */
};

struct karp_exporter {
    struct karp_export_options options;
    karp_write on_write;
    void *user;
    struct karp_catalog *catalog;
    struct export_track tracks[KARP_CATALOG_MAX_TRACKS]; /* in the order of the catalog */
    struct byte_buf init;                                /* the init segment written last */
    bool is_init_written, is_restarting;
    int64_t offset_us;
    bool has_start;    /* the file has edit lists; decided by the first catalog */
    uint64_t start_us; /* with edit lists: the timestamp at which presentation begins */
    int64_t lead_us;   /* added to timestamps to make room for decode times before zero; the edit
                          list subtracts it again */
    uint32_t sequence;
    struct list pending; /* frames that wait for the init segment */
    size_t pending_count, pending_bytes;
    uint64_t pending_first_us, pending_last_us; /* their lowest and highest times */
    struct byte_buf scratch;
    struct karp_export_counters counters;
};

/* Counts a frame that is left out. Returns `error`, for use in a return statement. */
int export_leave_out(struct karp_exporter *exporter, enum karp_export_loss loss, int error);

/* Parses the codec of a track and takes the configuration in the catalog, if any. Returns false if
 * the codec cannot be exported. */
bool export_config_init(struct export_track *track);

/* The parts of export_config_init() and export_config_find() for audio tracks. */
bool export_sound_init(struct export_track *track);
int export_sound_find(struct export_track *track, const struct karp_frame *frame);

/* Appends to the configuration of a track. Returns false if that exceeds its bound or memory. */
bool export_config_take(struct export_track *track, const uint8_t *record, size_t size);

/* Looks for the configuration in the first frame of a group and sets `is_ready` if it is known
 * then. Returns 0, also if nothing was found, or an error of memory. */
int export_config_find(struct export_track *track, const struct karp_frame *frame);

/* Finds out how the units of a track are delimited, from its first keyframe after the init segment
 * was written. */
void export_config_look(struct export_track *track, const struct karp_frame *frame);

/* Initialises `out` and writes ftyp and moov for the used tracks. */
int export_init_build(const struct karp_exporter *exporter, struct byte_buf *out);

/* The candidate for the decode time of the next frame, shown at `pts`. It becomes final when the
 * frame after it is known. */
int64_t export_time_next(struct export_track *track, int64_t pts, bool is_group_start);

/* Whether media is missing before a frame that is shown `step` us after the newest one. `span` is
 * the time in us over which the last frames are spread. Within a group only an extreme step is a
 * jump: if frames last for seconds, the frames in between may still come. */
bool export_is_jump(int64_t step, int64_t span, bool is_group_start);

/* In ticks of the track: the media time at which presentation begins, and the media time of the
 * timestamp `us`. */
int64_t export_edit_ticks(const struct karp_exporter *exporter, const struct export_track *track);
int64_t export_ticks(const struct karp_exporter *exporter, const struct export_track *track,
                     int64_t us);

/* Copies a frame with its payload. The caller frees it. NULL: out of memory. */
struct export_pending *export_pending_new(const struct karp_frame *frame);

/* Whether the frame shown at `pts` belongs to the opening of its track. */
bool export_opening_wants(const struct export_track *track, int64_t pts);

/* Holds a copy of the frame. When the opening is complete, adds all held frames to the fragment. */
int export_opening_add(struct karp_exporter *exporter, struct export_track *track,
                       const struct karp_frame *frame, int64_t pts);

/* Ends the opening, if it is open, and adds the frames that it holds to the fragment. */
int export_opening_end(struct karp_exporter *exporter, struct export_track *track);

/* Frees the held frames without writing them. */
void export_opening_drop(struct export_track *track);

/* Adds a frame to its track's fragment and writes what is complete. */
int export_fragment_add(struct karp_exporter *exporter, struct export_track *track,
                        const struct karp_frame *frame, int64_t pts);

/* Writes what a track holds back. */
int export_fragment_flush(struct karp_exporter *exporter, struct export_track *track);

#endif
