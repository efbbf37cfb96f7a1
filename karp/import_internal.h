/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The importer from the inside: import.c walks the top-level boxes, import_moov.c, import_entry.c and import_tables.c
 * read the moov, import_moof.c reads fragments, import_media.c cuts samples out of the mdat and gives them times and
 * groups; import_boxes.c serves those that read boxes. */
#ifndef MOQ_KARP_IMPORT_INTERNAL_H
#define MOQ_KARP_IMPORT_INTERNAL_H

#include "base/bytes.h"
#include "karp/import.h"
#include "karp/internal.h"

/* Sample flags as a trun has them: "depends on no other", and "is no sync sample". */
enum {
    SAMPLE_FLAGS_KEY = 0x02000000,
    SAMPLE_FLAGS_DELTA = 0x01010000,
    SAMPLE_FLAG_NON_SYNC = 0x10000
};

/* Positions and times beyond this are refused, so that sums stay far from the end of 64 bits. */
#define IMPORT_NUMBER_MAX (UINT64_C(1) << 62)

struct import_track {
    uint32_t id, timescale;
    bool is_used; /* otherwise a track that we cannot carry: its samples are passed over */
    enum karp_track_kind kind;
    size_t index; /* in the catalog */
    uint32_t default_duration, default_size, default_flags;
    int64_t edit; /* ticks that the edit list takes off every time; negative: adds */

    bool has_started, has_marked_key;
    bool wants_group; /* audio: a video keyframe has passed since its group began */
    uint64_t group_start_us;

    /* Of the fragment at hand. */
    uint32_t sample_count;
    int64_t lowest_pts, highest_pts;
};

struct import_sample {
    uint64_t position; /* in the file; of relative samples: in the payload of the mdat */
    int64_t pts;       /* ticks of the track, edit list applied */
    uint32_t size, flags, order;
    uint8_t track;
    bool is_relative;
};

enum import_state { IMPORT_HEADER, IMPORT_BUFFER, IMPORT_SKIP, IMPORT_MEDIA };

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
    struct byte_buf box;    /* the moov or moof at hand */
    struct byte_buf moov;   /* the one in force, to recognise its repetitions */
    struct byte_buf pieces; /* of a sample that is not complete yet */

    uint32_t movie_timescale;
    struct import_track tracks[KARP_IMPORT_MAX_TRACKS];
    size_t track_count;
    struct karp_catalog *catalog;
    bool is_catalog_due; /* it waits for the first times, to say where presentation begins */
    bool is_second_moov; /* in mid-stream, which the user may refuse */

    struct import_sample
        *samples; /* of the fragment at hand, by position once its mdat has begun */
    size_t sample_count, sample_capacity, next_sample;

    bool is_shift_known, has_warned_latency, has_warned_negative;
    uint64_t shift_us, fragment_us;
};

/* Checks every size in a tree of boxes, so that later searches cannot be misled. */
int import_check_boxes(struct reader in, int depth, struct karp_failure *failure);

/* Finds a child that has to be there. `type` has four characters. */
int import_need_box(struct karp_importer *importer, struct reader in, const char *type,
                    struct reader *body);

/* Fails because the box `type` is too short for its fields. */
int import_too_short(struct karp_importer *importer, const char *type);

/* Reads a complete moov. Fills tracks, catalog and, when there are sample tables, samples. */
int import_moov(struct karp_importer *importer, struct reader body);

/* Reads the sample entry of a track into what the catalog says about it. MOQ_ERR_UNSUPPORTED, with the reason as the
 * failure: karp cannot carry the track, and it is left out. */
int import_entry(struct karp_importer *importer, struct reader stsd, struct karp_track *track,
                 struct karp_codec *codec);

/* Adds the samples of a track's tables (`stbl`) to the fragment at hand. */
int import_tables(struct karp_importer *importer, struct import_track *track, struct reader stbl);

/* Reads a complete moof that began at `start` in the file. */
int import_moof(struct karp_importer *importer, struct reader body, uint64_t start);

/* Adds a sample to the fragment at hand. */
int import_add_sample(struct karp_importer *importer, struct import_track *track,
                      const struct import_sample *sample);

/* The payload of an mdat begins: puts the samples in order and checks that they lie inside. */
int import_media_begin(struct karp_importer *importer);

/* Takes bytes of an mdat; all of them. */
int import_media(struct karp_importer *importer, const uint8_t *data, size_t size);

#define import_fail(importer, kind, what, ...)                                                     \
    failure_set(&(importer)->failure, KARP_FAILURE_##kind, what, __VA_ARGS__)

#endif
