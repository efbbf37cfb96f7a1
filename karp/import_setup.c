/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sets up tracks from a moov. If a later moov says the same as the current one, it is a repetition
 * and the tracks go on; otherwise a new instance of the broadcast begins.
 * Tested by tests/unit/karp/test_import_layouts.c. */
#include "karp/import_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"

struct setup {
    struct import_track *tracks;
    size_t track_count;
    struct karp_catalog *catalog;
};

void import_note_start(struct karp_importer *importer)
{
    importer->catalog->has_start = true;
    for (size_t i = 0; i < importer->track_count; i++) {
        const struct import_track *track = &importer->tracks[i];
        if (track->is_used && track->kind == KARP_VIDEO)
            importer->catalog->tracks[track->index].timescale = track->timescale;
    }
}

static bool has_edits(const struct karp_importer *importer)
{
    for (size_t i = 0; i < importer->track_count; i++) {
        if (importer->tracks[i].is_used && importer->tracks[i].edit != 0)
            return true;
    }
    return false;
}

static bool is_same_track(const struct import_track *a, const struct import_track *b)
{
    return a->id == b->id && a->timescale == b->timescale && a->is_used == b->is_used &&
           a->default_duration == b->default_duration && a->default_size == b->default_size &&
           a->default_flags == b->default_flags && a->edit == b->edit &&
           a->sequence_size == b->sequence_size &&
           memcmp(a->sequence, b->sequence, a->sequence_size) == 0;
}

/* Whether the moov says the same as the one before; dates, tags, durations and bitrates do not
 * count. */
static bool is_repetition(struct karp_importer *importer, const struct setup *old)
{
    if (!importer->has_moov || importer->track_count != old->track_count ||
        importer->catalog->track_count != old->catalog->track_count)
        return false;
    bool is_same = true;
    for (size_t i = 0; is_same && i < old->track_count; i++)
        is_same = is_same_track(&importer->tracks[i], &old->tracks[i]);
    if (old->catalog->has_start)
        import_note_start(importer);
    for (size_t i = 0; is_same && i < old->catalog->track_count; i++)
        is_same = karp_track_continues(&importer->catalog->tracks[i], &old->catalog->tracks[i]);
    return is_same;
}

/* Goes on with the old catalog and times after a repeated moov. */
static void keep_old_setup(struct karp_importer *importer, struct setup *old)
{
    struct karp_catalog *repeated = importer->catalog;
    importer->catalog = old->catalog;
    old->catalog = repeated;
    for (size_t i = 0; i < old->track_count; i++) {
        const struct import_track *moov = &importer->tracks[i];
        struct import_track *track = &old->tracks[i];
        track->tables = moov->tables;
        track->entry = moov->entry;
        track->same_entries = moov->same_entries;
        track->bad_entries = moov->bad_entries;
        track->entry_count = moov->entry_count;
        track->has_other_entries = moov->has_other_entries;
        track->default_entry = moov->default_entry;
    }
    memcpy(importer->tracks, old->tracks, old->track_count * sizeof *old->tracks);
}

static void begin_instance(struct karp_importer *importer)
{
    importer->is_second_moov = importer->has_moov;
    importer->has_moov = importer->is_catalog_due = true;
    importer->is_shift_known = false;
    importer->moov_number = importer->epoch = importer->epoch_moov_number = 0;
    importer->epoch_us = 0;
    importer->earliest_us = INT64_MAX;
    if (has_edits(importer))
        import_note_start(importer);
}

/* Begins a new instance with the same tracks but other sample entries. Its times go on from those
 * of the old one. */
static void begin_next_part(struct karp_importer *importer, const struct setup *old)
{
    importer->is_second_moov = !importer->is_catalog_due;
    importer->is_catalog_due = true;
    if (old->catalog->has_start)
        import_note_start(importer);
    importer->catalog->start_us = old->catalog->start_us;
    for (size_t i = 0; i < importer->track_count; i++) {
        struct import_track *track = &importer->tracks[i];
        track->clock = old->tracks[i].clock;
        track->sample_count = old->tracks[i].sample_count;
        track->lowest_pts = old->tracks[i].lowest_pts;
        track->highest_pts = old->tracks[i].highest_pts;
    }
}

/* Keeps a copy of the moov if a track has several sample entries, to read it again when another
 * entry is used. */
static int keep_moov(struct karp_importer *importer, struct reader moov)
{
    bool is_needed = false;
    for (size_t i = 0; i < importer->track_count; i++)
        is_needed |= importer->tracks[i].is_used && importer->tracks[i].has_other_entries;
    if (moov.data == importer->moov.data)
        return 0;
    importer->moov.size = 0;
    if (is_needed && byte_buf_append(&importer->moov, moov.data, moov.size) != 0)
        return failure_nomem(&importer->failure);
    return 0;
}

/* Reads a moov with the sample entries in `wanted_entries`. */
static int read_setup(struct karp_importer *importer, struct reader moov, bool is_switch)
{
    int error = importer->held.size > 0 ? import_output_open(importer) : 0;
    if (error)
        return error;
    import_restart_together(importer);
    struct setup old = {.track_count = importer->track_count, .catalog = importer->catalog};
    size_t bytes = old.track_count * sizeof *old.tracks;
    old.tracks = malloc(bytes + 1); /* + 1, because malloc(0) may return NULL */
    if (!old.tracks)
        return failure_nomem(&importer->failure);
    memcpy(old.tracks, importer->tracks, bytes);

    importer->catalog = NULL;
    error = import_moov(importer, moov);
    if (!error && is_repetition(importer, &old))
        keep_old_setup(importer, &old);
    else if (!error && is_switch)
        begin_next_part(importer, &old);
    else if (!error)
        begin_instance(importer);
    karp_catalog_free(old.catalog);
    free(old.tracks);
    return error ? error : keep_moov(importer, moov);
}

int import_setup(struct karp_importer *importer, struct reader moov)
{
    importer->moov_number++;
    int error = read_setup(importer, moov, false);
    return error ? error : import_moov_samples(importer);
}

int import_switch_entry(struct karp_importer *importer, size_t track, uint32_t entry)
{
    REQUIRE(track < importer->track_count && importer->moov.size > 0);
    importer->wanted_entries[track] = entry;
    log_info(LOG_MEDIA, "import: track %u uses sample entry %u from byte %llu on",
             importer->tracks[track].id, entry, (unsigned long long)importer->position);
    return read_setup(importer, reader_of(importer->moov.data, importer->moov.size), true);
}
