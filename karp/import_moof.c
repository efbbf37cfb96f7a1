/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads a moof: which samples follow in the mdat, where they lie, when they are shown. */
#include "karp/import_internal.h"

#include "base/error.h"

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

/* Where data lies: in the file or, when nothing tells, from the start of the mdat's payload. */
struct place {
    uint64_t position;
    bool is_relative;
};

struct fragment {
    struct karp_importer *importer;
    uint64_t start;    /* of the moof in the file */
    struct place next; /* behind the data of the runs so far */
    bool is_first_traf;
};

struct run_defaults {
    struct import_track *track;
    uint32_t duration, size, flags;
    uint64_t base; /* of data offsets */
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

static int read_tfhd(struct fragment *fragment, struct reader in, struct run_defaults *run)
{
    struct karp_importer *importer = fragment->importer;
    uint32_t flags;
    box_version(&in, &flags);
    uint32_t id = reader_u32(&in);
    run->track = find_track(importer, id);
    if (!run->track && !in.is_short)
        return import_fail(importer, UNKNOWN_TRACK, NULL,
                           "the moof at byte %llu has data of track %u",
                           (unsigned long long)fragment->start, id);

    uint64_t base = flags & TFHD_BASE_DATA_OFFSET ? reader_u64(&in) : 0;
    reader_skip(&in, flags & TFHD_DESCRIPTION ? 4 : 0);
    uint32_t duration = flags & TFHD_DURATION ? reader_u32(&in) : 0;
    uint32_t size = flags & TFHD_SIZE ? reader_u32(&in) : 0;
    uint32_t sample_flags = flags & TFHD_FLAGS ? reader_u32(&in) : 0;
    if (in.is_short)
        return import_fail(importer, MP4, NULL, "a tfhd is too short for its fields");
    if (base > IMPORT_NUMBER_MAX)
        return import_fail(importer, INVALID_OFFSET, NULL, "a base data offset beyond all files");

    run->duration = flags & TFHD_DURATION ? duration : run->track->default_duration;
    run->size = flags & TFHD_SIZE ? size : run->track->default_size;
    run->flags = flags & TFHD_FLAGS ? sample_flags : run->track->default_flags;
    run->is_duration_empty = (flags & TFHD_DURATION_IS_EMPTY) != 0;
    if (flags & TFHD_BASE_DATA_OFFSET) {
        run->base = base;
        fragment->next = (struct place){base, false};
    } else if (flags & TFHD_BASE_IS_MOOF || fragment->is_first_traf) {
        run->base = fragment->start;
        if (fragment->is_first_traf)
            fragment->next = (struct place){0, true};
    } else {
        run->base = fragment->next.is_relative ? fragment->start : fragment->next.position;
    }
    return 0;
}

static int read_tfdt(struct karp_importer *importer, struct reader in, int64_t *dts)
{
    uint32_t flags;
    uint64_t time = reader_number(&in, box_version(&in, &flags) == 1 ? 8 : 4);
    if (in.is_short)
        return import_fail(importer, MP4, NULL, "a tfdt is too short for its fields");
    if (time > IMPORT_NUMBER_MAX)
        return import_fail(importer, MP4, NULL, "a tfdt is dated beyond all reason");
    *dts = (int64_t)time;
    return 0;
}

/* Where the data of a run begins. */
static int place_run(struct fragment *fragment, const struct run_defaults *run, int32_t offset)
{
    if (offset < 0 && (uint64_t) - (int64_t)offset > run->base)
        return import_fail(fragment->importer, INVALID_OFFSET, NULL,
                           "data offset %d points before the file", offset);
    fragment->next = (struct place){run->base + (uint64_t)(int64_t)offset, false};
    return 0;
}

/* Reads one sample of a run and moves the time and place on. */
static int read_sample(struct fragment *fragment, struct reader *in, uint32_t flags,
                       struct run_defaults *run, const uint32_t *first_flags)
{
    uint32_t duration = flags & TRUN_DURATION ? reader_u32(in) : run->duration;
    struct import_sample sample = {.position = fragment->next.position,
                                   .is_relative = fragment->next.is_relative};
    sample.size = flags & TRUN_SIZE ? reader_u32(in) : run->size;
    uint32_t own_flags = flags & TRUN_FLAGS ? reader_u32(in) : run->flags;
    sample.flags = first_flags && !(flags & TRUN_FLAGS) ? *first_flags : own_flags;
    /* Version 0 says unsigned, but nobody means two billion ticks: negative there as well. */
    int32_t composition = flags & TRUN_COMPOSITION ? (int32_t)reader_u32(in) : 0;
    sample.pts = run->dts + composition - run->track->edit;

    fragment->next.position += sample.size;
    run->dts += duration;
    if (in->is_short)
        return import_fail(fragment->importer, MP4, NULL, "a trun is too short for its samples");
    if (run->dts > (int64_t)IMPORT_NUMBER_MAX || fragment->next.position > IMPORT_NUMBER_MAX)
        return import_fail(fragment->importer, INVALID_OFFSET, NULL, "a sample beyond all files");
    return run->track->is_used ? import_add_sample(fragment->importer, run->track, &sample) : 0;
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
    if (count > KARP_IMPORT_MAX_SAMPLES)
        return import_fail(fragment->importer, TOO_LARGE, NULL, "a trun of %u samples, at most %d",
                           count, KARP_IMPORT_MAX_SAMPLES);

    for (uint32_t i = 0; i < count && !error; i++) {
        bool is_first = i == 0 && flags & TRUN_FIRST_FLAGS;
        error = read_sample(fragment, &in, flags, run, is_first ? &first_flags : NULL);
    }
    return error;
}

static int need_child(struct fragment *fragment, struct reader traf, const char *type,
                      struct reader *body)
{
    const uint8_t *t = (const uint8_t *)type;
    if (box_find(traf, FOURCC(t[0], t[1], t[2], t[3]), body))
        return 0;
    return import_fail(fragment->importer, MISSING_BOX, type, "in the moof at byte %llu",
                       (unsigned long long)fragment->start);
}

static int read_traf(struct fragment *fragment, struct reader traf)
{
    struct run_defaults run = {0};
    struct reader tfhd, tfdt, trun;
    int error = need_child(fragment, traf, "tfhd", &tfhd);
    if (!error)
        error = read_tfhd(fragment, tfhd, &run);
    if (!error)
        error = need_child(fragment, traf, "tfdt", &tfdt);
    if (!error)
        error = read_tfdt(fragment->importer, tfdt, &run.dts);
    if (!error && !run.is_duration_empty)
        error = need_child(fragment, traf, "trun", &trun);
    fragment->is_first_traf = false;

    struct box box;
    while (!error && box_next(&traf, &box, NULL) > 0) {
        if (box.type == FOURCC('t', 'r', 'u', 'n'))
            error = read_trun(fragment, box.body, &run);
    }
    return error;
}

int import_moof(struct karp_importer *importer, struct reader body, uint64_t start)
{
    struct fragment fragment = {.importer = importer, .start = start, .is_first_traf = true};
    importer->sample_count = importer->next_sample = 0;
    importer->has_fragment = true;
    importer->has_fragment_mdat = false;
    for (size_t i = 0; i < importer->track_count; i++)
        importer->tracks[i].sample_count = 0;

    int error = import_check_boxes(body, 0, &importer->failure);
    struct box box;
    while (!error && box_next(&body, &box, NULL) > 0) {
        if (box.type == FOURCC('t', 'r', 'a', 'f'))
            error = read_traf(&fragment, box.body);
    }
    return error;
}
