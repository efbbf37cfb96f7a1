/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads a moov: its tracks, which go into the catalog, their fragment defaults and edit lists.
 * Tested by tests/unit/karp/test_broken.c and tests/unit/karp/test_import.c. */
#include "karp/import_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "base/log.h"
#include "karp/nal.h"

/* Reads the timescale of an mvhd or mdhd, which begin alike. */
static int read_timescale(struct karp_importer *importer, struct reader in, const char *type,
                          uint32_t *timescale)
{
    uint32_t flags;
    uint8_t version = box_version(&in, &flags);
    reader_skip(&in, version == 1 ? 16 : 8);
    uint32_t ticks = reader_u32(&in);
    if (in.is_short)
        return import_too_short(importer, type);
    if (ticks == 0)
        return import_fail(importer, MP4, NULL, "the time scale of %s is zero", type);
    *timescale = ticks;
    return 0;
}

/* Applies the empty edits at the front of an edit list and the first edit after them. Further edits
 * would rearrange media, which is not possible in a live stream. */
static void read_edits(struct karp_importer *importer, struct import_track *track, struct reader in)
{
    uint32_t flags;
    bool is_wide = box_version(&in, &flags) == 1;
    uint32_t count = reader_u32(&in);
    int64_t empty = 0;
    for (uint32_t i = 0; i < count && !in.is_short; i++) {
        uint64_t duration = reader_number(&in, is_wide ? 8 : 4);
        int64_t media_time = is_wide ? (int64_t)reader_u64(&in) : (int64_t)(int32_t)reader_u32(&in);
        reader_skip(&in, 4);
        bool is_sane = duration < IMPORT_NUMBER_MAX >> 32 && media_time < INT64_C(1) << 48;
        if (in.is_short || !is_sane)
            return;
        if (media_time >= 0) {
            track->edit = media_time - empty;
            return;
        }
        empty += (int64_t)((duration * track->timescale + importer->movie_timescale / 2) /
                           importer->movie_timescale); /* to the nearest, as players do */
        if (empty >= INT64_C(1) << 48)
            return;
    }
    track->edit = -empty;
}

static void name_track(enum karp_track_kind kind, uint32_t id, char name[KARP_TRACK_NAME_MAX_BYTES])
{
    snprintf(name, KARP_TRACK_NAME_MAX_BYTES, kind == KARP_VIDEO ? "video%u" : "audio%u", id);
}

static int add_to_catalog(struct karp_importer *importer, struct import_track *track,
                          struct import_description *description)
{
    struct karp_track *entry = &description->track;
    bool is_video = entry->kind == KARP_VIDEO;
    track->kind = entry->kind;
    entry->priority =
        is_video ? importer->options.video_priority : importer->options.audio_priority;
    name_track(track->kind, track->id, entry->name);
    int error = karp_codec_print(&description->codec, entry->codec);
    if (!error)
        error = karp_catalog_add(importer->catalog, entry);
    if (error == MOQ_ERR_NOMEM)
        return failure_nomem(&importer->failure);
    if (error)
        return import_fail(importer, INVALID_CODEC, entry->codec, "the catalog refuses it: %s",
                           moq_error_words(error));
    const struct karp_track *added = karp_catalog_find(importer->catalog, entry->name);
    if (description->is_complete && EXPECT(added))
        nal_mark_complete(added->description, added->description_size);
    track->is_used = true;
    import_pace_init(&track->pace, description);
    track->format =
        picture_format_of(description->codec.kind, entry->description, entry->description_size);

    import_sequence_keep(track, description->sequence);

    const char *objection = karp_track_objection(entry);
    if (objection)
        log_warn(LOG_MEDIA, "import: %s (%s): %s", entry->name, entry->codec, objection);
    return 0;
}

static int read_handler(struct karp_importer *importer, struct import_track *track,
                        struct reader mdia, enum karp_track_kind *kind)
{
    struct reader hdlr;
    int error = import_need_box(importer, mdia, "hdlr", &hdlr);
    if (error)
        return error;
    reader_skip(&hdlr, 8);
    uint32_t type = reader_u32(&hdlr);
    *kind = type == FOURCC('v', 'i', 'd', 'e') ? KARP_VIDEO : KARP_AUDIO;
    if (type == FOURCC('v', 'i', 'd', 'e') || type == FOURCC('s', 'o', 'u', 'n'))
        return 0;
    track->loss = KARP_LOSS_NO_MEDIA_TRACK;
    bool is_text = type == FOURCC('s', 'b', 't', 'l') || type == FOURCC('t', 'e', 'x', 't') ||
                   type == FOURCC('s', 'u', 'b', 't');
    struct box_name name = box_name_of(type);
    return import_fail(importer, UNSUPPORTED_TRACK, is_text ? "subtitle" : "unknown",
                       "handler '%s'", name.text);
}

static int read_media(struct karp_importer *importer, struct import_track *track,
                      struct reader trak)
{
    struct import_description description = {.track = {.kind = KARP_VIDEO}};
    struct reader mdia, mdhd, minf, stbl, stsd;
    int error = import_need_box(importer, trak, "mdia", &mdia);
    if (!error)
        error = read_handler(importer, track, mdia, &description.track.kind);
    if (!error)
        error = import_need_box(importer, mdia, "mdhd", &mdhd);
    if (!error)
        error = read_timescale(importer, mdhd, "mdhd", &track->timescale);
    if (!error)
        error = import_need_box(importer, mdia, "minf", &minf);
    if (!error)
        error = import_need_box(importer, minf, "stbl", &stbl);
    if (!error)
        error = import_need_box(importer, stbl, "stsd", &stsd);
    if (!error)
        error = import_entry(importer, track, stsd, &description);
    if (!error)
        import_display(importer, track, trak, &description.track);
    if (!error)
        error = add_to_catalog(importer, track, &description);
    return error;
}

static int read_track_id(struct karp_importer *importer, struct import_track *track,
                         struct reader trak)
{
    struct reader tkhd;
    uint32_t flags;
    int error = import_need_box(importer, trak, "tkhd", &tkhd);
    if (error)
        return error;
    reader_skip(&tkhd, box_version(&tkhd, &flags) == 1 ? 16 : 8);
    track->id = reader_u32(&tkhd);
    if (tkhd.is_short)
        return import_too_short(importer, "tkhd");
    return 0;
}

/* Finds the sample tables of a track, which tell how many samples there are even if the rest of the
 * track cannot be read. */
static void find_tables(struct reader trak, struct reader *tables)
{
    struct reader mdia, minf;
    *tables = (struct reader){.data = NULL};
    if (box_find(trak, FOURCC('m', 'd', 'i', 'a'), &mdia) &&
        box_find(mdia, FOURCC('m', 'i', 'n', 'f'), &minf))
        box_find(minf, FOURCC('s', 't', 'b', 'l'), tables);
}

/* Reads a track into the next free place. It keeps that place as soon as its id is known, even if
 * it cannot be carried, because its samples have to be skipped. */
static int read_track(struct karp_importer *importer, struct import_track *track,
                      struct reader trak)
{
    int error = import_check_boxes(trak, 0, &importer->failure);
    if (!error)
        error = read_track_id(importer, track, trak);
    if (error)
        return error;
    importer->track_count++;
    find_tables(trak, &track->tables);
    for (const struct import_track *other = importer->tracks; other < track; other++) {
        if (other->id == track->id)
            return import_fail(importer, DUPLICATE_TRACK, NULL, "two tracks have the id %u",
                               track->id);
    }
    return read_media(importer, track, trak);
}

/* Counts the samples of a track beyond KARP_IMPORT_MAX_TRACKS. Nothing else of it is kept. */
static void count_further_track(struct karp_importer *importer, struct reader trak)
{
    struct reader tables;
    importer->further_tracks++;
    find_tables(trak, &tables);
    importer->further_samples += import_table_samples(tables);
}

/* Reads a track. If it cannot be carried, only this track is left out. */
static int read_trak(struct karp_importer *importer, struct reader trak)
{
    if (importer->track_count == KARP_IMPORT_MAX_TRACKS) {
        count_further_track(importer, trak);
        return 0;
    }
    struct import_track *track = &importer->tracks[importer->track_count];
    *track = (struct import_track){.timescale = 1, .loss = KARP_LOSS_TRACK};
    struct reader edts, elst;
    int error = read_track(importer, track, trak);
    if (error == MOQ_ERR_NOMEM)
        return error;
    if (error)
        log_warn(LOG_MEDIA, "import: track %u is left out: %s", track->id, importer->failure.text);
    else if (box_find(trak, FOURCC('e', 'd', 't', 's'), &edts) &&
             box_find(edts, FOURCC('e', 'l', 's', 't'), &elst))
        read_edits(importer, track, elst);
    return 0;
}

static int read_trex(struct karp_importer *importer, struct reader in)
{
    reader_skip(&in, 4);
    uint32_t id = reader_u32(&in), entry = reader_u32(&in);
    uint32_t duration = reader_u32(&in), size = reader_u32(&in), flags = reader_u32(&in);
    if (in.is_short)
        return import_too_short(importer, "trex");
    for (size_t i = 0; i < importer->track_count; i++) {
        struct import_track *track = &importer->tracks[i];
        if (track->id != id)
            continue;
        track->default_entry = entry;
        track->default_duration = duration;
        track->default_size = size;
        track->default_flags = flags;
    }
    return 0;
}

static int read_all_tracks(struct karp_importer *importer, struct reader in, const char *type,
                           int (*read)(struct karp_importer *importer, struct reader in))
{
    const uint8_t *t = (const uint8_t *)type;
    struct box box;
    int error = 0;
    while (!error && box_next(&in, &box, NULL) > 0) {
        if (box.type == FOURCC(t[0], t[1], t[2], t[3]))
            error = read(importer, box.body);
    }
    return error;
}

/* Sets the catalog index of every used track. The catalog sorts tracks by kind. */
static void find_catalog_places(struct karp_importer *importer)
{
    for (size_t i = 0; i < importer->track_count; i++) {
        struct import_track *track = &importer->tracks[i];
        char name[KARP_TRACK_NAME_MAX_BYTES];
        name_track(track->kind, track->id, name);
        const struct karp_track *entry = karp_catalog_find(importer->catalog, name);
        if (track->is_used && EXPECT(entry))
            track->index = (size_t)(entry - importer->catalog->tracks);
    }
}

static int check_tracks(struct karp_importer *importer)
{
    if (importer->catalog->track_count > 0) {
        importer->failure = (struct karp_failure){.kind = KARP_FAILURE_NONE};
        return 0;
    }
    if (importer->failure.kind == KARP_FAILURE_NONE)
        return import_fail(importer, MISSING_TRACKS, NULL, "the moov has no track");
    char reason[KARP_FAILURE_TEXT_BYTES];
    snprintf(reason, sizeof reason, "%s", importer->failure.text);
    return import_fail(importer, MISSING_TRACKS, NULL, "none%s can be used; the last: %s",
                       importer->further_tracks > 0 ? " of the first 64" : "", reason);
}

static bool has_same_tables(const struct import_track *a, const struct import_track *b)
{
    return a->tables.size == b->tables.size &&
           memcmp(a->tables.data, b->tables.data, a->tables.size) == 0;
}

/* Leaves out a track if another one has its ID, unless both have the same tables. A fragment names
 * its track only by its ID, so it might belong to either. */
static void drop_namesakes(struct karp_importer *importer)
{
    for (size_t i = 1; i < importer->track_count; i++) {
        for (size_t j = 0; j < i; j++) {
            struct import_track *track = &importer->tracks[j];
            char name[KARP_TRACK_NAME_MAX_BYTES];
            const struct import_track *namesake = &importer->tracks[i];
            if (!track->is_used || track->id != namesake->id || has_same_tables(track, namesake))
                continue;
            log_warn(LOG_MEDIA, "import: the other track %u is left out as well", track->id);
            name_track(track->kind, track->id, name);
            karp_catalog_remove(importer->catalog, name);
            track->is_used = false;
        }
    }
}

int import_moov(struct karp_importer *importer, struct reader body)
{
    struct reader mvhd, mvex;
    importer->track_count = importer->further_tracks = 0;
    importer->further_samples = 0;
    importer->catalog = karp_catalog_new();
    if (!importer->catalog)
        return failure_nomem(&importer->failure);

    int error = import_check_boxes(body, 0, &importer->failure);
    if (!error && box_find(body, FOURCC('c', 'm', 'o', 'v'), &mvhd))
        return import_fail(importer, MP4, NULL, "the moov is compressed (cmov): remux the file");
    if (!error)
        error = import_need_box(importer, body, "mvhd", &mvhd);
    if (!error)
        error = read_timescale(importer, mvhd, "mvhd", &importer->movie_timescale);
    importer->mvhd = mvhd;
    if (!error)
        error = read_all_tracks(importer, body, "trak", read_trak);
    if (!error && importer->further_tracks > 0)
        log_warn(LOG_MEDIA, "import: the moov has %zu tracks; only the first %d are read",
                 importer->track_count + importer->further_tracks, KARP_IMPORT_MAX_TRACKS);
    bool has_fragments = !error && box_find(body, FOURCC('m', 'v', 'e', 'x'), &mvex);
    if (has_fragments)
        drop_namesakes(importer);
    if (!error)
        error = check_tracks(importer);
    if (!error && has_fragments)
        error = read_all_tracks(importer, mvex, "trex", read_trex);
    if (!error)
        find_catalog_places(importer);
    return error;
}

/* Leaves out a track whose sample tables cannot be read, and its samples after the first `samples`
 * of the fragment. */
static int drop_track(struct karp_importer *importer, struct import_track *track, size_t samples)
{
    char name[KARP_TRACK_NAME_MAX_BYTES];
    log_warn(LOG_MEDIA, "import: track %u is left out: %s", track->id, importer->failure.text);
    name_track(track->kind, track->id, name);
    karp_catalog_remove(importer->catalog, name);
    importer->sample_count = samples;
    track->is_used = false;
    track->sample_count = 0;
    find_catalog_places(importer);
    int error = check_tracks(importer);
    return error ? error : import_tables(importer, track);
}

int import_moov_samples(struct karp_importer *importer)
{
    int error = 0;
    import_begin_fragment(importer, false);
    for (size_t i = 0; i < importer->track_count && !error; i++) {
        size_t before = importer->sample_count;
        error = import_tables(importer, &importer->tracks[i]);
        bool is_broken = error && importer->failure.kind == KARP_FAILURE_MP4;
        if (is_broken && importer->is_catalog_due)
            error = drop_track(importer, &importer->tracks[i], before);
    }
    import_leave_out(importer, KARP_LOSS_FURTHER_TRACK, importer->further_samples);
    importer->has_fragment = importer->sample_count > 0 || importer->has_left_out;
    import_time_settle(importer);
    return error;
}
