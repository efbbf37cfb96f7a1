/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A filter: imports a fragmented MP4 from standard input and exports it to standard output.
 *
 *   -g     one fragment per group
 *   -c N   input in pieces of N bytes
 *   -n     with the catalog of a foreign publisher: no descriptions, and always two channels, so
 *          that the exporter has to look at the frames
 *   -j N   only from the N-th video group on, as a viewer who joins there gets it
 *   -s N   the automatic track of the renditions in the file, with N groups of the first of them,
 *          N of the second and so on, as a viewer gets it that is moved
 *   -t     print the packets (track, time, size, group start) instead of the file */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/objects.h"
#include "karp/karp.h"

struct filter {
    const struct karp_catalog *catalog; /* owned by the importer */
    struct karp_exporter *exporter;
    struct karp_export_options options;
    bool is_listing, is_bare;
    size_t join;    /* video groups that are still to be skipped */
    size_t stretch; /* groups of a rendition before the next one; 0: the tracks are as they are */
    size_t groups[KARP_CATALOG_MAX_TRACKS]; /* that each rendition has begun */
    size_t at;                              /* the group that is being exported */
    struct karp_queue *early;               /* frames of the group after it */
    struct karp_ladder ladder;
};

static int write_out(void *user, const uint8_t *data, size_t size)
{
    (void)user;
    return fwrite(data, 1, size, stdout) == size ? 0 : MOQ_ERR_IO;
}

static int export_catalog(struct filter *filter, const struct karp_catalog *catalog)
{
    if (filter->exporter)
        return karp_exporter_restart(filter->exporter, catalog);
    return karp_exporter_new(&filter->exporter, catalog, &filter->options, write_out, NULL);
}

static int export_bare(struct filter *filter, const struct karp_catalog *catalog)
{
    struct karp_catalog *bare = karp_catalog_new();
    int error = bare ? 0 : MOQ_ERR_NOMEM;
    if (bare) {
        bare->has_start = catalog->has_start;
        bare->start_us = catalog->start_us;
    }
    for (size_t i = 0; i < catalog->track_count && !error; i++) {
        struct karp_track track = catalog->tracks[i];
        track.description_size = 0;
        if (strncmp(track.codec, "mp4a", 4) == 0)
            track.channel_count = 2;
        error = karp_catalog_add(bare, &track);
    }
    if (!error)
        error = export_catalog(filter, bare);
    karp_catalog_free(bare);
    return error;
}

/* Exports the automatic track and the sound. */
static int export_automatic(struct filter *filter, const struct karp_catalog *catalog)
{
    struct karp_catalog *viewed = karp_catalog_copy(catalog);
    int error = viewed ? 0 : MOQ_ERR_NOMEM;
    if (!error && karp_ladder_read(catalog, KARP_AUTO_NAME, &filter->ladder) < 2)
        error = MOQ_ERR_NOT_FOUND;
    for (size_t i = 0; i < filter->ladder.count && !error; i++)
        error = karp_catalog_remove(viewed, filter->ladder.renditions[i]->name);
    if (!error)
        error = export_catalog(filter, viewed);
    karp_catalog_free(viewed);
    return error;
}

/* Exports the frames that waited for the end of the group before theirs. */
static int begin_next_group(struct filter *filter)
{
    struct karp_queued first;
    int error = 0;
    filter->at++;
    while (!error && karp_queue_first(filter->early, &first)) {
        error = karp_exporter_frame(filter->exporter, &first.frame);
        karp_queue_drop_first(filter->early);
    }
    return error;
}

static size_t turn_of_group(const struct filter *filter, size_t group)
{
    return group / filter->stretch % filter->ladder.count;
}

/* Takes a frame as the automatic track if it is the turn of its rendition. In a file, a rendition
 * may begin its group before another has ended its own; a viewer gets one group after the other. */
static int export_in_turn(struct filter *filter, const struct karp_frame *handed)
{
    struct karp_frame frame = *handed;
    const struct karp_track *track = &filter->catalog->tracks[handed->track];
    size_t rendition = 0;
    if (track == filter->ladder.automatic)
        return 0;
    while (rendition < filter->ladder.count && filter->ladder.renditions[rendition] != track)
        rendition++;
    if (rendition == filter->ladder.count) {
        frame.track -= filter->ladder.count;
        return karp_exporter_frame(filter->exporter, &frame);
    }
    filter->groups[rendition] += frame.is_group_start;
    size_t group = filter->groups[rendition] - 1;
    int error = 0;
    if (group > filter->at && rendition == turn_of_group(filter, filter->at))
        error = begin_next_group(filter);
    if (error || turn_of_group(filter, group) != rendition)
        return error;
    frame.track = 0;
    return group > filter->at ? karp_queue_add_frame(filter->early, &frame)
                              : karp_exporter_frame(filter->exporter, &frame);
}

static void on_warning(void *user, const char *line)
{
    (void)user;
    fprintf(stderr, "warning: %s\n", line);
}

static int on_catalog(void *user, const struct karp_catalog *catalog)
{
    struct filter *filter = user;
    filter->catalog = catalog;
    char *text = karp_catalog_print(catalog);
    fprintf(stderr, "%s\n", text ? text : "no catalog");
    free(text);
    if (filter->stretch > 0)
        return export_automatic(filter, catalog);
    return filter->is_bare ? export_bare(filter, catalog) : export_catalog(filter, catalog);
}

static int on_frame(void *user, const struct karp_frame *frame)
{
    struct filter *filter = user;
    bool is_video = filter->catalog->tracks[frame->track].kind == KARP_VIDEO;
    if (is_video && frame->is_group_start && filter->join > 0)
        filter->join--;
    if (filter->join > 0)
        return 0;
    if (filter->stretch > 0)
        return export_in_turn(filter, frame);
    if (!filter->is_listing)
        return karp_exporter_frame(filter->exporter, frame);
    printf("%zu %" PRIu64 " %zu%s\n", frame->track, frame->timestamp_us, frame->size,
           frame->is_group_start ? " group" : "");
    return 0;
}

static int run(struct filter *filter, struct karp_importer *importer,
               struct karp_renditions *renditions, size_t piece)
{
    static uint8_t bytes[1 << 16];
    size_t got;
    int error = 0;
    while (!error && (got = fread(bytes, 1, piece, stdin)) > 0)
        error = karp_importer_feed(importer, bytes, got);
    if (!error)
        error = karp_importer_finish(importer);
    if (!error)
        error = karp_renditions_finish(renditions);
    if (!error && filter->exporter && !filter->is_listing)
        error = karp_exporter_flush(filter->exporter);
    return error;
}

int main(int argc, char **argv)
{
    static const struct karp_import_events events = {on_catalog, on_frame};
    struct filter filter = {.early = karp_queue_new()};
    size_t piece = 1 << 16;
    for (int i = 1; i < argc; i++) {
        filter.options.is_fragment_per_group |= strcmp(argv[i], "-g") == 0;
        filter.is_listing |= strcmp(argv[i], "-t") == 0;
        filter.is_bare |= strcmp(argv[i], "-n") == 0;
        if (strcmp(argv[i], "-c") == 0 && i + 1 < argc)
            piece = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "-j") == 0 && i + 1 < argc)
            filter.join = strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "-s") == 0 && i + 1 < argc)
            filter.stretch = strtoul(argv[++i], NULL, 10);
    }
    if (piece == 0 || piece > 1 << 16)
        return 2;

    const struct karp_renditions_options options = {1, false, filter.stretch > 0, on_warning};
    struct karp_renditions *renditions = karp_renditions_new(&events, &filter, &options);
    struct karp_importer *importer = NULL;
    if (renditions)
        importer =
            karp_importer_new(&karp_renditions_events, karp_renditions_input(renditions, 0), NULL);
    int error = importer ? run(&filter, importer, renditions, piece) : MOQ_ERR_NOMEM;
    if (error)
        fprintf(stderr, "%s: %s\n", moq_error_words(error),
                importer ? karp_importer_failure(importer)->text : "");
    karp_exporter_free(filter.exporter);
    karp_importer_free(importer);
    karp_renditions_free(renditions);
    karp_queue_free(filter.early);
    return error || objects_report(stderr) != 0;
}
