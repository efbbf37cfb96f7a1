/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads a moof: which samples follow in the mdat, where they are, and when they are shown.
 * Tested by tests/unit/karp/test_broken.c. */
#include "karp/import_internal.h"

#include <string.h>

#include "base/error.h"
#include "base/log.h"

enum {
    TFHD_BASE_DATA_OFFSET = 0x1,
    TFHD_DESCRIPTION = 0x2,
    TFHD_DURATION = 0x8,
    TFHD_SIZE = 0x10,
    TFHD_FLAGS = 0x20,
    TFHD_DURATION_IS_EMPTY = 0x10000,
    TFHD_BASE_IS_MOOF = 0x20000,
    TRUN_DATA_OFFSET = 0x1,
    TRUN_FIRST_FLAGS = 0x4,
    TRUN_DURATION = 0x100,
    TRUN_SIZE = 0x200,
    TRUN_FLAGS = 0x400,
    TRUN_COMPOSITION = 0x800,
};

struct fragment {
    struct karp_importer *importer;
    uint64_t start; /* of the moof in the input */
    uint64_t next;  /* end of the data of the runs so far, relative to what `place` says */
    enum import_place place;
    bool is_first_traf;
    uint64_t sample_count; /* in its runs so far, including empty samples */
};

struct run_defaults {
    struct import_track *track; /* NULL: the moov does not have the track */
    uint32_t entry, duration, size, flags;
    uint64_t base; /* what data offsets are relative to */
    enum import_place base_place;
    bool is_duration_empty;
    int64_t dts;
};

static struct import_track *find_track(struct karp_importer *importer, uint32_t id)
{
    for (size_t i = 0; i < importer->track_count; i++) {
        if (importer->tracks[i].id == id)
            return &importer->tracks[i];
    }
    return NULL;
}

/* Sets what data offsets are relative to (ISO/IEC 14496-12, 8.8.7.1). If the first traf has no base
 * and its run no offset, the data begins where the payload of the mdat begins. */
static void find_data_base(struct fragment *fragment, struct run_defaults *run, uint32_t flags,
                           uint64_t base)
{
    run->base = fragment->start;
    run->base_place = IMPORT_IN_INPUT;
    if (flags & TFHD_BASE_DATA_OFFSET) {
        run->base = fragment->next = base;
        run->base_place = fragment->place = IMPORT_IN_FILE;
    } else if (fragment->is_first_traf) {
        fragment->next = 0;
        fragment->place = IMPORT_IN_MDAT;
    } else if (!(flags & TFHD_BASE_IS_MOOF) && fragment->place != IMPORT_IN_MDAT) {
        run->base = fragment->next;
        run->base_place = fragment->place;
    }
}

static int read_tfhd(struct fragment *fragment, struct reader in, struct run_defaults *run)
{
    struct karp_importer *importer = fragment->importer;
    static const struct import_track stranger = {.timescale = 1};
    uint32_t flags;
    box_version(&in, &flags);
    uint32_t id = reader_u32(&in);
    uint64_t base = flags & TFHD_BASE_DATA_OFFSET ? reader_u64(&in) : 0;
    uint32_t entry = flags & TFHD_DESCRIPTION ? reader_u32(&in) : 0;
    uint32_t duration = flags & TFHD_DURATION ? reader_u32(&in) : 0;
    uint32_t size = flags & TFHD_SIZE ? reader_u32(&in) : 0;
    uint32_t sample_flags = flags & TFHD_FLAGS ? reader_u32(&in) : 0;
    if (in.is_short)
        return import_fail(importer, MP4, NULL, "a tfhd is too short for its fields");
    if (base > IMPORT_NUMBER_MAX)
        return import_fail(importer, INVALID_OFFSET, NULL, "a base data offset is out of range");

    run->track = find_track(importer, id);
    const struct import_track *track = run->track ? run->track : &stranger;
    bool is_unknown = !run->track && importer->further_tracks == 0;
    if (is_unknown && importer->counts.left_out[KARP_LOSS_UNKNOWN_TRACK] == 0)
        log_warn(
            LOG_MEDIA,
            "import: the moof at byte %llu has data for track %u, which the moov does not have",
            (unsigned long long)fragment->start, id);
    run->entry = flags & TFHD_DESCRIPTION ? entry : track->default_entry;
    run->duration = flags & TFHD_DURATION ? duration : track->default_duration;
    run->size = flags & TFHD_SIZE ? size : track->default_size;
    run->flags = flags & TFHD_FLAGS ? sample_flags : track->default_flags;
    run->is_duration_empty = (flags & TFHD_DURATION_IS_EMPTY) != 0;
    find_data_base(fragment, run, flags, base);
    return 0;
}

/* Reads the decode time of a traf from its tfdt or, for Smooth Streaming, from a uuid box (tfxd).
 * Sets `is_told` to false if it has neither. */
static int read_decode_time(struct fragment *fragment, struct reader traf,
                            struct import_start *start, bool *is_told)
{
    static const uint8_t tfxd[16] = {0x6d, 0x1d, 0x9b, 0x05, 0x42, 0xd5, 0x44, 0xe6,
                                     0x80, 0xe2, 0x14, 0x1d, 0xaf, 0xf7, 0x57, 0xb2};
    struct box box;
    *is_told = false;
    while (!*is_told && box_next(&traf, &box, NULL) > 0) {
        struct reader in = box.body;
        uint32_t flags;
        if (box.type == FOURCC('u', 'u', 'i', 'd')) {
            const uint8_t *name = reader_take(&in, sizeof tfxd);
            *is_told = name && memcmp(name, tfxd, sizeof tfxd) == 0;
        } else {
            *is_told = box.type == FOURCC('t', 'f', 'd', 't');
        }
        if (!*is_told)
            continue;
        start->is_wide = box_version(&in, &flags) == 1;
        start->time = reader_number(&in, start->is_wide ? 8 : 4);
        if (in.is_short)
            return import_fail(fragment->importer, MP4, NULL,
                               "the decode time of a fragment is cut short");
    }
    return 0;
}

/* Sets where the data of a run begins. */
static int place_run(struct fragment *fragment, const struct run_defaults *run, int32_t offset)
{
    if (offset < 0 && (uint64_t) - (int64_t)offset > run->base)
        return import_fail(fragment->importer, INVALID_OFFSET, NULL,
                           "data offset %d points before the file", offset);
    fragment->next = run->base + (uint64_t)(int64_t)offset;
    fragment->place = run->base_place;
    return 0;
}

/* Reads one sample of a run, and moves the run's time and position on. */
static int read_sample(struct fragment *fragment, struct reader *in, uint32_t flags,
                       struct run_defaults *run, const uint32_t *first_flags)
{
    struct import_span span = {.dts = run->dts};
    struct import_sample sample = {.position = fragment->next, .place = (uint8_t)fragment->place};
    span.duration = flags & TRUN_DURATION ? reader_u32(in) : run->duration;
    sample.size = flags & TRUN_SIZE ? reader_u32(in) : run->size;
    uint32_t own_flags = flags & TRUN_FLAGS ? reader_u32(in) : run->flags;
    sample.flags = first_flags && !(flags & TRUN_FLAGS) ? *first_flags : own_flags;
    /* Offsets of version 0 are unsigned by the standard, but muxers write negative ones too. */
    int32_t composition = flags & TRUN_COMPOSITION ? (int32_t)reader_u32(in) : 0;

    fragment->next += sample.size;
    run->dts += span.duration;
    if (in->is_short)
        return import_fail(fragment->importer, MP4, NULL, "a trun is too short for its samples");
    if (run->dts > (int64_t)IMPORT_NUMBER_MAX || fragment->next > IMPORT_NUMBER_MAX)
        return import_fail(fragment->importer, INVALID_OFFSET, NULL,
                           "the position of a sample is out of range");
    enum karp_loss loss;
    if (import_is_lost(fragment->importer, run->track, run->entry, &loss)) {
        import_leave_out(fragment->importer, loss, 1);
        return 0;
    }
    sample.pts = span.dts + composition - run->track->edit;
    sample.entry = import_entry_number(run->track, run->entry);
    return import_add_sample(fragment->importer, run->track, &sample, &span);
}

static int read_trun(struct fragment *fragment, struct reader in, struct run_defaults *run)
{
    uint32_t flags;
    box_version(&in, &flags);
    uint32_t count = reader_u32(&in);
    int error = 0;
    if (flags & TRUN_DATA_OFFSET)
        error = place_run(fragment, run, (int32_t)reader_u32(&in));
    uint32_t first_flags = flags & TRUN_FIRST_FLAGS ? reader_u32(&in) : 0;
    if (in.is_short || error)
        return error ? error
                     : import_fail(fragment->importer, MP4, NULL,
                                   "a trun is too short for its fields");
    fragment->sample_count += count;
    if (fragment->sample_count > KARP_IMPORT_MAX_SAMPLES)
        return import_fail(fragment->importer, TOO_LARGE, NULL,
                           "the moof at byte %llu has more than %d samples",
                           (unsigned long long)fragment->start, KARP_IMPORT_MAX_SAMPLES);

    for (uint32_t i = 0; i < count && !error; i++) {
        bool is_first = i == 0 && flags & TRUN_FIRST_FLAGS;
        error = read_sample(fragment, &in, flags, run, is_first ? &first_flags : NULL);
    }
    return error;
}

static int read_traf(struct fragment *fragment, struct reader traf)
{
    struct karp_importer *importer = fragment->importer;
    struct run_defaults run = {0};
    struct import_start start;
    struct reader tfhd;
    bool is_told;
    if (!box_find(traf, FOURCC('t', 'f', 'h', 'd'), &tfhd))
        return import_fail(importer, MISSING_BOX, "tfhd", "in the moof at byte %llu",
                           (unsigned long long)fragment->start);
    int error = read_tfhd(fragment, tfhd, &run);
    fragment->is_first_traf = false;
    if (error || run.is_duration_empty)
        return error;
    error = read_decode_time(fragment, traf, &start, &is_told);
    bool is_used = run.track && run.track->is_used;
    if (!error && is_used)
        error = import_time_begin(importer, run.track, is_told ? &start : NULL, &run.dts);

    struct box box;
    while (!error && box_next(&traf, &box, NULL) > 0) {
        if (box.type == FOURCC('t', 'r', 'u', 'n'))
            error = read_trun(fragment, box.body, &run);
    }
    if (is_used)
        run.track->clock.next_dts = run.dts;
    return error;
}

int import_moof(struct karp_importer *importer, struct reader body, uint64_t start)
{
    struct fragment fragment = {.importer = importer, .start = start, .is_first_traf = true};
    uint64_t restarts = importer->counts.restarts;
    bool is_joining = importer->has_fragment && !importer->has_fragment_mdat;
    int error = import_check_boxes(body, 0, &importer->failure);
    import_begin_fragment(importer, is_joining);

    struct box box;
    while (!error && box_next(&body, &box, NULL) > 0) {
        if (box.type == FOURCC('t', 'r', 'a', 'f'))
            error = read_traf(&fragment, box.body);
    }
    importer->has_fragment = importer->sample_count > 0 || importer->has_left_out;
    import_time_settle(importer);
    if (!error && is_joining && importer->counts.restarts > restarts)
        return import_fail(importer, DUPLICATE_BOX, "moof",
                           "at byte %llu times start again, before the mdat of the moof before it",
                           (unsigned long long)start);
    return error;
}
