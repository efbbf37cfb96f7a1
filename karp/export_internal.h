/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The exporter from the inside: export.c takes frames and waits for configurations, export_config.c
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
    EXPORT_FRAME_US = 33333,       /* as long as a frame of video lasts where nothing tells */
    EXPORT_TIMESCALE_MAX = 200000, /* finer ones would not survive microseconds */
    EXPORT_LEAD_US = 100000,       /* of media time before zero, per frame of reorder depth */
};

/* Boxes under construction. The first error sticks. */
struct writer {
    struct byte_buf buf;
    int error;
};

void writer_number(struct writer *to, uint64_t value, unsigned bytes); /* big endian */
void writer_bytes(struct writer *to, const void *data, size_t size);
void writer_zeros(struct writer *to, size_t count);
/* A box; returns its place for writer_end(). */
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
    bool is_unseen;    /* from the catalog alone: how its frames are delimited is not */
    bool is_described; /* `config` will do if no frame comes that knows better */
    bool is_made;      /* `config` comes from the parameter sets of a frame */
    enum karp_track_kind kind;
    uint32_t id; /* in the file */
    const struct karp_track *entry;
    struct karp_codec codec;
    uint32_t width, height; /* video: as coded, of the frames that the file begins with */
    uint32_t channel_count; /* audio */
    bool is_square;         /* the codec does not say that its pixels are otherwise */
    struct byte_buf config; /* body of avcC, hvcC, vpcC, av1C or dOps, or the AudioSpecificConfig */
    uint32_t frame_us;      /* how long a frame lasts where no other one tells */
    bool is_annex_b;        /* frames come with start codes and are rewritten */

    bool has_started, is_skipping; /* is_skipping: the group at hand came too late */
    bool has_newest;
    int64_t newest_pts;

    /* Decode times: the reorder + 1 largest presentation times so far, ascending; see
     * export_time.c. */
    unsigned reorder;
    int64_t window[NAL_MAX_REORDER + 2];
    unsigned window_count;
    bool is_timed;        /* the window was filled for the first time */
    int64_t decode_shift; /* added to the times of the window */
    uint32_t timescale;   /* in the file */
    int64_t tick_us;      /* decode times are at least so far apart */
    int64_t last_dts;     /* given out; the one before the lowest possible at first */

    /* The first frames, held until the window can be filled; see export_opening.c. */
    /* Of struct export_pending, with the file's time; initialised with the first. */
    struct list held;
    int64_t opening[2 * NAL_MAX_REORDER + 2]; /* their times, ascending */
    size_t opening_count, opening_bytes;

    struct export_sample *samples; /* of the fragment at hand; the last is held back */
    size_t sample_count, sample_capacity;
    struct byte_buf data;
    uint32_t last_duration;
    int64_t end_us; /* where the last frame ends, the highest so far */
};

struct export_pending {
    struct list node;
    struct karp_frame frame; /* with memory of its own, after the struct */
};

struct karp_exporter {
    struct karp_export_options options;
    karp_write on_write;
    void *user;
    struct karp_catalog *catalog;
    struct export_track tracks[KARP_CATALOG_MAX_TRACKS]; /* as in the catalog */
    struct byte_buf init;                                /* the init segment in force */
    bool is_init_written, is_restarting;
    int64_t offset_us;
    bool has_start;    /* edit lists in the file; decided by the first catalog */
    uint64_t start_us; /* the timestamp at which presentation begins, with edit lists */
    int64_t lead_us;   /* media times lie above timestamps by this, so that decode times can lie
                          before zero; an edit list takes it off again */
    uint32_t sequence;
    struct list pending; /* frames that wait for the init segment */
    size_t pending_count, pending_bytes;
    uint64_t pending_first_us, pending_last_us; /* their lowest and highest times */
    struct byte_buf scratch;
    struct karp_export_counters counters;
};

/* Counts a frame that is left out; returns `error`. */
int export_leave_out(struct karp_exporter *exporter, enum karp_export_loss loss, int error);

/* Prepares a track whose codec can be exported: parses the codec, takes the configuration of the
 * catalog. False when it cannot. */
bool export_config_init(struct export_track *track);

/* Both for a track of audio. */
bool export_sound_init(struct export_track *track);
int export_sound_find(struct export_track *track, const struct karp_frame *frame);

/* Adds to the configuration of a track; false: over its bound, or out of memory. */
bool export_config_take(struct export_track *track, const uint8_t *record, size_t size);

/* Looks for the configuration in the first frame of a group. Returns 0 also when it is not
 * there. */
int export_config_find(struct export_track *track, const struct karp_frame *frame);

/* Learns from a keyframe what can still change when the init segment is written. */
void export_config_look(struct export_track *track, const struct karp_frame *frame);

/* Writes ftyp and moov for the used tracks. */
int export_init_build(const struct karp_exporter *exporter, struct byte_buf *out);

/* The decode time that the frame shown at `pts` can have, before its neighbours are looked at. */
int64_t export_time_next(struct export_track *track, int64_t pts, bool is_group_start);

/* Whether media is missing before a frame that is shown `step` after the newest one, where the last
 * frames lie within `span`. A step within a group is no jump, however long: where frames last
 * seconds, those between come after it. */
bool export_is_jump(int64_t step, int64_t span, bool is_group_start);

/* The media time at which presentation begins, and that of a time, in ticks of the track. */
int64_t export_edit_ticks(const struct karp_exporter *exporter, const struct export_track *track);
int64_t export_ticks(const struct karp_exporter *exporter, const struct export_track *track,
                     int64_t us);

/* A copy of the frame with its payload; the caller frees it. NULL: out of memory. */
struct export_pending *export_pending_new(const struct karp_frame *frame);

/* Whether the frame shown at `pts` belongs to the opening of its track. */
bool export_opening_wants(const struct export_track *track, int64_t pts);

/* Holds a copy of the frame; the last one of the opening adds all of them to the fragment. */
int export_opening_add(struct karp_exporter *exporter, struct export_track *track,
                       const struct karp_frame *frame, int64_t pts);

/* No more is to be waited for. */
int export_opening_end(struct karp_exporter *exporter, struct export_track *track);
void export_opening_drop(struct export_track *track);

/* Adds a frame to its track's fragment and writes what is complete. */
int export_fragment_add(struct karp_exporter *exporter, struct export_track *track,
                        const struct karp_frame *frame, int64_t pts);

/* Writes what a track holds back. */
int export_fragment_flush(struct karp_exporter *exporter, struct export_track *track);

#endif
